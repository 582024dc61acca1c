/* shape: the interned attribute lists of a table. Design: shapes are made by the holder of the
 * writer lock and found by readers without a lock, by the id that a record carries. A shape becomes
 * durable with the transaction that makes it; when that is undone the shape is forgotten again, and
 * its id with it. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

struct shapes *shapes_new(void)
{
    struct shapes *shapes = calloc(1, sizeof(*shapes));

    if (shapes == NULL)
        return NULL;
    atomic_init(&shapes->references, 1);
    pthread_mutex_init(&shapes->lock, NULL);
    shapes->bucket_count = 16;
    shapes->buckets = calloc(shapes->bucket_count, sizeof(struct shape_full *));
    if (shapes->buckets == NULL) {
        shapes_drop(shapes);
        return NULL;
    }
    return shapes;
}

struct shapes *shapes_hold(struct shapes *shapes)
{
    atomic_fetch_add_explicit(&shapes->references, 1, memory_order_relaxed);
    return shapes;
}

void shapes_drop(struct shapes *shapes)
{
    if (shapes == NULL || atomic_fetch_sub(&shapes->references, 1) != 1)
        return;
    for (unsigned i = 0; i < SHAPE_PAGES; i++)
        free(atomic_load(&shapes->pages[i]));
    arena_deinit(&shapes->arena);
    pthread_mutex_destroy(&shapes->lock);
    free(shapes->buckets);
    free(shapes);
}

static unsigned page_of(uint32_t id, uint32_t *slot)
{
    uint32_t at = id - 1 + SHAPE_PAGE_FIRST;
    unsigned page = 27u - (unsigned)__builtin_clz(at);

    *slot = at - ((uint32_t)SHAPE_PAGE_FIRST << page);
    return page;
}

const struct shape *shapes_find(const struct shapes *shapes, uint32_t id)
{
    struct shape_slot *page;
    struct shape_full *shape;
    uint32_t slot;
    unsigned at;

    if (id == 0 || id > atomic_load_explicit(&shapes->count, memory_order_acquire))
        return NULL;
    at = page_of(id, &slot);
    page = atomic_load_explicit(&shapes->pages[at], memory_order_acquire);
    if (page == NULL)
        return NULL;
    shape = atomic_load_explicit(&page[slot].shape, memory_order_acquire);
    return shape == NULL ? NULL : &shape->shape;
}

static uint64_t hash_of(const uint16_t *attributes, size_t count)
{
    uint64_t hash = count * 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ attributes[i]) * 0xff51afd7ed558ccdu, hash ^= hash >> 29;
    return hash;
}

struct shape_full *shapes_lookup(const struct shapes *shapes, const uint16_t *attributes,
                                 size_t count)
{
    uint64_t hash = hash_of(attributes, count);
    struct shape_full *shape = shapes->buckets[hash & (shapes->bucket_count - 1)];

    for (; shape != NULL; shape = shape->next_in_bucket)
        if (shape->hash == hash && shape->shape.count == count &&
            (count == 0 ||
             memcmp(shape->shape.attributes, attributes, count * sizeof(*attributes)) == 0))
            return shape;
    return NULL;
}

/* Fill everything of a shape but its id. Arrays live in `arena`. */
static bool shape_fill(struct shape_full *full, const struct table *table,
                       const uint16_t *attributes, size_t count, struct arena *arena)
{
    unsigned highest = 0;
    uint16_t *own = arena_zalloc_array(arena, count + 1, sizeof(*own));
    struct slice *names = arena_zalloc_array(arena, count + 1, sizeof(*names));
    uint8_t *key_part_of = arena_zalloc_array(arena, count + 1, 1);
    uint16_t *position_of;

    if (own == NULL || names == NULL || key_part_of == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        own[i] = attributes[i];
        key_part_of[i] = 0xff;
        if (attributes[i] >= highest)
            highest = attributes[i] + 1u;
        if (attributes[i] < table->attribute_count && !table->attributes[attributes[i]].is_dropped)
            names[i] = arena_copy(arena, table->attributes[attributes[i]].name);
        for (unsigned k = 0; k < table->key_count; k++)
            if (table->key_attributes[k] == attributes[i] && keycode_is_exact(table->key_parts[k]))
                key_part_of[i] = (uint8_t)k; /* a folded part cannot be read back: stored */
    }
    position_of = arena_zalloc_array(arena, highest + 1u, sizeof(*position_of));
    if (position_of == NULL || arena->failed)
        return false;
    memset(position_of, 0xff, highest * sizeof(*position_of));
    for (size_t i = 0; i < count; i++)
        position_of[attributes[i]] = (uint16_t)i;
    full->shape = (struct shape){.count = (uint16_t)count,
                                 .attribute_count = (uint16_t)highest,
                                 .attributes = own,
                                 .names = names,
                                 .position_of = position_of};
    full->key_part_of = key_part_of;
    full->hash = hash_of(attributes, count);
    return true;
}

