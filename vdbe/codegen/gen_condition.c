/* Conditions as jumps, and IN. */
#include "vdbe/codegen/codegen_internal.h"

static void gen_jump_inner(struct gen *g, const struct ir_expr *expr, int32_t label, bool when,
                           bool null_jumps);

/* n-ary AND and OR. `decides`: the operand value that settles the whole (false for AND). */
static void jump_logic(struct gen *g, const struct ir_expr *expr, int32_t label, bool when,
                       bool null_jumps)
{
    const bool decides = expr->op == IR_OR;
    struct ir_expr *const *operands = expr->as.list.operands;
    const size_t count = expr->as.list.count;
    int32_t skip;

    if (when == decides) {
        /* Jump when an operand settles it; null counts as asked, for each operand alike. */
        for (size_t k = 0; k < count; k++)
            gen_jump(g, operands[k], label, when, null_jumps);
        return;
    }
    /* Jump when no operand settles it. Whatever an operand's null may not do here, settles too. */
    skip = gen_label(g);
    for (size_t k = 0; k + 1 < count; k++)
        gen_jump(g, operands[k], skip, decides, !null_jumps);
    gen_jump(g, operands[count - 1], label, when, null_jumps);
    gen_place(g, skip);
}

static void jump_compare(struct gen *g, const struct ir_expr *expr, int32_t label, bool when,
                         bool null_jumps)
{
    static const enum opcode opcodes[][2] = {
        /* [op][when] */
        [IR_EQ] = {OP_NE, OP_EQ}, [IR_NE] = {OP_EQ, OP_NE},     [IR_LT] = {OP_GE, OP_LT},
        [IR_LE] = {OP_GT, OP_LE}, [IR_GT] = {OP_LE, OP_GT},     [IR_GE] = {OP_LT, OP_GE},
        [IR_IS] = {OP_NE, OP_EQ}, [IR_IS_NOT] = {OP_EQ, OP_NE},
    };
    unsigned flags = gen_compare_flags(expr);
    const int32_t left = gen_value(g, expr->as.binary.left);
    const int32_t right = gen_value(g, expr->as.binary.right);

    if (null_jumps)
        flags |= COMPARE_JUMP_NULL;
    gen_emit_n(g, opcodes[expr->op][when], flags, left, right, label, NULL);
}

/* Comparisons whose opposite is not another comparison: "contains", or any element of an array. */
static bool is_plain_compare(const struct ir_expr *expr)
{
    return expr->kind == IR_COMPARE && expr->op <= IR_IS_NOT && !expr->any_element;
}

static void jump_value(struct gen *g, const struct ir_expr *expr, int32_t label, bool when,
                       bool null_jumps)
{
    gen_emit(g, when ? OP_IF : OP_IF_NOT, gen_value(g, expr), label, null_jumps);
}

/* IS TRUE and the like are never null. */
static bool jump_unary(struct gen *g, const struct ir_expr *expr, int32_t label, bool when,
                       bool null_jumps)
{
    const struct ir_expr *operand = expr->as.unary.operand;

    if (expr->any_element)
        return false;
    switch ((enum ir_unary)expr->op) {
    case IR_NOT:
        gen_jump(g, operand, label, !when, null_jumps);
        return true;
    case IR_IS_NULL:
        gen_emit(g, when ? OP_IF_NULL : OP_IF_NOT_NULL, gen_value(g, operand), label, 0);
        return true;
    case IR_NOT_NULL:
        gen_emit(g, when ? OP_IF_NOT_NULL : OP_IF_NULL, gen_value(g, operand), label, 0);
        return true;
    case IR_IS_TRUE:
        gen_jump(g, operand, label, when, !when);
        return true;
    case IR_IS_NOT_TRUE:
        gen_jump(g, operand, label, !when, when);
        return true;
    case IR_IS_FALSE:
        gen_jump(g, operand, label, !when, !when);
        return true;
    case IR_IS_NOT_FALSE:
        gen_jump(g, operand, label, when, when);
        return true;
    case IR_NEGATE:
    case IR_BIT_NOT:
    case IR_PLUS:
    case IR_IS_STORED_NULL:
        break;
    }
    return false;
}

static void gen_jump_inner(struct gen *g, const struct ir_expr *expr, int32_t label, bool when,
                           bool null_jumps)
{
    if (expr->kind == IR_LOGIC && !expr->any_element)
        jump_logic(g, expr, label, when, null_jumps);
    else if (is_plain_compare(expr))
        jump_compare(g, expr, label, when, null_jumps);
    else if (expr->kind != IR_UNARY || !jump_unary(g, expr, label, when, null_jumps))
        jump_value(g, expr, label, when, null_jumps);
}

void gen_jump(struct gen *g, const struct ir_expr *expr, int32_t label, bool when, bool null_jumps)
{
    const int32_t mark = builder_temporaries_used(g->builder);
    const bool is_hoisted = expr->is_constant && g->loop_depth > 0 && expr->kind != IR_LITERAL;

    if (gen_failed(g))
        return;
    if (is_hoisted)
        jump_value(g, expr, label, when, null_jumps);
    else
        gen_jump_inner(g, expr, label, when, null_jumps);
    builder_temporaries_forget(g->builder, mark);
}

/* ---- IN ---- */

static bool is_constant_list(const struct ir_expr *expr)
{
    for (size_t k = 0; k < expr->as.in.count; k++)
        if (!expr->as.in.items[k]->is_constant && expr->as.in.items[k]->kind != IR_LITERAL &&
            expr->as.in.items[k]->kind != IR_PARAM)
            return false;
    return true;
}

