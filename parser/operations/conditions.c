/*
 * Conditions to expressions. They mean what the URL's conditions mean: section 5.8 of the REST
 * specification, sections 6.2 and 6.3 of the operations specification.
 */
#include "parser/operations/operations_internal.h"

/* ---- attributes ---- */

void request_note_unknown(struct request *request, struct slice name)
{
    for (size_t i = 0; i < request->unknown_count; i++)
        if (slice_equal(request->unknown[i], name))
            return;
    if (request->unknown_count < REQUEST_UNKNOWN_MAX)
        request->unknown[request->unknown_count++] = name;
}

static int type_of(struct request *request, const struct slice *parts, size_t count, bool *is_list)
{
    const struct operation_schema *schema = request->schema;

    *is_list = false;
    if (schema == NULL || schema->type_of == NULL)
        return 0;
    return schema->type_of(schema->context, request->operation->database, request->operation->table,
                           parts, count, is_list);
}

static struct slice dotted(struct request *request, const struct slice *parts, size_t count)
{
    struct buf text = {0};
    struct slice copy;

    if (count == 1)
        return parts[0];
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_byte(&text, '.');
        buf_append_slice(&text, parts[i]);
    }
    copy = arena_copy(request->arena, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static enum status read_path(struct request *request, struct value v, struct attribute *out)
{
    size_t count = v.kind == VALUE_ARRAY ? document_count(v) : 1;

    if (count > REQUEST_DEPTH_MAX)
        return request_fail(request, ST_LIMIT, "a path may have %d parts", REQUEST_DEPTH_MAX);
    out->parts = ARENA_NEW_ARRAY(request->arena, struct slice, count + 1);
    if (out->parts == NULL)
        return request_no_memory(request);
    for (size_t i = 0; i < count; i++) {
        struct value part = v.kind == VALUE_ARRAY ? document_element(v, i) : v;

        if (part.kind != VALUE_TEXT)
            return request_fail(request, ST_INVALID,
                                "'attribute' must be a string or an array of strings");
        out->parts[i] = value_slice(part);
    }
    out->count = count;
    return ST_OK;
}

enum status request_attribute(struct request *request, struct value v, struct attribute *out)
{
    enum { ANY = 0, OBJECT = 11 };
    bool is_list = false;

    *out = (struct attribute){.name = slice_text("$id")};
    if (value_is_null(v) || (v.kind == VALUE_ARRAY && document_count(v) == 0))
        return ST_OK;
    TRY(read_path(request, v, out));
    out->name = dotted(request, out->parts, out->count);
    if (out->count == 1 && slice_is(out->name, "$id")) {
        out->count = 0;
        return ST_OK;
    }
    out->type = type_of(request, out->parts, out->count, &is_list);
    out->has_elements = is_list || out->type == ANY || out->type == OBJECT;
    if (out->type == -2)
        return request_fail(request, ST_INVALID,
                            "Can not directly query a relational attribute, must query an "
                            "attribute within the target table");
    if (out->type < 0) {
        out->type = 0;
        out->has_elements = true;
        if (!request->operation->allows_undeclared)
            request_note_unknown(request, out->name);
    }
    return ST_OK;
}

struct ir_expr *request_meta(struct request *request, enum ir_meta meta)
{
    struct ir_expr *expr = ir_expr_new(request->arena, IR_META, -1);

    if (expr != NULL) {
        expr->op = (uint8_t)meta;
        expr->as.record.alias.offset = -1;
    }
    return expr;
}

struct ir_expr *request_column(struct request *request, const struct attribute *attribute)
{
    struct ir_expr *expr;
    struct ir_name *parts;

    if (attribute->count == 0)
        return request_meta(request, IR_META_KEY);
    expr = ir_expr_new(request->arena, IR_COLUMN, -1);
    parts = ARENA_NEW_ARRAY(request->arena, struct ir_name, attribute->count);
    if (expr == NULL || parts == NULL)
        return NULL;
    for (size_t i = 0; i < attribute->count; i++)
        parts[i] = (struct ir_name){attribute->parts[i], -1};
    expr->as.column.part_count = attribute->count;
    expr->as.column.parts = parts;
    return expr;
}

struct ir_expr *request_param(struct request *request, struct value peek)
{
    struct ir_expr *expr = ir_expr_new(request->arena, IR_PARAM, -1);

    if (expr != NULL) {
        expr->as.param.slot = ++request->param_count;
        expr->as.param.is_lifted = true;
        expr->as.param.peek = peek;
    }
    return expr;
}

/* ---- comparators ---- */

enum shape { SHAPE_ONE, SHAPE_RANGE, SHAPE_LIST, SHAPE_PREFIX };

struct comparator {
    const char *name;
    uint8_t shape;
    uint8_t op;   /* enum ir_compare: of the value, or of a range's low end */
    uint8_t high; /* of a range's high end */
    bool is_text; /* the value's text counts */
};

static const struct comparator comparators[] = {
    {"equals", SHAPE_ONE, IR_EQ, 0, false},
    {"eq", SHAPE_ONE, IR_EQ, 0, false},
    {"equal", SHAPE_ONE, IR_EQ, 0, false},
    {"not_equal", SHAPE_ONE, IR_IS_NOT, 0, false},
    {"ne", SHAPE_ONE, IR_IS_NOT, 0, false},
    {"notEqual", SHAPE_ONE, IR_IS_NOT, 0, false},
    {"greater_than", SHAPE_ONE, IR_GT, 0, false},
    {"gt", SHAPE_ONE, IR_GT, 0, false},
    {"greaterThan", SHAPE_ONE, IR_GT, 0, false},
    {">", SHAPE_ONE, IR_GT, 0, false},
    {"greater_than_equal", SHAPE_ONE, IR_GE, 0, false},
    {"ge", SHAPE_ONE, IR_GE, 0, false},
    {"greaterThanEqual", SHAPE_ONE, IR_GE, 0, false},
    {">=", SHAPE_ONE, IR_GE, 0, false},
    {"less_than", SHAPE_ONE, IR_LT, 0, false},
    {"lt", SHAPE_ONE, IR_LT, 0, false},
    {"lessThan", SHAPE_ONE, IR_LT, 0, false},
    {"<", SHAPE_ONE, IR_LT, 0, false},
    {"less_than_equal", SHAPE_ONE, IR_LE, 0, false},
    {"le", SHAPE_ONE, IR_LE, 0, false},
    {"lessThanEqual", SHAPE_ONE, IR_LE, 0, false},
    {"<=", SHAPE_ONE, IR_LE, 0, false},
    {"between", SHAPE_RANGE, IR_GE, IR_LE, false},
    {"gele", SHAPE_RANGE, IR_GE, IR_LE, false},
    {"...", SHAPE_RANGE, IR_GE, IR_LE, false},
    {"gelt", SHAPE_RANGE, IR_GE, IR_LT, false},
    {"gtlt", SHAPE_RANGE, IR_GT, IR_LT, false},
    {"gtle", SHAPE_RANGE, IR_GT, IR_LE, false},
    {"starts_with", SHAPE_ONE, IR_STARTS_WITH, 0, true},
    {"sw", SHAPE_ONE, IR_STARTS_WITH, 0, true},
    {"startsWith", SHAPE_ONE, IR_STARTS_WITH, 0, true},
    {"ends_with", SHAPE_ONE, IR_ENDS_WITH, 0, true},
    {"ew", SHAPE_ONE, IR_ENDS_WITH, 0, true},
    {"endsWith", SHAPE_ONE, IR_ENDS_WITH, 0, true},
    {"contains", SHAPE_ONE, IR_CONTAINS, 0, true},
    {"ct", SHAPE_ONE, IR_CONTAINS, 0, true},
    {"in", SHAPE_LIST, IR_EQ, 0, false},
    {"includes", SHAPE_LIST, IR_EQ, 0, false},
    {"prefix", SHAPE_PREFIX, IR_EQ, 0, false},
};

static const struct comparator *find_comparator(struct slice name, bool *is_negated)
{
    *is_negated = false;
    if (name.len == 0)
        return &comparators[0];
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < COUNT_OF(comparators); i++)
            if (slice_is(name, comparators[i].name))
                return &comparators[i];
        if (!slice_starts_with(name, slice_text("not_")))
            return NULL;
        name = slice_of(name.data + 4, name.len - 4);
        *is_negated = true;
    }
    return NULL;
}

