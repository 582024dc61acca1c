/*
 * rewrite_joins: RIGHT joins become LEFT joins the other way round, FULL joins a LEFT join and the
 * unmatched rows of the right side, and outer joins whose null rows no condition lets pass inner
 * ones.
 */
#include "vdbe/plan/plan_internal.h"

/* ---- RIGHT: the left side as one query ---- */

struct reads {
    struct planner *p;
    const struct bound_block *block;
    size_t left_count;
    size_t count, capacity;
    struct ir_expr **columns; /* one per source and attribute */
};

/* Whatever block it stands in. */
static bool same_column(const struct ir_expr *a, const struct ir_expr *b)
{
    return a->as.column.source == b->as.column.source &&
           a->as.column.attribute == b->as.column.attribute;
}

static enum status see_left_column(void *context, struct ir_expr **slot, bool *enter)
{
    struct reads *reads = context;
    struct ir_expr *expr = *slot;
    const struct source_info *info;

    (void)enter;
    if (expr->kind != IR_COLUMN)
        return ST_OK;
    info = info_of(reads->p, expr->as.column.source);
    if (info->block != reads->block || info->position >= reads->left_count)
        return ST_OK;
    for (size_t i = 0; i < reads->count; i++) {
        if (same_column(reads->columns[i], expr))
            return ST_OK;
    }
    if (reads->count == reads->capacity) {
        size_t larger = reads->capacity == 0 ? 16 : reads->capacity * 2;
        struct ir_expr **list = ARENA_NEW_ARRAY(reads->p->arena, struct ir_expr *, larger);

        if (list == NULL)
            return no_memory(reads->p);
        if (reads->count > 0)
            memcpy(list, reads->columns, reads->count * sizeof *list);
        reads->columns = list;
        reads->capacity = larger;
    }
    reads->columns[reads->count] = ir_expr_copy(reads->p->arena, expr);
    if (reads->columns[reads->count] == NULL)
        return no_memory(reads->p);
    reads->columns[reads->count++]->as.column.up = 0;
    return ST_OK;
}

static enum status left_columns(struct planner *p, struct ir_query *query,
                                struct bound_block *block, size_t left_count, struct reads *out)
{
    memset(out, 0, sizeof *out);
    out->p = p;
    out->block = block;
    out->left_count = left_count;
    TRY(walk_block(block->ir, see_left_column, out));
    for (size_t i = 0; i < query->order_count; i++)
        TRY(walk_expr(&query->order[i].expr, see_left_column, out));
    return ST_OK;
}

/* A bound query over the sources left of the join, with the columns that are read. */
static enum status left_query(struct planner *p, const struct ir_query *outer,
                              struct bound_block *block, const struct reads *reads,
                              struct ir_source **out)
{
    struct ir_source *source = ARENA_NEW(p->arena, struct ir_source);
    struct ir_query *ir;
    struct bound_query *query = ARENA_NEW(p->arena, struct bound_query);
    struct bound_block *inner = ARENA_NEW(p->arena, struct bound_block);
    struct source_info *info;
    size_t count = reads->count == 0 ? 1 : reads->count;
    struct ir_output *outputs = ARENA_NEW_ARRAY(p->arena, struct ir_output, count);

    if (source == NULL || query == NULL || inner == NULL || outputs == NULL)
        return no_memory(p);
    for (size_t i = 0; i < reads->count; i++)
        outputs[i].expr = reads->columns[i];
    if (reads->count == 0)
        outputs[0].expr = literal_new(p, value_int(1));
    ir = query_over(p, block->ir->sources, reads->left_count, outputs[0].expr, NULL);
    if (ir == NULL)
        return no_memory(p);
    ir->blocks[0]->outputs = outputs;
    ir->blocks[0]->output_count = count;
    inner->ir = ir->blocks[0];
    inner->plan.ir = ir->blocks[0];
    inner->plan.bare_from = BARE_ANY;
    ir->blocks[0]->plan = &inner->plan;
    query->ir = ir;
    query->plan.ir = ir;
    query->plan.is_correlated = bound_query_of(outer)->plan.is_correlated;
    ir->plan = &query->plan;
    TRY(query_set_columns(p, query));
    query->plan.block_count = 1;
    query->plan.blocks = ARENA_NEW(p->arena, struct plan_block *);
    if (query->plan.blocks == NULL)
        return no_memory(p);
    query->plan.blocks[0] = &inner->plan;
    source->kind = IR_SOURCE_QUERY;
    source->query = ir;
    TRY(source_number(p, source, &info));
    info->query = query;
    info->column_count = count;
    info->columns = query->columns;
    block_renumber(p, inner);
    *out = source;
    return ST_OK;
}

