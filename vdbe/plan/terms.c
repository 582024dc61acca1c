/*
 * terms: WHERE and ON of a block as a list of conditions that must all hold, and the ways each
 * could serve access to a source.
 */
#include "vdbe/plan/plan_internal.h"

static enum status push_use(struct planner *p, struct terms *terms, const struct use *use)
{
    if (terms->use_count == terms->use_capacity) {
        size_t larger = terms->use_capacity == 0 ? 8 : terms->use_capacity * 2;
        struct use *uses = arena_alloc(p->arena, larger * sizeof *uses);

        if (uses == NULL)
            return no_memory(p);
        if (terms->use_count > 0)
            memcpy(uses, terms->uses, terms->use_count * sizeof *uses);
        terms->uses = uses;
        terms->use_capacity = larger;
    }
    terms->uses[terms->use_count] = *use;
    terms->uses[terms->use_count].next = terms->first_use[use->position];
    terms->first_use[use->position] = (int32_t)terms->use_count;
    terms->use_count++;
    return ST_OK;
}

static bool has_expression_index(const struct table *table)
{
    for (unsigned i = 0; i < table->index_count; i++) {
        for (unsigned k = 0; k < table->indexes[i].part_count; k++) {
            if (table->indexes[i].parts[k].attribute == ATTRIBUTE_NONE)
                return true;
        }
    }
    return false;
}

/* Is `expr` something an index may hold: a column of a table of this block, or an expression over
 * one table with expression indexes? */
static bool is_indexable(const struct planner *p, const struct bound_block *block,
                         struct ir_expr *expr, struct use *use)
{
    const struct source_info *info;
    uint64_t sources;

    while (expr->kind == IR_COLLATE)
        expr = expr->as.collate.operand;
    if (expr->kind == IR_COLUMN) {
        info = info_of(p, expr->as.column.source);
        if (info->block != block)
            return false;
        use->position = info->position;
        use->attribute = expr->as.column.attribute;
        use->column = expr;
        return true;
    }
    if (expr->kind == IR_LITERAL || expr->kind == IR_PARAM)
        return false;
    sources = expr_sources(p, block, expr);
    if (sources == 0 || (sources & (sources - 1)) != 0)
        return false;
    info = info_of(p, block->ir->sources[__builtin_ctzll(sources)]);
    if (info->table == NULL || !has_expression_index(info->table) || !expr_is_pure(expr))
        return false;
    use->position = info->position;
    use->attribute = ATTRIBUTE_NONE;
    use->column = expr;
    return true;
}

static enum term_op mirrored(enum term_op op)
{
    switch (op) {
    case TERM_LT:
        return TERM_GT;
    case TERM_LE:
        return TERM_GE;
    case TERM_GT:
        return TERM_LT;
    case TERM_GE:
        return TERM_LE;
    default:
        return op;
    }
}

static enum term_op op_of_compare(uint8_t op)
{
    switch ((enum ir_compare)op) {
    case IR_EQ:
        return TERM_EQ;
    case IR_IS:
        return TERM_IS;
    case IR_LT:
        return TERM_LT;
    case IR_LE:
        return TERM_LE;
    case IR_GT:
        return TERM_GT;
    case IR_GE:
        return TERM_GE;
    case IR_STARTS_WITH:
        return TERM_PREFIX;
    case IR_NE:
    case IR_IS_NOT:
    case IR_ENDS_WITH:
    case IR_CONTAINS:
        break;
    }
    return TERM_OTHER;
}

static enum status use_side(struct planner *p, struct bound_block *block, struct terms *terms,
                            unsigned term, struct ir_expr *column, struct ir_expr *value,
                            enum term_op op)
{
    const struct ir_expr *expr = terms->terms[term].expr;
    struct use use = {.term = (uint16_t)term, .op = (uint8_t)op, .is_exact = true};

    if (!is_indexable(p, block, column, &use))
        return ST_OK;
    if (expr->any_element && may_be_array(p, value))
        return ST_OK; /* each of its elements would have to be looked up */
    use.value = value;
    use.value_sources = value->is_constant ? 0 : expr_sources(p, block, value);
    if ((use.value_sources >> use.position & 1) != 0)
        return ST_OK;
    use.affinity = expr->affinity;
    use.collation = expr->collation;
    use.any_element = expr->any_element;
    return push_use(p, terms, &use);
}