/* ---- one comparison ---- */

static enum status convert(struct request *request, const struct attribute *attribute,
                           struct value *v)
{
    const struct operation_schema *schema = request->schema;

    if (schema == NULL || schema->convert == NULL || attribute->count == 0)
        return ST_OK;
    return schema->convert(schema->context, attribute->type, attribute->name, request->arena, v,
                           request->err);
}

static struct ir_expr *elements(const struct attribute *attribute, struct ir_expr *expr)
{
    if (expr != NULL)
        expr->any_element = attribute->has_elements;
    return expr;
}

/* Absent is before every value and equal to none. */
static struct ir_expr *compare_null(struct request *request, const struct attribute *attribute,
                                    enum ir_compare op)
{
    struct ir_expr *column = request_column(request, attribute);

    if (op == IR_EQ)
        return elements(attribute, ir_unary(request->arena, IR_IS_STORED_NULL, column));
    if (op == IR_IS_NOT || op == IR_GT || op == IR_GE)
        return elements(attribute, ir_unary(request->arena, IR_NOT_NULL, column));
    return elements(attribute, ir_compare(request->arena, IR_EQ, column,
                                          ir_literal(request->arena, value_null(), -1)));
}

static enum status compare(struct request *request, const struct attribute *attribute,
                           enum ir_compare op, bool is_text, struct value v, struct ir_expr **out)
{
    if (value_is_null(v)) {
        *out = compare_null(request, attribute, op);
        return *out == NULL ? request_no_memory(request) : ST_OK;
    }
    if (is_text)
        v = value_to_text(v, request->arena);
    else
        TRY(convert(request, attribute, &v));
    *out = elements(attribute, ir_compare(request->arena, op, request_column(request, attribute),
                                          request_param(request, v)));
    return *out == NULL ? request_no_memory(request) : ST_OK;
}

