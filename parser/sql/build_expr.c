/*
 * Expressions, one constructor per form of the grammar.
 */
#include "parser/sql/grammar.y.h"
#include "parser/sql/sql_internal.h"

struct ir_expr *sql_checked(struct sql_parse *parse, struct ir_expr *expr)
{
    if (expr == NULL) {
        if (!sql_failed(parse))
            sql_fail(parse, ST_NO_MEMORY, NULL, "out of memory");
    } else if (expr->height > SQL_EXPR_DEPTH_MAX) {
        sql_fail(parse, ST_LIMIT, parse->text.data + (expr->offset < 0 ? 0 : expr->offset),
                 "Expression tree is too large (maximum depth %d)", SQL_EXPR_DEPTH_MAX);
        return NULL;
    }
    return expr;
}

static struct ir_expr *expr_new(struct sql_parse *parse, enum ir_expr_kind kind,
                                struct sql_token first)
{
    return sql_checked(parse, ir_expr_new(parse->arena, kind, sql_offset(parse, first.text)));
}

static uint16_t height_of(const struct ir_expr *expr)
{
    return expr == NULL ? 0 : expr->height;
}

static struct ir_expr *raised(struct sql_parse *parse, struct ir_expr *expr, uint16_t child_height)
{
    ir_expr_raise(expr, child_height);
    return sql_checked(parse, expr);
}

static struct ir_expr *raised_list(struct sql_parse *parse, struct ir_expr *expr,
                                   struct ir_expr *const *children, size_t count)
{
    if (children != NULL)
        for (size_t i = 0; i < count; i++)
            ir_expr_raise(expr, height_of(children[i]));
    return sql_checked(parse, expr);
}

/* ---- columns ---- */

struct ir_expr *sql_column(struct sql_parse *parse, struct sql_token name)
{
    struct ir_expr *expr;

    if ((name.len == 4 || name.len == 5) &&
        (sql_token_is(name, "true") || sql_token_is(name, "false")))
        return sql_name_as_text(parse, name);
    expr = ir_column(parse->arena, sql_name(parse, name));
    if (expr != NULL)
        expr->as.column.is_quoted_text = name.text[0] == '"';
    return sql_checked(parse, expr);
}

struct ir_expr *sql_column_of(struct sql_parse *parse, struct sql_token of, struct sql_token name)
{
    struct ir_expr *expr = ir_expr_new(parse->arena, IR_COLUMN, sql_offset(parse, of.text));
    struct ir_name *parts = arena_alloc(parse->arena, 2 * sizeof *parts);

    if (expr == NULL || parts == NULL)
        return sql_checked(parse, NULL);
    parts[0] = sql_name(parse, of);
    parts[1] = sql_name(parse, name);
    expr->as.column.part_count = 2;
    expr->as.column.parts = parts;
    return expr;
}

enum { PATH_PARTS_MAX = 16 };

struct ir_expr *sql_path(struct sql_parse *parse, struct sql_list names)
{
    struct ir_name *parts = sql_take_names(parse, names);
    struct ir_expr *expr;

    if (parts == NULL)
        return NULL;
    if (names.count > PATH_PARTS_MAX) {
        sql_fail(parse, ST_LIMIT, parse->text.data + parts[0].offset,
                 "too many parts in a name (maximum %d)", PATH_PARTS_MAX);
        return NULL;
    }
    expr = ir_expr_new(parse->arena, IR_COLUMN, parts[0].offset);
    if (expr != NULL) {
        expr->as.column.part_count = names.count;
        expr->as.column.parts = parts;
    }
    return sql_checked(parse, expr);
}

/* ---- operators ---- */

/* Parentheses leave no node; the text of the expression begins with them. */
struct ir_expr *sql_parens(struct sql_parse *parse, struct sql_token open, struct ir_expr *expr)
{
    if (expr != NULL)
        expr->offset = sql_offset(parse, open.text);
    return expr;
}

