/*
 * rewrite_exists: EXISTS and correlated IN at the top of WHERE become semi-joins, NOT EXISTS
 * anti-joins: their table takes part in the join order and may be hashed.
 */
#include "vdbe/plan/plan_internal.h"

static bool is_plain_block(const struct bound_block *inner)
{
    return inner->ir->row_count == 0 && inner->ir->source_count == 1 && !inner->is_grouped &&
           !inner->has_windows;
}

static bool is_harmless_limit(const struct ir_expr *limit)
{
    return limit == NULL || (limit->kind == IR_LITERAL && limit->as.literal.kind == VALUE_INT &&
                             limit->as.literal.as.i > 0);
}

/* An equality between the inner table and rows outside. */
static bool has_link(const struct planner *p, const struct bound_block *outer,
                     const struct bound_block *inner, struct ir_expr *condition)
{
    if (condition == NULL)
        return false;
    if (condition->kind == IR_LOGIC && condition->op == IR_AND) {
        for (size_t i = 0; i < condition->as.list.count; i++) {
            if (has_link(p, outer, inner, condition->as.list.operands[i]))
                return true;
        }
        return false;
    }
    return condition->kind == IR_COMPARE && (condition->op == IR_EQ || condition->op == IR_IS) &&
           expr_sources(p, outer, condition) != 0 && expr_sources(p, inner, condition) != 0;
}

/* A source that is itself only asked for existence stops at its first match. What else must be true
 * of that match cannot become a join behind it: the next match would not be tried. */
static bool reads_semi(const struct planner *p, const struct bound_block *block,
                       struct ir_expr *condition)
{
    const uint64_t sources = condition == NULL ? 0 : expr_sources(p, block, condition);

    for (size_t i = 0; i < block->ir->source_count; i++) {
        const struct source_info *info = info_of(p, block->ir->sources[i]);

        if ((sources >> i & 1) != 0 && (info->is_semi || info->is_anti))
            return true;
    }
    return false;
}

static bool can_join(const struct planner *p, const struct bound_block *block,
                     const struct ir_query *query, struct ir_expr *more)
{
    const struct bound_block *inner;
    const struct ir_source *source;

    if (query->block_count != 1 || !is_harmless_limit(query->limit) || query->offset != NULL ||
        block->ir->source_count + 1 > SOURCES_MAX)
        return false;
    inner = bound_block_of(query->blocks[0]);
    if (!is_plain_block(inner))
        return false;
    source = inner->ir->sources[0];
    if (info_of(p, source)->table == NULL || source->on != NULL ||
        reads_semi(p, block, inner->ir->where) || reads_semi(p, block, more))
        return false;
    return has_link(p, block, inner, inner->ir->where) || has_link(p, block, inner, more);
}

static enum status join_semi(struct planner *p, struct bound_block *block, struct ir_query *query,
                             struct ir_expr *more, bool is_anti)
{
    struct ir_block *inner = query->blocks[0];
    struct ir_source *source = inner->sources[0];
    struct ir_expr *where = inner->where;

    TRY(and_into(p, &where, more));
    TRY(block_add_source(p, block, source));
    source->join = IR_JOIN_INNER;
    info_of(p, source)->is_semi = !is_anti;
    info_of(p, source)->is_anti = is_anti;
    if (is_anti) {
        source->on = where;
        return ST_OK;
    }
    return and_into(p, &block->ir->where, where);
}

/* x IN (SELECT y …) as y = x, with the affinity and collation the IN had. */
static struct ir_expr *in_equality(struct planner *p, const struct ir_expr *in)
{
    struct ir_expr *equal =
        compare_new(p, IR_EQ, in->as.in.query->blocks[0]->outputs[0].expr, in->as.in.operand);

    if (equal != NULL) {
        equal->affinity = in->affinity;
        equal->collation = in->collation;
    }
    return equal;
}

/* Whether the term was taken over into the join. */
static enum status try_term(struct planner *p, struct bound_block *block, struct ir_expr *term,
                            bool *taken)
{
    bool negated = term->negated;

    if (term->kind == IR_UNARY && term->op == IR_NOT &&
        term->as.unary.operand->kind == IR_SUBQUERY &&
        term->as.unary.operand->as.subquery.is_exists) {
        term = term->as.unary.operand;
        negated = !term->negated;
    }
    if (term->kind == IR_SUBQUERY && term->as.subquery.is_exists) {
        if (!can_join(p, block, term->as.subquery.query, NULL))
            return ST_OK;
        *taken = true;
        return join_semi(p, block, term->as.subquery.query, NULL, negated);
    }
    if (term->kind == IR_IN && !negated && term->as.in.query != NULL && !term->any_element &&
        term->as.in.operand->kind != IR_ROW &&
        bound_query_of(term->as.in.query)->plan.is_correlated && term->as.in.query->limit == NULL &&
        term->as.in.query->block_count == 1 &&
        is_plain_block(bound_block_of(term->as.in.query->blocks[0]))) {
        struct ir_expr *equal = in_equality(p, term);

        if (equal == NULL)
            return no_memory(p);
        if (!can_join(p, block, term->as.in.query, equal))
            return ST_OK;
        *taken = true;
        return join_semi(p, block, term->as.in.query, equal, false);
    }
    return ST_OK;
}

enum status rewrite_exists(struct planner *p, struct bound_block *block)
{
    struct ir_expr *where = block->ir->where;
    struct ir_expr **terms = &where, *rest = NULL;
    size_t count = 1;
    bool is_candidate = false;

    if (where == NULL)
        return ST_OK;
    if (where->kind == IR_LOGIC && where->op == IR_AND) {
        terms = where->as.list.operands;
        count = where->as.list.count;
    }
    for (size_t i = 0; i < count && !is_candidate; i++)
        is_candidate = terms[i]->kind == IR_SUBQUERY || terms[i]->kind == IR_IN ||
                       (terms[i]->kind == IR_UNARY && terms[i]->op == IR_NOT);
    if (!is_candidate)
        return ST_OK;
    block->ir->where = NULL;
    for (size_t i = 0; i < count; i++) {
        bool taken = false;

        TRY(try_term(p, block, terms[i], &taken));
        if (!taken) {
            rest = terms[i];
            TRY(and_into(p, &block->ir->where, rest));
        }
    }
    return ST_OK;
}