struct redirect {
    struct planner *p;
    const struct reads *reads;
    struct ir_source *to;
};

static enum status redirect_column(void *context, struct ir_expr **slot, bool *enter)
{
    struct redirect *r = context;
    struct ir_expr *expr = *slot;

    (void)enter;
    if (expr->kind != IR_COLUMN)
        return ST_OK;
    for (size_t i = 0; i < r->reads->count; i++) {
        if (!same_column(r->reads->columns[i], expr))
            continue;
        *slot = ir_expr_copy(r->p->arena, expr);
        if (*slot == NULL)
            return no_memory(r->p);
        (*slot)->as.column.source = r->to;
        (*slot)->as.column.attribute = (uint16_t)i;
        return ST_OK;
    }
    return ST_OK;
}

static enum status redirect_columns(struct planner *p, struct ir_query *query,
                                    struct bound_block *block, const struct reads *reads,
                                    struct ir_source *to)
{
    struct redirect r = {p, reads, to};

    TRY(walk_block(block->ir, redirect_column, &r));
    for (size_t i = 0; i < query->order_count; i++)
        TRY(walk_expr(&query->order[i].expr, redirect_column, &r));
    for (size_t i = 0; i < block->plan.aggregate_count; i++)
        TRY(walk_expr(&block->plan.aggregates[i].call, redirect_column, &r));
    for (size_t i = 0; i < block->window_call_count; i++)
        TRY(walk_expr(&block->window_calls[i].call, redirect_column, &r));
    return ST_OK;
}

/* L RIGHT JOIN b ON c  is  b LEFT JOIN L ON c. */
static enum status turn_round(struct planner *p, struct ir_query *query, struct bound_block *block,
                              size_t k)
{
    struct ir_block *ir = block->ir;
    struct ir_source *right = ir->sources[k], *left = ir->sources[0];
    struct ir_source **list = ARENA_NEW_ARRAY(p->arena, struct ir_source *, ir->source_count);
    size_t count = 0;

    if (list == NULL)
        return no_memory(p);
    if (k > 1) {
        struct reads reads;

        TRY(left_columns(p, query, block, k, &reads));
        TRY(left_query(p, query, block, &reads, &left));
        /* Take the left sources out first: their own conditions belong to the inner query now. */
        memmove(&ir->sources[0], &ir->sources[k], (ir->source_count - k) * sizeof *ir->sources);
        ir->source_count -= k;
        TRY(redirect_columns(p, query, block, &reads, left));
        TRY(rewrite_query(p, left->query));
    } else {
        memmove(&ir->sources[0], &ir->sources[1], (ir->source_count - 1) * sizeof *ir->sources);
        ir->source_count--;
    }
    list[count++] = right;
    list[count++] = left;
    for (size_t i = 1; i < ir->source_count; i++)
        list[count++] = ir->sources[i];
    left->on = right->on;
    left->join = IR_JOIN_LEFT;
    right->on = NULL;
    right->join = IR_JOIN_INNER;
    ir->sources = list;
    ir->source_count = count;
    block_renumber(p, block);
    return ST_OK;
}

/* ---- FULL ---- */

/* The second block of the union: null for the left side's columns, the unmatched row's for the
 * right. */
