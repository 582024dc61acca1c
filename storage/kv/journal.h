/*
 * journal: the redo journal of a database, two files beside its store. docs/storage-format.md,
 *          "Journal", has the bytes.
 *
 * A record holds the writes of one commit. It is durable with one fdatasync of blocks that were
 * written before, which costs a disk much less than what the stores do. Records are numbered from
 * 1 without a gap as long as the database lives. The store says up to which number it holds them
 * (`applied`); what is beyond is replayed at open. A file is used again from its beginning when
 * the store holds all its records on disk; the caller sees to that.
 *
 * Threads: one at a time.
 * Errors:  after a failed append or sync nobody knows what the disk holds: the caller latches.
 */
#ifndef HARPER_KV_JOURNAL_H
#define HARPER_KV_JOURNAL_H

#include "storage/base/base.h"

enum { JOURNAL_HEADER_BYTES = 40, JOURNAL_BLOCK_BYTES = 512, JOURNAL_FILES = 2 };

struct journal_file {
    int fd;                  /* -1: not made yet */
    uint64_t end_bytes;      /* where the next record begins */
    uint64_t prepared_bytes; /* written before, so that writing again changes no metadata */
    bool is_unsynced;
};

struct journal {
    char *directory;
    struct journal_file files[JOURNAL_FILES];
    unsigned at; /* the file that is appended to */
    uint64_t last_sequence;
    uint64_t durable_sequence;
    uint64_t hash; /* of the last record: the next one carries it */
};

/* An empty journal in `directory`; what was there is emptied when its files are first needed. */
enum status journal_init(struct journal *journal, const char *directory, uint64_t last_sequence);
/* Closes the files. They are removed when the store holds everything. */
void journal_deinit(struct journal *journal, bool remove);

/* `record` begins with JOURNAL_HEADER_BYTES of room, the payload follows. It is padded here. */
enum status journal_append(struct journal *journal, struct buf *record, bool sync,
                           struct error *err);
enum status journal_sync(struct journal *journal, struct error *err);
/* Go on at the beginning of the other file, all of whose records the store holds on disk. */
void journal_turn(struct journal *journal);
uint64_t journal_bytes(const struct journal *journal); /* in the file that is appended to */

/* Show the payload of every record after `applied`, in order. *last is the number of the last one.
 * What was being written when the power failed is left out; ST_CORRUPT: a record is damaged that
 * was on disk before a later one was written, or one is missing. */
enum status journal_replay(const char *directory, uint64_t applied,
                           enum status (*show)(void *context, struct slice payload), void *context,
                           uint64_t *last, struct error *err);
/* The files of a directory are of no use any more. */
enum status journal_remove(const char *directory, struct error *err);
/* Is there a journal at all? */
bool journal_exists(const char *directory);

/* ---- payload ---- */

enum journal_op { JOURNAL_PUT = 1, JOURNAL_DELETE = 2 };

struct journal_write {
    enum journal_op op;
    uint8_t class;
    uint32_t store;
    struct slice key, value;
};

void journal_write_put(struct buf *payload, const struct journal_write *write);
/* False: no further write, or (with in->len != 0 then) damage. */
bool journal_write_read(struct slice *in, struct journal_write *out);

#endif
