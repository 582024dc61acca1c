/*
 * plan_block: the loops of one SELECT core: which sources in which order by which paths, and where
 * each condition is tested.
 */
#include "vdbe/plan/plan_internal.h"

/* ---- subqueries in expressions ---- */

static enum status plan_inner(void *context, struct ir_expr **slot, bool *enter)
{
    struct planner *p = context;
    struct ir_expr *expr = *slot;

    if (expr->kind == IR_SUBQUERY) {
        *enter = false;
        return plan_query_make(p, expr->as.subquery.query);
    }
    if (expr->kind == IR_IN && expr->as.in.query != NULL) {
        TRY(plan_query_make(p, expr->as.in.query));
        *enter = false;
        return walk_expr(&expr->as.in.operand, plan_inner, p);
    }
    return ST_OK;
}

enum status plan_subqueries(struct planner *p, struct ir_expr **slot)
{
    return walk_expr(slot, plan_inner, p);
}

static enum status plan_block_subqueries(struct planner *p, struct bound_block *block)
{
    struct ir_block *ir = block->ir;

    for (size_t i = 0; i < ir->source_count; i++) {
        struct ir_source *source = ir->sources[i];

        const struct source_info *info = info_of(p, source);

        if (source->kind == IR_SOURCE_QUERY)
            TRY(plan_query_make(p, source->query));
        else if (info->cte != NULL && !info->is_recursion)
            TRY(plan_cte_number(p, info->cte));
        for (size_t k = 0; k < source->arg_count; k++)
            TRY(plan_subqueries(p, &source->args[k]));
        TRY(plan_subqueries(p, &source->on));
    }
    for (size_t i = 0; i < ir->output_count; i++)
        TRY(plan_subqueries(p, &ir->outputs[i].expr));
    for (size_t i = 0; i < ir->row_count * ir->row_width; i++)
        TRY(plan_subqueries(p, &ir->rows[i]));
    for (size_t i = 0; i < ir->group_count; i++)
        TRY(plan_subqueries(p, &ir->group[i]));
    TRY(plan_subqueries(p, &ir->where));
    return plan_subqueries(p, &ir->having);
}

/* ---- what a source waits for ---- */

static uint64_t sources_before(const struct block_plan *bp, unsigned position)
{
    const struct source_info *info = bp->infos[position];
    const struct ir_source *source = info->source;
    uint64_t own = (uint64_t)1 << position, left = own - 1, needs = 0;

    if (source->join == IR_JOIN_CROSS && position > 0)
        needs |= left;
    for (size_t i = 0; i < source->arg_count; i++) {
        if (source->args[i] != NULL)
            needs |= expr_sources(bp->p, bp->block, source->args[i]);
    }
    if (info->is_nullable || info->is_anti || info->is_semi) {
        uint64_t read = 0;

        for (size_t i = 0; i < bp->terms.term_count; i++) {
            const struct term *term = &bp->terms.terms[i];

            if (term->outer_join == (int)position || (info->is_semi && (term->sources & own) != 0))
                read |= term->sources;
        }
        needs |= (read & ~own) == 0 && info->is_nullable ? left : read;
    }
    return needs & ~own;
}

static void find_sources(struct block_plan *bp)
{
    const struct ir_block *ir = bp->block->ir;

    bp->source_count = ir->source_count;
    for (unsigned i = 0; i < bp->source_count; i++) {
        bp->infos[i] = info_of(bp->p, ir->sources[i]);
        bp->rows[i] = source_rows(bp->p, bp->infos[i]);
    }
}

/* ---- the wished order ---- */

static bool is_aggregate_named(const struct plan_aggregate *aggregate, const char *name)
{
    return slice_is(slice_text(aggregate->func->name), name) && aggregate->call->as.call.count == 1;
}

