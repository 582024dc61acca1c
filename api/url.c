/*
 * Request lines to IR: "GET /Dog/?age=gt=3", "PUT /Dog/7". What the path means is decided here,
 * with the catalog at hand; what the query means, in parser/url.
 */
#include "parser/url/url.h"
#include "api/api_internal.h"
#include <string.h>

/* ---- types of attributes, for the parser ---- */

static const struct table *related_table(const struct catalog *catalog,
                                         const struct attribute *attribute)
{
    return catalog_table(catalog, attribute->relation_table);
}

/* A column that SQL declared says by its affinity what it holds: one value, of that kind. */
static int type_of_attribute(const struct table *table, const struct attribute *attribute)
{
    if (attribute->type != TYPE_ANY || table->is_made_by_sdl || attribute->is_dynamic)
        return attribute->type;
    switch ((enum affinity)attribute->affinity) {
    case AFFINITY_TEXT:
        return URL_TYPE_STRING;
    case AFFINITY_INTEGER:
        return URL_TYPE_LONG;
    case AFFINITY_REAL:
        return URL_TYPE_FLOAT;
    case AFFINITY_NUMERIC: /* dates, booleans and decimals are declared so too */
    case AFFINITY_NONE:
        break;
    }
    return URL_TYPE_ANY;
}

bool url_is_undeclared(const struct table *table, const struct attribute *attribute)
{
    return attribute->is_dynamic && table->is_made_by_sdl && !table->is_dynamic;
}

static int type_of(void *context, const struct slice *path, size_t parts, bool *is_list)
{
    const struct url_target *target = context;
    const struct table *table = target->table;

    *is_list = false;
    for (size_t k = 0; k < parts; k++) {
        const struct attribute *attribute = table_attribute(table, path[k]);

        if (attribute == NULL || url_is_undeclared(table, attribute))
            return table->is_dynamic && k + 1 == parts && !table->is_sealed &&
                           table->attribute_count == 0
                       ? URL_TYPE_ANY
                       : -1;
        if (k + 1 == parts) {
            *is_list = attribute->is_list;
            if (attribute->type == TYPE_RELATIONSHIP)
                return -2;
            return type_of_attribute(table, attribute);
        }
        if (attribute->type == TYPE_RELATIONSHIP) {
            table = related_table(target->catalog, attribute);
            if (table == NULL)
                return -1;
        } else {
            return URL_TYPE_ANY; /* inside a nested object */
        }
    }
    return URL_TYPE_ANY;
}

static bool is_ordered(void *context, const struct slice *path, size_t parts)
{
    const struct url_target *target = context;
    const struct attribute *attribute = parts == 1 ? table_attribute(target->table, path[0]) : NULL;

    if (attribute == NULL)
        return parts > 1; /* over a relationship: decided by the planner */
    if (target->table->key_count > 0 && target->table->key_attributes[0] == attribute->id)
        return true;
    return table_index_on(target->table, attribute->id) != NULL;
}

static bool is_key(void *context, struct slice name)
{
    const struct url_target *target = context;
    const struct attribute *attribute = table_attribute(target->table, name);

    return attribute != NULL && target->table->key_count == 1 &&
           target->table->key_attributes[0] == attribute->id;
}

struct url_schema url_schema_of(const struct url_target *target)
{
    return (struct url_schema){(void *)(uintptr_t)target, type_of, is_ordered, is_key};
}

/* ---- paths ---- */

/* The longest registered path that is the request's path or a prefix of it up to a slash; else a
 * table by its name. */
static bool find_target(const struct catalog *catalog, struct slice path, struct url_target *out)
{
    size_t best = 0;

    *out = (struct url_target){.catalog = catalog};
    for (size_t k = 0; k < catalog->table_count; k++) {
        const struct table *table = catalog->tables[k];
        struct slice name =
            table->is_exported && table->export_path.len > 0 ? table->export_path : table->name;
        size_t len = name.len;

        if (len == 0 || len > path.len || memcmp(name.data, path.data, len) != 0)
            continue;
        if (len < path.len && path.data[len] != '/' && path.data[len] != '.')
            continue;
        if (len > best) {
            best = len;
            out->table = table;
        }
    }
    if (out->table == NULL)
        return false;
    out->path = slice_of(path.data, best);
    out->rest = slice_of(path.data + best, path.len - best);
    return true;
}

