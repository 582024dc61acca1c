/*
 * Functions over text. Positions count characters; a stray byte that begins no character counts as
 * one, and bytes that follow a leading byte belong to it however many they are, as in SQLite.
 */
#include "vdbe/func/func_internal.h"
#include <ctype.h>

/* ---- characters ---- */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t func_char_length(struct slice text, size_t at)
{
    size_t length = 1;

    if ((unsigned char)text.data[at] >= 0xc0)
        while (at + length < text.len && is_continuation(text.data[at + length]))
            length++;
    return length;
}

struct slice func_skip_chars(struct slice text, uint64_t characters)
{
    size_t at = 0;

    for (; characters > 0 && at < text.len; characters--)
        at += func_char_length(text, at);
    return slice_of(text.data == NULL ? NULL : text.data + at, text.len - at);
}

static bool is_ascii(struct slice text)
{
    unsigned char all = 0;

    for (size_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.data[i];
    return all < 0x80;
}

uint64_t func_count_chars(struct slice text)
{
    uint64_t count = 0;

    if (is_ascii(text))
        return text.len;
    for (size_t at = 0; at < text.len; at += func_char_length(text, at))
        count++;
    return count;
}

/* ---- measuring ---- */

SCALAR(fn_length)
{
    struct value v = args[0];
    struct slice text;
    const char *zero;

    *out = value_null();
    if (value_is_null(v))
        return ST_OK;
    if (v.kind == VALUE_BYTES) {
        *out = value_int(v.len);
        return ST_OK;
    }
    text = func_text(context, v);
    zero = text.len == 0 ? NULL : memchr(text.data, 0, text.len);
    if (zero != NULL)
        text.len = (size_t)(zero - text.data);
    *out = value_int((int64_t)func_count_chars(text));
    return ST_OK;
}

SCALAR(fn_octet_length)
{
    *out =
        value_is_null(args[0]) ? value_null() : value_int((int64_t)func_text(context, args[0]).len);
    return ST_OK;
}

SCALAR(fn_unicode)
{
    struct slice text = func_text(context, args[0]);

    *out = value_null();
    if (!value_is_null(args[0]) && text.len != 0 && text.data[0] != 0)
        *out = value_int(utf8_next(&text));
    return ST_OK;
}

SCALAR(fn_instr)
{
    bool bytes = args[0].kind == VALUE_BYTES && args[1].kind == VALUE_BYTES;
    struct slice text, part;
    const char *found;

    *out = value_null();
    if (value_is_null(args[0]) || value_is_null(args[1]))
        return ST_OK;
    text = func_text(context, args[0]);
    part = func_text(context, args[1]);
    found = part.len == 0         ? text.data
            : part.len > text.len ? NULL
                                  : memmem(text.data, text.len, part.data, part.len);
    if (found == NULL && part.len != 0) {
        *out = value_int(0);
        return ST_OK;
    }
    size_t before = part.len == 0 ? 0 : (size_t)(found - text.data);
    *out = value_int(
        1 + (bytes ? (int64_t)before : (int64_t)func_count_chars(slice_of(text.data, before))));
    return ST_OK;
}

/* ---- taking parts ---- */

/* From the caller's position and length (see fn_substr) to how many units to skip and to take. */
static void substr_bounds(int64_t position, int64_t length, int64_t total, int64_t *skip,
                          int64_t *take)
{
    bool backwards = length < 0;

    if (backwards)
        length = -length;
    if (position < 0) {
        position += total;
        if (position < 0) {
            length = length + position < 0 ? 0 : length + position;
            position = 0;
        }
    } else if (position > 0) {
        position--;
    } else if (length > 0) {
        length--; /* position 0 stands before the first character */
    }
    if (backwards) {
        position -= length;
        if (position < 0) {
            length += position;
            position = 0;
        }
    }
    *skip = position;
    *take = length < 0 ? 0 : length;
}

SCALAR(fn_substr)
{
    bool is_bytes = args[0].kind == VALUE_BYTES;
    int64_t position, length, skip, take, total = 0;
    struct slice text, rest;

    *out = value_null();
    if (value_is_null(args[0]) || value_is_null(args[1]) || (count == 3 && value_is_null(args[2])))
        return ST_OK;
    text = func_text(context, args[0]);
    position = func_int32(args[1]);
    length = count == 3 ? func_int32(args[2]) : INT32_MAX;
    if (is_bytes)
        total = (int64_t)text.len;
    else if (position < 0)
        total = (int64_t)func_count_chars(text);
    substr_bounds(position, length, total, &skip, &take);
    if (is_bytes) {
        size_t start = skip > (int64_t)text.len ? text.len : (size_t)skip;
        size_t left = text.len - start;
        *out = value_bytes(slice_of(text.data + start, take > (int64_t)left ? left : (size_t)take));
        return ST_OK;
    }
    text = func_skip_chars(text, (uint64_t)skip);
    rest = func_skip_chars(text, (uint64_t)take);
    *out = value_text(slice_of(text.data, text.len - rest.len));
    return ST_OK;
}

enum trim_side { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

/* Length of the character of `set` that `text` begins (or ends) with, 0: none. */
static size_t trim_match(struct slice text, struct slice set, bool at_end)
{
    for (size_t at = 0; at < set.len;) {
        size_t length = func_char_length(set, at);

        if (length <= text.len) {
            const char *place = at_end ? text.data + text.len - length : text.data;
            if (memcmp(place, set.data + at, length) == 0)
                return length;
        }
        at += length;
    }
    return 0;
}

static enum status trim(struct func_context *context, unsigned count, const struct value *args,
                        unsigned sides, struct value *out)
{
    struct slice set = slice_text(" ");
    struct slice text;
    size_t length;

    *out = value_null();
    if (value_is_null(args[0]) || (count == 2 && value_is_null(args[1])))
        return ST_OK;
    text = func_text(context, args[0]);
    if (count == 2)
        set = func_text(context, args[1]);
    if (sides & TRIM_LEFT) {
        while ((length = trim_match(text, set, false)) != 0) {
            text.data += length;
            text.len -= length;
        }
    }
    if (sides & TRIM_RIGHT) {
        while ((length = trim_match(text, set, true)) != 0)
            text.len -= length;
    }
    *out = value_text(text);
    return ST_OK;
}

SCALAR(fn_trim)
{
    return trim(context, count, args, TRIM_LEFT | TRIM_RIGHT, out);
}

SCALAR(fn_ltrim)
{
    return trim(context, count, args, TRIM_LEFT, out);
}

SCALAR(fn_rtrim)
{
    return trim(context, count, args, TRIM_RIGHT, out);
}

/* ---- changing ---- */

static enum status change_case(struct func_context *context, struct value v, bool upper,
                               struct value *out)
{
    struct slice text;
    char first = upper ? 'a' : 'A';
    char *room;

    *out = value_null();
    if (value_is_null(v))
        return ST_OK;
    text = func_text(context, v);
    TRY(func_room(context, text.len, &room));
    for (size_t i = 0; i < text.len; i++) { /* without a branch, so that it is vectorised */
        unsigned char c = (unsigned char)text.data[i];
        room[i] = (char)(c ^ ((unsigned char)(c - (unsigned char)first) < 26 ? 0x20 : 0));
    }
    *out = value_text(slice_of(room, text.len));
    return ST_OK;
}

SCALAR(fn_lower)
{
    return change_case(context, args[0], false, out);
}

SCALAR(fn_upper)
{
    return change_case(context, args[0], true, out);
}

/* How often `part` stands in `text`, found from left to right without overlap. */
static uint64_t count_parts(struct slice text, struct slice part)
{
    uint64_t found_count = 0;
    const char *found;

    while (text.len >= part.len &&
           (found = memmem(text.data, text.len, part.data, part.len)) != NULL) {
        size_t behind = (size_t)(found - text.data) + part.len;

        text = slice_of(text.data + behind, text.len - behind);
        found_count++;
    }
    return found_count;
}

SCALAR(fn_replace)
{
    struct slice text, part, with;
    const char *found;
    uint64_t times;
    char *room, *at;

    *out = value_null();
    if (value_is_null(args[0]) || value_is_null(args[1]))
        return ST_OK;
    text = func_text(context, args[0]);
    part = func_text(context, args[1]);
    if (part.len == 0) { /* the value itself: a number stays one, bytes have become text */
        *out = args[0].kind == VALUE_BYTES ? value_text(text) : args[0];
        return ST_OK;
    }
    if (value_is_null(args[2]))
        return ST_OK;
    with = func_text(context, args[2]);
    times = count_parts(text, part);
    if (times == 0) {
        *out = value_text(text);
        return ST_OK;
    }
    TRY(func_room(context, text.len - times * part.len + times * (uint64_t)with.len, &room));
    at = room;
    while (text.len >= part.len &&
           (found = memmem(text.data, text.len, part.data, part.len)) != NULL) {
        size_t before = (size_t)(found - text.data);

        memcpy(at, text.data, before);
        at += before;
        if (with.len != 0)
            memcpy(at, with.data, with.len);
        at += with.len;
        text = slice_of(found + part.len, text.len - before - part.len);
    }
    if (text.len != 0)
        memcpy(at, text.data, text.len);
    *out = value_text(slice_of(room, (size_t)(at - room) + text.len));
    return ST_OK;
}

/* ---- making ---- */

SCALAR(fn_char)
{
    char *room;
    size_t length = 0;

    TRY(func_room(context, (uint64_t)count * 4, &room));
    for (unsigned i = 0; i < count; i++) {
        int64_t code = value_to_int(args[i]);
        length += utf8_encode(code < 0 || code > 0x10ffff ? 0xfffd : (uint32_t)code, room + length);
    }
    *out = value_text(slice_of(room, length));
    return ST_OK;
}

static enum status join(struct func_context *context, struct slice separator, unsigned count,
                        const struct value *args, struct value *out)
{
    struct slice *parts = arena_zalloc_array(context->arena, count, sizeof(*parts));
    uint64_t total = 0;
    unsigned used = 0;
    char *room, *at;

    if (count != 0 && parts == NULL)
        return func_no_memory(context);
    for (unsigned i = 0; i < count; i++) {
        if (!value_is_null(args[i])) {
            parts[used] = func_text(context, args[i]);
            total += parts[used].len + (used == 0 ? 0 : separator.len);
            used++;
        }
    }
    TRY(func_room(context, total, &room));
    at = room;
    for (unsigned i = 0; i < used; i++) {
        if (i != 0 && separator.len != 0)
            at = (char *)memcpy(at, separator.data, separator.len) + separator.len;
        if (parts[i].len != 0)
            at = (char *)memcpy(at, parts[i].data, parts[i].len) + parts[i].len;
    }
    *out = value_text(slice_of(room, total));
    return ST_OK;
}

SCALAR(fn_concat)
{
    return join(context, slice_empty(), count, args, out);
}

SCALAR(fn_concat_ws)
{
    *out = value_null();
    if (value_is_null(args[0]))
        return ST_OK;
    return join(context, func_text(context, args[0]), count - 1, args + 1, out);
}

/* ---- literals ---- */

static void put_hex(struct slice bytes, char *at)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < bytes.len; i++) {
        *at++ = digits[(unsigned char)bytes.data[i] >> 4];
        *at++ = digits[(unsigned char)bytes.data[i] & 15];
    }
}