/* 9223372036854775808 is a real, but with a minus before it the least integer. */
static bool is_least_integer(const struct sql_parse *parse, const struct ir_expr *operand)
{
    static const char digits[] = "9223372036854775808";
    const char *text = parse->text.data + operand->offset;
    size_t room = parse->text.len - (size_t)operand->offset;

    while (room > 0 && (*text == '(' || *text == ' '))
        text++, room--;
    if (room < sizeof digits - 1 || memcmp(text, digits, sizeof digits - 1) != 0)
        return false;
    text += sizeof digits - 1;
    room -= sizeof digits - 1;
    return room == 0 || (*text != '.' && (*text | 32) != 'e');
}

/* A sign before a number belongs to the number. NULL: not such a case. */
static struct ir_expr *signed_number(const struct sql_parse *parse, struct sql_token op,
                                     struct ir_expr *operand)
{
    struct value *v = &operand->as.literal;

    if (operand->kind != IR_LITERAL || (v->kind != VALUE_INT && v->kind != VALUE_REAL))
        return NULL;
    if (op.code == TK_MINUS) {
        if (v->kind == VALUE_INT && v->as.i == INT64_MIN) /* was hexadecimal */
            return NULL;
        if (v->kind == VALUE_INT)
            v->as.i = -v->as.i;
        else if (v->as.d == 9223372036854775808.0 && is_least_integer(parse, operand))
            *v = value_int(INT64_MIN);
        else
            v->as.d = -v->as.d;
    }
    return operand;
}

struct ir_expr *sql_prefix(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand)
{
    enum ir_unary unary = op.code == TK_NOT      ? IR_NOT
                          : op.code == TK_BITNOT ? IR_BIT_NOT
                          : op.code == TK_MINUS  ? IR_NEGATE
                                                 : IR_PLUS;
    struct ir_expr *expr = NULL;

    if (operand == NULL)
        return NULL;
    if (unary == IR_NEGATE || unary == IR_PLUS)
        expr = signed_number(parse, op, operand);
    if (unary == IR_NOT && operand->kind == IR_SUBQUERY && operand->as.subquery.is_exists &&
        !operand->negated) {
        operand->negated = true;
        expr = operand;
    }
    if (expr == NULL)
        expr = sql_checked(parse, ir_unary(parse->arena, unary, operand));
    if (expr != NULL)
        expr->offset = sql_offset(parse, op.text);
    return expr;
}

struct ir_expr *sql_postfix(struct sql_parse *parse, enum ir_unary op, struct ir_expr *operand)
{
    return sql_checked(parse, ir_unary(parse->arena, op, operand));
}

struct ir_expr *sql_logic(struct sql_parse *parse, enum ir_logic op, struct ir_expr *left,
                          struct ir_expr *right)
{
    if (left == NULL || right == NULL)
        return NULL;
    return sql_checked(parse, op == IR_AND ? ir_and(parse->arena, left, right)
                                           : ir_or(parse->arena, left, right));
}

struct ir_expr *sql_compare(struct sql_parse *parse, struct sql_token op, struct ir_expr *left,
                            struct ir_expr *right)
{
    enum ir_compare compare = op.code == TK_EQ   ? IR_EQ
                              : op.code == TK_NE ? IR_NE
                              : op.code == TK_LT ? IR_LT
                              : op.code == TK_LE ? IR_LE
                              : op.code == TK_GT ? IR_GT
                                                 : IR_GE;

    return sql_checked(parse, ir_compare(parse->arena, compare, left, right));
}

