#include "vdbe/func/search_functions.h"
#include <math.h>

/* ---- numbers of a sequence ---- */

enum total { TOTAL_SUM, TOTAL_MAX, TOTAL_MIN, TOTAL_AVERAGE };

static enum status total(struct value v, enum total what, struct value *out)
{
    size_t count = search_count(v);
    double result = 0;

    *out = value_absent();
    if (v.kind == VALUE_ABSENT || (count == 0 && what != TOTAL_SUM))
        return ST_OK;
    for (size_t i = 0; i < count; i++) {
        struct value item = search_item(v, i);
        double number = func_real(item);

        if (!value_is_number(item))
            return ST_TYPE;
        if (what == TOTAL_SUM || what == TOTAL_AVERAGE)
            result += number;
        else if (i == 0 || (what == TOTAL_MAX ? number > result : number < result))
            result = number;
    }
    if (what == TOTAL_AVERAGE)
        result /= (double)count;
    *out = result == floor(result) && fabs(result) < 9e15 ? value_int((int64_t)result)
                                                          : value_real(result);
    return ST_OK;
}

/* ---- sequences ---- */

static enum status distinct_append_reverse(struct func_context *context, char what, struct value a,
                                           struct value b, struct value *out)
{
    struct buf list = {0};
    size_t count = search_count(a);

    for (size_t i = 0; i < count; i++) {
        struct value item = search_item(a, what == 'r' ? count - 1 - i : i);
        const struct value *kept = (const struct value *)(const void *)list.data;
        bool is_known = false;

        for (size_t k = 0; what == 'd' && k < list.len / sizeof(item) && !is_known; k++)
            is_known = value_compare(kept[k], item, COLLATE_BINARY) == 0;
        if (!is_known)
            buf_append(&list, &item, sizeof(item));
    }
    for (size_t i = 0; what == 'a' && i < search_count(b); i++) {
        struct value item = search_item(b, i);
        buf_append(&list, &item, sizeof(item));
    }
    return search_give_list(context, &list, a.kind == VALUE_ARRAY || what == 'a', out);
}

static enum status keys(struct func_context *context, struct value v, struct value *out)
{
    struct buf list = {0};
    size_t count = v.kind == VALUE_OBJECT ? document_count(v) : 0;

    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct value text;

        (void)document_member_at(v, i, &name);
        text = value_text(name);
        buf_append(&list, &text, sizeof(text));
    }
    return search_give_list(context, &list, false, out);
}

/* ---- text ---- */

static enum status join(struct func_context *context, struct value v, struct slice separator,
                        struct value *out)
{
    struct buf text = {0};

    for (size_t i = 0; i < search_count(v); i++) {
        if (i != 0)
            buf_append_slice(&text, separator);
        buf_append_slice(&text, func_text(context, search_item(v, i)));
    }
    return func_give_buf(context, &text, false, out);
}

static enum status split(struct func_context *context, struct slice text, struct slice separator,
                         struct value *out)
{
    struct buf list = {0};
    struct value part;

    for (;;) {
        const char *found = separator.len == 0 || text.len == 0
                                ? NULL
                                : memmem(text.data, text.len, separator.data, separator.len);
        size_t length = found == NULL ? text.len : (size_t)(found - text.data);

        if (separator.len == 0 && text.len != 0) { /* every character */
            length = func_char_length(text, 0);
            found = length < text.len ? text.data + length : NULL;
        }
        part = value_text(slice_of(text.data, length));
        buf_append(&list, &part, sizeof(part));
        if (found == NULL)
            break;
        text = slice_of(found + separator.len, text.len - length - separator.len);
    }
    return search_give_list(context, &list, true, out);
}

/* From 0; negative from the end; the length may be left out. */
static struct value substring(struct slice text, unsigned count, const struct value *args)
{
    int64_t total = (int64_t)func_count_chars(text);
    int64_t start = count > 1 ? func_int32(args[1]) : 0;
    int64_t length = count > 2 ? func_int32(args[2]) : total;

    if (start < 0)
        start = start + total < 0 ? 0 : start + total;
    text = func_skip_chars(text, (uint64_t)start);
    struct slice rest = func_skip_chars(text, length < 0 ? 0 : (uint64_t)length);
    return value_text(slice_of(text.data, text.len - rest.len));
}

/* The part of text before (or behind) the first `mark`; all of it when there is none. */
static struct value beside(struct slice text, struct slice mark, bool before)
{
    const char *found = mark.len == 0 || text.len == 0
                            ? text.data
                            : memmem(text.data, text.len, mark.data, mark.len);