SCALAR(fn_hex)
{
    struct slice bytes = func_text(context, args[0]);
    char *room;

    TRY(func_room(context, 2 * (uint64_t)bytes.len, &room));
    put_hex(bytes, room);
    *out = value_text(slice_of(room, 2 * bytes.len));
    return ST_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

SCALAR(fn_unhex)
{
    struct slice digits = func_text(context, args[0]);
    struct slice skipped = count == 2 ? func_text(context, args[1]) : slice_empty();
    size_t length = 0;
    char *room;

    *out = value_null();
    if (value_is_null(args[0]) || (count == 2 && value_is_null(args[1])))
        return ST_OK;
    TRY(func_room(context, digits.len / 2, &room));
    while (digits.len != 0) {
        int high = hex_digit(digits.data[0]);
        int low = digits.len > 1 ? hex_digit(digits.data[1]) : -1;
        size_t step = 2;

        if (high >= 0 && low >= 0) {
            room[length++] = (char)(high << 4 | low);
        } else {
            step = high >= 0 ? 0 : trim_match(digits, skipped, false);
            if (step == 0) /* half a byte, or a character that is not to be skipped */
                return ST_OK;
        }
        digits = slice_of(digits.data + step, digits.len - step);
    }
    *out = value_bytes(slice_of(room, length));
    return ST_OK;
}

static enum status quote_real(struct func_context *context, double number, struct value *out)
{
    struct buf text = {0};
    struct value v = value_real(number), back;
    enum status st = func_format(context, slice_text("%!.15g"), 1, &v, &text);

    if (st == ST_OK) {
        (void)number_parse(buf_slice(&text), &back);
        if (func_real(back) != number) { /* 15 digits do not tell it: write all of them */
            buf_clear(&text);
            st = func_format(context, slice_text("%!.20e"), 1, &v, &text);
        }
    }
    if (st != ST_OK) {
        buf_free(&text);
        return st;
    }
    return func_give_buf(context, &text, false, out);
}

static enum status quote_bytes(struct func_context *context, struct slice bytes, struct value *out)
{
    char *room;

    TRY(func_room(context, 2 * (uint64_t)bytes.len + 3, &room));
    room[0] = 'X';
    room[1] = '\'';
    put_hex(bytes, room + 2);
    room[2 * bytes.len + 2] = '\'';
    *out = value_text(slice_of(room, 2 * bytes.len + 3));
    return ST_OK;
}

static enum status quote_text(struct func_context *context, struct slice text, struct value *out)
{
    size_t length = 1;
    char *room;

    TRY(func_room(context, 2 * (uint64_t)text.len + 2, &room));
    room[0] = '\'';
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\'')
            room[length++] = '\'';
        room[length++] = text.data[i];
    }
    room[length++] = '\'';
    *out = value_text(slice_of(room, length));
    return ST_OK;
}

SCALAR(fn_quote)
{
    struct value v = args[0];

    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        *out = value_text(slice_text("NULL"));
        return ST_OK;
    case VALUE_BOOL:
        *out = value_text(slice_text(v.as.b ? "TRUE" : "FALSE"));
        return ST_OK;
    case VALUE_INT:
        *out = value_text(func_text(context, v));
        return ST_OK;
    case VALUE_REAL:
        return quote_real(context, v.as.d, out);
    case VALUE_BYTES:
        return quote_bytes(context, value_slice(v), out);
    case VALUE_DATE:
    case VALUE_TEXT:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return quote_text(context, func_text(context, v), out);
}
