/*
 * Values to JSON text. Text is copied sixteen bytes at a time until one of them needs an escape.
 */
#include "storage/value/document_internal.h"
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
static inline unsigned escape_mask(__m128i bytes)
{
    __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                   _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes));

    return (unsigned)_mm_movemask_epi8(special);
}

/* What was seen while copying: bytes that need an escape, and bytes above 0x7f. */
struct seen {
    unsigned special, high;
};

static inline void copy_sixteen(char *to, const char *from, struct seen *seen)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);

    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    seen->special |= escape_mask(bytes);
    seen->high |= (unsigned)_mm_movemask_epi8(bytes);
}

/* Up to 15 bytes, as two groups that may overlap. */
static inline void copy_short(char *to, struct slice text, struct seen *seen)
{
    const char *from = text.data;
    size_t len = text.len;

    if (len >= 8) {
        uint64_t first, last;

        memcpy(&first, from, 8);
        memcpy(&last, from + len - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + len - 8, &last, 8);
        seen->special = escape_mask(_mm_set_epi64x((long long)last, (long long)first));
        seen->high = ((first | last) & 0x8080808080808080u) != 0;
    } else if (len >= 4) {
        uint32_t first, last;

        memcpy(&first, from, 4);
        memcpy(&last, from + len - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + len - 4, &last, 4);
        /* The upper half of the register is zero, which looks like control characters. */
        seen->special = escape_mask(_mm_set_epi32(0, 0, (int)last, (int)first)) & 0xff;
        seen->high = ((first | last) & 0x80808080u) != 0;
    } else {
        for (size_t i = 0; i < len; i++) {
            seen->special |= needs_escape((unsigned char)from[i]);
            seen->high |= (unsigned char)from[i] & 0x80u;
            to[i] = from[i];
        }
    }
}

/* Copy text to where there is room for all of it; false when it cannot be taken as it is, and the
 * copy is worth nothing. The last group overlaps the one before it, so that nothing behind the text
 * is read. */
static inline bool copy_plain(char *to, struct slice text)
{
    struct seen seen = {0, 0};
    size_t len = text.len;

    if (len < 16) {
        copy_short(to, text, &seen);
    } else {
        for (size_t done = 0; done + 16 <= len; done += 16)
            copy_sixteen(to + done, text.data + done, &seen);
        copy_sixteen(to + len - 16, text.data + len - 16, &seen);
    }
    return seen.special == 0 && (seen.high == 0 || utf8_is_valid(text));
}
#else
static inline bool copy_plain(char *to, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (needs_escape((unsigned char)text.data[i]))
            return false;
        to[i] = text.data[i];
    }
    return utf8_is_valid(text);
}
#endif

/* Text of which some byte needs an escape, or is not UTF-8 (bytes that were cast to text): a stray
 * byte becomes U+FFFD, so that the result is JSON whatever comes. */
static void write_escaped(struct buf *out, struct slice text)
{
    char utf8[4];

    buf_append_byte(out, '"');
    while (text.len != 0) {
        unsigned char c = (unsigned char)*text.data;

        if (c >= 0x80) {
            buf_append(out, utf8, utf8_encode(utf8_next(&text), utf8));
            continue;
        }
        if (needs_escape(c))
            write_escape(out, c);
        else
            buf_append_byte(out, c);
        text.data++;
        text.len--;
    }
    buf_append_byte(out, '"');
}

/* Text in quotes, then `behind` (a colon), if it is not 0. */
static inline void write_text(struct buf *out, struct slice text, char behind)
{
    char *at;

    if (!buf_reserve(out, text.len + 3))
        return;
    at = out->data + out->len;
    if (!copy_plain(at + 1, text)) {
        write_escaped(out, text);
        if (behind != 0)
            buf_append_byte(out, (uint8_t)behind);
        return;
    }
    at[0] = '"';
    at[text.len + 1] = '"';
    at[text.len + 2] = behind;
    out->len += text.len + 2 + (behind != 0);
}

void json_write_text(struct buf *out, struct slice text)
{
    write_text(out, text, 0);
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
    struct document_view view;

    buf_append_byte(out, '[');
    if (document_view(value_slice(array), true, &view)) {
        for (size_t i = 0; i < view.count; i++) {
            if (i != 0)
                buf_append_byte(out, ',');
            write_value(out, document_entry_value(&view, i), depth + 1);
        }
    }
    buf_append_byte(out, ']');
}

static inline void write_member(struct buf *out, struct slice name, struct value member,
                                bool *is_first, unsigned depth)
{
    if (member.kind == VALUE_ABSENT)
        return;
    if (!*is_first)
        buf_append_byte(out, ',');
    *is_first = false;
    write_text(out, name, ':');
    write_value(out, member, depth + 1);
}

static void write_object(struct buf *out, struct value object, unsigned depth)
{
    struct document_view view;
    bool is_first = true;

    buf_append_byte(out, '{');
    if ((object.flags & VALUE_IS_RECORD) != 0) {
        const struct record *record = object.as.record;

        for (unsigned i = 0; i < record->count; i++)
            if (record->shape->names[i].data != NULL) /* else it was dropped since */
                write_member(out, record->shape->names[i], record_column(record, i), &is_first,
                             depth);
    } else if (document_view(value_slice(object), false, &view)) {
        for (size_t i = 0; i < view.count; i++)
            write_member(out, document_entry_name(&view, i), document_entry_value(&view, i),
                         &is_first, depth);
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
        if (buf_reserve(out, NUMBER_TEXT_MAX))
            out->len += number_format_int(v.as.i, out->data + out->len);
        break;
    case VALUE_REAL:
        if (isinf(v.as.d))
            buf_append(out, "null", 4);
        else if (buf_reserve(out, NUMBER_TEXT_MAX))
            out->len += number_format_shortest(v.as.d, out->data + out->len);
        break;
    case VALUE_DATE:
        write_date(out, v.as.i);
        break;
    case VALUE_TEXT:
        write_text(out, value_slice(v), 0);
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
