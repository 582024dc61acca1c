/*
 * kv_internal: what a backend provides and what kv.c does for all of them.
 *
 * kv.c checks arguments, hits failpoints, admits one writer at a time, latches after a failed
 * commit, watches free space, and gives cursors of write transactions their meaning (below). A
 * backend does the rest. Its structs embed struct kv, struct kv_txn and struct kv_cursor first.
 *
 * Reading: a store that does not exist in a snapshot reads as empty. Writing to one creates it.
 * Cursors in a write transaction: kv.c keeps a copy of the key a cursor stands on. After any write
 * of the transaction it finds its place again by that key, so next and prev go to the neighbours of
 * that key whether or not it was deleted, and a backend never sees a cursor that is older than the
 * last write.
 */
#ifndef HARPER_KV_KV_INTERNAL_H
#define HARPER_KV_KV_INTERNAL_H

#include "storage/kv/kv.h"
#include <pthread.h>
#include <stdatomic.h>

struct kv_backend {
    const char *name; /* as in kv_options.backend */
    enum status (*open)(const char *path, const struct kv_options *options, struct kv **out,
                        struct error *err);
    void (*close)(struct kv *kv);

    enum status (*begin_read)(struct kv *kv, struct kv_txn **out, struct error *err);
    enum status (*renew)(struct kv_txn *txn); /* also after park */
    void (*park)(struct kv_txn *txn);
    void (*end_read)(struct kv_txn *txn);
    void (*unpin)(struct kv_txn *txn); /* NULL: gets pin nothing */

    enum status (*begin_write)(struct kv *kv, struct kv_txn **out, struct error *err);
    enum status (*commit)(struct kv_txn *txn, bool sync, struct error *err); /* always frees txn */
    void (*abort)(struct kv_txn *txn);
    enum status (*sync)(struct kv *kv, struct error *err);

    enum status (*store_create)(struct kv_txn *txn, struct kv_store store);
    enum status (*store_drop)(struct kv_txn *txn, struct kv_store store);

    enum status (*get)(struct kv_txn *txn, struct kv_store store, struct slice key,
                       struct slice *out);
    enum status (*get_many)(struct kv_txn *txn, struct kv_store store, size_t count,
                            const struct slice *keys, struct slice *values);
    enum status (*put)(struct kv_txn *txn, struct kv_store store, struct slice key,
                       struct slice value);
    enum status (*append)(struct kv_txn *txn, struct kv_store store, struct slice key,
                          struct slice value);
    enum status (*delete)(struct kv_txn *txn, struct kv_store store, struct slice key);
    enum status (*delete_range)(struct kv_txn *txn, struct kv_store store, struct slice from,
                                struct slice to);

    enum status (*cursor_open)(struct kv_txn *txn, struct kv_store store, struct kv_cursor **out);
    void (*cursor_close)(struct kv_cursor *cursor);
    /* An empty key means from the first and before the end. next and prev only come to a positioned
     * cursor. */
    enum status (*seek)(struct kv_cursor *cursor, struct slice at_least);
    enum status (*seek_before)(struct kv_cursor *cursor, struct slice before);
    enum status (*next)(struct kv_cursor *cursor);
    enum status (*prev)(struct kv_cursor *cursor);
    unsigned (*run)(struct kv_cursor *cursor, struct kv_entry *out, unsigned max); /* NULL: none */

    enum status (*stats)(struct kv *kv,
                         struct kv_stats *out); /* disk_bytes is filled by kv.c when 0 */
    enum status (*compact)(struct kv *kv, struct error *err);
    enum status (*backup)(struct kv *kv, const char *path, struct error *err);
};

extern const struct kv_backend kv_backend_memory, kv_backend_lmdb, kv_backend_rocksdb,
    kv_backend_fault, kv_backend_journaled;

/* The first failed commit or sync: from then on nobody knows what the disk holds. */
struct kv_latch {
    atomic_bool is_set;
    pthread_mutex_t lock; /* over reason */
    struct error reason;
};

struct kv_space {
    uint64_t free_bytes_min;
    uint64_t checked_ns;      /* clock_monotonic_ns of the last look at the file system */
    uint64_t unchecked_bytes; /* written since */
};

struct kv {
    const struct kv_backend *backend;
    bool is_read_only;
    bool (*check)(struct slice key, struct slice value); /* NULL: none */
    char *path;                                          /* NULL: no files */
    int lock_fd;
    pthread_mutex_t writer; /* held by the one write transaction */
    struct kv_latch latch;
    struct kv_space space;       /* under writer */
    struct journaled *journaled; /* NULL: commits go to the backend */
    struct layers *layers;       /* NULL: readers see the backend alone */
};

struct kv_txn {
    const struct kv_backend *backend;
    struct kv *kv; /* as the caller knows it; with fault, the wrapper */
    struct kv_cursor *cursors;
    bool is_write, is_parked;
    enum status failed;     /* of a write transaction: it can only be aborted */
    uint64_t change_count;  /* writes so far */
    uint64_t written_bytes; /* keys and values put so far */
    struct kv_view *view;   /* layers above the snapshot; NULL: none */
};

struct kv_cursor {
    struct kv_position position; /* first: kv.h reads it inline */
    /* What the next step does: the backend's own function, the one for write transactions, or, when
     * unpositioned, one that answers ST_DONE. So a step of a reader checks nothing. */
    enum status (*next)(struct kv_cursor *cursor);
    enum status (*prev)(struct kv_cursor *cursor);
    const struct kv_backend *backend;
    struct kv_txn *txn;
    struct kv_store store;
    struct kv_merge *merge;          /* of the view of txn; NULL: none */
    bool is_below;                   /* one of those that are merged: moves without the view */
    struct kv_cursor *older, *newer; /* cursors of the same transaction */
    uint64_t change_count;           /* of txn when this was positioned */
    char *place;                     /* of a write transaction: a copy of the key it stands on */
};

/* What kv.c does to a transaction after a backend began it; fault does it for the one it wraps. */
void kv_adopt(struct kv *kv, struct kv_txn *txn, bool is_write);
/* The first failure of a commit or sync: nothing is written any more. Returns `status`. */
enum status kv_latch(struct kv *kv, enum status status, const struct error *why);
/* Let a latched kv write again: what is on its disk is known. */
void kv_unlatch(struct kv *kv);
/* Copy all keys that `from` sees in a store into `to`, where it is made. */
enum status kv_copy_store(struct kv_txn *from, struct kv_txn *to, struct kv_store store);
/* The part of a new kv that is kv.c's; `path` is NULL when there are no files. */
enum status kv_init_shared(struct kv *kv, const struct kv_backend *backend, const char *path,
                           const struct kv_options *options);

#endif
