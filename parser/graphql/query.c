/*
 * Query documents to IR. Section 13 of the REST specification.
 */
#include "parser/graphql/query.h"
#include "parser/graphql/graphql_internal.h"
#include "storage/value/document.h"

/* What a selection set comes to: one entry per name, whatever fragments it came from. */
struct field {
    struct slice name;
    int32_t offset;
    const struct gql_selection *selection;
};

struct fields {
    struct field *items;
    size_t count, capacity;
};

struct lower {
    struct arena *arena;
    const struct graphql_tables *tables;
    const struct gql_document *document;
    const struct gql_definition *operation;
    struct value variables;
    size_t selection_count;
    unsigned depth;
    /* of the resource being lowered */
    struct slice resource;
    struct slice path[GRAPHQL_DEPTH_MAX + 1];
    size_t path_count;
    uint32_t param_count;
    struct ir_expr *where;
    struct error *err;
};

static enum status no_memory(struct lower *lower)
{
    return error_set(lower->err, ST_NO_MEMORY, -1, "out of memory");
}

/* For messages: names are cut to what fits. */
static int shown(struct slice text)
{
    return text.len > 200 ? 200 : (int)text.len;
}

static enum status too_deep(struct lower *lower, int32_t offset)
{
    return error_set(lower->err, ST_LIMIT, offset, "a query may nest %d levels deep",
                     GRAPHQL_DEPTH_MAX);
}

/* ---- selection sets ---- */

static enum status add_field(struct lower *lower, struct fields *fields,
                             const struct gql_selection *selection)
{
    struct field field = {selection->name.text, selection->name.offset, selection};

    for (size_t i = 0; i < fields->count; i++) {
        if (slice_equal(fields->items[i].name, field.name)) {
            fields->items[i] = field;
            return ST_OK;
        }
    }
    if (fields->count == fields->capacity) {
        size_t capacity = fields->capacity == 0 ? 8 : fields->capacity * 2;
        struct field *larger = ARENA_NEW_ARRAY(lower->arena, struct field, capacity);

        if (larger == NULL)
            return no_memory(lower);
        if (fields->count > 0)
            memcpy(larger, fields->items, fields->count * sizeof *larger);
        fields->items = larger;
        fields->capacity = capacity;
    }
    fields->items[fields->count++] = field;
    return ST_OK;
}

static struct gql_definition *find_fragment(const struct lower *lower, struct slice name)
{
    for (struct gql_definition *definition = lower->document->first; definition != NULL;
         definition = definition->next)
        if (definition->kind == GQL_FRAGMENT && slice_equal(definition->name.text, name))
            return definition;
    return NULL;
}

static enum status collect(struct lower *lower, const struct gql_selections *selections,
                           struct fields *fields);

static enum status collect_spread(struct lower *lower, const struct gql_selection *spread,
                                  struct fields *fields)
{
    struct gql_definition *fragment = find_fragment(lower, spread->name.text);
    enum status st;

    if (fragment == NULL)
        return error_set(lower->err, ST_INVALID, spread->name.offset, "Fragment `%.*s` not found.",
                         shown(spread->name.text), spread->name.text.data);
    if (fragment->is_open)
        return error_set(lower->err, ST_INVALID, spread->name.offset,
                         "Fragment `%.*s` contains itself.", shown(spread->name.text),
                         spread->name.text.data);
    fragment->is_open = true;
    st = collect(lower, fragment->selections, fields);
    fragment->is_open = false;
    return st;
}

static enum status collect(struct lower *lower, const struct gql_selections *selections,
                           struct fields *fields)
{
    const struct gql_selection *selection = selections == NULL ? NULL : selections->first;

    if (++lower->depth > GRAPHQL_DEPTH_MAX)
        return too_deep(lower, selection == NULL ? -1 : selection->name.offset);
    for (; selection != NULL; selection = selection->next) {
        if (++lower->selection_count > GRAPHQL_SELECTIONS_MAX)
            return error_set(lower->err, ST_LIMIT, selection->name.offset,
                             "a query may select %d fields", GRAPHQL_SELECTIONS_MAX);
        switch ((enum gql_selection_kind)selection->kind) {
        case GQL_SELECT_FIELD:
            if (!slice_is(selection->name.text, "__typename"))
                TRY(add_field(lower, fields, selection));
            break;
        case GQL_SELECT_SPREAD:
            TRY(collect_spread(lower, selection, fields));
            break;
        case GQL_SELECT_INLINE:
            TRY(collect(lower, selection->selections, fields));
            break;
        }
    }
    lower->depth--;
    return ST_OK;
}

