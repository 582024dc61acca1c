/*
 * Requests of a server: routes to tables, and one statement for all requests of one shape.
 *
 * The shape of a query is read by the lexer alone. A statement is kept in the session's cache under
 * kind, path, catalog version and shape; on a hit the values are converted as the first request's
 * were, and nothing is parsed or planned.
 */
#include "api/api_internal.h"
#include "parser/url/url.h"
#include <stdlib.h>
#include <string.h>

struct request_state {
    struct url_shape shape;
    struct buf text;
    /* The request that is being prepared; request_compile copies what it needs. */
    const struct request_parts *preparing;
};

/* What compiling needs, again and again. */
struct request_parts {
    uint8_t kind;
    unsigned database;
    struct slice table, path, query;
    struct url_slots *slots;
};

void request_state_free(struct request_state *state)
{
    if (state == NULL)
        return;
    url_shape_deinit(&state->shape);
    buf_free(&state->text);
    free(state);
}

/* ---- routes ---- */

struct slice attribute_type_name(const struct attribute *attribute)
{
    static const char *const names[TYPE_COUNT] = {
        [TYPE_ANY] = "Any",       [TYPE_INT] = "Int",       [TYPE_LONG] = "Long",
        [TYPE_FLOAT] = "Float",   [TYPE_BIGINT] = "BigInt", [TYPE_BOOLEAN] = "Boolean",
        [TYPE_STRING] = "String", [TYPE_ID] = "ID",         [TYPE_DATE] = "Date",
        [TYPE_BYTES] = "Bytes",   [TYPE_BLOB] = "Blob",     [TYPE_OBJECT] = "Any"};

    if (attribute->type == TYPE_OBJECT && attribute->nested_type.len > 0)
        return attribute->nested_type;
    if (attribute->type == TYPE_RELATIONSHIP)
        return attribute->relation_table;
    if (attribute->type == TYPE_ANY && attribute->declared_type.len > 0)
        return attribute->declared_type;
    return slice_text(names[attribute->type]);
}

static bool is_key_attribute(const struct table *table, uint16_t attribute)
{
    for (unsigned k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == attribute)
            return true;
    return false;
}

static void read_attributes(const struct table *table, struct arena *arena, struct route *route)
{
    struct route_attribute *attributes =
        ARENA_NEW_ARRAY(arena, struct route_attribute, table->attribute_count + 1u);

    if (attributes == NULL)
        return;
    for (unsigned k = 0; k < table->attribute_count; k++) {
        const struct attribute *from = &table->attributes[k];

        if (from->is_dropped || from->is_hidden || url_is_undeclared(table, from))
            continue;
        attributes[route->attribute_count++] = (struct route_attribute){
            .name = arena_copy(arena, from->name),
            .type = arena_copy(arena, attribute_type_name(from)),
            .is_list = from->is_list,
            .is_key = is_key_attribute(table, from->id),
            .is_indexed = table_index_on(table, from->id) != NULL,
            .is_required = from->is_not_null,
            .is_relationship = from->type == TYPE_RELATIONSHIP,
            .is_computed = from->generated != GENERATED_NO,
        };
    }
    route->attributes = attributes;
}

static void read_key_type(const struct table *table, struct arena *arena, struct route *route)
{
    const struct attribute *key;

    route->key_parts = table->key_count;
    route->key_type = URL_TYPE_LONG;
    route->key_name = slice_text("id");
    if (table->key_count == 0)
        return;
    key = &table->attributes[table->key_attributes[0]];
    route->key_name = arena_copy(arena, key->name);
    route->key_type =
        key->type == TYPE_ANY && key->affinity == AFFINITY_TEXT ? URL_TYPE_STRING : key->type;
    route->has_text_key = route->key_type == URL_TYPE_STRING || route->key_type == URL_TYPE_ID;
}

static void read_route(const struct table *table, struct slice database, struct arena *arena,
                       struct route *route)
{
    *route = (struct route){
        .table = arena_copy(arena, table->name),
        .database = arena_copy(arena, database),
        .is_exported = table->is_exported,
        .is_hidden = table->is_hidden,
        .is_sealed = table->is_sealed,
        .hidden_protocols = table->hidden_protocols,
    };
    route->path = table->is_exported && table->export_path.data != NULL
                      ? arena_copy(arena, table->export_path)
                      : route->table;
    route->is_root = route->path.len == 0;
    if (route->is_root)
        route->path = route->table;
    read_attributes(table, arena, route);
    read_key_type(table, arena, route);
}

