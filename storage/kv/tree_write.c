/* Changing a tree: the version being written, in place where it may. */
#include "storage/kv/tree_internal.h"
#include <assert.h>
#include <stdlib.h>

/* ---- items ---- */

static struct tree_node *new_node(struct tree_pool *pool, unsigned level, size_t capacity)
{
    struct tree_node *node = NULL;

    if (capacity == NODE_BYTES && pool->spare != NULL) {
        node = pool->spare;
        pool->spare = (struct tree_node *)(void *)node->item.next;
        pool->spare_count--;
    } else {
        node = malloc(capacity);
        if (node == NULL)
            return NULL;
    }
    memset(node, 0, sizeof *node);
    node->item.born = pool->version;
    node->level = (uint16_t)level;
    node->capacity = (uint16_t)capacity;
    node->heap = (uint16_t)capacity;
    return node;
}

/* The item is no longer part of the version being written. */
static void retire(struct tree_pool *pool, struct tree_item *item, enum tree_kind kind)
{
    struct tree_item **list = item->born == pool->version ? &pool->doomed : &pool->retired;

    item->kind = (uint8_t)kind;
    item->next = *list;
    *list = item;
}

static void retire_node(struct tree_pool *pool, struct tree_node *node)
{
    retire(pool, &node->item, TREE_NODE);
}

static void retire_value(struct tree_pool *pool, const struct tree_node *leaf, unsigned index)
{
    if ((leaf_info(leaf, index) & BLOB_BIT) != 0)
        retire(pool, &blob_at(leaf, index)->item, TREE_BLOB);
}

void tree_retire_all(struct tree_pool *pool, struct tree_node *root)
{
    if (root == NULL)
        return;
    if (root->item.born != pool->version) {
        retire(pool, &root->item, TREE_SUBTREE);
        return;
    }
    for (unsigned i = 0; i < root->count; i++) {
        if (root->level == 0)
            retire_value(pool, root, i);
        else
            tree_retire_all(pool, child_at(root, i));
    }
    retire_node(pool, root);
}

/* ---- building nodes ---- */

static size_t common_bytes(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len, i = 0;

    while (i < n && a.data[i] == b.data[i])
        i++;
    return i;
}

static unsigned first_keyed(const struct tree_node *node)
{
    return node->level == 0 ? 0 : 1;
}

/* All keys share only `prefix` bytes, those of `key`. */
static void set_prefix(struct tree_node *node, struct slice key, size_t prefix)
{
    node->prefix = (uint16_t)prefix;
    memcpy(node->prefix_bytes, key.data, prefix);
    for (unsigned i = first_keyed(node); i < node->count; i++)
        node->slots[i].head = key_head(key_at(node, i), prefix);
}

static void find_prefix(struct tree_node *node)
{
    unsigned first = first_keyed(node);
    size_t prefix = 0;

    if (node->count <= first)
        return;
    prefix = common_bytes(key_at(node, first), key_at(node, node->count - 1u));
    set_prefix(node, key_at(node, first), prefix < PREFIX_BYTES_MAX ? prefix : PREFIX_BYTES_MAX);
}

/* Let the node's prefix be one of `key` too, which is about to come in. */
static void admit_prefix(struct tree_node *node, struct slice key)
{
    size_t shared = 0;

    if (node->count <= first_keyed(node)) {
        set_prefix(node, key, key.len < PREFIX_BYTES_MAX ? key.len : PREFIX_BYTES_MAX);
        return;
    }
    shared = common_bytes(key, (struct slice){node->prefix_bytes, node->prefix});
    if (shared < node->prefix)
        set_prefix(node, key, shared);
}

