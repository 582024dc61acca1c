#include "storage/table/delta.h"
#include <assert.h>
#include <stdlib.h>

enum undo_kind { UNDO_ENTRY, UNDO_CLEARED, UNDO_CREATED, UNDO_DROPPED };

struct delta_undo {
    void *target; /* entry or store */
    const char *value;
    uint32_t value_len, value_room;
    uint32_t generation;
    uint8_t kind;
    uint8_t state; /* of the entry, or the flag's old value */
};

void delta_init(struct delta *delta, size_t bytes_max)
{
    memset(delta, 0, sizeof(*delta));
    delta->bytes_max = bytes_max;
    delta->stores_tail = &delta->stores;
}

static void forget(struct delta *delta)
{
    memset(delta->buckets, 0, sizeof(delta->buckets));
    delta->stores = NULL;
    delta->stores_tail = &delta->stores;
    delta->undo_count = 0;
    delta->generation = delta->generation_last = 0;
}

void delta_reset(struct delta *delta)
{
    if (delta->stores != NULL)
        arena_reset(&delta->arena);
    forget(delta);
}

void delta_deinit(struct delta *delta)
{
    arena_deinit(&delta->arena);
    free(delta->undo);
    delta->undo = NULL;
    delta->undo_room = 0;
    forget(delta);
}

size_t delta_bytes(const struct delta *delta)
{
    return delta->arena.used_bytes + delta->undo_room * sizeof(struct delta_undo);
}

static void *allocate(struct delta *delta, size_t bytes)
{
    if (delta->bytes_max != 0 && delta->arena.used_bytes > delta->bytes_max)
        return NULL;
    return arena_alloc(&delta->arena, bytes);
}

static enum status short_of_room(const struct delta *delta)
{
    return delta->bytes_max != 0 && delta->arena.used_bytes > delta->bytes_max ? ST_LIMIT
                                                                               : ST_NO_MEMORY;
}

struct delta_store *delta_find_store(const struct delta *delta, uint32_t id)
{
    struct delta_store *store = delta->buckets[id % DELTA_BUCKETS];

    while (store != NULL && store->store.id != id)
        store = store->next_in_bucket;
    return store;
}

struct delta_store *delta_use_store(struct delta *delta, struct kv_store kv)
{
    struct delta_store *store = delta_find_store(delta, kv.id);
    struct delta_store **bucket = &delta->buckets[kv.id % DELTA_BUCKETS];

    if (store != NULL)
        return store;
    store = arena_zalloc(&delta->arena, sizeof(*store));
    if (store == NULL)
        return NULL;
    store->store = kv;
    store->next_in_bucket = *bucket;
    *bucket = store;
    *delta->stores_tail = store;
    delta->stores_tail = &store->next;
    return store;
}

/* ---- the tree ---- */

static inline uint64_t head_of(struct slice key)
{
    uint64_t head = 0;

    if (key.len >= 8) {
        memcpy(&head, key.data, 8);
        return __builtin_bswap64(head);
    }
    for (size_t i = 0; i < key.len; i++)
        head |= (uint64_t)(uint8_t)key.data[i] << (56 - 8 * i);
    return head;
}