    if (found == NULL)
        return value_text(text);
    size_t at = (size_t)(found - text.data);
    if (before)
        return value_text(slice_of(text.data, at));
    return value_text(slice_of(found + mark.len, text.len - at - mark.len));
}

static const char *type_name(struct value v)
{
    return value_is_null(v)         ? "null"
           : v.kind == VALUE_BOOL   ? "boolean"
           : value_is_number(v)     ? "number"
           : v.kind == VALUE_ARRAY  ? "array"
           : v.kind == VALUE_OBJECT ? "object"
                                    : "string";
}

/* ---- the list ---- */

enum function {
    F_ABS,
    F_APPEND,
    F_AVERAGE,
    F_BOOLEAN,
    F_CEIL,
    F_CONTAINS,
    F_COUNT,
    F_DISTINCT,
    F_EXISTS,
    F_FLOOR,
    F_JOIN,
    F_KEYS,
    F_LENGTH,
    F_LOOKUP,
    F_LOWERCASE,
    F_MAX,
    F_MIN,
    F_NOT,
    F_NUMBER,
    F_POWER,
    F_REPLACE,
    F_REVERSE,
    F_ROUND,
    F_SPLIT,
    F_SQRT,
    F_STRING,
    F_SUBSTRING,
    F_SUBSTRING_AFTER,
    F_SUBSTRING_BEFORE,
    F_SUM,
    F_TRIM,
    F_TYPE,
    F_UPPERCASE
};

static const struct {
    const char *name;
    uint8_t args_min, args_max;
    bool undefined_in_undefined_out;
} functions[] = {
    [F_ABS] = {"abs", 1, 1, true},
    [F_APPEND] = {"append", 2, 2, false},
    [F_AVERAGE] = {"average", 1, 1, true},
    [F_BOOLEAN] = {"boolean", 1, 1, true},
    [F_CEIL] = {"ceil", 1, 1, true},
    [F_CONTAINS] = {"contains", 2, 2, true},
    [F_COUNT] = {"count", 1, 1, false},
    [F_DISTINCT] = {"distinct", 1, 1, true},
    [F_EXISTS] = {"exists", 1, 1, false},
    [F_FLOOR] = {"floor", 1, 1, true},
    [F_JOIN] = {"join", 1, 2, true},
    [F_KEYS] = {"keys", 1, 1, true},
    [F_LENGTH] = {"length", 1, 1, true},
    [F_LOOKUP] = {"lookup", 2, 2, true},
    [F_LOWERCASE] = {"lowercase", 1, 1, true},
    [F_MAX] = {"max", 1, 1, true},
    [F_MIN] = {"min", 1, 1, true},
    [F_NOT] = {"not", 1, 1, true},
    [F_NUMBER] = {"number", 1, 1, true},
    [F_POWER] = {"power", 2, 2, true},
    [F_REPLACE] = {"replace", 3, 3, true},
    [F_REVERSE] = {"reverse", 1, 1, true},
    [F_ROUND] = {"round", 1, 2, true},
    [F_SPLIT] = {"split", 2, 2, true},
    [F_SQRT] = {"sqrt", 1, 1, true},
    [F_STRING] = {"string", 1, 1, true},
    [F_SUBSTRING] = {"substring", 2, 3, true},
    [F_SUBSTRING_AFTER] = {"substringAfter", 2, 2, true},
    [F_SUBSTRING_BEFORE] = {"substringBefore", 2, 2, true},
    [F_SUM] = {"sum", 1, 1, true},
    [F_TRIM] = {"trim", 1, 1, true},
    [F_TYPE] = {"type", 1, 1, true},
    [F_UPPERCASE] = {"uppercase", 1, 1, true},
};

static enum status to_number(struct value v, struct value *out)
{
    if (v.kind == VALUE_TEXT && number_parse(value_slice(v), out) >= NUMBER_INT)
        return ST_OK;
    *out = v.kind == VALUE_BOOL ? value_int(v.as.b) : v;
    return value_is_number(*out) ? ST_OK : ST_TYPE;
}

/* Halves to the even neighbour, as JSONata has it. */
static enum status round_even(unsigned count, const struct value *args, struct value *out)
{
    double scale = pow(10, count > 1 ? func_int32(args[1]) : 0);
    double result = nearbyint(func_real(args[0]) * scale) / scale;

