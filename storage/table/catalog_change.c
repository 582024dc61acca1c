/* catalog_change: DDL inside a write transaction. A change copies one definition, changes the copy,
 * and puts it into a catalog version that only this transaction sees until it commits; its bytes go
 * into the delta like rows do. */
#include "storage/table/table_internal.h"
#include <stdlib.h>
#include <sys/random.h>

/* ---- installing versions ---- */

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, -1, "out of memory");
}

static enum status install(struct txn *txn, struct table_version *put, uint32_t drop_store,
                           struct object_version *put_object, uint32_t drop_object,
                           struct error *err)
{
    struct catalog_version *next;

    TRY(FAILPOINT("catalog.install"));
    next = catalog_with(txn->db, txn->catalog, put, drop_store, put_object, drop_object);
    if (next == NULL)
        return no_memory(err);
    next->catalog.version = ++txn->db->last_catalog_version;
    /* Tables that the statement holds stay alive until the transaction ends. */
    next->next_kept = txn->kept;
    txn->kept = catalog_hold(next);
    catalog_drop(txn->catalog);
    txn->catalog = next;
    txn->has_catalog_changes = true;
    return ST_OK;
}

static enum status put_definition(struct txn *txn, const struct table *table)
{
    TRY(FAILPOINT("catalog.put"));
    meta_key(&txn->other_key, META_TABLE, table->store, NULL);
    table_encode(&txn->record, table);
    if (txn->other_key.failed || txn->record.failed)
        return ST_NO_MEMORY;
    return txn_put(txn, store_meta(), buf_slice(&txn->other_key), buf_slice(&txn->record));
}

enum status catalog_write_counters(struct txn *txn)
{
    meta_key(&txn->other_key, META_DATABASE, 0, NULL);
    database_encode(&txn->record, txn->db, txn->next_store, txn->next_object,
                    txn->catalog->catalog.version);
    if (txn->other_key.failed || txn->record.failed)
        return ST_NO_MEMORY;
    return txn_put(txn, store_meta(), buf_slice(&txn->other_key), buf_slice(&txn->record));
}

/* Find and write the shape of the declared attributes, which INSERT without a column list uses. */
static enum status set_declared_shape(struct txn *txn, struct table_version *version)
{
    struct table *table = &version->table;
    uint16_t *all = malloc((table->attribute_count + 1u) * sizeof(*all));
    size_t count = 0;
    enum status st;

    if (all == NULL)
        return ST_NO_MEMORY;
    for (unsigned i = 0; i < table->attribute_count; i++)
        if (!table->attributes[i].is_dropped && !table->attributes[i].is_dynamic &&
            table->attributes[i].generated != GENERATED_VIRTUAL &&
            table->attributes[i].type != TYPE_RELATIONSHIP)
            all[count++] = (uint16_t)i;
    st = shape_intern(txn, table, all, count, &table->declared_shape);
    free(all);
    return st;
}

/* `version` is complete: make it the table's definition. Owns it, also on failure. */
enum status ddl_publish(struct txn *txn, struct table_version *version, struct error *err)
{
    size_t shapes = txn->new_shape_count;
    enum status st = table_version_finish(version);

    if (st == ST_OK)
        st = set_declared_shape(txn, version);
    if (st == ST_OK)
        st = put_definition(txn, &version->table);
    if (st == ST_OK)
        st = log_add_schema(txn, &version->table);
    if (st == ST_OK)
        st = install(txn, version, 0, NULL, 0, err);
    if (st != ST_OK) {
        txn->is_doomed = true;
        txn_forget_shapes(txn, shapes); /* the version may be all that keeps them alive */
        table_version_drop(version);
        return txn_delta_error(txn, st, err);
    }
    return ST_OK;
}

enum status ddl_begin(struct txn *txn, const struct table **table, struct error *err)
{
    TRY(txn_check_writable(txn, err));
    if (table != NULL) {
        const struct table *current = txn_current_table(txn, *table);

        if (current == NULL)
            return error_set(err, ST_NO_TABLE, -1, "no such table: %.*s", (int)(*table)->name.len,
                             (*table)->name.data);
        *table = current;
    }
    return ST_OK;
}

