/* index_fill: an index over rows that are there, filled while others read and write.
 *
 * Every write keeps up an index in state INDEX_FILLING from the commit on that made it. Rows from
 * before are added in key order, a piece a transaction, under the writer lock, so that a piece sees
 * every row as it is. An entry that a write has added already is put again, which changes nothing.
 * How far it came is stored with each piece: a restart goes on from there. */
#include "storage/table/table_internal.h"
#include <assert.h>

enum { FILL_ROWS = 2000 };

struct fill {
    struct txn *txn;
    const struct table *table;
    unsigned at; /* of the index in the table */
    uint64_t rows;
    struct buf key; /* of the last row taken */
    struct error *err;
};

static const struct table *find(struct txn *txn, uint32_t table_store, uint32_t index_store,
                                unsigned *at)
{
    const struct table *table = catalog_table_by_store(txn_catalog(txn), table_store);

    for (*at = 0; table != NULL && *at < table->index_count; ++*at)
        if (table->indexes[*at].store == index_store)
            return table->indexes[*at].state == INDEX_FILLING ? table : NULL;
    return NULL;
}

static enum status fill_key(struct txn *txn, uint32_t index_store)
{
    meta_key(&txn->other_key, META_FILL, index_store, NULL);
    return txn->other_key.failed ? ST_NO_MEMORY : ST_OK;
}

/* Value: rows u64 LE, key of the last row. */
static enum status read_progress(struct fill *fill, struct slice *from)
{
    struct slice bytes;
    enum status st;

    *from = slice_empty();
    TRY(fill_key(fill->txn, fill->table->indexes[fill->at].store));
    st = txn_get(fill->txn, store_meta(), buf_slice(&fill->txn->other_key), &bytes);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    if (!read_u64_le(&bytes, &fill->rows))
        return ST_CORRUPT;
    buf_append_slice(&fill->key, bytes);
    if (fill->key.failed)
        return ST_NO_MEMORY;
    *from = buf_slice(&fill->key);
    return ST_OK;
}

static enum status write_progress(struct fill *fill)
{
    struct txn *txn = fill->txn;

    TRY(fill_key(txn, fill->table->indexes[fill->at].store));
    buf_clear(&txn->record);
    buf_append_u64_le(&txn->record, fill->rows);
    buf_append_slice(&txn->record, buf_slice(&fill->key));
    if (txn->record.failed)
        return ST_NO_MEMORY;
    return txn_put(txn, store_meta(), buf_slice(&txn->other_key), buf_slice(&txn->record));
}

static enum status add_row(struct fill *fill, struct cursor *rows, struct index_keys *keys)
{
    const struct index *index = &fill->table->indexes[fill->at];
    struct delta_store *store = delta_use_store(own_delta(fill->txn), store_of_index(index));
    struct index_stats *stats = index_stats_of(fill->table->stats, index);
    struct row_view view;
    enum status st = index_build_row(rows, &view);

    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    if (store == NULL)
        return ST_NO_MEMORY;
    arena_reset(&fill->txn->scratch);
    TRY(index_keys_of(fill->txn, fill->table, fill->at, &view, keys, fill->err));
    for (size_t k = 0; k < keys->count; k++) {
        TRY(store_put(fill->txn, store, index_key_slice(keys, k), slice_empty()));
        if (stats != NULL)
            index_stats_add(stats, index, index_key_slice(keys, k));
    }
    return ST_OK;
}

/* ST_DONE: that was the last row. */
static enum status take_rows(struct fill *fill)
{
    struct index_keys keys = {0};
    struct cursor *rows = NULL;
    struct slice from;
    unsigned count = 0;
    enum status st;

    TRY_OUT(read_progress(fill, &from));
    TRY_OUT(cursor_open_table(fill->txn, fill->table, &rows));
    st = raw_seek(rows, from);
    if (st == ST_OK && from.len != 0 && slice_equal(rows->key, from))
        st = raw_next(rows);
    for (; st == ST_OK && count < FILL_ROWS; st = raw_next(rows)) {
        buf_clear(&fill->key);
        buf_append_slice(&fill->key, rows->key); /* as the kv has it: cut when it is long */
        TRY_OUT(add_row(fill, rows, &keys));
        count++;
    }
    fill->rows += count;
    if (st == ST_OK && fill->key.failed)
        st = ST_NO_MEMORY;
out:
    cursor_close(rows);
    index_keys_free(&keys);
    return st;
}

static enum status finish(struct fill *fill)
{
    struct table_version *version;
    const struct table *table = fill->table;

    TRY(fill_key(fill->txn, table->indexes[fill->at].store));
    TRY(txn_delete(fill->txn, store_meta(), buf_slice(&fill->txn->other_key)));
    TRY(ddl_begin(fill->txn, &table, fill->err));
    version = ddl_version(fill->txn, table, 0, 0);
    if (version == NULL)
        return ST_NO_MEMORY;
    indexes_of(version)[fill->at].state = INDEX_READY;
    return ddl_publish(fill->txn, version, fill->err);
}

enum status index_fill_step(struct db *db, uint32_t table_store, uint32_t index_store,
                            bool *is_done, struct error *err)
{
    struct fill fill = {.err = err};
    enum status st;

    *is_done = true;
    TRY(txn_begin(db, TXN_WRITE, &fill.txn, err));
    txn_set_label(fill.txn, slice_text("the building of an index"));
    fill.table = find(fill.txn, table_store, index_store, &fill.at);
    if (fill.table == NULL) {
        txn_rollback(fill.txn);
        return ST_OK;
    }
    assert(!fill.table->indexes[fill.at].is_unique); /* conflicts could not be refused any more */
    st = FAILPOINT("catalog.index_fill");
    if (st == ST_OK)
        st = take_rows(&fill);
    *is_done = st == ST_DONE;
    if (st == ST_DONE)
        st = finish(&fill);
    else if (st == ST_OK)
        st = write_progress(&fill);
    buf_free(&fill.key);
    if (st != ST_OK) {
        st = txn_delta_error(fill.txn, st, err);
        txn_rollback(fill.txn);
        return st;
    }
    fill.txn->is_sync_left_to_caller = !*is_done;
    return txn_commit(fill.txn, err);
}

bool index_fill_progress(struct txn *txn, const struct index *index, uint64_t *rows)
{
    struct buf key = {0};
    struct slice bytes;
    bool is_filling = index->state == INDEX_FILLING;

    *rows = 0;
    meta_key(&key, META_FILL, index->store, NULL);
    if (is_filling && !key.failed && txn_get(txn, store_meta(), buf_slice(&key), &bytes) == ST_OK)
        (void)read_u64_le(&bytes, rows);
    buf_free(&key);
    return is_filling;
}