/* Room for an entry at `index`; the caller has seen that there is enough. */
static char *insert_entry(struct tree_node *node, unsigned index, struct slice key, size_t bytes)
{
    char *entry = NULL;

    assert(node->heap >= slots_end(node) + sizeof(struct slot) + bytes);
    if (node->level == 0 || index > 0)
        admit_prefix(node, key);
    node->heap = (uint16_t)(node->heap - bytes);
    entry = (char *)node + node->heap;
    memset(entry, 0, head_bytes(node));
    if (key.len != 0)
        memmove(entry + head_bytes(node), key.data, key.len);
    memmove(&node->slots[index + 1], &node->slots[index],
            (node->count - index) * sizeof(struct slot));
    node->slots[index] = (struct slot){
        .head = key_head(key, node->prefix), .offset = node->heap, .key_len = (uint16_t)key.len};
    node->count++;
    node->run = (uint16_t)(index + 1);
    if (node->level != 0 && index == 0 && node->count > 1)
        find_prefix(node); /* what was slot 0 counts from now on */
    return entry;
}

static bool has_room(const struct tree_node *node, size_t bytes)
{
    return node->heap >= slots_end(node) + sizeof(struct slot) + bytes;
}

/* Append slots [from, to) of `source` to `target`, of the same level. Prefix and heads come
 * afterwards. */
static void copy_slots(struct tree_node *target, const struct tree_node *source, unsigned from,
                       unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        size_t bytes = entry_bytes(source, i);

        assert(has_room(target, bytes));
        target->heap = (uint16_t)(target->heap - bytes);
        memcpy((char *)target + target->heap, entry_at(source, i), bytes);
        target->slots[target->count] =
            (struct slot){.offset = target->heap, .key_len = source->slots[i].key_len};
        target->count++;
    }
}

static struct tree_node *part_of(struct tree_pool *pool, const struct tree_node *source,
                                 unsigned from, unsigned to, size_t capacity)
{
    struct tree_node *node = new_node(pool, source->level, capacity);

    if (node != NULL) {
        copy_slots(node, source, from, to);
        find_prefix(node);
        node->run = source->run <= node->count ? source->run : 0;
    }
    return node;
}

/* ---- writing ---- */

/* The way from the root to a leaf, all of it writable. */
struct way {
    struct tree_pool *pool;
    struct tree_node **root;
    unsigned depth; /* of steps; the last one is the leaf */
    struct tree_step steps[TREE_DEPTH_MAX];
};

/* Put `node` where step `at` of the way had another one. */
static void replace_at(struct way *way, unsigned at, struct tree_node *node)
{
    if (at == 0)
        *way->root = node;
    else
        set_child(way->steps[at - 1].node, way->steps[at - 1].index, node);
    way->steps[at].node = node;
}

/* The node of the last step may change from now on. */
static enum status touch_last(struct way *way)
{
    unsigned at = way->depth - 1;
    struct tree_node *node = way->steps[at].node, *copy = NULL;

    if (node->item.born == way->pool->version)
        return ST_OK;
    copy = new_node(way->pool, node->level, node->capacity);
    if (copy == NULL)
        return ST_NO_MEMORY;
    memcpy((char *)copy + sizeof copy->item, (char *)node + sizeof node->item,
           slots_end(node) - sizeof node->item);
    memcpy((char *)copy + node->heap, (char *)node + node->heap,
           (size_t)(node->capacity - node->heap));
    replace_at(way, at, copy);
    retire_node(way->pool, node);
    return ST_OK;
}

/* Walk to the leaf for key; the last step's index is its place there. */
static enum status open_way(struct way *way, struct slice key)
{
    struct tree_node *node = *way->root;

    way->depth = 0;
    for (;;) {
        struct tree_step *step = &way->steps[way->depth++];

        step->node = node;
        TRY(touch_last(way));
        if (step->node->level == 0) {
            step->index = lower_bound(step->node, 0, key);
            return ST_OK;
        }
        step->index = child_index(step->node, key);
        node = child_at(step->node, step->index);
        assert(way->depth < TREE_DEPTH_MAX);
    }
}

static enum status insert_at(struct way *way, unsigned at, struct slice key, size_t bytes,
                             char **entry);

/* The slot to cut a full node at, for an entry of `bytes` coming to `index`: slots before it stay
 * left. */
