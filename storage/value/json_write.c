/*
 * Values to JSON text. Text is copied sixteen bytes at a time until one of them needs an escape.
 */
#include "storage/value/document.h"
#include "storage/value/record.h"
#include <math.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static void write_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    buf_append_byte(out, '\\');
    if (c >= 0x20) {
        buf_append_byte(out, c);
    } else if (short_form[c] != 0) {
        buf_append_byte(out, (uint8_t)short_form[c]);
    } else {
        buf_append(out, "u00", 3);
        buf_append_byte(out, (uint8_t)hex[c >> 4]);
        buf_append_byte(out, (uint8_t)hex[c & 15]);
    }
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

#if defined(__SSE2__)
/* One bit per byte that needs an escape. */
static unsigned escape_mask(__m128i bytes)
{
    __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                   _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes));

    return (unsigned)_mm_movemask_epi8(special);
}

/* Copy as many bytes as need no escape and lie in whole groups of 16; room for all was reserved. */
static size_t copy_plain(char *to, struct slice text)
{
    size_t done = 0;

    for (; text.len - done >= 16; done += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.data + done));
        unsigned mask = escape_mask(bytes);

        _mm_storeu_si128((__m128i *)(void *)(to + done), bytes);
        if (mask != 0)
            return done + (size_t)__builtin_ctz(mask);
    }
    return done;
}
#else
static size_t copy_plain(char *to, struct slice text)
{
    (void)to;
    (void)text;
    return 0;
}
#endif

/* Copy up to the next escape; what needs one is written and stepped over. */
static void write_run(struct buf *out, struct slice *text)
{
    size_t done;

    if (!buf_reserve(out, text->len)) {
        text->len = 0;
        return;
    }
    done = copy_plain(out->data + out->len, *text);
    while (done < text->len && !needs_escape((unsigned char)text->data[done])) {
        out->data[out->len + done] = text->data[done];
        done++;
    }
    out->len += done;
    if (done < text->len)
        write_escape(out, (unsigned char)text->data[done++]);
    text->data += done;
    text->len -= done;
}

void json_write_text(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    while (text.len != 0)
        write_run(out, &text);
    buf_append_byte(out, '"');
}

static void write_bytes(struct buf *out, struct slice bytes)
{
    char digits[NUMBER_TEXT_MAX];

    buf_append_text(out, "{\"type\":\"Buffer\",\"data\":[");
    for (size_t i = 0; i < bytes.len; i++) {
        if (i != 0)
            buf_append_byte(out, ',');
        buf_append(out, digits, number_format_int((unsigned char)bytes.data[i], digits));
    }
    buf_append(out, "]}", 2);
}

static void write_value(struct buf *out, struct value v, unsigned depth);

static void write_array(struct buf *out, struct value array, unsigned depth)
{
    size_t count = document_count(array);

    buf_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i != 0)
            buf_append_byte(out, ',');
        write_value(out, document_element(array, i), depth + 1);
    }
    buf_append_byte(out, ']');
}

static void write_object(struct buf *out, struct value object, unsigned depth)
{
    size_t count = document_count(object);
    bool is_first = true;

    buf_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct value member = document_member_at(object, i, &name);

        if (member.kind == VALUE_ABSENT)
            continue;
        if (!is_first)
            buf_append_byte(out, ',');
        is_first = false;
        json_write_text(out, name);
        buf_append_byte(out, ':');
        write_value(out, member, depth + 1);
    }
    buf_append_byte(out, '}');
}

static void write_date(struct buf *out, int64_t ms)
{
    char iso[DATE_TEXT_BYTES];
    size_t len = date_format_iso(ms, iso);

    buf_append_byte(out, '"');
    buf_append(out, iso, len);
    buf_append_byte(out, '"');
}

static void write_value(struct buf *out, struct value v, unsigned depth)
{
    char digits[NUMBER_TEXT_MAX];

    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        buf_append(out, "null", 4);
        break;
    case VALUE_BOOL:
        buf_append_text(out, v.as.b ? "true" : "false");
        break;
    case VALUE_INT:
        buf_append(out, digits, number_format_int(v.as.i, digits));
        break;
    case VALUE_REAL:
        if (isinf(v.as.d))
            buf_append(out, "null", 4);
        else
            buf_append(out, digits, number_format_shortest(v.as.d, digits));
        break;
    case VALUE_DATE:
        write_date(out, v.as.i);
        break;
    case VALUE_TEXT:
        json_write_text(out, value_slice(v));
        break;
    case VALUE_BYTES:
        write_bytes(out, value_slice(v));
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        if (depth > DOCUMENT_DEPTH_MAX + 1) /* damaged bytes only */
            buf_append(out, "null", 4);
        else if (v.kind == VALUE_ARRAY)
            write_array(out, v, depth);
        else
            write_object(out, v, depth);
        break;
    }
}

void json_write(struct buf *out, struct value v)
{
    write_value(out, v, 0);
}