bool url_find_resource(const struct catalog *catalog, struct slice name, struct url_target *out)
{
    return find_target(catalog, name, out) && out->rest.len == 0;
}

/* The key in the path, decoded and converted to the type of the primary key. */
static enum status read_key(const struct url_target *target, struct slice raw, struct arena *arena,
                            struct value *out, struct error *err)
{
    const struct table *table = target->table;
    struct slice text, name = slice_text("id");
    int type = URL_TYPE_ANY;

    TRY(url_decode(raw, false, arena, &text, err));
    if (table->key_count > 1)
        return error_set(err, ST_INVALID, -1,
                         "the primary key of %.*s has %u parts; a path can hold one",
                         (int)table->name.len, table->name.data, table->key_count);
    if (table->key_count == 1) {
        const struct attribute *key = &table->attributes[table->key_attributes[0]];

        name = key->name;
        type = key->type;
        if (type == TYPE_ANY && key->affinity == AFFINITY_TEXT)
            type = TYPE_STRING;
    } else {
        type = TYPE_LONG;
    }
    if (type == TYPE_STRING || type == TYPE_ID) {
        *out = value_text(text);
        return ST_OK;
    }
    return url_convert(text, type, name, arena, out, err);
}

/* ---- statements ---- */

static struct ir_source *source_of(const struct url_target *target, struct arena *arena)
{
    struct ir_source *source = ARENA_NEW(arena, struct ir_source);

    if (source != NULL) {
        source->kind = IR_SOURCE_TABLE;
        source->is_exported_name = true;
        source->name = (struct ir_name){target->path, -1};
    }
    return source;
}

static struct ir_expr *param(struct arena *arena, uint32_t slot)
{
    struct ir_expr *expr = ir_expr_new(arena, IR_PARAM, -1);

    if (expr != NULL)
        expr->as.param.slot = slot;
    return expr;
}

static struct ir_statement *statement_of(struct arena *arena, enum ir_statement_kind kind,
                                         uint32_t params)
{
    struct ir_statement *statement = ARENA_NEW(arena, struct ir_statement);

    if (statement != NULL) {
        statement->kind = (uint8_t)kind;
        statement->row_form = IR_ROW_SCALAR;
        statement->param_count = params;
        statement->param_names = params == 0 ? NULL : ARENA_NEW_ARRAY(arena, struct slice, params);
    }
    return statement;
}

/* RETURNING the primary key: what POST answers with. */
static struct ir_output *key_output(struct arena *arena)
{
    struct ir_output *output = ARENA_NEW(arena, struct ir_output);

    if (output == NULL)
        return NULL;
    output->expr = ir_expr_new(arena, IR_META, -1);
    if (output->expr != NULL)
        output->expr->op = IR_META_KEY;
    output->alias = (struct ir_name){slice_text("$id"), -1};
    return output;
}

enum status url_compile_write(const struct url_target *target, int mode, bool has_key,
                              struct arena *arena, struct ir_statement **out)
{
    struct ir_statement *statement = statement_of(arena, IR_WRITE_DOCUMENTS, has_key ? 2 : 1);
    struct ir_write_documents *documents = ARENA_NEW(arena, struct ir_write_documents);

    if (arena->failed)
        return ST_NO_MEMORY;
    documents->target = source_of(target, arena);
    documents->mode = (uint8_t)mode;
    documents->documents = param(arena, 1);
    documents->key = has_key ? param(arena, 2) : NULL;
    if (mode == IR_DOCUMENT_INSERT) {
        documents->returning = key_output(arena);
        documents->returning_count = 1;
    }
    statement->as.documents = documents;
    *out = statement;
    return arena->failed ? ST_NO_MEMORY : ST_OK;
}

