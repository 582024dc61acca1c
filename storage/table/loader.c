/* loader: many rows into one table. They are collected in large transactions, which sort them
 * before they reach the kv; a table that is filled from empty gets its (non-unique) indexes built
 * afterwards by sorting. */
#include "storage/table/table_internal.h"
#include <stdlib.h>

/* Rows that come in order leave little to sort: small pieces stay in the processor's caches. */
enum { PIECE_BYTES = 48 << 20, ORDERED_PIECE_BYTES = 1 << 20 };

struct loader {
    struct db *db;
    struct txn *txn; /* the piece that is being collected */
    uint32_t store;  /* of the table: versions come and go between pieces */
    const struct table *table;
    uint64_t rows_in_piece, rows;
    bool has_suspended;
};

static enum status begin_piece(struct loader *loader, struct error *err)
{
    enum status st;

    TRY(txn_begin(loader->db, TXN_WRITE, &loader->txn, err));
    txn_set_label(loader->txn, slice_text("a bulk load"));
    loader->rows_in_piece = 0;
    loader->table = catalog_table_by_store(txn_catalog(loader->txn), loader->store);
    if (loader->table != NULL)
        return ST_OK;
    st = error_set(err, ST_NO_TABLE, -1, "the table was dropped while rows were loaded");
    txn_rollback(loader->txn);
    loader->txn = NULL;
    return st;
}

static enum status end_piece(struct loader *loader, struct error *err)
{
    struct txn *txn = loader->txn;
    enum status st;

    loader->txn = NULL;
    txn->is_sync_left_to_caller = true; /* loader_close is what acknowledges */
    st = txn_commit(txn, err);
    if (st == ST_OK)
        loader->rows += loader->rows_in_piece;
    return st;
}

/* Decided once, with the first row: only a table without rows may let its indexes wait. */
static enum status begin_load(struct loader *loader, struct error *err)
{
    uint64_t rows;

    TRY(begin_piece(loader, err));
    TRY(table_row_count(loader->txn, loader->table, &rows));
    if (rows != 0)
        return ST_OK;
    TRY(catalog_suspend_indexes(loader->txn, loader->table, &loader->has_suspended, err));
    loader->table = catalog_table_by_store(txn_catalog(loader->txn), loader->store);
    return ST_OK;
}

enum status loader_open(struct db *db, const struct table *table, struct loader **out,
                        struct error *err)
{
    struct loader *loader = calloc(1, sizeof(*loader));
    enum status st;

    *out = NULL;
    if (loader == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    loader->db = db;
    loader->store = table->store;
    st = begin_load(loader, err);
    if (st != ST_OK) {
        txn_rollback(loader->txn);
        free(loader);
        return st;
    }
    *out = loader;
    return ST_OK;
}

static bool is_ordered(const struct loader *loader)
{
    const struct touched *touched = loader->txn->touched;

    return touched != NULL && touched->changes->is_append && !touched->is_disordered;
}

enum status loader_add(struct loader *loader, const struct row *row, struct error *err)
{
    struct write_result result;
    enum status st;

    if (loader->txn == NULL)
        TRY(begin_piece(loader, err));
    st = table_write(loader->txn, loader->table, WRITE_INSERT, row, &result, err);
    if (st != ST_OK)
        return st;
    loader->rows_in_piece++;
    if (delta_bytes(own_delta(loader->txn)) <
        (is_ordered(loader) ? ORDERED_PIECE_BYTES : PIECE_BYTES))
        return ST_OK;
    return end_piece(loader, err);
}

static enum status build_indexes(struct loader *loader, struct error *err)
{
    enum status st;

    TRY(begin_piece(loader, err));
    st = catalog_resume_indexes(loader->txn, loader->table, err);
    if (st == ST_OK)
        return end_piece(loader, err);
    txn_rollback(loader->txn);
    loader->txn = NULL;
    return st;
}

enum status loader_close(struct loader *loader, bool commit, uint64_t *rows, struct error *err)
{
    enum status st = ST_OK;
    bool is_first = loader->rows == 0;

    if (loader->txn != NULL && commit) {
        st = end_piece(loader, err);
    } else if (loader->txn != NULL) {
        txn_rollback(loader->txn);
        loader->txn = NULL;
        loader->has_suspended &= !is_first; /* undone with the first piece */
    }
    /* Pieces that are committed stay, so their indexes are due in any case. */
    if (st == ST_OK && loader->has_suspended)
        st = build_indexes(loader, err);
    if (st == ST_OK && db_durability(loader->db) == DURABILITY_FULL)
        st = db_sync(loader->db, err);
    if (rows != NULL)
        *rows = loader->rows;
    free(loader);
    return st;
}
