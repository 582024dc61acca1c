/*
 * The tree of a query string to IR. Here names and types are known; what it does to rows is what
 * section 5.8 of the REST specification says, whatever plan runs it.
 */
#include "parser/url/url_internal.h"

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, -1, "out of memory");
}

/* ---- names ---- */

enum status url_lower_name(struct url_lower *lower, struct url_token token, struct slice *out)
{
    enum status st;

    if (lower->query->is_simple)
        return url_decode_form(token.text, lower->arena, out);
    st = url_decode(token.text, false, lower->arena, out, lower->err);
    if (st != ST_OK && lower->err != NULL && lower->err->offset >= 0)
        lower->err->offset += token.offset;
    return st;
}

enum status url_lower_path(struct url_lower *lower, const struct url_path *path, bool skip_sign,
                           struct slice **out)
{
    struct slice *parts = ARENA_NEW_ARRAY(lower->arena, struct slice, path->count);
    size_t i = 0;

    if (parts == NULL)
        return no_memory(lower->err);
    for (const struct url_part *part = path->first; part != NULL; part = part->next, i++) {
        struct url_token token = part->token;

        if (i == 0 && skip_sign && (token.text.data[0] == '+' || token.text.data[0] == '-')) {
            token.text = slice_of(token.text.data + 1, token.text.len - 1);
            token.offset++;
            if (token.text.len == 0)
                return error_set(lower->err, ST_SYNTAX, token.offset, "sort needs a name");
        }
        TRY(url_lower_name(lower, token, &parts[i]));
    }
    *out = parts;
    return ST_OK;
}

struct ir_expr *url_column(struct arena *arena, const struct slice *parts, size_t count,
                           int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(arena, IR_COLUMN, offset);
    struct ir_name *names = ARENA_NEW_ARRAY(arena, struct ir_name, count);

    if (expr == NULL || names == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct ir_name){parts[i], offset};
    expr->as.column.part_count = count;
    expr->as.column.parts = names;
    return expr;
}

int url_type_of(const struct url_schema *schema, const struct slice *parts, size_t count,
                bool *is_list)
{
    *is_list = false;
    if (schema == NULL)
        return URL_TYPE_ANY;
    return schema->type_of(schema->context, parts, count, is_list);
}

static struct slice dotted(struct arena *arena, const struct slice *parts, size_t count)
{
    size_t len = count - 1;
    char *room, *end;

    if (count == 1)
        return parts[0];
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    room = end = arena_alloc(arena, len);
    if (room == NULL)
        return parts[0];
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *end++ = '.';
        if (parts[i].len > 0)
            memcpy(end, parts[i].data, parts[i].len);
        end += parts[i].len;
    }
    return slice_of(room, len);
}

/* What conditions and sort keys may name. */
struct attribute {
    struct slice *parts;
    size_t count;
    struct slice name; /* dotted */
    int32_t offset;
    int type;
    bool has_elements; /* its values may be arrays */
};

static enum status lower_attribute(struct url_lower *lower, const struct url_path *path,
                                   bool skip_sign, struct attribute *out)
{
    bool is_list;

    out->count = path->count;
    out->offset = path->first->token.offset;
    TRY(url_lower_path(lower, path, skip_sign, &out->parts));
    out->name = dotted(lower->arena, out->parts, out->count);
    out->type = url_type_of(lower->schema, out->parts, out->count, &is_list);
    out->has_elements = is_list || out->type == URL_TYPE_ANY || out->type == URL_TYPE_OBJECT;
    if (out->type == -1)
        return error_set(lower->err, ST_NO_COLUMN, out->offset, "%.*s is not a defined attribute",
                         (int)(out->name.len > 250 ? 250 : out->name.len), out->name.data);
    if (out->type < 0 || out->type == URL_TYPE_RELATIONSHIP)
        return error_set(lower->err, ST_INVALID, out->offset,
                         "must query an attribute within the target table");
    return ST_OK;
}

