/*
 * tree: an ordered map of byte strings in memory, whose versions share what they have in common.
 *
 * A version is a pointer to a root node (NULL: empty). Writing works on the pool's current version:
 * a node born in it changes in place, an older one is copied first, and the copied one goes to the
 * pool's list of retired items, because older versions still show it. An item is visible to the
 * versions from its birth to the one before its retirement; who holds versions decides when nobody
 * can see it any more, and then calls tree_dispose. Nothing is counted and readers touch nothing,
 * so a snapshot costs nothing.
 *
 * Lifetimes: slices live as long as the version they were read from is kept; in the version being
 * written, until the next write but one, so arguments of a write may be lent by the tree. Threads:
 * any number read finished versions while one writes the current one. A pool belongs to the writer.
 * Errors:    ST_NO_MEMORY, after which the version being written can only be discarded.
 */
#ifndef HARPER_KV_TREE_H
#define HARPER_KV_TREE_H

#include "storage/base/base.h"

/* 512-byte keys leave at least 7 children to a node; 24 levels hold any number of them. */
enum { TREE_DEPTH_MAX = 24 };

enum tree_kind {
    TREE_NODE,    /* a node alone: what is below it lives on in its copy */
    TREE_SUBTREE, /* a node with everything below it */
    TREE_BLOB     /* a value too big for a node */
};

/* What nodes and blobs begin with. */
struct tree_item {
    uint64_t born;
    struct tree_item *next; /* in a list */
    uint8_t kind;           /* enum tree_kind; of a node, how it was retired */
};

struct tree_node;

struct tree_pool {
    uint64_t version;          /* being written */
    struct tree_item *retired; /* not part of this version any more, but of earlier ones */
    struct tree_item *doomed;  /* born and replaced in this version; freed by the next write */
    struct tree_node *spare;   /* whole nodes kept for reuse */
    unsigned spare_count;
};

void tree_pool_deinit(struct tree_pool *pool); /* its lists have been taken care of */

/* ---- reading ---- */

bool tree_get(const struct tree_node *root, struct slice key, struct slice *value);
/* As many gets, side by side so that their cache misses overlap. A missing value has data NULL. */
void tree_get_many(const struct tree_node *root, size_t count, const struct slice *keys,
                   struct slice *values);

struct tree_step {
    struct tree_node *node;
    unsigned index;
};

struct tree_cursor {
    const struct tree_node *leaf;
    unsigned index; /* in leaf */
    unsigned depth; /* steps above the leaf */
    struct tree_step path[TREE_DEPTH_MAX];
};

/* Each returns whether there is such a key. */
bool tree_seek(struct tree_cursor *cursor, const struct tree_node *root, struct slice at_least);
bool tree_seek_before(struct tree_cursor *cursor, const struct tree_node *root,
                      struct slice before);
bool tree_next(struct tree_cursor *cursor);
bool tree_prev(struct tree_cursor *cursor);
void tree_read(const struct tree_cursor *cursor, struct slice *key, struct slice *value);

/* ---- writing ---- */

/* Make room for a value of value_len bytes under `key`; the caller fills *room before anything
 * else. */
enum status tree_put(struct tree_pool *pool, struct tree_node **root, struct slice key,
                     size_t value_len, char **room);
/* ST_NOT_FOUND when there is no such key. */
enum status tree_delete(struct tree_pool *pool, struct tree_node **root, struct slice key);
/* An empty `to` means to the end. */
enum status tree_delete_range(struct tree_pool *pool, struct tree_node **root, struct slice from,
                              struct slice to);
/* The whole tree is no longer part of the version being written. */
void tree_retire_all(struct tree_pool *pool, struct tree_node *root);

/* ---- the end of items ---- */

/* Free what was replaced within the version being written. */
void tree_free_doomed(struct tree_pool *pool);
/* Free everything below `root` that was born in the version being written: it is given up. */
void tree_discard(struct tree_pool *pool, struct tree_node *root);
/* Free a retired item that no version after `last_viewer` shows. What `last_viewer`, the newest
 * kept version before its retirement, does show (0: there is none) is pushed on *kept instead. A
 * pool may be given by the writer to take nodes for reuse. */
void tree_dispose(struct tree_item *item, uint64_t last_viewer, struct tree_item **kept,
                  struct tree_pool *pool);

#endif