/* ---- variables ---- */

static const struct gql_variable *find_variable(const struct lower *lower, struct slice name)
{
    const struct gql_variable *variable = lower->operation->variables;

    while (variable != NULL && !slice_equal(variable->name.text, name))
        variable = variable->next;
    return variable;
}

static struct value given_value(const struct lower *lower, struct slice name)
{
    if (lower->variables.kind != VALUE_OBJECT)
        return value_absent();
    return document_member(lower->variables, name);
}

static enum status check_variables(struct lower *lower)
{
    for (const struct gql_variable *variable = lower->operation->variables; variable != NULL;
         variable = variable->next) {
        struct slice name = variable->name.text;
        struct value given = given_value(lower, name);

        if (!variable->type->is_not_null)
            continue;
        if (given.kind == VALUE_ABSENT && variable->fallback == NULL)
            return error_set(lower->err, ST_INVALID, variable->name.offset,
                             "Variable $%.*s is required, but not provided.", shown(name),
                             name.data);
        if (given.kind == VALUE_NULL)
            return error_set(lower->err, ST_INVALID, variable->name.offset,
                             "Variable $%.*s must not be null.", shown(name), name.data);
    }
    return ST_OK;
}

/* ---- arguments to conditions ---- */

static struct slice dotted(struct lower *lower)
{
    struct buf text = {0};
    struct slice copy;

    if (lower->path_count == 1)
        return lower->path[0];
    for (size_t i = 0; i < lower->path_count; i++) {
        if (i > 0)
            buf_append_byte(&text, '.');
        buf_append_slice(&text, lower->path[i]);
    }
    copy = arena_copy(lower->arena, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static struct ir_expr *column(struct lower *lower, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(lower->arena, IR_COLUMN, offset);
    struct ir_name *parts = ARENA_NEW_ARRAY(lower->arena, struct ir_name, lower->path_count);

    if (expr == NULL || parts == NULL)
        return NULL;
    for (size_t i = 0; i < lower->path_count; i++)
        parts[i] = (struct ir_name){lower->path[i], offset};
    expr->as.column.part_count = lower->path_count;
    expr->as.column.parts = parts;
    return expr;
}

static struct ir_expr *param(struct lower *lower, struct value peek, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(lower->arena, IR_PARAM, offset);

    if (expr != NULL) {
        expr->as.param.slot = ++lower->param_count;
        expr->as.param.is_lifted = true;
        expr->as.param.peek = peek;
    }
    return expr;
}

static int type_of(struct lower *lower, bool *is_list)
{
    const struct graphql_tables *tables = lower->tables;

    *is_list = false;
    if (tables == NULL || tables->type_of == NULL)
        return 0;
    return tables->type_of(tables->context, lower->resource, lower->path, lower->path_count,
                           is_list);
}

/* Types whose values are never arrays: all that are declared, but Any and nested objects, which
 * are no scalars at all. */
static bool may_hold_elements(int type, bool is_list)
{
    enum { ANY = 0, OBJECT = 11 };

    return is_list || type == ANY || type == OBJECT;
}

static enum status add_condition(struct lower *lower, struct value v, int32_t offset)
{
    const struct graphql_tables *tables = lower->tables;
    bool is_list;
    int type = type_of(lower, &is_list);
    struct slice name = dotted(lower);
    struct ir_expr *expr;

    if (type == -1)
        return error_set(lower->err, ST_NO_COLUMN, offset, "%.*s is not a defined attribute",
                         shown(name), name.data);
    if (type < 0)
        return error_set(lower->err, ST_INVALID, offset,
                         "must query an attribute within the target table");
    if (value_is_null(v)) {
        expr = ir_unary(lower->arena, IR_IS_STORED_NULL, column(lower, offset));
    } else {
        if (tables != NULL && tables->convert != NULL) {
            enum status st =
                tables->convert(tables->context, type, name, lower->arena, &v, lower->err);

            if (st != ST_OK) {
                if (lower->err != NULL)
                    lower->err->offset = offset;
                return st;
            }
        }
        expr = ir_compare(lower->arena, IR_EQ, column(lower, offset), param(lower, v, offset));
    }
    if (expr == NULL)
        return no_memory(lower);
    expr->any_element = may_hold_elements(type, is_list);
    lower->where = ir_and(lower->arena, lower->where, expr);
    return ST_OK;
}

static enum status unsupported(struct lower *lower, int32_t offset, const char *kind)
{
    return error_set(lower->err, ST_INVALID, offset, "Argument type, %s, is not supported.", kind);
}

static enum status push(struct lower *lower, struct slice name, int32_t offset)
{
    if (lower->path_count == GRAPHQL_DEPTH_MAX)
        return too_deep(lower, offset);
    lower->path[lower->path_count++] = name;
    return ST_OK;
}

static enum status no_members(struct lower *lower, int32_t offset)
{
    return error_set(lower->err, ST_INVALID, offset,
                     "must query an attribute within the target table");
}

/* The value of a variable: an object is flattened to paths. */
static enum status lower_given(struct lower *lower, struct value v, int32_t offset)
{
    size_t count;

    if (v.kind == VALUE_ARRAY)
        return unsupported(lower, offset, "ListValue");
    if (v.kind != VALUE_OBJECT)
        return add_condition(lower, v, offset);
    count = document_count(v);
    if (count == 0)
        return no_members(lower, offset);
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct value member = document_member_at(v, i, &name);

        TRY(push(lower, name, offset));
        TRY(lower_given(lower, member, offset));
        lower->path_count--;
    }
    return ST_OK;
}

static enum status lower_argument(struct lower *lower, const struct gql_value *value);

static enum status lower_variable(struct lower *lower, const struct gql_value *value)
{
    const struct gql_variable *variable = find_variable(lower, value->text);
    struct value given;