static struct ir_expr *column_of(struct url_lower *lower, const struct attribute *attribute)
{
    return url_column(lower->arena, attribute->parts, attribute->count, attribute->offset);
}

/* ---- values ---- */

static struct ir_expr *param(struct url_lower *lower, struct value peek, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(lower->arena, IR_PARAM, offset);

    if (expr != NULL) {
        expr->as.param.slot = ++lower->param_count;
        expr->as.param.is_lifted = true;
        expr->as.param.peek = peek;
    }
    return expr;
}

/* Read one literal and remember how, for the next request of this shape. */
static enum status lower_literal(struct url_lower *lower, const struct attribute *attribute,
                                 struct url_token op, struct url_token token,
                                 struct url_literal_value *out)
{
    struct url_literal_use *use = &lower->slots->uses[token.literal];

    *use = (struct url_literal_use){
        .role = URL_LITERAL_FIXED,
        .type = (uint8_t)attribute->type,
        .is_form = lower->query->is_simple,
        .is_strict = op.is_strict,
        .takes_star = op.takes_star,
        .is_pattern = op.comparator == URL_STARTS_WITH || op.comparator == URL_ENDS_WITH ||
                      op.comparator == URL_CONTAINS,
        .attribute = attribute->name,
        .text = token.text,
    };
    TRY(url_literal_read(use, token.text, token.offset, lower->arena, out, lower->err));
    use->is_prefix = out->is_prefix;
    if (out->nothing == URL_SOMETHING) {
        use->role = URL_LITERAL_VALUE;
        use->kind_class = url_kind_class(out->value);
        use->slot = lower->param_count + 1;
    }
    return ST_OK;
}

static struct ir_expr *compare(struct url_lower *lower, const struct attribute *attribute,
                               enum ir_compare op, struct ir_expr *right)
{
    struct ir_expr *expr = ir_compare(lower->arena, op, column_of(lower, attribute), right);

    if (expr != NULL)
        expr->any_element = attribute->has_elements;
    return expr;
}

static struct ir_expr *test_null(struct url_lower *lower, const struct attribute *attribute,
                                 enum ir_unary op)
{
    struct ir_expr *expr = ir_unary(lower->arena, op, column_of(lower, attribute));

    if (expr != NULL)
        expr->any_element = attribute->has_elements;
    return expr;
}

/* Matches nothing, yet is known to be about this attribute. */
static struct ir_expr *compare_null(struct url_lower *lower, const struct attribute *attribute,
                                    enum ir_compare op)
{
    return compare(lower, attribute, op, ir_literal(lower->arena, value_null(), attribute->offset));
}

/* `attribute <comparator> null`. Absent is before everything but equal to nothing (5.8.3 to 5.8.5):
 * greater than null is every value, less than null none. */
static struct ir_expr *compare_with_null(struct url_lower *lower, const struct attribute *attribute,
                                         uint8_t comparator)
{
    switch ((enum url_comparator)comparator) {
    case URL_EQUALS:
    case URL_IN:
        return test_null(lower, attribute, IR_IS_STORED_NULL);
    case URL_NOT_EQUAL:
    case URL_GREATER:
    case URL_GREATER_EQUAL:
        return test_null(lower, attribute, IR_NOT_NULL);
    case URL_LESS:
    case URL_LESS_EQUAL:
    case URL_STARTS_WITH:
    case URL_ENDS_WITH:
    case URL_CONTAINS:
    case URL_BETWEEN:
        break;
    }
    return compare_null(lower, attribute, IR_EQ);
}

static enum ir_compare ir_op_of(uint8_t comparator)
{
    static const uint8_t ops[] = {
        [URL_EQUALS] = IR_EQ,
        [URL_NOT_EQUAL] = IR_IS_NOT,
        [URL_LESS] = IR_LT,
        [URL_LESS_EQUAL] = IR_LE,
        [URL_GREATER] = IR_GT,
        [URL_GREATER_EQUAL] = IR_GE,
        [URL_STARTS_WITH] = IR_STARTS_WITH,
        [URL_ENDS_WITH] = IR_ENDS_WITH,
        [URL_CONTAINS] = IR_CONTAINS,
        [URL_IN] = IR_EQ,
    };

