/* One partition of a window: its rows in order, the frame of each, and what the functions make of
 * it.
 *
 * An aggregate over a frame that only grows (or moves, when the function has an inverse) is stepped
 * on from row to row; otherwise it is computed anew for each row. */
#include "vdbe/vm/vm_internal.h"
#include <stdlib.h>

struct window_row {
    store_ref_t ref;
    uint32_t bytes;
    uint32_t group; /* of peers */
};

struct running { /* an aggregate on its way through the partition */
    void *state;
    int64_t first, end; /* rows stepped into state: first … end - 1 */
    bool is_open;
};

struct window {
    const struct object_spec *spec;
    struct store store;
    struct buf rows;   /* struct window_row */
    struct buf groups; /* int64_t: first row of each group, then the row count */
    struct buf packed, scratch, other_scratch, key, last_key;
    struct value *row, *other; /* unpacked input rows */
    struct running *running;
    struct arena states;
    int64_t at;
    struct value offsets[2];
};

enum status window_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct window **out)
{
    struct window *window = calloc(1, sizeof(*window));

    if (window == NULL)
        return ST_NO_MEMORY;
    window->spec = spec;
    window->row = calloc(spec->input_count + 1u, sizeof(*window->row));
    window->other = calloc(spec->input_count + 1u, sizeof(*window->other));
    window->running = calloc(spec->call_count + 1u, sizeof(*window->running));
    store_init(&window->store, memory_bytes, directory);
    if (window->row == NULL || window->other == NULL || window->running == NULL) {
        window_free(window);
        return ST_NO_MEMORY;
    }
    *out = window;
    return ST_OK;
}

static void close_state(struct window *window, uint32_t call)
{
    struct running *running = &window->running[call];
    const struct func *func = window->spec->calls[call].func;

    if (running->is_open && func->deinit != NULL)
        func->deinit(running->state);
    running->is_open = false;
}

void window_clear(struct window *window)
{
    for (uint32_t k = 0; k < window->spec->call_count; k++)
        close_state(window, k);
    arena_reset(&window->states);
    if (window->rows.len != 0)
        store_clear(&window->store);
    buf_clear(&window->rows);
    buf_clear(&window->groups);
    buf_clear(&window->last_key);
    for (uint32_t k = 0; k < window->spec->call_count; k++)
        window->running[k] = (struct running){0};
    window->at = 0;
}

void window_free(struct window *window)
{
    if (window == NULL)
        return;
    if (window->running != NULL)
        window_clear(window);
    store_deinit(&window->store);
    arena_deinit(&window->states);
    buf_free(&window->rows);
    buf_free(&window->groups);
    buf_free(&window->packed);
    buf_free(&window->scratch);
    buf_free(&window->other_scratch);
    buf_free(&window->key);
    buf_free(&window->last_key);
    free(window->row);
    free(window->other);
    free(window->running);
    free(window);
}

static int64_t row_total(const struct window *window)
{
    return (int64_t)(window->rows.len / sizeof(struct window_row));
}

static struct window_row *place_of(const struct window *window, int64_t row)
{
    return (struct window_row *)(void *)window->rows.data + row;
}

/* Rows that are equal by the order are peers; rows come sorted, so only neighbours are compared. */
static enum status find_group(struct window *window, const struct value *row, uint32_t *out)
{
    const int64_t first = row_total(window);
    struct buf key;
    bool has_null;

    TRY(key_of_row(&window->key, row + window->spec->row_count, window->spec->key_count,
                   window->spec->parts, &has_null));
    if (first == 0 || !slice_equal(buf_slice(&window->key), buf_slice(&window->last_key))) {
        buf_append(&window->groups, &first, sizeof(first));
        TRY(buf_status(&window->groups));
    }
    *out = (uint32_t)(window->groups.len / sizeof(int64_t)) - 1;
    key = window->last_key;
    window->last_key = window->key;
    window->key = key;
    return ST_OK;
}

