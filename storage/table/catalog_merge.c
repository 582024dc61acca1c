/* catalog_merge: a schema file is applied again, and the table follows what it says now. What is
 * new is added, what changed is redefined; nothing stored is touched unless the caller asked for
 * what the file does not name to be dropped. */
#include "storage/table/table_internal.h"
#include <stdlib.h>

enum {
    UNMAPPED = 0xffff,
    FILL_LATER_ROWS = 10000 /* an index over more rows is filled in the background */
};

struct merge {
    struct txn *txn;
    const struct table *table; /* as it is */
    const struct table *definition;
    struct table_version *version; /* as it will be */
    uint16_t *ids;                 /* attribute of the definition -> of the table */
    uint16_t *kept;                /* attribute of the table -> of the definition */
    bool drop_missing, has_dropped, fills_later;
    struct error *err;
};

static bool is_virtual(const struct attribute *attribute)
{
    return attribute->type == TYPE_RELATIONSHIP || attribute->generated == GENERATED_VIRTUAL;
}

static bool gains_only(const struct merge *merge)
{
    return !merge->table->is_made_by_sdl && !merge->table->is_dynamic;
}

/* ---- attributes ---- */

static void forget(struct merge *merge, uint16_t id)
{
    attributes_of(merge->version)[id].is_dropped = true;
    merge->has_dropped = true;
}

/* What the file no longer names: its values stay in the records, as undeclared ones. */
static void undeclare(struct merge *merge, uint16_t id)
{
    struct attribute *attribute = &attributes_of(merge->version)[id];

    if (merge->drop_missing || is_virtual(attribute)) {
        forget(merge, id);
        return;
    }
    *attribute = (struct attribute){.id = id, .name = attribute->name, .is_dynamic = true};
}

static void redefine(struct merge *merge, uint16_t id, const struct attribute *definition)
{
    struct attribute *attribute = &attributes_of(merge->version)[id];
    const uint16_t end = merge->version->table.attribute_count;

    /* Copy the texts by the function that knows them all, into a slot beyond the last one. */
    ddl_add_attribute(merge->version, definition);
    *attribute = attributes_of(merge->version)[end];
    attribute->id = id;
    merge->version->table.attribute_count = end;
}

static enum status take_attribute(struct merge *merge, uint16_t from)
{
    const struct attribute *definition = &merge->definition->attributes[from];
    const struct attribute *present = table_attribute(merge->table, definition->name);

    merge->ids[from] = UNMAPPED;
    if (present != NULL && !gains_only(merge) && is_virtual(present) != is_virtual(definition)) {
        if (!is_virtual(present) && !merge->drop_missing)
            return error_set(merge->err, ST_INVALID, -1,
                             "attribute %.*s of table %.*s is stored and cannot become a computed "
                             "or related one unless its values are dropped",
                             (int)definition->name.len, definition->name.data,
                             (int)merge->table->name.len, merge->table->name.data);
        forget(merge, present->id);
        present = NULL;
    }
    if (present == NULL) {
        merge->ids[from] = merge->version->table.attribute_count;
        ddl_add_attribute(merge->version, definition);
        return ST_OK;
    }
    merge->ids[from] = present->id;
    merge->kept[present->id] = from;
    if (!gains_only(merge))
        redefine(merge, present->id, definition);
    return ST_OK;
}

static enum status merge_attributes(struct merge *merge)
{
    const struct table *table = merge->table;

    for (unsigned i = 0; i < table->attribute_count; i++)
        merge->kept[i] = UNMAPPED;
    for (unsigned i = 0; i < merge->definition->attribute_count; i++)
        TRY(take_attribute(merge, (uint16_t)i));
    for (unsigned i = 0; !gains_only(merge) && i < table->attribute_count; i++) {
        const struct attribute *attribute = &attributes_of(merge->version)[i];

        if (merge->kept[i] == UNMAPPED && !attribute->is_dropped && !attribute->is_dynamic &&
            version_of(table)->key_part_of_attribute[i] == 0xff)
            undeclare(merge, (uint16_t)i);
    }
    if (merge->version->table.attribute_count >= RECORD_COLUMNS_MAX)
        return error_set(merge->err, ST_LIMIT, -1, "a table has at most %d attributes",
                         (int)RECORD_COLUMNS_MAX);
    return ST_OK;
}