    if (variable == NULL)
        return error_set(lower->err, ST_INVALID, value->offset, "Variable $%.*s is not defined.",
                         shown(value->text), value->text.data);
    given = given_value(lower, value->text);
    if (given.kind != VALUE_ABSENT)
        return lower_given(lower, given, value->offset);
    if (variable->fallback != NULL)
        return lower_argument(lower, variable->fallback);
    return add_condition(lower, value_null(), value->offset);
}

static enum status lower_number(struct lower *lower, const struct gql_value *value)
{
    struct value number;

    number_parse(value->text, &number);
    return add_condition(lower, number, value->offset);
}

/* One argument, or one member of an object: lower->path leads to it. */
static enum status lower_argument(struct lower *lower, const struct gql_value *value)
{
    switch ((enum gql_value_kind)value->kind) {
    case GQL_VARIABLE:
        return lower_variable(lower, value);
    case GQL_INT:
    case GQL_FLOAT:
        return lower_number(lower, value);
    case GQL_STRING:
        return add_condition(lower, value_text(value->text), value->offset);
    case GQL_TRUE:
    case GQL_FALSE:
        return add_condition(lower, value_bool(value->kind == GQL_TRUE), value->offset);
    case GQL_NULL:
        return add_condition(lower, value_null(), value->offset);
    case GQL_ENUM:
        return unsupported(lower, value->offset, "EnumValue");
    case GQL_LIST:
        return unsupported(lower, value->offset, "ListValue");
    case GQL_OBJECT:
        break;
    }
    if (value->members == NULL)
        return no_members(lower, value->offset);
    for (const struct gql_value *member = value->members; member != NULL; member = member->next) {
        TRY(push(lower, member->name.text, member->name.offset));
        TRY(lower_argument(lower, member));
        lower->path_count--;
    }
    return ST_OK;
}

static enum status lower_arguments(struct lower *lower, const struct gql_value *arguments)
{
    for (const struct gql_value *value = arguments; value != NULL; value = value->next) {
        lower->path_count = 0;
        TRY(push(lower, value->name.text, value->name.offset));
        TRY(lower_argument(lower, value));
    }
    lower->path_count = 0;
    return ST_OK;
}

/* ---- selections to outputs ---- */

static struct ir_expr *undeclared(struct lower *lower, struct slice name, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(lower->arena, IR_MEMBER, offset);
    struct ir_expr *record = ir_expr_new(lower->arena, IR_RECORD, offset);

    if (expr == NULL || record == NULL)
        return NULL;
    record->as.record.alias.offset = -1;
    expr->as.member.operand = record;
    expr->as.member.name = name;
    ir_expr_raise(expr, record->height);
    return expr;
}

static enum status lower_outputs(struct lower *lower, const struct gql_selections *selections,
                                 struct ir_output **out, size_t *count);

static enum status lower_field(struct lower *lower, const struct field *field, struct ir_expr **out)
{
    bool is_list;
    int type;