/* A copy of `definition` that shares with `table` what all its versions share. */
static struct table_version *version_like(struct txn *txn, const struct table *table,
                                          const struct table *definition, unsigned more_attributes,
                                          unsigned more_indexes)
{
    struct table_version *version =
        table_version_copy(txn->db, definition, more_attributes, more_indexes);

    if (version == NULL)
        return NULL;
    version->table.stats = table->stats;
    atomic_fetch_add(&table->stats->references, 1);
    version->shapes = shapes_hold(version_of(table)->shapes);
    return version;
}

struct table_version *ddl_version(struct txn *txn, const struct table *table,
                                  unsigned more_attributes, unsigned more_indexes)
{
    return version_like(txn, table, table, more_attributes, more_indexes);
}

uint32_t ddl_next_store(struct txn *txn)
{
    return txn->next_store++;
}

/* ---- creating tables ---- */

static enum status check_name(struct txn *txn, struct slice name, const struct table *except,
                              struct error *err)
{
    const struct catalog *catalog = &txn->catalog->catalog;
    const struct table *taken = catalog_table(catalog, name);

    if (name.len == 0 || name.len > 250)
        return error_set(err, ST_INVALID, -1, "a table name has 1 to 250 bytes");
    if (taken != NULL && (except == NULL || taken->store != except->store))
        return error_set(err, ST_EXISTS, -1, "table %.*s already exists", (int)name.len, name.data);
    if (catalog_object(catalog, OBJECT_VIEW, name) != NULL)
        return error_set(err, ST_EXISTS, -1, "view %.*s already exists", (int)name.len, name.data);
    return ST_OK;
}

static bool has_own_index(const struct table *table, uint16_t attribute)
{
    for (unsigned i = 0; i < table->index_count; i++)
        if (table->indexes[i].part_count == 1 && table->indexes[i].parts[0].attribute == attribute)
            return true;
    for (unsigned i = 0; i < table->key_count; i++)
        if (table->key_attributes[i] == attribute)
            return true;
    return false;
}

/* The index that an attribute of a dynamic table gets; called "table/attribute" like its store. */
static bool add_attribute_index(struct txn *txn, struct table_version *version, uint16_t attribute)
{
    struct table *table = &version->table;
    struct index *index = &indexes_of(version)[table->index_count];
    struct index_part *part = ARENA_NEW(&version->arena, struct index_part);
    const struct attribute *described = &table->attributes[attribute];
    const char *name =
        arena_printf(&version->arena, "%.*s/%.*s", (int)table->name.len, table->name.data,
                     (int)described->name.len, described->name.data);

    if (part == NULL || name == NULL)
        return false;
    part->attribute = attribute;
    *index = (struct index){.store = ddl_next_store(txn),
                            .name = slice_of(name, table->name.len + 1 + described->name.len),
                            .part_count = 1,
                            .is_multi_valued = true,
                            .origin = INDEX_ATTRIBUTE,
                            .parts = part};
    table->index_count++;
    return true;
}

static bool index_everything(struct txn *txn, struct table_version *version, unsigned from)
{
    for (unsigned i = from; i < version->table.attribute_count; i++)
        if (!has_own_index(&version->table, (uint16_t)i) &&
            !version->table.attributes[i].is_dropped &&
            !add_attribute_index(txn, version, (uint16_t)i))
            return false;
    return true;
}

static enum status check_definition(const struct table *definition, struct error *err)
{
    if (definition->attribute_count >= RECORD_COLUMNS_MAX)
        return error_set(err, ST_LIMIT, -1, "a table has at most %d attributes",
                         (int)RECORD_COLUMNS_MAX);
    if (definition->key_count > 32)
        return error_set(err, ST_LIMIT, -1, "a primary key has at most 32 parts");
    for (unsigned i = 0; i < definition->key_count; i++)
        if (definition->key_attributes[i] >= definition->attribute_count)
            return error_set(err, ST_INVALID, -1, "the primary key names no attribute");
    for (unsigned i = 0; i < definition->index_count; i++)
        if (definition->indexes[i].part_count == 0 || definition->indexes[i].part_count > 31)
            return error_set(err, ST_LIMIT, -1, "an index has 1 to 31 parts");
    return ST_OK;
}