/* min(x) and max(x) alone: the first row in order of x. */
static bool wish_extreme(struct block_plan *bp, struct plan_order *key)
{
    const struct bound_block *block = bp->block;
    const struct plan_aggregate *only = block->plan.aggregates;
    bool is_max;

    if (block->plan.aggregate_count != 1 || block->ir->group_count > 0 ||
        only->call->as.call.filter != NULL)
        return false;
    is_max = is_aggregate_named(only, "max");
    if (!is_max && !is_aggregate_named(only, "min"))
        return false;
    if (only->call->as.call.args[0]->kind != IR_COLUMN)
        return false;
    memset(key, 0, sizeof *key);
    key->expr = only->call->as.call.args[0];
    key->descending = is_max;
    key->nulls_last = is_max;
    key->collation = only->call->as.call.args[0]->collation;
    bp->wish = (struct order_wish){1, key, false};
    bp->limit = 1;
    return true;
}

static bool is_group_key(const struct bound_block *block, const struct ir_expr *expr)
{
    for (size_t i = 0; i < block->ir->group_count; i++) {
        if (ir_expr_equal(block->ir->group[i], expr))
            return true;
    }
    return false;
}

/* ORDER BY over group keys only: groups in that order need no sort. */
static enum status wish_groups(struct block_plan *bp)
{
    const struct ir_block *ir = bp->block->ir;
    const struct plan_query *query = &bound_query_of(bp->query)->plan;
    struct plan_order *keys =
        ARENA_NEW_ARRAY(bp->p->arena, struct plan_order, ir->group_count + query->order_count);
    size_t count = 0;
    bool is_strict = query->order_count > 0 && query->block_count == 1;

    if (keys == NULL)
        return no_memory(bp->p);
    for (size_t i = 0; i < query->order_count && is_strict; i++) {
        keys[count++] = query->order[i];
        is_strict = is_group_key(bp->block, query->order[i].expr);
    }
    if (!is_strict)
        count = 0;
    for (size_t i = 0; i < ir->group_count; i++) {
        bool has = false;

        for (size_t k = 0; k < count; k++)
            has |= ir_expr_equal(keys[k].expr, ir->group[i]);
        if (has)
            continue;
        keys[count].expr = ir->group[i];
        keys[count].collation = ir->group[i]->collation;
        count++;
    }
    bp->wish = (struct order_wish){count, keys, !is_strict};
    return ST_OK;
}

static enum status wish_distinct(struct block_plan *bp)
{
    const struct ir_block *ir = bp->block->ir;
    struct plan_order *keys = ARENA_NEW_ARRAY(bp->p->arena, struct plan_order, ir->output_count);

    if (keys == NULL)
        return no_memory(bp->p);
    for (size_t i = 0; i < ir->output_count; i++) {
        keys[i].expr = ir->outputs[i].expr;
        keys[i].collation = ir->outputs[i].expr->collation;
    }
    bp->wish = (struct order_wish){ir->output_count, keys, true};
    return ST_OK;
}

static double constant_limit(const struct ir_query *query)
{
    double rows = 0;
    const struct ir_expr *limit = query->limit, *offset = query->offset;

    if (limit == NULL)
        return 0;
    if (limit->kind == IR_LITERAL && limit->as.literal.kind == VALUE_INT)
        rows = (double)limit->as.literal.as.i;
    else if (limit->kind == IR_PARAM && limit->as.param.is_lifted &&
             limit->as.param.peek.kind == VALUE_INT)
        rows = (double)limit->as.param.peek.as.i;
    else
        rows = 20;
    if (offset != NULL && offset->kind == IR_LITERAL && offset->as.literal.kind == VALUE_INT)
        rows += (double)offset->as.literal.as.i;
    return rows < 1 ? (rows < 0 ? 0 : 1) : rows;
}

static enum status make_wish(struct block_plan *bp, struct plan_order *extreme)
{
    const struct plan_query *query = &bound_query_of(bp->query)->plan;

    if (bp->source_count == 0 || bp->block->has_windows)
        return ST_OK;
    if (bp->block->is_grouped) {
        if (bp->block->ir->group_count > 0)
            return wish_groups(bp);
        (void)wish_extreme(bp, extreme);
        return ST_OK;
    }
    if (query->order_count > 0 && query->block_count == 1) {
        bp->wish = (struct order_wish){query->order_count, query->order, false};
        if (!bp->block->ir->is_distinct)
            bp->limit = constant_limit(bp->query);
        return ST_OK;
    }
    return bp->block->ir->is_distinct ? wish_distinct(bp) : ST_OK;
}