    return (enum ir_compare)ops[comparator];
}

static enum status refuse_null_key(struct url_lower *lower, const struct attribute *attribute,
                                   int32_t offset)
{
    const struct url_schema *schema = lower->schema;

    if (schema == NULL || schema->is_key == NULL || attribute->count != 1 ||
        !schema->is_key(schema->context, attribute->parts[0]))
        return ST_OK;
    return error_set(lower->err, ST_INVALID, offset, "the primary key %.*s is never null",
                     (int)(attribute->name.len > 250 ? 250 : attribute->name.len),
                     attribute->name.data);
}

/* One comparison with one value. */
static enum status lower_comparison(struct url_lower *lower, const struct attribute *attribute,
                                    struct url_token op, struct url_token token,
                                    struct ir_expr **out)
{
    struct url_literal_value literal;
    enum ir_compare ir_op = ir_op_of(op.comparator);

    TRY(lower_literal(lower, attribute, op, token, &literal));
    if (literal.nothing == URL_NULL) {
        if (op.comparator == URL_EQUALS || op.comparator == URL_IN)
            TRY(refuse_null_key(lower, attribute, token.offset));
        *out = compare_with_null(lower, attribute, op.comparator);
    } else if (literal.nothing == URL_NAN) {
        /* NaN equals nothing, so every record differs from it. */
        *out = op.comparator == URL_NOT_EQUAL ? ir_literal(lower->arena, value_int(1), token.offset)
                                              : compare_null(lower, attribute, ir_op);
    } else {
        if (literal.is_prefix)
            ir_op = IR_STARTS_WITH;
        *out = compare(lower, attribute, ir_op, param(lower, literal.value, token.offset));
    }
    return *out == NULL ? no_memory(lower->err) : ST_OK;
}

/* ---- conditions ---- */

/* Both halves of a range. Where values may be arrays, one element must satisfy both, which the AND
 * says by its own any_element. */
static struct ir_expr *range_of(struct url_lower *lower, const struct attribute *attribute,
                                struct ir_expr *first, struct ir_expr *second)
{
    struct ir_expr *expr = ir_and(lower->arena, first, second);

    if (expr != NULL)
        expr->any_element = attribute->has_elements;
    return expr;
}

static enum status lower_range(struct url_lower *lower, const struct attribute *attribute,
                               const struct url_item *item, struct ir_expr **out)
{
    struct url_token low = item->op, high = item->op;
    struct ir_expr *first, *second;

    low.comparator = URL_GREATER_EQUAL;
    high.comparator = URL_LESS_EQUAL;
    TRY(lower_comparison(lower, attribute, low, item->operands->first->token, &first));
    TRY(lower_comparison(lower, attribute, high, item->operands->last->token, &second));
    *out = range_of(lower, attribute, first, second);
    return *out == NULL ? no_memory(lower->err) : ST_OK;
}

static enum status lower_in(struct url_lower *lower, const struct attribute *attribute,
                            const struct url_item *item, struct ir_expr **out)
{
    *out = NULL;
    for (const struct url_operand *operand = item->operands->first; operand != NULL;
         operand = operand->next) {
        struct ir_expr *expr;

        TRY(lower_comparison(lower, attribute, item->op, operand->token, &expr));
        *out = ir_or(lower->arena, *out, expr);
    }
    return *out == NULL ? no_memory(lower->err) : ST_OK;
}

static enum status lower_condition(struct url_lower *lower, const struct url_item *item,
                                   struct ir_expr **out)
{
    struct attribute attribute = {0};