static bool grow_buckets(struct shapes *shapes)
{
    size_t bigger = shapes->bucket_count * 2;
    struct shape_full **buckets;

    if (atomic_load(&shapes->count) < shapes->bucket_count)
        return true;
    buckets = calloc(bigger, sizeof(struct shape_full *));
    if (buckets == NULL)
        return false;
    for (size_t i = 0; i < shapes->bucket_count; i++) {
        for (struct shape_full *shape = shapes->buckets[i], *next; shape != NULL; shape = next) {
            next = shape->next_in_bucket;
            shape->next_in_bucket = buckets[shape->hash & (bigger - 1)];
            buckets[shape->hash & (bigger - 1)] = shape;
        }
    }
    free(shapes->buckets);
    shapes->buckets = buckets;
    shapes->bucket_count = bigger;
    return true;
}

enum status shapes_add(struct shapes *shapes, const struct table *table, uint32_t id,
                       const uint16_t *attributes, size_t count, struct shape_full **out)
{
    struct shape_full *full = ARENA_NEW(&shapes->arena, struct shape_full);
    struct shape_slot *page;
    uint32_t slot;
    unsigned at;

    if (id == 0 || count > RECORD_COLUMNS_MAX || id >= SHAPE_PAGE_FIRST * ((1u << SHAPE_PAGES) - 1))
        return ST_LIMIT;
    if (full == NULL || !shape_fill(full, table, attributes, count, &shapes->arena) ||
        !grow_buckets(shapes))
        return ST_NO_MEMORY;
    at = page_of(id, &slot);
    page = atomic_load(&shapes->pages[at]);
    if (page == NULL) {
        page = calloc((size_t)SHAPE_PAGE_FIRST << at, sizeof(*page));
        if (page == NULL)
            return ST_NO_MEMORY;
        atomic_store_explicit(&shapes->pages[at], page, memory_order_release);
    }
    full->shape.id = id;
    full->owner = shapes;
    full->next_in_bucket = shapes->buckets[full->hash & (shapes->bucket_count - 1)];
    shapes->buckets[full->hash & (shapes->bucket_count - 1)] = full;
    atomic_store_explicit(&page[slot].shape, full, memory_order_release);
    if (id > atomic_load(&shapes->count))
        atomic_store_explicit(&shapes->count, id, memory_order_release);
    *out = full;
    return ST_OK;
}

void shapes_forget(struct shape_full *shape)
{
    union {
        const struct shapes *lent;
        struct shapes *own;
    } owner = {.lent = shape->owner};
    struct shapes *shapes = owner.own;
    struct shape_full **link = &shapes->buckets[shape->hash & (shapes->bucket_count - 1)];
    uint32_t slot, id = shape->shape.id;
    unsigned at = page_of(id, &slot);

    while (*link != NULL && *link != shape)
        link = &(*link)->next_in_bucket;
    if (*link != NULL)
        *link = shape->next_in_bucket;
    atomic_store(&atomic_load(&shapes->pages[at])[slot].shape, NULL);
    /* Shapes are forgotten in the reverse order of their making, so the id may be given out again.
     */
    if (id == atomic_load(&shapes->count))
        atomic_store(&shapes->count, id - 1);
}

struct shapes *shapes_copy(const struct shapes *from, const struct table *table)
{
    struct shapes *shapes = shapes_new();
    uint32_t count = atomic_load(&from->count);

    for (uint32_t id = 1; shapes != NULL && id <= count; id++) {
        const struct shape *old = shapes_find(from, id);
        struct shape_full *copy;

        if (old == NULL)
            continue;
        if (shapes_add(shapes, table, id, old->attributes, old->count, &copy) != ST_OK) {
            shapes_drop(shapes);
            return NULL;
        }
    }
    return shapes;
}

enum status shape_transient(const struct table *table, const uint16_t *attributes, size_t count,
                            struct arena *arena, struct shape_full **out)
{
    struct shape_full *full = ARENA_NEW(arena, struct shape_full);

    if (full == NULL || !shape_fill(full, table, attributes, count, arena))
        return ST_NO_MEMORY;
    *out = full;
    return ST_OK;
}

/* ---- in a transaction ---- */

