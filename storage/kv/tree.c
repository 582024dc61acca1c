/* Reading a tree, and freeing what nobody shows any more. */
#include "storage/kv/tree_internal.h"
#include <stdlib.h>

/* ---- items ---- */

void tree_free_item(struct tree_item *item, struct tree_pool *pool)
{
    struct tree_node *node = (struct tree_node *)(void *)item;

    if (pool == NULL || item->kind == TREE_BLOB || node->capacity != NODE_BYTES ||
        pool->spare_count >= SPARE_MAX) {
        free(item);
        return;
    }
    item->next = (struct tree_item *)(void *)pool->spare;
    pool->spare = node;
    pool->spare_count++;
}

void tree_pool_deinit(struct tree_pool *pool)
{
    tree_free_doomed(pool);
    while (pool->spare != NULL) {
        struct tree_node *node = pool->spare;

        pool->spare = (struct tree_node *)(void *)node->item.next;
        free(node);
    }
    pool->spare_count = 0;
}

void tree_free_doomed(struct tree_pool *pool)
{
    while (pool->doomed != NULL) {
        struct tree_item *item = pool->doomed;

        pool->doomed = item->next;
        tree_free_item(item, pool);
    }
}

void tree_discard(struct tree_pool *pool, struct tree_node *root)
{
    if (root == NULL || root->item.born != pool->version)
        return;
    for (unsigned i = 0; i < root->count; i++) {
        if (root->level != 0)
            tree_discard(pool, child_at(root, i));
        else if ((leaf_info(root, i) & BLOB_BIT) != 0 &&
                 blob_at(root, i)->item.born == pool->version)
            free(blob_at(root, i));
    }
    tree_free_item(&root->item, pool);
}

void tree_dispose(struct tree_item *item, uint64_t last_viewer, struct tree_item **kept,
                  struct tree_pool *pool)
{
    const struct tree_node *node = (const struct tree_node *)(const void *)item;

    if (item->born <= last_viewer) {
        item->next = *kept;
        *kept = item;
        return;
    }
    if (item->kind == TREE_SUBTREE) {
        /* A node is at least as young as what is below it, which the viewer may therefore still
         * show. */
        for (unsigned i = 0; i < node->count; i++) {
            if (node->level != 0) {
                struct tree_node *child = child_at(node, i);

                child->item.kind = TREE_SUBTREE;
                tree_dispose(&child->item, last_viewer, kept, pool);
            } else if ((leaf_info(node, i) & BLOB_BIT) != 0) {
                tree_dispose(&blob_at(node, i)->item, last_viewer, kept, pool);
            }
        }
    }
    tree_free_item(item, pool);
}

/* ---- reading ---- */

/* The header and as many slots as a leaf of ordinary rows has, so that their misses overlap. */
static inline void prefetch_node(const struct tree_node *node)
{
    for (int line = 0; line < 5; line++)
        __builtin_prefetch((const char *)node + line * 64);
}

bool tree_get(const struct tree_node *root, struct slice key, struct slice *value)
{
    const struct tree_node *node = root;
    unsigned at = 0;

    if (node == NULL)
        return false;
    while (node->level != 0) {
        node = child_at(node, child_index(node, key));
        prefetch_node(node);
    }
    at = lower_bound(node, 0, key);
    if (!is_key_at(node, at, key))
        return false;
    *value = value_at(node, at);
    return true;
}

static void get_batch(const struct tree_node *root, size_t count, const struct slice *keys,
                      struct slice *values)
{
    const struct tree_node *nodes[BATCH];
    unsigned at[BATCH];