static enum ir_binary binary_of(struct sql_token op)
{
    switch (op.code) {
    case TK_PLUS:
        return IR_ADD;
    case TK_MINUS:
        return IR_SUBTRACT;
    case TK_STAR:
        return IR_MULTIPLY;
    case TK_SLASH:
        return IR_DIVIDE;
    case TK_REM:
        return IR_MODULO;
    case TK_BITAND:
        return IR_BIT_AND;
    case TK_BITOR:
        return IR_BIT_OR;
    case TK_LSHIFT:
        return IR_SHIFT_LEFT;
    case TK_RSHIFT:
        return IR_SHIFT_RIGHT;
    case TK_PTR:
        return op.len == 3 ? IR_ARROW_TEXT : IR_ARROW;
    default: /* token codes are no enum */
        return IR_CONCAT;
    }
}

struct ir_expr *sql_binary(struct sql_parse *parse, struct sql_token op, struct ir_expr *left,
                           struct ir_expr *right)
{
    return sql_checked(parse, ir_binary(parse->arena, binary_of(op), left, right));
}

/* ---- LIKE, IN, CASE ---- */

static enum ir_like like_of(struct sql_token op)
{
    switch (op.text[0] | 32) {
    case 'g':
        return IR_LIKE_GLOB;
    case 'r':
        return IR_LIKE_REGEXP;
    case 'm':
        return IR_LIKE_MATCH;
    default:
        return IR_LIKE_LIKE;
    }
}

struct ir_expr *sql_like(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                         struct ir_expr *pattern, struct ir_expr *escape)
{
    struct ir_expr *expr;

    if (operand == NULL || pattern == NULL)
        return NULL;
    expr = ir_expr_new(parse->arena, IR_LIKE, operand->offset);
    if (expr == NULL)
        return sql_checked(parse, NULL);
    expr->op = (uint8_t)like_of(op);
    expr->negated = op.negated;
    expr->as.like.operand = operand;
    expr->as.like.pattern = pattern;
    expr->as.like.escape = escape;
    ir_expr_raise(expr, operand->height);
    ir_expr_raise(expr, pattern->height);
    return raised(parse, expr, height_of(escape));
}

static struct ir_expr *in_new(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand)
{
    struct ir_expr *expr;

    if (operand == NULL)
        return NULL;
    expr = ir_expr_new(parse->arena, IR_IN, operand->offset);
    if (expr != NULL) {
        expr->negated = op.negated;
        expr->as.in.operand = operand;
    }
    return raised(parse, expr, operand->height);
}

struct ir_expr *sql_in_list(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                            struct sql_list items)
{
    struct ir_expr **exprs = sql_take_exprs(parse, items);
    struct ir_expr *expr = in_new(parse, op, operand);

    if (expr == NULL)
        return NULL;
    expr->as.in.count = items.count;
    expr->as.in.items = exprs;
    return raised_list(parse, expr, exprs, items.count);
}

struct ir_expr *sql_in_query(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                             struct ir_query *query)
{
    struct ir_expr *expr = in_new(parse, op, operand);

    if (expr == NULL || query == NULL)
        return NULL;
    expr->as.in.query = query;
    return raised(parse, expr, query->height);
}

struct sql_list sql_push_arm(struct sql_parse *parse, struct ir_expr *when, struct ir_expr *then)
{
    struct sql_list list;
    struct ir_case_arm *arm = sql_push(parse, sizeof *arm, &list);

    if (arm != NULL)
        *arm = (struct ir_case_arm){when, then};
    return list;
}

struct ir_expr *sql_case(struct sql_parse *parse, struct sql_token word, struct ir_expr *operand,
                         struct sql_list arms, struct ir_expr *otherwise)
{
    struct ir_case_arm *taken = sql_take(parse, arms, sizeof *taken);
    struct ir_expr *expr = expr_new(parse, IR_CASE, word);

    if (expr == NULL || taken == NULL)
        return NULL;
    expr->as.cases.operand = operand;
    expr->as.cases.otherwise = otherwise;
    expr->as.cases.count = arms.count;
    expr->as.cases.arms = taken;
    for (size_t i = 0; i < arms.count; i++) {
        ir_expr_raise(expr, height_of(taken[i].when));
        ir_expr_raise(expr, height_of(taken[i].then));
    }
    ir_expr_raise(expr, height_of(operand));
    return raised(parse, expr, height_of(otherwise));
}

