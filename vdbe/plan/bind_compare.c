/*
 * bind_compare: comparisons and IN, with SQLite's rules for affinity and collation.
 */
#include "vdbe/plan/plan_internal.h"

uint8_t expr_affinity(const struct ir_expr *expr)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_COLUMN:
    case IR_CAST:
    case IR_COLLATE:
    case IR_SUBQUERY:
    case IR_CASE: /* only those made for USING have one */
        return expr->affinity;
    case IR_ROW:
        return expr->as.list.count > 0 ? expr_affinity(expr->as.list.operands[0])
                                       : (uint8_t)PLAN_NO_AFFINITY;
    default:
        return PLAN_NO_AFFINITY;
    }
}

static bool is_numeric(uint8_t affinity)
{
    return affinity == AFFINITY_NUMERIC || affinity == AFFINITY_INTEGER ||
           affinity == AFFINITY_REAL;
}

/* Two columns: numeric wins, else nothing is converted. One column: its affinity. */
uint8_t compare_affinity(uint8_t left, uint8_t right)
{
    if (left != PLAN_NO_AFFINITY && right != PLAN_NO_AFFINITY)
        return is_numeric(left) || is_numeric(right) ? AFFINITY_NUMERIC : AFFINITY_NONE;
    if (left == PLAN_NO_AFFINITY && right == PLAN_NO_AFFINITY)
        return AFFINITY_NONE;
    /* What is compared with a numeric column becomes a number when it is text; an integer stays
     * one, and is compared with reals exactly. */
    left = left == PLAN_NO_AFFINITY ? right : left;
    return is_numeric(left) ? AFFINITY_NUMERIC : left;
}

static uint8_t compare_collation(const struct ir_expr *left, const struct ir_expr *right)
{
    if (left->is_collation_explicit)
        return left->collation;
    if (right->is_collation_explicit)
        return right->collation;
    if (ir_expr_has_collation(left))
        return left->collation;
    return ir_expr_has_collation(right) ? right->collation : COLLATE_BINARY;
}

bool attribute_is_scalar(const struct attribute *attribute)
{
    if (attribute->is_list)
        return false;
    switch ((enum attribute_type)attribute->type) {
    case TYPE_INT:
    case TYPE_LONG:
    case TYPE_FLOAT:
    case TYPE_BIGINT:
    case TYPE_BOOLEAN:
    case TYPE_STRING:
    case TYPE_DATE:
    case TYPE_BYTES:
    case TYPE_BLOB:
        return true;
    case TYPE_ANY:
    case TYPE_ID:
    case TYPE_OBJECT:
    case TYPE_RELATIONSHIP:
    case TYPE_COUNT:
        break;
    }
    return false;
}

/* Can the operand be an array at all? Declared scalars and primary keys cannot. */
bool may_be_array(const struct planner *p, const struct ir_expr *expr)
{
    const struct table *table;
    uint16_t attribute;

    if (expr->kind == IR_LITERAL)
        return expr->as.literal.kind == VALUE_ARRAY;
    if (expr->kind == IR_PARAM)
        return false; /* REST's values are scalars; the column decides */
    if (expr->kind != IR_COLUMN)
        return true;
    table = info_of(p, expr->as.column.source)->table;
    attribute = expr->as.column.attribute;
    if (table == NULL)
        return true;
    if (attribute == ATTRIBUTE_NONE || attribute_is_scalar(&table->attributes[attribute]))
        return false;
    for (unsigned i = 0; i < table->key_count; i++) {
        if (table->key_attributes[i] == attribute)
            return false;
    }
    return true;
}

void compare_finish(struct planner *p, struct ir_expr *expr)
{
    const struct ir_expr *left = expr->as.binary.left, *right = expr->as.binary.right;

    expr->affinity = AFFINITY_NONE;
    expr->collation = COLLATE_BINARY;
    if (expr->op < IR_STARTS_WITH) {
        expr->affinity = compare_affinity(expr_affinity(left), expr_affinity(right));
        expr->collation = compare_collation(left, right);
    }
    expr->type = 1 + VALUE_INT;
    expr->is_constant = left->is_constant && right->is_constant;
    if (expr->any_element)
        expr->any_element = may_be_array(p, left) || may_be_array(p, right);
}

