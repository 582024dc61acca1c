/*
 * access: the ways to one source, and the cheapest of them.
 *
 * Candidates are compared as struct path on the stack; nothing is allocated until one is chosen.
 */
#include "vdbe/plan/plan_internal.h"

/* Measured on LMDB with tables in memory, in rows of a scan (about 60 ns): a lookup by key takes
 * 300 to 500 ns, a row behind an index entry 400, a probe of a hash table 100 to 150, adding a row
 * to it 250. */
static const double SEEK_COST = 5, FETCH_COST = 6, PROBE_COST = 2, BUILD_COST = 4;

enum {
    UNION_ROWS_MIN = 200, /* smaller tables are scanned rather than searched once per arm */
    UNION_ARMS_MAX = 64,
};

/* ---- parts of keys ---- */

unsigned part_count(const struct table *table, const struct index *index)
{
    if (index != NULL)
        return index->part_count;
    return table->key_count == 0 ? 1 : table->key_count;
}

uint16_t part_attribute(const struct table *table, const struct index *index, unsigned part)
{
    if (index != NULL)
        return index->parts[part].attribute;
    return table->key_count == 0 ? ATTRIBUTE_NONE : table->key_attributes[part];
}

struct key_part part_order(const struct table *table, const struct index *index, unsigned part)
{
    if (index != NULL)
        return index->parts[part].order;
    if (table->key_parts == NULL)
        return (struct key_part){0};
    return table->key_parts[part];
}

bool use_is_ready(const struct block_plan *bp, const struct use *use, uint64_t ready)
{
    const struct term *term = &bp->terms.terms[use->term];
    const struct source_info *info = bp->infos[use->position];

    if ((use->value_sources & ~ready) != 0)
        return false;
    if (info->is_nullable || info->is_anti)
        return term->outer_join == (int)use->position;
    return term->outer_join < 0;
}

/* ---- may this use be answered by this part? ---- */

static bool affinity_fits(uint8_t compare, uint8_t column)
{
    if (compare == AFFINITY_NONE)
        return true;
    if (compare == AFFINITY_TEXT)
        return column == AFFINITY_TEXT;
    return column == AFFINITY_NUMERIC || column == AFFINITY_INTEGER || column == AFFINITY_REAL;
}

static bool is_key_attribute(const struct table *table, uint16_t attribute)
{
    for (unsigned i = 0; i < table->key_count; i++) {
        if (table->key_attributes[i] == attribute)
            return true;
    }
    return false;
}

enum multi_fit { MULTI_NO, MULTI_RECHECK, MULTI_EXACT };

/* Can the value only be null, a boolean, a number or a text? Such values have one entry each. */
static bool is_plain_value(const struct block_plan *bp, const struct ir_expr *value)
{
    if (value->kind == IR_PARAM)
        return true;
    if (value->kind == IR_COLUMN) {
        const struct table *table = info_of(bp->p, value->as.column.source)->table;

        if (table != NULL && value->as.column.attribute == ATTRIBUTE_NONE)
            return true;
        if (table != NULL && is_key_attribute(table, value->as.column.attribute))
            return true;
    }
    return value->type >= 1 + VALUE_BOOL && value->type <= 1 + VALUE_TEXT;
}

/* An index over the elements of arrays lacks rows without the attribute, and objects and bytes; it
 * has a row once per element. */
static enum multi_fit fits_multi_valued(const struct block_plan *bp, const struct use *use,
                                        const struct table *table)
{
    const struct attribute *attribute;

    if (use->attribute == ATTRIBUTE_NONE) /* a computed attribute: elements unknown */
        return use->any_element ? MULTI_RECHECK : MULTI_NO;
    attribute = &table->attributes[use->attribute];
    if (use->op == TERM_IS || use->op == TERM_IS_NULL || use->op == TERM_NOT_NULL)
        return MULTI_NO;
    if (attribute_is_scalar(attribute) && attribute->type != TYPE_BYTES &&
        attribute->type != TYPE_BLOB)
        return MULTI_EXACT;
    if (use->op == TERM_STORED_NULL)
        return MULTI_RECHECK;
    if (use->any_element)
        return MULTI_RECHECK;
    if (use->op == TERM_IN) {
        if (use->value->as.in.query != NULL)
            return MULTI_NO;
        for (size_t i = 0; i < use->value->as.in.count; i++) {
            if (!is_plain_value(bp, use->value->as.in.items[i]))
                return MULTI_NO;
        }
        return MULTI_RECHECK;
    }
    if (use->op == TERM_GT || use->op == TERM_GE)
        return MULTI_NO; /* arrays and objects are greater than all else, and not there */
    return is_plain_value(bp, use->value) ? MULTI_RECHECK : MULTI_NO;
}

