/*
 * join_order: in which order the sources of a block are read, and by which path each.
 *
 * Few sources: dynamic programming over sets. Many: greedy, starting where a constant binds a
 * source best and following equalities. Constraints (`before`): LEFT, CROSS, arguments, semi-joins.
 */
#include "vdbe/plan/plan_internal.h"

enum { PROGRAMMING_MAX = 9 };

struct set_plan {
    double cost, rows;
    uint8_t last;
    bool is_set;
};

static uint64_t bit(unsigned position)
{
    return (uint64_t)1 << position;
}

/* Rows after adding `position` to the sources `ready`. */
static double rows_with(const struct block_plan *bp, double rows, uint64_t ready, unsigned position)
{
    uint64_t now = ready | bit(position);
    double before = rows;
    const struct source_info *info = bp->infos[position];

    rows *= bp->rows[position];
    for (size_t i = 0; i < bp->terms.term_count; i++) {
        const struct term *term = &bp->terms.terms[i];

        if ((term->sources & ~now) == 0 && !term->is_implied &&
            ((term->sources >> position & 1) != 0 || (ready == 0 && term->sources == 0)))
            rows *= (double)term->selectivity;
    }
    if (info->is_nullable && rows < before)
        rows = before;
    if (info->is_semi || info->is_anti)
        rows = rows > before * 0.5 ? before * 0.5 : rows;
    return rows < 1e-3 ? 1e-3 : rows;
}

static bool is_allowed(const struct block_plan *bp, uint64_t ready, unsigned position)
{
    return (ready & bit(position)) == 0 && (bp->before[position] & ~ready) == 0;
}

/* Does a condition link the source to those that are ready? */
static bool is_linked(const struct block_plan *bp, uint64_t ready, unsigned position)
{
    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next) {
        const struct use *use = &bp->terms.uses[u];

        if (use->value_sources != 0 && (use->value_sources & ~ready) == 0)
            return true;
    }
    return false;
}

static double step_cost(const struct path *path, double outer_rows)
{
    return path->once_cost + (outer_rows < 1 ? 1 : outer_rows) * path->cost;
}

/* ---- one source: nothing to order ---- */

static enum status choose_single(struct block_plan *bp, struct join_step *steps, double *rows,
                                 double *cost)
{
    steps[0].position = 0;
    if (!access_best(bp, 0, 0, 1, NULL, &steps[0].path))
        return error_set(bp->p->err, ST_INVALID, -1, "no query solution");
    *rows = rows_with(bp, 1, 0, 0);
    if (*rows > steps[0].path.rows)
        *rows = steps[0].path.rows;
    *cost = step_cost(&steps[0].path, 1);
    return ST_OK;
}

/* ---- dynamic programming ---- */

static bool any_linked(const struct block_plan *bp, uint64_t ready)
{
    for (unsigned k = 0; k < bp->source_count; k++) {
        if (is_allowed(bp, ready, k) && is_linked(bp, ready, k))
            return true;
    }
    return false;
}

/* Extend the plan of `ready` by each source that may follow. `first`: only this one may begin. */
static void extend(struct block_plan *bp, struct set_plan *sets, uint64_t ready, int first,
                   const struct path *first_path)
{
    const struct set_plan *from = &sets[ready];
    bool only_linked = ready != 0 && any_linked(bp, ready);

    for (unsigned k = 0; k < bp->source_count; k++) {
        struct set_plan *to = &sets[ready | bit(k)];
        struct path path;
        double cost;

        if (!is_allowed(bp, ready, k) || (only_linked && !is_linked(bp, ready, k)))
            continue;
        if (ready == 0 && first >= 0) {
            if (k != (unsigned)first)
                continue;
            path = *first_path;
        } else if (!access_best(bp, k, ready, from->rows, NULL, &path)) {
            continue;
        }
        cost = from->cost + step_cost(&path, from->rows);
        if (!to->is_set || cost < to->cost) {
            double rows = rows_with(bp, from->rows, ready, k);

            if (!to->is_set || rows < to->rows)
                to->rows = rows;
            to->cost = cost;
            to->last = (uint8_t)k;
            to->is_set = true;
        }
    }
}