/* How many keys of the node are < key (or <= key when `or_equal`). */
static inline unsigned count_below(const struct delta_node *node, uint64_t head, struct slice key,
                                   bool or_equal)
{
    unsigned low = 0, high = node->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        bool is_below = node->heads[middle] < head;

        if (node->heads[middle] == head) {
            int order = slice_compare(delta_key(node->entries[middle]), key);

            is_below = order < 0 || (or_equal && order == 0);
        }
        if (is_below)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct delta_node *new_node(struct delta *delta, bool is_leaf)
{
    struct delta_node *node = allocate(delta, sizeof(*node));

    if (node != NULL) {
        node->count = 0;
        node->is_leaf = is_leaf;
        node->as.leaf.next = node->as.leaf.prev = NULL;
    }
    return node;
}

static void move_slots(struct delta_node *to, unsigned at, const struct delta_node *from,
                       unsigned first, unsigned count)
{
    memmove(to->heads + at, from->heads + first, count * sizeof(to->heads[0]));
    memmove(to->entries + at, from->entries + first, count * sizeof(to->entries[0]));
    if (!from->is_leaf)
        memmove(to->as.children + at, from->as.children + first,
                count * sizeof(to->as.children[0]));
}

/* Split the full child `slot` of a node that has room. Rows that arrive in order fill their nodes:
 * when the key goes behind the last one, only that one moves. */
static bool split_child(struct delta *delta, struct delta_store *store, struct delta_node *parent,
                        unsigned slot, uint64_t head, struct slice key)
{
    struct delta_node *left = parent->as.children[slot];
    struct delta_node *right = new_node(delta, left->is_leaf);
    bool is_append = count_below(left, head, key, true) == left->count;
    unsigned keep = is_append ? left->count - 1u : left->count / 2u;

    if (right == NULL)
        return false;
    move_slots(right, 0, left, keep, left->count - keep);
    right->count = (uint16_t)(left->count - keep);
    left->count = (uint16_t)keep;
    if (left->is_leaf) {
        right->as.leaf.next = left->as.leaf.next;
        right->as.leaf.prev = left;
        if (right->as.leaf.next != NULL)
            right->as.leaf.next->as.leaf.prev = right;
        else
            store->last = right;
        left->as.leaf.next = right;
    }
    move_slots(parent, slot + 2, parent, slot + 1, parent->count - slot - 1u);
    parent->heads[slot + 1] = right->heads[0];
    parent->entries[slot + 1] = right->entries[0];
    parent->as.children[slot + 1] = right;
    parent->count++;
    return true;
}

static struct delta_entry *new_entry(struct delta *delta, struct slice key)
{
    struct delta_entry *entry = allocate(delta, sizeof(*entry) + key.len);

    if (entry != NULL) {
        *entry = (struct delta_entry){.key_len = (uint16_t)key.len};
        memcpy(entry->key, key.data, key.len);
    }
    return entry;
}

static struct delta_entry *insert_at(struct delta *delta, struct delta_store *store,
                                     struct delta_node *leaf, unsigned slot, uint64_t head,
                                     struct slice key)
{
    struct delta_entry *entry = new_entry(delta, key);

    if (entry == NULL)
        return NULL;
    move_slots(leaf, slot + 1, leaf, slot, leaf->count - slot);
    leaf->heads[slot] = head;
    leaf->entries[slot] = entry;
    leaf->count++;
    store->version++;
    store->entry_count++;
    return entry;
}

static bool grow_root(struct delta *delta, struct delta_store *store, uint64_t head,
                      struct slice key)
{
    struct delta_node *root;

    if (store->root == NULL) {
        store->root = store->first = store->last = new_node(delta, true);
        return store->root != NULL;
    }
    if (store->root->count < DELTA_FANOUT)
        return true;
    root = new_node(delta, false);
    if (root == NULL)
        return false;
    root->count = 1;
    root->heads[0] = store->root->heads[0];
    root->entries[0] = store->root->entries[0];
    root->as.children[0] = store->root;
    if (!split_child(delta, store, root, 0, head, key))
        return false;
    store->root = root;
    return true;
}

/* The entry of `key`, made when missing (state NONE). NULL: no room. */
static struct delta_entry *find_or_insert(struct delta *delta, struct delta_store *store,
                                          struct slice key)
{
    uint64_t head = head_of(key);
    struct delta_node *node = store->last;
    unsigned slot;

    if (node != NULL && node->count != 0 && node->count < DELTA_FANOUT &&
        count_below(node, head, key, false) == node->count)
        return insert_at(delta, store, node, node->count, head, key);
    if (!grow_root(delta, store, head, key))
        return NULL;
    for (node = store->root; !node->is_leaf; node = node->as.children[slot]) {
        slot = count_below(node, head, key, true);
        slot -= slot != 0;
        if (node->as.children[slot]->count == DELTA_FANOUT) {
            if (!split_child(delta, store, node, slot, head, key))
                return NULL;
            slot = count_below(node, head, key, true);
            slot -= slot != 0;
        }
    }
    slot = count_below(node, head, key, false);
    if (slot < node->count && slice_equal(delta_key(node->entries[slot]), key))
        return node->entries[slot];
    return insert_at(delta, store, node, slot, head, key);
}

enum delta_state delta_get(const struct delta_store *store, struct slice key, struct slice *value)
{
    const struct delta_node *node = store->root;
    const struct delta_entry *entry;
    uint64_t head = head_of(key);
    unsigned slot;

    if (node == NULL)
        return DELTA_NONE;
    while (!node->is_leaf) {
        slot = count_below(node, head, key, true);
        node = node->as.children[slot - (slot != 0)];
    }
    slot = count_below(node, head, key, false);
    if (slot == node->count || node->heads[slot] != head)
        return DELTA_NONE;
    entry = node->entries[slot];
    if (!slice_equal(delta_key(entry), key))
        return DELTA_NONE;
    if (entry->state == DELTA_PUT)
        *value = delta_value(entry);
    return (enum delta_state)entry->state;
}

/* ---- undo ---- */

static struct delta_undo *push_undo(struct delta *delta)
{
    if (delta->undo_count == delta->undo_room) {
        size_t room = delta->undo_room == 0 ? 64 : delta->undo_room * 2;
        struct delta_undo *bigger = realloc(delta->undo, room * sizeof(*bigger));

        if (bigger == NULL)
            return NULL;
        delta->undo = bigger;
        delta->undo_room = room;
    }
    return &delta->undo[delta->undo_count++];
}

static bool save_entry(struct delta *delta, struct delta_entry *entry)
{
    struct delta_undo *undo;

    if (delta->generation == 0 || entry->generation == delta->generation)
        return true;
    undo = push_undo(delta);
    if (undo == NULL)
        return false;
    *undo = (struct delta_undo){.target = entry,
                                .value = entry->value,
                                .value_len = entry->value_len,
                                .value_room = entry->value_room,
                                .generation = entry->generation,
                                .kind = UNDO_ENTRY,
                                .state = entry->state};
    entry->generation = delta->generation;
    entry->value_room = 0; /* the old bytes belong to the undo log now */
    return true;
}

static bool save_flag(struct delta *delta, struct delta_store *store, enum undo_kind kind, bool old)
{
    struct delta_undo *undo;

    if (delta->generation == 0)
        return true;
    undo = push_undo(delta);
    if (undo == NULL)
        return false;
    *undo = (struct delta_undo){.target = store, .kind = (uint8_t)kind, .state = old};
    return true;
}

struct delta_mark delta_begin_mark(struct delta *delta)
{
    delta->generation = ++delta->generation_last;
    return (struct delta_mark){delta->undo_count, delta->generation};
}

static void undo_one(const struct delta_undo *undo)
{
    struct delta_entry *entry = undo->target;
    struct delta_store *store = undo->target;

    switch ((enum undo_kind)undo->kind) {
    case UNDO_ENTRY:
        entry->value = undo->value;
        entry->value_len = undo->value_len;
        entry->value_room = undo->value_room;
        entry->generation = undo->generation;
        entry->state = undo->state;
        break;
    case UNDO_CLEARED:
        store->is_cleared = undo->state;
        break;
    case UNDO_CREATED:
        store->is_created = undo->state;
        break;
    case UNDO_DROPPED:
        store->is_dropped = undo->state;
        break;
    }
}

void delta_undo_to(struct delta *delta, struct delta_mark *mark)
{
    while (delta->undo_count > mark->undo_count)
        undo_one(&delta->undo[--delta->undo_count]);
    /* Cursors look again; entries must save themselves anew. */
    for (struct delta_store *store = delta->stores; store != NULL; store = store->next)
        store->version++;
    mark->generation = delta->generation = ++delta->generation_last;
}

void delta_end_mark(struct delta *delta, const struct delta_mark *outer)
{
    delta->generation = outer != NULL ? outer->generation : 0;
    if (outer == NULL)
        delta->undo_count = 0;
}

/* ---- changes ---- */

static enum status set_value(struct delta *delta, struct delta_entry *entry, struct slice value)
{
    if (!save_entry(delta, entry))
        return ST_NO_MEMORY;
    if (value.len > entry->value_room) {
        /* A value that grows again and again gets some slack, so that it does not eat the budget.
         */
        size_t room = value.len + (entry->value_room != 0 ? value.len / 2 : 0);
        char *bytes = allocate(delta, room);

        if (bytes == NULL)
            return short_of_room(delta);
        entry->value = bytes;
        entry->value_room = (uint32_t)room;
    }
    if (value.len != 0) {
        union {
            const char *lent;
            char *own;
        } bytes = {.lent = entry->value}; /* room is only ever counted for our own bytes */

        memmove(bytes.own, value.data, value.len);
    }
    entry->value_len = (uint32_t)value.len;
    entry->state = DELTA_PUT;
    return ST_OK;
}

enum status delta_put(struct delta *delta, struct delta_store *store, struct slice key,
                      struct slice value)
{
    struct delta_entry *entry = find_or_insert(delta, store, key);

    assert(key.len > 0 && key.len <= KV_KEY_BYTES_MAX);
    return entry == NULL ? short_of_room(delta) : set_value(delta, entry, value);
}

enum status delta_put_lent(struct delta *delta, struct delta_store *store, struct slice key,
                           struct slice value)
{
    struct delta_entry *entry = find_or_insert(delta, store, key);

    if (entry == NULL)
        return short_of_room(delta);
    if (!save_entry(delta, entry))
        return ST_NO_MEMORY;
    entry->value = value.data;
    entry->value_len = (uint32_t)value.len;
    entry->value_room = 0;
    entry->state = DELTA_PUT;
    return ST_OK;
}

enum status delta_delete(struct delta *delta, struct delta_store *store, struct slice key)
{
    struct delta_entry *entry = find_or_insert(delta, store, key);

    if (entry == NULL)
        return short_of_room(delta);
    if (!save_entry(delta, entry))
        return ST_NO_MEMORY;
    /* Nothing lies below a store of this transaction: the entry may as well not be there. */
    entry->state = store->is_created || store->is_cleared ? DELTA_NONE : DELTA_DELETED;
    return ST_OK;
}

enum status delta_clear_store(struct delta *delta, struct delta_store *store)
{
    for (struct delta_node *leaf = store->first; leaf != NULL; leaf = leaf->as.leaf.next) {
        for (unsigned i = 0; i < leaf->count; i++) {
            if (!save_entry(delta, leaf->entries[i]))
                return ST_NO_MEMORY;
            leaf->entries[i]->state = DELTA_NONE;
        }
    }
    if (!store->is_cleared && !save_flag(delta, store, UNDO_CLEARED, false))
        return ST_NO_MEMORY;
    store->is_cleared = true;
    store->version++;
    return ST_OK;
}

enum status delta_create_store(struct delta *delta, struct kv_store kv)
{
    struct delta_store *store = delta_use_store(delta, kv);

    if (store == NULL || !save_flag(delta, store, UNDO_CREATED, false))
        return ST_NO_MEMORY;
    store->is_created = true;
    return ST_OK;
}

enum status delta_drop_store(struct delta *delta, struct kv_store kv)
{
    struct delta_store *store = delta_use_store(delta, kv);

    if (store == NULL || !save_flag(delta, store, UNDO_DROPPED, store->is_dropped))
        return ST_NO_MEMORY;
    store->is_dropped = true;
    return ST_OK;
}

/* ---- places ---- */

static void land(struct delta_place *place, bool forward)
{
    for (;;) {
        while (place->leaf != NULL && place->slot >= place->leaf->count) {
            place->leaf = forward ? place->leaf->as.leaf.next : place->leaf->as.leaf.prev;
            if (place->leaf != NULL)
                place->slot = forward ? 0 : place->leaf->count - 1u;
        }
        place->entry = place->leaf == NULL ? NULL : place->leaf->entries[place->slot];
        if (place->entry == NULL || place->entry->state != DELTA_NONE)
            return;
        place->slot +=
            forward ? 1u : -1u; /* -1 wraps to beyond count: the loop steps back a leaf */
    }
}

static void seek_slot(struct delta_place *place, struct slice key, bool or_equal)
{
    struct delta_node *node = place->store->root;
    uint64_t head = head_of(key);
    unsigned slot = 0;

    place->version = place->store->version;
    for (; node != NULL && !node->is_leaf; node = node->as.children[slot]) {
        slot = count_below(node, head, key, true);
        slot -= slot != 0;
    }
    place->leaf = node;
    place->slot = node == NULL ? 0 : count_below(node, head, key, or_equal);
}

void delta_seek(struct delta_place *place, struct slice at_least)
{
    seek_slot(place, at_least, false);
    land(place, true);
}

void delta_seek_after(struct delta_place *place, struct slice key)
{
    seek_slot(place, key, true);
    land(place, true);
}

void delta_seek_before(struct delta_place *place, struct slice key)
{
    if (key.len == 0) {
        place->version = place->store->version;
        place->leaf = place->store->last;
        place->slot = place->leaf == NULL ? 0 : place->leaf->count;
    } else {
        seek_slot(place, key, false);
    }
    place->slot--;
    land(place, false);
}

void delta_next(struct delta_place *place)
{
    place->slot++;
    land(place, true);
}

void delta_prev(struct delta_place *place)
{
    place->slot--;
    land(place, false);
}

/* ---- to the kv ---- */

static enum status apply_store(const struct delta_store *store, struct kv_txn *kv)
{
    bool is_append;

    if (store->is_created && store->is_dropped)
        return ST_OK;
    if (store->is_dropped)
        return kv_store_drop(kv, store->store.id, store->store.class);
    if (store->is_created)
        TRY(kv_store_create(kv, store->store.id, store->store.class));
    else if (store->is_cleared)
        TRY(kv_delete_range(kv, store->store, slice_empty(), slice_empty()));
    is_append =
        store->is_created || store->is_cleared || store->is_append || store->store.class == KV_LOG;
    for (const struct delta_node *leaf = store->first; leaf != NULL; leaf = leaf->as.leaf.next) {
        for (unsigned i = 0; i < leaf->count; i++) {
            const struct delta_entry *entry = leaf->entries[i];

            if (entry->state == DELTA_PUT && is_append)
                TRY(kv_append(kv, store->store, delta_key(entry), delta_value(entry)));
            else if (entry->state == DELTA_PUT)
                TRY(kv_put(kv, store->store, delta_key(entry), delta_value(entry)));
            else if (entry->state == DELTA_DELETED)
                TRY(kv_delete(kv, store->store, delta_key(entry)));
        }
    }
    return ST_OK;
}

enum status delta_apply(const struct delta *delta, struct kv_txn *kv)
{
    for (const struct delta_store *store = delta->stores; store != NULL; store = store->next)
        TRY(apply_store(store, kv));
    return ST_OK;
}
