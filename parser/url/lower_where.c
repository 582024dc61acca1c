/*
 * Conditions to expressions. Here names and types are known; what a condition does to rows is what
 * section 5.8 of the REST specification says, whatever plan runs it.
 */
#include "parser/url/url_internal.h"

/* ---- values ---- */

/* Read one literal and remember how, for the next request of this shape. */
static enum status lower_literal(struct url_lower *lower, const struct url_attribute *attribute,
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

static struct ir_expr *compare(struct url_lower *lower, const struct url_attribute *attribute,
                               enum ir_compare op, struct ir_expr *right)
{
    struct ir_expr *expr = ir_compare(lower->arena, op, url_column_of(lower, attribute), right);

    if (expr != NULL)
        expr->any_element = attribute->has_elements;
    return expr;
}

static struct ir_expr *test_null(struct url_lower *lower, const struct url_attribute *attribute,
                                 enum ir_unary op)
{
    struct ir_expr *expr = ir_unary(lower->arena, op, url_column_of(lower, attribute));

    if (expr != NULL)
        expr->any_element = attribute->has_elements;
    return expr;
}

/* Matches nothing, yet is known to be about this attribute. */
static struct ir_expr *compare_null(struct url_lower *lower, const struct url_attribute *attribute,
                                    enum ir_compare op)
{
    return compare(lower, attribute, op, ir_literal(lower->arena, value_null(), attribute->offset));
}

/* `attribute <comparator> null`. Absent is before everything but equal to nothing (5.8.3 to 5.8.5):
 * greater than null is every value, less than null none. */
static struct ir_expr *compare_with_null(struct url_lower *lower,
                                         const struct url_attribute *attribute, uint8_t comparator)
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

static enum status refuse_null_key(struct url_lower *lower, const struct url_attribute *attribute,
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
static enum status lower_comparison(struct url_lower *lower, const struct url_attribute *attribute,
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
        *out =
            compare(lower, attribute, ir_op, url_lower_param(lower, literal.value, token.offset));
    }
    return *out == NULL ? url_no_memory(lower->err) : ST_OK;
}

/* ---- conditions ---- */

/* Both halves of a range. Where values may be arrays, one element must satisfy both, which the AND
 * says by its own any_element. */
static struct ir_expr *range_of(struct url_lower *lower, const struct url_attribute *attribute,
                                struct ir_expr *first, struct ir_expr *second)
{
    struct ir_expr *expr = ir_and(lower->arena, first, second);

    if (expr != NULL)
        expr->any_element = attribute->has_elements;
    return expr;
}

static enum status lower_range(struct url_lower *lower, const struct url_attribute *attribute,
                               const struct url_item *item, struct ir_expr **out)
{
    struct url_token low = item->op, high = item->op;
    struct ir_expr *first, *second;

    low.comparator = URL_GREATER_EQUAL;
    high.comparator = URL_LESS_EQUAL;
    TRY(lower_comparison(lower, attribute, low, item->operands->first->token, &first));
    TRY(lower_comparison(lower, attribute, high, item->operands->last->token, &second));
    *out = range_of(lower, attribute, first, second);
    return *out == NULL ? url_no_memory(lower->err) : ST_OK;
}

static enum status lower_in(struct url_lower *lower, const struct url_attribute *attribute,
                            const struct url_item *item, struct ir_expr **out)
{
    *out = NULL;
    for (const struct url_operand *operand = item->operands->first; operand != NULL;
         operand = operand->next) {
        struct ir_expr *expr;

        TRY(lower_comparison(lower, attribute, item->op, operand->token, &expr));
        *out = ir_or(lower->arena, *out, expr);
    }
    return *out == NULL ? url_no_memory(lower->err) : ST_OK;
}

static enum status lower_condition(struct url_lower *lower, const struct url_item *item,
                                   struct ir_expr **out)
{
    struct url_attribute attribute = {0};

    TRY(url_lower_attribute(lower, item->path, false, &attribute));
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
    return *out == NULL ? url_no_memory(lower->err) : ST_OK;
}

enum status url_lower_level(struct url_lower *lower, const struct url_level *level,
                            struct ir_expr **out)
{
    *out = NULL;
    for (const struct url_item *item = level->first; item != NULL; item = item->next) {
        struct ir_expr *expr = NULL;

        if (item->kind == URL_ITEM_GROUP)
            TRY(url_lower_level(lower, item->group, &expr));
        else
            TRY(lower_condition(lower, item, &expr));
        *out = level->is_or ? ir_or(lower->arena, *out, expr) : ir_and(lower->arena, *out, expr);
        if (*out == NULL)
            return url_no_memory(lower->err);
    }
    return ST_OK;
}