static enum status create_stores_of(struct txn *txn, const struct table *table)
{
    TRY(delta_create_store(own_delta(txn), store_of_table(table)));
    for (unsigned i = 0; i < table->index_count; i++)
        TRY(delta_create_store(own_delta(txn), store_of_index(&table->indexes[i])));
    return ST_OK;
}

enum status catalog_create_table(struct txn *txn, const struct table *definition,
                                 const struct table **out, struct error *err)
{
    struct table_version *version;
    struct attribute *attributes;
    struct index *indexes;
    enum status st;

    TRY(ddl_begin(txn, NULL, err));
    TRY(check_name(txn, definition->name, NULL, err));
    TRY(check_definition(definition, err));
    version = table_version_copy(txn->db, definition, 0,
                                 definition->is_dynamic ? definition->attribute_count : 0u);
    if (version == NULL)
        return no_memory(err);
    version->table.store = ddl_next_store(txn);
    attributes = attributes_of(version);
    for (unsigned i = 0; i < definition->attribute_count; i++) {
        attributes[i].id = (uint16_t)i;
        attributes[i].is_dropped = false;
    }
    indexes = indexes_of(version);
    for (unsigned i = 0; i < definition->index_count; i++) {
        indexes[i].store = ddl_next_store(txn);
        indexes[i].state = INDEX_READY;
    }
    if (getrandom(version->table.uuid, sizeof(version->table.uuid), 0) !=
        (ssize_t)sizeof(version->table.uuid))
        memset(version->table.uuid, 0, sizeof(version->table.uuid));
    if (definition->is_dynamic && !index_everything(txn, version, 0)) {
        table_version_drop(version);
        return no_memory(err);
    }
    st = create_stores_of(txn, &version->table);
    if (st != ST_OK) {
        txn->is_doomed = true;
        table_version_drop(version);
        return txn_delta_error(txn, st, err);
    }
    TRY(ddl_publish(txn, version, err));
    if (out != NULL)
        *out = &version->table;
    return ST_OK;
}

/* ---- dropping ---- */

static enum status forget_meta(struct txn *txn, enum meta_tag tag, uint32_t first,
                               const uint32_t *second)
{
    meta_key(&txn->other_key, tag, first, second);
    if (txn->other_key.failed)
        return ST_NO_MEMORY;
    return txn_delete(txn, store_meta(), buf_slice(&txn->other_key));
}

enum status ddl_drop_index_store(struct txn *txn, const struct index *index)
{
    TRY(forget_meta(txn, META_SKETCH, index->store, NULL));
    if (index->state == INDEX_FILLING)
        TRY(forget_meta(txn, META_FILL, index->store, NULL));
    return delta_drop_store(own_delta(txn), store_of_index(index));
}

static enum status drop_table_data(struct txn *txn, const struct table *table)
{
    uint32_t shapes = atomic_load(&version_of(table)->shapes->count);

    TRY(FAILPOINT("catalog.drop"));
    TRY(forget_meta(txn, META_TABLE, table->store, NULL));
    TRY(forget_meta(txn, META_COUNT, table->store, NULL));
    for (uint32_t id = 1; id <= shapes; id++)
        TRY(forget_meta(txn, META_SHAPE, table->store, &id));
    for (unsigned i = 0; i < table->index_count; i++)
        TRY(ddl_drop_index_store(txn, &table->indexes[i]));
    return delta_drop_store(own_delta(txn), store_of_table(table));
}

static enum status drop_triggers(struct txn *txn, struct slice table_name, struct error *err)
{
    for (size_t i = txn->catalog->catalog.object_count; i-- > 0;) {
        const struct catalog_object *object = txn->catalog->catalog.objects[i];

        if (object->kind == OBJECT_TRIGGER && slice_equal_nocase(object->table, table_name))
            TRY(catalog_drop_object(txn, OBJECT_TRIGGER, object->name, err));
    }
    return ST_OK;
}

enum status catalog_drop_table(struct txn *txn, const struct table *table, struct error *err)
{
    enum status st;

