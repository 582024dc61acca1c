/*
 * Type definitions to CREATE TABLE: directives, field types, relationships. Sections 1 to 5 and 8
 * of the schema specification.
 */
#include "parser/graphql/graphql_internal.h"

enum { NAME_BYTES_MAX = 250, FIELDS_MAX = 4096 };

struct lower {
    struct slice text;
    struct arena *arena;
    const struct gql_document *document;
    struct graphql_schema *out;
    size_t warning_capacity;
    struct error *err;
};

static enum status no_memory(struct lower *lower)
{
    return error_set(lower->err, ST_NO_MEMORY, -1, "out of memory");
}

/* ---- warnings ---- */

static void warn(struct lower *lower, int32_t offset, const char *what, struct slice name,
                 const char *rest)
{
    struct graphql_schema *out = lower->out;
    unsigned line, column;
    char *text;

    if (out->warning_count == lower->warning_capacity) {
        size_t capacity = lower->warning_capacity == 0 ? 8 : lower->warning_capacity * 2;
        struct slice *larger = ARENA_NEW_ARRAY(lower->arena, struct slice, capacity);

        if (larger == NULL)
            return; /* the arena remembers */
        if (out->warning_count > 0)
            memcpy(larger, out->warnings, out->warning_count * sizeof *larger);
        out->warnings = larger;
        lower->warning_capacity = capacity;
    }
    graphql_position(lower->text, offset, &line, &column);
    text =
        arena_printf(lower->arena, "line %u, column %u: %s%.*s%s", line, column, what,
                     (int)(name.len > NAME_BYTES_MAX ? NAME_BYTES_MAX : name.len), name.data, rest);
    if (text != NULL)
        out->warnings[out->warning_count++] = slice_text(text);
}

/* ---- directive arguments ---- */

/* Strings, numbers, booleans and bare names are one to the directives. */
static bool is_scalar(const struct gql_value *value)
{
    return value->kind != GQL_VARIABLE && value->kind != GQL_LIST && value->kind != GQL_OBJECT &&
           value->kind != GQL_NULL;
}

static enum status bad_argument(struct lower *lower, const struct gql_value *value,
                                const char *wanted)
{
    return gql_error_at(lower->text, lower->err, ST_INVALID, value->offset,
                        "argument %.*s must be %s", (int)value->name.text.len,
                        value->name.text.data, wanted);
}

static enum status take_text(struct lower *lower, const struct gql_value *value, struct slice *out)
{
    if (!is_scalar(value))
        return bad_argument(lower, value, "a text or a name");
    *out = value->text;
    return ST_OK;
}

static enum status take_flag(struct lower *lower, const struct gql_value *value, bool *out)
{
    if (is_scalar(value) && (slice_is(value->text, "true") || slice_is(value->text, "false"))) {
        *out = slice_is(value->text, "true");
        return ST_OK;
    }
    return bad_argument(lower, value, "true or false");
}

static enum status take_seconds(struct lower *lower, const struct gql_value *value, double *out)
{
    struct value number;
    enum number_text kind = is_scalar(value) ? number_parse(value->text, &number) : NUMBER_NONE;

    if (kind != NUMBER_INT && kind != NUMBER_REAL)
        return bad_argument(lower, value, "a number of seconds");
    *out = value_to_real(number);
    if (!(*out >= 0))
        return bad_argument(lower, value, "a number of seconds");
    return ST_OK;
}

/* Names of tables, databases and attributes. */
static enum status take_name(struct lower *lower, const struct gql_value *value,
                             struct ir_name *out)
{
    TRY(take_text(lower, value, &out->text));
    out->offset = value->offset;
    if (out->text.len == 0 || out->text.len > NAME_BYTES_MAX ||
        memchr(out->text.data, '/', out->text.len) != NULL ||
        memchr(out->text.data, '`', out->text.len) != NULL)
        return bad_argument(lower, value, "a name of 1 to 250 bytes without / and `");
    return ST_OK;
}

static void warn_argument(struct lower *lower, const struct gql_value *value)
{
    warn(lower, value->name.offset, "unknown argument ", value->name.text, " is ignored");
}

/* ---- directives of types ---- */

static enum status lower_table_argument(struct lower *lower, const struct gql_value *value,
                                        struct ir_create_table *table)
{
    struct slice name = value->name.text;
    bool ignored;

