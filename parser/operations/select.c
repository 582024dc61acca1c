/*
 * What rows show, in which order, and how many: the parts of a query that are no conditions.
 */
#include "parser/operations/operations_internal.h"

/* ---- the query ---- */

struct ir_source *request_source(struct request *request)
{
    struct ir_source *source = ARENA_NEW(request->arena, struct ir_source);

    if (source != NULL) {
        source->kind = IR_SOURCE_TABLE;
        source->is_exported_name = request->is_exported;
        source->name = (struct ir_name){request->operation->table, -1};
        source->database = (struct ir_name){request->database, -1};
        source->alias.offset = -1;
    }
    return source;
}

enum status request_query(struct request *request, struct ir_block **out_block,
                          struct ir_query **out)
{
    struct arena *arena = request->arena;
    struct ir_query *query = ARENA_NEW(arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(arena, struct ir_block);
    struct ir_block **blocks = ARENA_NEW_ARRAY(arena, struct ir_block *, 1);
    struct ir_source **sources = ARENA_NEW_ARRAY(arena, struct ir_source *, 1);

    if (query == NULL || block == NULL || blocks == NULL || sources == NULL)
        return request_no_memory(request);
    sources[0] = request_source(request);
    if (sources[0] == NULL)
        return request_no_memory(request);
    block->offset = -1;
    block->source_count = 1;
    block->sources = sources;
    blocks[0] = block;
    query->block_count = 1;
    query->blocks = blocks;
    *out_block = block;
    *out = query;
    return ST_OK;
}

void request_limit(struct request *request, struct ir_query *query, bool has_limit, int64_t limit,
                   bool has_offset, int64_t offset)
{
    if (has_limit)
        query->limit = request_param(request, value_int(limit));
    if (has_offset)
        query->offset = request_param(request, value_int(offset));
}

enum status request_finish(struct request *request, struct ir_statement *statement)
{
    statement->param_count = request->param_count;
    if (request->param_count > 0)
        statement->param_names =
            ARENA_NEW_ARRAY(request->arena, struct slice, request->param_count);
    if (request->arena->failed)
        return request_no_memory(request);
    if (statement->kind == IR_QUERY)
        ir_query_measure(statement->as.query);
    request->operation->statement = statement;
    return ST_OK;
}

/* ---- projection ---- */

/* Names from the table down to the item being read. */
struct path {
    struct slice parts[REQUEST_DEPTH_MAX];
    size_t count;
};

static struct ir_expr *record_expr(struct request *request)
{
    struct ir_expr *expr = ir_expr_new(request->arena, IR_RECORD, -1);

    if (expr != NULL)
        expr->as.record.alias.offset = -1;
    return expr;
}

static struct ir_expr *undeclared(struct request *request, struct slice name)
{
    struct ir_expr *expr = ir_expr_new(request->arena, IR_MEMBER, -1);
    struct ir_expr *record = record_expr(request);

    if (expr == NULL || record == NULL)
        return NULL;
    expr->as.member.operand = record;
    expr->as.member.name = name;
    ir_expr_raise(expr, record->height);
    return expr;
}

/* $id and the like are facts about the record, never unknown attributes. */
static enum status select_special(struct request *request, struct slice name, struct ir_expr **out)
{
    if (slice_is(name, "$id"))
        *out = request_meta(request, IR_META_KEY);
    else if (slice_is(name, "$updatedtime") || slice_is(name, "$updatedTime"))
        *out = request_meta(request, IR_META_VERSION);
    else if (slice_is(name, "$expiresAt"))
        *out = request_meta(request, IR_META_EXPIRES);
    else if (slice_is(name, "$record"))
        *out = record_expr(request);
    else if (slice_is(name, "$distance"))
        return request_fail(request, ST_UNSUPPORTED, "vector search is not supported");
    else
        *out = undeclared(request, name);
    return *out == NULL ? request_no_memory(request) : ST_OK;
}

static enum status select_items(struct request *request, struct value list, struct path *path,
                                struct ir_output **out, size_t *count);

static enum status select_nested(struct request *request, struct slice name, struct value items,
                                 struct path *path, struct ir_expr **out)
{
    struct ir_expr *expr = ir_expr_new(request->arena, IR_NESTED, -1);

