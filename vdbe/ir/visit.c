/*
 * Walking: the child expressions of an expression and of a query, and the heights that follow.
 */
#include "vdbe/ir/ir.h"

static void visit_slot(struct ir_expr **slot, ir_visit_fn visit, void *context)
{
    if (*slot != NULL)
        visit(context, slot);
}

static void visit_list(struct ir_expr **list, size_t count, ir_visit_fn visit, void *context)
{
    for (size_t i = 0; i < count; i++)
        visit_slot(&list[i], visit, context);
}

static void visit_orders(struct ir_order *orders, size_t count, ir_visit_fn visit, void *context)
{
    for (size_t i = 0; i < count; i++)
        visit_slot(&orders[i].expr, visit, context);
}

static void visit_window(struct ir_window *window, ir_visit_fn visit, void *context)
{
    visit_list(window->partition, window->partition_count, visit, context);
    visit_orders(window->order, window->order_count, visit, context);
    visit_slot(&window->start_offset, visit, context);
    visit_slot(&window->end_offset, visit, context);
}

static void visit_call(struct ir_expr *expr, ir_visit_fn visit, void *context)
{
    visit_list(expr->as.call.args, expr->as.call.count, visit, context);
    visit_slot(&expr->as.call.filter, visit, context);
    if (expr->as.call.over != NULL)
        visit_window(expr->as.call.over, visit, context);
}

static void visit_cases(struct ir_expr *expr, ir_visit_fn visit, void *context)
{
    visit_slot(&expr->as.cases.operand, visit, context);
    for (size_t i = 0; i < expr->as.cases.count; i++) {
        visit_slot(&expr->as.cases.arms[i].when, visit, context);
        visit_slot(&expr->as.cases.arms[i].then, visit, context);
    }
    visit_slot(&expr->as.cases.otherwise, visit, context);
}

void ir_expr_children(struct ir_expr *expr, ir_visit_fn visit, void *context)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_LITERAL:
    case IR_PARAM:
    case IR_COLUMN:
    case IR_SUBQUERY:
    case IR_RECORD:
    case IR_META:
    case IR_RAISE:
    case IR_EXPR_KIND_COUNT:
        break;
    case IR_UNARY:
        visit_slot(&expr->as.unary.operand, visit, context);
        break;
    case IR_BINARY:
    case IR_COMPARE:
        visit_slot(&expr->as.binary.left, visit, context);
        visit_slot(&expr->as.binary.right, visit, context);
        break;
    case IR_LOGIC:
    case IR_ROW:
    case IR_ARRAY:
        visit_list(expr->as.list.operands, expr->as.list.count, visit, context);
        break;
    case IR_IN:
        visit_slot(&expr->as.in.operand, visit, context);
        visit_list(expr->as.in.items, expr->as.in.count, visit, context);
        break;
    case IR_LIKE:
        visit_slot(&expr->as.like.operand, visit, context);
        visit_slot(&expr->as.like.pattern, visit, context);
        visit_slot(&expr->as.like.escape, visit, context);
        break;
    case IR_CASE:
        visit_cases(expr, visit, context);
        break;
    case IR_CAST:
        visit_slot(&expr->as.cast.operand, visit, context);
        break;
    case IR_COLLATE:
        visit_slot(&expr->as.collate.operand, visit, context);
        break;
    case IR_CALL:
        visit_call(expr, visit, context);
        break;
    case IR_OBJECT:
        visit_list(expr->as.object.values, expr->as.object.count, visit, context);
        break;
    case IR_MEMBER:
        visit_slot(&expr->as.member.operand, visit, context);
        break;
    case IR_NESTED:
        for (size_t i = 0; i < expr->as.nested.count; i++)
            visit_slot(&expr->as.nested.items[i].expr, visit, context);
        break;
    }
}

static void visit_block(struct ir_block *block, ir_visit_fn visit, void *context)
{
    for (size_t i = 0; i < block->output_count; i++)
        visit_slot(&block->outputs[i].expr, visit, context);
    for (size_t i = 0; i < block->source_count; i++) {
        visit_list(block->sources[i]->args, block->sources[i]->arg_count, visit, context);
        visit_slot(&block->sources[i]->on, visit, context);
    }
    visit_slot(&block->where, visit, context);
    visit_list(block->group, block->group_count, visit, context);
    visit_slot(&block->having, visit, context);
    for (size_t i = 0; i < block->window_count; i++)
        visit_window(&block->windows[i], visit, context);
    visit_list(block->rows, block->row_count * block->row_width, visit, context);
}

void ir_query_exprs(struct ir_query *query, ir_visit_fn visit, void *context)
{
    for (size_t i = 0; i < query->block_count; i++)
        visit_block(query->blocks[i], visit, context);
    visit_orders(query->order, query->order_count, visit, context);
    visit_slot(&query->limit, visit, context);
    visit_slot(&query->offset, visit, context);
}

/* ---- heights ---- */

static void keep_highest(void *context, struct ir_expr **slot)
{
    uint16_t *highest = context;

    if ((*slot)->height > *highest)
        *highest = (*slot)->height;
}

static void keep_higher(uint16_t *highest, const struct ir_query *query)
{
    if (query != NULL && query->height > *highest)
        *highest = query->height;
}

void ir_expr_measure(struct ir_expr *expr)
{
    uint16_t highest = 0;

    ir_expr_children(expr, keep_highest, &highest);
    if (expr->kind == IR_SUBQUERY)
        keep_higher(&highest, expr->as.subquery.query);
    else if (expr->kind == IR_IN)
        keep_higher(&highest, expr->as.in.query);
    expr->height = 1;
    ir_expr_raise(expr, highest);
}

void ir_query_measure(struct ir_query *query)
{
    uint16_t highest = 0;

    ir_query_exprs(query, keep_highest, &highest);
    for (size_t i = 0; i < query->cte_count; i++)
        keep_higher(&highest, query->ctes[i].query);
    for (size_t i = 0; i < query->block_count; i++)
        for (size_t k = 0; k < query->blocks[i]->source_count; k++)
            keep_higher(&highest, query->blocks[i]->sources[k]->query);
    query->height = (uint16_t)(highest == UINT16_MAX ? UINT16_MAX : highest + 1);
}
