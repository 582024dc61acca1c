/* catalog: immutable versions of what a database has. A version shares the definitions that did not
 * change with the one before it, by reference counts, so that a change costs one definition and one
 * array of pointers. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

static int fold(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int compare_nocase(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < shared; i++) {
        int order = fold((uint8_t)a.data[i]) - fold((uint8_t)b.data[i]);

        if (order != 0)
            return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* ---- looking up ---- */

const struct table *catalog_table(const struct catalog *catalog, struct slice name)
{
    size_t low = 0, high = catalog->table_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_nocase(catalog->tables[middle]->name, name);

        if (order == 0)
            return catalog->tables[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct table *catalog_table_by_store(const struct catalog *catalog, uint32_t store)
{
    const struct table **by_store = catalog_version_of(catalog)->by_store;
    size_t low = 0, high = catalog->table_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (by_store[middle]->store == store)
            return by_store[middle];
        if (by_store[middle]->store < store)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct index *catalog_index(const struct catalog *catalog, struct slice name)
{
    for (size_t i = 0; i < catalog->table_count; i++) {
        const struct table *table = catalog->tables[i];

        for (unsigned k = 0; k < table->index_count; k++)
            if (slice_equal_nocase(table->indexes[k].name, name))
                return &table->indexes[k];
    }
    return NULL;
}

const struct catalog_object *catalog_object(const struct catalog *catalog, enum object_kind kind,
                                            struct slice name)
{
    size_t low = 0, high = catalog->object_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (compare_nocase(catalog->objects[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < catalog->object_count && slice_equal_nocase(catalog->objects[low]->name, name);
         low++)
        if (catalog->objects[low]->kind == kind)
            return catalog->objects[low];
    return NULL;
}

static uint32_t name_hash(struct slice name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint32_t)fold((uint8_t)name.data[i])) * 16777619u;
    return hash ^ (hash >> 15);
}

const struct attribute *table_attribute(const struct table *table, struct slice name)
{
    const struct table_version *version = version_of(table);
    uint32_t hash = name_hash(name);
    size_t mask = version->name_slot_count - 1;

    for (size_t at = hash & mask; version->names[at].attribute_plus_1 != 0; at = (at + 1) & mask) {
        const struct attribute *attribute;

        if (version->names[at].hash != hash)
            continue;
        attribute = &table->attributes[version->names[at].attribute_plus_1 - 1];
        if (table->is_case_sensitive ? slice_equal(attribute->name, name)
                                     : slice_equal_nocase(attribute->name, name))
            return attribute;
    }
    return NULL;
}

const struct index *table_index_on(const struct table *table, uint16_t attribute)
{
    for (unsigned i = 0; i < table->index_count; i++) {
        const struct index *index = &table->indexes[i];

        if (index->part_count == 1 && index->parts[0].attribute == attribute &&
            index->state == INDEX_READY && index->where_sql.len == 0)
            return index;
    }
    return NULL;
}

/* ---- statistics ---- */

struct table_stats *table_stats_new(void)
{
    struct table_stats *stats = calloc(1, sizeof(*stats));

    if (stats != NULL)
        atomic_init(&stats->references, 1);
    return stats;
}

void table_stats_drop(struct table_stats *stats)
{
    if (stats == NULL || atomic_fetch_sub(&stats->references, 1) != 1)
        return;
    for (struct index_stats *index = atomic_load(&stats->indexes), *next; index != NULL;
         index = next) {
        next = index->next;
        free(index);
    }
    buf_free(&stats->greatest);
    free(stats);
}

/* ---- versions of a table ---- */

struct table_version *table_version_hold(const struct table *table)
{
    struct table_version *version = version_of(table);

    atomic_fetch_add_explicit(&version->references, 1, memory_order_relaxed);
    return version;
}

void table_version_drop(struct table_version *version)
{
    if (version == NULL || atomic_fetch_sub(&version->references, 1) != 1)
        return;
    if (version->table.cache != NULL && version->table.db->evaluator.release != NULL)
        version->table.db->evaluator.release(version->table.db->evaluator.context,
                                             version->table.cache);
    shapes_drop(version->shapes);
    table_stats_drop(version->table.stats);
    arena_deinit(&version->arena);
    free(version);
}

static void copy_attribute(struct arena *arena, struct attribute *to, const struct attribute *from)
{
    *to = *from;
    to->name = arena_copy(arena, from->name);
    to->declared_type = arena_copy(arena, from->declared_type);
    to->default_sql = arena_copy(arena, from->default_sql);
    to->generated_sql = arena_copy(arena, from->generated_sql);
    to->nested_type = arena_copy(arena, from->nested_type);
    to->relation_table = arena_copy(arena, from->relation_table);
    to->relation_from = arena_copy(arena, from->relation_from);
    to->relation_to = arena_copy(arena, from->relation_to);
    to->description = arena_copy(arena, from->description);
}

static void copy_index(struct arena *arena, struct index *to, const struct index *from)
{
    struct index_part *parts = ARENA_NEW_ARRAY(arena, struct index_part, from->part_count + 1u);

    *to = *from;
    to->name = arena_copy(arena, from->name);
    to->where_sql = arena_copy(arena, from->where_sql);
    to->sql = arena_copy(arena, from->sql);
    to->parts = parts;
    for (unsigned i = 0; parts != NULL && i < from->part_count; i++) {
        parts[i] = from->parts[i];
        parts[i].expression_sql = arena_copy(arena, from->parts[i].expression_sql);
    }
}

static const struct slice *copy_slices(struct arena *arena, const struct slice *from, size_t count)
{
    struct slice *to;

    if (from == NULL)
        return NULL;
    to = ARENA_NEW_ARRAY(arena, struct slice, count + 1);
    for (size_t i = 0; to != NULL && i < count; i++)
        to[i] = arena_copy(arena, from[i]);
    return to;
}

static void copy_constraints(struct arena *arena, struct table *to, const struct table *from)
{
    struct check *checks = ARENA_NEW_ARRAY(arena, struct check, from->check_count + 1u);
    struct foreign_key *keys =
        ARENA_NEW_ARRAY(arena, struct foreign_key, from->foreign_key_count + 1u);

    to->checks = checks;
    to->foreign_keys = keys;
    for (unsigned i = 0; checks != NULL && i < from->check_count; i++)
        checks[i] = (struct check){arena_copy(arena, from->checks[i].name),
                                   arena_copy(arena, from->checks[i].sql)};
    for (unsigned i = 0; keys != NULL && i < from->foreign_key_count; i++) {
        const struct foreign_key *old = &from->foreign_keys[i];

        keys[i] = *old;
        keys[i].name = arena_copy(arena, old->name);
        keys[i].parent = arena_copy(arena, old->parent);
        keys[i].child_columns = copy_slices(arena, old->child_columns, old->count);
        keys[i].parent_columns = copy_slices(arena, old->parent_columns, old->count);
    }
}

struct table_version *table_version_copy(struct db *db, const struct table *from,
                                         unsigned more_attributes, unsigned more_indexes)
{
    struct table_version *version = calloc(1, sizeof(*version));
    struct arena *arena;
    struct table *to;
    struct attribute *attributes;
    struct index *indexes;
    uint16_t *key_attributes;
    struct key_part *key_parts;
    size_t key_parts_count = from->key_count == 0 ? 1 : from->key_count;

    if (version == NULL)
        return NULL;
    atomic_init(&version->references, 1);
    arena = &version->arena;
    to = &version->table;
    *to = *from;
    to->db = db;
    to->cache = NULL;
    to->stats = NULL;
    to->declared_shape = NULL;
    attributes =
        ARENA_NEW_ARRAY(arena, struct attribute, from->attribute_count + more_attributes + 1u);
    indexes = ARENA_NEW_ARRAY(arena, struct index, from->index_count + more_indexes + 1u);
    key_attributes = ARENA_NEW_ARRAY(arena, uint16_t, from->key_count + 1u);
    key_parts = ARENA_NEW_ARRAY(arena, struct key_part, key_parts_count);
    if (attributes == NULL || indexes == NULL || key_attributes == NULL || key_parts == NULL)
        goto fail;
    for (unsigned i = 0; i < from->attribute_count; i++)
        copy_attribute(arena, &attributes[i], &from->attributes[i]);
    for (unsigned i = 0; i < from->index_count; i++)
        copy_index(arena, &indexes[i], &from->indexes[i]);
    for (unsigned i = 0; i < from->key_count; i++)
        key_attributes[i] = from->key_attributes[i];
    for (unsigned i = 0; from->key_parts != NULL && i < key_parts_count; i++)
        key_parts[i] = from->key_parts[i];
    to->attributes = attributes;
    to->indexes = indexes;
    to->key_attributes = key_attributes;
    to->key_parts = key_parts;
    copy_constraints(arena, to, from);
    to->name = arena_copy(arena, from->name);
    to->export_path = arena_copy(arena, from->export_path);
    to->sql = arena_copy(arena, from->sql);
    to->description = arena_copy(arena, from->description);
    if (!arena->failed)
        return version;
fail:
    table_version_drop(version);
    return NULL;
}

static bool hash_names(struct table_version *version)
{
    const struct table *table = &version->table;
    size_t count = 8;

    while (count < table->attribute_count * 2u)
        count *= 2;
    version->names = ARENA_NEW_ARRAY(&version->arena, struct name_slot, count);
    version->name_slot_count = count;
    if (version->names == NULL)
        return false;
    for (unsigned i = 0; i < table->attribute_count; i++) {
        uint32_t hash = name_hash(table->attributes[i].name);
        size_t at = hash & (count - 1);

        if (table->attributes[i].is_dropped)
            continue;
        while (version->names[at].attribute_plus_1 != 0)
            at = (at + 1) & (count - 1);
        version->names[at] = (struct name_slot){hash, (uint16_t)(i + 1)};
    }
    return true;
}

/* Per index: its parts followed by those of the primary key, as its entries are coded. */
static bool describe_indexes(struct table_version *version)
{
    struct table *table = &version->table;
    struct index *indexes = indexes_of(version);
    unsigned key_parts = table->key_count == 0 ? 1 : table->key_count;

    version->needs_evaluator = false;
    version->infos = ARENA_NEW_ARRAY(&version->arena, struct index_info, table->index_count + 1u);
    if (version->infos == NULL)
        return false;
    for (unsigned i = 0; i < table->index_count; i++) {
        unsigned count = indexes[i].part_count + key_parts;
        struct key_part *parts = ARENA_NEW_ARRAY(&version->arena, struct key_part, count);

        if (parts == NULL)
            return false;
        for (unsigned k = 0; k < indexes[i].part_count; k++) {
            parts[k] = indexes[i].parts[k].order;
            if (indexes[i].parts[k].attribute == ATTRIBUTE_NONE)
                version->needs_evaluator = true;
        }
        if (indexes[i].where_sql.len != 0)
            version->needs_evaluator = true;
        memcpy(parts + indexes[i].part_count, table->key_parts, key_parts * sizeof(*parts));
        version->infos[i] = (struct index_info){.parts = parts, .part_count = count};
        indexes[i].table = table;
    }
    return true;
}

enum status table_version_finish(struct table_version *version)
{
    struct table *table = &version->table;

    version->key_part_of_attribute =
        ARENA_NEW_ARRAY(&version->arena, uint8_t, table->attribute_count + 1u);
    if (version->key_part_of_attribute == NULL || !hash_names(version) ||
        !describe_indexes(version))
        return ST_NO_MEMORY;
    table->may_expire |= table->expiration_s > 0;
    for (unsigned i = 0; i < table->attribute_count; i++)
        table->may_expire |= table->attributes[i].role == ROLE_EXPIRES_AT;
    memset(version->key_part_of_attribute, 0xff, table->attribute_count + 1u);
    for (unsigned k = 0; k < table->key_count; k++)
        version->key_part_of_attribute[table->key_attributes[k]] = (uint8_t)k;
    if (table->stats == NULL) {
        table->stats = table_stats_new();
        if (table->stats == NULL)
            return ST_NO_MEMORY;
    }
    for (unsigned i = 0; i < table->index_count; i++)
        if ((version->infos[i].stats = index_stats_of(table->stats, &table->indexes[i])) == NULL)
            return ST_NO_MEMORY;
    if (version->shapes == NULL) {
        version->shapes = shapes_new();
        if (version->shapes == NULL)
            return ST_NO_MEMORY;
    }
    return version->arena.failed ? ST_NO_MEMORY : ST_OK;
}

void object_version_drop(struct object_version *object)
{
    if (object == NULL || atomic_fetch_sub(&object->references, 1) != 1)
        return;
    arena_deinit(&object->arena);
    free(object);
}

/* ---- versions of the catalog ---- */

struct catalog_version *catalog_hold(struct catalog_version *catalog)
{
    atomic_fetch_add_explicit(&catalog->references, 1, memory_order_relaxed);
    return catalog;
}

static struct object_version *object_of(const struct catalog_object *object)
{
    union {
        const struct catalog_object *lent;
        struct object_version *own;
    } cast = {.lent = object};
    return cast.own;
}

void catalog_drop(struct catalog_version *catalog)
{
    if (catalog == NULL || atomic_fetch_sub(&catalog->references, 1) != 1)
        return;
    for (size_t i = 0; i < catalog->catalog.table_count; i++)
        table_version_drop(version_of(catalog->by_store[i]));
    for (size_t i = 0; i < catalog->catalog.object_count; i++)
        object_version_drop(object_of(catalog->catalog.objects[i]));
    free(catalog);
}

/* One allocation: the struct, tables by name, tables by store, objects by name. */
static struct catalog_version *catalog_allocate(struct db *db, size_t tables, size_t objects,
                                                const struct table ***by_name,
                                                const struct catalog_object ***by_object)
{
    struct catalog_version *catalog =
        calloc(1, sizeof(*catalog) + (2 * tables + objects) * sizeof(void *));

    if (catalog == NULL)
        return NULL;
    atomic_init(&catalog->references, 1);
    catalog->db = db;
    *by_name = (const struct table **)(void *)(catalog + 1);
    catalog->by_store = *by_name + tables;
    *by_object = (const struct catalog_object **)(void *)(catalog->by_store + tables);
    catalog->catalog.tables = *by_name;
    catalog->catalog.objects = *by_object;
    catalog->catalog.table_count = tables;
    catalog->catalog.object_count = objects;
    return catalog;
}

/* Copy a sorted array without `drop` and with `put` at its place. */
#define COPY_SORTED(to, from, from_count, is_dropped, put, is_before)                              \
    do {                                                                                           \
        size_t to_count_ = 0;                                                                      \
        bool is_put_ = (put) == NULL;                                                              \
        for (size_t i = 0; i < (from_count); i++) {                                                \
            if (is_dropped((from)[i]))                                                             \
                continue;                                                                          \
            if (!is_put_ && is_before((put), (from)[i])) {                                         \
                (to)[to_count_++] = (put);                                                         \
                is_put_ = true;                                                                    \
            }                                                                                      \
            (to)[to_count_++] = (from)[i];                                                         \
        }                                                                                          \
        if (!is_put_)                                                                              \
            (to)[to_count_++] = (put);                                                             \
    } while (0)
#define TABLE_DROPPED(t)                                                                           \
    ((t)->store == drop_store || (put != NULL && (t)->store == put->table.store))
#define NAME_BEFORE(a, b)  (compare_nocase((a)->name, (b)->name) < 0)
#define STORE_BEFORE(a, b) ((a)->store < (b)->store)
#define OBJECT_DROPPED(o)                                                                          \
    ((o)->id == drop_object || (put_object != NULL && (o)->id == put_object->object.id))

struct catalog_version *catalog_with(struct db *db, const struct catalog_version *from,
                                     struct table_version *put, uint32_t drop_store,
                                     struct object_version *put_object, uint32_t drop_object)
{
    const struct table **by_name;
    const struct catalog_object **by_object;
    const struct table *table = put == NULL ? NULL : &put->table;
    const struct catalog_object *object = put_object == NULL ? NULL : &put_object->object;
    size_t tables = table != NULL, objects = object != NULL;
    struct catalog_version *catalog;

    for (size_t i = 0; i < from->catalog.table_count; i++)
        tables += !TABLE_DROPPED(from->by_store[i]);
    for (size_t i = 0; i < from->catalog.object_count; i++)
        objects += !OBJECT_DROPPED(from->catalog.objects[i]);
    catalog = catalog_allocate(db, tables, objects, &by_name, &by_object);
    if (catalog == NULL)
        return NULL;
    COPY_SORTED(by_name, from->catalog.tables, from->catalog.table_count, TABLE_DROPPED, table,
                NAME_BEFORE);
    COPY_SORTED(catalog->by_store, from->by_store, from->catalog.table_count, TABLE_DROPPED, table,
                STORE_BEFORE);
    COPY_SORTED(by_object, from->catalog.objects, from->catalog.object_count, OBJECT_DROPPED,
                object, NAME_BEFORE);
    for (size_t i = 0; i < tables; i++)
        if (by_name[i] != table)
            (void)table_version_hold(by_name[i]);
    for (size_t i = 0; i < objects; i++)
        if (by_object[i] != object)
            atomic_fetch_add(&object_of(by_object[i])->references, 1);
    catalog->catalog.version = from->catalog.version + 1;
    return catalog;
}

static int order_by_name(const void *a, const void *b)
{
    const struct table *const *left = a, *const *right = b;

    return compare_nocase((*left)->name, (*right)->name);
}

static int order_by_store(const void *a, const void *b)
{
    const struct table *const *left = a, *const *right = b;

    return ((*left)->store > (*right)->store) - ((*left)->store < (*right)->store);
}

static int order_objects(const void *a, const void *b)
{
    const struct catalog_object *const *left = a, *const *right = b;

    return compare_nocase((*left)->name, (*right)->name);
}

struct catalog_version *catalog_of_lists(struct db *db, struct table_version **tables,
                                         size_t table_count, struct object_version **objects,
                                         size_t object_count)
{
    const struct table **by_name;
    const struct catalog_object **by_object;
    struct catalog_version *catalog =
        catalog_allocate(db, table_count, object_count, &by_name, &by_object);

    if (catalog == NULL)
        return NULL;
    for (size_t i = 0; i < table_count; i++)
        by_name[i] = catalog->by_store[i] = &tables[i]->table;
    for (size_t i = 0; i < object_count; i++)
        by_object[i] = &objects[i]->object;
    qsort(by_name, table_count, sizeof(*by_name), order_by_name);
    qsort(catalog->by_store, table_count, sizeof(*by_name), order_by_store);
    qsort(by_object, object_count, sizeof(*by_object), order_objects);
    return catalog;
}

bool database_is(const struct databases *databases, unsigned number, struct slice name)
{
    if (slice_equal_nocase(databases->refs[number].name, name))
        return true;
    if (number != 0 || !slice_is_nocase(name, "data"))
        return false;
    for (unsigned k = 1; k < databases->count; k++)
        if (slice_equal_nocase(databases->refs[k].name, name))
            return false;
    return true;
}