enum status window_add(struct window *window, const struct value *row)
{
    struct window_row place = {0};

    TRY(find_group(window, row, &place.group));
    buf_clear(&window->packed);
    TRY(row_pack(&window->packed, row, window->spec->input_count));
    if (window->packed.len > UINT32_MAX)
        return ST_TOO_BIG;
    place.bytes = (uint32_t)window->packed.len;
    TRY(store_add(&window->store, buf_slice(&window->packed), &place.ref));
    buf_append(&window->rows, &place, sizeof(place));
    return buf_status(&window->rows);
}

static enum status load_row(struct window *window, int64_t row, struct value *out,
                            struct buf *scratch)
{
    const struct window_row *place = place_of(window, row);
    const char *bytes;

    TRY(store_get(&window->store, place->ref, place->bytes, scratch, &bytes));
    row_unpack(bytes, out, window->spec->input_count);
    return ST_OK;
}

/* ---- frames ---- */

static int64_t group_first(const struct window *window, int64_t group)
{
    const int64_t count = (int64_t)(window->groups.len / sizeof(int64_t));

    if (group < 0)
        return 0;
    return group >= count ? row_total(window)
                          : ((const int64_t *)(void *)window->groups.data)[group];
}

static enum status check_offset(const struct window *window, struct value v, bool is_start,
                                struct error *err)
{
    const char *which = is_start ? "starting" : "ending";

    if (window->spec->window->unit == WINDOW_RANGE) {
        if ((v.kind != VALUE_INT && v.kind != VALUE_REAL) || value_to_real(v) < 0)
            return error_set(err, ST_TYPE, -1, "frame %s offset must be a non-negative number",
                             which);
        return ST_OK;
    }
    if (v.kind != VALUE_INT || v.as.i < 0)
        return error_set(err, ST_TYPE, -1, "frame %s offset must be a non-negative integer", which);
    return ST_OK;
}

enum status window_run(struct window *window, const struct value *offsets, struct error *err)
{
    const struct window_spec *spec = window->spec->window;
    unsigned at = 0;

    if (row_total(window) == 0)
        return ST_DONE;
    if (spec->has_start_offset) {
        window->offsets[0] = value_numeric_if_possible(offsets[at++]);
        TRY(check_offset(window, window->offsets[0], true, err));
    }
    if (spec->has_end_offset) {
        window->offsets[1] = value_numeric_if_possible(offsets[at]);
        TRY(check_offset(window, window->offsets[1], false, err));
    }
    return ST_OK;
}

/* The order value of a row, as a number that grows with the order; false: it is no number. */
static enum status order_number(struct window *window, int64_t row, bool *is_number, double *out)
{
    struct value v;

    TRY(load_row(window, row, window->other, &window->other_scratch));
    v = window->other[window->spec->row_count];
    *is_number = value_is_number(v);
    *out = *is_number ? value_to_real(v) : 0;
    if (window->spec->parts[0].descending)
        *out = -*out;
    return ST_OK;
}

/* RANGE with an offset: the first row whose order value is not below (or, for an end, is above)
 * value + distance. Rows without a number are peers of each other only. */
static enum status range_bound(struct window *window, int64_t row, double distance, bool is_end,
                               int64_t *out)
{
    const uint32_t group = place_of(window, row)->group;
    int64_t low = 0, high = row_total(window);
    bool is_number, other_is_number;
    double value, other;

    TRY(order_number(window, row, &is_number, &value));
    if (!is_number) {
        *out = group_first(window, (int64_t)group + is_end);
        return ST_OK;
    }
    /* Rows without a number stand at one end; keep to the others. */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;

        TRY(order_number(window, middle, &other_is_number, &other));
        if (!other_is_number) {
            if (middle < row)
                low = middle + 1;
            else
                high = middle;
        } else if (is_end ? other <= value + distance : other < value + distance) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return ST_OK;
}

