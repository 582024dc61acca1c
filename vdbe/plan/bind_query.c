/*
 * bind_query: WITH, the blocks of a query, ORDER BY and LIMIT.
 */
#include "vdbe/plan/plan_internal.h"

struct ir_query *query_over(struct planner *p, struct ir_source **sources, size_t source_count,
                            struct ir_expr *output, struct ir_expr *where)
{
    struct ir_query *query = ARENA_NEW(p->arena, struct ir_query);
    struct ir_block *block = ARENA_NEW(p->arena, struct ir_block);
    struct ir_block **blocks = ARENA_NEW(p->arena, struct ir_block *);
    struct ir_output *outputs = ARENA_NEW(p->arena, struct ir_output);
    struct ir_source **list = ARENA_NEW_ARRAY(p->arena, struct ir_source *, source_count + 1);

    if (query == NULL || block == NULL || blocks == NULL || outputs == NULL || list == NULL ||
        output == NULL)
        return NULL;
    for (size_t i = 0; i < source_count; i++)
        list[i] = sources[i];
    outputs->expr = output;
    block->offset = -1;
    block->source_count = source_count;
    block->sources = list;
    block->output_count = 1;
    block->outputs = outputs;
    block->where = where;
    blocks[0] = block;
    query->block_count = 1;
    query->blocks = blocks;
    return query;
}

/* ---- WITH ---- */

enum status bind_ctes(struct planner *p, struct ir_cte *ctes, size_t count, bool are_recursive,
                      struct scope *outer)
{
    struct bound_cte *bound;

    (void)are_recursive; /* as in SQLite, the word is not needed */
    if (count == 0)
        return ST_OK;
    bound = ARENA_NEW_ARRAY(p->arena, struct bound_cte, count);
    if (bound == NULL)
        return no_memory(p);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (slice_equal_nocase(ctes[k].name.text, ctes[i].name.text))
                return error_set(p->err, ST_INVALID, ctes[i].name.offset,
                                 "duplicate WITH table name: %.*s", (int)ctes[i].name.text.len,
                                 ctes[i].name.text.data);
        }
        bound[i].ir = &ctes[i];
        bound[i].scope = outer;
        bound[i].outer = p->ctes;
        p->ctes = &bound[i];
        if (outer != NULL) {
            bound[i].pristine = ir_query_copy(p->arena, ctes[i].query);
            if (bound[i].pristine == NULL)
                return no_memory(p);
        }
    }
    for (size_t i = 0; i < count; i++)
        bound[i].visible = p->ctes;
    return ST_OK;
}

/* ---- columns of the result ---- */

static void column_from_expr(struct column_info *column, const struct ir_expr *expr)
{
    column->affinity = expr_affinity(expr);
    column->collation = expr->collation;
    column->type = expr->type;
}

enum status query_set_columns(struct planner *p, struct bound_query *query)
{
    const struct ir_block *block = query->ir->blocks[0];
    size_t count = block->row_count > 0 ? block->row_width : block->output_count;

    query->plan.output_count = count;
    query->columns = ARENA_NEW_ARRAY(p->arena, struct column_info, count);
    query->plan.output_names = ARENA_NEW_ARRAY(p->arena, struct slice, count);
    query->plan.output_affinities = ARENA_NEW_ARRAY(p->arena, uint8_t, count);
    query->plan.output_collations = ARENA_NEW_ARRAY(p->arena, uint8_t, count);
    if (count > 0 &&
        (query->columns == NULL || query->plan.output_names == NULL ||
         query->plan.output_affinities == NULL || query->plan.output_collations == NULL))
        return no_memory(p);
    for (size_t i = 0; i < count; i++) {
        struct column_info *column = &query->columns[i];

        if (block->row_count > 0) {
            const char *name = arena_printf(p->arena, "column%zu", i + 1);

            if (name == NULL)
                return no_memory(p);
            column->name = slice_text(name);
            column_from_expr(column, block->rows[i]);
            column->type = 0;
        } else {
            column->name = block->outputs[i].name;
            column_from_expr(column, block->outputs[i].expr);
        }
        if (query->ir->block_count > 1)
            column->type = 0;
        query->plan.output_names[i] = column->name;
        query->plan.output_affinities[i] =
            column->affinity == PLAN_NO_AFFINITY ? (uint8_t)AFFINITY_NONE : column->affinity;
        query->plan.output_collations[i] = column->collation;
    }
    return ST_OK;
}