static enum status add_unmatched(struct planner *p, struct bound_query *query,
                                 const struct full_join *full, const struct reads *reads)
{
    struct ir_query *ir = query->ir;
    struct ir_block *second = full->unmatched->blocks[0];
    struct ir_block **blocks = ARENA_NEW_ARRAY(p->arena, struct ir_block *, 2);
    struct plan_block **plans = ARENA_NEW_ARRAY(p->arena, struct plan_block *, 2);
    size_t count = ir->blocks[0]->output_count;
    struct ir_output *outputs = ARENA_NEW_ARRAY(p->arena, struct ir_output, count);

    if (blocks == NULL || plans == NULL || outputs == NULL)
        return no_memory(p);
    for (size_t i = 0; i < count; i++) {
        if (i < reads->count && reads->columns[i]->as.column.source == full->source) {
            outputs[i].expr = ir_expr_copy(p->arena, reads->columns[i]);
            if (outputs[i].expr != NULL)
                outputs[i].expr->as.column.source = second->sources[0];
        } else {
            outputs[i].expr = literal_new(p, value_null());
        }
        if (outputs[i].expr == NULL)
            return no_memory(p);
    }
    second->outputs = outputs;
    second->output_count = count;
    second->set_op = IR_UNION_ALL;
    bound_block_of(second)->plan.set_op = IR_UNION_ALL;
    blocks[0] = ir->blocks[0];
    blocks[1] = second;
    plans[0] = ir->blocks[0]->plan;
    plans[1] = second->plan;
    ir->blocks = blocks;
    ir->block_count = 2;
    query->plan.blocks = plans;
    query->plan.block_count = 2;
    for (size_t i = 0; i < count; i++)
        query->columns[i].type = 0;
    return ST_OK;
}

static enum status take_apart(struct planner *p, struct ir_query *query, struct bound_block *block,
                              size_t k)
{
    struct ir_block *ir = block->ir;
    struct ir_source *source = ir->sources[k], *both;
    const struct full_join *full = block->full_joins;
    struct reads reads;

    while (full != NULL && full->source != source)
        full = full->next;
    if (full == NULL)
        return error_set(p->err, ST_INTERNAL, -1, "a FULL JOIN without its second half");
    TRY(left_columns(p, query, block, k + 1, &reads));
    source->join = IR_JOIN_LEFT;
    TRY(left_query(p, query, block, &reads, &both));
    TRY(add_unmatched(p, bound_query_of(both->query), full, &reads));
    /* Redirect while neither half is in reach: inside, columns stay what they are. */
    memmove(&ir->sources[0], &ir->sources[k + 1], (ir->source_count - k - 1) * sizeof *ir->sources);
    ir->source_count -= k + 1;
    TRY(redirect_columns(p, query, block, &reads, both));
    memmove(&ir->sources[1], &ir->sources[0], ir->source_count * sizeof *ir->sources);
    ir->sources[0] = both;
    ir->source_count++;
    block_renumber(p, block);
    return rewrite_query(p, both->query);
}

/* ---- LEFT to INNER ---- */

static bool rejects_in(const struct planner *p, const struct bound_block *block,
                       const struct ir_expr *condition, unsigned position)
{
    return condition != NULL && expr_rejects_null(p, condition, block, position);
}

static bool null_row_is_rejected(const struct planner *p, const struct bound_block *block,
                                 unsigned position)
{
    const struct ir_block *ir = block->ir;

    if (rejects_in(p, block, ir->where, position))
        return true;
    for (size_t i = 0; i < ir->source_count; i++) {
        if (i != position && ir->sources[i]->join != IR_JOIN_LEFT &&
            rejects_in(p, block, ir->sources[i]->on, position))
            return true;
    }
    return false;
}

enum status rewrite_joins(struct planner *p, struct ir_query *query, struct bound_block *block)
{
    struct ir_block *ir = block->ir;
    bool changed = !p->options->no_optimizer;

    for (size_t i = 1; i < ir->source_count; i++) {
        if (ir->sources[i]->join == IR_JOIN_RIGHT)
            TRY(turn_round(p, query, block, i));
        else if (ir->sources[i]->join == IR_JOIN_FULL)
            TRY(take_apart(p, query, block, i));
        else
            continue;
        i = 0;
    }
    while (changed) {
        changed = false;
        for (size_t i = 1; i < ir->source_count; i++) {
            if (ir->sources[i]->join == IR_JOIN_LEFT &&
                null_row_is_rejected(p, block, (unsigned)i)) {
                ir->sources[i]->join = IR_JOIN_INNER;
                changed = true;
            }
        }
    }
    for (size_t i = 0; i < ir->source_count; i++)
        info_of(p, ir->sources[i])->is_nullable = ir->sources[i]->join == IR_JOIN_LEFT;
    return ST_OK;
}