/* The row a bound stands for: a frame is rows start … end - 1. */
static enum status frame_bound(struct window *window, int64_t row, bool is_end, int64_t *out)
{
    const struct window_spec *spec = window->spec->window;
    const enum window_bound bound = (enum window_bound)(is_end ? spec->end : spec->start);
    const struct value offset = window->offsets[is_end];
    const int64_t group = place_of(window, row)->group, total = row_total(window);
    int64_t distance = offset.kind == VALUE_INT ? offset.as.i : 0;

    if (bound == WINDOW_UNBOUNDED_PRECEDING || bound == WINDOW_UNBOUNDED_FOLLOWING) {
        *out = bound == WINDOW_UNBOUNDED_PRECEDING ? 0 : total;
        return ST_OK;
    }
    if (bound == WINDOW_CURRENT_ROW)
        distance = 0;
    else if (spec->unit == WINDOW_RANGE)
        return range_bound(
            window, row, bound == WINDOW_PRECEDING ? -value_to_real(offset) : value_to_real(offset),
            is_end, out);
    if (distance > total)
        distance = total;
    if (bound == WINDOW_PRECEDING)
        distance = -distance;
    if (spec->unit == WINDOW_ROWS)
        *out = row + distance + is_end;
    else
        *out = group_first(window, group + distance + is_end);
    *out = *out < 0 ? 0 : *out > total ? total : *out;
    return ST_OK;
}

static void add_stretch(struct func_window *frame, int64_t first, int64_t end)
{
    if (first < end)
        frame->frame[frame->frame_count++] = (struct func_stretch){first, end};
}

/* What is left of first … end - 1 without `from` … `to` - 1. */
static void add_without(struct func_window *frame, int64_t first, int64_t end, int64_t from,
                        int64_t to)
{
    add_stretch(frame, first, end < from ? end : from);
    add_stretch(frame, first > to ? first : to, end);
}

static enum status find_frame(struct window *window, int64_t row, struct func_window *out)
{
    const int64_t group = place_of(window, row)->group;
    int64_t first, end;

    *out = (struct func_window){.row = row,
                                .partition_rows = row_total(window),
                                .peers_first = group_first(window, group),
                                .peers_end = group_first(window, group + 1),
                                .peer_group = group,
                                .source = window};
    TRY(frame_bound(window, row, false, &first));
    TRY(frame_bound(window, row, true, &end));
    switch ((enum window_exclude)window->spec->window->exclude) {
    case WINDOW_EXCLUDE_NOTHING:
        add_stretch(out, first, end);
        break;
    case WINDOW_EXCLUDE_CURRENT_ROW:
        add_without(out, first, end, row, row + 1);
        break;
    case WINDOW_EXCLUDE_GROUP:
        add_without(out, first, end, out->peers_first, out->peers_end);
        break;
    case WINDOW_EXCLUDE_TIES:
        add_stretch(out, first, end < out->peers_first ? end : out->peers_first);
        if (first <= row && row < end)
            add_stretch(out, row, row + 1);
        add_stretch(out, first > out->peers_end ? first : out->peers_end, end);
        break;
    }
    return ST_OK;
}

/* ---- functions ---- */

struct argument_source { /* what argument_at needs beside the window */
    struct window *window;
    const struct aggregate_call *call;
};

static enum status argument_at(void *source, int64_t row, unsigned argument, struct value *out)
{
    const struct argument_source *from = source;

    if (row < 0 || row >= row_total(from->window) || argument >= from->call->argument_count)
        return ST_RANGE;
    TRY(load_row(from->window, row, from->window->other, &from->window->other_scratch));
    *out = from->window->other[from->call->first_argument + argument];
    return ST_OK;
}