static enum status choose_by_sets(struct block_plan *bp, struct set_plan *sets, int first,
                                  const struct path *first_path, struct join_step *steps,
                                  double *rows, double *cost)
{
    size_t count = bp->source_count, sets_count = (size_t)1 << count;
    uint64_t ready = sets_count - 1;
    double outer[PROGRAMMING_MAX + 1];

    memset(sets, 0, sets_count * sizeof *sets);
    sets[0] = (struct set_plan){.rows = 1, .is_set = true};
    for (uint64_t set = 0; set + 1 < sets_count; set++) {
        if (sets[set].is_set)
            extend(bp, sets, set, first, first_path);
    }
    if (!sets[sets_count - 1].is_set)
        return error_set(bp->p->err, ST_INVALID, -1, "no query solution");
    *rows = sets[sets_count - 1].rows;
    *cost = sets[sets_count - 1].cost;
    for (size_t i = count; i-- > 0;) {
        unsigned k = sets[ready].last;

        ready &= ~bit(k);
        steps[i].position = (uint8_t)k;
        outer[i] = sets[ready].rows;
        if (i == 0 && first >= 0)
            steps[i].path = *first_path;
        else
            (void)access_best(bp, k, ready, outer[i], NULL, &steps[i].path);
    }
    return ST_OK;
}

/* ---- greedy ---- */

/* Of the sources that may follow, the one that leaves the fewest rows; then the cheapest. What
 * could only be multiplied in waits until nothing linked is left. */
static int choose_next(struct block_plan *bp, uint64_t ready, double outer_rows, double outer_cost,
                       struct path *best_path, double *best_rows, double *best_cost)
{
    bool only_linked = ready != 0 && any_linked(bp, ready);
    int best = -1;
    double best_score = 0;

    for (unsigned k = 0; k < bp->source_count; k++) {
        struct path path;
        double rows, cost, score;

        if (!is_allowed(bp, ready, k) || (only_linked && !is_linked(bp, ready, k)))
            continue;
        if (!access_best(bp, k, ready, outer_rows, NULL, &path))
            continue;
        rows = rows_with(bp, outer_rows, ready, k);
        cost = outer_cost + step_cost(&path, outer_rows);
        score = rows * 4 + step_cost(&path, outer_rows);
        if (best < 0 || score < best_score) {
            best = (int)k;
            best_score = score;
            *best_path = path;
            *best_rows = rows;
            *best_cost = cost;
        }
    }
    return best;
}

static enum status choose_greedily(struct block_plan *bp, int first, const struct path *first_path,
                                   struct join_step *steps, double *rows, double *cost)
{
    uint64_t ready = 0;

    *rows = 1;
    *cost = 0;
    for (size_t i = 0; i < bp->source_count; i++) {
        double next_rows = *rows, next_cost = *cost;
        int next = first;

        if (i == 0 && first >= 0) {
            steps[0].path = *first_path;
            next_cost = step_cost(first_path, 1);
            next_rows = rows_with(bp, 1, 0, (unsigned)first);
        } else {
            next = choose_next(bp, ready, *rows, *cost, &steps[i].path, &next_rows, &next_cost);
        }
        if (next < 0)
            return error_set(bp->p->err, ST_INVALID, -1, "no query solution");
        steps[i].position = (uint8_t)next;
        ready |= bit((unsigned)next);
        *rows = next_rows;
        *cost = next_cost;
    }
    return ST_OK;
}

/* Tests: the order written. */
static enum status choose_as_written(struct block_plan *bp, struct join_step *steps, double *rows,
                                     double *cost)
{
    uint64_t ready = 0;

    *rows = 1;
    *cost = 0;
    for (unsigned i = 0; i < bp->source_count; i++) {
        unsigned next = 0;

        while (next < bp->source_count && !is_allowed(bp, ready, next))
            next++;
        if (next == bp->source_count || !access_best(bp, next, ready, *rows, NULL, &steps[i].path))
            return error_set(bp->p->err, ST_INVALID, -1, "no query solution");
        steps[i].position = (uint8_t)next;
        *cost += step_cost(&steps[i].path, *rows);
        *rows = rows_with(bp, *rows, ready, next);
        ready |= bit(next);
    }
    return ST_OK;
}

/* ---- orders ---- */