    TRY(ddl_begin(txn, &table, err));
    TRY(drop_triggers(txn, table->name, err));
    st = drop_table_data(txn, table);
    if (st == ST_OK)
        st = install(txn, NULL, table->store, NULL, 0, err);
    if (st != ST_OK) {
        txn->is_doomed = true;
        return txn_delta_error(txn, st, err);
    }
    return ST_OK;
}

/* ---- altering ---- */

enum status catalog_rename_table(struct txn *txn, const struct table *table, struct slice name,
                                 struct error *err)
{
    struct table_version *version;

    TRY(ddl_begin(txn, &table, err));
    TRY(check_name(txn, name, table, err));
    version = ddl_version(txn, table, 0, 0);
    if (version == NULL)
        return no_memory(err);
    version->table.name = arena_copy(&version->arena, name);
    return ddl_publish(txn, version, err);
}

void ddl_add_attribute(struct table_version *version, const struct attribute *definition)
{
    struct table *table = &version->table;
    struct attribute *attribute = &attributes_of(version)[table->attribute_count];
    struct arena *arena = &version->arena;

    *attribute = *definition;
    attribute->id = table->attribute_count++;
    attribute->is_dropped = false;
    attribute->name = arena_copy(arena, definition->name);
    attribute->declared_type = arena_copy(arena, definition->declared_type);
    attribute->default_sql = arena_copy(arena, definition->default_sql);
    attribute->generated_sql = arena_copy(arena, definition->generated_sql);
    attribute->nested_type = arena_copy(arena, definition->nested_type);
    attribute->relation_table = arena_copy(arena, definition->relation_table);
    attribute->relation_from = arena_copy(arena, definition->relation_from);
    attribute->relation_to = arena_copy(arena, definition->relation_to);
    attribute->description = arena_copy(arena, definition->description);
}

static enum status check_new_attributes(const struct table *table, size_t count, struct error *err)
{
    if (table->attribute_count + count >= RECORD_COLUMNS_MAX)
        return error_set(err, ST_LIMIT, -1, "a table has at most %d attributes",
                         (int)RECORD_COLUMNS_MAX);
    return ST_OK;
}

enum status catalog_add_attribute(struct txn *txn, const struct table *table,
                                  const struct attribute *definition, struct error *err)
{
    struct table_version *version;
    unsigned from;
    enum status st = ST_OK;

    TRY(ddl_begin(txn, &table, err));
    TRY(check_new_attributes(table, 1, err));
    if (table_attribute(table, definition->name) != NULL)
        return error_set(err, ST_EXISTS, -1, "duplicate column name: %.*s",
                         (int)definition->name.len, definition->name.data);
    version = ddl_version(txn, table, 1, 1);
    if (version == NULL)
        return no_memory(err);
    from = table->attribute_count;
    ddl_add_attribute(version, definition);
    if (table->is_dynamic && !index_everything(txn, version, from))
        st = ST_NO_MEMORY;
    for (unsigned i = table->index_count; st == ST_OK && i < version->table.index_count; i++)
        st = delta_create_store(own_delta(txn), store_of_index(&version->table.indexes[i]));
    if (st != ST_OK) {
        table_version_drop(version);
        return txn_delta_error(txn, st, err);
    }
    return ddl_publish(txn, version, err);
}

/* Attributes that appeared with the data. On a dynamic table each is indexed; no row has it yet, so
 * its index is empty and ready. */
enum status catalog_add_dynamic(struct txn *txn, const struct table *table,
                                const struct slice *names, size_t count, const struct table **out,
                                struct error *err)
{
    struct table_version *version;
    enum status st = ST_OK;

    TRY(ddl_begin(txn, &table, err));
    TRY(check_new_attributes(table, count, err));
    version = ddl_version(txn, table, (unsigned)count, (unsigned)count);
    if (version == NULL)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct attribute definition = {.name = names[i], .is_dynamic = true};
        bool is_twice = false;

