/*
 * Expressions as text, on one line. Every compound operand is in parentheses, so the text shows the
 * tree without rules of precedence.
 */
#include "storage/value/document.h"
#include "vdbe/ir/print_internal.h"
#include <inttypes.h>
#include <math.h>

static bool is_plain_word(struct slice name)
{
    if (name.len == 0)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && c != '_' && c < 0x80 && (i == 0 || ((c < '0' || c > '9') && c != '$')))
            return false;
    }
    return true;
}

static void print_quoted(struct printer *p, struct slice text, char quote)
{
    buf_append_byte(p->out, (uint8_t)quote);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == quote)
            buf_append_byte(p->out, (uint8_t)quote);
        buf_append_byte(p->out, (uint8_t)text.data[i]);
    }
    buf_append_byte(p->out, (uint8_t)quote);
}

void print_name(struct printer *p, struct slice name)
{
    if (is_plain_word(name))
        buf_append_slice(p->out, name);
    else
        print_quoted(p, name, '"');
}

void print_text(struct printer *p, struct slice text)
{
    print_quoted(p, text, '\'');
}

/* ---- leaves ---- */

static void print_number(struct printer *p, double d)
{
    char text[NUMBER_TEXT_MAX];

    if (isinf(d))
        buf_append_text(p->out, d > 0 ? "9e999" : "-9e999");
    else
        buf_append(p->out, text, number_format(d, text));
}

static void print_bytes(struct printer *p, struct slice bytes)
{
    buf_append_text(p->out, "x'");
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(p->out, "%02x", (unsigned)(unsigned char)bytes.data[i]);
    buf_append_text(p->out, "'");
}

static void print_value(struct printer *p, struct value v)
{
    char date[DATE_TEXT_BYTES];

    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
        buf_append_text(p->out, "ABSENT");
        break;
    case VALUE_NULL:
        buf_append_text(p->out, "NULL");
        break;
    case VALUE_BOOL:
        buf_append_text(p->out, v.as.b ? "TRUE" : "FALSE");
        break;
    case VALUE_INT:
        buf_printf(p->out, "%" PRId64, v.as.i);
        break;
    case VALUE_REAL:
        print_number(p, v.as.d);
        break;
    case VALUE_DATE:
        buf_append_text(p->out, "date'");
        buf_append(p->out, date, date_format_iso(v.as.i, date));
        buf_append_text(p->out, "'");
        break;
    case VALUE_TEXT:
        print_text(p, value_slice(v));
        break;
    case VALUE_BYTES:
        print_bytes(p, value_slice(v));
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        json_write(p->out, v);
        break;
    case VALUE_KIND_COUNT:
        break;
    }
}

/* A lifted literal shows its value now: it is no parameter that anybody wrote. */
static void print_param(struct printer *p, const struct ir_expr *expr)
{
    if (expr->as.param.is_lifted) {
        buf_append_text(p->out, "{");
        print_value(p, expr->as.param.peek);
        buf_append_text(p->out, "}");
    } else if (expr->as.param.name.len > 0 && expr->as.param.name.data[0] != '?') {
        buf_append_slice(p->out, expr->as.param.name);
    } else {
        buf_printf(p->out, "?%" PRIu32, expr->as.param.slot);
    }
}

static void print_column(struct printer *p, const struct ir_expr *expr)
{
    for (size_t i = 0; i < expr->as.column.part_count; i++) {
        if (i > 0)
            buf_append_text(p->out, ".");
        if (expr->as.column.is_quoted_text)
            print_quoted(p, expr->as.column.parts[i].text, '"');
        else
            print_name(p, expr->as.column.parts[i].text);
    }
}

/* ---- operators ---- */

