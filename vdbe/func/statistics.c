/* Harper's aggregates: statistics over the values that are numbers or text of one, and arrays. */
#include "vdbe/func/aggregate_internal.h"
#include <math.h>
#include <stdlib.h>

static bool number_of(struct value v, double *out)
{
    v = func_numeric(v);
    *out = func_real(v);
    return value_is_number(v);
}

/* ---- what needs all numbers ---- */

static enum status keep_number(struct func_context *context, struct numbers_state *s,
                               struct value v)
{
    double number;

    if (!number_of(v, &number))
        return ST_OK;
    buf_append(&s->numbers, &number, sizeof(number));
    return buf_status(&s->numbers) == ST_OK ? ST_OK : func_no_memory(context);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The value that the part `part` of sorted numbers lies below, between neighbours in proportion. */
static double quantile(double *numbers, size_t count, double part)
{
    double place = part * (double)(count - 1);
    size_t below = (size_t)place;

    qsort(numbers, count, sizeof(double), compare_doubles);
    if (below + 1 >= count)
        return numbers[count - 1];
    return numbers[below] + (numbers[below + 1] - numbers[below]) * (place - (double)below);
}

static double *all_numbers(struct numbers_state *s, size_t *count)
{
    *count = s->numbers.len / sizeof(double);
    return (double *)(void *)s->numbers.data;
}

static struct value quantile_of(struct numbers_state *s, double part)
{
    size_t count;
    double *numbers = all_numbers(s, &count);