enum status url_compile_delete_one(const struct url_target *target, struct arena *arena,
                                   struct ir_statement **out)
{
    struct ir_statement *statement = statement_of(arena, IR_DELETE, 1);
    struct ir_delete *remove = ARENA_NEW(arena, struct ir_delete);
    struct ir_expr *key = ir_expr_new(arena, IR_META, -1);

    if (arena->failed)
        return ST_NO_MEMORY;
    key->op = IR_META_KEY;
    remove->target = source_of(target, arena);
    remove->where = ir_compare(arena, IR_EQ, key, param(arena, 1));
    statement->as.remove = remove;
    *out = statement;
    return arena->failed ? ST_NO_MEMORY : ST_OK;
}

struct request {
    struct slice method, path, query;
    bool has_query;
};

static bool split_request(struct slice text, struct request *out)
{
    const char *at = text.data, *end = text.data + text.len, *start = at, *question;

    memset(out, 0, sizeof *out);
    while (at < end && *at != ' ' && *at != '\t')
        at++;
    out->method = slice_of(start, (size_t)(at - start));
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end || *at != '/')
        return false;
    start = at + 1;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
        end--;
    question = memchr(start, '?', (size_t)(end - start));
    out->has_query = question != NULL;
    out->path = slice_of(start, (size_t)((question == NULL ? end : question) - start));
    if (question != NULL)
        out->query = slice_of(question + 1, (size_t)(end - question - 1));
    return true;
}

static enum status compile_request(harper_statement *statement, const struct request *request,
                                   const struct url_target *target, struct arena *arena,
                                   struct ir_statement **out, struct error *err)
{
    const struct url_schema schema = url_schema_of(target);
    bool is_collection = target->rest.len <= 1;
    bool is_put = slice_is(request->method, "PUT"), is_patch = slice_is(request->method, "PATCH");

    if (!is_collection) {
        TRY(read_key(target, slice_of(target->rest.data + 1, target->rest.len - 1),
                     &statement->texts, &statement->key, err));
        if (value_has_bytes(statement->key))
            statement->key.as.data = arena_copy(&statement->kept, value_slice(statement->key)).data;
        statement->key_param = is_put || is_patch ? 2 : 1;
    }
    if (slice_is(request->method, "GET") || slice_is(request->method, "HEAD"))
        return is_collection
                   ? url_parse_search(target->path, request->query, false, &schema, arena, out, err)
                   : url_parse_get(target->path, request->query, &schema, arena, out, err);
    if (slice_is(request->method, "DELETE"))
        return is_collection
                   ? url_parse_search(target->path, request->query, true, &schema, arena, out, err)
                   : url_compile_delete_one(target, arena, out);
    if (is_put)
        return url_compile_write(target, IR_DOCUMENT_PUT, !is_collection, arena, out);
    if (is_patch && !is_collection)
        return url_compile_write(target, IR_DOCUMENT_PATCH, true, arena, out);
    if (slice_is(request->method, "POST") && is_collection)
        return url_compile_write(target, IR_DOCUMENT_INSERT, false, arena, out);
    return error_set(err, ST_INVALID, 0, "%.*s is not possible on this path",
                     (int)request->method.len, request->method.data);
}

enum status url_compile(harper_statement *statement, const struct databases *databases,
                        struct arena *arena, struct ir_statement **out, struct error *err)
{
    struct slice text = slice_of(statement->text, statement->text_bytes);
    struct request request;
    struct url_target target;
    enum status st;

    if (!split_request(text, &request))
        return error_set(err, ST_SYNTAX, 0,
                         "a request is METHOD /path, for example GET /Dog/?age=gt=3");
    for (unsigned d = 0; d < databases->count; d++) {
        if (!find_target(txn_catalog(databases->refs[d].txn), request.path, &target))
            continue;
        st = compile_request(statement, &request, &target, arena, out, err);
        /* The parser counts from the query's beginning. */
        if (st != ST_OK && err != NULL && err->offset >= 0 && request.has_query)
            err->offset += request.query.data - text.data;
        return st;
    }
    return error_set(err, ST_NO_TABLE, request.path.data - text.data, "no such table: %.*s",
                     (int)request.path.len, request.path.data);
}

