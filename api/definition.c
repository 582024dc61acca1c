/* The catalog as text: every table as SQL or in the schema language, whichever made it. */
#include "api/api_internal.h"
#include <string.h>

/* ---- names and types ---- */

static void put_quoted(struct buf *out, struct slice name)
{
    buf_append_byte(out, '"');
    for (size_t k = 0; k < name.len; k++) {
        if (name.data[k] == '"')
            buf_append_byte(out, '"');
        buf_append_byte(out, (uint8_t)name.data[k]);
    }
    buf_append_byte(out, '"');
}

static bool is_sdl_name(struct slice name)
{
    for (size_t k = 0; k < name.len; k++) {
        char c = name.data[k];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!is_letter && !(k > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

static bool is_key(const struct table *table, uint16_t attribute)
{
    for (unsigned k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == attribute)
            return true;
    return false;
}

/* The schema language's word for an attribute. SQL columns have no type that is checked: what they
 * are declared as says what they are meant to hold. */
static struct slice sdl_type(const struct attribute *attribute)
{
    struct slice declared = attribute->declared_type;

    switch ((enum attribute_type)attribute->type) {
    case TYPE_INT:
        return slice_text("Int");
    case TYPE_LONG:
        return slice_text("Long");
    case TYPE_FLOAT:
        return slice_text("Float");
    case TYPE_BIGINT:
        return slice_text("BigInt");
    case TYPE_BOOLEAN:
        return slice_text("Boolean");
    case TYPE_STRING:
        return slice_text("String");
    case TYPE_ID:
        return slice_text("ID");
    case TYPE_DATE:
        return slice_text("Date");
    case TYPE_BYTES:
        return slice_text("Bytes");
    case TYPE_BLOB:
        return slice_text("Blob");
    case TYPE_OBJECT:
        return attribute->nested_type;
    case TYPE_RELATIONSHIP:
        return attribute->relation_table;
    case TYPE_ANY:
    case TYPE_COUNT:
        break;
    }
    if (attribute->affinity == AFFINITY_INTEGER)
        return slice_text("Long");
    if (attribute->affinity == AFFINITY_REAL)
        return slice_text("Float");
    if (attribute->affinity == AFFINITY_TEXT)
        return slice_text("String");
    if (slice_is_nocase(declared, "BOOLEAN"))
        return slice_text("Boolean");
    return slice_is_nocase(declared, "BLOB") ? slice_text("Bytes") : slice_text("Any");
}

static const char *sql_type(const struct attribute *attribute)
{
    if (attribute->is_list)
        return "JSON";
    switch ((enum attribute_type)attribute->type) {
    case TYPE_INT:
    case TYPE_LONG:
        return "INTEGER";
    case TYPE_FLOAT:
        return "REAL";
    case TYPE_BIGINT:
        return "NUMERIC";
    case TYPE_BOOLEAN:
        return "BOOLEAN";
    case TYPE_STRING:
    case TYPE_ID:
        return "TEXT";
    case TYPE_DATE:
        return "DATE";
    case TYPE_BYTES:
    case TYPE_BLOB:
        return "BLOB";
    case TYPE_OBJECT:
        return "JSON";
    case TYPE_ANY:
    case TYPE_RELATIONSHIP:
    case TYPE_COUNT:
        break;
    }
    return "";
}

/* ---- the schema language ---- */

static void put_description(struct buf *out, struct slice text, const char *indent)
{
    if (text.len == 0)
        return;
    buf_append_text(out, indent);
    buf_append_text(out, "\"\"\"");
    buf_append_slice(out, text);
    buf_append_text(out, "\"\"\"\n");
}

static void put_number(struct buf *out, const char *name, double seconds, bool *is_open)
{
    if (seconds == 0)
        return;
    buf_printf(out, "%s%s: %.15g", *is_open ? ", " : "(", name, seconds);
    *is_open = true;
}

static void put_export(struct buf *out, const struct table *table)
{
    static const struct {
        const char *name;
        uint8_t protocol;
    } protocols[] = {{"rest", IR_PROTOCOL_REST},
                     {"mqtt", IR_PROTOCOL_MQTT},
                     {"ws", IR_PROTOCOL_WS},
                     {"sse", IR_PROTOCOL_SSE},
                     {"graphql", IR_PROTOCOL_GRAPHQL}};
    const char *separator = "(";

    buf_append_text(out, " @export");
    if (table->export_path.len > 0 && !slice_equal(table->export_path, table->name)) {
        buf_append_text(out, "(name: \"");
        buf_append_slice(out, table->export_path);
        buf_append_byte(out, '"');
        separator = ", ";
    }
    for (size_t k = 0; k < COUNT_OF(protocols); k++) {
        if ((table->hidden_protocols & protocols[k].protocol) == 0)
            continue;
        buf_printf(out, "%s%s: false", separator, protocols[k].name);
        separator = ", ";
    }
    if (*separator == ',')
        buf_append_byte(out, ')');
}

static void put_table_directives(struct buf *out, const struct table *table)
{
    bool is_open = false;

    buf_append_text(out, " @table");
    put_number(out, "expiration", table->expiration_s, &is_open);
    put_number(out, "eviction", table->eviction_s, &is_open);
    put_number(out, "scanInterval", table->scan_interval_s, &is_open);
    if (is_open)
        buf_append_byte(out, ')');
    if (table->is_exported)
        put_export(out, table);
    if (table->is_sealed)
        buf_append_text(out, " @sealed");
    if (table->is_hidden)
        buf_append_text(out, " @hidden");
}

static void put_relation(struct buf *out, const struct attribute *attribute)
{
    buf_append_text(out, " @relationship(");
    if (attribute->relation_from.len > 0) {
        buf_append_text(out, "from: ");
        buf_append_slice(out, attribute->relation_from);
    }
    if (attribute->relation_to.len > 0) {
        buf_append_text(out, attribute->relation_from.len > 0 ? ", to: " : "to: ");
        buf_append_slice(out, attribute->relation_to);
    }
    buf_append_byte(out, ')');
}

static void put_field(struct buf *out, const struct table *table, uint16_t number)
{
    const struct attribute *attribute = &table->attributes[number];

    put_description(out, attribute->description, "  ");
    buf_append_text(out, is_sdl_name(attribute->name) ? "  " : "  # ");
    buf_append_slice(out, attribute->name);
    buf_append_text(out, attribute->is_list ? ": [" : ": ");
    buf_append_slice(out, sdl_type(attribute));
    if (attribute->is_list)
        buf_append_text(out, attribute->is_element_not_null ? "!]" : "]");
    if (attribute->is_not_null && !is_key(table, number))
        buf_append_byte(out, '!');
    if (is_key(table, number))
        buf_append_text(out, " @primaryKey");
    else if (table_index_on(table, number) != NULL)
        buf_append_text(out, " @indexed");
    if (attribute->type == TYPE_RELATIONSHIP)
        put_relation(out, attribute);
    if (attribute->generated_sql.len > 0) {
        buf_append_text(out, " @computed(from: \"");
        buf_append_slice(out, attribute->generated_sql);
        buf_append_text(out, "\")");
    }
    if (attribute->role != ROLE_NONE)
        buf_append_text(out, attribute->role == ROLE_CREATED_TIME   ? " @createdTime"
                             : attribute->role == ROLE_UPDATED_TIME ? " @updatedTime"
                                                                    : " @expiresAt");
    if (attribute->is_hidden)
        buf_append_text(out, " @hidden");
    buf_append_byte(out, '\n');
}

static bool is_declared(const struct attribute *attribute)
{
    return !attribute->is_dropped && !attribute->is_dynamic;
}

static void table_as_sdl(struct buf *out, const struct table *table)
{
    bool is_open = false;

    put_description(out, table->description, "");
    buf_append_text(out, is_sdl_name(table->name) ? "type " : "# type ");
    buf_append_slice(out, table->name);
    put_table_directives(out, table);
    for (uint16_t k = 0; k < table->attribute_count; k++) {
        if (!is_declared(&table->attributes[k]))
            continue;
        if (!is_open)
            buf_append_text(out, " {\n");
        is_open = true;
        put_field(out, table, k);
    }
    if (is_open)
        buf_append_byte(out, '}');
}

/* ---- SQL ---- */

static void put_column(struct buf *out, const struct table *table, uint16_t number)
{
    const struct attribute *attribute = &table->attributes[number];
    const char *type = sql_type(attribute);

    put_quoted(out, attribute->name);
    if (type[0] != '\0')
        buf_printf(out, " %s", type);
    if (table->key_count == 1 && is_key(table, number))
        buf_append_text(out, " PRIMARY KEY");
    else if (attribute->is_not_null)
        buf_append_text(out, " NOT NULL");
    if (attribute->default_sql.len > 0) {
        buf_append_text(out, " DEFAULT ");
        buf_append_slice(out, attribute->default_sql);
    }
    if (attribute->generated_sql.len > 0) {
        buf_append_text(out, " AS (");
        buf_append_slice(out, attribute->generated_sql);
        buf_append_byte(out, ')');
    }
}

/* Relations have no form in SQL: a join says as much. */
static void table_as_sql(struct buf *out, const struct table *table)
{
    bool is_open = false;

    if (!table->is_made_by_sdl && table->sql.len > 0) {
        buf_append_slice(out, table->sql);
        buf_append_byte(out, ';');
        return;
    }
    buf_append_text(out, "CREATE TABLE ");
    put_quoted(out, table->name);
    for (uint16_t k = 0; k < table->attribute_count; k++) {
        if (!is_declared(&table->attributes[k]) || table->attributes[k].type == TYPE_RELATIONSHIP)
            continue;
        buf_append_text(out, is_open ? ",\n  " : " (\n  ");
        is_open = true;
        put_column(out, table, k);
    }
    buf_append_text(out, is_open ? "\n);" : ";");
}

static void index_as_sql(struct buf *out, const struct table *table, const struct index *index)
{
    if (index->sql.len > 0) {
        buf_append_slice(out, index->sql);
    } else if (index->origin == INDEX_ATTRIBUTE && table->is_made_by_sdl &&
               index->part_count == 1 && index->parts[0].attribute != ATTRIBUTE_NONE &&
               is_declared(&table->attributes[index->parts[0].attribute])) {
        buf_append_text(out, "CREATE INDEX ");
        put_quoted(out, index->name);
        buf_append_text(out, " ON ");
        put_quoted(out, table->name);
        buf_append_byte(out, '(');
        put_quoted(out, table->attributes[index->parts[0].attribute].name);
        buf_append_byte(out, ')');
    } else {
        return;
    }
    buf_append_byte(out, ';');
}

/* ---- everything ---- */

struct definitions {
    struct slice pattern; /* of LIKE */
    int language;
    struct buf text;
    harper_report_fn emit;
    void *context;
    enum status status;
};

static bool is_wanted(struct definitions *definitions, struct slice name)
{
    bool is_like = false;

    if (definitions->status == ST_OK)
        definitions->status = pattern_like(definitions->pattern, name, 0, false, &is_like);
    return definitions->status == ST_OK && is_like;
}

static void emit(struct definitions *definitions)
{
    if (definitions->text.len > 0 && !definitions->text.failed)
        definitions->emit(definitions->context, buf_cstr(&definitions->text));
    if (definitions->text.failed)
        definitions->status = ST_NO_MEMORY;
    buf_clear(&definitions->text);
}

static void emit_table(struct definitions *definitions, const struct table *table)
{
    bool as_sdl = definitions->language == HARPER_GRAPHQL ||
                  (definitions->language != HARPER_SQL && table->is_made_by_sdl);

    if (as_sdl)
        table_as_sdl(&definitions->text, table);
    else
        table_as_sql(&definitions->text, table);
    emit(definitions);
    for (unsigned k = 0; !as_sdl && k < table->index_count; k++) {
        index_as_sql(&definitions->text, table, &table->indexes[k]);
        emit(definitions);
    }
}

static void emit_object(struct definitions *definitions, const struct catalog_object *object)
{
    bool is_sdl = object->kind == OBJECT_SDL_TYPE;

    if ((definitions->language == HARPER_GRAPHQL) != is_sdl && definitions->language >= 0)
        return;
    buf_append_slice(&definitions->text, object->sql);
    if (!is_sdl)
        buf_append_byte(&definitions->text, ';');
    emit(definitions);
}

int harper_define(harper_session *session, const char *pattern, int language, harper_report_fn text,
                  void *context)
{
    struct definitions definitions = {.pattern = slice_text(pattern == NULL ? "%" : pattern),
                                      .language = language,
                                      .emit = text,
                                      .context = context};
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct error err = {.offset = -1};
    enum status st = session_acquire(session, &databases, refs, &err);

    for (unsigned d = 0; st == ST_OK && d < databases.count; d++) {
        const struct catalog *catalog = txn_catalog(databases.refs[d].txn);

        for (size_t k = 0; k < catalog->table_count; k++)
            if (is_wanted(&definitions, catalog->tables[k]->name))
                emit_table(&definitions, catalog->tables[k]);
        for (size_t k = 0; k < catalog->object_count; k++) {
            const struct catalog_object *object = catalog->objects[k];

            if (is_wanted(&definitions,
                          object->kind == OBJECT_TRIGGER ? object->table : object->name))
                emit_object(&definitions, object);
        }
    }
    if (st == ST_OK)
        session_release(session, session->in_transaction);
    buf_free(&definitions.text);
    if (st == ST_OK)
        st = definitions.status;
    return st == ST_OK ? HARPER_OK : session_fail(session, st, &err);
}