static enum status uses_of_compare(struct planner *p, struct bound_block *block,
                                   struct terms *terms, unsigned term)
{
    struct ir_expr *expr = terms->terms[term].expr;
    enum term_op op = op_of_compare(expr->op);

    if (op == TERM_OTHER)
        return ST_OK;
    TRY(use_side(p, block, terms, term, expr->as.binary.left, expr->as.binary.right, op));
    if (op == TERM_PREFIX)
        return ST_OK;
    return use_side(p, block, terms, term, expr->as.binary.right, expr->as.binary.left,
                    mirrored(op));
}

static enum status uses_of_in(struct planner *p, struct bound_block *block, struct terms *terms,
                              unsigned term)
{
    struct ir_expr *expr = terms->terms[term].expr;
    struct use use = {.term = (uint16_t)term, .op = TERM_IN, .is_exact = true};

    if (expr->negated || expr->as.in.operand->kind == IR_ROW ||
        !is_indexable(p, block, expr->as.in.operand, &use))
        return ST_OK;
    use.value = expr;
    use.rows_fixed = (float)expr->as.in.count;
    for (size_t i = 0; i < expr->as.in.count; i++) {
        if (!expr->as.in.items[i]->is_constant)
            use.value_sources |= expr_sources(p, block, expr->as.in.items[i]);
    }
    if (expr->as.in.query != NULL) {
        struct ir_expr probe = *expr;

        probe.as.in.operand = NULL;
        use.value_sources = expr_sources(p, block, &probe);
        use.rows_fixed = 25;
    }
    if ((use.value_sources >> use.position & 1) != 0)
        return ST_OK;
    use.affinity = expr->affinity;
    use.collation = expr->collation;
    use.any_element = expr->any_element;
    return push_use(p, terms, &use);
}

static enum status uses_of_unary(struct planner *p, struct bound_block *block, struct terms *terms,
                                 unsigned term)
{
    const struct ir_expr *expr = terms->terms[term].expr;
    struct use use = {.term = (uint16_t)term, .is_exact = true, .ignores_collation = true};

    if (expr->op == IR_IS_NULL)
        use.op = TERM_IS_NULL;
    else if (expr->op == IR_IS_STORED_NULL)
        use.op = TERM_STORED_NULL;
    else if (expr->op == IR_NOT_NULL)
        use.op = TERM_NOT_NULL;
    else
        return ST_OK;
    if (!is_indexable(p, block, expr->as.unary.operand, &use))
        return ST_OK;
    return push_use(p, terms, &use);
}

/* ---- LIKE 'abc%' and GLOB 'abc*' ---- */

static bool has_letters(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            return true;
    }
    return false;
}

static struct slice glob_prefix(struct slice pattern)
{
    size_t len = 0;

    while (len < pattern.len && pattern.data[len] != '*' && pattern.data[len] != '?' &&
           pattern.data[len] != '[')
        len++;
    return slice_of(pattern.data, len);
}

/* Only texts may be in the column: numbers would be matched by their text, but sort elsewhere. */
static bool holds_only_text(const struct planner *p, const struct ir_expr *column)
{
    const struct table *table = info_of(p, column->as.column.source)->table;

    if (table == NULL || column->as.column.attribute == ATTRIBUTE_NONE)
        return false;
    return table->attributes[column->as.column.attribute].type == TYPE_STRING ||
           (table->attributes[column->as.column.attribute].affinity == AFFINITY_TEXT &&
            !table->is_made_by_sdl && !table->is_dynamic);
}

static bool is_id(const struct planner *p, const struct ir_expr *column)
{
    const struct table *table = info_of(p, column->as.column.source)->table;

    return table != NULL && column->as.column.attribute != ATTRIBUTE_NONE &&
           table->attributes[column->as.column.attribute].type == TYPE_ID;
}