static unsigned cut_index(const struct tree_node *node, unsigned index, size_t bytes)
{
    size_t half = 0, left = 0;

    /* Ascending inserts leave full nodes behind. */
    if (index == node->count || (index == node->run && index > 0 && index * 4u > node->count))
        return index;
    half = (used_bytes(node) + bytes + sizeof(struct slot)) / 2;
    for (unsigned i = 0; i < node->count; i++) {
        if (i == index)
            left += bytes + sizeof(struct slot);
        if (left >= half)
            return i;
        left += entry_bytes(node, i) + sizeof(struct slot);
    }
    return node->count - 1u;
}

/* The shortest key that parts two neighbours. */
static struct slice parting_key(struct slice left, struct slice right)
{
    size_t shared = common_bytes(left, right);

    return (struct slice){right.data, shared + 1 < right.len ? shared + 1 : right.len};
}

static size_t slots_bytes(const struct tree_node *node, unsigned from, unsigned to)
{
    size_t bytes = 0;

    for (unsigned i = from; i < to; i++)
        bytes += entry_bytes(node, i) + sizeof(struct slot);
    return bytes;
}

/* Whether the coming entry joins the left part of a node cut at `cut`. */
static bool goes_left(const struct tree_node *node, unsigned cut, unsigned index, size_t bytes)
{
    size_t room = NODE_BYTES - sizeof *node - sizeof(struct slot);

    if (index != cut)
        return index < cut;
    /* At the cut both would do: an empty part must get it, else the one with more room. */
    if (cut == node->count)
        return false;
    if (cut == 0)
        return true;
    return slots_bytes(node, 0, cut) + bytes <= room;
}

/* The node of step `at` is full and cannot be packed: make two of it, and put the entry in one. */
static enum status split_at(struct way *way, unsigned at, struct slice key, size_t bytes,
                            char **entry)
{
    struct tree_node *node = way->steps[at].node, *left = NULL, *right = NULL, *root = NULL;
    unsigned index = way->steps[at].index, cut = cut_index(node, index, bytes);
    bool to_left = goes_left(node, cut, index, bytes);
    size_t room = NODE_BYTES - sizeof *node - sizeof(struct slot);
    struct slice part = {0};
    char part_bytes[1024];
    char *child = NULL;

    /* A cut that follows a run may leave too little room on its side; one in the middle never does.
     */
    if (!to_left && cut < node->count && slots_bytes(node, cut, node->count) + bytes > room) {
        node->run = 0;
        cut = cut_index(node, index, bytes);
        to_left = goes_left(node, cut, index, bytes);
    }
    if (at == 0) {
        root = new_node(way->pool, node->level + 1u, NODE_BYTES_FIRST);
        if (root == NULL)
            return ST_NO_MEMORY;
        memcpy(insert_entry(root, 0, slice_empty(), INNER_HEAD_BYTES), &node, sizeof node);
        assert(way->depth < TREE_DEPTH_MAX);
        memmove(&way->steps[1], &way->steps[0], way->depth * sizeof way->steps[0]);
        way->depth++;
        way->steps[0] = (struct tree_step){root, 0};
        *way->root = root;
        at = 1;
    }
    left = part_of(way->pool, node, 0, cut, NODE_BYTES);
    right = part_of(way->pool, node, cut, node->count, NODE_BYTES);
    if (left == NULL || right == NULL)
        goto no_memory;
    *entry = insert_entry(to_left ? left : right, to_left ? index : index - cut, key, bytes);
    if (node->level == 0)
        part = parting_key(key_at(left, left->count - 1u), key_at(right, 0));
    else
        part = key_at(right, 0);
    memcpy(part_bytes, part.data, part.len);
    part.data = part_bytes;
    replace_at(way, at, left);
    retire_node(way->pool, node);
    way->steps[at - 1].index++;
    if (insert_at(way, at - 1, part, INNER_HEAD_BYTES + part.len, &child) != ST_OK) {
        tree_discard(way->pool, right);
        return ST_NO_MEMORY;
    }
    memcpy(child, &right, sizeof right);
    return ST_OK;
no_memory:
    if (left != NULL)
        tree_free_item(&left->item, way->pool);
    if (right != NULL)
        tree_free_item(&right->item, way->pool);
    return ST_NO_MEMORY;
}

