/*
 * plan_group: what expressions may read once rows have been grouped, and the windows after that.
 */
#include "vdbe/plan/plan_internal.h"

struct group_pass {
    struct planner *p;
    struct bound_block *block;
    size_t bare_capacity;
};

static bool is_same_leaf(const struct ir_expr *a, const struct ir_expr *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == IR_COLUMN)
        return a->as.column.source == b->as.column.source &&
               a->as.column.attribute == b->as.column.attribute;
    return a->op == b->op && a->as.record.source == b->as.record.source;
}

static enum status add_leaf(struct planner *p, struct ir_expr ***list, size_t *count,
                            size_t *capacity, struct ir_expr *leaf)
{
    if (*count == *capacity) {
        size_t larger = *capacity == 0 ? 8 : *capacity * 2;
        struct ir_expr **grown = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, larger);

        if (grown == NULL)
            return no_memory(p);
        if (*count > 0)
            memcpy(grown, *list, *count * sizeof *grown);
        *list = grown;
        *capacity = larger;
    }
    (*list)[(*count)++] = leaf;
    return ST_OK;
}

static bool is_own_leaf(const struct planner *p, const struct bound_block *block,
                        const struct ir_expr *expr)
{
    if (expr->kind == IR_COLUMN)
        return info_of(p, expr->as.column.source)->block == block;
    if (expr->kind == IR_RECORD || expr->kind == IR_META)
        return info_of(p, expr->as.record.source)->block == block;
    return false;
}

static bool is_own_aggregate(const struct bound_block *block, const struct ir_expr *expr)
{
    if (expr->kind != IR_CALL || expr->as.call.over != NULL ||
        (((const struct func *)expr->as.call.function)->flags & FUNC_AGGREGATE) == 0 ||
        expr->as.call.aggregate >= block->plan.aggregate_count)
        return false;
    return ir_expr_equal(block->plan.aggregates[expr->as.call.aggregate].call, expr);
}

static enum status after_grouping(void *context, struct ir_expr **slot, bool *enter)
{
    struct group_pass *pass = context;
    struct plan_block *plan = &pass->block->plan;
    struct ir_expr *expr = *slot;

    for (size_t k = 0; k < plan->group_count; k++) {
        if (plan->group_keys[k] == expr || ir_expr_equal(plan->group_keys[k], expr)) {
            *slot = plan->group_keys[k];
            *enter = false;
            return ST_OK;
        }
    }
    if (is_own_aggregate(pass->block, expr)) {
        *enter = false;
        return ST_OK;
    }
    if (!is_own_leaf(pass->p, pass->block, expr))
        return ST_OK;
    for (size_t k = 0; k < plan->bare_count; k++) {
        if (is_same_leaf(plan->bare[k], expr))
            return ST_OK;
    }
    return add_leaf(pass->p, &plan->bare, &plan->bare_count, &pass->bare_capacity, expr);
}

/* With a single min or max, bare columns come from the row that decides it, as in SQLite. */
static void find_bare_row(struct plan_block *plan)
{
    unsigned extremes = 0;

    for (size_t i = 0; i < plan->aggregate_count; i++) {
        struct slice name = slice_text(plan->aggregates[i].func->name);

        if (!slice_is(name, "min") && !slice_is(name, "max"))
            continue;
        extremes++;
        plan->bare_from = (uint16_t)i;
    }
    if (extremes != 1)
        plan->bare_from = BARE_ANY;
}

enum status plan_group(struct planner *p, struct ir_query *query, struct bound_block *block)
{
    struct group_pass pass = {p, block, 0};
    struct ir_block *ir = block->ir;

    block->plan.group_count = ir->group_count;
    block->plan.group_keys = ir->group;
    for (size_t i = 0; i < ir->output_count; i++)
        TRY(walk_expr(&ir->outputs[i].expr, after_grouping, &pass));
    TRY(walk_expr(&ir->having, after_grouping, &pass));
    if (query->block_count == 1) {
        for (size_t i = 0; i < query->order_count; i++)
            TRY(walk_expr(&query->order[i].expr, after_grouping, &pass));
    }
    block->plan.having = ir->having;
    find_bare_row(&block->plan);
    return ST_OK;
}

/* ---- windows ---- */

static bool same_exprs(struct ir_expr *const *a, struct ir_expr *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!ir_expr_equal(a[i], b[i]))
            return false;
    }
    return true;
}