        for (size_t k = 0; k < i; k++)
            is_twice |= table->is_case_sensitive ? slice_equal(names[i], names[k])
                                                 : slice_equal_nocase(names[i], names[k]);
        if (names[i].len > 250) {
            table_version_drop(version);
            return error_set(err, ST_INVALID, -1, "an attribute name has at most 250 bytes");
        }
        if (!is_twice)
            ddl_add_attribute(version, &definition);
    }
    if (table->is_dynamic && !index_everything(txn, version, table->attribute_count))
        st = ST_NO_MEMORY;
    for (unsigned i = table->index_count; st == ST_OK && i < version->table.index_count; i++)
        st = delta_create_store(own_delta(txn), store_of_index(&version->table.indexes[i]));
    if (st != ST_OK) {
        table_version_drop(version);
        return txn_delta_error(txn, st, err);
    }
    TRY(ddl_publish(txn, version, err));
    *out = &version->table;
    return ST_OK;
}

/* Shapes carry names, so a version with other names has shapes of its own (with the same ids). */
bool ddl_rename_shapes(struct table_version *version)
{
    struct shapes *renamed = shapes_copy(version->shapes, &version->table);

    if (renamed == NULL)
        return false;
    shapes_drop(version->shapes);
    version->shapes = renamed;
    return true;
}

enum status catalog_rename_attribute(struct txn *txn, const struct table *table, uint16_t attribute,
                                     struct slice name, struct error *err)
{
    struct table_version *version;
    const struct attribute *taken;

    TRY(ddl_begin(txn, &table, err));
    if (attribute >= table->attribute_count || table->attributes[attribute].is_dropped)
        return error_set(err, ST_NO_COLUMN, -1, "no such column");
    taken = table_attribute(table, name);
    if (taken != NULL && taken->id != attribute)
        return error_set(err, ST_EXISTS, -1, "duplicate column name: %.*s", (int)name.len,
                         name.data);
    version = ddl_version(txn, table, 0, 0);
    if (version == NULL)
        return no_memory(err);
    attributes_of(version)[attribute].name = arena_copy(&version->arena, name);
    if (!ddl_rename_shapes(version)) {
        table_version_drop(version);
        return no_memory(err);
    }
    return ddl_publish(txn, version, err);
}

void ddl_remove_index_at(struct table_version *version, unsigned at)
{
    struct index *indexes = indexes_of(version);

    memmove(indexes + at, indexes + at + 1,
            (version->table.index_count - at - 1u) * sizeof(*indexes));
    version->table.index_count--;
}

/* Indexes of its own go with the attribute; one that has other parts, or was asked for, stands in
 * the way. */
static enum status drop_indexes_of(struct txn *txn, struct table_version *version,
                                   uint16_t attribute, struct error *err)
{
    for (unsigned i = version->table.index_count; i-- > 0;) {
        const struct index *index = &version->table.indexes[i];
        bool uses = false;

        for (unsigned k = 0; k < index->part_count; k++)
            uses |= index->parts[k].attribute == attribute;
        if (!uses)
            continue;
        if (index->part_count != 1 || index->origin != INDEX_ATTRIBUTE)
            return error_set(err, ST_INVALID, -1, "index %.*s uses the column",
                             (int)index->name.len, index->name.data);
        TRY(ddl_drop_index_store(txn, index));
        ddl_remove_index_at(version, i);
    }
    return ST_OK;
}

enum status catalog_drop_attribute(struct txn *txn, const struct table *table, uint16_t attribute,
                                   struct error *err)
{
    struct table_version *version;
    enum status st;

    TRY(ddl_begin(txn, &table, err));
    if (attribute >= table->attribute_count || table->attributes[attribute].is_dropped)
        return error_set(err, ST_NO_COLUMN, -1, "no such column");
    if (version_of(table)->key_part_of_attribute[attribute] != 0xff)
        return error_set(err, ST_INVALID, -1, "cannot drop a column of the primary key");
    version = ddl_version(txn, table, 0, 0);
    if (version == NULL)
        return no_memory(err);
    st = drop_indexes_of(txn, version, attribute, err);
    attributes_of(version)[attribute].is_dropped = true;
    if (st == ST_OK && !ddl_rename_shapes(version))
        st = no_memory(err);
    if (st != ST_OK) {
        table_version_drop(version);
        return txn_delta_error(txn, st, err);
    }
    return ddl_publish(txn, version, err);
}

