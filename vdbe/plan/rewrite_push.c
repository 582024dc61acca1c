/*
 * rewrite_push: conditions on the results of a subquery that stays one move into it, so that fewer
 * rows are grouped, united or kept.
 */
#include "vdbe/plan/plan_internal.h"

/* Do all columns that the condition reads come out as group keys? */
struct key_check {
    const struct ir_source *source;
    const struct ir_block *block;
    bool only_keys;
};

static enum status see_key(void *context, struct ir_expr **slot, bool *enter)
{
    struct key_check *check = context;
    const struct ir_expr *expr = *slot;
    bool is_key = false;

    (void)enter;
    if (expr->kind != IR_COLUMN || expr->as.column.source != check->source)
        return ST_OK;
    for (size_t i = 0; i < check->block->group_count; i++)
        is_key |= ir_expr_equal(check->block->group[i],
                                check->block->outputs[expr->as.column.attribute].expr);
    check->only_keys &= is_key;
    return ST_OK;
}

static bool block_takes(const struct bound_block *inner)
{
    if (inner->ir->row_count > 0 || inner->has_windows || inner->ir->source_count == 0)
        return false;
    for (size_t i = 0; i < inner->ir->output_count; i++) {
        if (!expr_is_pure(inner->ir->outputs[i].expr))
            return false;
    }
    return true;
}

static bool query_takes(const struct planner *p, const struct ir_source *source)
{
    const struct ir_query *query = source->query;

    if (source->kind != IR_SOURCE_QUERY || query->limit != NULL || query->offset != NULL ||
        source->join == IR_JOIN_LEFT || info_of(p, source)->is_nullable)
        return false;
    for (size_t i = 0; i < query->block_count; i++) {
        const struct bound_block *inner = bound_block_of(query->blocks[i]);

        if (!block_takes(inner))
            return false;
        if (inner->is_grouped && inner->ir->group_count == 0)
            return false; /* one row whatever is asked: the condition stays outside */
        for (size_t k = 0; k < inner->ir->source_count; k++) {
            if (info_of(p, inner->ir->sources[k])->is_recursion)
                return false;
        }
    }
    return true;
}

static enum status push_into_block(struct planner *p, const struct ir_source *source,
                                   struct bound_block *inner, struct ir_expr *term)
{
    struct key_check check = {source, inner->ir, true};
    struct ir_expr *copy = ir_expr_copy(p->arena, term);
    struct ir_expr **by = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, inner->ir->output_count);
    struct ir_block holder = {0};
    struct bound_block carrier = {.ir = &holder};
    struct ir_query none = {0};

    if (copy == NULL || by == NULL)
        return no_memory(p);
    for (size_t i = 0; i < inner->ir->output_count; i++)
        by[i] = inner->ir->outputs[i].expr;
    TRY(walk_expr(&copy, see_key, &check));
    holder.where = copy;
    TRY(substitute_source(p, &none, &carrier, source, by));
    if (inner->is_grouped && !check.only_keys)
        return and_into(p, &inner->ir->having, holder.where);
    return and_into(p, &inner->ir->where, holder.where);
}

static bool term_is_movable(const struct planner *p, const struct bound_block *block,
                            struct ir_expr *term, unsigned position)
{
    return expr_sources(p, block, term) == (uint64_t)1 << position && expr_is_pure(term);
}

static enum status push_terms(struct planner *p, struct bound_block *block, unsigned position)
{
    struct ir_block *ir = block->ir;
    struct ir_source *source = ir->sources[position];
    struct ir_expr **terms = &ir->where;
    size_t count = 1, kept = 0;

    if (ir->where == NULL)
        return ST_OK;
    if (ir->where->kind == IR_LOGIC && ir->where->op == IR_AND) {
        terms = ir->where->as.list.operands;
        count = ir->where->as.list.count;
    }
    for (size_t i = 0; i < count; i++) {
        if (!term_is_movable(p, block, terms[i], position)) {
            terms[kept++] = terms[i];
            continue;
        }
        for (size_t b = 0; b < source->query->block_count; b++)
            TRY(push_into_block(p, source, bound_block_of(source->query->blocks[b]), terms[i]));
    }
    if (kept == 0)
        ir->where = NULL;
    else if (terms != &ir->where)
        ir->where->as.list.count = kept;
    return ST_OK;
}

/* A subquery that took conditions is looked at again: they may go deeper still. */
enum status rewrite_push(struct planner *p, struct bound_block *block)
{
    for (unsigned i = 0; i < block->ir->source_count; i++) {
        struct ir_source *source = block->ir->sources[i];

        if (!query_takes(p, source))
            continue;
        TRY(push_terms(p, block, i));
        for (size_t b = 0; b < source->query->block_count; b++)
            TRY(rewrite_push(p, bound_block_of(source->query->blocks[b])));
    }
    return ST_OK;
}