static enum status check_key(const struct merge *merge)
{
    const struct table *table = merge->table, *definition = merge->definition;
    bool is_same = table->key_count == definition->key_count;

    for (unsigned k = 0; is_same && k < table->key_count; k++)
        is_same = merge->ids[definition->key_attributes[k]] == table->key_attributes[k];
    if (is_same || (gains_only(merge) && definition->key_count == 0))
        return ST_OK;
    return error_set(merge->err, ST_INVALID, -1,
                     "the primary key of table %.*s cannot change: drop the table first",
                     (int)table->name.len, table->name.data);
}

/* ---- the table itself ---- */

static void merge_table(struct merge *merge)
{
    const struct table *definition = merge->definition;
    struct table *to = &merge->version->table;
    struct arena *arena = &merge->version->arena;

    to->is_exported = definition->is_exported;
    to->export_path = arena_copy(arena, definition->export_path);
    to->is_sealed = definition->is_sealed;
    to->is_audited = definition->is_audited;
    to->is_hidden = definition->is_hidden;
    to->hidden_protocols = definition->hidden_protocols;
    to->expiration_s = definition->expiration_s;
    to->eviction_s = definition->eviction_s;
    to->scan_interval_s = definition->scan_interval_s;
    to->may_expire |= definition->expiration_s > 0;
    to->description = arena_copy(arena, definition->description);
    if (gains_only(merge))
        return;
    to->is_dynamic = definition->is_dynamic;
    to->is_made_by_sdl = true;
    to->is_case_sensitive = true;
    to->sql = arena_copy(arena, definition->sql);
}

/* ---- indexes: those on one attribute that the schema language makes ---- */

static bool is_of_attribute(const struct index *index)
{
    return index->origin == INDEX_ATTRIBUTE && index->part_count == 1 &&
           index->parts[0].attribute != ATTRIBUTE_NONE;
}

static const struct index *wanted_index(const struct merge *merge, uint16_t id)
{
    for (unsigned i = 0; i < merge->definition->index_count; i++) {
        const struct index *index = &merge->definition->indexes[i];

        if (is_of_attribute(index) && merge->ids[index->parts[0].attribute] == id)
            return index;
    }
    return NULL;
}

static bool has_index(const struct table *table, uint16_t id)
{
    for (unsigned i = 0; i < table->index_count; i++)
        if (is_of_attribute(&table->indexes[i]) && table->indexes[i].parts[0].attribute == id)
            return true;
    return false;
}

/* What an index holds depends on the expression of a computed attribute. */
static bool is_computed_otherwise(const struct merge *merge, uint16_t id)
{
    return !slice_equal(merge->table->attributes[id].generated_sql,
                        merge->version->table.attributes[id].generated_sql);
}

static enum status drop_indexes(struct merge *merge)
{
    struct table_version *version = merge->version;

    for (unsigned i = version->table.index_count; i-- > 0;) {
        const struct index *index = &version->table.indexes[i];
        const uint16_t id = index->parts[0].attribute;
        const struct attribute *attribute;
        bool is_dead, is_unwanted;

        if (!is_of_attribute(index))
            continue;
        attribute = &version->table.attributes[id];
        is_dead = attribute->is_dropped || is_computed_otherwise(merge, id);
        /* Attributes that came with the data of a dynamic table keep theirs. */
        is_unwanted = !gains_only(merge) && wanted_index(merge, id) == NULL &&
                      !merge->table->attributes[id].is_dynamic;
        if (!is_dead && !is_unwanted)
            continue;
        TRY(ddl_drop_index_store(merge->txn, index));
        ddl_remove_index_at(version, i);
    }
    return ST_OK;
}

