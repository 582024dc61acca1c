/*
 * A database in a new place, on the same or another store: every logical store is copied key by
 * key, in key order, so that the target is written by appending. Keys, records, log entries and
 * definitions are the same bytes on every backend.
 */
#include "storage/table/table_internal.h"

enum { COPY_PIECE_BYTES = 8 << 20 };

struct copy {
    struct kv *target;
    struct kv_txn *writing; /* NULL between pieces */
    size_t piece_bytes;
};

static enum status end_piece(struct copy *copy, bool sync, struct error *err)
{
    struct kv_txn *writing = copy->writing;

    copy->writing = NULL;
    copy->piece_bytes = 0;
    return writing == NULL ? ST_OK : kv_commit(writing, sync, err);
}

static enum status copy_entry(struct copy *copy, struct kv_store store, const struct kv_cursor *at,
                              struct error *err)
{
    struct slice key = kv_key(at), value = kv_value(at);

    if (copy->writing == NULL)
        TRY(kv_begin_write(copy->target, &copy->writing, err));
    TRY(kv_append(copy->writing, store, key, value));
    copy->piece_bytes += key.len + value.len;
    return copy->piece_bytes < COPY_PIECE_BYTES ? ST_OK : end_piece(copy, false, err);
}

static enum status copy_store(struct copy *copy, struct kv_txn *from, struct kv_store store,
                              struct error *err)
{
    struct kv_cursor *cursor = NULL;
    enum status st = ST_OK;

    if (copy->writing == NULL)
        TRY(kv_begin_write(copy->target, &copy->writing, err));
    TRY(kv_store_create(copy->writing, store.id, store.class));
    TRY(kv_cursor_open(from, store, &cursor));
    for (st = kv_first(cursor); st == ST_OK; st = kv_next(cursor))
        TRY_OUT(copy_entry(copy, store, cursor, err));
    if (st == ST_DONE)
        st = ST_OK;
out:
    kv_cursor_close(cursor);
    return st;
}

/* The meta store comes last: until it is there, the target is an empty database. */
static enum status copy_all(struct copy *copy, struct txn *txn, struct error *err)
{
    const struct catalog *catalog = txn_catalog(txn);

    for (size_t k = 0; k < catalog->table_count; k++) {
        const struct table *table = catalog->tables[k];

        TRY(copy_store(copy, txn->kv, store_of_table(table), err));
        for (unsigned i = 0; i < table->index_count; i++)
            TRY(copy_store(copy, txn->kv, store_of_index(&table->indexes[i]), err));
    }
    TRY(copy_store(copy, txn->kv, store_log(), err));
    TRY(copy_store(copy, txn->kv, (struct kv_store){STORE_TOMB, KV_META}, err));
    TRY(end_piece(copy, true, err));
    TRY(copy_store(copy, txn->kv, store_meta(), err));
    return end_piece(copy, true, err);
}

enum status db_copy(struct db *db, const char *path, const char *backend, struct error *err)
{
    const struct kv_options options = {
        .backend = backend == NULL ? kv_backend_name(db->kv) : backend, .create = true};
    struct copy copy = {0};
    struct txn *txn = NULL;
    enum status st = ST_OK;

    if (kv_detect(path) != NULL)
        return error_set(err, ST_EXISTS, -1, "there is a database in %s already", path);
    TRY(txn_begin(db, TXN_READ, &txn, err));
    TRY_OUT(kv_open(path, &options, &copy.target, err));
    TRY_OUT(copy_all(&copy, txn, err));
out:
    kv_abort(copy.writing);
    if (copy.target != NULL)
        kv_close(copy.target);
    txn_rollback(txn);
    return st;
}
