/*
 * cost: how many rows, and what reading them costs. The unit is one row of a scan.
 */
#include "vdbe/plan/plan_internal.h"
#include <math.h>

enum {
    ROWS_FLOOR = 25,      /* a plan may outlive an empty table: assume a few rows */
    LOOK_ROWS_MIN = 2000, /* smaller tables are not worth the seeks of looking */
};

double source_rows(const struct planner *p, const struct source_info *info)
{
    double rows = 100;

    (void)p;
    if (info->table != NULL)
        rows = table_estimate_rows(info->table);
    else if (info->is_recursion)
        rows = 20;
    else if (info->query != NULL)
        rows = info->query->plan.rows;
    else if (info->cte != NULL && info->cte->query != NULL)
        rows = info->cte->query->plan.rows;
    else if (info->source->kind == IR_SOURCE_DOCUMENTS)
        return 10;
    return rows < ROWS_FLOOR && info->table != NULL ? ROWS_FLOOR : rows < 1 ? 1 : rows;
}

double sort_cost(double rows)
{
    return rows < 2 ? 0 : rows * (1 + 0.15 * log2(rows));
}

static bool value_now(const struct ir_expr *expr, struct value *out)
{
    if (expr->kind == IR_LITERAL)
        *out = expr->as.literal;
    else if (expr->kind == IR_PARAM && expr->as.param.is_lifted)
        *out = expr->as.param.peek;
    else
        return false;
    return !value_is_null(*out);
}

static bool append_value(struct buf *key, const struct use *use, struct key_part order,
                         struct arena *arena)
{
    struct value v;

    if (!value_now(use->value, &v))
        return false;
    v = value_apply_affinity(v, (enum affinity)use->affinity, arena);
    keycode_append_prefix(key, v, order);
    return true;
}

static double look(const struct block_plan *bp, unsigned position, const struct path *path)
{
    const struct source_info *info = bp->infos[position];
    struct txn *txn = bp->p->databases->refs[info->database].txn;
    struct buf begin = {0}, end = {0};
    const struct use *uses = bp->terms.uses;
    struct key_part order;
    double rows = -1;
    bool known = true;

    for (unsigned i = 0; i < path->equal_count && known; i++) {
        const struct use *use = &uses[path->equals[i]];

        order = part_order(info->table, path->index, i);
        known = (use->op == TERM_EQ || use->op == TERM_IS) &&
                append_value(&begin, use, order, bp->p->arena);
    }
    if (!known || (path->equal_count == 0 && path->low < 0 && path->high < 0))
        goto out;
    buf_append_slice(&end, buf_slice(&begin));
    if (path->low >= 0 || path->high >= 0) {
        order = part_order(info->table, path->index, path->equal_count);
        if (order.descending)
            goto out;
        if (path->low >= 0) {
            known = append_value(&begin, &uses[path->low], order, bp->p->arena);
            if (known && uses[path->low].op == TERM_PREFIX)
                goto out; /* a text's own end mark is in the way: leave it to the guess */
        }
        if (known && path->high >= 0)
            known = append_value(&end, &uses[path->high], order, bp->p->arena);
        else if (known && !key_prefix_end(&end))
            buf_clear(&end);
    } else if (!key_prefix_end(&end)) {
        buf_clear(&end);
    }
    if (known && !begin.failed && !end.failed)
        rows = path->index != NULL
                   ? index_estimate_range(txn, path->index, buf_slice(&begin), buf_slice(&end))
                   : table_estimate_range(txn, info->table, buf_slice(&begin), buf_slice(&end));
out:
    buf_free(&begin);
    buf_free(&end);
    return rows;
}

double estimate_by_looking(struct block_plan *bp, unsigned position, const struct path *path)
{
    struct look wanted = {.index = path->index,
                          .low = path->low,
                          .high = path->high,
                          .position = (uint8_t)position,
                          .equal_count = (uint8_t)path->equal_count};

    if (bp->rows[position] < LOOK_ROWS_MIN)
        return -1;
    if (path->equal_count > 4 || bp->keeps_no_looks)
        return look(bp, position, path);
    for (unsigned i = 0; i < path->equal_count; i++)
        wanted.equals = wanted.equals << 16 | path->equals[i];
    for (size_t i = 0; i < bp->look_count; i++) {
        const struct look *old = &bp->looks[i];

        if (old->index == wanted.index && old->low == wanted.low && old->high == wanted.high &&
            old->position == wanted.position && old->equal_count == wanted.equal_count &&
            old->equals == wanted.equals)
            return old->rows;
    }
    wanted.rows = look(bp, position, path);
    if (bp->look_count < LOOKS_MAX)
        bp->looks[bp->look_count++] = wanted;
    return wanted.rows;
}

double rows_per_key_prefix(struct planner *p, struct source_info *info, unsigned parts)
{
    double all = source_rows(p, info), distinct;

    if (info->prefix_parts == parts)
        return info->rows_per_prefix;
    if (all < LOOK_ROWS_MIN)
        distinct = pow(all, (double)parts / info->table->key_count);
    else
        distinct =
            table_estimate_distinct(p->databases->refs[info->database].txn, info->table, parts);
    info->prefix_parts = (uint8_t)parts;
    info->rows_per_prefix = all / (distinct < 1 ? 1 : distinct);
    return info->rows_per_prefix;
}

/* ---- which attributes are read ---- */

struct needed_search {
    struct planner *p;
    const struct bound_block *block;
    struct needed *out;
};

static enum status need_attribute(struct planner *p, struct needed *needed, uint16_t attribute)
{
    if (attribute < 64) {
        if ((needed->low_mask >> attribute & 1) != 0)
            return ST_OK;
        needed->low_mask |= (uint64_t)1 << attribute;
    } else {
        for (unsigned i = 0; i < needed->count; i++) {
            if (needed->attributes[i] == attribute)
                return ST_OK;
        }
    }
    if (needed->count == needed->capacity) {
        size_t larger = needed->capacity == 0 ? 8 : needed->capacity * 2u;
        uint16_t *list = arena_alloc(p->arena, larger * sizeof *list);

        if (list == NULL)
            return no_memory(p);
        if (needed->count > 0)
            memcpy(list, needed->attributes, needed->count * sizeof *list);
        needed->attributes = list;
        needed->capacity = (uint16_t)larger;
    }
    needed->attributes[needed->count++] = attribute;
    return ST_OK;
}

static enum status see_needed(void *context, struct ir_expr **slot, bool *enter)
{
    struct needed_search *search = context;
    const struct ir_expr *expr = *slot;

    (void)enter;
    if (expr->kind == IR_COLUMN) {
        const struct source_info *info = info_of(search->p, expr->as.column.source);

        if (info->block == search->block)
            return need_attribute(search->p, &search->out[info->position],
                                  expr->as.column.attribute);
    } else if (expr->kind == IR_RECORD || expr->kind == IR_META) {
        const struct source_info *info = info_of(search->p, expr->as.record.source);

        if (info->block == search->block)
            search->out[info->position].whole = true;
    }
    return ST_OK;
}

enum status needed_collect(struct planner *p, struct ir_query *query, struct bound_block *block,
                           struct needed *out)
{
    struct needed_search search = {p, block, out};

    TRY(walk_block(block->ir, see_needed, &search));
    for (size_t i = 0; i < query->order_count; i++)
        TRY(walk_expr(&query->order[i].expr, see_needed, &search));
    return ST_OK;
}
