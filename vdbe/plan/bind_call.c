/*
 * bind_call: functions by name; aggregates and window calls join their block's lists.
 */
#include "vdbe/plan/plan_internal.h"

static enum status error_no_function(struct planner *p, const struct ir_expr *expr,
                                     bool name_exists)
{
    struct slice name = expr->as.call.name.text;
    struct suggestion near;
    const struct func *func;

    if (name_exists)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "wrong number of arguments to function %.*s()", (int)name.len, name.data);
    suggestion_start(&near, name);
    for (size_t i = 0; (func = func_at(p->options->functions, i)) != NULL; i++)
        suggestion_offer(&near, slice_text(func->name));
    return error_set(p->err, ST_NO_NAME, expr->offset, "no such function: %.*s%s", (int)name.len,
                     name.data, suggestion_text(p, &near));
}

static enum status find_function(struct planner *p, struct ir_expr *expr)
{
    bool name_exists = false;
    const struct func *func = NULL;

    if (p->options->functions != NULL)
        func = func_find(p->options->functions, expr->as.call.name.text,
                         expr->as.call.is_star ? 0 : (unsigned)expr->as.call.count, &name_exists);
    if (func == NULL)
        return error_no_function(p, expr, name_exists);
    expr->as.call.function = func;
    expr->type = func->result_type;
    return ST_OK;
}

/* What a function returns has no collation but one that was written: max(x) compares by the
 * collation of x, and is itself compared byte by byte. */
static void set_collation(struct ir_expr *expr)
{
    for (size_t i = 0; i < expr->as.call.count; i++) {
        const struct ir_expr *arg = expr->as.call.args[i];

        if (!arg->is_collation_explicit)
            continue;
        expr->collation = arg->collation;
        expr->is_collation_explicit = true;
        return;
    }
}

/* ---- which block an aggregate belongs to ---- */

struct depth_range {
    unsigned min, count;
};

static void see_depth(void *context, struct ir_expr **slot)
{
    struct depth_range *range = context;

    if ((*slot)->kind == IR_COLUMN) {
        range->count++;
        if ((*slot)->as.column.up < range->min)
            range->min = (*slot)->as.column.up;
    }
    ir_expr_children(*slot, see_depth, context);
}

/* The innermost block one of whose columns is an argument: max(outer.x) in a subquery is the outer
 * block's. */
static struct scope *owner_scope(struct scope *scope, struct ir_expr *call)
{
    struct depth_range range = {255, 0};

    ir_expr_children(call, see_depth, &range);
    if (range.count == 0)
        return scope;
    for (unsigned i = 0; i < range.min && scope != NULL; i++)
        scope = scope->outer;
    return scope;
}

static enum status push_call(struct planner *p, struct plan_aggregate **list, size_t *count,
                             size_t *capacity, struct ir_expr *call)
{
    if (*count == *capacity) {
        size_t larger = *capacity == 0 ? 4 : *capacity * 2;
        struct plan_aggregate *calls = ARENA_NEW_ARRAY(p->arena, struct plan_aggregate, larger);

        if (calls == NULL)
            return no_memory(p);
        if (*count > 0)
            memcpy(calls, *list, *count * sizeof *calls);
        *list = calls;
        *capacity = larger;
    }
    (*list)[*count] = (struct plan_aggregate){call->as.call.function, call};
    (*count)++;
    return ST_OK;
}

