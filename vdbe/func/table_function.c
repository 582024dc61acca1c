/* Functions in FROM: their list, and generate_series. */
#include "vdbe/func/table_internal.h"

static const struct func_table *const tables[] = {
    &table_generate_series,
    &table_json_each,
    &table_json_tree,
};

const struct func_table *func_table_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        if (slice_is_nocase(name, tables[i]->name))
            return tables[i];
    return NULL;
}

const struct func_table *func_table_at(size_t index)
{
    return index < COUNT_OF(tables) ? tables[index] : NULL;
}

/* ---- generate_series ---- */

struct series {
    int64_t start, stop, step; /* as given */
    int64_t next;
    uint64_t left; /* rows still to come behind `next`, plus one unless is_done */
    bool is_done, is_started;
};

enum { SERIES_VALUE, SERIES_START, SERIES_STOP, SERIES_STEP };
#define SERIES_STOP_DEFAULT INT64_C(4294967295)

static int64_t series_argument(unsigned count, const struct value *args, unsigned index,
                               int64_t otherwise, bool *has_null)
{
    if (index >= count || args[index].kind == VALUE_ABSENT)
        return otherwise;
    if (value_is_null(args[index]))
        *has_null = true;
    return value_to_int(args[index]);
}

/* With a negative step rows come from the far end: of start … stop when that ascends (the rows that
 * the positive step gives, backwards), else down from start. */
static enum status series_open(FUNC_UNUSED struct func_context *context, void *cursor,
                               unsigned count, const struct value *args)
{
    struct series *s = cursor;
    bool has_null = false;
    uint64_t distance, stride;

    s->start = series_argument(count, args, 0, 0, &has_null);
    s->stop = series_argument(count, args, 1, SERIES_STOP_DEFAULT, &has_null);
    s->step = series_argument(count, args, 2, 1, &has_null);
    if (s->step == 0)
        s->step = 1;
    stride = s->step < 0 ? 0 - (uint64_t)s->step : (uint64_t)s->step;
    s->is_done = has_null || (s->step > 0 && s->start > s->stop);
    distance = s->start <= s->stop ? (uint64_t)s->stop - (uint64_t)s->start
                                   : (uint64_t)s->start - (uint64_t)s->stop;
    s->left = distance / stride;
    s->next = s->start;
    if (s->step < 0 && s->start <= s->stop)
        s->next = (int64_t)((uint64_t)s->start + s->left * stride);
    return ST_OK;
}

static enum status series_next(FUNC_UNUSED struct func_context *context, void *cursor)
{
    struct series *s = cursor;

    if (!s->is_started) {
        s->is_started = true;
    } else if (s->left == 0) {
        s->is_done = true;
    } else {
        s->left--;
        s->next = (int64_t)((uint64_t)s->next + (uint64_t)s->step);
    }
    return s->is_done ? ST_DONE : ST_ROW;
}

static enum status series_column(FUNC_UNUSED struct func_context *context, void *cursor,
                                 unsigned column, struct value *out)
{
    const struct series *s = cursor;
    const int64_t values[] = {[SERIES_VALUE] = s->next,
                              [SERIES_START] = s->start,
                              [SERIES_STOP] = s->stop,
                              [SERIES_STEP] = s->step};

    *out = value_int(values[column]);
    return ST_OK;
}

static void series_close(FUNC_UNUSED void *cursor)
{
}

static const struct func_table_column series_columns[] = {
    [SERIES_VALUE] = {"value", false, 1 + VALUE_INT},
    [SERIES_START] = {"start", true, 1 + VALUE_INT},
    [SERIES_STOP] = {"stop", true, 1 + VALUE_INT},
    [SERIES_STEP] = {"step", true, 1 + VALUE_INT},
};

const struct func_table table_generate_series = {
    .name = "generate_series",
    .args_min = 0,
    .args_max = 3,
    .column_count = COUNT_OF(series_columns),
    .columns = series_columns,
    .cursor_bytes = sizeof(struct series),
    .open = series_open,
    .next = series_next,
    .column = series_column,
    .close = series_close,
    .summary = "integers from start (0) to stop (4294967295) by step (1)",
};