    if (expr == NULL)
        return request_no_memory(request);
    expr->as.nested.name = (struct ir_name){name, -1};
    if (!value_is_null(items))
        TRY(select_items(request, items, path, &expr->as.nested.items, &expr->as.nested.count));
    *out = expr;
    return ST_OK;
}

static enum status select_name(struct request *request, struct slice name, struct value items,
                               struct path *path, struct ir_expr **out)
{
    const struct operation_schema *schema = request->schema;
    bool is_list = false;
    int type = 0;

    if (path->count == REQUEST_DEPTH_MAX)
        return request_fail(request, ST_LIMIT, "a select may nest %d levels deep",
                            REQUEST_DEPTH_MAX);
    path->parts[path->count++] = name;
    if (schema != NULL && schema->type_of != NULL)
        type = schema->type_of(schema->context, request->operation->database,
                               request->operation->table, path->parts, path->count, &is_list);
    if (!value_is_null(items) || type == -2) {
        TRY(select_nested(request, name, items, path, out));
    } else if (type == -1) {
        /* Over REST a record may hold what its table does not declare. */
        if (!request->is_exported)
            request_note_unknown(request, name);
        *out = undeclared(request, name);
    } else {
        *out = ir_column(request->arena, (struct ir_name){name, -1});
    }
    path->count--;
    return *out == NULL ? request_no_memory(request) : ST_OK;
}

static enum status select_item(struct request *request, struct value item, struct path *path,
                               struct ir_output *out)
{
    struct value name = item, items = value_absent();
    struct slice text;

    if (item.kind == VALUE_OBJECT) {
        name = document_member(item, slice_text("name"));
        items = document_member(item, slice_text("select"));
    } else if (item.kind == VALUE_INT || item.kind == VALUE_REAL) {
        name = value_to_text(item, request->arena);
    }
    if (name.kind != VALUE_TEXT)
        return request_fail(request, ST_INVALID, "'get_attributes' must be strings or numbers");
    text = value_slice(name);
    out->star_of.offset = -1;
    out->alias.offset = -1;
    if (slice_is(text, "*") && value_is_null(items))
        return ST_OK; /* a star: no expression */
    out->alias.text = out->text = text;
    if (text.len > 0 && text.data[0] == '$' && value_is_null(items))
        return select_special(request, text, &out->expr);
    return select_name(request, text, items, path, &out->expr);
}

/* An object has a member once: the later selection of a name replaces the earlier one. */
static struct ir_output *find_output(struct ir_output *outputs, size_t count, struct slice name)
{
    for (size_t i = 0; name.len > 0 && i < count; i++)
        if (slice_equal(outputs[i].alias.text, name))
            return &outputs[i];
    return NULL;
}

static enum status select_items(struct request *request, struct value list, struct path *path,
                                struct ir_output **out, size_t *count)
{
    struct ir_output *outputs;
    size_t given = list.kind == VALUE_ARRAY ? document_count(list) : 0;

    if (list.kind != VALUE_ARRAY)
        return request_fail(request, ST_INVALID, "'get_attributes' must be an array");
    if (given > SELECT_ITEMS_MAX)
        return request_fail(request, ST_LIMIT, "a select may name %d attributes", SELECT_ITEMS_MAX);
    outputs = ARENA_NEW_ARRAY(request->arena, struct ir_output, given + 1);
    if (outputs == NULL)
        return request_no_memory(request);
    *count = 0;
    for (size_t i = 0; i < given; i++) {
        struct ir_output output = {0}, *earlier;

        TRY(select_item(request, document_element(list, i), path, &output));
        earlier = find_output(outputs, *count, output.alias.text);
        if (earlier != NULL)
            *earlier = output;
        else
            outputs[(*count)++] = output;
    }
    *out = outputs;
    return ST_OK;
}

static enum status select_one(struct request *request, struct ir_block *block, struct ir_expr *expr)
{
    block->outputs = ARENA_NEW(request->arena, struct ir_output);
    if (block->outputs == NULL || expr == NULL)
        return request_no_memory(request);
    block->outputs->alias.offset = block->outputs->star_of.offset = -1;
    block->outputs->expr = expr;
    block->output_count = 1;
    return ST_OK;
}

/* Everything: of a dynamic table every attribute it knows, else the record as it is stored. */
static enum status select_all(struct request *request, struct ir_block *block, uint8_t *row_form)
{
    const struct operation_schema *schema = request->schema;