struct ir_expr *compare_new(struct planner *p, enum ir_compare op, struct ir_expr *left,
                            struct ir_expr *right)
{
    struct ir_expr *expr = ir_compare(p->arena, op, left, right);

    if (expr != NULL)
        compare_finish(p, expr);
    return expr;
}

/* ---- row values ---- */

/* Member k of a row value: of (a, b) its operand, of a query its output k, asked on its own. */
struct ir_expr *row_member(struct planner *p, struct ir_expr *row, size_t k, size_t count)
{
    struct ir_expr *expr, *column;
    struct ir_source *source;
    struct ir_query *query;

    if (row->kind == IR_ROW)
        return k < row->as.list.count ? row->as.list.operands[k] : NULL;
    source = ARENA_NEW(p->arena, struct ir_source);
    column = ir_expr_new(p->arena, IR_COLUMN, row->offset);
    if (source == NULL || column == NULL)
        return NULL;
    source->kind = IR_SOURCE_QUERY;
    source->query =
        k + 1 == count ? row->as.subquery.query : ir_query_copy(p->arena, row->as.subquery.query);
    column->as.column.source = source;
    column->as.column.attribute = (uint16_t)k;
    query = query_over(p, &source, 1, column, NULL);
    expr = ir_expr_new(p->arena, IR_SUBQUERY, row->offset);
    if (query == NULL || expr == NULL || source->query == NULL)
        return NULL;
    expr->as.subquery.query = query;
    return expr;
}

size_t row_width(const struct ir_expr *expr)
{
    if (expr->kind == IR_ROW)
        return expr->as.list.count;
    if (expr->kind == IR_SUBQUERY && !expr->as.subquery.is_exists) {
        const struct ir_block *block = expr->as.subquery.query->blocks[0];

        return block->row_count > 0 ? block->row_width : block->output_count;
    }
    return 1;
}

static struct ir_expr *compare_unbound(struct planner *p, enum ir_compare op, struct ir_expr *left,
                                       struct ir_expr *right)
{
    return left == NULL || right == NULL ? NULL : ir_compare(p->arena, op, left, right);
}

/* (a, b) < (c, d) is a < c OR (a = c AND b < d); equality is all members, inequality any. */
static struct ir_expr *compare_rows(struct planner *p, const struct ir_expr *expr, size_t width)
{
    struct ir_expr *left = expr->as.binary.left, *right = expr->as.binary.right, *out = NULL;
    enum ir_compare op = (enum ir_compare)expr->op, strict = op;

    if (op == IR_LE)
        strict = IR_LT;
    if (op == IR_GE)
        strict = IR_GT;
    for (size_t i = width; i-- > 0;) {
        struct ir_expr *a = row_member(p, left, i, width), *b = row_member(p, right, i, width);
        struct ir_expr *test;

        switch (op) {
        case IR_EQ:
        case IR_IS:
            test = compare_unbound(p, op, a, b);
            out = ir_and(p->arena, test, out);
            break;
        case IR_NE:
        case IR_IS_NOT:
            test = compare_unbound(p, op, a, b);
            out = ir_or(p->arena, test, out);
            break;
        default:
            test = compare_unbound(p, out == NULL ? op : strict, a, b);
            if (out != NULL && test != NULL) {
                struct ir_expr *same =
                    compare_unbound(p, IR_EQ, ir_expr_copy(p->arena, a), ir_expr_copy(p->arena, b));

                test = ir_or(p->arena, test, ir_and(p->arena, same, out));
            }
            out = test;
            break;
        }
        if (test == NULL)
            return NULL;
    }
    return out;
}

static bool is_row_like(const struct ir_expr *expr)
{
    return expr->kind == IR_ROW;
}