static bool is_compound(const struct ir_expr *expr)
{
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_UNARY:
    case IR_BINARY:
    case IR_COMPARE:
    case IR_LOGIC:
    case IR_IN:
    case IR_LIKE:
    case IR_COLLATE:
        return true;
    case IR_LITERAL:
    case IR_PARAM:
    case IR_COLUMN:
    case IR_CASE:
    case IR_CAST:
    case IR_CALL:
    case IR_SUBQUERY:
    case IR_ROW:
    case IR_OBJECT:
    case IR_ARRAY:
    case IR_MEMBER:
    case IR_RECORD:
    case IR_META:
    case IR_NESTED:
    case IR_RAISE:
    case IR_EXPR_KIND_COUNT:
        break;
    }
    return false;
}

/* -(-1), lest it read as the start of a comment. */
static bool is_negative(const struct ir_expr *expr)
{
    return expr->kind == IR_LITERAL &&
           ((expr->as.literal.kind == VALUE_INT && expr->as.literal.as.i < 0) ||
            (expr->as.literal.kind == VALUE_REAL && expr->as.literal.as.d < 0));
}

static void print_operand(struct printer *p, const struct ir_expr *expr)
{
    bool parens = expr != NULL && (is_compound(expr) || is_negative(expr));

    if (parens)
        buf_append_text(p->out, "(");
    print_expr(p, expr);
    if (parens)
        buf_append_text(p->out, ")");
}

static const char *const unary_before[] = {
    [IR_NEGATE] = "-", [IR_NOT] = "NOT ", [IR_BIT_NOT] = "~", [IR_PLUS] = "+"};
static const char *const unary_after[] = {[IR_IS_NULL] = " IS NULL",
                                          [IR_NOT_NULL] = " IS NOT NULL",
                                          [IR_IS_STORED_NULL] = " IS STORED NULL",
                                          [IR_IS_TRUE] = " IS TRUE",
                                          [IR_IS_FALSE] = " IS FALSE",
                                          [IR_IS_NOT_TRUE] = " IS NOT TRUE",
                                          [IR_IS_NOT_FALSE] = " IS NOT FALSE"};

static void print_unary(struct printer *p, const struct ir_expr *expr)
{
    if (expr->op < COUNT_OF(unary_before) && unary_before[expr->op] != NULL)
        buf_append_text(p->out, unary_before[expr->op]);
    print_operand(p, expr->as.unary.operand);
    if (expr->op < COUNT_OF(unary_after) && unary_after[expr->op] != NULL)
        buf_append_text(p->out, unary_after[expr->op]);
}

static const char *const binary_text[] = {
    [IR_ADD] = " + ",          [IR_SUBTRACT] = " - ", [IR_MULTIPLY] = " * ",
    [IR_DIVIDE] = " / ",       [IR_MODULO] = " % ",   [IR_CONCAT] = " || ",
    [IR_BIT_AND] = " & ",      [IR_BIT_OR] = " | ",   [IR_SHIFT_LEFT] = " << ",
    [IR_SHIFT_RIGHT] = " >> ", [IR_ARROW] = " -> ",   [IR_ARROW_TEXT] = " ->> "};
static const char *const compare_text[] = {[IR_EQ] = " = ",
                                           [IR_NE] = " <> ",
                                           [IR_LT] = " < ",
                                           [IR_LE] = " <= ",
                                           [IR_GT] = " > ",
                                           [IR_GE] = " >= ",
                                           [IR_IS] = " IS ",
                                           [IR_IS_NOT] = " IS NOT ",
                                           [IR_STARTS_WITH] = " STARTS WITH ",
                                           [IR_ENDS_WITH] = " ENDS WITH ",
                                           [IR_CONTAINS] = " CONTAINS "};

static void print_binary(struct printer *p, const struct ir_expr *expr, const char *op)
{
    if (expr->any_element)
        buf_append_text(p->out, "ANY ");
    print_operand(p, expr->as.binary.left);
    buf_append_text(p->out, op);
    print_operand(p, expr->as.binary.right);
}