    TRY(lower_attribute(lower, item->path, false, &attribute));
    if (item->op.comparator == URL_BETWEEN)
        TRY(lower_range(lower, &attribute, item, out));
    else if (item->op.comparator == URL_IN)
        TRY(lower_in(lower, &attribute, item, out));
    else
        TRY(lower_comparison(lower, &attribute, item->op, item->operands->first->token, out));
    if (item->leg != NULL) {
        struct ir_expr *second;

        TRY(lower_comparison(lower, &attribute, item->leg->op, item->leg->operands->first->token,
                             &second));
        *out = range_of(lower, &attribute, *out, second);
    }
    /* A negated comparison matches exactly the records the other one does not, null and absent
     * too. */
    if (item->op.is_negated)
        *out = ir_unary(lower->arena, IR_IS_NOT_TRUE, *out);
    return *out == NULL ? no_memory(lower->err) : ST_OK;
}

static enum status lower_level(struct url_lower *lower, const struct url_level *level,
                               struct ir_expr **out)
{
    *out = NULL;
    for (const struct url_item *item = level->first; item != NULL; item = item->next) {
        struct ir_expr *expr = NULL;

        if (item->kind == URL_ITEM_GROUP)
            TRY(lower_level(lower, item->group, &expr));
        else
            TRY(lower_condition(lower, item, &expr));
        *out = level->is_or ? ir_or(lower->arena, *out, expr) : ir_and(lower->arena, *out, expr);
        if (*out == NULL)
            return no_memory(lower->err);
    }
    return ST_OK;
}

/* ---- order and limit ---- */

/* With no condition at all, an order that no index gives would read and sort the whole table. */
static enum status check_order(struct url_lower *lower, const struct attribute *attribute)
{
    const struct url_schema *schema = lower->schema;

    const struct url_level *root = lower->query->root;

    if (schema == NULL || schema->is_ordered == NULL || (root != NULL && root->count != 0))
        return ST_OK;
    if (schema->is_ordered(schema->context, attribute->parts, attribute->count))
        return ST_OK;
    return error_set(lower->err, ST_NO_COLUMN, attribute->offset,
                     "%.*s is not indexed and not combined with any other conditions",
                     (int)(attribute->name.len > 250 ? 250 : attribute->name.len),
                     attribute->name.data);
}

static bool is_key(const struct url_lower *lower, const struct attribute *attribute)
{
    const struct url_schema *schema = lower->schema;

    return schema != NULL && schema->is_key != NULL && attribute->count == 1 &&
           schema->is_key(schema->context, attribute->parts[0]);
}

/* The order asked for, then the primary key, so that it is total. */
static enum status lower_sort(struct url_lower *lower, struct ir_order **out, size_t *out_count)
{
    const struct url_sort_keys *keys = lower->query->sort;
    struct ir_order *order;
    size_t count = 0;
    bool has_key = false;

    if (keys == NULL)
        return ST_OK;
    order = ARENA_NEW_ARRAY(lower->arena, struct ir_order, keys->count + 1);
    if (order == NULL)
        return no_memory(lower->err);
    for (const struct url_sort_key *key = keys->first; key != NULL; key = key->next) {
        struct attribute attribute = {0};

        TRY(lower_attribute(lower, key->path, true, &attribute));
        if (count == 0)
            TRY(check_order(lower, &attribute));
        has_key = has_key || is_key(lower, &attribute);
        order[count].expr = column_of(lower, &attribute);
        order[count].descending = key->path->first->token.text.data[0] == '-';
        if (order[count++].expr == NULL)
            return no_memory(lower->err);
    }
    if (!has_key) {
        order[count].expr = ir_expr_new(lower->arena, IR_META, -1);
        if (order[count].expr == NULL)
            return no_memory(lower->err);
        order[count].expr->op = IR_META_KEY;
        order[count++].expr->as.record.alias.offset = -1;
    }
    *out = order;
    *out_count = count;
    return ST_OK;
}

