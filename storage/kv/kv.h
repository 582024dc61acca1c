/*
 * kv: named ordered stores of byte strings, with snapshots and one writer, over RocksDB, LMDB or
 *     memory.
 *
 * A kv holds many stores, each an ordered map. A store is known by a 32-bit id that is never used
 * twice and a class that tells the backend how it is used. One write transaction at a time (the
 * sequencer of storage/table is the only caller); readers never block it and are never blocked.
 *
 * Lifetimes: a slice from kv_get lives until its transaction ends, is renewed or says kv_unpin; in
 *            a write transaction, until it next writes. A slice from a cursor, also until that
 *            cursor moves.
 * Ownership: kv_commit and kv_abort end a write transaction and free it. A read transaction is
 *            ended by kv_end_read. A cursor is closed by whoever opened it, before its transaction
 *            ends.
 * Threads:   a struct kv is shared; a transaction and its cursors are used by one thread at a time
 *            (a read transaction may be handed on; a write transaction stays where it began).
 * Errors:    ST_OK, ST_NOT_FOUND and ST_DONE are answers, the rest are failures, after which a
 *            write transaction can only be aborted. Keys have 1 to KV_KEY_BYTES_MAX bytes, values
 *            up to 1 GiB; others are ST_TOO_BIG. A commit or sync that was attempted and failed
 *            stops all writing until the database is opened again: later writes answer ST_IO with
 *            the first reason.
 * Stores:    reading one that the snapshot does not hold finds it empty; writing to one makes it.
 * Cursors:   in a write transaction a cursor stands on its key: after any write, next and prev go
 *            to the neighbours of that key, deleted or not. kv_key stays valid through writes.
 */
#ifndef HARPER_KV_KV_H
#define HARPER_KV_KV_H

#include "storage/base/base.h"

enum { KV_KEY_BYTES_MAX = 511, KV_VALUE_BYTES_MAX = 1 << 30 };

enum kv_class {
    KV_DATA,  /* primary stores: point reads and scans */
    KV_INDEX, /* secondary indexes: keys only */
    KV_LOG,   /* appended, read in order, cut from the front */
    KV_META,  /* small, rarely written */
    KV_CLASS_COUNT
};

struct kv;
struct kv_txn;
struct kv_cursor;

struct kv_options {
    /* "rocksdb", "lmdb", "memory"; NULL: detect an existing one, else rocksdb. */
    const char *backend;
    bool read_only;
    bool create; /* make it when missing */
    /* Block cache and memtables together; 0: a quarter of the machine's memory. */
    uint64_t cache_bytes;
    /* LMDB: address space to reserve at least; the file grows by itself. 0: 1 TiB. */
    uint64_t map_bytes;
    /* Commits answer ST_FULL when the file system would have less left; 0: 64 MiB. */
    uint64_t free_bytes_min;
    /* LMDB: commits without sync do not order their writes either, which is many times faster; a
     * power cut before the next synced commit or kv_sync may damage the database. Only for
     * durability off. */
    bool power_cut_may_damage;
    /* A checkpoint when the journal has so many bytes; 0: 32 MiB. */
    uint64_t journal_bytes;
    /* RocksDB: a damaged write-ahead log is read up to the damage, and what follows is dropped.
     * Otherwise opening answers ST_CORRUPT. Only for who can prove that nothing acknowledged is
     * lost. */
    bool accept_lost_tail;
};

/* `path` is a directory ("" for memory). */
enum status kv_open(const char *path, const struct kv_options *options, struct kv **out,
                    struct error *err);
void kv_close(struct kv *kv); /* every transaction and cursor has ended before */
const char *kv_backend_name(const struct kv *kv);
/* The backend that already lives at `path`, or NULL. */
const char *kv_detect(const char *path);

/* ---- transactions ---- */

enum status kv_begin_read(struct kv *kv, struct kv_txn **out, struct error *err);
/* Move a read transaction to the newest commit; cheap enough for every statement. Its cursors stay
 * open, unpositioned. */
enum status kv_renew(struct kv_txn *txn);
/* It shows the newest commit, and kv_renew would all the same make it faster. */
bool kv_is_outdated(const struct kv_txn *txn);
/* Give the snapshot back but keep the object for kv_renew, so that an idle reader pins nothing. */
void kv_park(struct kv_txn *txn);
void kv_end_read(struct kv_txn *txn);

enum status kv_begin_write(struct kv *kv, struct kv_txn **out, struct error *err);
/* sync: on return the commit is on disk. Otherwise it is in the process' or the kernel's hands
 * (kv_sync later). */
enum status kv_commit(struct kv_txn *txn, bool sync, struct error *err);
void kv_abort(struct kv_txn *txn); /* NULL is allowed */
enum status kv_sync(struct kv *kv, struct error *err);

/* ---- stores ---- */

enum status kv_store_create(struct kv_txn *txn, uint32_t store, enum kv_class class);
/* Gone at once for readers that begin later; space comes back in the background, and later scans of
 * other stores do not pay for it. */
