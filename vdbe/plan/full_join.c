/*
 * full_join: the second half of a FULL JOIN, rows of the right side that nothing on the left
 * matches.
 *
 * It reads the same tables once more, so it needs sources of its own: they are copied before names
 * are bound, and bound by their own names.
 */
#include "vdbe/plan/plan_internal.h"

static struct ir_source *copy_source(struct planner *p, const struct ir_source *from)
{
    struct ir_source *source = ARENA_NEW(p->arena, struct ir_source);

    if (source == NULL)
        return NULL;
    *source = *from;
    if (from->on != NULL)
        source->on = ir_expr_copy(p->arena, from->on);
    if (from->query != NULL)
        source->query = ir_query_copy(p->arena, from->query);
    if (from->arg_count > 0) {
        source->args = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, from->arg_count);
        if (source->args == NULL)
            return NULL;
        for (size_t i = 0; i < from->arg_count; i++)
            source->args[i] = ir_expr_copy(p->arena, from->args[i]);
    }
    if ((from->on != NULL && source->on == NULL) || (from->query != NULL && source->query == NULL))
        return NULL;
    return source;
}

/* Unbound: SELECT 1 FROM b' WHERE NOT EXISTS (SELECT 1 FROM A' …). The condition is put in later,
 * when NATURAL has found its columns. */
static struct ir_query *unmatched_query(struct planner *p, const struct ir_block *block, size_t k)
{
    struct ir_source **left = ARENA_NEW_ARRAY(p->arena, struct ir_source *, k);
    struct ir_source *right = copy_source(p, block->sources[k]);
    struct ir_expr *exists = ir_expr_new(p->arena, IR_SUBQUERY, -1);

    if (left == NULL || right == NULL || exists == NULL)
        return NULL;
    for (size_t i = 0; i < k; i++) {
        left[i] = copy_source(p, block->sources[i]);
        if (left[i] == NULL)
            return NULL;
    }
    exists->as.subquery.is_exists = true;
    exists->negated = true;
    exists->as.subquery.query = query_over(p, left, k, literal_new(p, value_int(1)), right->on);
    if (exists->as.subquery.query == NULL)
        return NULL;
    right->on = NULL;
    right->join = IR_JOIN_INNER;
    right->is_natural = false;
    right->using_count = 0;
    return query_over(p, &right, 1, literal_new(p, value_int(1)), exists);
}

enum status full_joins_copy(struct planner *p, struct bound_block *block)
{
    for (size_t k = 1; k < block->ir->source_count; k++) {
        struct full_join *full;

        if (block->ir->sources[k]->join != IR_JOIN_FULL)
            continue;
        full = ARENA_NEW(p->arena, struct full_join);
        if (full == NULL)
            return no_memory(p);
        full->source = block->ir->sources[k];
        full->unmatched = unmatched_query(p, block->ir, k);
        if (full->unmatched == NULL)
            return no_memory(p);
        full->next = block->full_joins;
        block->full_joins = full;
    }
    return ST_OK;
}

/* name = b'.name: the bare name means the left side's, inside. */
static struct ir_expr *using_equality(struct planner *p, const struct ir_source *right,
                                      struct ir_name name)
{
    struct ir_expr *left = ir_column(p->arena, name), *other = ir_column(p->arena, name);
    struct ir_name *parts = ARENA_NEW_ARRAY(p->arena, struct ir_name, 2);

    if (left == NULL || other == NULL || parts == NULL)
        return NULL;
    parts[0] = right->alias.text.len > 0 ? right->alias : right->name;
    parts[1] = name;
    other->as.column.parts = parts;
    other->as.column.part_count = 2;
    return ir_compare(p->arena, IR_EQ, left, other);
}

enum status full_joins_bind(struct planner *p, struct bound_block *block, struct scope *outer)
{
    for (struct full_join *full = block->full_joins; full != NULL; full = full->next) {
        struct ir_block *unmatched = full->unmatched->blocks[0];
        struct ir_block *left = unmatched->where->as.subquery.query->blocks[0];

        for (size_t i = 0; i < full->source->using_count; i++) {
            struct ir_expr *equal =
                using_equality(p, unmatched->sources[0], full->source->using_columns[i]);

            left->where = ir_and(p->arena, left->where, equal);
            if (equal == NULL || left->where == NULL)
                return no_memory(p);
        }
        TRY(bind_query(p, full->unmatched, outer));
    }
    return ST_OK;
}
