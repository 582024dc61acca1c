/*
 * bind_expr: one expression: its names, the affinity, collation and type of its result.
 */
#include "vdbe/plan/plan_internal.h"

bool collation_find(struct slice name, uint8_t *out)
{
    static const char *const names[COLLATE_BUILTIN_COUNT] = {"BINARY", "NOCASE", "RTRIM"};

    for (uint8_t i = 0; i < COLLATE_BUILTIN_COUNT; i++) {
        if (slice_is_nocase(name, names[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

struct ir_expr *literal_new(struct planner *p, struct value v)
{
    struct ir_expr *expr = ir_literal(p->arena, v, -1);

    if (expr != NULL) {
        expr->affinity = PLAN_NO_AFFINITY;
        expr->is_constant = true;
        expr->type = value_is_null(v) ? 0 : (uint8_t)(1 + v.kind);
    }
    return expr;
}

struct ir_expr *logic_new(struct planner *p, enum ir_logic op, struct ir_expr **operands,
                          size_t count)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_LOGIC, count > 0 ? operands[0]->offset : -1);

    if (expr == NULL)
        return NULL;
    expr->op = (uint8_t)op;
    expr->affinity = PLAN_NO_AFFINITY;
    expr->type = 1 + VALUE_INT;
    expr->as.list.count = count;
    expr->as.list.operands = operands;
    expr->is_constant = true;
    for (size_t i = 0; i < count; i++)
        expr->is_constant &= operands[i]->is_constant;
    return expr;
}

enum status bind_exprs(struct planner *p, struct scope *scope, struct ir_expr **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(bind_expr(p, scope, &list[i]));
    return ST_OK;
}

enum status bind_condition(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    if (*slot == NULL)
        return ST_OK;
    if (scope->block != NULL) {
        const struct ir_block *block = scope->block->ir;

        for (size_t i = 0; i < block->source_count; i++) {
            if (info_of(p, block->sources[i])->has_relations) {
                TRY(related_conditions(p, scope, slot));
                break;
            }
        }
    }
    return bind_expr(p, scope, slot);
}

static void take_explicit_collation(struct ir_expr *expr, const struct ir_expr *from)
{
    if (from != NULL && from->is_collation_explicit && !expr->is_collation_explicit) {
        expr->collation = from->collation;
        expr->is_collation_explicit = true;
    }
}

static enum status error_row(struct planner *p, const struct ir_expr *expr)
{
    return error_set(p->err, ST_INVALID, expr->offset, "row value misused");
}

static enum status bind_value(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    TRY(bind_expr(p, scope, slot));
    return (*slot)->kind == IR_ROW ? error_row(p, *slot) : ST_OK;
}

static enum status bind_unary(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;
    const struct ir_expr *operand;

    TRY(bind_value(p, scope, &expr->as.unary.operand));
    operand = expr->as.unary.operand;
    expr->affinity = PLAN_NO_AFFINITY;
    expr->is_constant = operand->is_constant;
    take_explicit_collation(expr, operand);
    switch ((enum ir_unary)expr->op) {
    case IR_PLUS:
        expr->collation = operand->collation;
        expr->type = operand->type;
        break;
    case IR_NEGATE:
        expr->type = operand->type == 1 + VALUE_REAL ? 1 + VALUE_REAL : 0;
        break;
    case IR_NOT:
    case IR_BIT_NOT:
    case IR_IS_NULL:
    case IR_NOT_NULL:
    case IR_IS_STORED_NULL:
    case IR_IS_TRUE:
    case IR_IS_FALSE:
    case IR_IS_NOT_TRUE:
    case IR_IS_NOT_FALSE:
        expr->type = 1 + VALUE_INT;
        break;
    }
    return ST_OK;
}

static enum status bind_binary(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    TRY(bind_value(p, scope, &expr->as.binary.left));
    TRY(bind_value(p, scope, &expr->as.binary.right));
    expr->affinity = PLAN_NO_AFFINITY;
    expr->is_constant = expr->as.binary.left->is_constant && expr->as.binary.right->is_constant;
    take_explicit_collation(expr, expr->as.binary.left);
    take_explicit_collation(expr, expr->as.binary.right);
    if (expr->op == IR_CONCAT)
        expr->type = 1 + VALUE_TEXT;
    return ST_OK;
}

static enum status bind_like(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    TRY(bind_value(p, scope, &expr->as.like.operand));
    TRY(bind_value(p, scope, &expr->as.like.pattern));
    if (expr->as.like.escape != NULL)
        TRY(bind_value(p, scope, &expr->as.like.escape));
    expr->affinity = PLAN_NO_AFFINITY;
    expr->type = 1 + VALUE_INT;
    expr->is_constant = expr->as.like.operand->is_constant && expr->as.like.pattern->is_constant &&
                        (expr->as.like.escape == NULL || expr->as.like.escape->is_constant);
    return ST_OK;
}

static enum status bind_logic(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    expr->affinity = PLAN_NO_AFFINITY;
    expr->type = 1 + VALUE_INT;
    expr->is_constant = true;
    for (size_t i = 0; i < expr->as.list.count; i++) {
        TRY(bind_value(p, scope, &expr->as.list.operands[i]));
        expr->is_constant &= expr->as.list.operands[i]->is_constant;
    }
    return ST_OK;
}

/* With an operand, each arm becomes a comparison with it, so that affinity and collation have a
 * place to stand. */
static enum status bind_case(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    struct ir_expr *operand;

    if (expr->as.cases.operand != NULL)
        TRY(bind_value(p, scope, &expr->as.cases.operand));
    operand = expr->as.cases.operand;
    expr->is_constant = operand == NULL || operand->is_constant;
    for (size_t i = 0; i < expr->as.cases.count; i++) {
        struct ir_case_arm *arm = &expr->as.cases.arms[i];

        TRY(bind_value(p, scope, &arm->when));
        TRY(bind_value(p, scope, &arm->then));
        expr->is_constant &= arm->when->is_constant && arm->then->is_constant;
        if (operand != NULL) {
            arm->when = compare_new(p, IR_EQ, operand, arm->when);
            if (arm->when == NULL)
                return no_memory(p);
        }
    }
    if (expr->as.cases.otherwise != NULL) {
        TRY(bind_value(p, scope, &expr->as.cases.otherwise));
        expr->is_constant &= expr->as.cases.otherwise->is_constant;
    }
    expr->affinity = PLAN_NO_AFFINITY;
    return ST_OK;
}

static enum status bind_cast(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    static const uint8_t types[] = {1 + VALUE_BYTES, 1 + VALUE_TEXT, 0, 1 + VALUE_INT,
                                    1 + VALUE_REAL};
    const struct ir_expr *operand;

    TRY(bind_value(p, scope, &expr->as.cast.operand));
    operand = expr->as.cast.operand;
    expr->affinity = (uint8_t)affinity_of_type(expr->as.cast.type);
    expr->collation = operand->collation;
    expr->is_constant = operand->is_constant;
    expr->type = types[expr->affinity];
    if (slice_is_nocase(expr->as.cast.type, "boolean") ||
        slice_is_nocase(expr->as.cast.type, "date"))
        expr->type = 0;
    take_explicit_collation(expr, operand);
    return ST_OK;
}

static enum status bind_collate(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    TRY(bind_value(p, scope, &expr->as.collate.operand));
    if (!collation_find(expr->as.collate.name.text, &expr->collation))
        return error_set(p->err, ST_NO_NAME, expr->as.collate.name.offset,
                         "no such collation sequence: %.*s", (int)expr->as.collate.name.text.len,
                         expr->as.collate.name.text.data);
    expr->affinity = expr->as.collate.operand->affinity;
    expr->is_collation_explicit = true;
    expr->is_constant = expr->as.collate.operand->is_constant;
    expr->type = expr->as.collate.operand->type;
    return ST_OK;
}

static enum status bind_subquery(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    const struct bound_query *query;

    if (p->is_single_expr)
        return error_set(p->err, ST_INVALID, expr->offset, "subqueries prohibited here");
    TRY(bind_query(p, expr->as.subquery.query, scope));
    query = bound_query_of(expr->as.subquery.query);
    expr->affinity = PLAN_NO_AFFINITY;
    if (expr->as.subquery.is_exists) {
        expr->type = 1 + VALUE_INT;
        return ST_OK;
    }
    if (query->plan.output_count != 1 && expr->op == IR_SUBQUERY_FIRST)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "sub-select returns %zu columns - expected 1", query->plan.output_count);
    expr->affinity = expr->op == IR_SUBQUERY_ARRAY ? PLAN_NO_AFFINITY : query->columns[0].affinity;
    expr->type = expr->op == IR_SUBQUERY_ARRAY ? 1 + VALUE_ARRAY : query->columns[0].type;
    return ST_OK;
}

/* $record and whole records: of the named source or the only one. */
static enum status bind_record(struct planner *p, struct scope *scope, struct ir_expr *expr)
{
    uint8_t up = 0;

    expr->affinity = PLAN_NO_AFFINITY;
    if (expr->kind == IR_RECORD)
        expr->type = 1 + VALUE_OBJECT;
    if (expr->as.record.source != NULL)
        return ST_OK;
    for (struct scope *s = scope; s != NULL; s = s->outer, up++) {
        for (size_t i = 0; s->block != NULL && i < s->block->ir->source_count; i++) {
            struct source_info *info = info_of(p, s->block->ir->sources[i]);

            if (expr->as.record.alias.text.len > 0 &&
                !slice_equal_nocase(info->name, expr->as.record.alias.text))
                continue;
            expr->as.record.source = s->block->ir->sources[i];
            expr->as.record.up = up;
            for (struct scope *inner = scope; inner != s; inner = inner->outer) {
                if (inner->query != NULL)
                    inner->query->plan.is_correlated = true;
            }
            return ST_OK;
        }
    }
    return error_set(p->err, ST_NO_TABLE, expr->offset, "no such table: %.*s",
                     (int)expr->as.record.alias.text.len, expr->as.record.alias.text.data);
}

/* The key is one attribute, the hidden rowid, or an array of several attributes. */
static enum status bind_meta(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot, *array;
    const struct table *table;

    TRY(bind_record(p, scope, expr));
    table = info_of(p, expr->as.record.source)->table;
    if (table == NULL)
        return error_set(p->err, ST_INVALID, expr->offset,
                         "only a table's record has $id and times");
    if (expr->op != IR_META_KEY)
        return ST_OK;
    if (table->key_count <= 1) {
        struct ir_expr *column =
            column_new(p, expr->as.record.source,
                       table->key_count == 0 ? ATTRIBUTE_NONE : table->key_attributes[0],
                       expr->as.record.up, expr->offset);

        if (column == NULL)
            return no_memory(p);
        *slot = column;
        return bind_column(p, scope, slot);
    }
    array = ir_expr_new(p->arena, IR_ARRAY, expr->offset);
    if (array == NULL)
        return no_memory(p);
    array->as.list.count = table->key_count;
    array->as.list.operands = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, table->key_count);
    if (array->as.list.operands == NULL)
        return no_memory(p);
    for (size_t i = 0; i < table->key_count; i++) {
        array->as.list.operands[i] =
            column_new(p, expr->as.record.source, table->key_attributes[i], expr->as.record.up, -1);
        if (array->as.list.operands[i] == NULL)
            return no_memory(p);
    }
    *slot = array;
    return bind_expr(p, scope, slot);
}

static enum status bind_list(struct planner *p, struct scope *scope, struct ir_expr *expr,
                             struct ir_expr **list, size_t count)
{
    expr->affinity = PLAN_NO_AFFINITY;
    expr->is_constant = true;
    for (size_t i = 0; i < count; i++) {
        TRY(bind_value(p, scope, &list[i]));
        expr->is_constant &= list[i]->is_constant;
    }
    return ST_OK;
}

static enum status bind_leaf(struct ir_expr *expr)
{
    expr->affinity = PLAN_NO_AFFINITY;
    expr->is_constant = true;
    if (expr->kind == IR_LITERAL && !value_is_null(expr->as.literal))
        expr->type = (uint8_t)(1 + expr->as.literal.kind);
    return ST_OK;
}

enum status bind_expr(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;

    switch ((enum ir_expr_kind)expr->kind) {
    case IR_LITERAL:
    case IR_PARAM:
        return bind_leaf(expr);
    case IR_COLUMN:
        return bind_column(p, scope, slot);
    case IR_UNARY:
        return bind_unary(p, scope, slot);
    case IR_BINARY:
        return bind_binary(p, scope, expr);
    case IR_COMPARE:
        return bind_compare(p, scope, slot);
    case IR_LOGIC:
        return bind_logic(p, scope, expr);
    case IR_IN:
        return bind_in(p, scope, slot);
    case IR_LIKE:
        return bind_like(p, scope, expr);
    case IR_CASE:
        return bind_case(p, scope, expr);
    case IR_CAST:
        return bind_cast(p, scope, expr);
    case IR_COLLATE:
        return bind_collate(p, scope, expr);
    case IR_CALL:
        return bind_call(p, scope, slot);
    case IR_SUBQUERY:
        return bind_subquery(p, scope, expr);
    case IR_ROW:
        return bind_list(p, scope, expr, expr->as.list.operands, expr->as.list.count);
    case IR_OBJECT:
        expr->type = 1 + VALUE_OBJECT;
        return bind_list(p, scope, expr, expr->as.object.values, expr->as.object.count);
    case IR_ARRAY:
        expr->type = 1 + VALUE_ARRAY;
        return bind_list(p, scope, expr, expr->as.list.operands, expr->as.list.count);
    case IR_MEMBER:
        expr->affinity = PLAN_NO_AFFINITY;
        TRY(bind_value(p, scope, &expr->as.member.operand));
        expr->is_constant = expr->as.member.operand->is_constant;
        return ST_OK;
    case IR_RECORD:
        return bind_record(p, scope, expr);
    case IR_META:
        return bind_meta(p, scope, slot);
    case IR_NESTED:
        return bind_nested(p, scope, slot);
    case IR_RAISE:
        expr->affinity = PLAN_NO_AFFINITY;
        return ST_OK;
    case IR_EXPR_KIND_COUNT:
        break;
    }
    return error_set(p->err, ST_INTERNAL, expr->offset, "unknown kind of expression");
}