static void gen_affinity(struct gen *g, int32_t at, uint8_t affinity)
{
    static const char *const names[] = {"none", "text", "numeric", "integer", "real"};

    if (affinity == AFFINITY_NONE)
        return;
    gen_emit(g, OP_AFFINITY, at, affinity, 0);
    gen_note(g, slice_text(names[affinity]));
}

static void sink_into_set(struct gen *g, struct gen_sink *sink, int32_t base)
{
    const int32_t next = gen_label(g);

    for (unsigned k = 0; sink->affinities != NULL && k < sink->count; k++)
        gen_affinity(g, base + (int32_t)k, sink->affinities[k]);
    gen_emit_n(g, OP_SET_ADD, sink->count, (int32_t)sink->object, base, next, NULL);
    gen_place(g, next);
}

/* Fill the set with what the query gives: once, unless it depends on rows around it. */
static void fill_from_query(struct gen *g, const struct ir_expr *expr, uint32_t set)
{
    const struct plan_query *query = expr->as.in.query->plan;
    const int32_t filled = gen_label(g);
    struct gen_sink sink = {.row = sink_into_set,
                            .base = NO_REGISTER,
                            .count = (unsigned)query->output_count,
                            .object = set,
                            .affinities = query->compare_affinities};

    if (!query->is_correlated)
        gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), filled, 0);
    else
        gen_emit(g, OP_SET_CLEAR, (int32_t)set, 0, 0);
    gen_query(g, query, &sink);
    gen_place(g, filled);
}

static void fill_from_list(struct gen *g, const struct ir_expr *expr, uint32_t set)
{
    const int32_t filled = gen_label(g), at = gen_temporary(g, 1);

    gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), filled, 0);
    for (size_t k = 0; k < expr->as.in.count; k++) {
        const int32_t next = gen_label(g);

        gen_expr(g, expr->as.in.items[k], at);
        gen_affinity(g, at, expr->affinity);
        gen_emit_n(g, OP_SET_ADD, 1, (int32_t)set, at, next, NULL);
        gen_place(g, next);
    }
    gen_place(g, filled);
}

/* Items that depend on the row, or an operand of which any element may be meant: one comparison
 * after the other. */
static void gen_in_chain(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const int32_t done = gen_label(g), operand = gen_temporary(g, 1), found = gen_temporary(g, 1),
                  result = gen_temporary(g, 1);
    unsigned flags = expr->collation & COMPARE_COLLATION;

    if (expr->affinity >= AFFINITY_NUMERIC)
        flags |= COMPARE_NUMERIC;
    else if (expr->affinity == AFFINITY_TEXT)
        flags |= COMPARE_TEXT;
    if (expr->any_element)
        flags |= COMPARE_ANY;
    gen_expr(g, expr->as.in.operand, operand);
    gen_emit(g, OP_INTEGER, result, 0, 0);
    for (size_t k = 0; k < expr->as.in.count; k++) {
        gen_expr(g, expr->as.in.items[k], found);
        gen_emit_n(g, OP_COMPARE, flags | (unsigned)COMPARE_EQ << COMPARE_OPERATOR, operand, found,
                   found, NULL);
        gen_note(g, slice_text("="));
        gen_emit(g, OP_OR, result, found, result);
        gen_emit(g, OP_IF, result, done, 0);
    }
    gen_place(g, done);
    gen_emit(g, OP_COPY, result, target, 0);
}

static void gen_operand_row(struct gen *g, const struct ir_expr *expr, int32_t base,
                            const uint8_t *affinities)
{
    const struct ir_expr *operand = expr->as.in.operand;

    if (operand->kind != IR_ROW) {
        gen_expr(g, operand, base);
        gen_affinity(g, base, affinities[0]);
        return;
    }
    for (size_t k = 0; k < operand->as.list.count; k++) {
        gen_expr(g, operand->as.list.operands[k], base + (int32_t)k);
        gen_affinity(g, base + (int32_t)k, affinities[k]);
    }
}

void gen_in(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const struct plan_query *query = expr->as.in.query != NULL ? expr->as.in.query->plan : NULL;
    const struct ir_expr *operand = expr->as.in.operand;
    const size_t count = operand->kind == IR_ROW ? operand->as.list.count : 1;
    const uint8_t *affinities = &expr->affinity, *collations = &expr->collation;
    uint32_t set;
    int32_t base;

    if (expr->as.in.query != NULL) {
        if (query == NULL || query->output_count != count) {
            gen_fail(g, ST_SYNTAX, expr->offset, "sub-select returns %zu columns - expected %zu",
                     query == NULL ? (size_t)0 : query->output_count, count);
            return;
        }
        affinities = query->compare_affinities;
        collations = query->compare_collations;
    } else if (expr->as.in.count == 0) {
        gen_emit(g, OP_INTEGER, target, expr->negated, 0);
        return;
    } else if (!is_constant_list(expr) || expr->as.in.count <= 2 || expr->any_element) {
        gen_in_chain(g, expr, target);
        if (expr->negated)
            gen_emit(g, OP_NOT, target, target, 0);
        return;
    }
    set = gen_set(g, count, collations, count > 1);
    if (query != NULL)
        fill_from_query(g, expr, set);
    else
        fill_from_list(g, expr, set);
    base = gen_temporary(g, (unsigned)count);
    gen_operand_row(g, expr, base, affinities);
    gen_emit_n(g, OP_SET_IN, (unsigned)count, (int32_t)set, base, target, NULL);
    if (expr->negated)
        gen_emit(g, OP_NOT, target, target, 0);
}
