/*
 * Sugar of expressions, in terms of plainer ones.
 */
#include "parser/sql/sql_internal.h"

/* IS NULL and IS TRUE are questions of their own; IS [NOT] DISTINCT FROM is IS read the other way.
 */
struct ir_expr *sql_is(struct sql_parse *parse, bool negated, struct ir_expr *left,
                       struct ir_expr *right)
{
    if (right != NULL && right->kind == IR_LITERAL) {
        const struct value *v = &right->as.literal;

        if (v->kind == VALUE_NULL)
            return sql_postfix(parse, negated ? IR_NOT_NULL : IR_IS_NULL, left);
        if (v->kind == VALUE_BOOL && v->as.b)
            return sql_postfix(parse, negated ? IR_IS_NOT_TRUE : IR_IS_TRUE, left);
        if (v->kind == VALUE_BOOL)
            return sql_postfix(parse, negated ? IR_IS_NOT_FALSE : IR_IS_FALSE, left);
    }
    return sql_checked(parse, ir_compare(parse->arena, negated ? IR_IS_NOT : IR_IS, left, right));
}

static bool is_leaf(const struct ir_expr *expr)
{
    return expr->kind == IR_LITERAL || expr->kind == IR_PARAM || expr->kind == IR_COLUMN;
}

/* BETWEEN mentions its operand twice. Nested in its own operand it would double the tree at each
 * level, so what is copied is held against the length of the text. */
static struct ir_expr *second_mention(struct sql_parse *parse, const struct ir_expr *operand)
{
    size_t before = parse->arena->used_bytes;
    size_t allowed = ((size_t)64 << 20) + parse->text.len * 64;
    struct ir_expr *copy = ir_expr_copy(parse->arena, operand);

    if (!is_leaf(operand)) {
        parse->copied_bytes += parse->arena->used_bytes - before;
        if (parse->copied_bytes > allowed)
            sql_fail(parse, ST_LIMIT, parse->text.data + operand->offset,
                     "BETWEEN is nested too deeply");
    }
    return copy;
}

/* x BETWEEN a AND b: x >= a AND x <= b. NOT BETWEEN: x < a OR x > b. */
struct ir_expr *sql_between(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                            struct ir_expr *low, struct ir_expr *high)
{
    struct ir_expr *again, *from, *to;

    if (operand == NULL || low == NULL || high == NULL)
        return NULL;
    again = second_mention(parse, operand);
    from = ir_compare(parse->arena, op.negated ? IR_LT : IR_GE, operand, low);
    to = ir_compare(parse->arena, op.negated ? IR_GT : IR_LE, again, high);
    if (from == NULL || to == NULL || sql_failed(parse))
        return sql_checked(parse, NULL);
    return sql_checked(parse,
                       op.negated ? ir_or(parse->arena, from, to) : ir_and(parse->arena, from, to));
}

/* x IN t: x IN (SELECT * FROM t). */
struct ir_expr *sql_in_source(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                              struct ir_source *source)
{
    return sql_in_query(parse, op, operand, sql_select_all(parse, &source, 1));
}