static enum status remember_new(struct txn *txn, struct shape_full *shape)
{
    if (txn->new_shape_count == txn->new_shape_room) {
        size_t room = txn->new_shape_room == 0 ? 16 : txn->new_shape_room * 2;
        struct shape_full **bigger = realloc(txn->new_shapes, room * sizeof(struct shape_full *));

        if (bigger == NULL)
            return ST_NO_MEMORY;
        txn->new_shapes = bigger;
        txn->new_shape_room = room;
    }
    txn->new_shapes[txn->new_shape_count++] = shape;
    return ST_OK;
}

/* Its definition goes into META with the transaction that makes it, so every shape that is not
 * forgotten again is durable no later than the first record that uses it. */
static enum status write_shape(struct txn *txn, const struct table *table,
                               const struct shape_full *shape)
{
    struct buf key = {0}, value = {0};
    enum status st = ST_NO_MEMORY;

    meta_key(&key, META_SHAPE, table->store, &shape->shape.id);
    buf_append_varint(&value, shape->shape.count);
    for (unsigned i = 0; i < shape->shape.count; i++)
        buf_append_varint(&value, shape->shape.attributes[i]);
    if (!key.failed && !value.failed)
        st = txn_put(txn, store_meta(), buf_slice(&key), buf_slice(&value));
    buf_free(&key);
    buf_free(&value);
    return st;
}

static enum status make_shape(struct txn *txn, const struct table *table,
                              const uint16_t *attributes, size_t count, struct shape_full **out)
{
    struct shapes *shapes = version_of(table)->shapes;

    TRY(shapes_add(shapes, table, atomic_load(&shapes->count) + 1, attributes, count, out));
    TRY(remember_new(txn, *out));
    return write_shape(txn, table, *out);
}

enum status table_shape(struct txn *txn, const struct table *table, const uint16_t *attributes,
                        size_t count, const struct shape **out)
{
    const struct table *current = txn_current_table(txn, table);
    struct shape_full *found;

    if (current == NULL)
        return ST_NO_TABLE;
    if (count > RECORD_COLUMNS_MAX)
        return ST_LIMIT;
    if (!txn->is_write) { /* a reader asks for a shape to describe rows, never to store any */
        struct shapes *shapes = version_of(current)->shapes;

        pthread_mutex_lock(&shapes->lock);
        found = shapes_lookup(shapes, attributes, count);
        pthread_mutex_unlock(&shapes->lock);
        if (found == NULL)
            TRY(shape_transient(current, attributes, count, &txn->arena, &found));
        *out = &found->shape;
        return ST_OK;
    }
    struct shapes *shapes = version_of(current)->shapes;
    enum status st = ST_OK;

    pthread_mutex_lock(&shapes->lock);
    found = shapes_lookup(shapes, attributes, count);
    if (found == NULL && atomic_load(&shapes->count) < SHAPES_PER_TABLE_MAX)
        st = make_shape(txn, current, attributes, count, &found);
    pthread_mutex_unlock(&shapes->lock);
    /* Too many: the shape is only passed to table_write, which stores the row under a shape of all
     * attributes. The order of the members is lost, nothing else. */
    if (found == NULL && st == ST_OK)
        st = shape_transient(current, attributes, count, &txn->arena, &found);
    if (st == ST_OK)
        *out = &found->shape;
    return st;
}

enum status shape_intern(struct txn *txn, const struct table *table, const uint16_t *attributes,
                         size_t count, const struct shape **out)
{
    struct shapes *shapes = version_of(table)->shapes;
    struct shape_full *found;
    enum status st = ST_OK;

    pthread_mutex_lock(&shapes->lock);
    found = shapes_lookup(shapes, attributes, count);
    if (found == NULL)
        st = make_shape(txn, table, attributes, count, &found);
    pthread_mutex_unlock(&shapes->lock);
    if (st == ST_OK)
        *out = &found->shape;
    return st;
}

enum status shape_universal(struct txn *txn, const struct table *table, const struct shape **out)
{
    uint16_t *all = arena_zalloc_array(&txn->scratch, table->attribute_count + 1u, sizeof(*all));
    size_t count = 0;

    if (all == NULL)
        return ST_NO_MEMORY;
    for (unsigned i = 0; i < table->attribute_count && count < RECORD_COLUMNS_MAX; i++)
        if (!table->attributes[i].is_dropped &&
            table->attributes[i].generated != GENERATED_VIRTUAL &&
            table->attributes[i].type != TYPE_RELATIONSHIP)
            all[count++] = (uint16_t)i;
    return shape_intern(txn, table, all, count, out);
}
