/*
 * lcase() and ucase(): case by Unicode's simple mapping, one character to one character. lower()
 * and upper() stay with ASCII, as SQLite has them and as indexes on them rely on.
 */
#include "vdbe/func/func_internal.h"

struct case_range {
    uint32_t first, last;
    int32_t delta;
    uint32_t step;
};

static const struct case_range to_lower[] = {
#define LOWER(first, last, step, delta) {first, last, delta, step},
#define UPPER(first, last, step, delta)
#include "vdbe/func/case_map.def"
#undef LOWER
#undef UPPER
};

static const struct case_range to_upper[] = {
#define LOWER(first, last, step, delta)
#define UPPER(first, last, step, delta) {first, last, delta, step},
#include "vdbe/func/case_map.def"
#undef LOWER
#undef UPPER
};

static uint32_t map(const struct case_range *ranges, size_t count, uint32_t code)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (ranges[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || code < ranges[low].first ||
        (code - ranges[low].first) % ranges[low].step != 0)
        return code;
    return (uint32_t)((int32_t)code + ranges[low].delta);
}

static enum status map_text(struct func_context *context, struct value v, bool upper,
                            struct value *out)
{
    struct slice text = func_text(context, v);
    size_t length = 0;
    char *room;

    *out = value_null();
    if (value_is_null(v))
        return ST_OK;
    /* A mapped character may be a byte longer than the one it comes from, never more than that. */
    TRY(func_room(context, 2 * (uint64_t)text.len + 4, &room));
    while (text.len != 0) {
        unsigned char c = (unsigned char)*text.data;

        if (c < 0x80) {
            unsigned char first = upper ? 'a' : 'A';
            room[length++] = (char)(c ^ ((unsigned char)(c - first) < 26 ? 0x20 : 0));
            text = slice_of(text.data + 1, text.len - 1);
            continue;
        }
        struct slice before = text;
        uint32_t code = utf8_next(&text);
        uint32_t mapped = upper ? map(to_upper, COUNT_OF(to_upper), code)
                                : map(to_lower, COUNT_OF(to_lower), code);
        if (mapped != code) {
            length += utf8_encode(mapped, room + length);
        } else { /* stray bytes too stay as they are */
            memcpy(room + length, before.data, before.len - text.len);
            length += before.len - text.len;
        }
    }
    *out = value_text(slice_of(room, length));
    return ST_OK;
}

SCALAR(fn_lcase)
{
    return map_text(context, args[0], false, out);
}

SCALAR(fn_ucase)
{
    return map_text(context, args[0], true, out);
}
