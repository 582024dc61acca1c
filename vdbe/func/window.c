/* The window functions that are not aggregates. They see positions and fetch the values they want.
 */
#include "vdbe/func/func_internal.h"

static enum status argument(const struct func_window *window, int64_t row, unsigned number,
                            struct value *out)
{
    return window->argument_at(window->source, row, number, out);
}

WINDOW(fn_row_number)
{
    *out = value_int(window->row + 1);
    return ST_OK;
}

WINDOW(fn_rank)
{
    *out = value_int(window->peers_first + 1);
    return ST_OK;
}

WINDOW(fn_dense_rank)
{
    *out = value_int(window->peer_group + 1);
    return ST_OK;
}

WINDOW(fn_percent_rank)
{
    *out = value_real(window->partition_rows <= 1
                          ? 0.0
                          : (double)window->peers_first / (double)(window->partition_rows - 1));
    return ST_OK;
}

WINDOW(fn_cume_dist)
{
    *out = value_real((double)window->peers_end / (double)window->partition_rows);
    return ST_OK;
}

/* The first rows % buckets buckets are one row longer. */
WINDOW(fn_ntile)
{
    struct value v;
    int64_t buckets, size, longer;

    TRY(argument(window, window->row, 0, &v));
    buckets = value_to_int(v);
    if (buckets <= 0)
        return error_set(context->err, ST_RANGE, -1,
                         "argument of ntile must be a positive integer");
    size = window->partition_rows / buckets;
    longer = window->partition_rows % buckets;
    if (size == 0 || window->row < longer * (size + 1))
        *out = value_int(window->row / (size + 1) + 1);
    else
        *out = value_int(longer + (window->row - longer * (size + 1)) / size + 1);
    return ST_OK;
}

/* lag(X), lag(X, offset), lag(X, offset, default). */
static enum status at_distance(const struct func_window *window, unsigned count, bool forward,
                               struct value *out)
{
    struct value v;
    int64_t distance = 1, row;

    *out = value_null();
    if (count > 1) {
        TRY(argument(window, window->row, 1, &v));
        if (value_is_null(v))
            return ST_OK;
        distance = value_to_int(v);
    }
    if (!forward)
        distance = distance == INT64_MIN ? INT64_MAX : -distance;
    if (!__builtin_add_overflow(window->row, distance, &row) && row >= 0 &&
        row < window->partition_rows)
        return argument(window, row, 0, out);
    return count > 2 ? argument(window, window->row, 2, out) : ST_OK;
}

WINDOW(fn_lag)
{
    return at_distance(window, count, false, out);
}

WINDOW(fn_lead)
{
    return at_distance(window, count, true, out);
}

/* Row `number` (from 0) of the frame; -1: it has fewer. */
static int64_t frame_row(const struct func_window *window, int64_t number)
{
    for (unsigned i = 0; i < window->frame_count; i++) {
        int64_t length = window->frame[i].end - window->frame[i].first;

        if (number < length)
            return window->frame[i].first + number;
        number -= length;
    }
    return -1;
}

WINDOW(fn_first_value)
{
    int64_t row = frame_row(window, 0);

    *out = value_null();
    return row < 0 ? ST_OK : argument(window, row, 0, out);
}

WINDOW(fn_last_value)
{
    *out = value_null();
    if (window->frame_count == 0)
        return ST_OK;
    return argument(window, window->frame[window->frame_count - 1].end - 1, 0, out);
}

WINDOW(fn_nth_value)
{
    struct value v;
    int64_t row;

    *out = value_null();
    TRY(argument(window, window->row, 1, &v));
    v = func_numeric(v);
    if ((v.kind != VALUE_INT && (v.kind != VALUE_REAL || v.as.d != (double)value_to_int(v))) ||
        value_to_int(v) <= 0)
        return error_set(context->err, ST_RANGE, -1,
                         "second argument to nth_value must be a positive integer");
    row = frame_row(window, value_to_int(v) - 1);
    return row < 0 ? ST_OK : argument(window, row, 0, out);
}
