/* inspect: the stores as a person imagines them: a table is "dog/" with its records, an indexed
 * attribute "dog/name" with values and the keys they belong to, and "__internal_dbis__/" says what
 * there is. */
#include "storage/table/table_internal.h"

struct inspection {
    struct txn *txn;
    uint64_t rows_max;
    inspect_fn emit;
    void *context;
    struct buf store, key, value;
};

static void emit(struct inspection *inspection)
{
    inspection->emit(inspection->context, buf_slice(&inspection->store),
                     buf_slice(&inspection->key), buf_slice(&inspection->value));
}

static void name_store(struct inspection *inspection, const struct table *table, struct slice rest)
{
    buf_clear(&inspection->store);
    buf_append_slice(&inspection->store, table->name);
    buf_append_byte(&inspection->store, '/');
    buf_append_slice(&inspection->store, rest);
    buf_clear(&inspection->key);
    buf_clear(&inspection->value);
}

/* One value as itself, several as an array. */
static enum status write_parts(struct buf *out, struct cursor *cursor, unsigned from,
                               unsigned count)
{
    buf_clear(out);
    if (count > 1)
        buf_append_byte(out, '[');
    for (unsigned i = 0; i < count; i++) {
        struct value v;

        TRY(cursor_index_part(cursor, from + i, &v));
        if (i != 0)
            buf_append_byte(out, ',');
        json_write(out, v);
    }
    if (count > 1)
        buf_append_byte(out, ']');
    return ST_OK;
}

static enum status inspect_rows(struct inspection *inspection, const struct table *table)
{
    struct cursor *cursor;
    uint64_t rows = 0;
    enum status st;

    name_store(inspection, table, slice_empty());
    TRY(cursor_open_table(inspection->txn, table, &cursor));
    for (st = cursor_first(cursor); st == ST_OK && rows < inspection->rows_max;
         st = cursor_next(cursor), rows++) {
        const struct record *record;

        st = write_parts(&inspection->key, cursor, 0, cursor->part_count);
        if (st == ST_OK)
            st = cursor_record(cursor, &record);
        if (st != ST_OK)
            break;
        buf_clear(&inspection->value);
        record_write_json(&inspection->value, record);
        emit(inspection);
    }
    cursor_close(cursor);
    if (rows == 0)
        emit(inspection);
    return st == ST_DONE ? ST_OK : st;
}

/* An index of one attribute is called by it, others by their name. */
static struct slice index_label(const struct table *table, const struct index *index)
{
    if (index->origin == INDEX_ATTRIBUTE && index->part_count == 1 &&
        index->parts[0].attribute < table->attribute_count)
        return table->attributes[index->parts[0].attribute].name;
    return index->name;
}

static enum status inspect_index(struct inspection *inspection, const struct table *table,
                                 const struct index *index)
{
    struct cursor *cursor;
    uint64_t rows = 0;
    enum status st;

    name_store(inspection, table, index_label(table, index));
    TRY(cursor_open_index(inspection->txn, index, &cursor));
    for (st = cursor_first(cursor); st == ST_OK && rows < inspection->rows_max;
         st = cursor_next(cursor), rows++) {
        st = write_parts(&inspection->key, cursor, 0, index->part_count);
        if (st == ST_OK)
            st = write_parts(&inspection->value, cursor, index->part_count,
                             cursor->part_count - index->part_count);
        if (st != ST_OK)
            break;
        emit(inspection);
    }
    cursor_close(cursor);
    if (rows == 0)
        emit(inspection);
    return st == ST_DONE ? ST_OK : st;
}

static void inspect_definitions(struct inspection *inspection, const struct table *table)
{
    for (unsigned i = 0; i < table->attribute_count; i++) {
        const struct attribute *attribute = &table->attributes[i];
        bool is_key = version_of(table)->key_part_of_attribute[i] != 0xff;

        if (attribute->is_dropped)
            continue;
        buf_clear(&inspection->store);
        buf_append_text(&inspection->store, "__internal_dbis__/");
        buf_clear(&inspection->key);
        buf_append_slice(&inspection->key, table->name);
        buf_append_byte(&inspection->key, '/');
        if (!is_key)
            buf_append_slice(&inspection->key, attribute->name);
        buf_clear(&inspection->value);
        buf_append_text(&inspection->value, "{\"name\":");
        json_write_text(&inspection->value, attribute->name);
        if (attribute->declared_type.len != 0) {
            buf_append_text(&inspection->value, ",\"type\":");
            json_write_text(&inspection->value, attribute->declared_type);
        }
        if (is_key)
            buf_append_text(&inspection->value, ",\"is_primary_key\":true");
        else if (table_index_on(table, (uint16_t)i) != NULL)
            buf_append_text(&inspection->value, ",\"indexed\":true");
        buf_append_byte(&inspection->value, '}');
        emit(inspection);
    }
}

enum status db_inspect(struct txn *txn, const char *table_or_null, uint64_t rows_max,
                       inspect_fn emit_one, void *context)
{
    struct inspection inspection = {
        .txn = txn, .rows_max = rows_max, .emit = emit_one, .context = context};
    const struct catalog *catalog = txn_catalog(txn);
    bool has_any = table_or_null == NULL;
    enum status st = ST_OK;

    for (size_t i = 0; st == ST_OK && i < catalog->table_count; i++) {
        const struct table *table = catalog->tables[i];

        if (table_or_null != NULL && !slice_is_nocase(table->name, table_or_null))
            continue;
        has_any = true;
        st = inspect_rows(&inspection, table);
        for (unsigned k = 0; st == ST_OK && k < table->index_count; k++)
            st = inspect_index(&inspection, table, &table->indexes[k]);
    }
    for (size_t i = 0; st == ST_OK && i < catalog->table_count; i++)
        if (table_or_null == NULL || slice_is_nocase(catalog->tables[i]->name, table_or_null))
            inspect_definitions(&inspection, catalog->tables[i]);
    buf_free(&inspection.store);
    buf_free(&inspection.key);
    buf_free(&inspection.value);
    return st == ST_OK && !has_any ? ST_NO_TABLE : st;
}
