/*
 * plan_query: all blocks of a query, their sort and limit; shared CTEs.
 */
#include "vdbe/plan/plan_internal.h"

static void estimate_rows_of(struct bound_query *query)
{
    struct plan_query *plan = &query->plan;
    const struct ir_expr *limit = query->ir->limit;

    plan->rows = 0;
    for (size_t i = 0; i < plan->block_count; i++)
        plan->rows += plan->blocks[i]->rows_out;
    if (limit != NULL && limit->kind == IR_LITERAL && limit->as.literal.kind == VALUE_INT &&
        limit->as.literal.as.i >= 0 && plan->rows > (double)limit->as.literal.as.i)
        plan->rows = (double)limit->as.literal.as.i;
}

enum status plan_query_make(struct planner *p, struct ir_query *ir)
{
    struct bound_query *query = bound_query_of(ir);

    if (query->is_planned)
        return ST_OK;
    query->is_planned = true;
    if (ir->block_count > 1 && query->plan.order_count > 0)
        query->plan.sort = ir->limit != NULL ? SORT_TOP : SORT_ALL;
    for (size_t i = 0; i < ir->order_count; i++)
        TRY(plan_subqueries(p, &ir->order[i].expr));
    TRY(plan_subqueries(p, &ir->limit));
    TRY(plan_subqueries(p, &ir->offset));
    for (size_t i = 0; i < ir->block_count; i++)
        TRY(plan_block_make(p, ir, bound_block_of(ir->blocks[i])));
    if (ir->block_count == 1 && query->plan.order_count > 0 && ir->blocks[0]->row_count > 0)
        query->plan.sort = ir->limit != NULL ? SORT_TOP : SORT_ALL;
    query->plan.limit = ir->limit;
    query->plan.offset = ir->offset;
    estimate_rows_of(query);
    return ST_OK;
}

/* ---- CTEs ---- */

static size_t first_recursive(const struct planner *p, const struct bound_cte *cte)
{
    const struct ir_query *query = cte->ir->query;

    for (size_t b = 0; b < query->block_count; b++) {
        for (size_t i = 0; i < query->blocks[b]->source_count; i++) {
            const struct source_info *info = info_of(p, query->blocks[b]->sources[i]);

            if (info->is_recursion && info->cte == cte)
                return b;
        }
    }
    return query->block_count;
}

enum status plan_cte_number(struct planner *p, struct bound_cte *cte)
{
    struct plan_statement *out = p->out;
    struct plan_cte *plan;
    uint32_t number;

    if (cte->is_numbered)
        return ST_OK;
    if (out->cte_count == p->cte_capacity) {
        size_t larger = p->cte_capacity == 0 ? 4 : p->cte_capacity * 2;
        struct plan_cte *list = ARENA_NEW_ARRAY(p->arena, struct plan_cte, larger);

        if (list == NULL)
            return no_memory(p);
        if (out->cte_count > 0)
            memcpy(list, out->ctes, out->cte_count * sizeof *list);
        out->ctes = list;
        p->cte_capacity = larger;
    }
    number = (uint32_t)out->cte_count++;
    cte->is_numbered = true;
    cte->number = number;
    memset(&out->ctes[number], 0, sizeof out->ctes[number]);
    TRY(rewrite_query(p, cte->ir->query));
    TRY(plan_query_make(p, cte->ir->query));
    plan = &out->ctes[number];
    plan->name = cte->ir->name.text;
    plan->query = &cte->query->plan;
    plan->is_recursive = cte->is_recursive;
    if (cte->is_recursive) {
        plan->first_recursive = first_recursive(p, cte);
        if (plan->first_recursive == 0)
            return error_set(p->err, ST_INVALID, cte->ir->name.offset, "circular reference: %.*s",
                             (int)cte->ir->name.text.len, cte->ir->name.text.data);
        if (plan->first_recursive < cte->ir->query->block_count)
            plan->keeps_duplicates =
                cte->ir->query->blocks[plan->first_recursive]->set_op == IR_UNION_ALL;
    }
    return ST_OK;
}
