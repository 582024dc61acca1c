/*
 * access_make: a chosen path as a plan_loop.
 */
#include "vdbe/plan/plan_internal.h"

static void key_term_from(const struct use *use, struct plan_key_term *out)
{
    if (use->op == TERM_IN)
        out->in = use->value;
    else
        out->value = use->value;
    out->affinity = use->affinity;
    out->null_matches =
        use->op == TERM_IS || use->op == TERM_IS_NULL || use->op == TERM_STORED_NULL;
    out->absent_excluded = use->op == TERM_STORED_NULL;
}

static void bound_from(const struct use *use, struct plan_bound *out)
{
    out->value = use->value;
    out->affinity = use->affinity;
    out->is_inclusive = use->op == TERM_LE || use->op == TERM_GE;
    if (use->op == TERM_PREFIX) {
        out->is_prefix = true;
        out->is_inclusive = true;
    }
}

enum status range_make(struct block_plan *bp, const struct terms *terms, const struct path *path,
                       struct plan_range *out)
{
    memset(out, 0, sizeof *out);
    out->index = path->index;
    out->equal_count = path->equal_count;
    out->is_descending = path->is_descending;
    out->is_unique = path->is_unique;
    out->rows = path->rows;
    if (path->equal_count > 0) {
        out->equals = ARENA_NEW_ARRAY(bp->p->arena, struct plan_key_term, path->equal_count);
        if (out->equals == NULL)
            return no_memory(bp->p);
    }
    for (unsigned i = 0; i < path->equal_count; i++) {
        const struct use *use = &terms->uses[path->equals[i]];

        key_term_from(use, &out->equals[i]);
        if (use->op == TERM_IS_NULL || use->op == TERM_STORED_NULL) {
            out->equals[i].value = literal_new(bp->p, value_null());
            if (out->equals[i].value == NULL)
                return no_memory(bp->p);
        }
    }
    out->has_bounds = path->low >= 0 || path->high >= 0;
    if (path->low >= 0)
        bound_from(&terms->uses[path->low], &out->low);
    if (path->high >= 0 && path->high != path->low)
        bound_from(&terms->uses[path->high], &out->high);
    return ST_OK;
}

static void mark_answered(struct block_plan *bp, const struct path *path)
{
    if (path->needs_recheck)
        return;
    for (unsigned i = 0; i < path->equal_count; i++) {
        if (bp->terms.uses[path->equals[i]].is_exact)
            bp->answered[bp->terms.uses[path->equals[i]].term] = true;
    }
    if (path->low >= 0 && bp->terms.uses[path->low].is_exact)
        bp->answered[bp->terms.uses[path->low].term] = true;
    if (path->high >= 0 && bp->terms.uses[path->high].is_exact)
        bp->answered[bp->terms.uses[path->high].term] = true;
}

static enum status make_range(struct block_plan *bp, const struct path *path,
                              struct plan_loop *loop)
{
    TRY(range_make(bp, &bp->terms, path, &loop->range));
    loop->is_covering = path->is_covering;
    loop->dedupe_rows = path->dedupe;
    mark_answered(bp, path);
    return ST_OK;
}

static enum status make_union(struct block_plan *bp, unsigned position, uint64_t ready,
                              const struct path *path, struct plan_loop *loop)
{
    size_t count = bp->terms.terms[path->or_term].expr->as.list.count;
    enum status status = ST_OK;
    struct path again;

    loop->range_count = count;
    loop->ranges = ARENA_NEW_ARRAY(bp->p->arena, struct plan_range, count);
    if (loop->ranges == NULL)
        return no_memory(bp->p);
    if (!union_match(bp, position, ready, (unsigned)path->or_term, &again, loop->ranges, &status) &&
        status == ST_OK)
        return error_set(bp->p->err, ST_INTERNAL, -1, "a union was chosen that cannot be made");
    return status;
}

static enum status make_intersection(struct block_plan *bp, unsigned position, uint64_t ready,
                                     const struct path *path, struct plan_loop *loop)
{
    struct path second;

    loop->range_count = 2;
    loop->ranges = ARENA_NEW_ARRAY(bp->p->arena, struct plan_range, 2);
    if (loop->ranges == NULL)
        return no_memory(bp->p);
    TRY(range_make(bp, &bp->terms, path, &loop->ranges[0]));
    if (!index_match(bp, position, ready, path->second_index, &second))
        return error_set(bp->p->err, ST_INTERNAL, -1, "an index was chosen that does not match");
    return range_make(bp, &bp->terms, &second, &loop->ranges[1]);
}

/* ---- hash ---- */

