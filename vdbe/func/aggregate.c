/* SQLite's aggregates. Each can also give back what left a moving frame, but for min and max. */
#include "vdbe/func/aggregate_internal.h"

/* ---- count ---- */

STEP(count_step)
{
    struct count_state *s = state;

    s->count += count == 0 || !value_is_null(args[0]);
    return ST_OK;
}

STEP(count_inverse)
{
    struct count_state *s = state;

    s->count -= count == 0 || !value_is_null(args[0]);
    return ST_OK;
}

RESULT(count_result)
{
    *out = value_int(((struct count_state *)state)->count);
    return ST_OK;
}

/* ---- sum, total, avg ---- */

/* Both sums are kept as long as only integers come: the real one is what avg and total give. Text
 * that is not a number counts as its numeric prefix, and makes the sum a real. */
STEP(sum_step)
{
    struct sum_state *s = state;
    struct value v = func_numeric(args[0]);

    if (value_is_null(v))
        return ST_OK;
    s->count++;
    if (v.kind != VALUE_INT) {
        s->real_sum += func_real(v);
        s->is_real = true;
        return ST_OK;
    }
    s->real_sum += (double)v.as.i;
    if (!s->is_real && !s->has_overflow && __builtin_add_overflow(s->int_sum, v.as.i, &s->int_sum))
        s->has_overflow = true;
    return ST_OK;
}

STEP(sum_inverse)
{
    struct sum_state *s = state;
    struct value v = func_numeric(args[0]);

    if (value_is_null(v))
        return ST_OK;
    s->count--;
    if (v.kind == VALUE_INT && !s->is_real) {
        s->real_sum -= (double)v.as.i;
        s->int_sum = (int64_t)((uint64_t)s->int_sum - (uint64_t)v.as.i);
    } else {
        s->real_sum -= func_real(v);
    }
    return ST_OK;
}

RESULT(sum_result)
{
    const struct sum_state *s = state;

    *out = value_null();
    if (s->count == 0)
        return ST_OK;
    if (s->has_overflow)
        return error_set(context->err, ST_RANGE, -1, "integer overflow");
    *out = s->is_real ? value_real(s->real_sum) : value_int(s->int_sum);
    return ST_OK;
}

STEP(total_step)
{
    return sum_step(context, state, count, args);
}

STEP(total_inverse)
{
    return sum_inverse(context, state, count, args);
}

RESULT(total_result)
{
    *out = value_real(((struct sum_state *)state)->real_sum);
    return ST_OK;
}

STEP(avg_step)
{
    return sum_step(context, state, count, args);
}

STEP(avg_inverse)
{
    return sum_inverse(context, state, count, args);
}

RESULT(avg_result)
{
    const struct sum_state *s = state;

    *out = s->count == 0 ? value_null() : value_real(s->real_sum / (double)s->count);
    return ST_OK;
}

/* ---- min, max ---- */

static enum status keep_extreme(struct func_context *context, struct extreme_state *s,
                                struct value v, int wanted)
{
    if (value_is_null(v))
        return ST_OK;
    if (s->is_set && value_compare(v, s->best, (enum collation)context->collation) * wanted <= 0)
        return ST_OK;
    s->is_set = true;
    if (v.kind == VALUE_OBJECT && (v.flags & VALUE_IS_RECORD) != 0) {
        /* A stored record is gone with its row: keep what it says. */
        struct document_builder builder = {0};
        enum status st;

        document_begin(&builder);
        document_value(&builder, v);
        st = document_end(&builder, &v);
        if (st == ST_OK) {
            buf_clear(&s->bytes);
            buf_append_slice(&s->bytes, value_slice(v));
        }
        document_deinit(&builder);
        TRY(st);
        v.flags = 0;
    } else if (value_has_bytes(v)) {
        buf_clear(&s->bytes);
        buf_append_slice(&s->bytes, value_slice(v));
    }
    if (buf_status(&s->bytes) != ST_OK)
        return func_no_memory(context);
    s->best = v;
    if (value_has_bytes(v))
        s->best.as.data = s->bytes.data;
    return ST_OK;
}

static enum status give_extreme(struct func_context *context, const struct extreme_state *s,
                                struct value *out)
{
    *out = value_null();
    if (!s->is_set)
        return ST_OK;
    *out = s->best;
    if (value_has_bytes(s->best)) {
        struct slice copy = arena_copy(context->arena, value_slice(s->best));
        if (copy.data == NULL)
            return func_no_memory(context);
        out->as.data = copy.data;
    }
    return ST_OK;
}

STEP(max_step)
{
    return keep_extreme(context, state, args[0], 1);
}

STEP(min_step)
{
    return keep_extreme(context, state, args[0], -1);
}

RESULT(max_result)
{
    return give_extreme(context, state, out);
}

RESULT(min_result)
{
    return give_extreme(context, state, out);
}

void max_deinit(void *state)
{
    buf_free(&((struct extreme_state *)state)->bytes);
}

void min_deinit(void *state)
{
    buf_free(&((struct extreme_state *)state)->bytes);
}

/* ---- group_concat ---- */

/* The separator stands before its term. Its length is kept for every term but the first, because a
 * term that leaves a frame takes the separator behind it along. */
STEP(group_concat_step)
{
    struct concat_state *s = state;
    struct slice separator = count == 2 ? func_text(context, args[1]) : slice_text(",");
    struct slice term;

    if (value_is_null(args[0]))
        return ST_OK;
    term = func_text(context, args[0]);
    if (s->terms++ > 0) {
        uint32_t length = (uint32_t)separator.len;
        buf_append_slice(&s->text, separator);
        buf_append(&s->separators, &length, sizeof(length));
    }
    buf_append_slice(&s->text, term);
    if (s->text.len - s->start > func_bytes_max(context))
        return func_too_big(context);
    if (buf_status(&s->text) != ST_OK || buf_status(&s->separators) != ST_OK)
        return func_no_memory(context);
    return ST_OK;
}

static void forget_front(struct buf *buf, size_t *start)
{
    memmove(buf->data, buf->data + *start, buf->len - *start);
    buf->len -= *start;
    *start = 0;
}

STEP(group_concat_inverse)
{
    struct concat_state *s = state;
    uint32_t separator = 0;

    if (value_is_null(args[0]))
        return ST_OK;
    s->start += func_text(context, args[0]).len;
    if (--s->terms == 0) {
        s->text.len = s->start = 0;
        s->separators.len = s->separators_start = 0;
        return ST_OK;
    }
    memcpy(&separator, s->separators.data + s->separators_start, sizeof(separator));
    s->separators_start += sizeof(separator);
    s->start += separator;
    if (s->start > 4096 && s->start > s->text.len / 2) /* half is waste: constant work per byte */
        forget_front(&s->text, &s->start);
    if (s->separators_start > 4096 && s->separators_start > s->separators.len / 2)
        forget_front(&s->separators, &s->separators_start);
    return ST_OK;
}

RESULT(group_concat_result)
{
    const struct concat_state *s = state;
    size_t length = s->text.len - s->start;
    char *room;

    *out = value_null();
    if (s->terms == 0)
        return ST_OK;
    TRY(func_room(context, length, &room));
    if (length != 0)
        memcpy(room, s->text.data + s->start, length);
    *out = value_text(slice_of(room, length));
    return ST_OK;
}

void group_concat_deinit(void *state)
{
    struct concat_state *s = state;

    buf_free(&s->text);
    buf_free(&s->separators);
}