/* ---- conditions find their loop ---- */

static bool is_late(const struct term *a, const struct term *b)
{
    if (a->has_subquery != b->has_subquery)
        return a->has_subquery;
    return a->selectivity > b->selectivity;
}

/* Cheap and selective first; stable, so that plans of equal conditions look alike. */
static void sort_terms(const struct block_plan *bp, uint16_t *order)
{
    for (size_t i = 0; i < bp->terms.term_count; i++) {
        size_t k = i;

        while (k > 0 && is_late(&bp->terms.terms[order[k - 1]], &bp->terms.terms[i])) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = (uint16_t)i;
    }
}

static enum status place_constants(struct block_plan *bp)
{
    struct plan_block *plan = &bp->block->plan;

    plan->once = ARENA_NEW_ARRAY(bp->p->arena, struct ir_expr *, bp->terms.term_count + 1);
    if (plan->once == NULL)
        return no_memory(bp->p);
    for (size_t i = 0; i < bp->terms.term_count; i++) {
        struct term *term = &bp->terms.terms[i];

        if (term->sources != 0 || term->outer_join >= 0 || bp->answered[i])
            continue;
        if (expr_is_false(term->expr))
            plan->is_empty = true;
        if (term->is_implied || expr_is_true(term->expr)) {
            bp->answered[i] = true;
        } else if (term->expr->is_constant || term->has_subquery || expr_is_pure(term->expr)) {
            plan->once[plan->once_count++] = term->expr;
            bp->answered[i] = true;
        }
    }
    return ST_OK;
}

static enum status place_terms(struct block_plan *bp, const uint16_t *order, unsigned position,
                               uint64_t ready, struct plan_loop *loop)
{
    size_t count = bp->terms.term_count;

    loop->filters = ARENA_NEW_ARRAY(bp->p->arena, struct ir_expr *, count + 1);
    loop->match = ARENA_NEW_ARRAY(bp->p->arena, struct ir_expr *, count + 1);
    if (loop->filters == NULL || loop->match == NULL)
        return no_memory(bp->p);
    for (size_t k = 0; k < count; k++) {
        unsigned i = order[k];
        const struct term *term = &bp->terms.terms[i];

        if (bp->answered[i] || term->is_implied || (term->sources & ~ready) != 0)
            continue;
        if (term->outer_join >= 0) {
            if (term->outer_join != (int)position)
                continue;
            loop->match[loop->match_count++] = term->expr;
        } else {
            loop->filters[loop->filter_count++] = term->expr;
        }
        bp->answered[i] = true;
    }
    return ST_OK;
}

static enum status make_loops(struct block_plan *bp, const struct join_step *steps)
{
    struct plan_block *plan = &bp->block->plan;
    uint16_t *order = ARENA_NEW_ARRAY(bp->p->arena, uint16_t, bp->terms.term_count + 1);
    uint64_t ready = 0;

    plan->loop_count = bp->source_count;
    plan->loops = ARENA_NEW_ARRAY(bp->p->arena, struct plan_loop, bp->source_count);
    if (plan->loops == NULL || order == NULL)
        return no_memory(bp->p);
    sort_terms(bp, order);
    for (size_t i = 0; i < bp->source_count; i++) {
        unsigned position = steps[i].position;
        const struct source_info *info = bp->infos[position];
        struct plan_loop *loop = &plan->loops[i];

        TRY(access_make(bp, position, ready, &steps[i].path, loop));
        loop->join = info->is_nullable                     ? IR_JOIN_LEFT
                     : info->source->join == IR_JOIN_CROSS ? IR_JOIN_CROSS
                                                           : IR_JOIN_INNER;
        loop->is_semi = info->is_semi;
        loop->is_anti = info->is_anti;
        loop->rows = steps[i].path.rows;
        loop->cost = steps[i].path.cost + steps[i].path.once_cost;
        ready |= (uint64_t)1 << position;
        TRY(place_terms(bp, order, position, ready, loop));
    }
    return ST_OK;
}

static enum status make_no_loop(struct block_plan *bp, uint8_t access)
{
    struct plan_block *plan = &bp->block->plan;
    uint16_t *order = ARENA_NEW_ARRAY(bp->p->arena, uint16_t, bp->terms.term_count + 1);