/* A recursive CTE can name itself once its first block has given the columns. */
static enum status announce_cte(struct planner *p, const struct bound_query *query)
{
    for (struct bound_cte *cte = p->ctes; cte != NULL; cte = cte->outer) {
        if (!cte->is_binding || cte->ir->query != query->ir || cte->columns != NULL)
            continue;
        if (cte->ir->column_count > 0 && cte->ir->column_count != query->plan.output_count)
            return error_set(p->err, ST_INVALID, cte->ir->name.offset,
                             "table %.*s has %zu values for %zu columns",
                             (int)cte->ir->name.text.len, cte->ir->name.text.data,
                             query->plan.output_count, cte->ir->column_count);
        cte->column_count = query->plan.output_count;
        cte->columns = ARENA_NEW_ARRAY(p->arena, struct column_info, cte->column_count + 1);
        if (cte->columns == NULL)
            return no_memory(p);
        for (size_t i = 0; i < cte->column_count; i++) {
            cte->columns[i] = query->columns[i];
            cte->columns[i].type = 0;
            if (cte->ir->column_count > 0)
                cte->columns[i].name = cte->ir->columns[i].text;
        }
    }
    return ST_OK;
}

/* A column of a compound is collated as the leftmost of its parts that has a collation. */
static void merge_collations(struct bound_query *query)
{
    const struct ir_query *ir = query->ir;

    for (size_t i = 0; i < query->plan.output_count; i++) {
        for (size_t k = 0; k < ir->block_count; k++) {
            const struct ir_block *block = ir->blocks[k];
            const struct ir_expr *expr =
                block->row_count > 0 ? block->rows[i] : block->outputs[i].expr;

            if (!ir_expr_has_collation(expr))
                continue;
            query->plan.output_collations[i] = expr->collation;
            break;
        }
    }
}

static const char *set_op_name(uint8_t op)
{
    switch ((enum ir_set_op)op) {
    case IR_UNION_ALL:
        return "UNION ALL";
    case IR_INTERSECT:
        return "INTERSECT";
    case IR_EXCEPT:
        return "EXCEPT";
    case IR_SET_FIRST:
    case IR_UNION:
        break;
    }
    return "UNION";
}

static enum status bind_blocks(struct planner *p, struct bound_query *query, struct scope *outer)
{
    struct ir_query *ir = query->ir;

    query->plan.block_count = ir->block_count;
    query->plan.blocks = ARENA_NEW_ARRAY(p->arena, struct plan_block *, ir->block_count);
    if (query->plan.blocks == NULL)
        return no_memory(p);
    for (size_t i = 0; i < ir->block_count; i++) {
        struct ir_block *block = ir->blocks[i];
        size_t width;

        TRY(bind_block(p, query, block, outer));
        query->plan.blocks[i] = block->plan;
        width = block->row_count > 0 ? block->row_width : block->output_count;
        if (i == 0) {
            TRY(query_set_columns(p, query));
            TRY(announce_cte(p, query));
        } else if (width != query->plan.output_count) {
            return error_set(p->err, ST_INVALID, block->offset,
                             "SELECTs to the left and right of %s do not have the same number of "
                             "result columns",
                             set_op_name(block->set_op));
        }
    }
    if (ir->block_count > 1)
        merge_collations(query);
    return ST_OK;
}

/* ---- ORDER BY ---- */