uint64_t routes_version(const harper *db)
{
    return db_catalog_version(db->db);
}

void routes_free(struct routes *routes)
{
    arena_deinit(&routes->arena);
    *routes = (struct routes){0};
}

int routes_read(harper_session *session, struct routes *out, harper_error *error)
{
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct error err = {.offset = -1};
    enum status st = session_acquire(session, &databases, refs, &err);

    routes_free(out);
    if (st == ST_OK) {
        /* The served database alone: what a session attaches is its own. */
        const struct catalog *catalog = txn_catalog(refs[0].txn);

        out->version = catalog->version;
        out->items = ARENA_NEW_ARRAY(&out->arena, struct route, catalog->table_count + 1);
        for (size_t k = 0; out->items != NULL && k < catalog->table_count; k++)
            read_route(catalog->tables[k], refs[0].name, &out->arena, &out->items[out->count++]);
        session_release(session, session->in_transaction);
        if (out->arena.failed)
            st = ST_NO_MEMORY;
    }
    if (st != ST_OK)
        routes_free(out);
    session_fail(session, st, &err);
    if (error != NULL)
        *error = session->error;
    return (int)st;
}

/* ---- compiling ---- */

static bool is_write(enum request_kind kind)
{
    return kind == REQUEST_PUT || kind == REQUEST_PUT_MANY || kind == REQUEST_PATCH ||
           kind == REQUEST_INSERT;
}

/* The parts are kept with the statement, and so is the IR with the values it lends from the query:
 * both are needed when the statement is compiled again. */
static enum status keep_parts(harper_statement *statement)
{
    struct arena *scratch = &statement->session->prepare;
    const struct request_parts *from =
        statement->request != NULL ? statement->request : statement->session->requests->preparing;
    struct request_parts parts = *from, *kept;

    parts.table = arena_copy(scratch, from->table);
    parts.path = arena_copy(scratch, from->path);
    parts.query = arena_copy(scratch, from->query);
    statement->request = NULL;
    arena_reset(&statement->kept);
    kept = ARENA_NEW(&statement->kept, struct request_parts);
    if (scratch->failed || kept == NULL)
        return ST_NO_MEMORY;
    *kept = parts;
    kept->slots = NULL;
    kept->table = arena_copy(&statement->kept, parts.table);
    kept->path = arena_copy(&statement->kept, parts.path);
    kept->query = arena_copy(&statement->kept, parts.query);
    if (statement->kept.failed)
        return ST_NO_MEMORY;
    statement->request = kept;
    return ST_OK;
}

/* A GET knows its record's version from the record, which is a column of its own unless it is what
 * was asked for. */
static enum status add_record(harper_statement *statement, struct ir_statement *ir)
{
    struct arena *arena = &statement->kept;
    struct ir_block *block = ir->as.query->blocks[0];
    struct ir_output *outputs;
    struct ir_expr *record;

    statement->hidden_columns = 0;
    if (block->output_count == 1 && block->outputs[0].expr != NULL &&
        block->outputs[0].expr->kind == IR_RECORD)
        return ST_OK;
    outputs = ARENA_NEW_ARRAY(arena, struct ir_output, block->output_count + 1);
    record = ir_expr_new(arena, IR_RECORD, -1);
    if (outputs == NULL || record == NULL)
        return ST_NO_MEMORY;
    memcpy(outputs, block->outputs, block->output_count * sizeof *outputs);
    record->as.record.alias.offset = -1;
    outputs[block->output_count] = (struct ir_output){
        .expr = record, .star_of = {.offset = -1}, .alias = {slice_text("$version"), -1}};
    block->outputs = outputs;
    block->output_count++;
    statement->hidden_columns = 1;
    return ST_OK;
}

enum status request_compile(harper_statement *statement, const struct databases *databases,
                            struct ir_statement **out, struct error *err)
{
    struct arena *arena = &statement->kept;
    struct url_target target = {0};
    struct url_schema schema;
    struct request_parts *parts;