    plan->loop_count = 1;
    plan->loops = ARENA_NEW(bp->p->arena, struct plan_loop);
    if (plan->loops == NULL || order == NULL)
        return no_memory(bp->p);
    plan->loops->access = access;
    plan->loops->rows = access == ACCESS_VALUES ? (double)bp->block->ir->row_count : 1;
    sort_terms(bp, order);
    return place_terms(bp, order, 0, 0, plan->loops);
}

/* ---- results ---- */

static enum status make_outputs(struct planner *p, struct ir_query *query,
                                struct bound_block *block)
{
    struct plan_block *plan = &block->plan;
    struct ir_block *ir = block->ir;
    struct plan_query *whole = &bound_query_of(query)->plan;

    plan->row_count = ir->row_count;
    plan->rows = ir->rows;
    plan->output_count = ir->row_count > 0 ? ir->row_width : ir->output_count;
    plan->output_names = whole->output_names;
    if (ir->row_count > 0)
        return ST_OK;
    plan->outputs = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, ir->output_count);
    plan->output_names = ARENA_NEW_ARRAY(p->arena, struct slice, ir->output_count);
    if (ir->output_count > 0 && (plan->outputs == NULL || plan->output_names == NULL))
        return no_memory(p);
    for (size_t i = 0; i < ir->output_count; i++) {
        plan->outputs[i] = ir->outputs[i].expr;
        plan->output_names[i] = ir->outputs[i].name;
    }
    if (whole->block_count == 1) {
        for (size_t i = 0; i < query->order_count; i++)
            whole->order[i].expr = query->order[i].expr;
    }
    return ST_OK;
}

/* Are the results of a single table told apart by a key among the outputs? */
static bool outputs_are_unique(const struct block_plan *bp)
{
    const struct ir_block *ir = bp->block->ir;
    const struct table *table;
    unsigned parts;

    if (bp->source_count != 1 || bp->infos[0]->table == NULL || bp->block->is_grouped)
        return false;
    table = bp->infos[0]->table;
    parts = part_count(table, NULL);
    for (unsigned k = 0; k < parts; k++) {
        bool found = false;

        for (size_t i = 0; i < ir->output_count && !found; i++) {
            const struct ir_expr *expr = ir->outputs[i].expr;

            found = expr->kind == IR_COLUMN && expr->as.column.source == ir->sources[0] &&
                    expr->as.column.attribute == part_attribute(table, NULL, k);
        }
        if (!found)
            return false;
    }
    return true;
}

static bool group_keys_are_outputs(const struct bound_block *block)
{
    for (size_t k = 0; k < block->ir->group_count; k++) {
        bool found = false;

        for (size_t i = 0; i < block->ir->output_count && !found; i++)
            found = ir_expr_equal(block->ir->outputs[i].expr, block->ir->group[k]);
        if (!found)
            return false;
    }
    return true;
}

static void set_distinct(struct block_plan *bp, const struct join_step *steps, bool is_ordered)
{
    struct plan_block *plan = &bp->block->plan;

    if (!bp->block->ir->is_distinct)
        return;
    plan->distinct = DISTINCT_HASH;
    if (bp->block->has_windows)
        return;
    if (outputs_are_unique(bp) ||
        (bp->source_count > 0 && steps[0].path.is_unique && bp->source_count == 1) ||
        (bp->block->is_grouped && group_keys_are_outputs(bp->block)) || bp->source_count == 0)
        plan->distinct = DISTINCT_NO;
    else if (is_ordered && bp->wish.any_direction && !bp->block->is_grouped)
        plan->distinct = DISTINCT_STREAM;
}

static bool is_plain_count(const struct plan_aggregate *aggregate)
{
    const struct ir_expr *call = aggregate->call;

    return slice_is(slice_text(aggregate->func->name), "count") && call->as.call.count == 0 &&
           call->as.call.filter == NULL;
}