static void print_logic(struct printer *p, const struct ir_expr *expr)
{
    for (size_t i = 0; i < expr->as.list.count; i++) {
        if (i > 0)
            buf_append_text(p->out, expr->op == IR_AND ? " AND " : " OR ");
        print_operand(p, expr->as.list.operands[i]);
    }
}

static void print_subquery(struct printer *p, const struct ir_query *query)
{
    struct printer within = {p->out, 0, true};

    buf_append_text(p->out, "(");
    print_query(&within, query);
    buf_append_text(p->out, ")");
}

static void print_in(struct printer *p, const struct ir_expr *expr)
{
    if (expr->any_element)
        buf_append_text(p->out, "ANY ");
    print_operand(p, expr->as.in.operand);
    buf_append_text(p->out, expr->negated ? " NOT IN " : " IN ");
    if (expr->as.in.query != NULL) {
        print_subquery(p, expr->as.in.query);
        return;
    }
    buf_append_text(p->out, "(");
    print_exprs(p, expr->as.in.items, expr->as.in.count);
    buf_append_text(p->out, ")");
}

static void print_like(struct printer *p, const struct ir_expr *expr)
{
    static const char *const words[] = {[IR_LIKE_LIKE] = "LIKE ",
                                        [IR_LIKE_GLOB] = "GLOB ",
                                        [IR_LIKE_REGEXP] = "REGEXP ",
                                        [IR_LIKE_MATCH] = "MATCH "};

    print_operand(p, expr->as.like.operand);
    buf_append_text(p->out, expr->negated ? " NOT " : " ");
    buf_append_text(p->out, words[expr->op]);
    print_operand(p, expr->as.like.pattern);
    if (expr->as.like.escape != NULL) {
        buf_append_text(p->out, " ESCAPE ");
        print_operand(p, expr->as.like.escape);
    }
}

static void print_case(struct printer *p, const struct ir_expr *expr)
{
    buf_append_text(p->out, "CASE");
    if (expr->as.cases.operand != NULL) {
        buf_append_text(p->out, " ");
        print_operand(p, expr->as.cases.operand);
    }
    for (size_t i = 0; i < expr->as.cases.count; i++) {
        buf_append_text(p->out, " WHEN ");
        print_expr(p, expr->as.cases.arms[i].when);
        buf_append_text(p->out, " THEN ");
        print_expr(p, expr->as.cases.arms[i].then);
    }
    if (expr->as.cases.otherwise != NULL) {
        buf_append_text(p->out, " ELSE ");
        print_expr(p, expr->as.cases.otherwise);
    }
    buf_append_text(p->out, " END");
}

/* ---- calls and windows ---- */

static void print_bound(struct printer *p, uint8_t bound, const struct ir_expr *offset)
{
    static const char *const words[] = {[IR_UNBOUNDED_PRECEDING] = "UNBOUNDED PRECEDING",
                                        [IR_PRECEDING] = " PRECEDING",
                                        [IR_CURRENT_ROW] = "CURRENT ROW",
                                        [IR_FOLLOWING] = " FOLLOWING",
                                        [IR_UNBOUNDED_FOLLOWING] = "UNBOUNDED FOLLOWING"};

    if (offset != NULL)
        print_operand(p, offset);
    buf_append_text(p->out, words[bound]);
}

static void print_frame(struct printer *p, const struct ir_window *window)
{
    static const char *const units[] = {
        [IR_FRAME_RANGE] = "RANGE", [IR_FRAME_ROWS] = "ROWS", [IR_FRAME_GROUPS] = "GROUPS"};
    static const char *const excludes[] = {[IR_EXCLUDE_NO_OTHERS] = "",
                                           [IR_EXCLUDE_CURRENT_ROW] = " EXCLUDE CURRENT ROW",
                                           [IR_EXCLUDE_GROUP] = " EXCLUDE GROUP",
                                           [IR_EXCLUDE_TIES] = " EXCLUDE TIES"};

    buf_append_text(p->out, units[window->unit]);
    buf_append_text(p->out, " BETWEEN ");
    print_bound(p, window->start, window->start_offset);
    buf_append_text(p->out, " AND ");
    print_bound(p, window->end, window->end_offset);
    buf_append_text(p->out, excludes[window->exclude]);
}