/* ---- the library's document calls ---- */

/* "main.dog" or "dog". */
static bool find_named(const struct databases *databases, struct slice name, struct url_target *out)
{
    const char *dot = memchr(name.data, '.', name.len);
    struct slice database =
        dot == NULL ? slice_empty() : slice_of(name.data, (size_t)(dot - name.data));
    struct slice table = dot == NULL ? name : slice_of(dot + 1, name.len - database.len - 1);

    for (unsigned d = 0; d < databases->count; d++) {
        if (dot != NULL && !database_is(databases, d, database))
            continue;
        *out = (struct url_target){.catalog = txn_catalog(databases->refs[d].txn), .path = table};
        out->table = catalog_table(out->catalog, table);
        if (out->table != NULL)
            return true;
    }
    return false;
}

static enum status scan_statement(const struct url_target *target, bool from_key,
                                  struct arena *arena, struct ir_statement **out)
{
    struct ir_statement *statement = statement_of(arena, IR_QUERY, from_key ? 1 : 0);
    struct ir_query *query = ARENA_NEW(arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(arena, struct ir_block);
    struct ir_block **blocks = ARENA_NEW(arena, struct ir_block *);
    struct ir_source **sources = ARENA_NEW(arena, struct ir_source *);
    struct ir_output *outputs = ARENA_NEW_ARRAY(arena, struct ir_output, 2);
    struct ir_order *order = ARENA_NEW(arena, struct ir_order);
    struct ir_expr *record = ir_expr_new(arena, IR_RECORD, -1),
                   *key = ir_expr_new(arena, IR_META, -1);

    if (arena->failed)
        return ST_NO_MEMORY;
    key->op = IR_META_KEY;
    sources[0] = source_of(target, arena);
    outputs[0].expr = key;
    outputs[1].expr = record;
    order->expr = ir_expr_copy(arena, key);
    if (from_key)
        block->where = ir_compare(arena, IR_GE, ir_expr_copy(arena, key), param(arena, 1));
    block->sources = sources;
    block->source_count = 1;
    block->outputs = outputs;
    block->output_count = 2;
    blocks[0] = block;
    query->blocks = blocks;
    query->block_count = 1;
    query->order = order;
    query->order_count = 1;
    statement->row_form = IR_ROW_ARRAY;
    statement->as.query = query;
    *out = statement;
    return arena->failed ? ST_NO_MEMORY : ST_OK;
}

enum status document_compile(harper_statement *statement, const struct databases *databases,
                             struct arena *arena, struct ir_statement **out, struct error *err)
{
    struct slice verb = slice_of(statement->text, statement->text_bytes), name;
    const char *blank = memchr(verb.data, ' ', verb.len);
    const struct url_schema schema = {NULL, type_of, is_ordered, is_key};
    struct url_target target;

    if (blank == NULL)
        return ST_MISUSE;
    verb.len = (size_t)(blank - verb.data);
    name = slice_of(blank + 1, statement->text_bytes - verb.len - 1);
    if (!find_named(databases, name, &target))
        return error_set(err, ST_NO_TABLE, -1, "no such table: %.*s", (int)name.len, name.data);
    if (slice_is(verb, "get"))
        return url_parse_get(target.path, slice_empty(), &schema, arena, out, err);
    if (slice_is(verb, "put"))
        return url_compile_write(&target, IR_DOCUMENT_PUT, true, arena, out);
    if (slice_is(verb, "patch"))
        return url_compile_write(&target, IR_DOCUMENT_PATCH, true, arena, out);
    if (slice_is(verb, "insert"))
        return url_compile_write(&target, IR_DOCUMENT_INSERT, false, arena, out);
    if (slice_is(verb, "delete"))
        return url_compile_delete_one(&target, arena, out);
    return scan_statement(&target, slice_is(verb, "from"), arena, out);
}