enum status kv_store_drop(struct kv_txn *txn, uint32_t store, enum kv_class class);

/* ---- point access ---- */

struct kv_store {
    uint32_t id;
    enum kv_class class;
};

enum status kv_get(struct kv_txn *txn, struct kv_store store, struct slice key, struct slice *out);
/* values[i].data is NULL only where keys[i] is missing. Keys ascending. Fetches in one batch with
 * prefetch. */
enum status kv_get_many(struct kv_txn *txn, struct kv_store store, size_t count,
                        const struct slice *keys, struct slice *values);
/* Nothing that kv_get and kv_get_many lent so far is needed any more. A statement that reads many
 * rows says so now and then; otherwise what was lent adds up until the transaction ends or is
 * renewed. */
void kv_unpin(struct kv_txn *txn);
enum status kv_put(struct kv_txn *txn, struct kv_store store, struct slice key, struct slice value);
/* As kv_put, with the caller's word that key is the greatest of its store: bulk load, log. */
enum status kv_append(struct kv_txn *txn, struct kv_store store, struct slice key,
                      struct slice value);
enum status kv_delete(struct kv_txn *txn, struct kv_store store,
                      struct slice key); /* ST_OK also when missing */
/* Delete keys in [from, to); an empty `to` means to the end. */
enum status kv_delete_range(struct kv_txn *txn, struct kv_store store, struct slice from,
                            struct slice to);

/* ---- cursors ---- */

enum status kv_cursor_open(struct kv_txn *txn, struct kv_store store, struct kv_cursor **out);
void kv_cursor_close(struct kv_cursor *cursor); /* NULL is allowed */
/* ST_OK: positioned, key and value set; ST_DONE: no such key, unpositioned. */
enum status kv_seek(struct kv_cursor *cursor, struct slice at_least);
enum status kv_seek_before(struct kv_cursor *cursor,
                           struct slice before); /* last key < before; empty: last of all */
enum status kv_first(struct kv_cursor *cursor);
enum status kv_last(struct kv_cursor *cursor);
enum status kv_next(struct kv_cursor *cursor);
enum status kv_prev(struct kv_cursor *cursor);
/* The entries behind the present one, as many (up to `max`) as can be given at once because they
 * lie beside it and stay where they are; the cursor then stands on the last of them. 0: none, make
 * a step. Readers only. The entries live until the next run, seek or step back; the entry that the
 * cursor stood on does not. kv_is_checked speaks for all. */
struct kv_entry {
    struct slice key, value;
};
unsigned kv_run(struct kv_cursor *cursor, struct kv_entry *out, unsigned max);

/* The part of a cursor that callers read inline; backends embed it first. */
struct kv_position {
    struct slice key, value; /* valid after ST_OK */
    bool is_checked;         /* the function given to kv_set_check has seen this entry */
};
static inline struct slice kv_key(const struct kv_cursor *cursor)
{
    return ((const struct kv_position *)(const void *)cursor)->key;
}
static inline struct slice kv_value(const struct kv_cursor *cursor)
{
    return ((const struct kv_position *)(const void *)cursor)->value;
}

static inline bool kv_is_checked(const struct kv_cursor *cursor)
{
    return ((const struct kv_position *)(const void *)cursor)->is_checked;
}

/* What sees a damaged entry of a KV_DATA store (false: damaged, or not to be told from it), for
 * backends whose files have no checksums. LMDB shows it a page at a time to scanning readers, each
 * page at most once a minute; where a page passed, kv_is_checked is true and the caller need not
 * look. Before any reader begins. */
void kv_set_check(struct kv *kv, bool (*check)(struct slice key, struct slice value));

/* ---- the rest ---- */

struct kv_stats {
    uint64_t disk_bytes, cache_hits, cache_misses; /* hits, misses: 0 where not counted */
};
enum status kv_stats(struct kv *kv, struct kv_stats *out);
/* Free space is handed back where the backend can; slow. */
enum status kv_compact(struct kv *kv, struct error *err);
/* A consistent copy of everything into the new directory `path`, while others read and write. */
enum status kv_backup(struct kv *kv, const char *path, struct error *err);

/* ---- fault: any of them, failing on purpose (tests) ---- */

/* Failpoints that every backend hits: kv.open, kv.begin_write, kv.get, kv.put, kv.delete,
 * kv.cursor, kv.commit.before, kv.commit.after, kv.sync. A commit that fails at kv.commit.before
 * was not attempted; kv.commit.after and kv.sync stop all writing, as real failures do.
 * kv_fault_wrap adds what failpoints cannot do: lose everything since the last sync when told to
 * crash. Ownership of `inner` passes to the wrapper. */
enum status kv_fault_wrap(struct kv *inner, struct kv **out);
/* Back to the last synced state, and writing again if it had stopped. No transaction is open. */
enum status kv_fault_crash(struct kv *wrapper, struct error *err);

#endif