enum status catalog_alter_table(struct txn *txn, const struct table *table,
                                const struct table *definition, struct error *err)
{
    struct table_version *version;
    struct attribute *attributes;

    TRY(ddl_begin(txn, &table, err));
    if (definition->attribute_count != table->attribute_count)
        return error_set(err, ST_MISUSE, -1, "an altered table keeps its attributes");
    /* Texts and flags from the new definition; identity, keys and indexes from the present one. */
    struct table merged = *definition;

    merged.store = table->store;
    memcpy(merged.uuid, table->uuid, sizeof(merged.uuid));
    merged.name = table->name;
    merged.key_count = table->key_count;
    merged.key_attributes = table->key_attributes;
    merged.key_parts = table->key_parts;
    merged.index_count = table->index_count;
    merged.indexes = table->indexes;
    version = version_like(txn, table, &merged, 0, 0);
    if (version == NULL)
        return no_memory(err);
    attributes = attributes_of(version);
    for (unsigned i = 0; i < table->attribute_count; i++) {
        attributes[i].id = (uint16_t)i;
        attributes[i].name = arena_copy(&version->arena, table->attributes[i].name);
        attributes[i].is_dropped = table->attributes[i].is_dropped;
    }
    return ddl_publish(txn, version, err);
}

/* ---- indexes ---- */

enum status catalog_create_index(struct txn *txn, const struct table *table,
                                 const struct index *definition, struct error *err)
{
    struct table_version *version;
    struct table described;
    struct index *all;
    enum status st;

    TRY(ddl_begin(txn, &table, err));
    if (catalog_index(&txn->catalog->catalog, definition->name) != NULL)
        return error_set(err, ST_EXISTS, -1, "index %.*s already exists", (int)definition->name.len,
                         definition->name.data);
    if (definition->part_count == 0 || definition->part_count > 31)
        return error_set(err, ST_LIMIT, -1, "an index has 1 to 31 parts");
    all = calloc(table->index_count + 1u, sizeof(*all));
    if (all == NULL)
        return no_memory(err);
    memcpy(all, table->indexes, table->index_count * sizeof(*all));
    all[table->index_count] = *definition;
    all[table->index_count].store = ddl_next_store(txn);
    all[table->index_count].state = INDEX_READY;
    described = *table;
    described.indexes = all;
    described.index_count++;
    version = version_like(txn, table, &described, 0, 0);
    free(all);
    if (version == NULL)
        return no_memory(err);
    st = delta_create_store(own_delta(txn),
                            store_of_index(&version->table.indexes[table->index_count]));
    if (st != ST_OK) {
        table_version_drop(version);
        return txn_delta_error(txn, st, err);
    }
    TRY(ddl_publish(txn, version, err));
    st = index_build(txn, &version->table, table->index_count, err);
    if (st != ST_OK)
        txn->is_doomed = true; /* the statement is rolled back, and the store with it */
    return st;
}

enum status catalog_drop_index(struct txn *txn, const struct index *index, struct error *err)
{
    const struct table *table = index->table;
    struct table_version *version;
    uint32_t store = index->store;
    enum status st;

    TRY(ddl_begin(txn, &table, err));
    version = ddl_version(txn, table, 0, 0);
    if (version == NULL)
        return no_memory(err);
    st = ST_NOT_FOUND;
    for (unsigned i = 0; i < version->table.index_count; i++) {
        if (version->table.indexes[i].store != store)
            continue;
        st = ddl_drop_index_store(txn, &version->table.indexes[i]);
        ddl_remove_index_at(version, i);
        break;
    }
    if (st != ST_OK) {
        table_version_drop(version);
        return st == ST_NOT_FOUND ? error_set(err, ST_NO_NAME, -1, "no such index")
                                  : txn_delta_error(txn, st, err);
    }
    return ddl_publish(txn, version, err);
}

/* While a table is filled from empty, its indexes wait; built at the end they cost a sort instead
 * of a search for each row. Unique ones do not wait, since their refusals do not. */
enum status catalog_suspend_indexes(struct txn *txn, const struct table *table, bool *has_any,
                                    struct error *err)
{
    struct table_version *version;