    if (!value_is_number(args[0]))
        return ST_TYPE;
    *out = count == 1 && fabs(result) < 9e15 ? value_int((int64_t)result) : value_real(result);
    return ST_OK;
}

static enum status run(struct func_context *context, enum function f, unsigned count,
                       const struct value *args, struct value *out)
{
    struct value first = args[0];
    struct slice text = first.kind == VALUE_TEXT ? value_slice(first) : slice_empty();
    struct slice second = count > 1 ? func_text(context, args[1]) : slice_empty();

    switch (f) {
    case F_ABS:
        return fn_abs(context, 1, args, out);
    case F_CEIL:
        return fn_ceil(context, 1, args, out);
    case F_FLOOR:
        return fn_floor(context, 1, args, out);
    case F_SQRT:
        return fn_sqrt(context, 1, args, out);
    case F_POWER:
        return fn_pow(context, 2, args, out);
    case F_LOWERCASE:
        return fn_lcase(context, 1, args, out);
    case F_UPPERCASE:
        return fn_ucase(context, 1, args, out);
    case F_REPLACE:
        return fn_replace(context, 3, args, out);
    case F_TRIM:
        return fn_trim(context, 1, args, out);
    case F_LENGTH:
        return first.kind == VALUE_TEXT ? fn_length(context, 1, args, out) : ST_TYPE;
    case F_ROUND:
        return round_even(count, args, out);
    case F_APPEND:
        return distinct_append_reverse(context, 'a', first, args[1], out);
    case F_DISTINCT:
        return distinct_append_reverse(context, 'd', first, value_absent(), out);
    case F_REVERSE:
        return distinct_append_reverse(context, 'r', first, value_absent(), out);
    case F_AVERAGE:
        return total(first, TOTAL_AVERAGE, out);
    case F_SUM:
        return total(first, TOTAL_SUM, out);
    case F_MAX:
        return total(first, TOTAL_MAX, out);
    case F_MIN:
        return total(first, TOTAL_MIN, out);
    case F_BOOLEAN:
        *out = value_bool(search_truth(first));
        return ST_OK;
    case F_NOT:
        *out = value_bool(!search_truth(first));
        return ST_OK;
    case F_EXISTS:
        *out = value_bool(first.kind != VALUE_ABSENT);
        return ST_OK;
    case F_COUNT:
        *out = value_int((int64_t)search_count(first));
        return ST_OK;
    case F_CONTAINS:
        *out =
            value_bool(second.len == 0 || (text.len != 0 && memmem(text.data, text.len, second.data,
                                                                   second.len) != NULL));
        return ST_OK;
    case F_JOIN:
        return join(context, first, second, out);
    case F_SPLIT:
        return split(context, text, second, out);
    case F_KEYS:
        return keys(context, first, out);
    case F_LOOKUP:
        *out = first.kind == VALUE_OBJECT ? document_member(first, second) : value_absent();
        return ST_OK;
    case F_NUMBER:
        return to_number(first, out);
    case F_STRING:
        *out = first.kind == VALUE_BOOL   ? value_text(slice_text(first.as.b ? "true" : "false"))
               : first.kind == VALUE_NULL ? value_text(slice_text("null"))
                                          : value_text(func_text(context, first));
        return ST_OK;
    case F_SUBSTRING:
        *out = substring(text, count, args);
        return ST_OK;
    case F_SUBSTRING_AFTER:
        *out = beside(text, second, false);
        return ST_OK;
    case F_SUBSTRING_BEFORE:
        *out = beside(text, second, true);
        return ST_OK;
    case F_TYPE:
        *out = value_text(slice_text(type_name(first)));
        return ST_OK;
    }
    return ST_NOT_FOUND;
}

enum status search_call(struct func_context *context, struct slice name, unsigned count,
                        const struct value *args, struct value input, struct value *out)
{
    struct value with_input[9];

    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        if (!slice_is(name, functions[i].name))
            continue;
        if (count + 1 == functions[i].args_min && count + 1 < COUNT_OF(with_input)) {
            with_input[0] = input; /* the context stands for the first one */
            memcpy(with_input + 1, args, count * sizeof(*args));
            args = with_input;
            count++;
        }
        if (count < functions[i].args_min || count > functions[i].args_max)
            return ST_TYPE;
        *out = value_absent();
        if (functions[i].undefined_in_undefined_out && args[0].kind == VALUE_ABSENT)
            return ST_OK;
        return run(context, (enum function)i, count, args, out);
    }
    return ST_NOT_FOUND;
}