static bool expression_matches(struct block_plan *bp, unsigned position, const struct index *index,
                               unsigned part, const struct use *use)
{
    struct ir_expr *expr = NULL;

    if (use->column->kind == IR_COLUMN)
        return false;
    if (bind_stored(bp->p, index->parts[part].expression_sql, bp->infos[position]->source, &expr) !=
        ST_OK) {
        error_clear(bp->p->err);
        return false;
    }
    return ir_expr_equal(expr, use->column);
}

static bool use_fits_part(struct block_plan *bp, const struct use *use, const struct index *index,
                          unsigned part, bool *recheck)
{
    const struct table *table = bp->infos[use->position]->table;
    uint16_t attribute = part_attribute(table, index, part);
    uint8_t affinity;

    if (index != NULL && attribute == ATTRIBUTE_NONE) {
        if (!expression_matches(bp, use->position, index, part, use))
            return false;
        affinity = AFFINITY_NONE;
        if (use->affinity != AFFINITY_NONE)
            *recheck = true;
    } else {
        if (use->column->kind != IR_COLUMN || use->attribute != attribute)
            return false;
        affinity = attribute == ATTRIBUTE_NONE ? (uint8_t)AFFINITY_INTEGER
                                               : table->attributes[attribute].affinity;
    }
    if (!use->ignores_collation && use->collation != part_order(table, index, part).collation)
        return false;
    if (!affinity_fits(use->affinity, affinity))
        return false;
    if (index != NULL && index->is_multi_valued) {
        enum multi_fit fit = fits_multi_valued(bp, use, table);

        if (fit == MULTI_NO)
            return false;
        *recheck |= fit == MULTI_RECHECK;
    } else if (use->any_element) {
        *recheck = true;
        if (index != NULL) /* elements are not in an ordinary index */
            return false;
    } else if (use->op == TERM_STORED_NULL) {
        *recheck = true;
    }
    return true;
}

static int equality_rank(uint8_t op)
{
    switch (op) {
    case TERM_EQ:
        return 5;
    case TERM_IS:
        return 4;
    case TERM_IS_NULL:
    case TERM_STORED_NULL:
        return 3;
    case TERM_IN:
        return 2;
    default:
        return 0;
    }
}

static int find_equality(struct block_plan *bp, unsigned position, uint64_t ready,
                         const struct index *index, unsigned part, bool *recheck)
{
    int best = -1, best_rank = 0;

    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next) {
        const struct use *use = &bp->terms.uses[u];
        int rank = equality_rank(use->op);
        bool again = false;

        if (rank <= best_rank || !use_is_ready(bp, use, ready) ||
            !use_fits_part(bp, use, index, part, &again))
            continue;
        best = u;
        best_rank = rank;
        *recheck = again;
    }
    return best;
}

static void find_bounds(struct block_plan *bp, unsigned position, uint64_t ready,
                        const struct index *index, unsigned part, struct path *path)
{
    bool is_multi = index != NULL && index->is_multi_valued;

    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next) {
        const struct use *use = &bp->terms.uses[u];
        bool again = false;

        if (use->op < TERM_LT || use->op > TERM_PREFIX || !use_is_ready(bp, use, ready) ||
            !use_fits_part(bp, use, index, part, &again))
            continue;
        if (use->op == TERM_PREFIX) {
            path->low = path->high = u;
            path->needs_recheck = again;
            return;
        }
        /* Each condition may be met by another element: one bound, the rest is tested. */
        if (is_multi && again && (path->low >= 0 || path->high >= 0))
            continue;
        if ((use->op == TERM_GT || use->op == TERM_GE) && path->low < 0)
            path->low = u;
        else if ((use->op == TERM_LT || use->op == TERM_LE) && path->high < 0)
            path->high = u;
        else
            continue;
        path->needs_recheck |= again;
    }
}