static enum status uses_of_like(struct planner *p, struct bound_block *block, struct terms *terms,
                                unsigned term)
{
    const struct ir_expr *expr = terms->terms[term].expr;
    const struct ir_expr *pattern = expr->as.like.pattern, *escape = expr->as.like.escape;
    struct use use = {.term = (uint16_t)term, .op = TERM_PREFIX};
    bool is_exact = false, is_prefix_only = false;
    uint32_t escape_code = 0;
    struct slice prefix;

    if (expr->negated || pattern->kind != IR_LITERAL || pattern->as.literal.kind != VALUE_TEXT ||
        (expr->op != IR_LIKE_LIKE && expr->op != IR_LIKE_GLOB) ||
        !is_indexable(p, block, expr->as.like.operand, &use) || use.column->kind != IR_COLUMN ||
        !holds_only_text(p, use.column))
        return ST_OK;
    if (expr->op == IR_LIKE_GLOB) {
        prefix = glob_prefix(value_slice(pattern->as.literal));
    } else {
        if (escape != NULL) {
            struct slice text;

            if (escape->kind != IR_LITERAL || escape->as.literal.kind != VALUE_TEXT)
                return ST_OK;
            text = value_slice(escape->as.literal);
            if (text.len == 0)
                return ST_OK;
            escape_code = utf8_next(&text);
        }
        prefix = pattern_like_prefix(value_slice(pattern->as.literal), escape_code, p->arena,
                                     &is_exact, &is_prefix_only);
        if (!p->options->like_is_case_sensitive && has_letters(prefix))
            use.collation = COLLATE_NOCASE;
    }
    if (prefix.len == 0)
        return ST_OK;
    use.value = literal_new(p, value_text(prefix));
    if (use.value == NULL)
        return no_memory(p);
    return push_use(p, terms, &use);
}

/* ---- estimates ---- */

/* Distinct values of a column. What is compared with a constant tends to be a kind, what is joined
 * a key. */
static double distinct_of(struct planner *p, const struct ir_expr *column, bool is_joined)
{
    struct source_info *info;
    const struct index *index;
    double rows;

    if (column->kind != IR_COLUMN)
        return 10;
    info = info_of(p, column->as.column.source);
    if (info->table == NULL)
        return 10;
    rows = table_estimate_rows(info->table);
    if (rows < 1)
        rows = 1;
    if (column->as.column.attribute == ATTRIBUTE_NONE ||
        (info->table->key_count == 1 &&
         info->table->key_attributes[0] == column->as.column.attribute))
        return rows;
    if (info->table->key_count > 1 && info->table->key_attributes[0] == column->as.column.attribute)
        return rows / rows_per_key_prefix(p, info, 1);
    for (unsigned i = 0; i < info->table->index_count; i++) {
        index = &info->table->indexes[i];
        if (index->parts[0].attribute != column->as.column.attribute ||
            index->state != INDEX_READY || index->where_sql.len > 0)
            continue;
        return index->is_unique && index->part_count == 1 ? rows
                                                          : index_estimate_distinct(index, 1);
    }
    if (rows < 40)
        return rows / 2 + 1;
    if (!is_joined)
        return 8;
    return rows < 1000 ? 20 : rows / 50;
}

static bool is_column_of(const struct planner *p, const struct bound_block *block,
                         const struct ir_expr *expr)
{
    return expr->kind == IR_COLUMN && info_of(p, expr->as.column.source)->block == block;
}

static double selectivity_of(struct planner *p, const struct bound_block *block,
                             const struct ir_expr *expr)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_COMPARE: {
        double left = 1, right = 1, most;
        bool from_left = is_column_of(p, block, expr->as.binary.left);
        bool from_right = is_column_of(p, block, expr->as.binary.right);

        if (expr->op != IR_EQ && expr->op != IR_IS)
            return expr->op == IR_NE || expr->op == IR_IS_NOT ? 0.9
                   : expr->op == IR_STARTS_WITH               ? 0.05
                   : expr->op < IR_STARTS_WITH                ? 0.3
                                                              : 0.2;
        if (from_left)
            left = distinct_of(p, expr->as.binary.left, from_right);
        if (from_right)
            right = distinct_of(p, expr->as.binary.right, from_left);
        most = left > right ? left : right;
        return most > 1 ? 1 / most : 0.1;
    }
    case IR_IN: {
        double distinct = distinct_of(p, expr->as.in.operand, false);
        double count = expr->as.in.query != NULL ? 25 : (double)expr->as.in.count;
        double part = distinct > count ? count / distinct : 0.8;

        return expr->negated ? 1 - part : part;
    }
    case IR_LIKE:
        return expr->negated ? 0.9 : 0.1;
    case IR_UNARY:
        return expr->op == IR_IS_NULL || expr->op == IR_IS_STORED_NULL ? 0.05
               : expr->op == IR_NOT_NULL                               ? 0.95
                                                                       : 0.5;
    case IR_LOGIC: {
        double part = expr->op == IR_AND ? 1 : 0;

        for (size_t i = 0; i < expr->as.list.count; i++) {
            double one = selectivity_of(p, block, expr->as.list.operands[i]);

            part = expr->op == IR_AND ? part * one : part + one;
        }
        return part > 0.95 ? 0.95 : part;
    }
    case IR_SUBQUERY:
        return 0.5;
    default:
        return 0.5;
    }
}

