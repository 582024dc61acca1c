/*
 * rocksdb_internal: what the files of the RocksDB backend share. The only place that includes
 * rocksdb/c.h.
 *
 *   rocksdb.c         settings, opening, syncing, the rest of the vtable
 *   rocksdb_read.c    read transactions, gets and cursors, of write transactions too
 *   rocksdb_runs.c    what scans met, packed, for the next scan
 *   rocksdb_write.c   write transactions
 *
 * A class is a column family. A key of ours is stored behind the big-endian id of its store, so
 * that a store is a range; what lies beyond it is kept out by the bounds of iterators.
 */
#ifndef HARPER_KV_ROCKSDB_INTERNAL_H
#define HARPER_KV_ROCKSDB_INTERNAL_H

#include "storage/kv/kv_internal.h"
#include "storage/kv/overlay.h"
#include "storage/kv/rocksdb_runs.h"
#include <rocksdb/c.h>

enum { STORE_PREFIX_BYTES = 4, FULL_KEY_BYTES_MAX = 1 + STORE_PREFIX_BYTES + KV_KEY_BYTES_MAX };

/* A store whose range was deleted, until its files can go too. */
struct rocks_drop {
    struct kv_store store;
    uint64_t sequence; /* RocksDB's, just after the commit */
};

struct rocks_write {
    struct kv_txn base;
    rocksdb_writebatch_t *batch; /* kept from transaction to transaction, as is all here */
    bool is_indexed;             /* overlay holds what batch does; otherwise it is empty */
    struct overlay overlay;
    struct arena lent;        /* copies of small values that gets gave out */
    struct buf pinned;        /* rocksdb_pinnableslice_t *, of big ones */
    struct buf touched;       /* struct kv_store, written to; the same one may come again */
    struct buf dropped;       /* struct kv_store, dropped by a range */
    struct rocks_iter *iters; /* opened by this transaction */
    rocksdb_readoptions_t *read_options;
};

struct rocks_kv {
    struct kv base;
    char *path;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *families[KV_CLASS_COUNT];
    uint32_t family_ids[KV_CLASS_COUNT];
    rocksdb_cache_t *block_cache, *row_cache;
    struct run_cache *runs;
    rocksdb_writeoptions_t *write_synced, *write_unsynced;
    _Atomic uint64_t commit_count; /* readers take a new snapshot when it has changed */
    /* the writer's */
    struct rocks_write write;
    struct buf drops; /* struct rocks_drop */
};

/* An iterator over one store. RocksDB keeps pointers to the bounds. */
struct rocks_iter {
    struct rocks_iter *next; /* of the same transaction */
    struct kv_store store;
    bool is_used; /* by a cursor; otherwise waiting for one */
    rocksdb_iterator_t *at;
    rocksdb_readoptions_t *options;
    char lower[STORE_PREFIX_BYTES], upper[STORE_PREFIX_BYTES];
};

struct rocks_read {
    struct kv_txn base;
    const rocksdb_snapshot_t *snapshot; /* NULL: parked */
    uint64_t commit_count;              /* of the kv, just before the snapshot */
    uint64_t generation;                /* counts snapshots; cursors compare */
    rocksdb_readoptions_t *options;     /* with the snapshot */
    struct rocks_iter *iters;
    struct run_draft *draft; /* NULL: none was needed yet */
    struct arena lent;
    struct buf pinned;
};

static inline struct rocks_kv *rocks_of(struct kv *kv)
{
    return (struct rocks_kv *)(void *)kv;
}

static inline struct rocks_write *rocks_write_of(struct kv_txn *txn)
{
    return (struct rocks_write *)(void *)txn;
}

/* A key with what stands before it: a byte for the class, which the overlay uses, and the store id.
 * What RocksDB gets begins after the class. */
struct full_key {
    size_t len;
    char bytes[FULL_KEY_BYTES_MAX];
};

static inline void full_key_set(struct full_key *full, struct kv_store store, struct slice key)
{
    uint32_t id = __builtin_bswap32(store.id);

    full->bytes[0] = (char)store.class;
    memcpy(full->bytes + 1, &id, sizeof id);
    if (key.len != 0)
        memcpy(full->bytes + 1 + STORE_PREFIX_BYTES, key.data, key.len);
    full->len = 1 + STORE_PREFIX_BYTES + key.len;
}

static inline struct slice full_key_slice(const struct full_key *full)
{
    return slice_of(full->bytes, full->len);
}

/* From RocksDB's message, which is freed, to ours. */
enum status rocks_fail(struct rocks_kv *kv, char *message, const char *doing, struct error *err);

/* rocksdb_read.c */
enum status rocks_begin_read(struct kv *kv, struct kv_txn **out, struct error *err);
enum status rocks_renew(struct kv_txn *txn);
void rocks_park(struct kv_txn *txn);
void rocks_end_read(struct kv_txn *txn);
void rocks_unpin(struct kv_txn *txn);
enum status rocks_get(struct kv_txn *txn, struct kv_store store, struct slice key,
                      struct slice *out);
enum status rocks_get_many(struct kv_txn *txn, struct kv_store store, size_t count,
                           const struct slice *keys, struct slice *values);
enum status rocks_cursor_open(struct kv_txn *txn, struct kv_store store, struct kv_cursor **out);
void rocks_cursor_close(struct kv_cursor *cursor);
enum status rocks_seek(struct kv_cursor *cursor, struct slice at_least);
enum status rocks_seek_before(struct kv_cursor *cursor, struct slice before);
enum status rocks_next(struct kv_cursor *cursor);
enum status rocks_prev(struct kv_cursor *cursor);
unsigned rocks_run(struct kv_cursor *cursor, struct kv_entry *out, unsigned max);
/* An iterator over `store` as of the options' snapshot, or of now. NULL: memory is short. */
struct rocks_iter *rocks_iter_open(struct rocks_kv *kv, struct kv_store store,
                                   const rocksdb_snapshot_t *snapshot);
void rocks_iters_close(struct rocks_iter **iters);
enum status rocks_iter_status(struct rocks_kv *kv, const rocksdb_iterator_t *at);
void rocks_unpin_all(struct arena *lent, struct buf *pinned);

/* rocksdb_write.c */
enum status rocks_begin_write(struct kv *kv, struct kv_txn **out, struct error *err);
enum status rocks_commit(struct kv_txn *txn, bool sync, struct error *err);
void rocks_abort(struct kv_txn *txn);
enum status rocks_store_create(struct kv_txn *txn, struct kv_store store);
enum status rocks_store_drop(struct kv_txn *txn, struct kv_store store);
enum status rocks_put(struct kv_txn *txn, struct kv_store store, struct slice key,
                      struct slice value);
enum status rocks_delete(struct kv_txn *txn, struct kv_store store, struct slice key);
enum status rocks_delete_range(struct kv_txn *txn, struct kv_store store, struct slice from,
                               struct slice to);
/* Fill the overlay from the batch, before the transaction reads. */
enum status rocks_index_batch(struct rocks_write *txn);

#endif
