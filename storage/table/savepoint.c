/* savepoint: marks that nest. Going back to one undoes rows, index entries, counts, the catalog,
 * shapes and log. */
#include "storage/table/table_internal.h"
#include <stdlib.h>

void txn_forget_shapes(struct txn *txn, size_t keep)
{
    while (txn->new_shape_count > keep) {
        struct shape_full *shape = txn->new_shapes[--txn->new_shape_count];
        union {
            const struct shapes *lent;
            struct shapes *own;
        } owner = {.lent = shape->owner};

        pthread_mutex_lock(&owner.own->lock);
        shapes_forget(shape);
        pthread_mutex_unlock(&owner.own->lock);
    }
}

txn_mark_t txn_mark(struct txn *txn)
{
    struct txn_mark_entry *mark;

    if (!txn->is_write)
        return 0;
    if (txn->mark_count == txn->mark_room) {
        size_t room = txn->mark_room == 0 ? 8 : txn->mark_room * 2;
        struct txn_mark_entry *bigger = realloc(txn->marks, room * sizeof(*bigger));

        if (bigger == NULL) {
            txn->is_doomed = true; /* without the mark nothing could be undone */
            return 0;
        }
        txn->marks = bigger;
        txn->mark_room = room;
    }
    mark = &txn->marks[txn->mark_count++];
    txn->generation = ++txn->generation_last;
    *mark = (struct txn_mark_entry){.delta = delta_begin_mark(own_delta(txn)),
                                    .catalog = txn->catalog,
                                    .log_bytes = txn->log.writes.len,
                                    .log_writes = txn->log.write_count,
                                    .touched_undo_count = txn->touched_undo_count,
                                    .new_shape_count = txn->new_shape_count,
                                    .generation = txn->generation,
                                    .has_catalog_changes = txn->has_catalog_changes};
    return txn->mark_count;
}

static void undo_touched(struct txn *txn, size_t keep)
{
    while (txn->touched_undo_count > keep) {
        const struct touched_undo *undo = &txn->touched_undo[--txn->touched_undo_count];

        undo->touched->delta = undo->delta;
        undo->touched->sequence_max = undo->sequence_max;
        undo->touched->generation = undo->generation;
        undo->touched->is_counted = undo->is_counted;
    }
}

enum status txn_rollback_to(struct txn *txn, txn_mark_t at)
{
    struct txn_mark_entry *mark;

    if (!txn->is_write || at == 0 || at > txn->mark_count)
        return txn->is_write ? ST_MISUSE : ST_OK;
    mark = &txn->marks[at - 1];
    txn->mark_count = at;
    delta_undo_to(own_delta(txn), &mark->delta);
    undo_touched(txn, mark->touched_undo_count);
    for (struct touched *touched = txn->touched; touched != NULL; touched = touched->next)
        touched->is_last_known = false;
    txn_forget_shapes(txn, mark->new_shape_count);
    txn->log.writes.len = mark->log_bytes;
    txn->log.write_count = mark->log_writes;
    if (txn->catalog != mark->catalog) { /* versions made since stay alive in txn->kept */
        catalog_drop(txn->catalog);
        txn->catalog = catalog_hold(mark->catalog);
    }
    txn->has_catalog_changes = mark->has_catalog_changes;
    mark->generation = txn->generation = ++txn->generation_last;
    txn->is_doomed = false;
    return ST_OK;
}

void txn_release_to(struct txn *txn, txn_mark_t at)
{
    const struct txn_mark_entry *outer;

    if (!txn->is_write || at == 0 || at > txn->mark_count)
        return;
    txn->mark_count = at - 1;
    outer = txn->mark_count == 0 ? NULL : &txn->marks[txn->mark_count - 1];
    delta_end_mark(own_delta(txn), outer == NULL ? NULL : &outer->delta);
    txn->generation = outer == NULL ? 0 : outer->generation;
    if (outer == NULL)
        txn->touched_undo_count = 0;
}