static enum status add_indexes(struct merge *merge)
{
    struct table *table = &merge->version->table;
    struct arena *arena = &merge->version->arena;

    for (unsigned i = 0; i < merge->definition->index_count; i++) {
        const struct index *wanted = &merge->definition->indexes[i];
        struct index *index = &indexes_of(merge->version)[table->index_count];
        struct index_part *part;
        uint16_t id;

        if (!is_of_attribute(wanted))
            continue;
        id = merge->ids[wanted->parts[0].attribute];
        if (has_index(table, id))
            continue;
        part = ARENA_NEW(arena, struct index_part);
        if (part == NULL)
            return ST_NO_MEMORY;
        *part = (struct index_part){.attribute = id, .order = wanted->parts[0].order};
        *index = *wanted;
        index->store = ddl_next_store(merge->txn);
        index->name = arena_copy(arena, wanted->name);
        index->state = merge->fills_later ? INDEX_FILLING : INDEX_READY;
        index->parts = part;
        table->index_count++;
        TRY(delta_create_store(own_delta(merge->txn), store_of_index(index)));
    }
    return ST_OK;
}

/* ---- all of it ---- */

static bool is_unchanged(const struct merge *merge)
{
    struct buf before = {0}, after = {0};
    bool is_same;

    table_encode(&before, merge->table);
    table_encode(&after, &merge->version->table);
    is_same = !before.failed && !after.failed && slice_equal(buf_slice(&before), buf_slice(&after));
    buf_free(&before);
    buf_free(&after);
    return is_same;
}

static enum status fill_indexes(struct merge *merge, uint32_t first_new_store)
{
    const struct table *table = &merge->version->table;

    for (unsigned i = 0; i < table->index_count; i++)
        if (table->indexes[i].store >= first_new_store && !merge->fills_later) {
            enum status st = index_build(merge->txn, table, i, merge->err);

            if (st != ST_OK)
                merge->txn->is_doomed = true; /* rolled back, and the store with it */
            TRY(st);
        }
    return ST_OK;
}

static enum status make(struct merge *merge)
{
    const uint32_t first_new_store = merge->txn->next_store;
    uint64_t rows = 0;
    enum status st = merge_attributes(merge);

    if (st == ST_OK)
        st = check_key(merge);
    if (st == ST_OK)
        st = table_row_count(merge->txn, merge->table, &rows);
    merge->fills_later = rows > FILL_LATER_ROWS && merge->txn->db->has_keeper;
    if (st == ST_OK) {
        merge_table(merge);
        st = drop_indexes(merge);
    }
    if (st == ST_OK)
        st = add_indexes(merge);
    if (st == ST_OK && merge->has_dropped && !ddl_rename_shapes(merge->version))
        st = ST_NO_MEMORY;
    if (st != ST_OK || is_unchanged(merge)) {
        table_version_drop(merge->version);
        return txn_delta_error(merge->txn, st, merge->err);
    }
    TRY(ddl_publish(merge->txn, merge->version, merge->err));
    return fill_indexes(merge, first_new_store);
}

enum status catalog_merge_table(struct txn *txn, const struct table *table,
                                const struct table *definition, bool drop_missing,
                                struct error *err)
{
    struct merge merge = {
        .txn = txn, .definition = definition, .drop_missing = drop_missing, .err = err};
    const unsigned more = definition->attribute_count + 1u; /* one to copy through */
    enum status st = ST_NO_MEMORY;

    TRY(ddl_begin(txn, &table, err));
    merge.table = table;
    merge.ids = calloc(more, sizeof(*merge.ids));
    merge.kept = calloc(table->attribute_count + 1u, sizeof(*merge.kept));
    if (merge.ids != NULL && merge.kept != NULL)
        merge.version = ddl_version(txn, table, more, definition->index_count);
    st = merge.version != NULL ? make(&merge) : error_set(err, ST_NO_MEMORY, -1, "out of memory");
    free(merge.ids);
    free(merge.kept);
    return st;
}