static const char *ordinal_suffix(size_t n)
{
    if (n % 100 >= 11 && n % 100 <= 13)
        return "th";
    return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

enum status bind_ordinal(struct planner *p, const struct ir_expr *expr, size_t term,
                         size_t output_count, const char *clause, uint16_t *output)
{
    *output = OUTPUT_NONE;
    if (expr->kind != IR_LITERAL || expr->as.literal.kind != VALUE_INT)
        return ST_OK;
    if (expr->as.literal.as.i < 1 || (uint64_t)expr->as.literal.as.i > output_count)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "%zu%s %s BY term out of range - should be between 1 and %zu", term + 1,
                         ordinal_suffix(term + 1), clause, output_count);
    *output = (uint16_t)(expr->as.literal.as.i - 1);
    return ST_OK;
}

static uint16_t output_by_alias(const struct ir_block *block, const struct ir_expr *expr,
                                bool any_name)
{
    if (expr->kind != IR_COLUMN || expr->as.column.part_count != 1)
        return OUTPUT_NONE;
    for (size_t i = 0; i < block->output_count; i++) {
        struct slice name = any_name ? block->outputs[i].name : block->outputs[i].alias.text;

        if (name.len > 0 && slice_equal_nocase(name, expr->as.column.parts[0].text))
            return (uint16_t)i;
    }
    return OUTPUT_NONE;
}

static struct ir_expr **peel_collate(struct ir_expr **slot)
{
    while ((*slot)->kind == IR_COLLATE)
        slot = &(*slot)->as.collate.operand;
    return slot;
}

void order_finish(struct plan_order *order, const struct ir_order *ir)
{
    order->expr = ir->expr;
    order->descending = ir->descending;
    order->nulls_last = ir->nulls == 0 ? ir->descending : ir->nulls == 2;
    order->collation = ir->expr == NULL ? (uint8_t)COLLATE_BINARY : ir->expr->collation;
    order->output = OUTPUT_NONE;
}

/* Inside COLLATE the alias is bound already; the COLLATE nodes above it are not. */
static enum status finish_collates(struct planner *p, struct ir_expr *expr)
{
    if (expr->kind != IR_COLLATE)
        return ST_OK;
    TRY(finish_collates(p, expr->as.collate.operand));
    if (!collation_find(expr->as.collate.name.text, &expr->collation))
        return error_set(p->err, ST_NO_NAME, expr->as.collate.name.offset,
                         "no such collation sequence: %.*s", (int)expr->as.collate.name.text.len,
                         expr->as.collate.name.text.data);
    expr->is_collation_explicit = true;
    expr->affinity = expr->as.collate.operand->affinity;
    return ST_OK;
}

static enum status bind_order_term(struct planner *p, struct bound_query *query,
                                   struct bound_block *block, size_t k)
{
    struct ir_order *order = &query->ir->order[k];
    struct ir_expr **inner = peel_collate(&order->expr);
    uint16_t output;

    TRY(bind_ordinal(p, *inner, k, query->plan.output_count, "ORDER", &output));
    if (output == OUTPUT_NONE)
        output = output_by_alias(block->ir, *inner, false);
    if (output != OUTPUT_NONE) {
        *inner = block->ir->outputs[output].expr;
        TRY(finish_collates(p, order->expr));
    } else {
        const bool was_grouped = block->is_grouped;

        TRY(bind_expr(p, &block->scope, &order->expr));
        if (block->is_grouped && !was_grouped) /* an aggregate only to sort by */
            return error_set(p->err, ST_INVALID, order->expr->offset, "misuse of aggregate: %s()",
                             block->plan.aggregates[block->plan.aggregate_count - 1].func->name);
    }
    order_finish(&query->plan.order[k], order);
    for (size_t i = 0; i < block->ir->output_count; i++) {
        const struct ir_expr *expr = block->ir->outputs[i].expr;

        if (expr == order->expr || ir_expr_equal(expr, order->expr)) {
            query->plan.order[k].output = (uint16_t)i;
            break;
        }
    }
    return ST_OK;
}

