/*
 * rewrite_factor: (a AND x) OR (a AND y) becomes a AND (x OR y), so that `a` can open an index or
 * join, and be tested once.
 *
 * And what each arm says about one table is said once for that table: (t.a = 1 AND u.b = 2) OR
 * (t.a = 3 AND u.b = 4) lets only rows of t with a = 1 or a = 3 pass, which can be known before u
 * is read.
 */
#include "vdbe/plan/plan_internal.h"

enum { ARMS_MAX = 16 };

/* The conditions of an arm of OR: itself, or the operands of its AND. */
static struct ir_expr **parts_of(struct ir_expr **arm, size_t *count)
{
    if ((*arm)->kind == IR_LOGIC && (*arm)->op == IR_AND && !(*arm)->negated) {
        *count = (*arm)->as.list.count;
        return (*arm)->as.list.operands;
    }
    *count = 1;
    return arm;
}

static bool arm_has(struct ir_expr **arm, const struct ir_expr *part)
{
    size_t count;
    struct ir_expr **parts = parts_of(arm, &count);

    for (size_t i = 0; i < count; i++) {
        if (ir_expr_equal(parts[i], part))
            return true;
    }
    return false;
}

static bool all_have(struct ir_expr *either, const struct ir_expr *part)
{
    for (size_t i = 0; i < either->as.list.count; i++) {
        if (!arm_has(&either->as.list.operands[i], part))
            return false;
    }
    return true;
}

/* The arm without what all arms have. NULL: nothing is left of it, the rest of the OR is true. */
static enum status arm_rest(struct planner *p, struct ir_expr *either, struct ir_expr **arm,
                            struct ir_expr **out)
{
    size_t count;
    struct ir_expr **parts = parts_of(arm, &count);

    *out = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!all_have(either, parts[i]))
            TRY(and_into(p, out, parts[i]));
    }
    return ST_OK;
}

static enum status or_of(struct planner *p, struct ir_expr **arms, size_t count,
                         struct ir_expr **out)
{
    struct ir_expr **list = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, count);

    if (list == NULL)
        return no_memory(p);
    memcpy(list, arms, count * sizeof *list);
    *out = logic_new(p, IR_OR, list, count);
    return *out == NULL ? no_memory(p) : ST_OK;
}

/* What all arms have goes to `where`; *slot is what is left, NULL: nothing. */
static enum status take_common(struct planner *p, struct ir_expr **slot, struct ir_expr **where)
{
    struct ir_expr *either = *slot, *arms[ARMS_MAX];
    size_t count, taken = 0;
    struct ir_expr **parts = parts_of(&either->as.list.operands[0], &count);
    bool is_true = false;

    for (size_t i = 0; i < count; i++) {
        if (!expr_is_pure(parts[i]) || !all_have(either, parts[i]))
            continue;
        TRY(and_into(p, where, parts[i]));
        taken++;
    }
    if (taken == 0)
        return ST_OK;
    for (size_t i = 0; i < either->as.list.count; i++) {
        TRY(arm_rest(p, either, &either->as.list.operands[i], &arms[i]));
        is_true |= arms[i] == NULL;
    }
    *slot = NULL;
    return is_true ? ST_OK : or_of(p, arms, either->as.list.count, slot);
}

static bool is_plain(const struct ir_expr *expr)
{
    return expr->kind == IR_COLUMN || expr->kind == IR_LITERAL || expr->kind == IR_PARAM;
}

/* A comparison that cannot fail and costs little: worth a second test. */
static bool is_cheap(const struct ir_expr *expr)
{
    if (expr->kind == IR_COMPARE)
        return !expr->any_element && is_plain(expr->as.binary.left) &&
               is_plain(expr->as.binary.right);
    if (expr->kind != IR_IN || expr->as.in.query != NULL || expr->any_element ||
        !is_plain(expr->as.in.operand))
        return false;
    for (size_t i = 0; i < expr->as.in.count; i++) {
        if (!is_plain(expr->as.in.items[i]))
            return false;
    }
    return true;
}

/* What the arms say about the source at `position` alone, or nothing when one is silent. */
static enum status take_single(struct planner *p, struct bound_block *block, struct ir_expr *either,
                               unsigned position, struct ir_expr **where)
{
    struct ir_expr *arms[ARMS_MAX], *made;

    for (size_t i = 0; i < either->as.list.count; i++) {
        size_t count;
        struct ir_expr **parts = parts_of(&either->as.list.operands[i], &count);

        arms[i] = NULL;
        for (size_t k = 0; k < count; k++) {
            struct ir_expr *copy;

            if (!is_cheap(parts[k]) || expr_sources(p, block, parts[k]) != (uint64_t)1 << position)
                continue;
            copy = ir_expr_copy(p->arena, parts[k]);
            if (copy == NULL)
                return no_memory(p);
            TRY(and_into(p, &arms[i], copy));
        }
        if (arms[i] == NULL)
            return ST_OK;
    }
    TRY(or_of(p, arms, either->as.list.count, &made));
    return and_into(p, where, made);
}

static enum status factor_term(struct planner *p, struct bound_block *block, struct ir_expr *term,
                               struct ir_expr **where)
{
    uint64_t sources;

    if (term->kind != IR_LOGIC || term->op != IR_OR || term->negated ||
        term->as.list.count > ARMS_MAX)
        return and_into(p, where, term);
    TRY(take_common(p, &term, where));
    if (term == NULL)
        return ST_OK;
    sources = expr_sources(p, block, term);
    if ((sources & (sources - 1)) != 0) {
        for (unsigned i = 0; i < block->ir->source_count; i++) {
            const struct source_info *info = info_of(p, block->ir->sources[i]);

            if ((sources >> i & 1) != 0 && !info->is_nullable && !info->is_anti)
                TRY(take_single(p, block, term, i, where));
        }
    }
    return and_into(p, where, term);
}

static bool is_candidate(const struct ir_expr *term)
{
    return term->kind == IR_LOGIC && term->op == IR_OR && term->as.list.count <= ARMS_MAX;
}

enum status rewrite_factor(struct planner *p, struct bound_block *block)
{
    struct ir_expr *where = block->ir->where;
    struct ir_expr **terms = &where;
    size_t count = 1;
    bool is_worth_it = false;

    if (where == NULL || block->ir->source_count < 2)
        return ST_OK;
    if (where->kind == IR_LOGIC && where->op == IR_AND) {
        terms = where->as.list.operands;
        count = where->as.list.count;
    }
    for (size_t i = 0; i < count && !is_worth_it; i++)
        is_worth_it = is_candidate(terms[i]);
    if (!is_worth_it)
        return ST_OK;
    block->ir->where = NULL;
    for (size_t i = 0; i < count; i++)
        TRY(factor_term(p, block, terms[i], &block->ir->where));
    return ST_OK;
}