    TRY(push(lower, field->name, field->offset));
    type = type_of(lower, &is_list);
    if (field->selection->selections != NULL || type == -2) {
        struct ir_expr *expr = ir_expr_new(lower->arena, IR_NESTED, field->offset);

        if (expr == NULL)
            return no_memory(lower);
        expr->as.nested.name = (struct ir_name){field->name, field->offset};
        if (field->selection->selections != NULL)
            TRY(lower_outputs(lower, field->selection->selections, &expr->as.nested.items,
                              &expr->as.nested.count));
        *out = expr;
    } else if (type == -1) {
        *out = undeclared(lower, field->name, field->offset);
    } else {
        *out = ir_column(lower->arena, (struct ir_name){field->name, field->offset});
    }
    lower->path_count--;
    return *out == NULL ? no_memory(lower) : ST_OK;
}

static enum status lower_outputs(struct lower *lower, const struct gql_selections *selections,
                                 struct ir_output **out, size_t *count)
{
    struct fields fields = {0};
    struct ir_output *outputs;

    TRY(collect(lower, selections, &fields));
    outputs = ARENA_NEW_ARRAY(lower->arena, struct ir_output, fields.count + 1);
    if (outputs == NULL)
        return no_memory(lower);
    for (size_t i = 0; i < fields.count; i++) {
        outputs[i].alias = (struct ir_name){fields.items[i].name, fields.items[i].offset};
        outputs[i].star_of.offset = -1;
        outputs[i].text = fields.items[i].name;
        TRY(lower_field(lower, &fields.items[i], &outputs[i].expr));
    }
    *out = outputs;
    *count = fields.count;
    return ST_OK;
}

/* ---- statements ---- */

static struct ir_query *query_of(struct lower *lower, int32_t offset)
{
    struct arena *arena = lower->arena;
    struct ir_query *query = ARENA_NEW(arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(arena, struct ir_block);
    struct ir_source *source = ARENA_NEW(arena, struct ir_source);
    struct ir_block **blocks = ARENA_NEW_ARRAY(arena, struct ir_block *, 1);
    struct ir_source **sources = ARENA_NEW_ARRAY(arena, struct ir_source *, 1);

    if (query == NULL || block == NULL || source == NULL || blocks == NULL || sources == NULL)
        return NULL;
    source->kind = IR_SOURCE_TABLE;
    source->is_exported_name = true;
    source->name = (struct ir_name){lower->resource, offset};
    source->alias.offset = source->database.offset = -1;
    sources[0] = source;
    block->offset = offset;
    block->source_count = 1;
    block->sources = sources;
    blocks[0] = block;
    query->block_count = 1;
    query->blocks = blocks;
    return query;
}

/* Only __typename was asked for: an empty object per row. */
static enum status select_nothing(struct lower *lower, struct ir_block *block)
{
    block->outputs = ARENA_NEW(lower->arena, struct ir_output);
    if (block->outputs == NULL)
        return no_memory(lower);
    block->output_count = 1;
    block->outputs->alias.offset = block->outputs->star_of.offset = -1;
    block->outputs->expr = ir_expr_new(lower->arena, IR_OBJECT, -1);
    return block->outputs->expr == NULL ? no_memory(lower) : ST_OK;
}

static enum status lower_resource(struct lower *lower, const struct field *field, struct slice text,
                                  struct ir_statement **out)
{
    const struct graphql_tables *tables = lower->tables;
    struct ir_statement *statement = ARENA_NEW(lower->arena, struct ir_statement);
    struct ir_block *block;