static void set_group(struct block_plan *bp, bool is_ordered)
{
    struct plan_block *plan = &bp->block->plan;

    plan->group = GROUP_NONE;
    if (!bp->block->is_grouped)
        return;
    if (bp->block->ir->group_count > 0) {
        plan->group = is_ordered ? GROUP_STREAM : GROUP_HASH;
        return;
    }
    plan->group = GROUP_ALL;
    if (is_ordered && bp->wish.count == 1)
        plan->group = GROUP_FIRST;
    else if (plan->aggregate_count == 1 && is_plain_count(&plan->aggregates[0]) &&
             bp->source_count == 1 && bp->infos[0]->table != NULL && bp->terms.term_count == 0 &&
             !bp->infos[0]->table->may_expire && !plan->is_empty && plan->bare_count == 0)
        plan->group = GROUP_COUNT;
}

/* Does ORDER BY come for free? */
static void set_sort(struct block_plan *bp, bool is_ordered)
{
    struct plan_query *query = &bound_query_of(bp->query)->plan;
    const struct plan_block *plan = &bp->block->plan;
    bool delivered;

    if (query->block_count != 1)
        return;
    delivered = is_ordered && !bp->wish.any_direction &&
                (plan->group == GROUP_NONE || plan->group == GROUP_STREAM) && bp->wish.count > 0;
    if (query->order_count == 0 || delivered || plan->group == GROUP_ALL ||
        plan->group == GROUP_COUNT || plan->group == GROUP_FIRST || bp->source_count == 0)
        query->sort = SORT_NO;
    else
        query->sort = query->ir->limit != NULL ? SORT_TOP : SORT_ALL;
}

static void estimate_out(struct block_plan *bp, double rows)
{
    struct plan_block *plan = &bp->block->plan;

    if (plan->group == GROUP_STREAM || plan->group == GROUP_HASH)
        rows = rows * 0.25 < 1 ? 1 : rows * 0.25;
    else if (plan->group != GROUP_NONE)
        rows = 1;
    if (plan->distinct != DISTINCT_NO)
        rows *= 0.5;
    plan->rows_out = plan->is_empty ? 0 : rows;
}

static enum status plan_values(struct block_plan *bp)
{
    TRY(make_no_loop(bp, ACCESS_VALUES));
    bp->block->plan.rows_out = (double)bp->block->ir->row_count;
    return ST_OK;
}

enum status plan_block_make(struct planner *p, struct ir_query *query, struct bound_block *block)
{
    struct join_step steps[SOURCES_MAX];
    struct block_plan bp;
    struct plan_order extreme;
    bool is_ordered = false;
    double rows = 1, cost = 0;

    memset(&bp, 0, offsetof(struct block_plan, infos));
    memset(&bp.before, 0, sizeof bp - offsetof(struct block_plan, before));
    bp.p = p;
    bp.query = query;
    bp.block = block;
    TRY(plan_block_subqueries(p, block));
    find_sources(&bp);
    TRY(terms_collect(p, block, &bp.terms));
    if (!p->options->no_optimizer)
        TRY(terms_imply(p, block, &bp.terms));
    bp.answered = ARENA_NEW_ARRAY(p->arena, bool, bp.terms.term_count + 64);
    if (bp.answered == NULL)
        return no_memory(p);
    if (block->is_grouped)
        TRY(plan_group(p, query, block));
    TRY(make_outputs(p, query, block));
    if (block->has_windows)
        TRY(plan_windows(p, query, block));
    if (block->ir->row_count > 0)
        return plan_values(&bp);
    TRY(place_constants(&bp));
    if (bp.source_count == 0) {
        TRY(make_no_loop(&bp, ACCESS_NOTHING));
    } else {
        bp.needed = ARENA_NEW_ARRAY(p->arena, struct needed, bp.source_count);
        if (bp.needed == NULL)
            return no_memory(p);
        TRY(needed_collect(p, query, block, bp.needed));
        for (unsigned i = 0; i < bp.source_count; i++)
            bp.before[i] = sources_before(&bp, i);
        TRY(make_wish(&bp, &extreme));
        TRY(join_order_choose(&bp, steps, &is_ordered, &rows, &cost));
        TRY(make_loops(&bp, steps));
    }
    set_group(&bp, is_ordered);
    set_distinct(&bp, steps, is_ordered);
    set_sort(&bp, is_ordered);
    estimate_out(&bp, rows);
    return ST_OK;
}
