/*
 * Constructors of expressions. Each returns NULL when the arena is short, and takes NULL operands,
 * so that a front end checks arena->failed once.
 */
#include "vdbe/ir/ir.h"

static uint16_t height_of(const struct ir_expr *expr)
{
    return expr == NULL ? 0 : expr->height;
}

struct ir_expr *ir_expr_new(struct arena *arena, enum ir_expr_kind kind, int32_t offset)
{
    struct ir_expr *expr = arena_alloc(arena, sizeof *expr);

    if (expr != NULL)
        *expr = (struct ir_expr){.kind = (uint8_t)kind, .height = 1, .offset = offset};
    return expr;
}

struct ir_expr *ir_literal(struct arena *arena, struct value v, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(arena, IR_LITERAL, offset);

    if (expr != NULL)
        expr->as.literal = v;
    return expr;
}

struct ir_expr *ir_column(struct arena *arena, struct ir_name name)
{
    struct ir_expr *expr = ir_expr_new(arena, IR_COLUMN, name.offset);
    struct ir_name *parts = arena_alloc(arena, sizeof *parts);

    if (expr == NULL || parts == NULL)
        return NULL;
    *parts = name;
    expr->as.column.part_count = 1;
    expr->as.column.parts = parts;
    return expr;
}

struct ir_expr *ir_unary(struct arena *arena, enum ir_unary op, struct ir_expr *operand)
{
    struct ir_expr *expr;

    if (operand == NULL)
        return NULL;
    expr = ir_expr_new(arena, IR_UNARY, operand->offset);
    if (expr != NULL) {
        expr->op = (uint8_t)op;
        expr->as.unary.operand = operand;
        ir_expr_raise(expr, operand->height);
    }
    return expr;
}

static struct ir_expr *binary(struct arena *arena, enum ir_expr_kind kind, uint8_t op,
                              struct ir_expr *left, struct ir_expr *right)
{
    struct ir_expr *expr;

    if (left == NULL || right == NULL)
        return NULL;
    expr = ir_expr_new(arena, kind, left->offset);
    if (expr != NULL) {
        expr->op = op;
        expr->as.binary.left = left;
        expr->as.binary.right = right;
        ir_expr_raise(expr, left->height);
        ir_expr_raise(expr, right->height);
    }
    return expr;
}

struct ir_expr *ir_binary(struct arena *arena, enum ir_binary op, struct ir_expr *left,
                          struct ir_expr *right)
{
    return binary(arena, IR_BINARY, (uint8_t)op, left, right);
}

struct ir_expr *ir_compare(struct arena *arena, enum ir_compare op, struct ir_expr *left,
                           struct ir_expr *right)
{
    return binary(arena, IR_COMPARE, (uint8_t)op, left, right);
}

/* ---- n-ary AND and OR ---- */

/* Room for `more` further operands. Doubling keeps a chain of n operands linear in time. */
static bool logic_reserve(struct arena *arena, struct ir_expr *logic, size_t more)
{
    size_t need = logic->as.list.count + more;
    size_t capacity = logic->as.list.capacity < 4 ? 4 : logic->as.list.capacity;
    struct ir_expr **operands;

    if (need <= logic->as.list.capacity)
        return true;
    while (capacity < need)
        capacity *= 2;
    operands = arena_alloc(arena, capacity * sizeof *operands);
    if (operands == NULL)
        return false;
    if (logic->as.list.count > 0)
        memcpy(operands, logic->as.list.operands, logic->as.list.count * sizeof *operands);
    logic->as.list.operands = operands;
    logic->as.list.capacity = capacity;
    return true;
}

/* An AND whose operands one array element must satisfy together keeps them to itself. */
static bool is_logic(const struct ir_expr *expr, enum ir_logic op)
{
    return expr->kind == IR_LOGIC && expr->op == op && !expr->any_element;
}

/* Append `operand`, or its operands when it is of the same kind. */
static bool logic_append(struct arena *arena, struct ir_expr *logic, struct ir_expr *operand)
{
    struct ir_expr **from = &operand;
    size_t count = 1;

    if (is_logic(operand, (enum ir_logic)logic->op)) {
        from = operand->as.list.operands;
        count = operand->as.list.count;
    }
    if (!logic_reserve(arena, logic, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        logic->as.list.operands[logic->as.list.count++] = from[i];
        ir_expr_raise(logic, height_of(from[i]));
    }
    return true;
}

/* The left operand's node is reused when it is one of the same kind: text is read left to right, so
 * a chain grows one list at its end. */
static struct ir_expr *logic(struct arena *arena, enum ir_logic op, struct ir_expr *left,
                             struct ir_expr *right)
{
    struct ir_expr *expr = left;

    if (left == NULL)
        return right;
    if (right == NULL)
        return left;
    if (!is_logic(left, op)) {
        expr = ir_expr_new(arena, IR_LOGIC, left->offset);
        if (expr == NULL)
            return NULL;
        expr->op = (uint8_t)op;
        if (!logic_append(arena, expr, left))
            return NULL;
    }
    return logic_append(arena, expr, right) ? expr : NULL;
}

struct ir_expr *ir_and(struct arena *arena, struct ir_expr *left, struct ir_expr *right)
{
    return logic(arena, IR_AND, left, right);
}

struct ir_expr *ir_or(struct arena *arena, struct ir_expr *left, struct ir_expr *right)
{
    return logic(arena, IR_OR, left, right);
}
