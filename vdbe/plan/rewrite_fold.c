/*
 * rewrite_fold: what constants decide already. Three-valued logic is kept exactly: an expression is
 * replaced only by one that has the same value, null included.
 */
#include "vdbe/plan/plan_internal.h"

enum { FOLD_ARGS_MAX = 8, IN_LIST_MIN = 2 };

static bool is_literal(const struct ir_expr *expr)
{
    return expr->kind == IR_LITERAL;
}

/* Is the value always 1, 0 or null? */
static bool is_truth(const struct ir_expr *expr)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_COMPARE:
    case IR_LOGIC:
    case IR_IN:
    case IR_LIKE:
        return true;
    case IR_UNARY:
        return expr->op == IR_NOT || expr->op == IR_IS_NULL || expr->op == IR_NOT_NULL ||
               expr->op >= IR_IS_STORED_NULL;
    case IR_SUBQUERY:
        return expr->as.subquery.is_exists;
    default:
        return false;
    }
}

static enum status replace(struct planner *p, struct ir_expr **slot, struct value v)
{
    struct ir_expr *literal = literal_new(p, v);

    if (literal == NULL)
        return no_memory(p);
    literal->offset = (*slot)->offset;
    *slot = literal;
    return ST_OK;
}

static enum status replace_truth(struct planner *p, struct ir_expr **slot, int truth)
{
    return replace(p, slot, truth < 0 ? value_null() : value_int(truth));
}

/* ---- single nodes ---- */

static enum status fold_unary(struct planner *p, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;
    struct value v;
    int truth;

    if (!is_literal(expr->as.unary.operand))
        return ST_OK;
    v = expr->as.unary.operand->as.literal;
    truth = value_truth(v);
    switch ((enum ir_unary)expr->op) {
    case IR_NEGATE:
        if (v.kind == VALUE_INT && v.as.i != INT64_MIN)
            return replace(p, slot, value_int(-v.as.i));
        if (v.kind == VALUE_REAL)
            return replace(p, slot, value_real(-v.as.d));
        return ST_OK;
    case IR_NOT:
        return replace_truth(p, slot, truth < 0 ? -1 : !truth);
    case IR_IS_NULL:
        return replace_truth(p, slot, value_is_null(v));
    case IR_NOT_NULL:
        return replace_truth(p, slot, !value_is_null(v));
    case IR_IS_TRUE:
        return replace_truth(p, slot, truth > 0);
    case IR_IS_FALSE:
        return replace_truth(p, slot, truth == 0);
    case IR_IS_NOT_TRUE:
        return replace_truth(p, slot, truth <= 0);
    case IR_IS_NOT_FALSE:
        return replace_truth(p, slot, truth != 0);
    case IR_BIT_NOT:
    case IR_PLUS:
    case IR_IS_STORED_NULL:
        break;
    }
    return ST_OK;
}

static enum status fold_binary(struct planner *p, struct ir_expr **slot)
{
    const struct ir_expr *expr = *slot;
    struct value a, b;
    int64_t i;

    if (!is_literal(expr->as.binary.left) || !is_literal(expr->as.binary.right))
        return ST_OK;
    a = expr->as.binary.left->as.literal;
    b = expr->as.binary.right->as.literal;
    if ((value_is_null(a) || value_is_null(b)) && expr->op < IR_ARROW)
        return replace(p, slot, value_null());
    if (a.kind != VALUE_INT || b.kind != VALUE_INT)
        return ST_OK;
    switch ((enum ir_binary)expr->op) {
    case IR_ADD:
        return __builtin_add_overflow(a.as.i, b.as.i, &i) ? ST_OK : replace(p, slot, value_int(i));
    case IR_SUBTRACT:
        return __builtin_sub_overflow(a.as.i, b.as.i, &i) ? ST_OK : replace(p, slot, value_int(i));
    case IR_MULTIPLY:
        return __builtin_mul_overflow(a.as.i, b.as.i, &i) ? ST_OK : replace(p, slot, value_int(i));
    default:
        return ST_OK; /* the machine knows the rest and does it once */
    }
}

static enum status fold_compare(struct planner *p, struct ir_expr **slot)
{
    const struct ir_expr *expr = *slot;
    struct value a, b;
    int order;

