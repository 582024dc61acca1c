/* touched: the tables that a write transaction has changed: their counts, and what finding and
 * writing their rows needs again and again. */
#include "storage/table/table_internal.h"
#include <stdlib.h>

static void forget_indexes(struct touched *touched)
{
    for (unsigned i = 0; i < touched->index_count; i++) {
        cursor_close(touched->indexes[i].probe);
        index_keys_free(&touched->indexes[i].old_keys);
        index_keys_free(&touched->indexes[i].new_keys);
    }
    touched->index_count = 0;
}

void txn_forget_touched(struct txn *txn)
{
    for (struct touched *touched = txn->touched; touched != NULL; touched = touched->next) {
        cursor_close(touched->reader);
        forget_indexes(touched);
        free(touched->name_of_attribute);
    }
    txn->touched = NULL;
}

static enum status read_base_count(struct txn *txn, uint32_t store, struct count_record *out)
{
    struct slice bytes;
    enum status st;

    *out = (struct count_record){0};
    meta_key(&txn->other_key, META_COUNT, store, NULL);
    st = txn_get(txn, store_meta(), buf_slice(&txn->other_key), &bytes);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    return count_decode(bytes, out);
}

static bool follow_indexes(struct txn *txn, struct touched *touched, const struct table *table)
{
    struct touched_index *indexes;

    forget_indexes(touched);
    cursor_close(touched->reader);
    touched->reader = NULL;
    indexes = ARENA_NEW_ARRAY(&txn->arena, struct touched_index, table->index_count + 1u);
    if (indexes == NULL)
        return false;
    for (unsigned i = 0; i < table->index_count; i++) {
        indexes[i].store = table->indexes[i].store;
        indexes[i].changes = delta_use_store(own_delta(txn), store_of_index(&table->indexes[i]));
        if (indexes[i].changes == NULL)
            return false;
    }
    touched->indexes = indexes;
    touched->index_count = table->index_count;
    touched->table = table;
    if (touched->name_room < table->attribute_count) {
        unsigned room = table->attribute_count + 16u;
        uint32_t *names = realloc(touched->name_of_attribute, room * sizeof(*names));

        if (names == NULL)
            return false;
        touched->name_of_attribute = names;
        touched->name_room = room;
    }
    /* Something may have been renamed: names are looked up anew. */
    memset(touched->name_of_attribute, 0, touched->name_room * sizeof(uint32_t));
    touched->log_name = 0;
    return true;
}

struct touched *txn_touch(struct txn *txn, const struct table *table)
{
    struct touched *touched = txn->touched, **link = &txn->touched;

    for (; touched != NULL && touched->store != table->store; touched = touched->next)
        link = &touched->next;
    if (touched == NULL) {
        touched = ARENA_NEW(&txn->arena, struct touched);
        if (touched == NULL)
            return NULL;
        touched->store = table->store;
        touched->stats = table->stats;
        /* As of the newest commit: nobody else can change them while we hold the writer lock. */
        touched->base_rows = atomic_load_explicit(&table->stats->rows, memory_order_relaxed);
        touched->sequence_max = table->stats->sequence_max;
        touched->had_typed_keys =
            atomic_load_explicit(&table->stats->has_typed_keys, memory_order_relaxed);
        touched->changes = delta_use_store(own_delta(txn), store_of_table(table));
        if (touched->changes == NULL || !follow_indexes(txn, touched, table)) {
            free(touched->name_of_attribute);
            return NULL;
        }
    } else {
        *link = touched->next; /* the table last used is first */
        if (touched->table != table && !follow_indexes(txn, touched, table)) {
            touched->next = txn->touched;
            txn->touched = touched;
            return NULL;
        }
    }
    touched->next = txn->touched;
    txn->touched = touched;
    return touched;
}

bool txn_save_touched(struct txn *txn, struct touched *touched)
{
    if (txn->generation == 0 || touched->generation == txn->generation)
        return true;
    if (txn->touched_undo_count == txn->touched_undo_room) {
        size_t room = txn->touched_undo_room == 0 ? 16 : txn->touched_undo_room * 2;
        struct touched_undo *bigger = realloc(txn->touched_undo, room * sizeof(*bigger));

        if (bigger == NULL)
            return false;
        txn->touched_undo = bigger;
        txn->touched_undo_room = room;
    }
    txn->touched_undo[txn->touched_undo_count++] = (struct touched_undo){
        touched, touched->delta, touched->sequence_max, touched->generation, touched->is_counted};
    touched->generation = txn->generation;
    return true;
}

enum status table_row_count(struct txn *txn, const struct table *table, uint64_t *out)
{
    struct count_record count;

    if (txn->is_write)
        for (const struct touched *touched = txn->touched; touched != NULL; touched = touched->next)
            if (touched->store == table->store) {
                *out = (uint64_t)(touched->base_rows + touched->delta);
                return ST_OK;
            }
    TRY(read_base_count(txn, table->store, &count));
    *out = (uint64_t)count.rows;
    return ST_OK;
}