static void use_number(struct url_lower *lower, struct url_token token, enum url_literal_role role,
                       uint32_t slot)
{
    lower->slots->uses[token.literal] =
        (struct url_literal_use){.role = (uint8_t)role, .slot = slot};
}

/* limit(n), or limit(s,e): the rows s to e - 1. */
static enum status lower_limit(struct url_lower *lower, struct ir_expr **limit,
                               struct ir_expr **offset)
{
    const struct url_query *query = lower->query;
    struct url_token first = query->limit_first, second = query->limit_second;
    int64_t start, end;

    if (!query->has_limit)
        return ST_OK;
    TRY(url_number_read(first.text, first.offset, &start, lower->err));
    if (!query->has_limit_end) {
        *limit = param(lower, value_int(start), first.offset);
        use_number(lower, first, URL_LITERAL_LIMIT, lower->param_count);
        return *limit == NULL ? no_memory(lower->err) : ST_OK;
    }
    TRY(url_number_read(second.text, second.offset, &end, lower->err));
    *limit = param(lower, value_int(end > start ? end - start : 0), second.offset);
    use_number(lower, second, URL_LITERAL_LIMIT_END, lower->param_count);
    *offset = param(lower, value_int(start), first.offset);
    use_number(lower, first, URL_LITERAL_LIMIT_START, lower->param_count);
    return *limit == NULL || *offset == NULL ? no_memory(lower->err) : ST_OK;
}

/* ---- statements ---- */

static struct ir_source *source_of(struct arena *arena, struct slice table_path)
{
    struct ir_source *source = ARENA_NEW(arena, struct ir_source);

    if (source != NULL) {
        source->kind = IR_SOURCE_TABLE;
        source->join = IR_JOIN_INNER;
        source->is_exported_name = true;
        source->name = (struct ir_name){table_path, -1};
        source->alias.offset = source->database.offset = -1;
    }
    return source;
}

static enum status begin(struct url_lower *lower, struct slice raw, struct url_query *query,
                         struct ir_statement **out, struct url_slots **slots)
{
    struct ir_statement *statement;

    lower->query = query;
    TRY(url_parse_query(raw, lower->schema, lower->arena, query, lower->err));
    lower->slots = ARENA_NEW(lower->arena, struct url_slots);
    statement = ARENA_NEW(lower->arena, struct ir_statement);
    if (lower->slots == NULL || statement == NULL)
        return no_memory(lower->err);
    lower->slots->literal_count = query->literal_count;
    lower->slots->uses =
        ARENA_NEW_ARRAY(lower->arena, struct url_literal_use, query->literal_count + 1);
    if (lower->slots->uses == NULL)
        return no_memory(lower->err);
    for (size_t i = 0; i < query->literal_count; i++)
        lower->slots->uses[i].is_form = query->is_simple;
    for (const struct url_operand *number = query->numbers; number != NULL; number = number->next)
        use_number(lower, number->token, URL_LITERAL_NUMBER, 0);
    statement->text = raw;
    *out = statement;
    *slots = lower->slots;
    return ST_OK;
}

static enum status finish(struct url_lower *lower, struct ir_statement *statement)
{
    statement->param_count = lower->slots->param_count = lower->param_count;
    if (lower->param_count > 0)
        statement->param_names = ARENA_NEW_ARRAY(lower->arena, struct slice, lower->param_count);
    if (lower->arena->failed)
        return no_memory(lower->err);
    if (statement->kind == IR_QUERY)
        ir_query_measure(statement->as.query);
    return ST_OK;
}

