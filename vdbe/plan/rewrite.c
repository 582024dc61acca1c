/*
 * rewrite: an equal query that is easier to run well. Inner queries first, then each block:
 * constants, joins, flattening, pushing conditions down, taking ORs apart, EXISTS as joins.
 */
#include "vdbe/plan/plan_internal.h"

static enum status rewrite_inner(void *context, struct ir_expr **slot, bool *enter)
{
    struct planner *p = context;
    struct ir_expr *expr = *slot;

    if (expr->kind == IR_SUBQUERY) {
        *enter = false;
        return rewrite_query(p, expr->as.subquery.query);
    }
    if (expr->kind == IR_IN && expr->as.in.query != NULL) {
        *enter = false;
        TRY(rewrite_query(p, expr->as.in.query));
        return walk_expr(&expr->as.in.operand, rewrite_inner, p);
    }
    return ST_OK;
}

enum status rewrite_inner_queries(struct planner *p, struct ir_expr **slot)
{
    return walk_expr(slot, rewrite_inner, p);
}

static enum status rewrite_slot(struct planner *p, struct ir_expr **slot)
{
    if (*slot == NULL)
        return ST_OK;
    TRY(fold_expr(p, slot));
    return rewrite_inner_queries(p, slot);
}

static enum status rewrite_parts(struct planner *p, struct bound_block *block)
{
    struct ir_block *ir = block->ir;

    for (size_t i = 0; i < ir->source_count; i++) {
        struct ir_source *source = ir->sources[i];

        if (source->kind == IR_SOURCE_QUERY)
            TRY(rewrite_query(p, source->query));
        for (size_t k = 0; k < source->arg_count; k++)
            TRY(rewrite_slot(p, &source->args[k]));
        TRY(rewrite_slot(p, &source->on));
    }
    for (size_t i = 0; i < ir->output_count; i++)
        TRY(rewrite_slot(p, &ir->outputs[i].expr));
    for (size_t i = 0; i < ir->row_count * ir->row_width; i++)
        TRY(rewrite_slot(p, &ir->rows[i]));
    for (size_t i = 0; i < ir->group_count; i++)
        TRY(rewrite_slot(p, &ir->group[i]));
    TRY(rewrite_slot(p, &ir->where));
    return rewrite_slot(p, &ir->having);
}

static enum status rewrite_block(struct planner *p, struct ir_query *query,
                                 struct bound_block *block)
{
    TRY(rewrite_parts(p, block));
    TRY(rewrite_joins(p, query, block));
    if (p->options->no_optimizer || block->ir->source_count == 0)
        return ST_OK;
    TRY(rewrite_flatten(p, query, block));
    TRY(rewrite_push(p, block));
    TRY(rewrite_factor(p, block));
    return rewrite_exists(p, block);
}

enum status rewrite_query(struct planner *p, struct ir_query *ir)
{
    struct bound_query *query = bound_query_of(ir);

    if (query->is_rewritten)
        return ST_OK;
    query->is_rewritten = true;
    for (size_t i = 0; i < ir->block_count; i++)
        TRY(rewrite_block(p, ir, bound_block_of(ir->blocks[i])));
    for (size_t i = 0; i < ir->order_count; i++)
        TRY(rewrite_slot(p, &ir->order[i].expr));
    TRY(rewrite_slot(p, &ir->limit));
    return rewrite_slot(p, &ir->offset);
}

/* ---- tools of the rewriters ---- */

struct substitution {
    struct planner *p;
    const struct ir_source *source;
    struct ir_expr *const *by;
};

static enum status substitute(void *context, struct ir_expr **slot, bool *enter)
{
    struct substitution *s = context;
    const struct ir_expr *expr = *slot;

    if (expr->kind != IR_COLUMN || expr->as.column.source != s->source)
        return ST_OK;
    *slot = ir_expr_copy(s->p->arena, s->by[expr->as.column.attribute]);
    *enter = false;
    return *slot == NULL ? no_memory(s->p) : ST_OK;
}

enum status substitute_source(struct planner *p, struct ir_query *query, struct bound_block *block,
                              const struct ir_source *source, struct ir_expr *const *by)
{
    struct substitution s = {p, source, by};

    TRY(walk_block(block->ir, substitute, &s));
    for (size_t i = 0; i < query->order_count; i++)
        TRY(walk_expr(&query->order[i].expr, substitute, &s));
    for (size_t i = 0; i < block->plan.aggregate_count; i++)
        TRY(walk_expr(&block->plan.aggregates[i].call, substitute, &s));
    for (size_t i = 0; i < block->window_call_count; i++)
        TRY(walk_expr(&block->window_calls[i].call, substitute, &s));
    return ST_OK;
}

void block_renumber(struct planner *p, struct bound_block *block)
{
    for (size_t i = 0; i < block->ir->source_count; i++) {
        struct source_info *info = info_of(p, block->ir->sources[i]);

        info->block = block;
        info->position = (uint8_t)i;
    }
}

/* Put `count` sources in the place of the one at `position`. */
enum status block_replace_source(struct planner *p, struct bound_block *block, size_t position,
                                 struct ir_source *const *sources, size_t count)
{
    struct ir_block *ir = block->ir;
    size_t total = ir->source_count - 1 + count;
    struct ir_source **list = ARENA_NEW_ARRAY(p->arena, struct ir_source *, total + 1);

    if (list == NULL)
        return no_memory(p);
    for (size_t i = 0; i < position; i++)
        list[i] = ir->sources[i];
    for (size_t i = 0; i < count; i++)
        list[position + i] = sources[i];
    for (size_t i = position + 1; i < ir->source_count; i++)
        list[i - 1 + count] = ir->sources[i];
    ir->sources = list;
    ir->source_count = total;
    block_renumber(p, block);
    return ST_OK;
}

enum status block_add_source(struct planner *p, struct bound_block *block, struct ir_source *source)
{
    struct ir_block *ir = block->ir;
    struct ir_source **list = ARENA_NEW_ARRAY(p->arena, struct ir_source *, ir->source_count + 1);

    if (list == NULL)
        return no_memory(p);
    if (ir->source_count > 0)
        memcpy(list, ir->sources, ir->source_count * sizeof *list);
    list[ir->source_count++] = source;
    ir->sources = list;
    block_renumber(p, block);
    return ST_OK;
}

enum status and_into(struct planner *p, struct ir_expr **slot, struct ir_expr *more)
{
    if (more == NULL)
        return ST_OK;
    *slot = ir_and(p->arena, *slot, more);
    if (*slot == NULL)
        return no_memory(p);
    if ((*slot)->kind == IR_LOGIC) {
        (*slot)->affinity = PLAN_NO_AFFINITY;
        (*slot)->type = 1 + VALUE_INT;
        (*slot)->is_constant = false;
    }
    return ST_OK;
}