/* ---- collecting ---- */

static enum status uses_of_term(struct planner *p, struct bound_block *block, struct terms *terms,
                                unsigned term)
{
    switch ((enum ir_expr_kind)terms->terms[term].expr->kind) {
    case IR_COMPARE:
        return uses_of_compare(p, block, terms, term);
    case IR_IN:
        return uses_of_in(p, block, terms, term);
    case IR_UNARY:
        return uses_of_unary(p, block, terms, term);
    case IR_LIKE:
        return uses_of_like(p, block, terms, term);
    default:
        return ST_OK;
    }
}

/* `name GLOB 'ab*'` over texts asks what a URL's `name==ab*` asks: make it the same node, so that
 * it is the same program. A key that is an array of texts begins as text with a bracket, which such
 * a pattern cannot. */
static struct ir_expr *as_prefix_test(struct planner *p, struct ir_expr *expr)
{
    const struct ir_expr *column = expr->kind == IR_LIKE ? expr->as.like.operand : NULL, *pattern;
    struct ir_expr *text, *test;
    struct slice whole, prefix;

    if (column == NULL || expr->op != IR_LIKE_GLOB || expr->negated ||
        expr->as.like.escape != NULL || column->kind != IR_COLUMN ||
        !(holds_only_text(p, column) || is_id(p, column)))
        return expr;
    pattern = expr->as.like.pattern;
    if (pattern->kind != IR_LITERAL || pattern->as.literal.kind != VALUE_TEXT)
        return expr;
    whole = value_slice(pattern->as.literal);
    prefix = glob_prefix(whole);
    if (prefix.len == 0 || prefix.len + 1 != whole.len || whole.data[prefix.len] != '*')
        return expr;
    text = literal_new(p, value_text(prefix));
    test = text == NULL ? NULL : ir_compare(p->arena, IR_STARTS_WITH, expr->as.like.operand, text);
    if (test == NULL)
        return expr;
    test->affinity = AFFINITY_NONE;
    test->collation = COLLATE_BINARY;
    test->offset = expr->offset;
    return test;
}

enum status terms_add(struct planner *p, struct bound_block *block, struct terms *terms,
                      struct ir_expr *expr, int outer_join, bool is_implied)
{
    struct term *term;

    if (expr->kind == IR_LOGIC && expr->op == IR_AND) {
        for (size_t i = 0; i < expr->as.list.count; i++)
            TRY(terms_add(p, block, terms, expr->as.list.operands[i], outer_join, is_implied));
        return ST_OK;
    }
    if (terms->term_count == terms->term_capacity) {
        size_t larger = terms->term_capacity == 0 ? 8 : terms->term_capacity * 2;
        struct term *list = arena_alloc(p->arena, larger * sizeof *list);

        if (list == NULL)
            return no_memory(p);
        if (larger > UINT16_MAX)
            return error_set(p->err, ST_LIMIT, expr->offset, "too many conditions");
        if (terms->term_count > 0)
            memcpy(list, terms->terms, terms->term_count * sizeof *list);
        terms->terms = list;
        terms->term_capacity = larger;
    }
    expr = as_prefix_test(p, expr);
    term = &terms->terms[terms->term_count++];
    memset(term, 0, sizeof *term);
    term->expr = expr;
    term->outer_join = (int8_t)outer_join;
    term->is_implied = is_implied;
    term->has_subquery = expr_has_subquery(expr);
    term->sources = expr_sources(p, block, expr);
    term->selectivity = (float)selectivity_of(p, block, expr);
    return uses_of_term(p, block, terms, (unsigned)(terms->term_count - 1));
}

enum status terms_collect(struct planner *p, struct bound_block *block, struct terms *out)
{
    const struct ir_block *ir = block->ir;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < SOURCES_MAX; i++)
        out->first_use[i] = -1;
    if (ir->where != NULL)
        TRY(terms_add(p, block, out, ir->where, -1, false));
    for (size_t i = 0; i < ir->source_count; i++) {
        const struct source_info *info = info_of(p, ir->sources[i]);

        if (ir->sources[i]->on != NULL)
            TRY(terms_add(p, block, out, ir->sources[i]->on,
                          info->is_nullable || info->is_anti ? (int)i : -1, false));
    }
    return ST_OK;
}
