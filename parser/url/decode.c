/*
 * Percent-decoding, strict and as browsers do with forms. What comes out is UTF-8.
 */
#include "parser/url/url_internal.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

/* The byte that the escape at text[i] stands for, or -1. */
static int escape_at(struct slice text, size_t i)
{
    int high, low;

    if (text.len - i < 3)
        return -1;
    high = hex_digit(text.data[i + 1]);
    low = hex_digit(text.data[i + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Decode into `room` (raw.len bytes). *bad is the place of the first malformed escape, or NULL;
 * such a percent sign is kept. */
static size_t decode_bytes(struct slice raw, bool plus_is_space, char *room, const char **bad)
{
    size_t len = 0;

    *bad = NULL;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];

        if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            int byte = escape_at(raw, i);

            if (byte >= 0) {
                c = (char)byte;
                i += 2;
            } else if (*bad == NULL) {
                *bad = raw.data + i;
            }
        }
        room[len++] = c;
    }
    return len;
}

static bool is_plain(struct slice raw, bool plus_is_space)
{
    if (raw.len == 0)
        return true;
    return memchr(raw.data, '%', raw.len) == NULL &&
           (!plus_is_space || memchr(raw.data, '+', raw.len) == NULL);
}

enum status url_check_escapes(struct slice raw, struct error *err)
{
    size_t i = 0;

    while (i < raw.len) {
        const char *percent = memchr(raw.data + i, '%', raw.len - i);

        if (percent == NULL)
            break;
        i = (size_t)(percent - raw.data);
        if (escape_at(raw, i) < 0)
            return error_set(err, ST_SYNTAX, (int64_t)i, "malformed percent escape");
        i += 3;
    }
    return ST_OK;
}

enum status url_decode(struct slice raw, bool plus_is_space, struct arena *arena, struct slice *out,
                       struct error *err)
{
    const char *bad = NULL;
    char *room;

    *out = raw;
    if (!is_plain(raw, plus_is_space)) {
        room = arena_alloc(arena, raw.len);
        if (room == NULL)
            return error_set(err, ST_NO_MEMORY, -1, "out of memory");
        *out = slice_of(room, decode_bytes(raw, plus_is_space, room, &bad));
        if (bad != NULL)
            return error_set(err, ST_SYNTAX, bad - raw.data, "malformed percent escape");
    }
    if (!is_ascii(*out) && !utf8_is_valid(*out))
        return error_set(err, ST_SYNTAX, 0, "a percent-encoded text is not UTF-8");
    return ST_OK;
}

/* Every byte that belongs to no character becomes U+FFFD, as browsers do with forms. */
static enum status repair_utf8(struct slice text, struct arena *arena, struct slice *out)
{
    char *room = arena_alloc(arena, text.len * 3);
    size_t len = 0;

    if (room == NULL)
        return ST_NO_MEMORY;
    while (text.len != 0)
        len += utf8_encode(utf8_next(&text), room + len);
    *out = slice_of(room, len);
    return ST_OK;
}

enum status url_decode_form(struct slice raw, struct arena *arena, struct slice *out)
{
    const char *bad;
    char *room;

    *out = raw;
    if (!is_plain(raw, true)) {
        room = arena_alloc(arena, raw.len);
        if (room == NULL)
            return ST_NO_MEMORY;
        *out = slice_of(room, decode_bytes(raw, true, room, &bad));
    }
    if (!is_ascii(*out) && !utf8_is_valid(*out))
        return repair_utf8(*out, arena, out);
    return ST_OK;
}