    lower->resource = field->name;
    lower->path_count = 0;
    lower->where = NULL;
    if (slice_starts_with(field->name, slice_text("__")) ||
        (tables != NULL && tables->has != NULL && !tables->has(tables->context, field->name)))
        return error_set(lower->err, ST_NO_TABLE, field->offset, "Resource `%.*s` not found.",
                         shown(field->name), field->name.data);
    if (field->selection->selections == NULL)
        return error_set(lower->err, ST_INVALID, field->offset,
                         "Resource `%.*s` needs a selection of fields.", shown(field->name),
                         field->name.data);
    if (statement == NULL)
        return no_memory(lower);
    statement->kind = IR_QUERY;
    statement->row_form = IR_ROW_OBJECT;
    statement->text = text;
    statement->as.query = query_of(lower, field->offset);
    if (statement->as.query == NULL)
        return no_memory(lower);
    block = statement->as.query->blocks[0];
    TRY(lower_arguments(lower, field->selection->arguments));
    block->where = lower->where;
    TRY(lower_outputs(lower, field->selection->selections, &block->outputs, &block->output_count));
    if (block->output_count == 0) {
        statement->row_form = IR_ROW_SCALAR;
        TRY(select_nothing(lower, block));
    }
    statement->param_count = lower->param_count;
    if (lower->param_count > 0)
        statement->param_names = ARENA_NEW_ARRAY(lower->arena, struct slice, lower->param_count);
    if (lower->arena->failed)
        return no_memory(lower);
    ir_query_measure(statement->as.query);
    *out = statement;
    return ST_OK;
}

/* ---- operations ---- */

static enum status check_definitions(struct lower *lower, size_t *operation_count)
{
    *operation_count = 0;
    for (const struct gql_definition *definition = lower->document->first; definition != NULL;
         definition = definition->next) {
        if (definition->kind <= GQL_DEFINE_OTHER)
            return error_set(lower->err, ST_INVALID, definition->name.offset,
                             "Only executable definitions are allowed in a query.");
        *operation_count += definition->kind != GQL_FRAGMENT;
    }
    for (const struct gql_definition *definition = lower->document->first; definition != NULL;
         definition = definition->next)
        if (definition->kind != GQL_FRAGMENT && definition->name.text.len == 0 &&
            *operation_count > 1)
            return error_set(lower->err, ST_INVALID, definition->name.offset,
                             "An anonymous operation must be the only one.");
    return ST_OK;
}

static enum status choose_operation(struct lower *lower, struct slice name)
{
    size_t count;

    TRY(check_definitions(lower, &count));
    if (count == 0)
        return error_set(lower->err, ST_INVALID, -1, "The document has no operation.");
    if (count > 1 && name.len == 0)
        return error_set(lower->err, ST_INVALID, -1,
                         "The document has several operations: `operationName` is required.");
    for (const struct gql_definition *definition = lower->document->first; definition != NULL;
         definition = definition->next) {
        if (definition->kind == GQL_FRAGMENT ||
            (name.len != 0 && !slice_equal(definition->name.text, name)))
            continue;
        lower->operation = definition;
        if (definition->kind == GQL_MUTATION)
            return error_set(lower->err, ST_INVALID, definition->name.offset,
                             "Mutations are not supported yet.");
        if (definition->kind == GQL_SUBSCRIPTION)
            return error_set(lower->err, ST_INVALID, definition->name.offset,
                             "Subscriptions are not supported.");
        return ST_OK;
    }
    return error_set(lower->err, ST_INVALID, -1, "Operation `%.*s` not found.", shown(name),
                     name.data);
}

/* `is_one`: parameters are numbered through all resources. */
static enum status lower_document(struct lower *lower, struct slice text, struct slice operation,
                                  bool is_one, struct graphql_query **out, size_t *count)
{
    struct fields fields = {0};
    struct graphql_query *queries;

    TRY(gql_parse_document(text, lower->arena, (struct gql_document *)(uintptr_t)lower->document,
                           lower->err));
    TRY(choose_operation(lower, operation));
    TRY(check_variables(lower));
    TRY(collect(lower, lower->operation->selections, &fields));
    queries = ARENA_NEW_ARRAY(lower->arena, struct graphql_query, fields.count + 1);
    if (queries == NULL)
        return no_memory(lower);
    for (size_t i = 0; i < fields.count; i++) {
        queries[i].name = fields.items[i].name;
        if (!is_one)
            lower->param_count = 0;
        TRY(lower_resource(lower, &fields.items[i], text, &queries[i].statement));
    }
    *out = queries;
    *count = fields.count;
    return ST_OK;
}

enum status graphql_parse_query(struct slice text, struct slice operation, struct value variables,
                                const struct graphql_tables *tables, struct arena *arena,
                                struct graphql_query **out, size_t *count, struct error *err)
{
    struct gql_document document;
    struct lower lower = {.arena = arena,
                          .tables = tables,
                          .document = &document,
                          .variables = variables,
                          .err = err};