static struct ir_query *query_of(struct arena *arena, struct ir_source *source,
                                 struct ir_block **out_block)
{
    struct ir_query *query = ARENA_NEW(arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(arena, struct ir_block);
    struct ir_block **blocks = ARENA_NEW_ARRAY(arena, struct ir_block *, 1);
    struct ir_source **sources = ARENA_NEW_ARRAY(arena, struct ir_source *, 1);

    if (query == NULL || block == NULL || blocks == NULL || sources == NULL || source == NULL)
        return NULL;
    sources[0] = source;
    blocks[0] = block;
    block->set_op = IR_SET_FIRST;
    block->offset = -1;
    block->source_count = 1;
    block->sources = sources;
    query->block_count = 1;
    query->blocks = blocks;
    *out_block = block;
    return query;
}

enum status url_parse_search_slots(struct slice table_path, struct slice raw, bool is_delete,
                                   const struct url_schema *schema, struct arena *arena,
                                   struct ir_statement **out, struct url_slots **slots,
                                   struct error *err)
{
    struct url_lower lower = {.arena = arena, .schema = schema, .err = err};
    struct ir_statement *statement;
    struct url_query query;
    struct ir_expr *where = NULL, *limit = NULL, *offset = NULL;
    struct ir_order *order = NULL;
    struct ir_block *block;
    size_t order_count = 0;

    TRY(begin(&lower, raw, &query, &statement, slots));
    if (query.root != NULL)
        TRY(lower_level(&lower, query.root, &where));
    TRY(lower_sort(&lower, &order, &order_count));
    TRY(lower_limit(&lower, &limit, &offset));
    if (is_delete) {
        struct ir_delete *remove = ARENA_NEW(arena, struct ir_delete);

        if (remove == NULL)
            return no_memory(err);
        *remove = (struct ir_delete){.target = source_of(arena, table_path),
                                     .where = where,
                                     .order = order,
                                     .order_count = order_count,
                                     .limit = limit,
                                     .offset = offset};
        statement->kind = IR_DELETE;
        statement->as.remove = remove;
    } else {
        statement->kind = IR_QUERY;
        statement->as.query = query_of(arena, source_of(arena, table_path), &block);
        if (statement->as.query == NULL)
            return no_memory(err);
        block->where = where;
        statement->as.query->order = order;
        statement->as.query->order_count = order_count;
        statement->as.query->limit = limit;
        statement->as.query->offset = offset;
        TRY(url_lower_select(&lower, block, &statement->row_form));
    }
    TRY(finish(&lower, statement));
    *out = statement;
    return ST_OK;
}

enum status url_parse_get_slots(struct slice table_path, struct slice raw,
                                const struct url_schema *schema, struct arena *arena,
                                struct ir_statement **out, struct url_slots **slots,
                                struct error *err)
{
    struct url_lower lower = {.arena = arena, .schema = schema, .err = err};
    struct ir_statement *statement;
    struct url_query query;
    struct ir_block *block;
    struct ir_expr *key, *meta = ir_expr_new(arena, IR_META, -1);

    TRY(begin(&lower, raw, &query, &statement, slots));
    statement->kind = IR_QUERY;
    statement->as.query = query_of(arena, source_of(arena, table_path), &block);
    key = param(&lower, value_absent(), -1);
    if (statement->as.query == NULL || key == NULL || meta == NULL)
        return no_memory(err);
    key->as.param.is_lifted = false;
    meta->op = IR_META_KEY;
    meta->as.record.alias.offset = -1;
    block->where = ir_compare(arena, IR_EQ, meta, key);
    TRY(url_lower_select(&lower, block, &statement->row_form));
    TRY(finish(&lower, statement));
    *out = statement;
    return ST_OK;
}

enum status url_parse_search(struct slice table_path, struct slice raw, bool is_delete,
                             const struct url_schema *schema, struct arena *arena,
                             struct ir_statement **out, struct error *err)
{
    struct url_slots *slots;

    return url_parse_search_slots(table_path, raw, is_delete, schema, arena, out, &slots, err);
}

enum status url_parse_get(struct slice table_path, struct slice raw,
                          const struct url_schema *schema, struct arena *arena,
                          struct ir_statement **out, struct error *err)
{
    struct url_slots *slots;

    return url_parse_get_slots(table_path, raw, schema, arena, out, &slots, err);
}