    if (!is_literal(expr->as.binary.left) || !is_literal(expr->as.binary.right) ||
        expr->any_element || expr->op >= IR_STARTS_WITH)
        return ST_OK;
    a = value_apply_affinity(expr->as.binary.left->as.literal, (enum affinity)expr->affinity,
                             p->arena);
    b = value_apply_affinity(expr->as.binary.right->as.literal, (enum affinity)expr->affinity,
                             p->arena);
    if (expr->op != IR_IS && expr->op != IR_IS_NOT && (value_is_null(a) || value_is_null(b)))
        return replace(p, slot, value_null());
    order = value_compare(a, b, (enum collation)expr->collation);
    switch ((enum ir_compare)expr->op) {
    case IR_EQ:
    case IR_IS:
        return replace_truth(p, slot, order == 0);
    case IR_NE:
    case IR_IS_NOT:
        return replace_truth(p, slot, order != 0);
    case IR_LT:
        return replace_truth(p, slot, order < 0);
    case IR_LE:
        return replace_truth(p, slot, order <= 0);
    case IR_GT:
        return replace_truth(p, slot, order > 0);
    case IR_GE:
        return replace_truth(p, slot, order >= 0);
    default:
        return ST_OK;
    }
}

/* A pure function of literals. One that fails is left to fail when (and if) it runs. */
static enum status fold_call(struct planner *p, struct ir_expr **slot)
{
    const struct ir_expr *expr = *slot;
    const struct func *func = expr->as.call.function;
    struct value args[FOLD_ARGS_MAX], out = value_null();
    struct func_context context = {.arena = p->arena,
                                   .func = func,
                                   .user = func->user,
                                   .text_bytes_max = 1000,
                                   .collation = expr->collation};

    if ((func->flags & FUNC_PURE) == 0 || (func->flags & (FUNC_AGGREGATE | FUNC_WINDOW)) != 0 ||
        func->scalar == NULL || expr->as.call.count > FOLD_ARGS_MAX)
        return ST_OK;
    for (size_t i = 0; i < expr->as.call.count; i++) {
        if (!is_literal(expr->as.call.args[i]))
            return ST_OK;
        args[i] = expr->as.call.args[i]->as.literal;
    }
    if (func->scalar(&context, (unsigned)expr->as.call.count, args, &out) != ST_OK)
        return ST_OK;
    return replace(p, slot, out);
}

/* ---- AND, OR ---- */

static bool is_constant_value(const struct ir_expr *expr)
{
    return expr->kind == IR_LITERAL || expr->kind == IR_PARAM;
}

/* column = constant, in either order. */
static bool is_constant_equality(const struct ir_expr *expr, const struct ir_expr **column,
                                 struct ir_expr **constant)
{
    if (expr->kind != IR_COMPARE || expr->op != IR_EQ)
        return false;
    if (expr->as.binary.left->kind == IR_COLUMN && is_constant_value(expr->as.binary.right)) {
        *column = expr->as.binary.left;
        *constant = expr->as.binary.right;
        return true;
    }
    if (expr->as.binary.right->kind == IR_COLUMN && is_constant_value(expr->as.binary.left)) {
        *column = expr->as.binary.right;
        *constant = expr->as.binary.left;
        return true;
    }
    return false;
}

/* Operands of an OR that compare the same column with constants, from `first` on, become one IN. */
static enum status gather_equalities(struct planner *p, struct ir_expr *either, size_t first)
{
    const struct ir_expr *column, *other;
    struct ir_expr *constant, *in, *model = either->as.list.operands[first];
    size_t count = 0, kept = first + 1;

    if (!is_constant_equality(model, &column, &constant))
        return ST_OK;
    for (size_t i = first; i < either->as.list.count; i++) {
        const struct ir_expr *operand = either->as.list.operands[i];

        count += is_constant_equality(operand, &other, &constant) && ir_expr_equal(column, other) &&
                 operand->affinity == model->affinity && operand->collation == model->collation &&
                 operand->any_element == model->any_element;
    }
    if (count < IN_LIST_MIN)
        return ST_OK;
    in = ir_expr_new(p->arena, IR_IN, model->offset);
    if (in == NULL)
        return no_memory(p);
    in->as.in.operand = ir_expr_copy(p->arena, column);
    in->as.in.items = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, count);
    if (in->as.in.items == NULL || in->as.in.operand == NULL)
        return no_memory(p);
    in->affinity = model->affinity;
    in->collation = model->collation;
    in->any_element = model->any_element;
    in->type = 1 + VALUE_INT;
    for (size_t i = first; i < either->as.list.count; i++) {
        struct ir_expr *operand = either->as.list.operands[i];

        if (is_constant_equality(operand, &other, &constant) && ir_expr_equal(column, other) &&
            operand->affinity == model->affinity && operand->collation == model->collation &&
            operand->any_element == model->any_element)
            in->as.in.items[in->as.in.count++] = constant;
        else
            either->as.list.operands[kept++] = operand;
    }
    either->as.list.operands[first] = in;
    either->as.list.count = kept;
    return ST_OK;
}