static enum status count_conditions(struct request *request, size_t more)
{
    request->condition_count += more;
    if (request->condition_count > OPERATION_CONDITIONS_MAX)
        return request_fail(request, ST_LIMIT, "a request may have %d conditions",
                            OPERATION_CONDITIONS_MAX);
    return ST_OK;
}

static enum status compare_range(struct request *request, const struct attribute *attribute,
                                 const struct comparator *comparator, struct value v,
                                 struct ir_expr **out)
{
    struct ir_expr *low, *high;

    if (v.kind != VALUE_ARRAY || document_count(v) != 2)
        return request_fail(request, ST_INVALID,
                            "The value of a %s condition must be an array of two values",
                            comparator->name);
    TRY(compare(request, attribute, (enum ir_compare)comparator->op, false, document_element(v, 0),
                &low));
    TRY(compare(request, attribute, (enum ir_compare)comparator->high, false,
                document_element(v, 1), &high));
    /* One element of an array must be inside the whole range. */
    *out = elements(attribute, ir_and(request->arena, low, high));
    return *out == NULL ? request_no_memory(request) : ST_OK;
}

static enum status compare_list(struct request *request, const struct attribute *attribute,
                                struct value v, struct ir_expr **out)
{
    size_t count = v.kind == VALUE_ARRAY ? document_count(v) : 0;

    if (v.kind != VALUE_ARRAY)
        return request_fail(request, ST_INVALID, "The value of an in condition must be an array");
    TRY(count_conditions(request, count));
    *out = count == 0 ? ir_literal(request->arena, value_int(0), -1) : NULL;
    for (size_t i = 0; i < count; i++) {
        struct ir_expr *expr;

        TRY(compare(request, attribute, IR_EQ, false, document_element(v, i), &expr));
        *out = ir_or(request->arena, *out, expr);
    }
    return *out == NULL ? request_no_memory(request) : ST_OK;
}

enum status request_condition(struct request *request, const struct attribute *attribute,
                              struct slice name, struct value v, struct ir_expr **out)
{
    bool is_negated;
    const struct comparator *comparator = find_comparator(name, &is_negated);

