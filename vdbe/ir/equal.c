/*
 * Equality by structure: may one expression stand where the other does?
 */
#include "vdbe/ir/ir.h"

static bool equal_or_both_null(const struct ir_expr *a, const struct ir_expr *b)
{
    return a == NULL || b == NULL ? a == b : ir_expr_equal(a, b);
}

static bool equal_lists(struct ir_expr *const *a, size_t a_count, struct ir_expr *const *b,
                        size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!ir_expr_equal(a[i], b[i]))
            return false;
    return true;
}

static bool equal_orders(const struct ir_order *a, size_t a_count, const struct ir_order *b,
                         size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (a[i].descending != b[i].descending || a[i].nulls != b[i].nulls ||
            !ir_expr_equal(a[i].expr, b[i].expr))
            return false;
    return true;
}

static bool equal_windows(const struct ir_window *a, const struct ir_window *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->refers == b->refers && slice_equal_nocase(a->name.text, b->name.text) &&
           a->has_frame == b->has_frame && a->unit == b->unit && a->start == b->start &&
           a->end == b->end && a->exclude == b->exclude &&
           equal_lists(a->partition, a->partition_count, b->partition, b->partition_count) &&
           equal_orders(a->order, a->order_count, b->order, b->order_count) &&
           equal_or_both_null(a->start_offset, b->start_offset) &&
           equal_or_both_null(a->end_offset, b->end_offset);
}

/* Bound columns by what they mean, others by their names. */
static bool equal_columns(const struct ir_expr *a, const struct ir_expr *b)
{
    if (a->as.column.source != NULL && b->as.column.source != NULL)
        return a->as.column.source == b->as.column.source &&
               a->as.column.attribute == b->as.column.attribute &&
               a->as.column.up == b->as.column.up;
    if (a->as.column.source != b->as.column.source ||
        a->as.column.part_count != b->as.column.part_count)
        return false;
    for (size_t i = 0; i < a->as.column.part_count; i++)
        if (!slice_equal_nocase(a->as.column.parts[i].text, b->as.column.parts[i].text))
            return false;
    return true;
}

static bool equal_cases(const struct ir_expr *a, const struct ir_expr *b)
{
    if (a->as.cases.count != b->as.cases.count ||
        !equal_or_both_null(a->as.cases.operand, b->as.cases.operand) ||
        !equal_or_both_null(a->as.cases.otherwise, b->as.cases.otherwise))
        return false;
    for (size_t i = 0; i < a->as.cases.count; i++)
        if (!ir_expr_equal(a->as.cases.arms[i].when, b->as.cases.arms[i].when) ||
            !ir_expr_equal(a->as.cases.arms[i].then, b->as.cases.arms[i].then))
            return false;
    return true;
}

static bool equal_calls(const struct ir_expr *a, const struct ir_expr *b)
{
    return slice_equal_nocase(a->as.call.name.text, b->as.call.name.text) &&
           a->as.call.is_distinct == b->as.call.is_distinct &&
           a->as.call.is_star == b->as.call.is_star &&
           equal_lists(a->as.call.args, a->as.call.count, b->as.call.args, b->as.call.count) &&
           equal_or_both_null(a->as.call.filter, b->as.call.filter) &&
           equal_windows(a->as.call.over, b->as.call.over);
}

static bool equal_objects(const struct ir_expr *a, const struct ir_expr *b)
{
    if (a->as.object.omit_absent != b->as.object.omit_absent ||
        !equal_lists(a->as.object.values, a->as.object.count, b->as.object.values,
                     b->as.object.count))
        return false;
    for (size_t i = 0; i < a->as.object.count; i++)
        if (!slice_equal(a->as.object.names[i], b->as.object.names[i]))
            return false;
    return true;
}

static bool equal_params(const struct ir_expr *a, const struct ir_expr *b)
{
    return a->as.param.slot == b->as.param.slot;
}

bool ir_expr_equal(const struct ir_expr *a, const struct ir_expr *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->kind != b->kind || a->op != b->op ||
        a->negated != b->negated || a->any_element != b->any_element)
        return false;
    switch ((enum ir_expr_kind)a->kind) {
    case IR_LITERAL:
        return value_identical(a->as.literal, b->as.literal);
    case IR_PARAM:
        return equal_params(a, b);
    case IR_COLUMN:
        return equal_columns(a, b);
    case IR_UNARY:
        return ir_expr_equal(a->as.unary.operand, b->as.unary.operand);
    case IR_BINARY:
    case IR_COMPARE:
        return ir_expr_equal(a->as.binary.left, b->as.binary.left) &&
               ir_expr_equal(a->as.binary.right, b->as.binary.right);
    case IR_LOGIC:
    case IR_ROW:
    case IR_ARRAY:
        return equal_lists(a->as.list.operands, a->as.list.count, b->as.list.operands,
                           b->as.list.count);
    case IR_IN:
        return a->as.in.query == b->as.in.query &&
               ir_expr_equal(a->as.in.operand, b->as.in.operand) &&
               equal_lists(a->as.in.items, a->as.in.count, b->as.in.items, b->as.in.count);
    case IR_LIKE:
        return ir_expr_equal(a->as.like.operand, b->as.like.operand) &&
               ir_expr_equal(a->as.like.pattern, b->as.like.pattern) &&
               equal_or_both_null(a->as.like.escape, b->as.like.escape);
    case IR_CASE:
        return equal_cases(a, b);
    case IR_CAST:
        return slice_equal_nocase(a->as.cast.type, b->as.cast.type) &&
               ir_expr_equal(a->as.cast.operand, b->as.cast.operand);
    case IR_COLLATE:
        return slice_equal_nocase(a->as.collate.name.text, b->as.collate.name.text) &&
               ir_expr_equal(a->as.collate.operand, b->as.collate.operand);
    case IR_CALL:
        return equal_calls(a, b);
    case IR_SUBQUERY:
        /* Two subqueries of the same text may see different rows by their names: only the same
         * one is surely equal. */
        return a->as.subquery.query == b->as.subquery.query;
    case IR_OBJECT:
        return equal_objects(a, b);
    case IR_MEMBER:
        return a->as.member.index == b->as.member.index &&
               slice_equal(a->as.member.name, b->as.member.name) &&
               ir_expr_equal(a->as.member.operand, b->as.member.operand);
    case IR_RECORD:
    case IR_META:
        return a->as.record.source == b->as.record.source && a->as.record.up == b->as.record.up &&
               slice_equal_nocase(a->as.record.alias.text, b->as.record.alias.text);
    case IR_NESTED:
    case IR_RAISE:
    case IR_EXPR_KIND_COUNT:
        return false;
    }
    return false;
}