static bool same_offset(const struct ir_expr *a, const struct ir_expr *b)
{
    return a == b || (a != NULL && b != NULL && ir_expr_equal(a, b));
}

static bool same_window(const struct ir_window *a, const struct ir_window *b)
{
    if (a->partition_count != b->partition_count || a->order_count != b->order_count ||
        a->unit != b->unit || a->start != b->start || a->end != b->end ||
        a->exclude != b->exclude || !same_offset(a->start_offset, b->start_offset) ||
        !same_offset(a->end_offset, b->end_offset) ||
        !same_exprs(a->partition, b->partition, a->partition_count))
        return false;
    for (size_t i = 0; i < a->order_count; i++) {
        if (a->order[i].descending != b->order[i].descending ||
            a->order[i].nulls != b->order[i].nulls ||
            !ir_expr_equal(a->order[i].expr, b->order[i].expr))
            return false;
    }
    return true;
}

static enum status start_window(struct planner *p, const struct ir_window *ir,
                                struct plan_window *window, size_t calls)
{
    window->ir = ir;
    window->partition_count = ir->partition_count;
    window->partition = ir->partition;
    window->order_count = ir->order_count;
    window->order = ARENA_NEW_ARRAY(p->arena, struct plan_order, ir->order_count + 1);
    window->calls = ARENA_NEW_ARRAY(p->arena, struct plan_aggregate, calls);
    if (window->order == NULL || window->calls == NULL)
        return no_memory(p);
    for (size_t i = 0; i < ir->order_count; i++)
        order_finish(&window->order[i], &ir->order[i]);
    window->start_offset = ir->start_offset;
    window->end_offset = ir->end_offset;
    return ST_OK;
}

struct input_pass {
    struct planner *p;
    struct bound_block *block;
    size_t capacity;
};

static enum status see_input(void *context, struct ir_expr **slot, bool *enter)
{
    struct input_pass *pass = context;
    struct plan_block *plan = &pass->block->plan;
    struct ir_expr *expr = *slot;
    bool is_key = false;

    for (size_t k = 0; k < plan->group_count; k++)
        is_key |= plan->group_keys[k] == expr;
    if (!is_key && !is_own_aggregate(pass->block, expr) && !is_own_leaf(pass->p, pass->block, expr))
        return ST_OK;
    *enter = false;
    for (size_t k = 0; k < plan->window_input_count; k++) {
        const struct ir_expr *had = plan->window_inputs[k];

        if (had == expr || ir_expr_equal(had, expr))
            return ST_OK;
    }
    return add_leaf(pass->p, &plan->window_inputs, &plan->window_input_count, &pass->capacity,
                    expr);
}

static enum status find_inputs(struct planner *p, struct ir_query *query, struct bound_block *block)
{
    struct input_pass pass = {p, block, 0};

    for (size_t i = 0; i < block->ir->output_count; i++)
        TRY(walk_expr(&block->ir->outputs[i].expr, see_input, &pass));
    if (query->block_count == 1) {
        for (size_t i = 0; i < query->order_count; i++)
            TRY(walk_expr(&query->order[i].expr, see_input, &pass));
    }
    return ST_OK;
}

enum status plan_windows(struct planner *p, struct ir_query *query, struct bound_block *block)
{
    struct plan_block *plan = &block->plan;
    uint16_t number = 0;

    plan->windows = ARENA_NEW_ARRAY(p->arena, struct plan_window, block->window_call_count);
    if (plan->windows == NULL)
        return no_memory(p);
    for (size_t i = 0; i < block->window_call_count; i++) {
        const struct plan_aggregate *call = &block->window_calls[i];
        const struct ir_window *ir = call->call->as.call.over;
        size_t w = 0;

        while (w < plan->window_count && !same_window(plan->windows[w].ir, ir))
            w++;
        if (w == plan->window_count) {
            TRY(start_window(p, ir, &plan->windows[w], block->window_call_count));
            plan->window_count++;
        }
        plan->windows[w].calls[plan->windows[w].call_count++] = *call;
    }
    for (size_t w = 0; w < plan->window_count; w++) {
        plan->windows[w].first_call = number;
        for (size_t i = 0; i < plan->windows[w].call_count; i++)
            plan->windows[w].calls[i].call->as.call.aggregate = number++;
    }
    return find_inputs(p, query, block);
}