    *has_any = false;
    TRY(ddl_begin(txn, &table, err));
    for (unsigned i = 0; i < table->index_count; i++)
        *has_any |= !table->indexes[i].is_unique;
    if (!*has_any)
        return ST_OK;
    version = ddl_version(txn, table, 0, 0);
    if (version == NULL)
        return no_memory(err);
    for (unsigned i = 0; i < table->index_count; i++)
        if (!table->indexes[i].is_unique)
            indexes_of(version)[i].state = INDEX_BEING_BUILT;
    return ddl_publish(txn, version, err);
}

enum status catalog_resume_indexes(struct txn *txn, const struct table *table, struct error *err)
{
    struct table_version *version;

    TRY(ddl_begin(txn, &table, err));
    version = ddl_version(txn, table, 0, 0);
    if (version == NULL)
        return no_memory(err);
    for (unsigned i = 0; i < table->index_count; i++)
        if (table->indexes[i].state == INDEX_BEING_BUILT)
            indexes_of(version)[i].state = INDEX_READY;
    TRY(ddl_publish(txn, version, err));
    for (unsigned i = 0; i < table->index_count; i++) {
        struct delta_store *store;
        enum status st;

        if (table->indexes[i].state != INDEX_BEING_BUILT)
            continue;
        store = delta_use_store(own_delta(txn), store_of_index(&version->table.indexes[i]));
        st = store == NULL ? ST_NO_MEMORY : delta_clear_store(own_delta(txn), store);
        if (st == ST_OK)
            st = index_build(txn, &version->table, i, err);
        if (st != ST_OK) {
            txn->is_doomed = true;
            return txn_delta_error(txn, st, err);
        }
    }
    return ST_OK;
}

/* ---- views, triggers, types ---- */

enum status catalog_put_object(struct txn *txn, const struct catalog_object *object,
                               struct error *err)
{
    const struct catalog_object *present;
    struct object_version *version;
    enum status st;

    TRY(ddl_begin(txn, NULL, err));
    if (object->kind == OBJECT_VIEW && catalog_table(&txn->catalog->catalog, object->name) != NULL)
        return error_set(err, ST_EXISTS, -1, "table %.*s already exists", (int)object->name.len,
                         object->name.data);
    version = calloc(1, sizeof(*version));
    if (version == NULL)
        return no_memory(err);
    atomic_init(&version->references, 1);
    present = catalog_object(&txn->catalog->catalog, (enum object_kind)object->kind, object->name);
    version->object.id = present != NULL ? present->id : txn->next_object++;
    version->object.kind = object->kind;
    version->object.name = arena_copy(&version->arena, object->name);
    version->object.table = arena_copy(&version->arena, object->table);
    version->object.sql = arena_copy(&version->arena, object->sql);
    meta_key(&txn->other_key, META_OBJECT, version->object.id, NULL);
    object_encode(&txn->record, &version->object);
    st = version->arena.failed || txn->other_key.failed || txn->record.failed
             ? ST_NO_MEMORY
             : txn_put(txn, store_meta(), buf_slice(&txn->other_key), buf_slice(&txn->record));
    if (st == ST_OK)
        st = install(txn, NULL, 0, version, 0, err);
    if (st != ST_OK) {
        object_version_drop(version);
        txn->is_doomed = true;
        return txn_delta_error(txn, st, err);
    }
    return ST_OK;
}

enum status catalog_drop_object(struct txn *txn, enum object_kind kind, struct slice name,
                                struct error *err)
{
    const struct catalog_object *object;
    enum status st;

    TRY(ddl_begin(txn, NULL, err));
    object = catalog_object(&txn->catalog->catalog, kind, name);
    if (object == NULL)
        return error_set(err, ST_NO_NAME, -1, "no such object: %.*s", (int)name.len, name.data);
    st = forget_meta(txn, META_OBJECT, object->id, NULL);
    if (st == ST_OK)
        st = install(txn, NULL, 0, NULL, object->id, err);
    if (st != ST_OK) {
        txn->is_doomed = true;
        return txn_delta_error(txn, st, err);
    }
    return ST_OK;
}
