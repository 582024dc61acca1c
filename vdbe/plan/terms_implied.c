/*
 * terms_implied: a = b AND b = 5 gives a = 5, which may open an index on a.
 *
 * Implied conditions narrow access only; they are never tested, for what they come from is.
 */
#include "vdbe/plan/plan_internal.h"

enum { IMPLIED_MAX = 64 };

static bool is_own_column(const struct planner *p, const struct bound_block *block,
                          const struct ir_expr *expr)
{
    return expr->kind == IR_COLUMN && info_of(p, expr->as.column.source)->block == block;
}

static bool has_constant(const struct planner *p, const struct terms *terms,
                         const struct ir_expr *column)
{
    const struct source_info *info = info_of(p, column->as.column.source);

    for (int32_t u = terms->first_use[info->position]; u >= 0; u = terms->uses[u].next) {
        const struct use *use = &terms->uses[u];

        if (use->op == TERM_EQ && use->attribute == column->as.column.attribute &&
            use->column->kind == IR_COLUMN && use->value_sources == 0)
            return true;
    }
    return false;
}

/* Which ON the implied condition belongs to, or -2 when it may not be drawn. From a WHERE equality
 * it holds for all rows; from the ON of a LEFT join only for that join's own source. */
static int join_of(const struct planner *p, const struct term *equality,
                   const struct term *constant, const struct ir_expr *column)
{
    const struct source_info *info = info_of(p, column->as.column.source);

    if (constant->outer_join >= 0)
        return -2;
    if (equality->outer_join < 0)
        return info->is_nullable || info->is_anti ? -2 : -1;
    return equality->outer_join == (int)info->position ? (int)info->position : -2;
}

static enum status imply(struct planner *p, struct bound_block *block, struct terms *terms,
                         size_t equality, const struct use *known, size_t *added)
{
    const struct ir_expr *both = terms->terms[equality].expr;
    struct ir_expr *from = both->as.binary.left, *to = both->as.binary.right, *made;
    int outer_join;

    if (!ir_expr_equal(from, known->column)) {
        from = both->as.binary.right;
        to = both->as.binary.left;
    }
    if (!ir_expr_equal(from, known->column) || !is_own_column(p, block, to) ||
        from->affinity != to->affinity || from->collation != to->collation ||
        both->collation != known->collation || has_constant(p, terms, to))
        return ST_OK;
    outer_join = join_of(p, &terms->terms[equality], &terms->terms[known->term], to);
    if (outer_join == -2)
        return ST_OK;
    made = compare_new(p, IR_EQ, to, known->value);
    if (made == NULL)
        return no_memory(p);
    if (made->affinity != known->affinity || made->collation != known->collation)
        return ST_OK;
    (*added)++;
    return terms_add(p, block, terms, made, outer_join, true);
}

static bool is_equality_of_columns(const struct planner *p, const struct bound_block *block,
                                   const struct ir_expr *expr)
{
    return expr->kind == IR_COMPARE && expr->op == IR_EQ && !expr->any_element &&
           is_own_column(p, block, expr->as.binary.left) &&
           is_own_column(p, block, expr->as.binary.right);
}

enum status terms_imply(struct planner *p, struct bound_block *block, struct terms *terms)
{
    size_t written = terms->term_count, added = 0;

    if (block->ir->source_count < 2)
        return ST_OK;
    for (size_t u = 0; u < terms->use_count && added < IMPLIED_MAX; u++) {
        struct use known = terms->uses[u];

        if (known.op != TERM_EQ || known.value_sources != 0 || known.any_element ||
            known.column->kind != IR_COLUMN || known.value->kind == IR_SUBQUERY)
            continue;
        for (size_t i = 0; i < written && added < IMPLIED_MAX; i++) {
            if (i != known.term && is_equality_of_columns(p, block, terms->terms[i].expr))
                TRY(imply(p, block, terms, i, &known, &added));
        }
    }
    return ST_OK;
}