static enum status fold_logic(struct planner *p, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;
    bool is_and = expr->op == IR_AND;
    size_t kept = 0;

    for (size_t i = 0; i < expr->as.list.count; i++) {
        struct ir_expr *operand = expr->as.list.operands[i];

        if (is_literal(operand)) {
            int truth = value_truth(operand->as.literal);

            if (truth == (is_and ? 1 : 0))
                continue;
            if (truth == (is_and ? 0 : 1))
                return replace_truth(p, slot, truth);
        }
        expr->as.list.operands[kept++] = operand;
    }
    expr->as.list.count = kept;
    if (kept == 0)
        return replace_truth(p, slot, is_and);
    for (size_t i = 0; !is_and && i < expr->as.list.count; i++)
        TRY(gather_equalities(p, expr, i));
    if (expr->as.list.count == 1 && is_truth(expr->as.list.operands[0]))
        *slot = expr->as.list.operands[0];
    return ST_OK;
}

/* Arms that never fire go; an arm that always fires ends the list. */
static enum status fold_case(struct planner *p, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;
    size_t kept = 0;

    if (expr->as.cases.operand != NULL)
        return ST_OK;
    for (size_t i = 0; i < expr->as.cases.count; i++) {
        struct ir_case_arm *arm = &expr->as.cases.arms[i];

        if (expr_is_true(arm->when)) {
            expr->as.cases.otherwise = arm->then;
            break;
        }
        if (!expr_is_false(arm->when))
            expr->as.cases.arms[kept++] = *arm;
    }
    expr->as.cases.count = kept;
    if (kept > 0)
        return ST_OK;
    if (expr->as.cases.otherwise == NULL)
        return replace(p, slot, value_null());
    if (expr->as.cases.otherwise->affinity == PLAN_NO_AFFINITY)
        *slot = expr->as.cases.otherwise;
    return ST_OK;
}

/* ---- all ---- */

struct fold {
    struct planner *p;
    enum status status;
};

static void fold_slot(void *context, struct ir_expr **slot);

static void fold_children(struct fold *fold, struct ir_expr *expr)
{
    if (expr->kind != IR_CASE || expr->as.cases.operand == NULL) {
        ir_expr_children(expr, fold_slot, fold);
        return;
    }
    fold_slot(fold, &expr->as.cases.operand);
    for (size_t i = 0; i < expr->as.cases.count; i++) {
        struct ir_expr *when = expr->as.cases.arms[i].when;

        when->as.binary.left = expr->as.cases.operand;
        fold_slot(fold, &when->as.binary.right);
        fold_slot(fold, &expr->as.cases.arms[i].then);
    }
    if (expr->as.cases.otherwise != NULL)
        fold_slot(fold, &expr->as.cases.otherwise);
}

static void fold_slot(void *context, struct ir_expr **slot)
{
    struct fold *fold = context;
    struct ir_expr *expr = *slot;

    if (fold->status != ST_OK)
        return;
    fold_children(fold, expr);
    if (fold->status != ST_OK)
        return;
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_UNARY:
        fold->status = fold_unary(fold->p, slot);
        break;
    case IR_BINARY:
        fold->status = fold_binary(fold->p, slot);
        break;
    case IR_COMPARE:
        fold->status = fold_compare(fold->p, slot);
        break;
    case IR_LOGIC:
        fold->status = fold_logic(fold->p, slot);
        break;
    case IR_CASE:
        fold->status = fold_case(fold->p, slot);
        break;
    case IR_CALL:
        fold->status = fold_call(fold->p, slot);
        break;
    default:
        break;
    }
}

enum status fold_expr(struct planner *p, struct ir_expr **slot)
{
    struct fold fold = {p, ST_OK};

    if (*slot != NULL && !p->options->no_optimizer)
        fold_slot(&fold, slot);
    return fold.status;
}
