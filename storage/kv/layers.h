/*
 * layers: commits that are durable in the journal and not yet in the store, in memory, ordered, and
 *         how readers see them above their snapshot of the store.
 *
 * The active layer takes commits. A checkpoint freezes it and writes it into the store; meanwhile
 * commits go to a new active one. A reader's view is the frozen layer, if there is one, and a
 * snapshot of the active one. A view may show again what the store already holds; it may never be
 * older than the store: layers_renew looks again when a layer was frozen while it took both.
 * Without layers a reader pays two loads when it is renewed, and a branch for a get or a seek.
 *
 * Threads: views belong to their transaction. layers_write, layers_freeze and layers_settle are for
 *          one thread at a time.
 */
#ifndef HARPER_KV_LAYERS_H
#define HARPER_KV_LAYERS_H

#include "storage/kv/kv_internal.h"

struct layer {
    struct kv *kv; /* in memory; a value begins with LAYER_PUT or LAYER_DELETED */
    _Atomic unsigned references;
    struct kv_store *stores; /* that it has entries of */
    size_t store_count, store_room;
    uint64_t last_sequence; /* of the journal, when it was frozen */
};

struct layers {
    pthread_mutex_t lock; /* over the two pointers */
    struct layer *active, *frozen;
    _Atomic bool has_any;
    _Atomic uint64_t turn;    /* counts what may change the store: freezing, direct commits */
    _Atomic uint64_t settled; /* counts layers that went into the store */
};

void layers_init(struct layers *layers);
void layers_deinit(struct layers *layers);

/* Add a commit, as the journal has it; it is visible on return. */
enum status layers_write(struct layers *layers, struct slice payload);
/* The active layer becomes the frozen one, of which there is none. False: nothing to freeze. */
bool layers_freeze(struct layers *layers, uint64_t last_sequence);
/* Write the frozen layer into a write transaction of the store's backend. */
enum status layers_apply(struct layers *layers, struct kv_txn *inner);
/* The store shows what the frozen layer holds: it is not needed any more. */
void layers_settle(struct layers *layers);
/* The store is about to change by itself; there are no layers. */
void layers_pass(struct layers *layers);

/* ---- readers, called by kv.c ---- */

enum status layers_renew(struct kv_txn *txn);
void layers_forget(struct kv_txn *txn); /* the view and what its cursors merge */
bool layers_is_outdated(const struct kv_txn *txn);

enum layer_answer { LAYER_NOTHING, LAYER_DELETED, LAYER_PUT };
/* LAYER_NOTHING: the store knows. */
enum status layers_get(struct kv_txn *txn, struct kv_store store, struct slice key,
                       struct slice *out, enum layer_answer *answer);

/* Moves of a cursor whose transaction has a view. */
enum status layers_seek(struct kv_cursor *cursor, struct slice at_least);
enum status layers_seek_before(struct kv_cursor *cursor, struct slice before);
enum status layers_next(struct kv_cursor *cursor);
enum status layers_prev(struct kv_cursor *cursor);
void layers_cursor_forget(struct kv_cursor *cursor);

#endif