    if (slice_is(name, "table"))
        return take_name(lower, value, &table->name);
    if (slice_is(name, "database") || slice_is(name, "schema"))
        return take_name(lower, value, &table->database);
    if (slice_is(name, "expiration"))
        return take_seconds(lower, value, &table->expiration_s);
    if (slice_is(name, "eviction"))
        return take_seconds(lower, value, &table->eviction_s);
    if (slice_is(name, "scanInterval"))
        return take_seconds(lower, value, &table->scan_interval_s);
    if (slice_is(name, "audit"))
        return take_flag(lower, value, &table->is_audited);
    if (slice_is(name, "replicate"))
        return take_flag(lower, value, &ignored);
    warn_argument(lower, value);
    return ST_OK;
}

static enum status lower_export_argument(struct lower *lower, const struct gql_value *value,
                                         struct ir_create_table *table)
{
    static const struct {
        const char *name;
        uint8_t protocol;
    } protocols[] = {{"rest", IR_PROTOCOL_REST},
                     {"mqtt", IR_PROTOCOL_MQTT},
                     {"ws", IR_PROTOCOL_WS},
                     {"sse", IR_PROTOCOL_SSE},
                     {"graphql", IR_PROTOCOL_GRAPHQL}};

    if (slice_is(value->name.text, "name"))
        return take_text(lower, value, &table->export_path);
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        bool is_shown = true;

        if (!slice_is(value->name.text, protocols[i].name))
            continue;
        TRY(take_flag(lower, value, &is_shown));
        if (!is_shown)
            table->hidden_protocols |= protocols[i].protocol;
        return ST_OK;
    }
    warn_argument(lower, value);
    return ST_OK;
}

static enum status lower_type_directive(struct lower *lower, const struct gql_directive *directive,
                                        struct ir_create_table *table)
{
    struct slice name = directive->name.text;
    const struct gql_value *value = directive->arguments;

    if (slice_is(name, "table")) {
        for (; value != NULL; value = value->next)
            TRY(lower_table_argument(lower, value, table));
    } else if (slice_is(name, "export")) {
        table->is_exported = true;
        for (; value != NULL; value = value->next)
            TRY(lower_export_argument(lower, value, table));
    } else if (slice_is(name, "sealed")) {
        table->is_sealed = true;
    } else if (slice_is(name, "hidden")) {
        table->is_hidden = true;
    } else if (slice_is(name, "splitSegments")) {
        warn(lower, directive->name.offset, "directive @", name, " is not supported and ignored");
    } else if (!slice_is(name, "allow")) {
        warn(lower, directive->name.offset, "unknown directive @", name, " is ignored");
    }
    return ST_OK;
}

/* ---- directives of fields ---- */

static enum status lower_relationship(struct lower *lower, const struct gql_directive *directive,
                                      struct ir_column_def *column)
{
    bool ignored;

    for (const struct gql_value *value = directive->arguments; value != NULL; value = value->next) {
        if (slice_is(value->name.text, "from"))
            TRY(take_text(lower, value, &column->relation_from));
        else if (slice_is(value->name.text, "to"))
            TRY(take_text(lower, value, &column->relation_to));
        else if (slice_is(value->name.text, "filterMissing"))
            TRY(take_flag(lower, value, &ignored));
        else
            warn_argument(lower, value);
    }
    if (column->relation_from.len == 0 && column->relation_to.len == 0)
        return gql_error_at(lower->text, lower->err, ST_INVALID, directive->name.offset,
                            "@relationship needs an argument from or to");
    /* Any number of records may hold the value that `to` names. */
    if (column->relation_to.len != 0)
        column->is_list = true;
    return ST_OK;
}

static enum status lower_indexed(struct lower *lower, const struct gql_directive *directive,
                                 struct ir_column_def *column)
{
    for (const struct gql_value *value = directive->arguments; value != NULL; value = value->next) {
        if (slice_is(value->name.text, "type"))
            return gql_error_at(lower->text, lower->err, ST_UNSUPPORTED, value->offset,
                                "index type %.*s is not supported", (int)value->text.len,
                                value->text.data);
        warn_argument(lower, value);
    }
    column->is_indexed = true;
    return ST_OK;
}

static enum status lower_computed(struct lower *lower, const struct gql_directive *directive,
                                  struct ir_column_def *column)
{
    column->generated = IR_GENERATED_VIRTUAL;
    for (const struct gql_value *value = directive->arguments; value != NULL; value = value->next) {
        if (slice_is(value->name.text, "from"))
            TRY(take_text(lower, value, &column->generated_text));
        else if (!slice_is(value->name.text, "version"))
            warn_argument(lower, value);
    }
    if (column->generated_text.len == 0) {
        column->generated_text = slice_text("NULL");
        warn(lower, directive->name.offset, "@", directive->name.text,
             " without an expression is never set");
    }
    return ST_OK;
}

static enum status lower_field_directive(struct lower *lower, const struct gql_directive *directive,
                                         struct ir_column_def *column)
{
    struct slice name = directive->name.text;

