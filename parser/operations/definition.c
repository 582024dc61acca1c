/*
 * Operations that change tables: what they make is what a schema file would have made.
 */
#include "parser/operations/operations_internal.h"
#include <stdio.h>

enum { ATTRIBUTES_MAX = 4096 };

static const char *const automatic[] = {"__createdtime__", "__updatedtime__"};

static struct ir_statement *change_new(struct request *request, enum ir_statement_kind kind)
{
    struct ir_statement *statement = ARENA_NEW(request->arena, struct ir_statement);

    request->operation->kind = OPERATION_CHANGE;
    if (statement != NULL)
        statement->kind = (uint8_t)kind;
    return statement;
}

static struct ir_name name_of(struct slice text)
{
    return (struct ir_name){text, -1};
}

/* ---- attributes of a new table ---- */

static bool flag(struct value attribute, const char *name, bool otherwise)
{
    struct value v = document_member(attribute, slice_text(name));

    return value_is_null(v) ? otherwise : value_truth(v) == 1;
}

static bool is_type(struct slice name)
{
    static const char *const types[] = {"ID",      "Int",  "Long",  "Float", "BigInt", "String",
                                        "Boolean", "Date", "Bytes", "Blob",  "Any"};

    for (size_t k = 0; k < COUNT_OF(types); k++)
        if (slice_is(name, types[k]))
            return true;
    return false;
}

/* {type: "array", elements: "Int"}: a list. */
static void read_type(struct request *request, size_t number, struct value attribute,
                      struct ir_column_def *out)
{
    struct value type = document_member(attribute, slice_text("type"));

    if (value_is_null(type))
        return;
    if (type.kind == VALUE_TEXT && slice_is(value_slice(type), "array")) {
        out->is_list = true;
        type = document_member(attribute, slice_text("elements"));
        if (value_is_null(type))
            return;
    }
    if (type.kind != VALUE_TEXT)
        request_problem(request, "'attributes[%zu].type' must be a string", number);
    else if (!is_type(value_slice(type)))
        request_problem(request,
                        "'attributes[%zu].type' must be one of [ID, Int, Long, Float, BigInt, "
                        "String, Boolean, Date, Bytes, Blob, Any, array]",
                        number);
    else
        out->type = value_slice(type);
}

static void read_attribute(struct request *request, size_t number, struct value attribute,
                           struct ir_column_def *out)
{
    struct value name = document_member(attribute, slice_text("name"));
    char label[40];

    *out = (struct ir_column_def){.name = {.offset = -1}, .collation = {.offset = -1}};
    if (attribute.kind != VALUE_OBJECT) {
        request_problem(request, "'attributes[%zu]' must be of type object", number);
        return;
    }
    if (name.kind == VALUE_ABSENT) {
        request_problem(request, "'attributes[%zu].name' is required", number);
        return;
    }
    snprintf(label, sizeof label, "attributes[%zu].name", number);
    request_read_name(request, label, name, true, &out->name.text);
    read_type(request, number, attribute, out);
    out->is_primary_key = flag(attribute, "is_primary_key", false);
    out->is_indexed = flag(attribute, "indexed", false);
    out->is_not_null = !flag(attribute, "nullable", true);
    out->is_created_time = flag(attribute, "assigned_created_time", false);
    out->is_updated_time = flag(attribute, "assigned_updated_time", false);
    out->is_expires_at = flag(attribute, "expires_at", false);
}

/* The attribute that primary_key names is the key, else the one that says so. */
static void choose_key(struct request *request, struct ir_create_table *table, struct slice key)
{
    bool has_key = false;

    for (size_t k = 0; k < table->column_count; k++) {
        struct ir_column_def *column = &table->columns[k];

        if (key.len > 0)
            column->is_primary_key = slice_equal(column->name.text, key);
        column->is_primary_key = column->is_primary_key && !has_key;
        has_key = has_key || column->is_primary_key;
    }
    if (!has_key && key.len > 0)
        table->columns[table->column_count++] = (struct ir_column_def){
            .name = name_of(key), .collation = {.offset = -1}, .is_primary_key = true};
    else if (!has_key)
        request_problem(request, "A primary key must be specified with a `primary_key` property or "
                                 "with `attributes`");
}

