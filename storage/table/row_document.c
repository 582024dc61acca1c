/* row_document: from a document's members to a row of attributes, making those that are missing. */
#include "storage/table/table_internal.h"

static enum status unknown_member(const struct table *table, struct slice name, struct error *err)
{
    return error_set(err, ST_NO_COLUMN, -1, "Property %.*s does not exist on table %.*s",
                     (int)name.len, name.data, (int)table->name.len, table->name.data);
}

/* Make the attributes that the document has and the table does not, all in one change of the
 * catalog. */
static enum status add_missing(struct txn *txn, const struct table **table, struct value document,
                               size_t count, struct arena *arena, struct error *err)
{
    struct slice *missing = NULL;
    size_t missing_count = 0;

    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct value v = document_member_at(document, i, &name);

        if (v.kind == VALUE_ABSENT || table_attribute(*table, name) != NULL)
            continue;
        if ((*table)->is_sealed)
            return unknown_member(*table, name, err);
        if (!txn->is_write)
            return error_set(err, ST_MISUSE, -1, "new attributes need a write transaction");
        if (missing == NULL)
            missing = ARENA_NEW_ARRAY(arena, struct slice, count);
        if (missing == NULL)
            return error_set(err, ST_NO_MEMORY, -1, "out of memory");
        missing[missing_count++] = name;
    }
    if (missing_count == 0)
        return ST_OK;
    return catalog_add_dynamic(txn, *table, missing, missing_count, table, err);
}

enum status row_from_document(struct txn *txn, const struct table *table, struct value document,
                              struct arena *arena, struct row *out, struct error *err)
{
    size_t count = document_count(document), columns = 0;
    uint16_t *attributes;
    struct value *values;
    const struct table *current = txn_current_table(txn, table);

    *out = (struct row){0};
    if (document.kind != VALUE_OBJECT)
        return error_set(err, ST_TYPE, -1, "a record must be an object");
    if (current == NULL)
        return error_set(err, ST_NO_TABLE, -1, "no such table: %.*s", (int)table->name.len,
                         table->name.data);
    if (count > RECORD_COLUMNS_MAX)
        return error_set(err, ST_LIMIT, -1, "a record has at most %d attributes",
                         (int)RECORD_COLUMNS_MAX);
    attributes = arena_alloc(arena, (count + 1) * sizeof(*attributes));
    values = arena_alloc(arena, (count + 1) * sizeof(*values));
    if (attributes == NULL || values == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    TRY(add_missing(txn, &current, document, count, arena, err));
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct value v = document_member_at(document, i, &name);
        const struct attribute *attribute =
            v.kind == VALUE_ABSENT ? NULL : table_attribute(current, name);
        size_t at = 0;

        if (attribute == NULL)
            continue;
        /* Names that differ in case only may mean one attribute: the last wins. */
        at = columns;
        if (!current->is_case_sensitive)
            for (at = 0; at < columns && attributes[at] != attribute->id; at++)
                continue;
        attributes[at] = attribute->id;
        values[at] = v;
        columns += at == columns;
    }
    out->values = values;
    return table_shape(txn, current, attributes, columns, &out->shape);
}