struct ir_expr *sql_cast(struct sql_parse *parse, struct sql_token word, struct ir_expr *operand,
                         struct slice type)
{
    struct ir_expr *expr = expr_new(parse, IR_CAST, word);

    if (expr == NULL)
        return NULL;
    expr->as.cast.operand = operand;
    expr->as.cast.type = type;
    return raised(parse, expr, height_of(operand));
}

struct ir_expr *sql_collate(struct sql_parse *parse, struct ir_expr *operand, struct sql_token name)
{
    struct ir_expr *expr;

    if (operand == NULL)
        return NULL;
    expr = ir_expr_new(parse->arena, IR_COLLATE, operand->offset);
    if (expr != NULL) {
        expr->as.collate.operand = operand;
        expr->as.collate.name = sql_name(parse, name);
    }
    return raised(parse, expr, operand->height);
}

/* ---- calls ---- */

struct ir_expr *sql_call(struct sql_parse *parse, struct sql_token name, bool is_distinct,
                         struct sql_list args)
{
    struct ir_expr **exprs = sql_take_exprs(parse, args);
    struct ir_expr *expr = expr_new(parse, IR_CALL, name);

    if (expr == NULL)
        return NULL;
    expr->as.call.name = sql_name(parse, name);
    expr->as.call.is_distinct = is_distinct;
    expr->as.call.count = args.count;
    expr->as.call.args = exprs;
    return raised_list(parse, expr, exprs, args.count);
}

struct ir_expr *sql_call_star(struct sql_parse *parse, struct sql_token name)
{
    struct ir_expr *expr = expr_new(parse, IR_CALL, name);

    if (expr != NULL) {
        expr->as.call.name = sql_name(parse, name);
        expr->as.call.is_star = true;
    }
    return expr;
}

struct ir_expr *sql_call_over(struct sql_parse *parse, struct ir_expr *call, struct ir_expr *filter,
                              struct ir_window *over)
{
    if (call == NULL)
        return NULL;
    call->as.call.filter = filter;
    call->as.call.over = over;
    if (!sql_failed(parse))
        ir_expr_measure(call);
    return sql_checked(parse, call);
}

/* ---- subqueries, rows ---- */

struct ir_expr *sql_subquery(struct sql_parse *parse, struct sql_token first,
                             struct ir_query *query, bool is_exists)
{
    struct ir_expr *expr = expr_new(parse, IR_SUBQUERY, first);

    if (expr == NULL || query == NULL)
        return NULL;
    expr->as.subquery.query = query;
    expr->as.subquery.is_exists = is_exists;
    return raised(parse, expr, query->height);
}

struct ir_expr *sql_row(struct sql_parse *parse, struct sql_token open, struct sql_list items)
{
    struct ir_expr **exprs = sql_take_exprs(parse, items);
    struct ir_expr *expr = expr_new(parse, IR_ROW, open);

    if (expr == NULL)
        return NULL;
    expr->as.list.count = items.count;
    expr->as.list.operands = exprs;
    return raised_list(parse, expr, exprs, items.count);
}

struct ir_expr *sql_raise(struct sql_parse *parse, struct sql_token word, enum ir_raise action,
                          struct sql_token message)
{
    struct ir_expr *expr = expr_new(parse, IR_RAISE, word);

    if (expr == NULL)
        return NULL;
    if (!parse->in_trigger) {
        sql_fail(parse, ST_SYNTAX, word.text, "RAISE() may only be used within a trigger-program");
        return NULL;
    }
    expr->op = (uint8_t)action;
    if (action != IR_RAISE_IGNORE)
        expr->as.raise.message = sql_unquote(parse, message);
    return expr;
}