    TRY(keep_parts(statement));
    parts = statement->request;
    if (parts->database >= databases->count)
        return error_set(err, ST_NO_TABLE, -1, "no such table");
    target.catalog = txn_catalog(databases->refs[parts->database].txn);
    target.table = catalog_table(target.catalog, parts->table);
    target.path = parts->path;
    if (target.table == NULL)
        return error_set(err, ST_NO_TABLE, -1, "no such table: %.*s", (int)parts->table.len,
                         parts->table.data);
    schema = url_schema_of(&target);
    switch ((enum request_kind)parts->kind) {
    case REQUEST_GET:
        TRY(url_parse_get_slots(parts->path, parts->query, &schema, arena, out, &parts->slots,
                                err));
        return add_record(statement, *out);
    case REQUEST_SEARCH:
    case REQUEST_DELETE_SEARCH:
        return url_parse_search_slots(parts->path, parts->query,
                                      parts->kind == REQUEST_DELETE_SEARCH, &schema, arena, out,
                                      &parts->slots, err);
    case REQUEST_SEARCH_BELOW:
    case REQUEST_DELETE_BELOW:
        return url_parse_below_slots(parts->path, parts->query, parts->kind == REQUEST_DELETE_BELOW,
                                     &schema, arena, out, &parts->slots, err);
    case REQUEST_DELETE:
        return url_compile_delete_one(&target, arena, out);
    case REQUEST_PUT:
        return url_compile_write(&target, IR_DOCUMENT_PUT, true, arena, out);
    case REQUEST_PUT_MANY:
        return url_compile_write(&target, IR_DOCUMENT_PUT, false, arena, out);
    case REQUEST_PATCH:
        return url_compile_write(&target, IR_DOCUMENT_PATCH, true, arena, out);
    case REQUEST_INSERT:
        return url_compile_write(&target, IR_DOCUMENT_INSERT, false, arena, out);
    }
    return ST_MISUSE;
}

/* ---- preparing ---- */

int request_decode(struct slice raw, struct arena *arena, struct slice *out)
{
    return (int)url_decode(raw, false, arena, out, NULL);
}

/* "GET dog 12 <shape>": what the statements of a session are found by. */
static bool write_text(struct request_state *state, const struct routes *routes,
                       const struct route *route, enum request_kind kind, bool has_shape,
                       struct slice query)
{
    static const char *const verbs[] = {
        [REQUEST_GET] = "GET ",
        [REQUEST_SEARCH] = "SEARCH ",
        [REQUEST_SEARCH_BELOW] = "SEARCH BELOW ",
        [REQUEST_DELETE] = "DELETE ",
        [REQUEST_DELETE_SEARCH] = "DELETE SEARCH ",
        [REQUEST_DELETE_BELOW] = "DELETE BELOW ",
        [REQUEST_PUT] = "PUT ",
        [REQUEST_PUT_MANY] = "PUT MANY ",
        [REQUEST_PATCH] = "PATCH ",
        [REQUEST_INSERT] = "POST ",
    };
    struct buf *text = &state->text;

    buf_clear(text);
    buf_append_text(text, verbs[kind]);
    buf_append_slice(text, route->path);
    buf_append_byte(text, ' ');
    buf_append_varint(text, routes->version);
    if (!has_shape) /* its own text is its shape */
        buf_append_byte(text, '?');
    buf_append_slice(text, has_shape ? buf_slice(&state->shape.key) : query);
    return !text->failed;
}

static enum status read_key(const struct route *route, const struct request_text *request,
                            struct arena *arena, struct value *out, struct error *err)
{
    struct slice text;

    TRY(url_decode(request->key, false, arena, &text, err));
    if (text.len > REQUEST_KEY_BYTES_MAX)
        return error_set(err, ST_INVALID, -1, "a key in a path may have %d bytes",
                         REQUEST_KEY_BYTES_MAX);
    if (route->key_parts > 1)
        return error_set(err, ST_INVALID, -1,
                         "the primary key of %.*s has %u parts; a path can hold one",
                         (int)route->table.len, route->table.data, route->key_parts);
    if (route->has_text_key || request->kind == REQUEST_SEARCH_BELOW ||
        request->kind == REQUEST_DELETE_BELOW) {
        *out = value_text(text);
        return ST_OK;
    }
    return url_convert(text, route->key_type, route->key_name, arena, out, err);
}