struct up_search {
    bool found;
    const struct planner *p;
    const struct bound_block *block;
};

static enum status see_outer(void *context, struct ir_expr **slot, bool *enter)
{
    struct up_search *search = context;

    (void)enter;
    if ((*slot)->kind == IR_COLUMN &&
        info_of(search->p, (*slot)->as.column.source)->block != search->block)
        search->found = true;
    return ST_OK;
}

/* Only conditions on the source alone, and not on rows of enclosing blocks: the table is built
 * once. */
static bool belongs_to_build(const struct block_plan *bp, unsigned position, struct term *term)
{
    struct up_search search = {false, bp->p, bp->block};
    const struct source_info *info = bp->infos[position];

    if (term->sources != (uint64_t)1 << position || term->has_subquery || term->is_implied ||
        !expr_is_pure(term->expr))
        return false;
    if (info->is_nullable || info->is_anti ? term->outer_join != (int)position
                                           : term->outer_join >= 0)
        return false;
    (void)walk_expr(&term->expr, see_outer, &search);
    return !search.found;
}

static enum status make_build(struct block_plan *bp, unsigned position, struct plan_loop *loop)
{
    struct plan_loop *build = ARENA_NEW(bp->p->arena, struct plan_loop);
    struct path path;

    if (build == NULL)
        return no_memory(bp->p);
    build->filters = ARENA_NEW_ARRAY(bp->p->arena, struct ir_expr *, bp->terms.term_count + 1);
    if (build->filters == NULL)
        return no_memory(bp->p);
    if (!access_best(bp, position, 0, 1, NULL, &path))
        return error_set(bp->p->err, ST_INVALID, -1, "no query solution");
    for (unsigned i = 0; i < path.equal_count; i++) {
        if (!belongs_to_build(bp, position, &bp->terms.terms[bp->terms.uses[path.equals[i]].term]))
            path.access = ACCESS_HASH; /* marks: not usable */
    }
    if ((path.low >= 0 &&
         !belongs_to_build(bp, position, &bp->terms.terms[bp->terms.uses[path.low].term])) ||
        (path.high >= 0 &&
         !belongs_to_build(bp, position, &bp->terms.terms[bp->terms.uses[path.high].term])))
        path.access = ACCESS_HASH;
    if (path.access == ACCESS_HASH || path.access == ACCESS_UNION ||
        path.access == ACCESS_INTERSECT) {
        memset(&path, 0, sizeof path);
        path.access = ACCESS_SCAN;
        path.low = path.high = path.or_term = -1;
        path.rows = bp->rows[position];
    }
    TRY(access_make(bp, position, 0, &path, build));
    for (size_t i = 0; i < bp->terms.term_count; i++) {
        struct term *term = &bp->terms.terms[i];

        if (bp->answered[i] || !belongs_to_build(bp, position, term))
            continue;
        build->filters[build->filter_count++] = term->expr;
        bp->answered[i] = true;
    }
    build->rows = path.rows;
    build->cost = path.cost;
    loop->build = build;
    return ST_OK;
}

static enum status make_hash(struct block_plan *bp, unsigned position, uint64_t ready,
                             struct plan_loop *loop)
{
    size_t count = 0;

    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next)
        count++;
    loop->hash_build = ARENA_NEW_ARRAY(bp->p->arena, struct ir_expr *, count);
    loop->hash_probe = ARENA_NEW_ARRAY(bp->p->arena, struct ir_expr *, count);
    loop->hash_compare = ARENA_NEW_ARRAY(bp->p->arena, struct ir_expr *, count);
    if (loop->hash_build == NULL || loop->hash_probe == NULL || loop->hash_compare == NULL)
        return no_memory(bp->p);
    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next) {
        const struct use *use = &bp->terms.uses[u];

        if ((use->op != TERM_EQ && use->op != TERM_IS) || use->value_sources == 0 ||
            use->any_element || !use_is_ready(bp, use, ready) || bp->answered[use->term])
            continue;
        loop->hash_build[loop->hash_count] = use->column;
        loop->hash_probe[loop->hash_count] = use->value;
        loop->hash_compare[loop->hash_count] = bp->terms.terms[use->term].expr;
        loop->hash_count++;
        bp->answered[use->term] = true;
    }
    return make_build(bp, position, loop);
}

/* ---- other sources ---- */

/* WHERE hidden = value gives an argument that was not written. */
static void arguments_from_where(struct block_plan *bp, unsigned position, uint64_t ready,
                                 struct plan_loop *loop)
{
    const struct source_info *info = bp->infos[position];
    size_t hidden = 0;