    return lower_document(&lower, text, operation, false, out, count);
}

/* ---- one statement ---- */

/* The selected fields of a resource become one output: an object. */
static enum status make_object(struct lower *lower, struct ir_block *block)
{
    struct ir_output *output = ARENA_NEW(lower->arena, struct ir_output);
    struct ir_expr *object = ir_expr_new(lower->arena, IR_OBJECT, -1);

    if (output == NULL || object == NULL)
        return no_memory(lower);
    object->as.object.omit_absent = true;
    object->as.object.names = ARENA_NEW_ARRAY(lower->arena, struct slice, block->output_count + 1);
    object->as.object.values =
        ARENA_NEW_ARRAY(lower->arena, struct ir_expr *, block->output_count + 1);
    if (object->as.object.names == NULL || object->as.object.values == NULL)
        return no_memory(lower);
    for (size_t i = 0; i < block->output_count; i++) {
        object->as.object.names[i] = block->outputs[i].alias.text;
        object->as.object.values[i] = block->outputs[i].expr;
    }
    object->as.object.count = block->output_count;
    output->expr = object;
    output->star_of.offset = output->alias.offset = -1;
    block->outputs = output;
    block->output_count = 1;
    return ST_OK;
}

static enum status add_resource(struct lower *lower, const struct graphql_query *query,
                                struct ir_output *out)
{
    struct ir_block *block = query->statement->as.query->blocks[0];
    struct ir_expr *rows = ir_expr_new(lower->arena, IR_SUBQUERY, -1);

    if (rows == NULL)
        return no_memory(lower);
    if (query->statement->row_form == IR_ROW_OBJECT)
        TRY(make_object(lower, block));
    ir_query_measure(query->statement->as.query);
    rows->op = IR_SUBQUERY_ARRAY;
    rows->as.subquery.query = query->statement->as.query;
    out->expr = rows;
    out->star_of.offset = -1;
    out->alias = (struct ir_name){query->name, -1};
    return ST_OK;
}

enum status graphql_parse_statement(struct slice text, struct slice operation,
                                    struct value variables, const struct graphql_tables *tables,
                                    struct arena *arena, struct ir_statement **out,
                                    struct error *err)
{
    struct gql_document document;
    struct lower lower = {.arena = arena,
                          .tables = tables,
                          .document = &document,
                          .variables = variables,
                          .err = err};
    struct ir_statement *statement = ARENA_NEW(arena, struct ir_statement);
    struct ir_query *query = ARENA_NEW(arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(arena, struct ir_block);
    struct ir_block **blocks = ARENA_NEW(arena, struct ir_block *);
    struct graphql_query *queries;
    size_t count;

    if (statement == NULL || query == NULL || block == NULL || blocks == NULL)
        return no_memory(&lower);
    TRY(lower_document(&lower, text, operation, true, &queries, &count));
    block->outputs = ARENA_NEW_ARRAY(arena, struct ir_output, count + 1);
    if (block->outputs == NULL)
        return no_memory(&lower);
    for (size_t i = 0; i < count; i++)
        TRY(add_resource(&lower, &queries[i], &block->outputs[i]));
    block->output_count = count;
    blocks[0] = block;
    query->blocks = blocks;
    query->block_count = 1;
    ir_query_measure(query);
    statement->kind = IR_QUERY;
    statement->row_form = IR_ROW_OBJECT;
    statement->text = text;
    statement->as.query = query;
    statement->param_count = lower.param_count;
    if (lower.param_count > 0)
        statement->param_names = ARENA_NEW_ARRAY(arena, struct slice, lower.param_count);
    *out = statement;
    return arena->failed ? no_memory(&lower) : ST_OK;
}