    for (size_t i = 0; i < count; i++)
        nodes[i] = root;
    for (unsigned level = root->level; level > 0; level--) {
        for (size_t i = 0; i < count; i++) {
            nodes[i] = child_at(nodes[i], child_index(nodes[i], keys[i]));
            prefetch_node(nodes[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        at[i] = lower_bound(nodes[i], 0, keys[i]);
        if (at[i] < nodes[i]->count)
            __builtin_prefetch(entry_at(nodes[i], at[i]));
    }
    for (size_t i = 0; i < count; i++)
        values[i] = is_key_at(nodes[i], at[i], keys[i]) ? value_at(nodes[i], at[i]) : slice_empty();
}

void tree_get_many(const struct tree_node *root, size_t count, const struct slice *keys,
                   struct slice *values)
{
    for (size_t i = 0; i < count; i += BATCH) {
        size_t n = count - i < BATCH ? count - i : BATCH;

        if (root != NULL)
            get_batch(root, n, keys + i, values + i);
        else
            memset(values + i, 0, n * sizeof *values);
    }
}

/* From the node the last step points to, down to its first or last leaf. */
static void descend(struct tree_cursor *cursor, struct tree_node *node, bool to_last)
{
    while (node->level != 0) {
        unsigned index = to_last ? node->count - 1u : 0;

        cursor->path[cursor->depth++] = (struct tree_step){node, index};
        node = child_at(node, index);
    }
    cursor->leaf = node;
    cursor->index = to_last ? node->count - 1u : 0;
}

static bool next_leaf(struct tree_cursor *cursor)
{
    while (cursor->depth > 0) {
        struct tree_step *step = &cursor->path[cursor->depth - 1];

        if (step->index + 1 < step->node->count) {
            step->index++;
            descend(cursor, child_at(step->node, step->index), false);
            return true;
        }
        cursor->depth--;
    }
    return false;
}

static bool prev_leaf(struct tree_cursor *cursor)
{
    while (cursor->depth > 0) {
        struct tree_step *step = &cursor->path[cursor->depth - 1];

        if (step->index > 0) {
            step->index--;
            descend(cursor, child_at(step->node, step->index), true);
            return true;
        }
        cursor->depth--;
    }
    return false;
}

/* To the leaf that would hold key, and the first slot at or after it, which may be past the last.
 */
static void find_place(struct tree_cursor *cursor, const struct tree_node *root, struct slice key)
{
    const struct tree_node *node = root;

    cursor->depth = 0;
    while (node->level != 0) {
        struct tree_step step = {NULL, child_index(node, key)};

        memcpy(&step.node, &node, sizeof node); /* the path is only written through by the writer */
        cursor->path[cursor->depth++] = step;
        node = child_at(node, step.index);
        prefetch_node(node);
    }
    cursor->leaf = node;
    cursor->index = lower_bound(node, 0, key);
}

/* To the first or last key of a tree that is not empty. */
static bool find_end(struct tree_cursor *cursor, const struct tree_node *root, bool to_last)
{
    struct tree_node *node = NULL;

    memcpy(&node, &root, sizeof node);
    cursor->depth = 0;
    descend(cursor, node, to_last);
    return true;
}

bool tree_seek(struct tree_cursor *cursor, const struct tree_node *root, struct slice at_least)
{
    if (root == NULL)
        return false;
    if (at_least.len == 0)
        return find_end(cursor, root, false);
    find_place(cursor, root, at_least);
    return cursor->index < cursor->leaf->count || next_leaf(cursor);
}

bool tree_seek_before(struct tree_cursor *cursor, const struct tree_node *root, struct slice before)
{
    if (root == NULL)
        return false;
    if (before.len == 0)
        return find_end(cursor, root, true);
    find_place(cursor, root, before);
    return tree_prev(cursor);
}

bool tree_next(struct tree_cursor *cursor)
{
    if (cursor->index + 1 < cursor->leaf->count) {
        cursor->index++;
        return true;
    }
    return next_leaf(cursor);
}

bool tree_prev(struct tree_cursor *cursor)
{
    if (cursor->index > 0) {
        cursor->index--;
        return true;
    }
    return prev_leaf(cursor);
}

void tree_read(const struct tree_cursor *cursor, struct slice *key, struct slice *value)
{
    *key = key_at(cursor->leaf, cursor->index);
    *value = value_at(cursor->leaf, cursor->index);
}
