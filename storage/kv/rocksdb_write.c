/*
 * Write transactions of RocksDB: a batch that is written at commit. Most transactions only put and
 * delete, and pay for nothing else. One that reads after it wrote gets its batch indexed then, and
 * from then on.
 */
#include "storage/kv/rocksdb_internal.h"
#include <assert.h>

enum { POINT_DELETES_MAX = 1000 /* more than so many keys are deleted as a range */ };

/* Types of records in a batch, as they are also in the write-ahead log. */
enum {
    RECORD_DELETION = 0x00,
    RECORD_VALUE = 0x01,
    RECORD_FAMILY_DELETION = 0x04,
    RECORD_FAMILY_VALUE = 0x05,
    RECORD_FAMILY_RANGE_DELETION = 0x0E,
    RECORD_RANGE_DELETION = 0x0F,
    BATCH_HEADER_BYTES = 12 /* sequence and count */
};

/* ---- begin and end ---- */

/* Gone for good once nobody has an older snapshot: then whole files can go without waiting for
 * compaction. What fails here is left to compaction. */
static void remove_dropped_files(struct rocks_kv *kv)
{
    uint64_t oldest = 0;
    size_t kept = 0;

    if (rocksdb_property_int(kv->db, "rocksdb.oldest-snapshot-sequence", &oldest) != 0)
        return;
    for (size_t i = 0; i < kv->drops.len; i += sizeof(struct rocks_drop)) {
        struct rocks_drop drop;
        struct full_key from, to;
        char *message = NULL;

        memcpy(&drop, kv->drops.data + i, sizeof drop);
        if (oldest != 0 && oldest < drop.sequence) {
            memcpy(kv->drops.data + kept, &drop, sizeof drop);
            kept += sizeof drop;
            continue;
        }
        full_key_set(&from, drop.store, slice_empty());
        drop.store.id++;
        full_key_set(&to, drop.store, slice_empty());
        rocksdb_delete_file_in_range_cf(kv->db, kv->families[drop.store.class], from.bytes + 1,
                                        from.len - 1, to.bytes + 1, to.len - 1, &message);
        if (message == NULL)
            rocksdb_suggest_compact_range_cf(kv->db, kv->families[drop.store.class], from.bytes + 1,
                                             from.len - 1, to.bytes + 1, to.len - 1, &message);
        rocksdb_free(message);
    }
    kv->drops.len = kept;
}

enum status rocks_begin_write(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct rocks_kv *kv = rocks_of(base);

    (void)err;
    if (kv->drops.len != 0)
        remove_dropped_files(kv);
    *out = &kv->write.base;
    return ST_OK;
}

static void end_write(struct rocks_write *txn)
{
    rocks_iters_close(&txn->iters);
    rocks_unpin_all(&txn->lent, &txn->pinned);
    rocksdb_writebatch_clear(txn->batch);
    if (txn->is_indexed)
        overlay_clear(&txn->overlay);
    txn->is_indexed = false;
    buf_clear(&txn->touched);
    buf_clear(&txn->dropped);
}

void rocks_abort(struct kv_txn *base)
{
    end_write(rocks_write_of(base));
}

static void note_drops(struct rocks_kv *kv)
{
    struct buf *dropped = &kv->write.dropped;

    for (size_t i = 0; i < dropped->len; i += sizeof(struct kv_store)) {
        struct rocks_drop drop = {.sequence = rocksdb_get_latest_sequence_number(kv->db)};

        memcpy(&drop.store, dropped->data + i, sizeof drop.store);
        buf_append(&kv->drops, &drop, sizeof drop);
    }
    kv->drops.failed = false; /* without memory it is left to compaction */
}

static void mark_touched(struct rocks_kv *kv)
{
    const struct buf *touched = &kv->write.touched;
    const uint64_t number = atomic_load_explicit(&kv->commit_count, memory_order_relaxed) + 1;
    struct kv_store store;

    for (size_t i = 0; i < touched->len; i += sizeof store) {
        memcpy(&store, touched->data + i, sizeof store);
        run_cache_mark(kv->runs, store, number);
    }
}

enum status rocks_commit(struct kv_txn *base, bool sync, struct error *err)
{
    struct rocks_kv *kv = rocks_of(base->kv);
    struct rocks_write *txn = rocks_write_of(base);
    char *message = NULL;