    if (request->is_exported || schema == NULL || schema->is_dynamic == NULL ||
        !schema->is_dynamic(schema->context, request->operation->database,
                            request->operation->table)) {
        *row_form = IR_ROW_SCALAR;
        request->operation->fills_nulls = false;
        return select_one(request, block, record_expr(request));
    }
    *row_form = IR_ROW_OBJECT;
    TRY(select_one(request, block, request_meta(request, IR_META_KEY)));
    block->outputs->expr = NULL; /* a star */
    return ST_OK;
}

enum status request_select(struct request *request, struct value select, struct ir_block *block,
                           uint8_t *row_form)
{
    struct path path = {.count = 0};
    struct ir_output output = {0};

    request->operation->fills_nulls = !request->is_exported;
    if (value_is_null(select))
        return select_all(request, block, row_form);
    if (select.kind == VALUE_TEXT && request->is_exported) {
        if (slice_is(value_slice(select), "*"))
            return select_all(request, block, row_form);
        *row_form = IR_ROW_SCALAR;
        TRY(select_item(request, select, &path, &output));
        TRY(select_one(request, block, output.expr));
        *block->outputs = output;
        return ST_OK;
    }
    if (select.kind == VALUE_ARRAY && document_count(select) == 1 &&
        document_element(select, 0).kind == VALUE_TEXT &&
        slice_is(value_slice(document_element(select, 0)), "*"))
        return select_all(request, block, row_form);
    *row_form = IR_ROW_OBJECT;
    TRY(select_items(request, select, &path, &block->outputs, &block->output_count));
    if (block->output_count > 0)
        return ST_OK;
    *row_form = IR_ROW_SCALAR;
    return select_one(request, block, ir_expr_new(request->arena, IR_OBJECT, -1));
}

/* ---- order ---- */

static enum status add_order(struct request *request, struct ir_query *query, struct ir_expr *expr,
                             bool descending, size_t capacity)
{
    if (query->order == NULL)
        query->order = ARENA_NEW_ARRAY(request->arena, struct ir_order, capacity);
    if (query->order == NULL || expr == NULL)
        return request_no_memory(request);
    query->order[query->order_count++] = (struct ir_order){.expr = expr, .descending = descending};
    return ST_OK;
}

/* The attribute, then the key, so that the order is total. */
enum status request_order_by(struct request *request, const struct attribute *attribute,
                             bool descending, struct ir_query *query)
{
    if (attribute->count > 0)
        TRY(add_order(request, query, request_column(request, attribute), descending, 2));
    return add_order(request, query, request_meta(request, IR_META_KEY), descending, 2);
}

enum status request_sort(struct request *request, struct value sort, struct ir_query *query)
{
    bool has_key = false;

    for (size_t depth = 0; !value_is_null(sort); depth++) {
        struct value descending, name;
        struct attribute attribute;
        size_t unknown = request->unknown_count;

        if (depth == REQUEST_DEPTH_MAX)
            return request_fail(request, ST_LIMIT, "a sort may have %d keys", REQUEST_DEPTH_MAX);
        if (sort.kind != VALUE_OBJECT)
            return request_fail(request, ST_INVALID, "'sort' must be of type object");
        name = document_member(sort, slice_text("attribute"));
        if (value_is_null(name))
            return request_fail(request, ST_INVALID, "Sort requires an attribute");
        if (document_member(sort, slice_text("target")).kind != VALUE_ABSENT)
            return request_fail(request, ST_UNSUPPORTED, "vector search is not supported");
        TRY(request_attribute(request, name, &attribute));
        if (request->unknown_count > unknown)
            return request_fail(request, ST_NO_COLUMN, "%.*s is not a defined attribute",
                                request_shown(attribute.name), attribute.name.data);
        descending = document_member(sort, slice_text("descending"));
        TRY(add_order(request, query, request_column(request, &attribute),
                      value_truth(descending) == 1, REQUEST_DEPTH_MAX + 1));
        has_key = has_key || attribute.count == 0;
        sort = document_member(sort, slice_text("next"));
    }
    if (query->order_count == 0 || has_key)
        return ST_OK;
    return add_order(request, query, request_meta(request, IR_META_KEY), false,
                     REQUEST_DEPTH_MAX + 1);
}
