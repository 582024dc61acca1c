/*
 * Deep copies. Bound facts of an expression are kept, those within its subqueries' names are not:
 * they would point into the original.
 */
#include "vdbe/ir/ir.h"

/* Copy an array of plain members; NULL when there is nothing or no memory. */
static void *copy_array(struct arena *arena, const void *from, size_t count, size_t bytes)
{
    void *to = count == 0 ? NULL : arena_alloc(arena, count * bytes);

    if (to != NULL)
        memcpy(to, from, count * bytes);
    return to;
}

struct copier {
    struct arena *arena;
    bool is_inside; /* of a subquery: forget what is bound */
};

static struct ir_expr *copy_expr(const struct copier *copier, const struct ir_expr *expr);
static struct ir_query *copy_query(const struct copier *copier, const struct ir_query *query);

static struct ir_expr **copy_exprs(const struct copier *copier, struct ir_expr *const *from,
                                   size_t count)
{
    struct ir_expr **to = copy_array(copier->arena, from, count, sizeof *to);

    for (size_t i = 0; to != NULL && i < count; i++)
        to[i] = copy_expr(copier, from[i]);
    return to;
}

static struct ir_order *copy_orders(const struct copier *copier, const struct ir_order *from,
                                    size_t count)
{
    struct ir_order *to = copy_array(copier->arena, from, count, sizeof *to);

    for (size_t i = 0; to != NULL && i < count; i++)
        to[i].expr = copy_expr(copier, from[i].expr);
    return to;
}

static struct ir_output *copy_outputs(const struct copier *copier, const struct ir_output *from,
                                      size_t count)
{
    struct ir_output *to = copy_array(copier->arena, from, count, sizeof *to);

    for (size_t i = 0; to != NULL && i < count; i++)
        to[i].expr = copy_expr(copier, from[i].expr);
    return to;
}

static void copy_window_into(const struct copier *copier, struct ir_window *window)
{
    window->partition = copy_exprs(copier, window->partition, window->partition_count);
    window->order = copy_orders(copier, window->order, window->order_count);
    window->start_offset = copy_expr(copier, window->start_offset);
    window->end_offset = copy_expr(copier, window->end_offset);
}

static struct ir_window *copy_windows(const struct copier *copier, const struct ir_window *from,
                                      size_t count)
{
    struct ir_window *to = copy_array(copier->arena, from, count, sizeof *to);

    for (size_t i = 0; to != NULL && i < count; i++)
        copy_window_into(copier, &to[i]);
    return to;
}

static void copy_cases(const struct copier *copier, struct ir_expr *to)
{
    struct ir_case_arm *arms =
        copy_array(copier->arena, to->as.cases.arms, to->as.cases.count, sizeof *arms);

    for (size_t i = 0; arms != NULL && i < to->as.cases.count; i++) {
        arms[i].when = copy_expr(copier, arms[i].when);
        arms[i].then = copy_expr(copier, arms[i].then);
    }
    to->as.cases.arms = arms;
    to->as.cases.operand = copy_expr(copier, to->as.cases.operand);
    to->as.cases.otherwise = copy_expr(copier, to->as.cases.otherwise);
}

static void copy_call(const struct copier *copier, struct ir_expr *to)
{
    to->as.call.args = copy_exprs(copier, to->as.call.args, to->as.call.count);
    to->as.call.filter = copy_expr(copier, to->as.call.filter);
    if (to->as.call.over != NULL)
        to->as.call.over = copy_windows(copier, to->as.call.over, 1);
    if (copier->is_inside)
        to->as.call.function = NULL;
}

