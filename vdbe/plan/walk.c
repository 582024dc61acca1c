/*
 * walk: through expressions and the queries in them, and questions answered by walking.
 */
#include "vdbe/plan/plan_internal.h"

struct walker {
    walk_fn visit;
    void *context;
    enum status status;
};

static void walk_slot(void *context, struct ir_expr **slot);

/* The arms of a CASE with an operand compare with the operand's own node: it is visited once and
 * the arms follow what became of it. */
static void walk_case(struct walker *walker, struct ir_expr *expr)
{
    walk_slot(walker, &expr->as.cases.operand);
    for (size_t i = 0; i < expr->as.cases.count; i++) {
        struct ir_expr *when = expr->as.cases.arms[i].when;

        when->as.binary.left = expr->as.cases.operand;
        walk_slot(walker, &when->as.binary.right);
        walk_slot(walker, &expr->as.cases.arms[i].then);
    }
    if (expr->as.cases.otherwise != NULL)
        walk_slot(walker, &expr->as.cases.otherwise);
}

static void walk_slot(void *context, struct ir_expr **slot)
{
    struct walker *walker = context;
    struct ir_expr *expr;
    bool enter = true;

    if (walker->status != ST_OK)
        return;
    walker->status = walker->visit(walker->context, slot, &enter);
    if (walker->status != ST_OK || !enter)
        return;
    expr = *slot;
    if (expr->kind == IR_CASE && expr->as.cases.operand != NULL) {
        walk_case(walker, expr);
        return;
    }
    ir_expr_children(expr, walk_slot, walker);
    if (walker->status != ST_OK)
        return;
    if (expr->kind == IR_SUBQUERY)
        walker->status = walk_query(expr->as.subquery.query, walker->visit, walker->context);
    else if (expr->kind == IR_IN && expr->as.in.query != NULL)
        walker->status = walk_query(expr->as.in.query, walker->visit, walker->context);
}

enum status walk_expr(struct ir_expr **slot, walk_fn visit, void *context)
{
    struct walker walker = {visit, context, ST_OK};

    if (*slot != NULL)
        walk_slot(&walker, slot);
    return walker.status;
}

enum status walk_block(struct ir_block *block, walk_fn visit, void *context)
{
    struct walker walker = {visit, context, ST_OK};

    for (size_t i = 0; i < block->source_count; i++) {
        struct ir_source *source = block->sources[i];

        for (size_t k = 0; k < source->arg_count; k++)
            TRY(walk_expr(&source->args[k], visit, context));
        TRY(walk_expr(&source->on, visit, context));
        if (source->kind == IR_SOURCE_QUERY)
            TRY(walk_query(source->query, visit, context));
    }
    for (size_t i = 0; i < block->output_count; i++)
        walk_slot(&walker, &block->outputs[i].expr);
    for (size_t i = 0; i < block->row_count * block->row_width; i++)
        walk_slot(&walker, &block->rows[i]);
    for (size_t i = 0; i < block->group_count; i++)
        walk_slot(&walker, &block->group[i]);
    TRY(walker.status);
    TRY(walk_expr(&block->where, visit, context));
    return walk_expr(&block->having, visit, context);
}

enum status walk_query(struct ir_query *query, walk_fn visit, void *context)
{
    for (size_t i = 0; i < query->block_count; i++)
        TRY(walk_block(query->blocks[i], visit, context));
    for (size_t i = 0; i < query->order_count; i++)
        TRY(walk_expr(&query->order[i].expr, visit, context));
    TRY(walk_expr(&query->limit, visit, context));
    return walk_expr(&query->offset, visit, context);
}

/* ---- questions ---- */

struct source_search {
    const struct planner *p;
    const struct bound_block *block;
    uint64_t found;
};

static enum status see_source(void *context, struct ir_expr **slot, bool *enter)
{
    struct source_search *search = context;
    const struct ir_expr *expr = *slot;
    const struct ir_source *source = NULL;

    (void)enter;
    if (expr->kind == IR_COLUMN)
        source = expr->as.column.source;
    else if (expr->kind == IR_RECORD || expr->kind == IR_META)
        source = expr->as.record.source;
    if (source != NULL) {
        const struct source_info *info = info_of(search->p, source);

        if (info->block == search->block)
            search->found |= (uint64_t)1 << info->position;
    }
    return ST_OK;
}

uint64_t expr_sources(const struct planner *p, const struct bound_block *block,
                      struct ir_expr *expr)
{
    struct source_search search = {p, block, 0};

