/* Functions that choose, ask or count, and the elementary ones over numbers. */
#include "vdbe/func/func_internal.h"
#include <math.h>

SCALAR(fn_abs)
{
    struct value v = args[0];

    if (value_is_null(v)) {
        *out = value_null();
    } else if (func_is_int(v)) {
        int64_t i = func_numeric(v).as.i;

        if (i == INT64_MIN)
            return error_set(context->err, ST_RANGE, -1, "integer overflow");
        *out = value_int(i < 0 ? -i : i);
    } else {
        *out = value_real(fabs(func_real(v)));
    }
    return ST_OK;
}

SCALAR(fn_changes)
{
    *out = value_int(context->changes);
    return ST_OK;
}

SCALAR(fn_total_changes)
{
    *out = value_int(context->total_changes);
    return ST_OK;
}

SCALAR(fn_last_insert_rowid)
{
    *out = value_int(context->last_insert_rowid);
    return ST_OK;
}

SCALAR(fn_coalesce)
{
    *out = value_null();
    for (unsigned i = 0; i < count && value_is_null(*out); i++)
        *out = args[i];
    return ST_OK;
}

SCALAR(fn_iif)
{
    if (value_truth(args[0]) == 1)
        *out = args[1];
    else
        *out = count == 3 ? args[2] : value_null();
    return ST_OK;
}

SCALAR(fn_first)
{
    *out = args[0];
    return ST_OK;
}

SCALAR(fn_nullif)
{
    bool is_equal = value_compare(args[0], args[1], (enum collation)context->collation) == 0;

    *out = is_equal ? value_null() : args[0];
    return ST_OK;
}

static bool any_null(unsigned count, const struct value *args)
{
    for (unsigned i = 0; i < count; i++)
        if (value_is_null(args[i]))
            return true;
    return false;
}

/* Of equal arguments max gives the first and min the last, which shows when 1 and 1.0 meet. */
SCALAR(fn_max)
{
    unsigned best = 0;

    for (unsigned i = 1; i < count; i++)
        if (value_compare(args[best], args[i], (enum collation)context->collation) < 0)
            best = i;
    *out = any_null(count, args) ? value_null() : args[best];
    return ST_OK;
}

SCALAR(fn_min)
{
    unsigned best = 0;

    for (unsigned i = 1; i < count; i++)
        if (value_compare(args[best], args[i], (enum collation)context->collation) >= 0)
            best = i;
    *out = any_null(count, args) ? value_null() : args[best];
    return ST_OK;
}

SCALAR(fn_harper_version)
{
    *out = value_text(slice_text(HARPER_VERSION));
    return ST_OK;
}

SCALAR(fn_sqlite_version)
{
    *out = value_text(slice_text("3.40.1"));
    return ST_OK;
}

SCALAR(fn_sqlite_source_id)
{
    *out = value_text(slice_text("harper " HARPER_VERSION " follows SQLite 3.40.1"));
    return ST_OK;
}

SCALAR(fn_typeof)
{
    static const char *const names[] = {
        [VALUE_ABSENT] = "null",   [VALUE_NULL] = "null",  [VALUE_BOOL] = "boolean",
        [VALUE_INT] = "integer",   [VALUE_REAL] = "real",  [VALUE_DATE] = "date",
        [VALUE_TEXT] = "text",     [VALUE_BYTES] = "blob", [VALUE_ARRAY] = "array",
        [VALUE_OBJECT] = "object",
    };

    *out = value_text(slice_text(names[args[0].kind]));
    return ST_OK;
}

/* ---- random ---- */

SCALAR(fn_random)
{
    *out = value_int((int64_t)func_random(context));
    return ST_OK;
}

SCALAR(fn_random_below)
{
    int64_t limit = value_to_int(args[0]);

    *out = value_int(limit <= 0 ? 0 : (int64_t)(func_random(context) % (uint64_t)limit));
    return ST_OK;
}

SCALAR(fn_randomblob)
{
    int64_t wanted = value_to_int(args[0]);
    size_t length = wanted < 1 ? 1 : (size_t)wanted;
    char *room;

    TRY(func_room(context, length, &room));
    for (size_t at = 0; at < length; at += 8) {
        uint64_t eight = func_random(context);

        memcpy(room + at, &eight, length - at < 8 ? length - at : 8);
    }
    *out = value_bytes(slice_of(room, length));
    return ST_OK;
}

SCALAR(fn_zeroblob)
{
    int64_t wanted = value_to_int(args[0]);
    size_t length = wanted < 0 ? 0 : (size_t)wanted;
    char *room;

    TRY(func_room(context, length, &room));
    memset(room, 0, length);
    *out = value_bytes(slice_of(room, length));
    return ST_OK;
}

/* ---- numbers ---- */

/* A real of 2^52 or more has no digits behind the point. Otherwise rounding goes through decimal
 * text, so that round(2.675, 2) sees the digits a user sees. */
SCALAR(fn_round)
{
    enum { DIGITS_MAX = 30 };
    int64_t digits = count == 2 ? value_to_int(args[1]) : 0;
    double r = func_real(args[0]);
    char text[64];

    *out = value_null();
    if (value_is_null(args[0]) || (count == 2 && value_is_null(args[1])))
        return ST_OK;
    digits = digits < 0 ? 0 : digits > DIGITS_MAX ? DIGITS_MAX : digits;
    if (r < -4503599627370496.0 || r > 4503599627370496.0) {
        *out = value_real(r);
    } else if (digits == 0) {
        *out = value_real((double)(int64_t)(r + (r < 0 ? -0.5 : 0.5)));
    } else {
        struct value rounded;

        size_t length = func_format_fixed(r, (int)digits, text, sizeof(text));
        (void)number_parse(slice_of(text, length), &rounded);
        *out = value_real(func_real(rounded));
    }
    return ST_OK;
}

SCALAR(fn_sign)
{
    struct value v = func_numeric(args[0]);

    *out = value_null();
    if (v.kind == VALUE_INT)
        *out = value_int((v.as.i > 0) - (v.as.i < 0));
    else if (v.kind == VALUE_REAL)
        *out = value_int((v.as.d > 0) - (v.as.d < 0));
    return ST_OK;
}