static bool steps_deliver(const struct block_plan *bp, struct join_step *steps, bool *descending,
                          size_t *step)
{
    uint64_t constant = 0;

    for (size_t i = 0; i < bp->source_count; i++) {
        if (steps[i].path.is_unique) {
            constant |= bit(steps[i].position);
            continue;
        }
        *step = i;
        return order_is_delivered(bp, steps[i].position, &steps[i].path, &bp->wish, constant,
                                  descending);
    }
    *step = 0;
    return true; /* one row at most */
}

/* What the wish saves when it is delivered. */
static double saving(const struct block_plan *bp, double rows)
{
    if (bp->wish.any_direction)
        return rows * 0.6;
    return bp->limit > 0 && bp->limit < rows ? rows * 0.4 + bp->limit : sort_cost(rows);
}

static double cost_until_limit(const struct block_plan *bp, double cost, double rows)
{
    if (bp->wish.any_direction || bp->limit <= 0 || bp->limit >= rows)
        return cost;
    return cost * (bp->limit / rows) + 5;
}

/* The source whose column is the first key that matters. */
static int wished_source(const struct block_plan *bp)
{
    for (size_t i = 0; i < bp->wish.count; i++) {
        const struct ir_expr *expr = bp->wish.keys[i].expr;

        while (expr->kind == IR_COLLATE)
            expr = expr->as.collate.operand;
        if (expr->is_constant)
            continue;
        if (expr->kind != IR_COLUMN)
            return -1;
        if (info_of(bp->p, expr->as.column.source)->block != bp->block)
            continue;
        return info_of(bp->p, expr->as.column.source)->position;
    }
    return -1;
}

static enum status try_ordered(struct block_plan *bp, struct set_plan *sets,
                               struct join_step *steps, bool *is_ordered, double *rows,
                               double *cost)
{
    struct join_step ordered[SOURCES_MAX];
    struct path first;
    double ordered_rows, ordered_cost;
    int source = wished_source(bp);

    if (source < 0 || bp->before[source] != 0 || bp->infos[source]->is_nullable ||
        bp->infos[source]->is_semi || bp->infos[source]->is_anti ||
        !access_best(bp, (unsigned)source, 0, 1, &bp->wish, &first))
        return ST_OK;
    if (bp->source_count == 1) {
        ordered[0].position = 0;
        ordered[0].path = first;
        ordered_rows = *rows;
        ordered_cost = step_cost(&first, 1);
    } else if (sets != NULL) {
        TRY(choose_by_sets(bp, sets, source, &first, ordered, &ordered_rows, &ordered_cost));
    } else {
        TRY(choose_greedily(bp, source, &first, ordered, &ordered_rows, &ordered_cost));
    }
    if (cost_until_limit(bp, ordered_cost, *rows) >= *cost + saving(bp, *rows))
        return ST_OK;
    memcpy(steps, ordered, bp->source_count * sizeof *steps);
    *is_ordered = true;
    *cost = cost_until_limit(bp, ordered_cost, *rows);
    return ST_OK;
}

enum status join_order_choose(struct block_plan *bp, struct join_step *steps, bool *is_ordered,
                              double *rows, double *cost)
{
    struct set_plan *sets = NULL;
    bool descending = false;
    size_t step = 0;

    *is_ordered = false;
    if (bp->source_count == 1) {
        TRY(choose_single(bp, steps, rows, cost));
    } else if (bp->p->options->no_optimizer) {
        TRY(choose_as_written(bp, steps, rows, cost));
    } else if (bp->source_count <= PROGRAMMING_MAX) {
        sets = arena_alloc(bp->p->arena, ((size_t)1 << bp->source_count) * sizeof *sets);
        if (sets == NULL)
            return no_memory(bp->p);
        TRY(choose_by_sets(bp, sets, -1, NULL, steps, rows, cost));
    } else {
        TRY(choose_greedily(bp, -1, NULL, steps, rows, cost));
    }
    if (bp->wish.count == 0)
        return ST_OK;
    if (steps_deliver(bp, steps, &descending, &step)) {
        steps[step].path.is_descending = descending;
        *is_ordered = true;
        return ST_OK;
    }
    if (bp->p->options->no_optimizer)
        return ST_OK;
    return try_ordered(bp, sets, steps, is_ordered, rows, cost);
}