    TRY(count_conditions(request, 1));
    if (comparator == NULL)
        return request_fail(request, ST_INVALID, "Unknown query comparator \"%.*s\"",
                            request_shown(name), name.data);
    if (v.kind == VALUE_ABSENT)
        return request_fail(request, ST_INVALID, "Search condition for %.*s must have a value",
                            request_shown(attribute->name), attribute->name.data);
    switch ((enum shape)comparator->shape) {
    case SHAPE_ONE:
        TRY(compare(request, attribute, (enum ir_compare)comparator->op, comparator->is_text, v,
                    out));
        break;
    case SHAPE_RANGE:
        TRY(compare_range(request, attribute, comparator, v, out));
        break;
    case SHAPE_LIST:
        TRY(compare_list(request, attribute, v, out));
        break;
    case SHAPE_PREFIX:
        return request_fail(request, ST_UNSUPPORTED, "comparator prefix is not supported");
    }
    /* Exactly the other records, those with null or nothing too. */
    if (is_negated)
        *out = ir_unary(request->arena, IR_IS_NOT_TRUE, *out);
    return *out == NULL ? request_no_memory(request) : ST_OK;
}

/* ---- lists of conditions ---- */

enum status request_operator(struct request *request, struct value v, bool *is_or)
{
    struct slice name = v.kind == VALUE_TEXT ? value_slice(v) : slice_empty();

    *is_or = slice_is_nocase(name, "or");
    if (value_is_null(v) || *is_or || slice_is_nocase(name, "and"))
        return ST_OK;
    return request_fail(request, ST_INVALID, "'operator' must be one of [and, or]");
}

static struct value member(struct value document, const char *first, const char *second)
{
    struct value v = document_member(document, slice_text(first));

    return v.kind == VALUE_ABSENT ? document_member(document, slice_text(second)) : v;
}

/* {attribute, comparator: "sort"}: every record, in this order. */
static enum status add_order(struct request *request, const struct attribute *attribute)
{
    struct ir_order *larger =
        ARENA_NEW_ARRAY(request->arena, struct ir_order, request->order_count + 2);

    if (larger == NULL)
        return request_no_memory(request);
    if (request->order_count > 0)
        memcpy(larger, request->order, request->order_count * sizeof *larger);
    larger[request->order_count].expr = request_column(request, attribute);
    if (larger[request->order_count].expr == NULL)
        return request_no_memory(request);
    request->order = larger;
    request->order_count++;
    return count_conditions(request, 1);
}

/* *out stays NULL for a pseudo-condition. */
static enum status read_one(struct request *request, struct value v, struct ir_expr **out)
{
    struct value nested, comparator;
    struct attribute attribute;
    struct slice name = slice_empty();
    bool is_or;

    *out = NULL;
    if (v.kind != VALUE_OBJECT)
        return request_fail(request, ST_INVALID, "'conditions' items must be of type object");
    nested = document_member(v, slice_text("conditions"));
    if (nested.kind != VALUE_ABSENT) {
        TRY(request_operator(request, document_member(v, slice_text("operator")), &is_or));
        return request_conditions(request, nested, is_or, out);
    }
    TRY(request_attribute(request, member(v, "attribute", "search_attribute"), &attribute));
    comparator = member(v, "comparator", "search_type");
    if (comparator.kind == VALUE_TEXT)
        name = value_slice(comparator);
    else if (!value_is_null(comparator))
        return request_fail(request, ST_INVALID, "'comparator' must be a string");
    if (slice_is(name, "sort"))
        return add_order(request, &attribute);
    if (document_member(v, slice_text("target")).kind != VALUE_ABSENT)
        return request_fail(request, ST_UNSUPPORTED, "vector search is not supported");
    return request_condition(request, &attribute, name, member(v, "value", "search_value"), out);
}

enum status request_conditions(struct request *request, struct value conditions, bool is_or,
                               struct ir_expr **out)
{
    size_t count = conditions.kind == VALUE_ARRAY ? document_count(conditions) : 0;

    *out = NULL;
    if (conditions.kind != VALUE_ARRAY)
        return request_fail(request, ST_INVALID, "'conditions' must be an array");
    if (count == 0)
        return request_fail(request, ST_INVALID, "'conditions' must contain at least 1 items");
    if (is_or && count < 2)
        return request_fail(request, request->is_exported ? ST_INVALID : ST_INTERNAL,
                            "An \"or\" operator requires at least two conditions");
    for (size_t i = 0; i < count; i++) {
        struct ir_expr *expr;

        TRY(read_one(request, document_element(conditions, i), &expr));
        if (is_or && expr == NULL)
            return request_fail(request, ST_INVALID, "a sort condition cannot stand in an \"or\"");
        *out = is_or ? ir_or(request->arena, *out, expr) : ir_and(request->arena, *out, expr);
        if (request->arena->failed)
            return request_no_memory(request);
    }
    return ST_OK;
}
