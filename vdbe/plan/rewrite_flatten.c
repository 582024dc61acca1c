/*
 * rewrite_flatten: a plain subquery in FROM (or a view, or a CTE) becomes part of the block around
 * it, so that its tables take part in the choice of order and indexes.
 */
#include "vdbe/plan/plan_internal.h"

static bool outputs_are_simple(const struct planner *p, const struct bound_block *inner,
                               bool only_columns)
{
    for (size_t i = 0; i < inner->ir->output_count; i++) {
        struct ir_expr *expr = inner->ir->outputs[i].expr;

        if (only_columns ? expr->kind != IR_COLUMN : !expr_is_pure(expr))
            return false;
        if (expr->kind == IR_COLUMN && info_of(p, expr->as.column.source)->block != inner)
            return false;
    }
    return true;
}

static bool has_recursion(const struct planner *p, const struct ir_block *block)
{
    for (size_t i = 0; i < block->source_count; i++) {
        if (info_of(p, block->sources[i])->is_recursion)
            return true;
    }
    return false;
}

static bool may_take_order(const struct ir_query *query, const struct bound_block *block)
{
    return block->ir->source_count == 1 && query->block_count == 1 && query->order_count == 0 &&
           !block->is_grouped && !block->has_windows && !block->ir->is_distinct;
}

static bool can_flatten(const struct planner *p, const struct ir_query *query,
                        const struct bound_block *block, size_t position)
{
    const struct ir_source *source = block->ir->sources[position];
    const struct ir_query *inner_query = source->query;
    const struct bound_block *inner;

    if (source->kind != IR_SOURCE_QUERY || inner_query->block_count != 1 ||
        inner_query->limit != NULL || inner_query->offset != NULL)
        return false;
    inner = bound_block_of(inner_query->blocks[0]);
    if (inner->ir->row_count > 0 || inner->ir->source_count == 0 || inner->is_grouped ||
        inner->has_windows || inner->ir->is_distinct || has_recursion(p, inner->ir) ||
        block->ir->source_count - 1 + inner->ir->source_count > SOURCES_MAX)
        return false;
    if (inner_query->order_count > 0 && !may_take_order(query, block))
        return false;
    if (source->join == IR_JOIN_LEFT)
        return inner->ir->source_count == 1 && inner_query->order_count == 0 &&
               outputs_are_simple(p, inner, true);
    return outputs_are_simple(p, inner, false);
}

static enum status take_order(struct planner *p, struct ir_query *query, struct ir_query *inner)
{
    struct plan_query *to = &bound_query_of(query)->plan;
    const struct plan_query *from = &bound_query_of(inner)->plan;

    if (inner->order_count == 0)
        return ST_OK;
    query->order = inner->order;
    query->order_count = inner->order_count;
    to->order_count = from->order_count;
    to->order = from->order;
    for (size_t i = 0; i < to->order_count;
         i++) /* numbers of the inner outputs mean nothing here */
        to->order[i].output = OUTPUT_NONE;
    (void)p;
    return ST_OK;
}

static enum status flatten(struct planner *p, struct ir_query *query, struct bound_block *block,
                           size_t position)
{
    struct ir_source *source = block->ir->sources[position];
    struct bound_block *inner = bound_block_of(source->query->blocks[0]);
    struct ir_source *first = inner->ir->sources[0];
    struct ir_expr **by = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, inner->ir->output_count);
    bool was_left = source->join == IR_JOIN_LEFT;

    if (by == NULL)
        return no_memory(p);
    for (size_t i = 0; i < inner->ir->output_count; i++)
        by[i] = inner->ir->outputs[i].expr;
    TRY(and_into(p, &first->on, source->on));
    if (was_left)
        TRY(and_into(p, &first->on, inner->ir->where));
    first->join = source->join;
    first->using_count = 0;
    TRY(block_replace_source(p, block, position, inner->ir->sources, inner->ir->source_count));
    info_of(p, first)->is_nullable = was_left;
    if (!was_left)
        TRY(and_into(p, &block->ir->where, inner->ir->where));
    TRY(take_order(p, query, source->query));
    TRY(substitute_source(p, query, block, source, by));
    return ST_OK;
}

enum status rewrite_flatten(struct planner *p, struct ir_query *query, struct bound_block *block)
{
    for (size_t i = 0; i < block->ir->source_count; i++) {
        if (!can_flatten(p, query, block, i))
            continue;
        TRY(flatten(p, query, block, i));
        i--; /* its first source stands here now */
    }
    return ST_OK;
}