/* Room for an entry of `bytes`, head and key included, where step `at` points. Its key is written.
 */
static enum status insert_at(struct way *way, unsigned at, struct slice key, size_t bytes,
                             char **entry)
{
    struct tree_step *step = &way->steps[at];
    struct tree_node *node = step->node;

    if (!has_room(node, bytes)) {
        size_t needed = sizeof *node + used_bytes(node) + sizeof(struct slot) + bytes;
        size_t capacity = node->capacity;
        struct tree_node *packed = NULL;

        while (capacity < NODE_BYTES && capacity < needed)
            capacity *= 2;
        if (needed > NODE_BYTES)
            return split_at(way, at, key, bytes, entry);
        packed = part_of(way->pool, node, 0, node->count, capacity);
        if (packed == NULL)
            return ST_NO_MEMORY;
        replace_at(way, at, packed);
        retire_node(way->pool, node);
        node = packed;
    }
    *entry = insert_entry(node, step->index, key, bytes);
    return ST_OK;
}

static void remove_slot(struct tree_node *node, unsigned index)
{
    node->dead = (uint16_t)(node->dead + entry_bytes(node, index));
    memmove(&node->slots[index], &node->slots[index + 1],
            (node->count - index - 1u) * sizeof(struct slot));
    node->count--;
    if (node->run > index)
        node->run--;
}

static struct blob *new_blob(struct tree_pool *pool, size_t len)
{
    struct blob *blob = malloc(sizeof *blob + len);

    if (blob != NULL) {
        blob->item = (struct tree_item){.born = pool->version, .kind = TREE_BLOB};
        blob->len = len;
    }
    return blob;
}

enum status tree_put(struct tree_pool *pool, struct tree_node **root, struct slice key,
                     size_t value_len, char **room)
{
    struct way way = {.pool = pool, .root = root};
    struct tree_step *leaf = NULL;
    size_t bytes = LEAF_HEAD_BYTES + key.len + value_len;
    struct blob *blob = NULL;
    uint32_t info = (uint32_t)value_len;
    char *entry = NULL;

    tree_free_doomed(pool);
    if (*root == NULL) {
        *root = new_node(pool, 0, NODE_BYTES_FIRST);
        if (*root == NULL)
            return ST_NO_MEMORY;
    }
    TRY(open_way(&way, key));
    leaf = &way.steps[way.depth - 1];
    if (is_key_at(leaf->node, leaf->index, key)) {
        if (leaf_info(leaf->node, leaf->index) == info) {
            *room = (char *)leaf->node + leaf->node->slots[leaf->index].offset + LEAF_HEAD_BYTES +
                    key.len;
            return ST_OK;
        }
        retire_value(pool, leaf->node, leaf->index);
        remove_slot(leaf->node, leaf->index);
    }
    if (bytes > INLINE_BYTES_MAX) {
        blob = new_blob(pool, value_len);
        if (blob == NULL)
            return ST_NO_MEMORY;
        bytes = LEAF_HEAD_BYTES + key.len + sizeof blob;
        info = BLOB_BIT;
    }
    if (insert_at(&way, way.depth - 1, key, bytes, &entry) != ST_OK) {
        free(blob);
        return ST_NO_MEMORY;
    }
    memcpy(entry, &info, sizeof info);
    if (blob != NULL)
        memcpy(entry + LEAF_HEAD_BYTES + key.len, &blob, sizeof blob);
    *room = blob != NULL ? blob->bytes : entry + LEAF_HEAD_BYTES + key.len;
    return ST_OK;
}

/* ---- deleting ---- */

