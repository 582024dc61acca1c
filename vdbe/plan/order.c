/*
 * order: does a path deliver its rows in a wished order?
 */
#include "vdbe/plan/plan_internal.h"

static bool is_bound_constant(const struct block_plan *bp, unsigned position, uint16_t attribute)
{
    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next) {
        const struct use *use = &bp->terms.uses[u];

        if ((use->op == TERM_EQ || use->op == TERM_IS) && use->attribute == attribute &&
            use->column->kind == IR_COLUMN && use->value_sources == 0 && !use->any_element &&
            bp->terms.terms[use->term].outer_join < 0)
            return true;
    }
    return false;
}

/* Keys that are the same for all rows order nothing. */
static bool key_is_constant(const struct block_plan *bp, const struct ir_expr *expr,
                            uint64_t constant)
{
    const struct source_info *info;

    if (expr->is_constant)
        return true;
    if (expr->kind != IR_COLUMN)
        return false;
    info = info_of(bp->p, expr->as.column.source);
    if (info->block != bp->block)
        return true;
    if ((constant >> info->position & 1) != 0)
        return true;
    return is_bound_constant(bp, info->position, expr->as.column.attribute);
}

static bool part_is_equal(const struct block_plan *bp, const struct path *path, unsigned part)
{
    const struct use *use;

    if (part >= path->equal_count)
        return false;
    use = &bp->terms.uses[path->equals[part]];
    return use->op != TERM_IN && !use->any_element;
}

/* Absent rows are missing from an index over elements: it gives an order only where the range
 * leaves them out anyway, and only when there are no arrays. */
static bool index_orders(const struct block_plan *bp, unsigned position, const struct path *path)
{
    const struct table *table = bp->infos[position]->table;
    const struct attribute *attribute;

    if (path->index == NULL || !path->index->is_multi_valued)
        return true;
    if (path->index->parts[0].attribute == ATTRIBUTE_NONE)
        return false;
    attribute = &table->attributes[path->index->parts[0].attribute];
    return attribute_is_scalar(attribute) &&
           (attribute->is_not_null || path->equal_count > 0 || path->low >= 0 || path->high >= 0);
}

struct part_cursor {
    const struct table *table;
    const struct path *path;
    unsigned part, index_parts, parts; /* the index's, then those of the primary key */
};

static uint16_t cursor_attribute(const struct part_cursor *c, struct key_part *order)
{
    if (c->part < c->index_parts) {
        *order = c->path->index->parts[c->part].order;
        return c->path->index->parts[c->part].attribute;
    }
    *order = part_order(c->table, NULL, c->part - c->index_parts);
    return part_attribute(c->table, NULL, c->part - c->index_parts);
}

static bool part_has_key(const struct block_plan *bp, unsigned position, uint16_t attribute,
                         struct key_part order, const struct plan_order *key)
{
    const struct ir_expr *expr = key->expr;

    while (expr->kind == IR_COLLATE)
        expr = expr->as.collate.operand;
    return expr->kind == IR_COLUMN && expr->as.column.attribute == attribute &&
           info_of(bp->p, expr->as.column.source) == bp->infos[position] &&
           key->collation == order.collation;
}

static bool adjacency_is_delivered(const struct block_plan *bp, unsigned position,
                                   const struct path *path, const struct order_wish *wish,
                                   uint64_t constant, struct part_cursor *c)
{
    size_t left = 0;
    uint64_t open = 0;

    if (wish->count > 64)
        return false;
    for (size_t i = 0; i < wish->count; i++) {
        if (!key_is_constant(bp, wish->keys[i].expr, constant)) {
            open |= (uint64_t)1 << i;
            left++;
        }
    }
    for (; c->part < c->parts && left > 0; c->part++) {
        struct key_part order;
        uint16_t attribute = cursor_attribute(c, &order);
        bool matched = false;

        for (size_t i = 0; i < wish->count; i++) {
            if ((open >> i & 1) != 0 &&
                part_has_key(bp, position, attribute, order, &wish->keys[i])) {
                open &= ~((uint64_t)1 << i);
                left--;
                matched = true;
            }
        }
        if (!matched && !part_is_equal(bp, path, c->part))
            return false;
    }
    return left == 0;
}

/* Step over parts that are the same for all rows to the one that is `key`. False: another part
 * comes first. Behind the last part: true when nothing is left to be told apart. */
static bool find_part(const struct block_plan *bp, unsigned position, const struct path *path,
                      const struct plan_order *key, struct part_cursor *c, uint16_t *attribute,
                      struct key_part *order)
{
    for (; c->part < c->parts; c->part++) {
        *attribute = cursor_attribute(c, order);
        if (part_has_key(bp, position, *attribute, *order, key))
            return true;
        if (!part_is_equal(bp, path, c->part))
            return false;
    }
    return key->expr->kind == IR_COLUMN && bp->source_count == 1;
}

bool order_is_delivered(const struct block_plan *bp, unsigned position, const struct path *path,
                        const struct order_wish *wish, uint64_t constant, bool *descending)
{
    const struct table *table = bp->infos[position]->table;
    struct part_cursor c = {.table = table, .path = path};
    bool has_direction = false, backwards = false;
    size_t k = 0;

    *descending = false;
    if (path->is_unique && wish->count > 0) {
        bool all_here = true;

        for (size_t i = 0; i < wish->count; i++)
            all_here &= key_is_constant(bp, wish->keys[i].expr, constant | (uint64_t)1 << position);
        if (all_here)
            return true;
    }
    if (table == NULL ||
        (path->access != ACCESS_SCAN && path->access != ACCESS_KEY &&
         path->access != ACCESS_INDEX) ||
        !index_orders(bp, position, path) || path->dedupe)
        return false;
    c.index_parts = path->index != NULL ? path->index->part_count : 0;
    c.parts = c.index_parts + part_count(table, NULL);
    if (wish->any_direction)
        return adjacency_is_delivered(bp, position, path, wish, constant, &c);
    for (; k < wish->count; k++) {
        const struct plan_order *key = &wish->keys[k];
        struct key_part order = {0};
        uint16_t attribute = ATTRIBUTE_NONE;
        bool wants;

        if (key_is_constant(bp, key->expr, constant))
            continue;
        if (!find_part(bp, position, path, key, &c, &attribute, &order))
            return false;
        if (c.part >= c.parts) /* the whole key was used: rows are told apart by now */
            break;
        if (c.part < path->equal_count && bp->terms.uses[path->equals[c.part]].op == TERM_IN &&
            (key->descending || order.descending))
            return false; /* the values of an IN come ascending */
        wants = key->descending != order.descending;
        if (key->nulls_last != key->descending &&
            !(attribute == ATTRIBUTE_NONE || table->attributes[attribute].is_not_null))
            return false;
        if (has_direction && wants != backwards)
            return false;
        has_direction = true;
        backwards = wants;
        c.part++;
    }
    for (unsigned i = 0; i < path->equal_count && i < c.part; i++) {
        const struct use *use = &bp->terms.uses[path->equals[i]];

        /* Behind an IN the rows start over with each of its values. */
        if (use->op == TERM_IN && c.part > i + 1)
            return false;
        if (use->op == TERM_IN && backwards)
            return false;
    }
    *descending = has_direction && backwards;
    return true;
}