    return count == 0 ? value_null() : value_real(quantile(numbers, count, part));
}

#define NUMBERS(name)                                                                              \
    STEP(name##_step)                                                                              \
    {                                                                                              \
        return keep_number(context, state, args[0]);                                               \
    }                                                                                              \
    void name##_deinit(void *state)                                                                \
    {                                                                                              \
        buf_free(&((struct numbers_state *)state)->numbers);                                       \
    }

NUMBERS(median)
NUMBERS(quart)
NUMBERS(quart3)
NUMBERS(mad)

RESULT(median_result)
{
    *out = quantile_of(state, 0.5);
    return ST_OK;
}

RESULT(quart_result)
{
    *out = quantile_of(state, 0.25);
    return ST_OK;
}

RESULT(quart3_result)
{
    *out = quantile_of(state, 0.75);
    return ST_OK;
}

RESULT(mad_result)
{
    size_t count;
    double *numbers = all_numbers(state, &count);
    double *distances;
    double median;

    *out = value_null();
    if (count == 0)
        return ST_OK;
    distances = arena_alloc(context->arena, count * sizeof(double));
    if (distances == NULL)
        return func_no_memory(context);
    median = quantile(numbers, count, 0.5);
    for (size_t i = 0; i < count; i++)
        distances[i] = fabs(numbers[i] - median);
    *out = value_real(quantile(distances, count, 0.5));
    return ST_OK;
}

/* ---- spread ---- */

static void add_to_spread(struct spread_state *s, struct value v)
{
    double number, distance;

    if (!number_of(v, &number))
        return;
    s->count++;
    distance = number - s->mean;
    s->mean += distance / (double)s->count;
    s->squares += distance * (number - s->mean);
}

/* `missing`: 1 for a sample, whose mean has used up one degree of freedom. */
static double variance(const struct spread_state *s, int missing)
{
    return s->count <= missing ? NAN : s->squares / (double)(s->count - missing);
}

#define SPREAD(name, expression)                                                                   \
    STEP(name##_step)                                                                              \
    {                                                                                              \
        add_to_spread(state, args[0]);                                                             \
        return ST_OK;                                                                              \
    }                                                                                              \
    RESULT(name##_result)                                                                          \
    {                                                                                              \
        const struct spread_state *s = state;                                                      \
                                                                                                   \
        *out = value_real(expression);                                                             \
        return ST_OK;                                                                              \
    }

SPREAD(var_samp, variance(s, 1))
SPREAD(var_pop, variance(s, 0))
SPREAD(stddev_samp, sqrt(variance(s, 1)))
SPREAD(stddev_pop, sqrt(variance(s, 0)))

STEP(prod_step)
{
    struct product_state *s = state;
    double number;

    if (number_of(args[0], &number))
        s->product = s->count++ == 0 ? number : s->product * number;
    return ST_OK;
}

RESULT(prod_result)
{
    const struct product_state *s = state;

    *out = s->count == 0 ? value_null() : value_real(s->product);
    return ST_OK;
}

/* ---- values of any kind ---- */

static enum status copy_record(struct arena *arena, struct value record, struct value *out)
{
    struct document_builder builder = {0};
    enum status st;

    document_begin(&builder);
    document_value(&builder, record);
    st = document_end(&builder, out);
    if (st == ST_OK) {
        struct slice copy = arena_copy(arena, value_slice(*out));
        out->as.data = copy.data;
        st = copy.data == NULL ? ST_NO_MEMORY : ST_OK;
    }
    document_deinit(&builder);
    return st;
}

static enum status keep_value(struct func_context *context, struct list_state *s, struct value v)
{
    if (v.kind == VALUE_OBJECT && (v.flags & VALUE_IS_RECORD) != 0) {
        if (copy_record(&s->bytes, v, &v) != ST_OK)
            return func_no_memory(context);
    } else if (value_has_bytes(v)) {
        struct slice copy = arena_copy(&s->bytes, value_slice(v));
        if (copy.data == NULL)
            return func_no_memory(context);
        v.as.data = copy.data;
    }
    buf_append(&s->values, &v, sizeof(v));
    return buf_status(&s->values) == ST_OK ? ST_OK : func_no_memory(context);
}

static const struct value *all_values(const struct list_state *s, size_t *count)
{
    *count = s->values.len / sizeof(struct value);
    return (const struct value *)(const void *)s->values.data;
}

static void free_list(struct list_state *s)
{
    arena_deinit(&s->bytes);
    buf_free(&s->values);
}

/* A kept value as a result, which must outlive the state. */
static enum status give_kept(struct func_context *context, struct value v, struct value *out)
{
    *out = v;
    if (value_has_bytes(v)) {
        struct slice copy = arena_copy(context->arena, value_slice(v));
        if (copy.data == NULL)
            return func_no_memory(context);
        out->as.data = copy.data;
    }
    return ST_OK;
}

static enum status give_array(struct func_context *context, const struct value *values,
                              size_t count, struct value *out)
{
    struct document_builder builder = {0};
    enum status st;

    document_begin(&builder);
    document_open_array(&builder);
    for (size_t i = 0; i < count; i++)
        document_value(&builder, values[i].kind == VALUE_ABSENT ? value_null() : values[i]);
    document_close(&builder);
    st = document_end(&builder, out);
    if (st == ST_OK)
        st = give_kept(context, *out, out);
    else
        (void)error_set(context->err, st, -1, "%s", status_text(st));
    document_deinit(&builder);
    return st;
}

STEP(array_step)
{
    return keep_value(context, state, args[0]);
}

RESULT(array_result)
{
    size_t count;
    const struct value *values = all_values(state, &count);

    return give_array(context, values, count, out);
}

void array_deinit(void *state)
{
    free_list(state);
}

STEP(first_step)
{
    const struct list_state *s = state;

    return s->values.len == 0 ? keep_value(context, state, args[0]) : ST_OK;
}

RESULT(first_result)
{
    size_t count;
    const struct value *values = all_values(state, &count);

    *out = value_null();
    return count == 0 ? ST_OK : give_kept(context, values[0], out);
}

void first_deinit(void *state)
{
    free_list(state);
}

STEP(last_step)
{
    struct list_state *s = state;

    arena_reset(&s->bytes);
    buf_clear(&s->values);
    return keep_value(context, s, args[0]);
}

RESULT(last_result)
{
    return first_result(context, state, out);
}

void last_deinit(void *state)
{
    free_list(state);
}

STEP(mode_step)
{
    return value_is_null(args[0]) ? ST_OK : keep_value(context, state, args[0]);
}

struct numbered {
    struct value value;
    size_t number;
};

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    int order = value_compare(x->value, y->value, COLLATE_BINARY);

    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* Values by order, equal ones by where they stood. */
static enum status sort_numbered(struct func_context *context, const struct value *values,
                                 size_t count, struct numbered **out)
{
    *out = ARENA_NEW_ARRAY(context->arena, struct numbered, count);
    if (*out == NULL)
        return func_no_memory(context);
    for (size_t i = 0; i < count; i++)
        (*out)[i] = (struct numbered){values[i], i};
    qsort(*out, count, sizeof(**out), compare_numbered);
    return ST_OK;
}

RESULT(mode_result)
{
    size_t count, best = 0, best_length = 0, end;
    const struct value *values = all_values(state, &count);
    struct numbered *sorted;

    *out = value_null();
    if (count == 0)
        return ST_OK;
    TRY(sort_numbered(context, values, count, &sorted));
    for (size_t start = 0; start < count; start = end) {
        for (end = start + 1; end < count && value_compare(sorted[start].value, sorted[end].value,
                                                           COLLATE_BINARY) == 0;)
            end++;
        if (end - start > best_length ||
            (end - start == best_length && sorted[start].number < sorted[best].number)) {
            best = start;
            best_length = end - start;
        }
    }
    return give_kept(context, sorted[best].value, out);
}

void mode_deinit(void *state)
{
    free_list(state);
}

static int compare_numbers(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

SCALAR(fn_distinct_array)
{
    struct value *values;
    struct numbered *sorted;
    size_t length, kept = 0;

    if (args[0].kind != VALUE_ARRAY) {
        *out = args[0];
        return ST_OK;
    }
    length = document_count(args[0]);
    values = ARENA_NEW_ARRAY(context->arena, struct value, length == 0 ? 1 : length);
    if (values == NULL)
        return func_no_memory(context);
    for (size_t i = 0; i < length; i++)
        values[i] = document_element(args[0], i);
    if (length > 1) {
        TRY(sort_numbered(context, values, length, &sorted));
        for (size_t i = 0; i < length; i++)
            if (i == 0 ||
                value_compare(sorted[i].value, sorted[kept - 1].value, COLLATE_BINARY) != 0)
                sorted[kept++] = sorted[i];
        qsort(sorted, kept, sizeof(*sorted), compare_numbers);
        for (size_t i = 0; i < kept; i++)
            values[i] = sorted[i].value;
        length = kept;
    }
    return give_array(context, values, length, out);
}