/* `to` starts as a flat copy of the original; give it children of its own. */
static void copy_children(const struct copier *copier, struct ir_expr *to)
{
    switch ((enum ir_expr_kind)to->kind) {
    case IR_LITERAL:
    case IR_PARAM:
    case IR_RAISE:
    case IR_EXPR_KIND_COUNT:
        break;
    case IR_COLUMN:
        /* Names are never changed in place, so the parts may be shared. */
        if (copier->is_inside)
            to->as.column.source = NULL;
        break;
    case IR_RECORD:
    case IR_META:
        if (copier->is_inside)
            to->as.record.source = NULL;
        break;
    case IR_UNARY:
        to->as.unary.operand = copy_expr(copier, to->as.unary.operand);
        break;
    case IR_BINARY:
    case IR_COMPARE:
        to->as.binary.left = copy_expr(copier, to->as.binary.left);
        to->as.binary.right = copy_expr(copier, to->as.binary.right);
        break;
    case IR_LOGIC:
    case IR_ROW:
    case IR_ARRAY:
        to->as.list.operands = copy_exprs(copier, to->as.list.operands, to->as.list.count);
        to->as.list.capacity = to->as.list.count;
        break;
    case IR_IN:
        to->as.in.operand = copy_expr(copier, to->as.in.operand);
        to->as.in.items = copy_exprs(copier, to->as.in.items, to->as.in.count);
        to->as.in.query = copy_query(copier, to->as.in.query);
        break;
    case IR_LIKE:
        to->as.like.operand = copy_expr(copier, to->as.like.operand);
        to->as.like.pattern = copy_expr(copier, to->as.like.pattern);
        to->as.like.escape = copy_expr(copier, to->as.like.escape);
        break;
    case IR_CASE:
        copy_cases(copier, to);
        break;
    case IR_CAST:
        to->as.cast.operand = copy_expr(copier, to->as.cast.operand);
        break;
    case IR_COLLATE:
        to->as.collate.operand = copy_expr(copier, to->as.collate.operand);
        break;
    case IR_CALL:
        copy_call(copier, to);
        break;
    case IR_SUBQUERY:
        to->as.subquery.query = copy_query(copier, to->as.subquery.query);
        break;
    case IR_OBJECT:
        to->as.object.values = copy_exprs(copier, to->as.object.values, to->as.object.count);
        break;
    case IR_MEMBER:
        to->as.member.operand = copy_expr(copier, to->as.member.operand);
        break;
    case IR_NESTED:
        to->as.nested.items = copy_outputs(copier, to->as.nested.items, to->as.nested.count);
        break;
    }
}

static struct ir_expr *copy_expr(const struct copier *copier, const struct ir_expr *expr)
{
    struct ir_expr *to;

    if (expr == NULL)
        return NULL;
    to = copy_array(copier->arena, expr, 1, sizeof *to);
    if (to != NULL)
        copy_children(copier, to);
    return to;
}

/* ---- queries ---- */

static struct ir_source *copy_source(const struct copier *copier, const struct ir_source *from)
{
    struct ir_source *to = copy_array(copier->arena, from, 1, sizeof *to);

    if (to == NULL)
        return NULL;
    to->query = copy_query(copier, to->query);
    to->args = copy_exprs(copier, to->args, to->arg_count);
    to->on = copy_expr(copier, to->on);
    to->table = NULL;
    to->number = 0;
    return to;
}

static struct ir_block *copy_block(const struct copier *copier, const struct ir_block *from)
{
    struct ir_block *to = copy_array(copier->arena, from, 1, sizeof *to);

    if (to == NULL)
        return NULL;
    to->sources = copy_array(copier->arena, to->sources, to->source_count, sizeof *to->sources);
    for (size_t i = 0; to->sources != NULL && i < to->source_count; i++)
        to->sources[i] = copy_source(copier, to->sources[i]);
    to->outputs = copy_outputs(copier, to->outputs, to->output_count);
    to->where = copy_expr(copier, to->where);
    to->group = copy_exprs(copier, to->group, to->group_count);
    to->having = copy_expr(copier, to->having);
    to->windows = copy_windows(copier, to->windows, to->window_count);
    to->rows = copy_exprs(copier, to->rows, to->row_count * to->row_width);
    return to;
}

static struct ir_query *copy_query(const struct copier *copier, const struct ir_query *query)
{
    struct copier inside = {copier->arena, true};
    struct ir_query *to;

    if (query == NULL)
        return NULL;
    to = copy_array(copier->arena, query, 1, sizeof *to);
    if (to == NULL)
        return NULL;
    to->ctes = copy_array(copier->arena, to->ctes, to->cte_count, sizeof *to->ctes);
    for (size_t i = 0; to->ctes != NULL && i < to->cte_count; i++)
        to->ctes[i].query = copy_query(&inside, to->ctes[i].query);
    to->blocks = copy_array(copier->arena, to->blocks, to->block_count, sizeof *to->blocks);
    for (size_t i = 0; to->blocks != NULL && i < to->block_count; i++)
        to->blocks[i] = copy_block(&inside, to->blocks[i]);
    to->order = copy_orders(&inside, to->order, to->order_count);
    to->limit = copy_expr(&inside, to->limit);
    to->offset = copy_expr(&inside, to->offset);
    to->outer = NULL;
    return to;
}

struct ir_expr *ir_expr_copy(struct arena *arena, const struct ir_expr *expr)
{
    struct copier copier = {arena, false};

    return copy_expr(&copier, expr);
}

struct ir_query *ir_query_copy(struct arena *arena, const struct ir_query *query)
{
    struct copier copier = {arena, false};

    return copy_query(&copier, query);
}