/* A root with one child is not needed; one without any is an empty tree. */
static void shorten(struct way *way)
{
    struct tree_node *node = *way->root;

    while (node != NULL && (node->count == 0 || (node->level != 0 && node->count == 1))) {
        *way->root = node->count == 0 ? NULL : child_at(node, 0);
        retire_node(way->pool, node);
        node = *way->root;
    }
}

/* Join the node of step `at` with its right neighbour (or its left one) when both leave room in
 * one. */
static enum status join(struct way *way, unsigned at)
{
    struct tree_node *parent = way->steps[at - 1].node, *left = NULL, *right = NULL, *joined = NULL;
    unsigned index = way->steps[at - 1].index;
    struct slice part = {0};
    size_t needed = 0;

    if (parent->count < 2)
        return ST_OK;
    if (index + 1u == parent->count)
        index--;
    left = child_at(parent, index);
    right = child_at(parent, index + 1);
    part = key_at(parent, index + 1);
    needed = sizeof *left + used_bytes(left) + used_bytes(right) + part.len;
    if (needed > NODE_BYTES * 3 / 4)
        return ST_OK;
    joined = part_of(way->pool, left, 0, left->count, NODE_BYTES);
    if (joined == NULL)
        return ST_NO_MEMORY;
    if (left->level == 0) {
        copy_slots(joined, right, 0, right->count);
    } else {
        struct tree_node *child = child_at(right, 0);

        memcpy(insert_entry(joined, joined->count, part, INNER_HEAD_BYTES + part.len), &child,
               sizeof child);
        copy_slots(joined, right, 1, right->count);
    }
    find_prefix(joined);
    set_child(parent, index, joined);
    remove_slot(parent, index + 1);
    retire_node(way->pool, left);
    retire_node(way->pool, right);
    return ST_OK;
}

/* After slots went from the leaf: no node of the way stays empty, or nearly so beside another. */
static enum status mend(struct way *way)
{
    for (unsigned at = way->depth - 1; at > 0; at--) {
        struct tree_node *node = way->steps[at].node;
        struct tree_step *above = &way->steps[at - 1];

        if (node->count == 0) {
            remove_slot(above->node, above->index);
            retire_node(way->pool, node);
        } else if (used_bytes(node) < NODE_BYTES / 4) {
            TRY(join(way, at));
        } else {
            break;
        }
    }
    shorten(way);
    return ST_OK;
}

enum status tree_delete(struct tree_pool *pool, struct tree_node **root, struct slice key)
{
    struct way way = {.pool = pool, .root = root};
    struct tree_step *leaf = NULL;
    struct slice value = {0};

    tree_free_doomed(pool);
    if (!tree_get(*root, key, &value))
        return ST_NOT_FOUND;
    TRY(open_way(&way, key));
    leaf = &way.steps[way.depth - 1];
    retire_value(pool, leaf->node, leaf->index);
    remove_slot(leaf->node, leaf->index);
    return mend(&way);
}

enum status tree_delete_range(struct tree_pool *pool, struct tree_node **root, struct slice from,
                              struct slice to)
{
    struct tree_cursor cursor;

    tree_free_doomed(pool);
    if (from.len == 0 && to.len == 0) {
        tree_retire_all(pool, *root);
        *root = NULL;
        return ST_OK;
    }
    while (tree_seek(&cursor, *root, from)) {
        struct way way = {.pool = pool, .root = root};
        struct slice first = key_at(cursor.leaf, cursor.index);
        struct tree_step *leaf = NULL;
        unsigned end = 0;

        if (to.len != 0 && slice_compare(first, to) >= 0)
            break;
        TRY(open_way(&way, first));
        leaf = &way.steps[way.depth - 1];
        end = to.len == 0 ? leaf->node->count : lower_bound(leaf->node, 0, to);
        for (unsigned i = end; i > leaf->index; i--) {
            retire_value(pool, leaf->node, i - 1);
            remove_slot(leaf->node, i - 1);
        }
        TRY(mend(&way));
    }
    return ST_OK;
}