    if (slice_is(name, "primaryKey"))
        column->is_primary_key = true;
    else if (slice_is(name, "indexed"))
        return lower_indexed(lower, directive, column);
    else if (slice_is(name, "relationship"))
        return lower_relationship(lower, directive, column);
    else if (slice_is(name, "computed"))
        return lower_computed(lower, directive, column);
    else if (slice_is(name, "createdTime"))
        column->is_created_time = true;
    else if (slice_is(name, "updatedTime"))
        column->is_updated_time = true;
    else if (slice_is(name, "expiresAt"))
        column->is_expires_at = column->is_indexed = true;
    else if (slice_is(name, "hidden"))
        column->is_hidden = true;
    else if (slice_is(name, "embed"))
        return gql_error_at(lower->text, lower->err, ST_UNSUPPORTED, directive->name.offset,
                            "@embed is not supported: there is no embedding model");
    else if (!slice_is(name, "enumerable") && !slice_is(name, "allow"))
        warn(lower, directive->name.offset, "unknown directive @", name, " is ignored");
    return ST_OK;
}

/* ---- fields ---- */

bool graphql_is_builtin_type(struct slice name)
{
    static const char *const names[] = {"String",  "ID",   "Int",   "Long", "Float", "BigInt",
                                        "Boolean", "Date", "Bytes", "Blob", "Any"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

static const struct gql_directive *find_directive(const struct gql_directive *directive,
                                                  const char *name)
{
    while (directive != NULL && !slice_is(directive->name.text, name))
        directive = directive->next;
    return directive;
}

static const struct gql_definition *find_type(const struct gql_document *document,
                                              struct slice name)
{
    for (const struct gql_definition *definition = document->first; definition != NULL;
         definition = definition->next)
        if (definition->kind == GQL_DEFINE_TYPE && slice_equal(definition->name.text, name))
            return definition;
    return NULL;
}

/* Facts that contradict each other. What only looks odd is a warning. */
static enum status check_field(struct lower *lower, const struct gql_field *field,
                               struct ir_column_def *column)
{
    const struct gql_definition *target = find_type(lower->document, column->type);
    bool is_relationship = column->relation_from.len != 0 || column->relation_to.len != 0;
    bool is_table = target != NULL && find_directive(target->directives, "table") != NULL;

    if (is_table && !is_relationship)
        return gql_error_at(lower->text, lower->err, ST_INVALID, field->type->name.offset,
                            "%.*s is a table: a field refers to it through @relationship",
                            (int)column->type.len, column->type.data);
    if (is_relationship && (graphql_is_builtin_type(column->type) || (target != NULL && !is_table)))
        return gql_error_at(lower->text, lower->err, ST_INVALID, field->type->name.offset,
                            "%.*s is not a table: a relationship needs one", (int)column->type.len,
                            column->type.data);
    if (is_relationship && column->is_primary_key)
        return gql_error_at(lower->text, lower->err, ST_INVALID, field->name.offset,
                            "a relationship cannot be the primary key");
    if (column->generated != IR_GENERATED_NO && column->is_primary_key)
        return gql_error_at(lower->text, lower->err, ST_INVALID, field->name.offset,
                            "a computed attribute cannot be the primary key");
    if (is_relationship && column->is_indexed) {
        column->is_indexed = false;
        warn(lower, field->name.offset, "relationship ", field->name.text,
             " cannot be indexed: index its foreign key");
    }
    return ST_OK;
}

static enum status lower_field(struct lower *lower, const struct gql_field *field,
                               struct ir_column_def *column)
{
    *column = (struct ir_column_def){
        .name = {field->name.text, field->name.offset},
        .type = field->type->name.text,
        .is_list = field->type->list_depth > 0,
        .is_element_not_null = field->type->list_depth == 1 && field->type->is_element_not_null,
        .is_not_null = field->type->is_not_null,
        .description = field->description,
        .collation.offset = -1,
    };
    if (field->type->list_depth > 1)
        column->type = slice_text("Any");
    if (field->name.text.len > NAME_BYTES_MAX)
        return gql_error_at(lower->text, lower->err, ST_LIMIT, field->name.offset,
                            "a name may have %d bytes", NAME_BYTES_MAX);
    for (const struct gql_directive *directive = field->directives; directive != NULL;
         directive = directive->next)
        TRY(lower_field_directive(lower, directive, column));
    TRY(check_field(lower, field, column));
    /* A key is never null, and may be generated: there is nothing to require. */
    if (column->is_primary_key)
        column->is_not_null = false;
    return ST_OK;
}

static bool has_column(const struct ir_create_table *table, struct slice name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (slice_equal(table->columns[i].name.text, name))
            return true;
    return false;
}

static enum status lower_fields(struct lower *lower, const struct gql_fields *fields,
                                struct ir_create_table *table)
{
    bool has_key = false;

    if (fields == NULL)
        return ST_OK;
    if (fields->count > FIELDS_MAX)
        return gql_error_at(lower->text, lower->err, ST_LIMIT, table->name.offset,
                            "a type may have %d fields", FIELDS_MAX);
    table->columns = ARENA_NEW_ARRAY(lower->arena, struct ir_column_def, fields->count);
    if (table->columns == NULL)
        return no_memory(lower);
    for (const struct gql_field *field = fields->first; field != NULL; field = field->next) {
        struct ir_column_def *column = &table->columns[table->column_count];

        if (has_column(table, field->name.text))
            return gql_error_at(lower->text, lower->err, ST_INVALID, field->name.offset,
                                "field %.*s is defined twice", (int)field->name.text.len,
                                field->name.text.data);
        TRY(lower_field(lower, field, column));
        if (column->is_primary_key && has_key) {
            column->is_primary_key = false;
            warn(lower, field->name.offset, "second primary key ", field->name.text,
                 " is ignored: the first one counts");
        }
        has_key = has_key || column->is_primary_key;
        table->column_count++;
    }
    return ST_OK;
}

/* A relationship reads an attribute of its own table. */
static void check_relations(struct lower *lower, const struct ir_create_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ir_column_def *column = &table->columns[i];

        if (column->relation_from.len != 0 && !has_column(table, column->relation_from))
            warn(lower, column->name.offset, "relationship from undeclared attribute ",
                 column->relation_from, "");
    }
}

/* ---- types ---- */

static enum status lower_type(struct lower *lower, const struct gql_definition *definition)
{
    struct ir_create_table *table = ARENA_NEW(lower->arena, struct ir_create_table);
    bool is_table = find_directive(definition->directives, "table") != NULL;

    if (table == NULL)
        return no_memory(lower);
    if (definition->name.text.len > NAME_BYTES_MAX)
        return gql_error_at(lower->text, lower->err, ST_LIMIT, definition->name.offset,
                            "a name may have %d bytes", NAME_BYTES_MAX);
    if (find_type(lower->document, definition->name.text) != definition)
        return gql_error_at(lower->text, lower->err, ST_INVALID, definition->name.offset,
                            "type %.*s is defined twice", (int)definition->name.text.len,
                            definition->name.text.data);
    if (graphql_is_builtin_type(definition->name.text))
        return gql_error_at(lower->text, lower->err, ST_INVALID, definition->name.offset,
                            "%.*s is a built-in type", (int)definition->name.text.len,
                            definition->name.text.data);
    table->name = (struct ir_name){definition->name.text, definition->name.offset};
    table->database.offset = -1;
    table->type_name = definition->name.text;
    table->export_path = definition->name.text;
    table->description = definition->description;
    table->sql = definition->text;
    table->is_sdl = table->if_not_exists = true;
    table->is_audited = true;
    for (const struct gql_directive *directive = definition->directives; directive != NULL;
         directive = directive->next)
        TRY(lower_type_directive(lower, directive, table));
    table->is_nested_type = !is_table;
    table->is_exported = table->is_exported && is_table;
    if (!table->is_exported)
        table->export_path = slice_empty();
    TRY(lower_fields(lower, definition->fields, table));
    check_relations(lower, table);
    if (is_table)
        lower->out->tables[lower->out->table_count++] = table;
    else
        lower->out->types[lower->out->type_count++] = table;
    return ST_OK;
}

enum status graphql_parse_schema(struct slice text, struct arena *arena, struct graphql_schema *out,
                                 struct error *err)
{
    struct gql_document document;
    struct lower lower = {
        .text = text, .arena = arena, .document = &document, .out = out, .err = err};
    size_t count = 0;

    *out = (struct graphql_schema){0};
    TRY(gql_parse_document(text, arena, &document, err));
    for (const struct gql_definition *definition = document.first; definition != NULL;
         definition = definition->next)
        count += definition->kind == GQL_DEFINE_TYPE;
    out->tables = ARENA_NEW_ARRAY(arena, struct ir_create_table *, count + 1);
    out->types = ARENA_NEW_ARRAY(arena, struct ir_create_table *, count + 1);
    if (out->tables == NULL || out->types == NULL)
        return no_memory(&lower);
    for (const struct gql_definition *definition = document.first; definition != NULL;
         definition = definition->next)
        if (definition->kind == GQL_DEFINE_TYPE)
            TRY(lower_type(&lower, definition));
    return arena->failed ? no_memory(&lower) : ST_OK;
}