    rocks_iters_close(&txn->iters);
    if (txn->touched.failed) { /* readers could be shown what is not there any more */
        end_write(txn);
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    }
    mark_touched(kv);
    if (rocksdb_writebatch_count(txn->batch) > 0) {
        rocksdb_write(kv->db, sync ? kv->write_synced : kv->write_unsynced, txn->batch, &message);
        if (message == NULL)
            atomic_fetch_add_explicit(&kv->commit_count, 1, memory_order_release);
    } else if (sync) {
        rocksdb_flush_wal(kv->db, 1, &message); /* earlier commits may not be on disk yet */
    }
    if (message == NULL && txn->dropped.len != 0)
        note_drops(kv);
    end_write(txn);
    return message == NULL ? ST_OK : rocks_fail(kv, message, "committing", err);
}

/* ---- the index over the batch ---- */

static bool read_text(struct slice *in, struct slice *out)
{
    uint64_t len = 0;

    return read_varint(in, &len) && len <= in->len && read_bytes(in, (size_t)len, out);
}

/* The class that stands for RocksDB's number of a column family. */
static bool class_of_family(struct rocks_kv *kv, uint64_t family, enum kv_class *out)
{
    for (int i = 0; i < KV_CLASS_COUNT; i++) {
        if (kv->family_ids[i] == family) {
            *out = (enum kv_class)i;
            return true;
        }
    }
    return false;
}

static void batch_key(struct full_key *full, enum kv_class class, struct slice key)
{
    assert(key.len + 1 <= sizeof full->bytes);
    full->bytes[0] = (char)class;
    memcpy(full->bytes + 1, key.data, key.len);
    full->len = key.len + 1;
}

static enum status index_record(struct rocks_write *txn, struct slice *in)
{
    uint8_t type = 0;
    uint64_t family = 0;
    enum kv_class class = KV_DATA;
    struct slice key = {0}, value = {0};
    struct full_key full, to;
    bool has_value = false, is_range = false;

    if (!read_u8(in, &type))
        return ST_INTERNAL;
    if ((type == RECORD_FAMILY_DELETION || type == RECORD_FAMILY_VALUE ||
         type == RECORD_FAMILY_RANGE_DELETION) &&
        !read_varint(in, &family))
        return ST_INTERNAL;
    has_value = type == RECORD_VALUE || type == RECORD_FAMILY_VALUE;
    is_range = type == RECORD_RANGE_DELETION || type == RECORD_FAMILY_RANGE_DELETION;
    if (!has_value && !is_range && type != RECORD_DELETION && type != RECORD_FAMILY_DELETION)
        return ST_INTERNAL;
    if (!class_of_family(rocks_of(txn->base.kv), family, &class) || !read_text(in, &key) ||
        ((has_value || is_range) && !read_text(in, &value)))
        return ST_INTERNAL;
    batch_key(&full, class, key);
    if (has_value)
        return overlay_put(&txn->overlay, full_key_slice(&full), value);
    if (!is_range)
        return overlay_delete(&txn->overlay, full_key_slice(&full));
    batch_key(&to, class, value);
    return overlay_delete_range(&txn->overlay, full_key_slice(&full), full_key_slice(&to));
}

enum status rocks_index_batch(struct rocks_write *txn)
{
    struct slice in = {0};

    if (txn->is_indexed || rocksdb_writebatch_count(txn->batch) == 0)
        return ST_OK;
    in.data = rocksdb_writebatch_data(txn->batch, &in.len);
    if (in.len < BATCH_HEADER_BYTES)
        return ST_INTERNAL;
    in = slice_of(in.data + BATCH_HEADER_BYTES, in.len - BATCH_HEADER_BYTES);
    txn->is_indexed = true;
    while (in.len != 0)
        TRY(index_record(txn, &in));
    return ST_OK;
}

/* ---- writes ---- */

/* A range needs no making. */
enum status rocks_store_create(struct kv_txn *base, struct kv_store store)
{
    (void)base, (void)store;
    return ST_OK;
}

/* Before the first of several writes to a store. */
static void touch(struct rocks_write *txn, struct kv_store store)
{
    struct buf *touched = &txn->touched;
    struct kv_store last;

    if (touched->len != 0) {
        memcpy(&last, touched->data + touched->len - sizeof last, sizeof last);
        if (last.id == store.id && last.class == store.class)
            return;
    }
    buf_append(touched, &store, sizeof store);
}

enum status rocks_put(struct kv_txn *base, struct kv_store store, struct slice key,
                      struct slice value)
{
    struct rocks_write *txn = rocks_write_of(base);
    struct full_key full;