static void read_attributes(struct request *request, struct value list, struct slice key,
                            struct ir_create_table *table)
{
    size_t count = list.kind == VALUE_ARRAY ? document_count(list) : 0;

    if (list.kind != VALUE_ARRAY) {
        request_problem(request, "'attributes' must be an array");
        return;
    }
    if (count > ATTRIBUTES_MAX) {
        request_problem(request, "'attributes' must contain less than or equal to %d items",
                        ATTRIBUTES_MAX);
        return;
    }
    table->columns = ARENA_NEW_ARRAY(request->arena, struct ir_column_def, count + 1);
    if (table->columns == NULL)
        return;
    for (size_t k = 0; k < count; k++)
        read_attribute(request, k, document_element(list, k), &table->columns[k]);
    table->column_count = count;
    choose_key(request, table, key);
}

/* Attributes appear with the records; the times of a record are there from the beginning. */
static void describe_dynamic(struct request *request, struct slice key,
                             struct ir_create_table *table)
{
    struct ir_column_def *columns = ARENA_NEW_ARRAY(request->arena, struct ir_column_def, 3);

    if (columns == NULL)
        return;
    columns[0].is_primary_key = true;
    columns[0].name = name_of(key);
    columns[0].collation.offset = -1;
    for (size_t k = 0; k < COUNT_OF(automatic); k++) {
        columns[k + 1].name = name_of(slice_text(automatic[k]));
        columns[k + 1].collation.offset = -1;
        columns[k + 1].is_created_time = k == 0;
        columns[k + 1].is_updated_time = k == 1;
        columns[k + 1].is_indexed = true;
    }
    table->is_dynamic = true;
    table->columns = columns;
    table->column_count = 3;
}

static void read_expiration(struct request *request, struct ir_create_table *table)
{
    struct value v = request_field(request, "expiration", NULL);

    if (value_is_null(v))
        return;
    if (v.kind != VALUE_INT && v.kind != VALUE_REAL)
        request_problem(request, "'expiration' must be a number");
    else if (value_to_real(v) < 0)
        request_problem(request, "'expiration' must be greater than or equal to 0");
    else
        table->expiration_s = value_to_real(v);
}

static void read_key_name(struct request *request, bool is_required, struct slice *out)
{
    struct value key = request_field(request, "primary_key", "hash_attribute");

    *out = slice_empty();
    if (key.kind == VALUE_ABSENT) {
        if (is_required)
            request_problem(request, "'primary_key' is required");
        return;
    }
    request_read_name(request, "primary_key", key, true, out);
}

enum status request_create_table(struct request *request)
{
    struct ir_statement *statement = change_new(request, IR_CREATE_TABLE);
    struct ir_create_table *table = ARENA_NEW(request->arena, struct ir_create_table);
    struct value attributes = request_field(request, "attributes", NULL);
    struct operation *operation = request->operation;
    struct slice key;
    bool is_audited = true;
    enum status st;

    if (statement == NULL || table == NULL)
        return request_no_memory(request);
    request_read_new_table(request);
    read_key_name(request, value_is_null(attributes), &key);
    if (value_is_null(attributes))
        describe_dynamic(request, key, table);
    else
        read_attributes(request, attributes, key, table);
    read_expiration(request, table);
    request_read_flag(request, "audit", &is_audited);
    TRY(request_check(request));
    if (request_field(request, "residence", NULL).kind != VALUE_ABSENT)
        return request_fail(request, ST_INVALID,
                            "Clustering does not appear to be enabled. Cannot insert table with "
                            "property 'residence'.");
    request->missing = MISSING_NOT_FOUND;
    st = request_find_table(request);
    if (st == ST_OK && request->schema != NULL && request->schema->find != NULL)
        return request_fail(request, ST_INVALID, "Table '%.*s' already exists in '%.*s'",
                            request_shown(operation->table), operation->table.data,
                            request_shown(operation->database), operation->database.data);
    if (st != ST_OK && request->has_no_database)
        return st;
    table->database = name_of(request->database);
    table->name = name_of(operation->table);
    table->type_name = operation->table;
    table->is_sdl = true;
    table->is_audited = is_audited;
    statement->as.create_table = table;
    return request_finish(request, statement);
}