    (void)walk_expr(&expr, see_source, &search);
    return search.found;
}

struct fact_search {
    bool has_subquery, is_impure;
};

static enum status see_facts(void *context, struct ir_expr **slot, bool *enter)
{
    struct fact_search *search = context;
    const struct ir_expr *expr = *slot;

    if (expr->kind == IR_SUBQUERY || (expr->kind == IR_IN && expr->as.in.query != NULL)) {
        search->has_subquery = true;
        *enter = false;
    } else if (expr->kind == IR_RAISE) {
        search->is_impure = true;
    } else if (expr->kind == IR_CALL) {
        const struct func *func = expr->as.call.function;

        if (func == NULL || (func->flags & (FUNC_PURE | FUNC_STABLE | FUNC_AGGREGATE)) == 0 ||
            expr->as.call.over != NULL)
            search->is_impure = true;
    }
    return ST_OK;
}

bool expr_has_subquery(struct ir_expr *expr)
{
    struct fact_search search = {0};

    (void)walk_expr(&expr, see_facts, &search);
    return search.has_subquery;
}

bool expr_is_pure(struct ir_expr *expr)
{
    struct fact_search search = {0};

    (void)walk_expr(&expr, see_facts, &search);
    return !search.has_subquery && !search.is_impure;
}

bool expr_is_false(const struct ir_expr *expr)
{
    return expr->kind == IR_LITERAL && value_truth(expr->as.literal) <= 0;
}

bool expr_is_true(const struct ir_expr *expr)
{
    return expr->kind == IR_LITERAL && value_truth(expr->as.literal) > 0;
}

/* ---- conditions that no null row passes ---- */

/* Is the value null whenever the source's columns all are? */
static bool is_null_with(const struct planner *p, const struct ir_expr *expr,
                         const struct bound_block *block, unsigned position)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_COLUMN: {
        const struct source_info *info = info_of(p, expr->as.column.source);

        return info->block == block && info->position == position;
    }
    case IR_UNARY:
        return (expr->op == IR_NEGATE || expr->op == IR_PLUS || expr->op == IR_BIT_NOT ||
                expr->op == IR_NOT) &&
               is_null_with(p, expr->as.unary.operand, block, position);
    case IR_BINARY:
        if (expr->op == IR_ARROW || expr->op == IR_ARROW_TEXT)
            return is_null_with(p, expr->as.binary.left, block, position);
        return is_null_with(p, expr->as.binary.left, block, position) ||
               is_null_with(p, expr->as.binary.right, block, position);
    case IR_COMPARE:
        return expr->op != IR_IS && expr->op != IR_IS_NOT && !expr->any_element &&
               (is_null_with(p, expr->as.binary.left, block, position) ||
                is_null_with(p, expr->as.binary.right, block, position));
    case IR_CAST:
        return is_null_with(p, expr->as.cast.operand, block, position);
    case IR_COLLATE:
        return is_null_with(p, expr->as.collate.operand, block, position);
    case IR_LIKE:
        return expr->op != IR_LIKE_MATCH &&
               (is_null_with(p, expr->as.like.operand, block, position) ||
                is_null_with(p, expr->as.like.pattern, block, position));
    default:
        return false;
    }
}

/* Is the condition never true when all columns of the source are null? */
bool expr_rejects_null(const struct planner *p, const struct ir_expr *expr,
                       const struct bound_block *block, unsigned position)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_LOGIC:
        for (size_t i = 0; i < expr->as.list.count; i++) {
            bool rejects = expr_rejects_null(p, expr->as.list.operands[i], block, position);

            if (expr->op == IR_AND && rejects)
                return true;
            if (expr->op == IR_OR && !rejects)
                return false;
        }
        return expr->op == IR_OR;
    case IR_UNARY:
        if (expr->op == IR_NOT_NULL || expr->op == IR_IS_TRUE)
            return is_null_with(p, expr->as.unary.operand, block, position);
        return is_null_with(p, expr, block, position);
    case IR_IN:
        return !expr->any_element && is_null_with(p, expr->as.in.operand, block, position) &&
               (!expr->negated || (expr->as.in.query == NULL && expr->as.in.count > 0));
    case IR_COMPARE:
        if (expr->any_element && expr->op == IR_NE)
            return false;
        if (expr->op == IR_IS || expr->op == IR_IS_NOT)
            return false;
        return is_null_with(p, expr->as.binary.left, block, position) ||
               is_null_with(p, expr->as.binary.right, block, position);
    default:
        return is_null_with(p, expr, block, position);
    }
}