static enum status add_aggregate(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    struct scope *owner = owner_scope(scope, expr);
    struct bound_block *block;
    const struct slice name = expr->as.call.name.text;

    if (owner != NULL && owner->clause != NULL && strcmp(owner->clause, "GROUP BY") == 0)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "aggregate functions are not allowed in the GROUP BY clause");
    if (owner == NULL || owner->block == NULL || !owner->allows_aggregates || owner->in_aggregate)
        return error_set(p->err, ST_INVALID, expr->offset, "misuse of aggregate function %.*s()",
                         (int)name.len, name.data);
    block = owner->block;
    block->is_grouped = true;
    for (size_t i = 0; i < block->plan.aggregate_count; i++) {
        if (ir_expr_equal(block->plan.aggregates[i].call, expr)) {
            expr->as.call.aggregate = (uint16_t)i;
            return ST_OK;
        }
    }
    expr->as.call.aggregate = (uint16_t)block->plan.aggregate_count;
    return push_call(p, &block->plan.aggregates, &block->plan.aggregate_count,
                     &block->aggregate_capacity, expr);
}

/* ---- windows ---- */

static struct ir_window *find_window(const struct ir_block *block, struct slice name)
{
    for (size_t i = 0; i < block->window_count; i++) {
        if (slice_equal_nocase(block->windows[i].name.text, name))
            return &block->windows[i];
    }
    return NULL;
}

/* OVER w, OVER (w ORDER BY …): what the base says is taken over where the window says nothing. The
 * base's expressions are copied, for they are bound once per use. */
static enum status inherit_window(struct planner *p, const struct ir_block *block,
                                  struct ir_window *window, unsigned depth)
{
    const struct ir_window *base;

    if (!window->refers)
        return ST_OK;
    base = find_window(block, window->name.text);
    if (base == NULL || depth > 50)
        return error_set(p->err, ST_NO_NAME, window->name.offset, "no such window: %.*s",
                         (int)window->name.text.len, window->name.text.data);
    window->refers = false;
    if (window->partition_count == 0 && base->partition_count > 0) {
        window->partition = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, base->partition_count);
        if (window->partition == NULL)
            return no_memory(p);
        window->partition_count = base->partition_count;
        for (size_t i = 0; i < base->partition_count; i++)
            window->partition[i] = ir_expr_copy(p->arena, base->partition[i]);
    }
    if (window->order_count == 0 && base->order_count > 0) {
        window->order = ARENA_NEW_ARRAY(p->arena, struct ir_order, base->order_count);
        if (window->order == NULL)
            return no_memory(p);
        window->order_count = base->order_count;
        for (size_t i = 0; i < base->order_count; i++) {
            window->order[i] = base->order[i];
            window->order[i].expr = ir_expr_copy(p->arena, base->order[i].expr);
        }
    }
    if (!window->has_frame && base->has_frame) {
        window->has_frame = true;
        window->unit = base->unit;
        window->start = base->start;
        window->end = base->end;
        window->exclude = base->exclude;
        window->start_offset =
            base->start_offset == NULL ? NULL : ir_expr_copy(p->arena, base->start_offset);
        window->end_offset =
            base->end_offset == NULL ? NULL : ir_expr_copy(p->arena, base->end_offset);
    }
    return ST_OK;
}

static enum status bind_window(struct planner *p, struct scope *scope, struct ir_window *window)
{
    TRY(inherit_window(p, scope->block->ir, window, 0));
    if (!window->has_frame) {
        window->has_frame = true;
        window->unit = IR_FRAME_RANGE;
        window->start = IR_UNBOUNDED_PRECEDING;
        window->end = IR_CURRENT_ROW;
        window->exclude = IR_EXCLUDE_NO_OTHERS;
    }
    TRY(bind_exprs(p, scope, window->partition, window->partition_count));
    for (size_t i = 0; i < window->order_count; i++)
        TRY(bind_expr(p, scope, &window->order[i].expr));
    if (window->start_offset != NULL)
        TRY(bind_expr(p, scope, &window->start_offset));
    if (window->end_offset != NULL)
        TRY(bind_expr(p, scope, &window->end_offset));
    return ST_OK;
}