    touch(txn, store);
    full_key_set(&full, store, key);
    rocksdb_writebatch_put_cf(txn->batch, rocks_of(base->kv)->families[store.class], full.bytes + 1,
                              full.len - 1, value.data != NULL ? value.data : "", value.len);
    return txn->is_indexed ? overlay_put(&txn->overlay, full_key_slice(&full), value) : ST_OK;
}

static enum status delete_full(struct rocks_write *txn, enum kv_class class,
                               const struct full_key *full)
{
    rocksdb_writebatch_delete_cf(txn->batch, rocks_of(txn->base.kv)->families[class],
                                 full->bytes + 1, full->len - 1);
    return txn->is_indexed ? overlay_delete(&txn->overlay, full_key_slice(full)) : ST_OK;
}

enum status rocks_delete(struct kv_txn *base, struct kv_store store, struct slice key)
{
    struct full_key full;

    touch(rocks_write_of(base), store);
    full_key_set(&full, store, key);
    return delete_full(rocks_write_of(base), store.class, &full);
}

/* Where a range ends: at `to`, or where the next store begins. */
static void range_end(struct full_key *full, struct kv_store store, struct slice to)
{
    if (to.len == 0) {
        assert(store.id != UINT32_MAX);
        store.id++;
    }
    full_key_set(full, store, to);
}

/* Delete the keys in [from, to) one by one, up to POINT_DELETES_MAX of them; *done: those were all.
 */
static enum status delete_keys(struct rocks_write *txn, struct kv_store store, struct slice from,
                               struct slice to, bool is_bounded, bool *done)
{
    struct kv_cursor *cursor = NULL;
    enum status st = rocks_cursor_open(&txn->base, store, &cursor);
    struct buf keys = {0};
    unsigned count = 0;

    *done = false;
    if (st != ST_OK)
        return st;
    for (st = rocks_seek(cursor, from); st == ST_OK; st = rocks_next(cursor)) {
        struct slice key = cursor->position.key;
        uint16_t len = (uint16_t)key.len;

        if (to.len != 0 && slice_compare(key, to) >= 0)
            break;
        if (is_bounded && count++ == POINT_DELETES_MAX)
            goto out;
        buf_append(&keys, &len, sizeof len);
        buf_append_slice(&keys, key);
    }
    if (st != ST_OK && st != ST_DONE)
        goto out;
    st = buf_status(&keys);
    for (size_t i = 0; st == ST_OK && i < keys.len;) {
        uint16_t len = 0;

        memcpy(&len, keys.data + i, sizeof len);
        st = rocks_delete(&txn->base, store, slice_of(keys.data + i + sizeof len, len));
        i += sizeof len + len;
    }
    *done = true;
out:
    rocks_cursor_close(cursor);
    buf_free(&keys);
    return st;
}

static enum status delete_as_range(struct rocks_write *txn, struct kv_store store,
                                   struct slice from, struct slice to)
{
    struct full_key first, end;

    touch(txn, store);
    full_key_set(&first, store, from);
    range_end(&end, store, to);
    rocksdb_writebatch_delete_range_cf(txn->batch, rocks_of(txn->base.kv)->families[store.class],
                                       first.bytes + 1, first.len - 1, end.bytes + 1, end.len - 1);
    if (!txn->is_indexed)
        return ST_OK;
    return overlay_delete_range(&txn->overlay, full_key_slice(&first), full_key_slice(&end));
}

enum status rocks_delete_range(struct kv_txn *base, struct kv_store store, struct slice from,
                               struct slice to)
{
    struct rocks_write *txn = rocks_write_of(base);
    bool done = false;

    /* Gets of other classes go through the row cache, which range deletions would not reach. */
    TRY(delete_keys(txn, store, from, to, store.class == KV_LOG, &done));
    return done ? ST_OK : delete_as_range(txn, store, from, to);
}

enum status rocks_store_drop(struct kv_txn *base, struct kv_store store)
{
    struct rocks_write *txn = rocks_write_of(base);
    bool done = false;

    /* Nobody reads a store after it was dropped, and its id does not come back. */
    TRY(delete_keys(txn, store, slice_empty(), slice_empty(), true, &done));
    if (done)
        return ST_OK;
    TRY(delete_as_range(txn, store, slice_empty(), slice_empty()));
    buf_append(&txn->dropped, &store, sizeof store);
    return buf_status(&txn->dropped);
}