/* What stands between the parentheses of a window, the base aside. */
void print_window(struct printer *p, const struct ir_window *window)
{
    const char *gap = "";

    if (window->partition_count > 0) {
        buf_append_text(p->out, "PARTITION BY ");
        print_exprs(p, window->partition, window->partition_count);
        gap = " ";
    }
    if (window->order_count > 0) {
        buf_append_text(p->out, gap);
        buf_append_text(p->out, "ORDER BY ");
        print_orders(p, window->order, window->order_count);
        gap = " ";
    }
    if (window->has_frame) {
        buf_append_text(p->out, gap);
        print_frame(p, window);
    }
}

static void print_over(struct printer *p, const struct ir_window *window)
{
    buf_append_text(p->out, " OVER ");
    if (window->refers && window->partition_count == 0 && window->order_count == 0 &&
        !window->has_frame) {
        print_name(p, window->name.text);
        return;
    }
    buf_append_text(p->out, "(");
    if (window->refers) {
        print_name(p, window->name.text);
        buf_append_text(p->out, " ");
    }
    print_window(p, window);
    buf_append_text(p->out, ")");
}

static void print_call(struct printer *p, const struct ir_expr *expr)
{
    print_name(p, expr->as.call.name.text);
    buf_append_text(p->out, expr->as.call.is_star       ? "(*"
                            : expr->as.call.is_distinct ? "(DISTINCT "
                                                        : "(");
    print_exprs(p, expr->as.call.args, expr->as.call.count);
    buf_append_text(p->out, ")");
    if (expr->as.call.filter != NULL) {
        buf_append_text(p->out, " FILTER (WHERE ");
        print_expr(p, expr->as.call.filter);
        buf_append_text(p->out, ")");
    }
    if (expr->as.call.over != NULL)
        print_over(p, expr->as.call.over);
}

/* ---- documents ---- */

static void print_object(struct printer *p, const struct ir_expr *expr)
{
    buf_append_text(p->out, expr->as.object.omit_absent ? "OBJECT PRESENT {" : "OBJECT {");
    for (size_t i = 0; i < expr->as.object.count; i++) {
        if (i > 0)
            buf_append_text(p->out, ", ");
        print_name(p, expr->as.object.names[i]);
        buf_append_text(p->out, ": ");
        print_expr(p, expr->as.object.values[i]);
    }
    buf_append_text(p->out, "}");
}

static void print_member(struct printer *p, const struct ir_expr *expr)
{
    print_operand(p, expr->as.member.operand);
    if (expr->as.member.name.len == 0) {
        buf_printf(p->out, "[%" PRId64 "]", expr->as.member.index);
    } else {
        buf_append_text(p->out, ".");
        print_name(p, expr->as.member.name);
    }
}

static void print_record(struct printer *p, const struct ir_expr *expr)
{
    static const char *const facts[] = {
        [IR_META_KEY] = "KEY(", [IR_META_VERSION] = "VERSION(", [IR_META_EXPIRES] = "EXPIRES("};

    buf_append_text(p->out, expr->kind == IR_RECORD ? "RECORD(" : facts[expr->op]);
    if (expr->as.record.alias.text.len > 0)
        print_name(p, expr->as.record.alias.text);
    buf_append_text(p->out, ")");
}

static void print_nested(struct printer *p, const struct ir_expr *expr)
{
    buf_append_text(p->out, "NESTED ");
    print_name(p, expr->as.nested.name.text);
    if (expr->as.nested.count == 0)
        return;
    buf_append_text(p->out, expr->as.nested.is_array_form ? "[" : "{");
    print_outputs(p, expr->as.nested.items, expr->as.nested.count);
    buf_append_text(p->out, expr->as.nested.is_array_form ? "]" : "}");
}