/* Over a compound a term is a number, a name of any block's result, or one of its expressions. */
static enum status bind_compound_term(struct planner *p, struct bound_query *query, size_t k)
{
    struct ir_order *order = &query->ir->order[k];
    struct ir_expr *inner = *peel_collate(&order->expr);
    struct plan_order *out = &query->plan.order[k];
    uint16_t output;

    TRY(bind_ordinal(p, inner, k, query->plan.output_count, "ORDER", &output));
    for (size_t b = 0; b < query->ir->block_count && output == OUTPUT_NONE; b++)
        output = output_by_alias(query->ir->blocks[b], inner, true);
    for (size_t b = 0; b < query->ir->block_count && output == OUTPUT_NONE; b++) {
        struct ir_expr *copy = ir_expr_copy(p->arena, inner);
        struct bound_block *block = bound_block_of(query->ir->blocks[b]);
        struct error *err = p->err;
        enum status st;

        if (copy == NULL)
            return no_memory(p);
        p->err = NULL;
        st = bind_expr(p, &block->scope, &copy);
        p->err = err;
        for (uint16_t i = 0; st == ST_OK && i < block->ir->output_count && output == OUTPUT_NONE;
             i++) {
            if (ir_expr_equal(block->ir->outputs[i].expr, copy))
                output = i;
        }
    }
    if (output == OUTPUT_NONE)
        return error_set(p->err, ST_INVALID, inner->offset,
                         "%zu%s ORDER BY term does not match any column in the result set", k + 1,
                         ordinal_suffix(k + 1));
    order_finish(out, order);
    out->collation = query->plan.output_collations[output];
    if (order->expr->kind == IR_COLLATE) {
        order->expr->as.collate.operand = literal_new(p, value_null());
        if (order->expr->as.collate.operand == NULL)
            return no_memory(p);
        TRY(finish_collates(p, order->expr));
        out->collation = order->expr->collation;
    }
    out->expr = NULL;
    order->expr = NULL;
    out->output = output;
    return ST_OK;
}

static enum status bind_orders(struct planner *p, struct bound_query *query)
{
    struct ir_query *ir = query->ir;
    bool is_compound = ir->block_count > 1 || ir->blocks[0]->row_count > 0;

    if (ir->order_count == 0)
        return ST_OK;
    query->plan.order_count = ir->order_count;
    query->plan.order = ARENA_NEW_ARRAY(p->arena, struct plan_order, ir->order_count);
    if (query->plan.order == NULL)
        return no_memory(p);
    for (size_t k = 0; k < ir->order_count; k++) {
        if (is_compound)
            TRY(bind_compound_term(p, query, k));
        else
            TRY(bind_order_term(p, query, bound_block_of(ir->blocks[0]), k));
    }
    if (is_compound)
        ir->order_count = 0; /* nothing is left to evaluate */
    return ST_OK;
}

static enum status bind_limits(struct planner *p, struct bound_query *query)
{
    struct ir_query *ir = query->ir;

    if (ir->limit != NULL)
        TRY(bind_expr(p, NULL, &ir->limit));
    if (ir->offset != NULL)
        TRY(bind_expr(p, NULL, &ir->offset));
    return ST_OK;
}

enum status bind_query(struct planner *p, struct ir_query *ir, struct scope *outer)
{
    struct bound_query *query;
    struct bound_cte *ctes = p->ctes;

    if (p->is_single_expr)
        return error_set(p->err, ST_INVALID, -1, "subqueries prohibited here");
    if (p->depth >= QUERY_DEPTH_MAX)
        return error_set(p->err, ST_LIMIT, -1, "queries are nested too deeply");
    query = ARENA_NEW(p->arena, struct bound_query);
    if (query == NULL)
        return no_memory(p);
    query->ir = ir;
    query->plan.ir = ir;
    ir->plan = &query->plan;
    p->depth++;
    TRY(bind_ctes(p, ir->ctes, ir->cte_count, ir->is_recursive, outer));
    TRY(bind_blocks(p, query, outer));
    TRY(bind_orders(p, query));
    TRY(bind_limits(p, query));
    p->depth--;
    p->ctes = ctes;
    return ST_OK;
}