enum status bind_compare(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;

    if (is_row_like(expr->as.binary.left) || is_row_like(expr->as.binary.right)) {
        size_t width = row_width(expr->as.binary.left);

        if (width != row_width(expr->as.binary.right) || width == 0)
            return error_set(p->err, ST_INVALID, expr->offset, "row value misused");
        *slot = compare_rows(p, expr, width);
        if (*slot == NULL)
            return no_memory(p);
        return bind_expr(p, scope, slot);
    }
    TRY(bind_expr(p, scope, &expr->as.binary.left));
    TRY(bind_expr(p, scope, &expr->as.binary.right));
    compare_finish(p, expr);
    return ST_OK;
}

/* ---- IN ---- */

static enum status bind_in_query(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    struct ir_expr *operand = expr->as.in.operand;
    size_t width = operand->kind == IR_ROW ? operand->as.list.count : 1;
    struct bound_query *query;

    TRY(bind_query(p, expr->as.in.query, scope));
    query = bound_query_of(expr->as.in.query);
    if (query->plan.output_count != width)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "sub-select returns %zu columns - expected %zu", query->plan.output_count,
                         width);
    query->plan.compare_affinities = ARENA_NEW_ARRAY(p->arena, uint8_t, width);
    query->plan.compare_collations = ARENA_NEW_ARRAY(p->arena, uint8_t, width);
    if (query->plan.compare_affinities == NULL || query->plan.compare_collations == NULL)
        return no_memory(p);
    for (size_t i = 0; i < width; i++) {
        const struct ir_expr *member =
            operand->kind == IR_ROW ? operand->as.list.operands[i] : operand;

        query->plan.compare_affinities[i] =
            compare_affinity(expr_affinity(member), query->columns[i].affinity);
        query->plan.compare_collations[i] =
            ir_expr_has_collation(member) ? member->collation : query->columns[i].collation;
    }
    expr->affinity = query->plan.compare_affinities[0];
    expr->collation = query->plan.compare_collations[0];
    return ST_OK;
}

/* (a, b) IN ((1, 2), (3, 4)): an OR of row comparisons. */
static enum status rows_in_list(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot, *any = NULL;

    for (size_t i = 0; i < expr->as.in.count; i++) {
        struct ir_expr *operand = ir_expr_copy(p->arena, expr->as.in.operand);
        struct ir_expr *test = compare_unbound(p, IR_EQ, operand, expr->as.in.items[i]);

        if (test == NULL)
            return no_memory(p);
        any = ir_or(p->arena, any, test);
    }
    if (any == NULL)
        any = literal_new(p, value_int(0));
    if (expr->negated && any != NULL)
        any = ir_unary(p->arena, IR_NOT, any);
    if (any == NULL)
        return no_memory(p);
    *slot = any;
    return bind_expr(p, scope, slot);
}

enum status bind_in(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;

    if (expr->as.in.query == NULL && expr->as.in.operand->kind == IR_ROW)
        return rows_in_list(p, scope, slot);
    TRY(bind_expr(p, scope, &expr->as.in.operand));
    expr->type = 1 + VALUE_INT;
    if (expr->as.in.query != NULL)
        return bind_in_query(p, scope, expr);
    TRY(bind_exprs(p, scope, expr->as.in.items, expr->as.in.count));
    expr->affinity = expr_affinity(expr->as.in.operand);
    if (expr->affinity == PLAN_NO_AFFINITY)
        expr->affinity = AFFINITY_NONE;
    else if (expr->affinity == AFFINITY_REAL || expr->affinity == AFFINITY_INTEGER)
        expr->affinity = AFFINITY_NUMERIC;
    expr->collation = ir_expr_has_collation(expr->as.in.operand) ? expr->as.in.operand->collation
                                                                 : (uint8_t)COLLATE_BINARY;
    expr->is_constant = expr->as.in.operand->is_constant;
    for (size_t i = 0; i < expr->as.in.count; i++)
        expr->is_constant &= expr->as.in.items[i]->is_constant;
    if (expr->any_element)
        expr->any_element = may_be_array(p, expr->as.in.operand);
    return ST_OK;
}