/* ST_NOT_FOUND: the values do not fit this statement. */
static enum status bind_slots(harper_statement *statement, const struct url_shape *shape,
                              size_t from, struct arena *arena)
{
    const struct url_slots *slots = statement->request->slots;
    size_t count = slots == NULL ? 0 : url_slots_count(slots);
    struct value *values;

    if (count < from || shape->literal_count == 0)
        return ST_OK;
    values = ARENA_NEW_ARRAY(arena, struct value, count);
    if (values == NULL)
        return ST_NO_MEMORY;
    TRY(url_slots_bind(slots, shape, arena, values));
    for (size_t k = from; k <= count; k++)
        if (statement_bind_value(statement, (int)k, values[k - 1]) != HARPER_OK)
            return ST_MISUSE;
    return ST_OK;
}

static enum status bind_request(harper_statement *statement, const struct route *route,
                                const struct request_text *request, const struct url_shape *shape,
                                struct arena *arena, struct error *err)
{
    bool has_key = request->kind != REQUEST_SEARCH && request->kind != REQUEST_DELETE_SEARCH &&
                   request->kind != REQUEST_PUT_MANY && request->kind != REQUEST_INSERT;
    struct value key;

    if (has_key) {
        TRY(read_key(route, request, arena, &key, err));
        if (statement_bind_value(statement, is_write(request->kind) ? 2 : 1, key) != HARPER_OK)
            return ST_MISUSE;
    }
    if (is_write(request->kind) || request->kind == REQUEST_DELETE || shape == NULL)
        return ST_OK;
    return bind_slots(statement, shape, has_key ? 2 : 1, arena);
}

static int answer(harper_session *session, enum status st, const struct error *err,
                  harper_error *error)
{
    session_fail(session, st, err);
    if (error != NULL)
        *error = session->error;
    return (int)st;
}

int request_prepare(harper_session *session, const struct routes *routes, const struct route *route,
                    const struct request_text *request, struct arena *arena, harper_statement **out,
                    harper_error *error)
{
    struct request_parts parts = {.kind = (uint8_t)request->kind,
                                  .table = route->table,
                                  .path = route->path,
                                  .query = request->query};
    struct request_state *state = session->requests;
    struct error err = {.offset = -1};
    bool has_shape;
    int st;

    *out = NULL;
    if (state == NULL) {
        state = session->requests = calloc(1, sizeof *state);
        if (state == NULL)
            return answer(session, ST_NO_MEMORY, NULL, error);
    }
    /* A query without a shape is compiled by itself: parsing says what is wrong with it. */
    has_shape = url_shape_read(request->query, &state->shape) == ST_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        enum status bound;

        if (!write_text(state, routes, route, request->kind, has_shape, request->query))
            return answer(session, ST_NO_MEMORY, NULL, error);
        state->preparing = &parts;
        st = harper_prepare(session, LANGUAGE_REQUEST, state->text.data, (int64_t)state->text.len,
                            out, NULL, error);
        state->preparing = NULL;
        if (st != HARPER_OK)
            return st;
        bound = bind_request(*out, route, request, has_shape ? &state->shape : NULL, arena, &err);
        if (bound == ST_OK)
            return HARPER_OK;
        harper_finalize(*out);
        *out = NULL;
        if (bound != ST_NOT_FOUND || !has_shape)
            return answer(session, bound, &err, error);
        has_shape = false;
    }
    return answer(session, ST_INTERNAL, &err, error);
}

uint64_t request_row_version(const harper_statement *statement)
{
    const struct value *row = statement_row(statement);
    size_t count = statement_column_count(statement);
    struct record_header header;
    struct slice body;

    if (row == NULL || count == 0 || (row[count - 1].flags & VALUE_IS_RECORD) == 0 ||
        record_header_read(row[count - 1].as.record->bytes, &header, &body) != ST_OK)
        return 0;
    return header.stamp;
}