/* ---- partial indexes ---- */

static bool condition_holds(struct block_plan *bp, unsigned position, struct ir_expr *condition)
{
    if (condition->kind == IR_LOGIC && condition->op == IR_AND) {
        for (size_t i = 0; i < condition->as.list.count; i++) {
            if (!condition_holds(bp, position, condition->as.list.operands[i]))
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < bp->terms.term_count; i++) {
        const struct term *term = &bp->terms.terms[i];
        bool counts = bp->infos[position]->is_nullable || bp->infos[position]->is_anti
                          ? term->outer_join == (int)position
                          : term->outer_join < 0;

        if (!counts)
            continue;
        if (ir_expr_equal(term->expr, condition))
            return true;
        /* x IS NOT NULL follows from any comparison of x. */
        if (condition->kind == IR_UNARY && condition->op == IR_NOT_NULL &&
            term->expr->kind == IR_COMPARE && term->expr->op <= IR_GE &&
            (ir_expr_equal(term->expr->as.binary.left, condition->as.unary.operand) ||
             ir_expr_equal(term->expr->as.binary.right, condition->as.unary.operand)))
            return true;
    }
    return false;
}

static bool index_is_usable(struct block_plan *bp, unsigned position, const struct index *index)
{
    const struct ir_source *source = bp->infos[position]->source;
    struct ir_expr *condition = NULL;

    if (index->state != INDEX_READY)
        return false;
    if (source->index_hint.text.len > 0 &&
        !slice_equal_nocase(source->index_hint.text, index->name))
        return false;
    if (index->where_sql.len == 0)
        return true;
    if (bind_stored(bp->p, index->where_sql, bp->infos[position]->source, &condition) != ST_OK) {
        error_clear(bp->p->err);
        return false;
    }
    return condition_holds(bp, position, condition);
}

/* ---- covering ---- */

static bool index_has_attribute(const struct table *table, const struct index *index,
                                uint16_t attribute)
{
    if (attribute == ATTRIBUTE_NONE)
        return table->key_count == 0;
    for (unsigned i = 0; i < index->part_count; i++) {
        if (index->parts[i].attribute == attribute && keycode_is_exact(index->parts[i].order))
            return true;
    }
    for (unsigned i = 0; i < table->key_count; i++) {
        if (table->key_attributes[i] == attribute && keycode_is_exact(table->key_parts[i]))
            return true;
    }
    return false;
}

static bool index_covers(const struct block_plan *bp, unsigned position, const struct index *index)
{
    const struct needed *needed = &bp->needed[position];
    const struct table *table = bp->infos[position]->table;

    if (needed->whole || index->is_multi_valued || table->may_expire)
        return false; /* only the record tells that it is past its time */
    if ((table->is_dynamic || table->is_made_by_sdl) && bp->p->out->ir != NULL &&
        bp->p->out->ir->row_form != IR_ROW_COLUMNS)
        return false; /* an index does not tell absent from null */
    for (unsigned i = 0; i < needed->count; i++) {
        if (!index_has_attribute(table, index, needed->attributes[i]))
            return false;
    }
    return true;
}

/* ---- estimates ---- */

static void estimate_rows(struct block_plan *bp, unsigned position, struct path *path)
{
    const struct table *table = bp->infos[position]->table;
    double all = bp->rows[position], rows = all, looked;
    double seeks = 1;
    unsigned parts = part_count(table, path->index);
    bool has_many = false, has_null = false;

    for (unsigned i = 0; i < path->equal_count; i++) {
        const struct use *use = &bp->terms.uses[path->equals[i]];

        if (use->op == TERM_IN) {
            seeks *= use->rows_fixed > 1 ? (double)use->rows_fixed : 1;
            has_many = true;
        }
        has_null |= use->op == TERM_IS_NULL || use->op == TERM_STORED_NULL || use->op == TERM_IS;
    }
    path->is_unique = path->equal_count == parts && !has_many &&
                      (path->index == NULL ||
                       (path->index->is_unique && !has_null && !path->index->is_multi_valued));
    if (path->equal_count == parts && (path->index == NULL || path->index->is_unique)) {
        rows = 1;
    } else if (path->equal_count > 0) {
        double distinct =
            path->index != NULL
                ? index_estimate_distinct(path->index, path->equal_count)
                : all / rows_per_key_prefix(bp->p, bp->infos[position], path->equal_count);

        rows = distinct > 1 ? all / distinct : all / 10;
    }
    if (path->low >= 0 && path->low == path->high)
        rows *= 0.05;
    else if (path->low >= 0 && path->high >= 0)
        rows *= 0.1;
    else if (path->low >= 0 || path->high >= 0)
        rows *= 0.3;
    rows *= seeks;
    looked = path->is_unique || has_many ? -1 : estimate_by_looking(bp, position, path);
    if (looked >= 0)
        rows = looked;
    if (rows > all)
        rows = all;
    path->rows = rows < 1 ? (path->is_unique ? 1 : rows < 0.5 ? 0.5 : rows) : rows;
    path->cost = seeks * SEEK_COST + path->rows * (path->index == NULL ? 1
                                                   : path->is_covering ? 1.02
                                                                       : FETCH_COST);
}

bool index_match(struct block_plan *bp, unsigned position, uint64_t ready,
                 const struct index *index, struct path *out)
{
    const struct table *table = bp->infos[position]->table;
    unsigned parts = part_count(table, index);

    memset(out, 0, sizeof *out);
    out->low = out->high = out->or_term = -1;
    out->index = index;
    out->access = index == NULL ? ACCESS_KEY : ACCESS_INDEX;
    for (unsigned part = 0; part < parts && part < PATH_PARTS_MAX; part++) {
        bool recheck = false;
        int use = find_equality(bp, position, ready, index, part, &recheck);

        if (use < 0) {
            find_bounds(bp, position, ready, index, part, out);
            break;
        }
        out->equals[out->equal_count++] = (uint16_t)use;
        out->needs_recheck |= recheck;
    }
    if (index != NULL) {
        out->is_covering = index_covers(bp, position, index);
        if (index->is_multi_valued &&
            !attribute_is_scalar(&table->attributes[index->parts[0].attribute]))
            out->dedupe = out->low >= 0 || out->high >= 0 ||
                          (out->equal_count > 0 && bp->terms.uses[out->equals[0]].op == TERM_IN);
    }
    return out->equal_count > 0 || out->low >= 0 || out->high >= 0;
}

/* ---- OR ---- */

static bool arm_match(struct block_plan *bp, unsigned position, uint64_t ready, struct path *out)
{
    const struct table *table = bp->infos[position]->table;
    bool found = index_match(bp, position, ready, NULL, out);

    if (found)
        estimate_rows(bp, position, out);
    for (unsigned i = 0; i < table->index_count; i++) {
        struct path path;

        if (!index_is_usable(bp, position, &table->indexes[i]) ||
            !index_match(bp, position, ready, &table->indexes[i], &path))
            continue;
        path.is_covering = false;
        estimate_rows(bp, position, &path);
        if (!found || path.cost < out->cost) {
            *out = path;
            found = true;
        }
    }
    return found;
}

/* Each arm is asked on its own: its conditions take the place of the block's for the while. */
bool union_match(struct block_plan *bp, unsigned position, uint64_t ready, unsigned term,
                 struct path *out, struct plan_range *ranges, enum status *status)
{
    const struct ir_expr *either = bp->terms.terms[term].expr;
    struct terms whole = bp->terms;
    bool keeps_no_looks = bp->keeps_no_looks;
    int outer_join = bp->terms.terms[term].outer_join;
    bool found = true;

    memset(out, 0, sizeof *out);
    out->access = ACCESS_UNION;
    out->or_term = (int32_t)term;
    out->low = out->high = -1;
    out->needs_recheck = true;
    bp->keeps_no_looks = true;
    for (size_t i = 0; i < either->as.list.count && found && *status == ST_OK; i++) {
        struct path arm;

        memset(&bp->terms, 0, sizeof bp->terms);
        memset(bp->terms.first_use, 0xff, sizeof bp->terms.first_use);
        *status =
            terms_add(bp->p, bp->block, &bp->terms, either->as.list.operands[i], outer_join, false);
        if (*status != ST_OK)
            break;
        found = arm_match(bp, position, ready, &arm);
        if (found && ranges != NULL)
            *status = range_make(bp, &bp->terms, &arm, &ranges[i]);
        out->rows += arm.rows;
        out->cost += arm.cost + arm.rows * 0.3;
    }
    bp->terms = whole;
    bp->keeps_no_looks = keeps_no_looks;
    return found && *status == ST_OK;
}

static void try_unions(struct block_plan *bp, unsigned position, uint64_t ready, struct path *best)
{
    if (bp->rows[position] < UNION_ROWS_MIN)
        return;
    for (size_t i = 0; i < bp->terms.term_count; i++) {
        const struct term *term = &bp->terms.terms[i];
        enum status status = ST_OK;
        struct path path;
        bool counts = bp->infos[position]->is_nullable || bp->infos[position]->is_anti
                          ? term->outer_join == (int)position
                          : term->outer_join < 0;

        if (term->expr->kind != IR_LOGIC || term->expr->op != IR_OR || !counts ||
            term->expr->as.list.count > UNION_ARMS_MAX || (term->sources >> position & 1) == 0)
            continue;
        if (union_match(bp, position, ready, (unsigned)i, &path, NULL, &status) &&
            path.cost < best->cost)
            *best = path;
    }
}

/* ---- intersections ---- */

/* Two indexes that together leave far fewer rows to fetch than the better of them. */
static void try_intersection(struct block_plan *bp, unsigned position, uint64_t ready,
                             struct path *best)
{
    const struct table *table = bp->infos[position]->table;
    struct path path;
    double all = bp->rows[position];

    if (best->access != ACCESS_INDEX || best->is_covering || best->is_unique || best->rows < 100)
        return;
    for (unsigned i = 0; i < table->index_count; i++) {
        double both, cost;

        if (&table->indexes[i] == best->index ||
            !index_is_usable(bp, position, &table->indexes[i]) ||
            !index_match(bp, position, ready, &table->indexes[i], &path))
            continue;
        if (path.equal_count > 0 && best->equal_count > 0 && path.equals[0] == best->equals[0])
            continue;
        estimate_rows(bp, position, &path);
        both = best->rows * path.rows / all;
        cost = 2 * SEEK_COST + 1.3 * (best->rows + path.rows) + both * FETCH_COST;
        if (cost < best->cost * 0.8) {
            best->access = ACCESS_INTERSECT;
            best->second_index = &table->indexes[i];
            best->rows = both < 1 ? 1 : both;
            best->cost = cost;
            best->needs_recheck = true;
            best->dedupe = false;
        }
    }
}

/* ---- choosing ---- */

static void consider(struct block_plan *bp, unsigned position, const struct order_wish *wish,
                     struct path *path, struct path *best, bool *found)
{
    bool descending = false;

    if (wish != NULL) {
        if (!order_is_delivered(bp, position, path, wish, 0, &descending))
            return;
        path->is_descending = descending;
    }
    if (!*found || path->cost < best->cost) {
        *best = *path;
        *found = true;
    }
}

static bool scan_is_forbidden(const struct block_plan *bp, unsigned position)
{
    return bp->infos[position]->source->index_hint.text.len > 0;
}

static bool best_of_table(struct block_plan *bp, unsigned position, uint64_t ready,
                          const struct order_wish *wish, struct path *out)
{
    const struct table *table = bp->infos[position]->table;
    bool has_uses = bp->terms.first_use[position] >= 0;
    bool no_indexes = bp->p->options->no_indexes || bp->infos[position]->source->not_indexed;
    bool found = false;
    struct path path;

    if (!scan_is_forbidden(bp, position)) {
        memset(&path, 0, sizeof path);
        path.access = ACCESS_SCAN;
        path.low = path.high = path.or_term = -1;
        path.rows = bp->rows[position];
        path.cost = SEEK_COST + path.rows;
        consider(bp, position, wish, &path, out, &found);
    }
    if (has_uses && !bp->p->options->no_indexes && !scan_is_forbidden(bp, position) &&
        index_match(bp, position, ready, NULL, &path)) {
        estimate_rows(bp, position, &path);
        consider(bp, position, wish, &path, out, &found);
        if (found && out->is_unique)
            return true;
    }
    if (no_indexes)
        return found;
    for (unsigned i = 0; i < table->index_count; i++) {
        const struct index *index = &table->indexes[i];
        bool matches;

        if (!index_is_usable(bp, position, index))
            continue;
        matches = index_match(bp, position, ready, index, &path);
        if (!matches && wish == NULL && !path.is_covering && !scan_is_forbidden(bp, position))
            continue;
        if (!matches && index->is_multi_valued)
            continue;
        estimate_rows(bp, position, &path);
        if (!matches)
            path.cost = SEEK_COST + path.rows * (path.is_covering ? 0.9 : FETCH_COST);
        consider(bp, position, wish, &path, out, &found);
    }
    if (has_uses && found && wish == NULL)
        try_intersection(bp, position, ready, out);
    if (found && wish == NULL)
        try_unions(bp, position, ready, out);
    return found;
}

/* Equalities with outer rows that a hash table can answer. */
static bool can_hash(const struct block_plan *bp, unsigned position, uint64_t ready)
{
    for (int32_t u = bp->terms.first_use[position]; u >= 0; u = bp->terms.uses[u].next) {
        const struct use *use = &bp->terms.uses[u];

        if ((use->op == TERM_EQ || use->op == TERM_IS) && use->value_sources != 0 &&
            !use->any_element && use_is_ready(bp, use, ready))
            return true;
    }
    return false;
}

static double local_selectivity(const struct block_plan *bp, unsigned position)
{
    double part = 1;

    for (size_t i = 0; i < bp->terms.term_count; i++) {
        const struct term *term = &bp->terms.terms[i];

        if (term->sources == (uint64_t)1 << position && !term->is_implied)
            part *= (double)term->selectivity;
    }
    return part;
}

static void try_hash(struct block_plan *bp, unsigned position, uint64_t ready, double outer_rows,
                     struct path *best)
{
    struct path path = {.access = ACCESS_HASH, .low = -1, .high = -1, .or_term = -1};
    double all = bp->rows[position], matches = 1;

    /* A recursion's rows are others in every round: they cannot be kept in a table. */
    if (bp->infos[position]->source->arg_count > 0 || bp->infos[position]->is_recursion ||
        !can_hash(bp, position, ready))
        return;
    for (size_t i = 0; i < bp->terms.term_count; i++) {
        const struct term *term = &bp->terms.terms[i];
        uint64_t both = ready | (uint64_t)1 << position;

        if ((term->sources >> position & 1) != 0 && (term->sources & ~both) == 0 &&
            !term->is_implied)
            matches *= (double)term->selectivity;
    }
    path.once_cost = all + all * local_selectivity(bp, position) * BUILD_COST + 10;
    path.rows = all * matches;
    path.cost = PROBE_COST + path.rows;
    if (path.once_cost + outer_rows * path.cost < best->once_cost + outer_rows * best->cost)
        *best = path;
}

static void path_of_query(const struct block_plan *bp, unsigned position, uint64_t ready,
                          struct path *out)
{
    const struct source_info *info = bp->infos[position];

    memset(out, 0, sizeof *out);
    out->low = out->high = out->or_term = -1;
    out->rows = bp->rows[position];
    out->cost = out->rows;
    if (info->is_recursion)
        out->access = ACCESS_RECURSION;
    else if (info->cte != NULL)
        out->access = ACCESS_CTE;
    else if (info->query != NULL)
        out->access = ACCESS_QUERY;
    else if (info->source->kind == IR_SOURCE_DOCUMENTS)
        out->access = ACCESS_DOCUMENTS;
    else
        out->access = ACCESS_FUNCTION;
    if (out->access == ACCESS_QUERY && ready != 0)
        out->once_cost = out->rows * 2;
}

bool access_best(struct block_plan *bp, unsigned position, uint64_t ready, double outer_rows,
                 const struct order_wish *wish, struct path *out)
{
    const struct source_info *info = bp->infos[position];

    if (info->table == NULL) {
        if (wish != NULL)
            return false;
        path_of_query(bp, position, ready, out);
    } else if (!best_of_table(bp, position, ready, wish, out)) {
        return false;
    }
    if ((info->is_semi || info->is_anti) && out->access <= ACCESS_INDEX && out->low < 0 &&
        out->high < 0 && out->equal_count > 0 && out->rows > 2)
        out->cost -= (out->rows - 2) * 0.5; /* the first match ends it */
    if (ready != 0 && wish == NULL && !bp->p->options->no_optimizer && !out->is_unique)
        try_hash(bp, position, ready, outer_rows, out);
    return true;
}
