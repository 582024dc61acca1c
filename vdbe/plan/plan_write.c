/*
 * plan_write: how the rows of a write are found, and whether finding and writing may take turns.
 */
#include "vdbe/plan/plan_internal.h"

static enum status plan_assignments(struct planner *p, struct plan_assignment *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].value != NULL) {
            TRY(fold_expr(p, &list[i].value));
            TRY(rewrite_inner_queries(p, &list[i].value));
            TRY(plan_subqueries(p, &list[i].value));
        }
    }
    return ST_OK;
}

static enum status plan_exprs(struct planner *p, struct ir_expr **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == NULL)
            continue;
        TRY(fold_expr(p, &list[i]));
        TRY(rewrite_inner_queries(p, &list[i]));
        TRY(plan_subqueries(p, &list[i]));
    }
    return ST_OK;
}

/* ---- could the search meet rows it has written? ---- */

struct table_search {
    const struct planner *p;
    const struct table *table;
    const struct ir_source *target;
    bool found;
};

static enum status see_query_tables(struct table_search *search, const struct ir_query *query);

static enum status see_tables(void *context, struct ir_expr **slot, bool *enter)
{
    struct table_search *search = context;
    const struct ir_expr *expr = *slot;

    (void)enter;
    if (expr->kind == IR_SUBQUERY)
        return see_query_tables(search, expr->as.subquery.query);
    if (expr->kind == IR_IN && expr->as.in.query != NULL)
        return see_query_tables(search, expr->as.in.query);
    return ST_OK;
}

static enum status see_query_tables(struct table_search *search, const struct ir_query *query)
{
    for (size_t b = 0; b < query->block_count; b++) {
        const struct ir_block *block = query->blocks[b];

        for (size_t i = 0; i < block->source_count; i++) {
            const struct source_info *info = info_of(search->p, block->sources[i]);

            if (info->table == search->table && block->sources[i] != search->target)
                search->found = true;
            if (info->cte != NULL)
                search->found = true; /* not looked into: assume the worst */
            if (block->sources[i]->kind == IR_SOURCE_QUERY)
                TRY(see_query_tables(search, block->sources[i]->query));
        }
    }
    return ST_OK;
}

static bool reads_table_again(const struct planner *p, struct plan_write *write)
{
    struct table_search search = {p, write->table, write->target, false};
    struct ir_query *query = NULL;

    for (size_t i = 0; i < write->assignment_count; i++)
        (void)walk_expr(&write->assignments[i].value, see_tables, &search);
    if (write->query != NULL) {
        query = bound_query_of(write->query->ir)->ir;
        (void)see_query_tables(&search, query);
        (void)walk_query(query, see_tables, &search);
    }
    return search.found;
}

static bool assigns(const struct plan_write *write, uint16_t attribute)
{
    for (size_t i = 0; i < write->assignment_count; i++) {
        if (write->assignments[i].attribute == attribute)
            return true;
    }
    for (size_t i = 0; i < write->generated_count; i++) {
        if (write->generated[i].attribute == attribute)
            return true;
    }
    return false;
}

static bool assigns_key(const struct plan_write *write)
{
    const struct table *table = write->table;

    if (table->key_count == 0)
        return assigns(write, ATTRIBUTE_NONE);
    for (unsigned i = 0; i < table->key_count; i++) {
        if (assigns(write, table->key_attributes[i]))
            return true;
    }
    return false;
}

static bool assigns_index(const struct plan_write *write, const struct index *index)
{
    for (unsigned i = 0; i < index->part_count; i++) {
        if (index->parts[i].attribute == ATTRIBUTE_NONE ||
            assigns(write, index->parts[i].attribute))
            return true;
    }
    return index->where_sql.len > 0;
}

static bool needs_two_passes(const struct planner *p, struct plan_write *write)
{
    const struct plan_block *block = write->query->blocks[0];
    const struct plan_loop *loop;

    if (write->query->block_count != 1 || block->loop_count != 1 || write->query->sort != SORT_NO ||
        write->query->limit != NULL || block->group != GROUP_NONE ||
        block->distinct != DISTINCT_NO || reads_table_again(p, write))
        return true;
    loop = &block->loops[0];
    if (loop->access != ACCESS_SCAN && loop->access != ACCESS_KEY && loop->access != ACCESS_INDEX)
        return true;
    if (write->kind == PLAN_DELETE)
        return loop->dedupe_rows;
    if (loop->range.is_unique && loop->access != ACCESS_SCAN)
        return false;
    return assigns_key(write) || loop->dedupe_rows ||
           (loop->access == ACCESS_INDEX && assigns_index(write, loop->range.index));
}

/* Every row goes. A condition may also stand in a second source, that of a semi-join. */
static bool is_clear(const struct plan_write *write)
{
    const struct ir_query *query = write->query->ir;

    return write->kind == PLAN_DELETE && query->blocks[0]->where == NULL &&
           query->blocks[0]->source_count == 1 && query->limit == NULL && query->offset == NULL &&
           write->returning_count == 0;
}

static enum status plan_search(struct planner *p, struct plan_write *write)
{
    struct ir_query *query = bound_query_of(write->query->ir)->ir;

    TRY(rewrite_query(p, query));
    TRY(plan_query_make(p, query));
    write->is_clear = is_clear(write);
    write->needs_two_passes = !write->is_clear && needs_two_passes(p, write);
    return ST_OK;
}

enum status plan_write_make(struct planner *p)
{
    struct plan_write *write = p->out->write;
    struct ir_statement *ir = p->statement;

    if (ir->kind == IR_INSERT && ir->as.insert->query != NULL) {
        TRY(rewrite_query(p, ir->as.insert->query));
        TRY(plan_query_make(p, ir->as.insert->query));
        write->query = &bound_query_of(ir->as.insert->query)->plan;
        write->needs_two_passes = reads_table_again(p, write);
    } else if (write->query != NULL) {
        TRY(plan_search(p, write));
    }
    TRY(plan_assignments(p, write->assignments, write->assignment_count));
    TRY(plan_assignments(p, write->generated, write->generated_count));
    TRY(plan_exprs(p, write->checks, write->check_count));
    TRY(plan_exprs(p, write->returning, write->returning_count));
    for (size_t i = 0; i < write->upsert_count; i++) {
        TRY(plan_assignments(p, write->upserts[i].assignments, write->upserts[i].assignment_count));
        TRY(plan_exprs(p, &write->upserts[i].where, 1));
    }
    return plan_hooks_make(p);
}