static enum status add_window_call(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    struct bound_block *block = scope->block;
    struct slice name = expr->as.call.name.text;

    if (block == NULL || !scope->allows_windows || scope->in_aggregate)
        return error_set(p->err, ST_INVALID, expr->offset, "misuse of window function %.*s()",
                         (int)name.len, name.data);
    scope->allows_windows = false;
    TRY(bind_window(p, scope, expr->as.call.over));
    scope->allows_windows = true;
    block->has_windows = true;
    return push_call(p, &block->window_calls, &block->window_call_count,
                     &block->window_call_capacity, expr);
}

/* ---- arguments ---- */

static enum status bind_arguments(struct planner *p, struct scope *scope, struct ir_expr *expr,
                                  bool is_aggregate)
{
    bool was_in_aggregate = scope != NULL && scope->in_aggregate;
    bool allowed_windows = scope != NULL && scope->allows_windows;

    if (is_aggregate && scope != NULL) {
        scope->in_aggregate = true;
        scope->allows_windows = false;
    }
    TRY(bind_exprs(p, scope, expr->as.call.args, expr->as.call.count));
    if (expr->as.call.filter != NULL)
        TRY(bind_expr(p, scope, &expr->as.call.filter));
    if (scope != NULL) {
        scope->in_aggregate = was_in_aggregate;
        scope->allows_windows = allowed_windows;
    }
    return ST_OK;
}

static enum status check_call(struct planner *p, const struct ir_expr *expr,
                              const struct func *func)
{
    bool is_aggregate = (func->flags & FUNC_AGGREGATE) != 0;
    struct slice name = expr->as.call.name.text;

    if (expr->as.call.over != NULL && (func->flags & (FUNC_AGGREGATE | FUNC_WINDOW)) == 0)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "%.*s() may not be used as a window function", (int)name.len, name.data);
    if (expr->as.call.over == NULL && !is_aggregate && (func->flags & FUNC_WINDOW) != 0)
        return error_set(p->err, ST_INVALID, expr->offset, "misuse of window function %.*s()",
                         (int)name.len, name.data);
    if (expr->as.call.is_distinct && (!is_aggregate || expr->as.call.count != 1))
        return error_set(p->err, ST_INVALID, expr->offset,
                         "DISTINCT aggregates must have exactly one argument");
    if (expr->as.call.is_distinct && expr->as.call.over != NULL)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "DISTINCT is not supported for window functions");
    if (expr->as.call.filter != NULL && !is_aggregate)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "FILTER may not be used with non-aggregate %.*s()", (int)name.len,
                         name.data);
    return ST_OK;
}

enum status bind_call(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;
    const struct func *func;
    bool is_aggregate;

    TRY(find_function(p, expr));
    func = expr->as.call.function;
    TRY(check_call(p, expr, func));
    is_aggregate = (func->flags & FUNC_AGGREGATE) != 0 && expr->as.call.over == NULL;
    if (is_aggregate && scope != NULL && scope->in_aggregate && scope->outer == NULL)
        return error_set(p->err, ST_INVALID, expr->offset, "misuse of aggregate function %.*s()",
                         (int)expr->as.call.name.text.len, expr->as.call.name.text.data);
    TRY(bind_arguments(p, scope, expr, is_aggregate));
    expr->affinity = PLAN_NO_AFFINITY;
    set_collation(expr);
    if (is_aggregate) {
        if (scope == NULL)
            return error_set(p->err, ST_INVALID, expr->offset,
                             "misuse of aggregate function %.*s()",
                             (int)expr->as.call.name.text.len, expr->as.call.name.text.data);
        return add_aggregate(p, scope, expr);
    }
    if (expr->as.call.over != NULL) {
        if (scope == NULL)
            return error_set(p->err, ST_INVALID, expr->offset, "misuse of window function");
        return add_window_call(p, scope, expr);
    }
    expr->is_constant = (func->flags & (FUNC_PURE | FUNC_STABLE)) != 0;
    for (size_t i = 0; i < expr->as.call.count; i++)
        expr->is_constant &= expr->as.call.args[i]->is_constant;
    return ST_OK;
}