enum status request_drop_table(struct request *request)
{
    struct ir_statement *statement = change_new(request, IR_DROP);
    struct ir_drop *drop = ARENA_NEW(request->arena, struct ir_drop);

    if (statement == NULL || drop == NULL)
        return request_no_memory(request);
    request_read_new_table(request);
    TRY(request_check(request));
    TRY(request_find_table(request));
    drop->kind = IR_OBJECT_TABLE;
    drop->database = name_of(request->database);
    drop->name = name_of(request->operation->table);
    statement->as.drop = drop;
    return request_finish(request, statement);
}

/* ---- one attribute ---- */

static void read_attribute_name(struct request *request, struct slice *out)
{
    struct value v = request_field(request, "attribute", NULL);

    *out = slice_empty();
    if (v.kind == VALUE_ABSENT)
        request_problem(request, "'attribute' is required");
    else
        request_read_name(request, "attribute", v, true, out);
}

static bool asks(const struct request *request,
                 bool (*question)(void *, struct slice, struct slice, struct slice),
                 struct slice name)
{
    return question != NULL && question(request->schema->context, request->operation->database,
                                        request->operation->table, name);
}

enum status request_create_attribute(struct request *request)
{
    struct ir_statement *statement = change_new(request, IR_ALTER);
    struct ir_alter *alter = ARENA_NEW(request->arena, struct ir_alter);
    struct ir_column_def *column = ARENA_NEW(request->arena, struct ir_column_def);
    struct operation *operation = request->operation;
    bool is_indexed = true;
    struct slice name;

    if (statement == NULL || alter == NULL || column == NULL)
        return request_no_memory(request);
    request_read_new_table(request);
    read_attribute_name(request, &name);
    request_read_flag(request, "indexed", &is_indexed);
    TRY(request_check(request));
    TRY(request_find_table(request));
    if (request->schema != NULL && asks(request, request->schema->is_known, name))
        return request_fail(request, ST_INVALID, "attribute '%.*s' already exists in %.*s.%.*s",
                            request_shown(name), name.data, request_shown(operation->database),
                            operation->database.data, request_shown(operation->table),
                            operation->table.data);
    column->name = name_of(name);
    column->collation.offset = -1;
    column->is_indexed = is_indexed;
    alter->kind = IR_ALTER_ADD_COLUMN;
    alter->definition = column;
    alter->database = name_of(request->database);
    alter->table = name_of(operation->table);
    statement->as.alter = alter;
    return request_finish(request, statement);
}

enum status request_drop_attribute(struct request *request)
{
    struct ir_statement *statement = change_new(request, IR_ALTER);
    struct ir_alter *alter = ARENA_NEW(request->arena, struct ir_alter);
    struct operation *operation = request->operation;
    struct slice name;

    if (statement == NULL || alter == NULL)
        return request_no_memory(request);
    request_read_new_table(request);
    read_attribute_name(request, &name);
    TRY(request_check(request));
    TRY(request_find_table(request));
    for (size_t k = 0; k < COUNT_OF(automatic); k++)
        if (slice_is(name, automatic[k]))
            return request_fail(request, ST_INVALID, "cannot drop internal timestamp attribute: %s",
                                automatic[k]);
    if (request->schema != NULL && asks(request, request->schema->is_key, name))
        return request_fail(request, ST_INVALID, "You cannot drop a hash attribute");
    if (request->schema != NULL && request->schema->is_known != NULL &&
        !asks(request, request->schema->is_known, name))
        return request_fail(request, ST_NO_COLUMN, "Attribute '%.*s' does not exist in '%.*s.%.*s'",
                            request_shown(name), name.data, request_shown(operation->database),
                            operation->database.data, request_shown(operation->table),
                            operation->table.data);
    alter->kind = IR_ALTER_DROP_COLUMN;
    alter->database = name_of(request->database);
    alter->table = name_of(operation->table);
    alter->column = name_of(name);
    statement->as.alter = alter;
    return request_finish(request, statement);
}
