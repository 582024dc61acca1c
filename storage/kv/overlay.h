/*
 * overlay: what a write transaction has changed but not committed, for reading it back before it is
 * on top of a store that knows nothing of it. An ordered map of puts and deletions, and the ranges
 * deleted below them.
 *
 * Lifetimes: slices live until the next write to the overlay.
 * Threads:   one.
 */
#ifndef HARPER_KV_OVERLAY_H
#define HARPER_KV_OVERLAY_H

#include "storage/kv/tree.h"

struct overlay {
    struct tree_pool pool;
    struct tree_node *root; /* values begin with a byte: OVERLAY_VALUE or OVERLAY_DELETED */
    struct buf ranges;      /* struct overlay_range each, with its bytes in range_bytes */
    struct buf range_bytes;
};

enum overlay_answer { OVERLAY_NOTHING, OVERLAY_VALUE, OVERLAY_DELETED };

/* {0} is an empty one. */
void overlay_clear(struct overlay *overlay);
void overlay_deinit(struct overlay *overlay);

enum status overlay_put(struct overlay *overlay, struct slice key, struct slice value);
enum status overlay_delete(struct overlay *overlay, struct slice key);
/* Both ends are given. */
enum status overlay_delete_range(struct overlay *overlay, struct slice from, struct slice to);

/* OVERLAY_NOTHING: the store below knows. */
enum overlay_answer overlay_get(const struct overlay *overlay, struct slice key,
                                struct slice *value);
/* A deleted range that covers `key` of the store below; false: none does. */
bool overlay_covers(const struct overlay *overlay, struct slice key, struct slice *from,
                    struct slice *to);
/* An entry where a cursor over `root` stands. */
enum overlay_answer overlay_read(const struct tree_cursor *cursor, struct slice *key,
                                 struct slice *value);

#endif