    for (size_t i = 0; i < info->column_count; i++) {
        if (!info->columns[i].is_hidden)
            continue;
        for (int32_t u = bp->terms.first_use[position]; u >= 0 && loop->args[hidden] == NULL;
             u = bp->terms.uses[u].next) {
            const struct use *use = &bp->terms.uses[u];

            if (use->op == TERM_EQ && use->attribute == i && use_is_ready(bp, use, ready)) {
                loop->args[hidden] = use->value;
                bp->answered[use->term] = true;
            }
        }
        hidden++;
    }
}

static enum status make_other(struct block_plan *bp, unsigned position, uint64_t ready,
                              struct plan_loop *loop)
{
    const struct source_info *info = bp->infos[position];

    switch ((enum plan_access)loop->access) {
    case ACCESS_QUERY:
        loop->query = &info->query->plan;
        loop->is_correlated = info->query->plan.is_correlated;
        loop->is_coroutine = ready == 0;
        return ST_OK;
    case ACCESS_CTE:
    case ACCESS_RECURSION:
        TRY(plan_cte_number(bp->p, info->cte));
        loop->cte = info->cte->number;
        if (loop->access == ACCESS_CTE)
            loop->query = &info->cte->query->plan;
        return ST_OK;
    case ACCESS_FUNCTION:
        loop->function = info->function;
        loop->shows = info->shows;
        loop->args = info->source->args;
        arguments_from_where(bp, position, ready, loop);
        return ST_OK;
    case ACCESS_DOCUMENTS:
        loop->args = info->source->args;
        return ST_OK;
    default:
        return error_set(bp->p->err, ST_INTERNAL, -1, "unknown access");
    }
}

static const struct index *unfilled_index(const struct table *table, uint16_t attribute)
{
    for (unsigned k = 0; k < table->index_count; k++)
        if (table->indexes[k].state == INDEX_FILLING &&
            table->indexes[k].parts[0].attribute == attribute)
            return &table->indexes[k];
    return NULL;
}

/* A request that counts on an index which is still being filled is told so: reading the whole table
 * for each of many requests would keep it from ever getting ready. SQL, which asks for the answer
 * whatever it costs, scans. */
static enum status check_unfilled(const struct block_plan *bp, unsigned position)
{
    const struct table *table = bp->infos[position]->table;

    if (bp->p->statement == NULL || bp->p->statement->row_form == IR_ROW_COLUMNS)
        return ST_OK;
    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next) {
        const uint16_t attribute = bp->terms.uses[u].attribute;

        if (attribute < table->attribute_count && unfilled_index(table, attribute) != NULL)
            return error_set(bp->p->err, ST_INDEX_BUILDING, -1,
                             "\"%.*s\" is not indexed yet, can not search for this attribute",
                             (int)table->attributes[attribute].name.len,
                             table->attributes[attribute].name.data);
    }
    return ST_OK;
}

enum status access_make(struct block_plan *bp, unsigned position, uint64_t ready,
                        const struct path *path, struct plan_loop *loop)
{
    const struct source_info *info = bp->infos[position];

    loop->source = info->source;
    loop->table = info->table;
    loop->database = info->database;
    loop->access = path->access;
    loop->is_descending = path->is_descending;
    if (bp->needed != NULL) {
        loop->needed_count = bp->needed[position].count;
        loop->needed = bp->needed[position].attributes;
        loop->needs_record = bp->needed[position].whole;
    }
    switch ((enum plan_access)path->access) {
    case ACCESS_SCAN:
        if (info->table == NULL)
            loop->access = info->is_recursion    ? ACCESS_RECURSION
                           : info->cte != NULL   ? ACCESS_CTE
                           : info->query != NULL ? ACCESS_QUERY
                                                 : ACCESS_FUNCTION;
        return info->table != NULL ? check_unfilled(bp, position)
                                   : make_other(bp, position, ready, loop);
    case ACCESS_KEY:
    case ACCESS_INDEX:
        return make_range(bp, path, loop);
    case ACCESS_UNION:
        return make_union(bp, position, ready, path, loop);
    case ACCESS_INTERSECT:
        return make_intersection(bp, position, ready, path, loop);
    case ACCESS_HASH:
        return make_hash(bp, position, ready, loop);
    case ACCESS_QUERY:
    case ACCESS_CTE:
    case ACCESS_RECURSION:
    case ACCESS_FUNCTION:
    case ACCESS_DOCUMENTS:
        return make_other(bp, position, ready, loop);
    case ACCESS_NOTHING:
    case ACCESS_VALUES:
        break;
    }
    return error_set(bp->p->err, ST_INTERNAL, -1, "unknown access");
}