static void print_raise(struct printer *p, const struct ir_expr *expr)
{
    static const char *const actions[] = {[IR_RAISE_IGNORE] = "IGNORE",
                                          [IR_RAISE_ROLLBACK] = "ROLLBACK",
                                          [IR_RAISE_ABORT] = "ABORT",
                                          [IR_RAISE_FAIL] = "FAIL"};

    buf_printf(p->out, "RAISE(%s", actions[expr->op]);
    if (expr->op != IR_RAISE_IGNORE) {
        buf_append_text(p->out, ", ");
        print_text(p, expr->as.raise.message);
    }
    buf_append_text(p->out, ")");
}

static void print_list(struct printer *p, const struct ir_expr *expr, const char *open,
                       const char *close)
{
    buf_append_text(p->out, open);
    print_exprs(p, expr->as.list.operands, expr->as.list.count);
    buf_append_text(p->out, close);
}

void print_expr(struct printer *p, const struct ir_expr *expr)
{
    if (expr == NULL)
        return;
    switch ((enum ir_expr_kind)expr->kind) {
    case IR_LITERAL:
        print_value(p, expr->as.literal);
        break;
    case IR_PARAM:
        print_param(p, expr);
        break;
    case IR_COLUMN:
        print_column(p, expr);
        break;
    case IR_UNARY:
        print_unary(p, expr);
        break;
    case IR_BINARY:
        print_binary(p, expr, binary_text[expr->op]);
        break;
    case IR_COMPARE:
        print_binary(p, expr, compare_text[expr->op]);
        break;
    case IR_LOGIC:
        print_logic(p, expr);
        break;
    case IR_IN:
        print_in(p, expr);
        break;
    case IR_LIKE:
        print_like(p, expr);
        break;
    case IR_CASE:
        print_case(p, expr);
        break;
    case IR_CAST:
        buf_append_text(p->out, "CAST(");
        print_expr(p, expr->as.cast.operand);
        buf_append_text(p->out, " AS ");
        buf_append_slice(p->out, expr->as.cast.type);
        buf_append_text(p->out, ")");
        break;
    case IR_COLLATE:
        print_operand(p, expr->as.collate.operand);
        buf_append_text(p->out, " COLLATE ");
        print_name(p, expr->as.collate.name.text);
        break;
    case IR_CALL:
        print_call(p, expr);
        break;
    case IR_SUBQUERY:
        buf_append_text(p->out, !expr->as.subquery.is_exists ? ""
                                : expr->negated              ? "NOT EXISTS "
                                                             : "EXISTS ");
        if (!expr->as.subquery.is_exists && expr->op == IR_SUBQUERY_ARRAY)
            buf_append_text(p->out, "ARRAY ");
        print_subquery(p, expr->as.subquery.query);
        break;
    case IR_ROW:
        print_list(p, expr, "(", ")");
        break;
    case IR_ARRAY:
        print_list(p, expr, "ARRAY [", "]");
        break;
    case IR_OBJECT:
        print_object(p, expr);
        break;
    case IR_MEMBER:
        print_member(p, expr);
        break;
    case IR_RECORD:
    case IR_META:
        print_record(p, expr);
        break;
    case IR_NESTED:
        print_nested(p, expr);
        break;
    case IR_RAISE:
        print_raise(p, expr);
        break;
    case IR_EXPR_KIND_COUNT:
        break;
    }
}

void print_exprs(struct printer *p, struct ir_expr *const *exprs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_text(p->out, ", ");
        print_expr(p, exprs[i]);
    }
}

void ir_print_expr(struct buf *out, const struct ir_expr *expr)
{
    struct printer p = {out, 0, true};

    print_expr(&p, expr);
}