static enum status step_row(struct window *window, struct func_context *context,
                            const struct aggregate_call *call, void *state, int64_t row,
                            bool is_inverse)
{
    const struct value *args;

    TRY(load_row(window, row, window->other, &window->other_scratch));
    if (call->filter != 0 && value_truth(window->other[call->filter - 1]) <= 0)
        return ST_OK;
    args = window->other + call->first_argument;
    return is_inverse ? call->func->inverse(context, state, call->argument_count, args)
                      : call->func->step(context, state, call->argument_count, args);
}

static enum status open_state(struct window *window, uint32_t number, int64_t first)
{
    struct running *running = &window->running[number];
    const size_t bytes = window->spec->calls[number].func->state_bytes;

    close_state(window, number);
    if (running->state == NULL)
        running->state = arena_alloc(&window->states, bytes);
    if (running->state == NULL)
        return ST_NO_MEMORY;
    memset(running->state, 0, bytes);
    running->is_open = true;
    running->first = running->end = first;
    return ST_OK;
}

/* Bring the running state to rows first … end - 1. */
static enum status move_state(struct window *window, struct func_context *context, uint32_t number,
                              int64_t first, int64_t end)
{
    const struct aggregate_call *call = &window->spec->calls[number];
    struct running *running = &window->running[number];
    const bool can_move =
        running->is_open && running->end <= end && running->first <= first &&
        (running->first == first || (call->func->inverse != NULL && first <= running->end));

    if (!can_move)
        TRY(open_state(window, number, first));
    for (; running->end < end; running->end++)
        TRY(step_row(window, context, call, running->state, running->end, false));
    for (; running->first < first; running->first++)
        TRY(step_row(window, context, call, running->state, running->first, true));
    return ST_OK;
}

static enum status aggregate_frame(struct window *window, struct func_context *context,
                                   uint32_t number, const struct func_window *frame,
                                   struct value *out)
{
    const struct aggregate_call *call = &window->spec->calls[number];
    struct running *running = &window->running[number];
    struct arena *arena = context->arena;

    context->arena = &window->states; /* what states keep lives with the partition */
    if (frame->frame_count <= 1) {
        TRY(move_state(window, context, number, frame->frame_count == 0 ? 0 : frame->frame[0].first,
                       frame->frame_count == 0 ? 0 : frame->frame[0].end));
    } else {
        TRY(open_state(window, number, 0));
        for (unsigned k = 0; k < frame->frame_count; k++)
            for (int64_t row = frame->frame[k].first; row < frame->frame[k].end; row++)
                TRY(step_row(window, context, call, running->state, row, false));
        running->first = running->end = INT64_MAX; /* the next row begins anew */
    }
    context->arena = arena;
    return call->func->result(context, running->state, out);
}

static enum status compute(struct window *window, struct func_context *context, uint32_t number,
                           struct func_window *frame, struct value *out)
{
    const struct aggregate_call *call = &window->spec->calls[number];
    struct argument_source source = {window, call};

    context->func = call->func;
    context->user = call->func->user;
    context->collation = call->collation;
    if (call->func->window == NULL)
        return aggregate_frame(window, context, number, frame, out);
    frame->source = &source;
    frame->argument_at = argument_at;
    TRY(call->func->window(context, frame, call->argument_count, out));
    return value_has_bytes(*out) ? value_keep(out, context->arena) : ST_OK;
}

enum status window_next(struct window *window, struct func_context *context, struct value *out)
{
    struct arena *arena = context->arena;
    struct func_window frame;

    if (window->at >= row_total(window))
        return ST_DONE;
    TRY(find_frame(window, window->at, &frame));
    for (uint32_t k = 0; k < window->spec->call_count; k++) {
        enum status st = compute(window, context, k, &frame, &out[window->spec->row_count + k]);

        context->arena = arena;
        TRY(st);
    }
    TRY(load_row(window, window->at++, window->row, &window->scratch));
    memcpy(out, window->row, window->spec->row_count * sizeof(*out));
    return arena->failed ? ST_NO_MEMORY : ST_OK;
}
