/*
 * tree_internal: the layout of a tree's nodes, shared by tree.c, which reads, and tree_write.c.
 *
 * A node holds slots in key order and, growing down from its end, their entries. A slot carries the
 * first four bytes in which the keys of a node may differ, so that a search mostly stays within the
 * slots.
 *
 *   leaf entry   u32 value length (top bit: a blob), key, value or blob pointer
 *   inner entry  child pointer, key: the smallest one its subtree may hold. The key of slot 0 is
 * not used.
 */
#ifndef HARPER_KV_TREE_INTERNAL_H
#define HARPER_KV_TREE_INTERNAL_H

#include "storage/kv/tree.h"

enum {
    NODE_BYTES = 4096,
    NODE_BYTES_FIRST = 256, /* small trees take little; nodes double up to NODE_BYTES */
    PREFIX_BYTES_MAX = 24,
    INLINE_BYTES_MAX = 1300, /* a leaf entry; three fit a node, which splitting relies on */
    SPARE_MAX = 64,
    LEAF_HEAD_BYTES = 4,
    INNER_HEAD_BYTES = sizeof(void *),
    BATCH = 16
};
static const uint32_t BLOB_BIT = 1u << 31;

struct slot {
    uint32_t head; /* big-endian key bytes after the node's prefix, zero-padded */
    uint16_t offset, key_len;
};

struct tree_node {
    struct tree_item item;
    uint16_t level; /* 0: leaf */
    uint16_t count;
    uint16_t capacity; /* bytes of this node, all included */
    uint16_t heap;     /* the lowest used byte of the entries */
    uint16_t dead;     /* bytes of removed entries */
    uint16_t run;      /* the slot after the last insertion: ascending inserts come there */
    uint16_t prefix;   /* bytes that all keys share (slot 0 of an inner node aside) */
    char prefix_bytes[PREFIX_BYTES_MAX];
    struct slot slots[];
};

struct blob {
    struct tree_item item;
    size_t len;
    char bytes[];
};

/* ---- entries ---- */

static inline const char *entry_at(const struct tree_node *node, unsigned index)
{
    return (const char *)node + node->slots[index].offset;
}

static inline size_t head_bytes(const struct tree_node *node)
{
    return node->level == 0 ? LEAF_HEAD_BYTES : INNER_HEAD_BYTES;
}

static inline struct slice key_at(const struct tree_node *node, unsigned index)
{
    return (struct slice){entry_at(node, index) + head_bytes(node), node->slots[index].key_len};
}

static inline struct tree_node *child_at(const struct tree_node *node, unsigned index)
{
    struct tree_node *child = NULL;

    memcpy(&child, entry_at(node, index), sizeof child);
    return child;
}

static inline void set_child(struct tree_node *node, unsigned index, struct tree_node *child)
{
    memcpy((char *)node + node->slots[index].offset, &child, sizeof child);
}

static inline uint32_t leaf_info(const struct tree_node *node, unsigned index)
{
    uint32_t info = 0;

    memcpy(&info, entry_at(node, index), sizeof info);
    return info;
}

static inline struct blob *blob_at(const struct tree_node *node, unsigned index)
{
    struct blob *blob = NULL;

    memcpy(&blob, entry_at(node, index) + LEAF_HEAD_BYTES + node->slots[index].key_len,
           sizeof blob);
    return blob;
}

static inline struct slice value_at(const struct tree_node *node, unsigned index)
{
    uint32_t info = leaf_info(node, index);

    if ((info & BLOB_BIT) != 0) {
        const struct blob *blob = blob_at(node, index);

        return (struct slice){blob->bytes, blob->len};
    }
    return (struct slice){entry_at(node, index) + LEAF_HEAD_BYTES + node->slots[index].key_len,
                          info};
}

static inline size_t entry_bytes(const struct tree_node *node, unsigned index)
{
    size_t key_len = node->slots[index].key_len;
    uint32_t info = 0;

    if (node->level != 0)
        return INNER_HEAD_BYTES + key_len;
    info = leaf_info(node, index);
    return LEAF_HEAD_BYTES + key_len + ((info & BLOB_BIT) != 0 ? sizeof(void *) : info);
}

static inline size_t slots_end(const struct tree_node *node)
{
    return sizeof *node + node->count * sizeof(struct slot);
}

static inline size_t used_bytes(const struct tree_node *node)
{
    return (size_t)(node->capacity - node->heap - node->dead) + node->count * sizeof(struct slot);
}

/* ---- searching a node ---- */

static inline uint32_t key_head(struct slice key, size_t skip)
{
    uint32_t head = 0;

    if (key.len >= skip + 4) {
        memcpy(&head, key.data + skip, 4);
        return __builtin_bswap32(head);
    }
    for (size_t i = 0; i < 4; i++)
        head = head << 8 | (skip + i < key.len ? (unsigned char)key.data[skip + i] : 0u);
    return head;
}

/* The first slot of [first, count) whose key is >= key, or count. */
static inline unsigned lower_bound(const struct tree_node *node, unsigned first, struct slice key)
{
    const struct slot *slots = node->slots;
    unsigned at = first, n = node->count - first, end = 0;
    uint32_t head = 0;

    if (n == 0)
        return first;
    if (node->prefix != 0) {
        size_t shared = key.len < node->prefix ? key.len : node->prefix;
        int order = memcmp(key.data, node->prefix_bytes, shared);

        if (order != 0)
            return order < 0 ? first : node->count;
        if (key.len < node->prefix)
            return first;
    }
    head = key_head(key, node->prefix);
    while (n > 1) {
        unsigned half = n / 2;

        at += slots[at + half - 1].head < head ? half : 0;
        n -= half;
    }
    at += slots[at].head < head;
    if (at == node->count || slots[at].head != head)
        return at;
    /* Heads are equal: the keys decide. Zero padding keeps the order of heads true, not strict. */
    if (slice_compare(key_at(node, at), key) >= 0)
        return at;
    end = at + 1;
    for (n = node->count - end; n > 0;) {
        unsigned half = n / 2;

        if (slots[end + half].head == head) {
            end += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    at++;
    for (n = end - at; n > 0;) {
        unsigned half = n / 2;

        if (slice_compare(key_at(node, at + half), key) < 0) {
            at += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return at;
}

static inline bool is_key_at(const struct tree_node *node, unsigned index, struct slice key)
{
    return index < node->count && slice_equal(key_at(node, index), key);
}

/* The child whose range holds key. */
static inline unsigned child_index(const struct tree_node *node, struct slice key)
{
    unsigned at = lower_bound(node, 1, key);

    return is_key_at(node, at, key) ? at : at - 1;
}

/* Take a node or blob back; a pool, which only the writer has, keeps whole nodes for reuse. */
void tree_free_item(struct tree_item *item, struct tree_pool *pool);

#endif
