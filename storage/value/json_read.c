/*
 * JSON text to values, in one pass and without recursion: what is open is kept by the document
 * builder.
 */
#include "storage/value/document.h"
#include "storage/value/document_internal.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct reader {
    const char *start, *at, *end;
    struct arena *arena;
    struct error *err;
    struct document_builder builder;
    struct buf scratch; /* a text whose escapes were resolved */
    bool is_array[DOCUMENT_DEPTH_MAX];
    unsigned depth;
};

static enum status syntax(const struct reader *reader, const char *where, const char *what)
{
    return error_set(reader->err, ST_SYNTAX, where - reader->start, "JSON: %s", what);
}

static void skip_blanks(struct reader *reader)
{
    const char *at = reader->at;

    while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    reader->at = at;
}

/* ---- text ---- */

/* The first byte at or after `at` that a text cannot take as it is: quote, backslash, control
 * character. *ascii becomes false when a byte above 0x7f was passed. */
static const char *plain_end(const char *at, const char *end, bool *ascii)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);

    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i special = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
            _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        unsigned high = (unsigned)_mm_movemask_epi8(bytes);

        if (mask != 0) {
            unsigned before = (unsigned)__builtin_ctz(mask);

            *ascii = *ascii && (high & ((1u << before) - 1)) == 0;
            return at + before;
        }
        *ascii = *ascii && high == 0;
    }
#endif
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;

        if (c == '"' || c == '\\' || c < 0x20)
            return at;
        if (c >= 0x80)
            *ascii = false;
    }
    return at;
}

static bool hex4(const char *at, const char *end, uint32_t *out)
{
    uint32_t code = 0;

    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;

        if (digit == 16)
            return false;
        code = code << 4 | digit;
    }
    *out = code;
    return true;
}

/* \uXXXX, reader->at behind the u. Two halves of a pair make one character; half a pair is none. */
static enum status read_unicode_escape(struct reader *reader)
{
    const char *where = reader->at - 2;
    uint32_t code, low;
    char utf8[4];

    if (!hex4(reader->at, reader->end, &code))
        return syntax(reader, where, "\\u needs four hexadecimal digits");
    reader->at += 4;
    if (code >= 0xd800 && code < 0xe000) {
        if (code >= 0xdc00 || reader->end - reader->at < 6 || reader->at[0] != '\\' ||
            reader->at[1] != 'u' || !hex4(reader->at + 2, reader->end, &low) || low < 0xdc00 ||
            low >= 0xe000)
            return syntax(reader, where, "half of a surrogate pair");
        reader->at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    buf_append(&reader->scratch, utf8, utf8_encode(code, utf8));
    return ST_OK;
}

static enum status read_escape(struct reader *reader)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *known;

    if (reader->end - reader->at < 2)
        return syntax(reader, reader->at, "text without an end");
    reader->at += 2;
    if (reader->at[-1] == 'u')
        return read_unicode_escape(reader);
    known = reader->at[-1] == '\0' ? NULL : strchr(from, reader->at[-1]);
    if (known == NULL)
        return syntax(reader, reader->at - 2, "unknown escape");
    buf_append_byte(&reader->scratch, (uint8_t)to[known - from]);
    return ST_OK;
}

static enum status read_text_with_escapes(struct reader *reader, const char *first, bool *ascii,
                                          struct slice *out)
{
    buf_clear(&reader->scratch);
    for (;;) {
        const char *stop = plain_end(reader->at, reader->end, ascii);

        buf_append(&reader->scratch, first, (size_t)(stop - first));
        reader->at = stop;
        if (stop == reader->end)
            return syntax(reader, stop, "text without an end");
        if (*stop == '"')
            break;
        if (*stop != '\\')
            return syntax(reader, stop, "control character in a text");
        TRY(read_escape(reader));
        first = reader->at;
    }
    reader->at++;
    *out = buf_slice(&reader->scratch);
    return buf_status(&reader->scratch);
}

/* reader->at stands on the opening quote. The text is lent by the input or by the scratch buffer.
 */
static enum status read_text(struct reader *reader, struct slice *out)
{
    const char *first = reader->at + 1;
    bool ascii = true;
    const char *stop = plain_end(first, reader->end, &ascii);

    reader->at = stop;
    if (stop < reader->end && *stop == '"') {
        *out = slice_of(first, (size_t)(stop - first));
        reader->at = stop + 1;
    } else {
        TRY(read_text_with_escapes(reader, first, &ascii, out));
    }
    if (!ascii && !utf8_is_valid(*out))
        return syntax(reader, first, "text is not UTF-8");
    return ST_OK;
}

/* ---- numbers and words ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The end of a number by JSON's own grammar, which is narrower than number_parse's; NULL: not one.
 */
static const char *number_end(const char *at, const char *end)
{
    if (at < end && *at == '-')
        at++;
    if (at == end || !is_digit(*at))
        return NULL;
    if (*at == '0')
        at++;
    else
        while (at < end && is_digit(*at))
            at++;
    if (at < end && *at == '.') {
        at++;
        if (at == end || !is_digit(*at))
            return NULL;
        while (at < end && is_digit(*at))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        if (at == end || !is_digit(*at))
            return NULL;
        while (at < end && is_digit(*at))
            at++;
    }
    return at;
}

static enum status read_number(struct reader *reader, struct value *out)
{
    const char *first = reader->at;
    bool is_negative = *first == '-';
    const char *at = first + is_negative;
    int64_t number = 0;
    const char *stop;

    /* Up to 18 digits cannot overflow; more, a leading zero, a point or an exponent: the long way.
     */
    for (; at < reader->end && is_digit(*at) && at - first < 18; at++)
        number = number * 10 + (*at - '0');
    if (at > first + is_negative && (first[is_negative] != '0' || at == first + is_negative + 1) &&
        (at == reader->end || (!is_digit(*at) && *at != '.' && *at != 'e' && *at != 'E'))) {
        reader->at = at;
        *out = value_int(is_negative ? -number : number);
        return ST_OK;
    }
    stop = number_end(first, reader->end);
    if (stop == NULL || (stop < reader->end && is_digit(*stop)))
        return syntax(reader, first, "malformed number");
    (void)number_parse(slice_of(first, (size_t)(stop - first)), out);
    reader->at = stop;
    return ST_OK;
}

static bool take_word(struct reader *reader, const char *word, size_t len)
{
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

/* Anything but arrays and objects. Text is lent as by read_text. */
static enum status read_scalar(struct reader *reader, struct value *out)
{
    struct slice text;

    switch (*reader->at) {
    case '"':
        TRY(read_text(reader, &text));
        if (text.len > DOCUMENT_BYTES_MAX)
            return error_set(reader->err, ST_TOO_BIG, reader->at - reader->start,
                             "JSON: text of more than 1 GiB");
        *out = value_text(text);
        return ST_OK;
    case 't':
        *out = value_bool(true);
        return take_word(reader, "true", 4) ? ST_OK : syntax(reader, reader->at, "unknown word");
    case 'f':
        *out = value_bool(false);
        return take_word(reader, "false", 5) ? ST_OK : syntax(reader, reader->at, "unknown word");
    case 'n':
        *out = value_null();
        return take_word(reader, "null", 4) ? ST_OK : syntax(reader, reader->at, "unknown word");
    default:
        if (*reader->at == '-' || is_digit(*reader->at))
            return read_number(reader, out);
        return syntax(reader, reader->at, "a value was expected");
    }
}

/* ---- structure ---- */

static enum status open_document(struct reader *reader)
{
    bool is_array = *reader->at == '[';

    if (reader->depth == DOCUMENT_DEPTH_MAX)
        return error_set(reader->err, ST_LIMIT, reader->at - reader->start,
                         "JSON: nested deeper than %d levels", DOCUMENT_DEPTH_MAX);
    if (is_array)
        document_open_array(&reader->builder);
    else
        document_open_object(&reader->builder);
    reader->is_array[reader->depth++] = is_array;
    reader->at++;
    return ST_OK;
}

/* "name": */
static enum status read_name(struct reader *reader)
{
    struct slice name;

    if (reader->at == reader->end || *reader->at != '"')
        return syntax(reader, reader->at, "a member name was expected");
    TRY(read_text(reader, &name));
    document_name(&reader->builder, name);
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != ':')
        return syntax(reader, reader->at, "':' was expected");
    reader->at++;
    skip_blanks(reader);
    return ST_OK;
}

/* Behind a value or an opening bracket: close what ends here. *more: a further value follows, its
 * name read. */
static enum status next_or_close(struct reader *reader, bool is_first, bool *more)
{
    while (reader->depth > 0) {
        bool is_array = reader->is_array[reader->depth - 1];

        skip_blanks(reader);
        if (reader->at == reader->end)
            return syntax(reader, reader->at,
                          is_array ? "array without an end" : "object without an end");
        if (*reader->at == (is_array ? ']' : '}')) {
            reader->at++;
            reader->depth--;
            document_close(&reader->builder);
            is_first = false;
            continue;
        }
        if (!is_first) {
            if (*reader->at != ',')
                return syntax(reader, reader->at,
                              is_array ? "',' or ']' was expected" : "',' or '}' was expected");
            reader->at++;
            skip_blanks(reader);
        }
        *more = true;
        return is_array ? ST_OK : read_name(reader);
    }
    *more = false;
    return ST_OK;
}

static enum status read_document(struct reader *reader, struct value *out)
{
    struct value scalar;
    bool more = true;

    document_begin(&reader->builder);
    while (more) {
        bool is_first = false;

        if (reader->at == reader->end)
            return syntax(reader, reader->at, "a value was expected");
        if (*reader->at == '[' || *reader->at == '{') {
            TRY(open_document(reader));
            is_first = true;
        } else {
            TRY(read_scalar(reader, &scalar));
            document_value(&reader->builder, scalar);
        }
        TRY(next_or_close(reader, is_first, &more));
    }
    TRY(document_end(&reader->builder, out));
    struct slice copy = arena_copy(reader->arena, value_slice(*out));
    out->as.data = copy.data;
    return copy.data == NULL ? ST_NO_MEMORY : ST_OK;
}

static enum status read_value(struct reader *reader, struct value *out)
{
    skip_blanks(reader);
    if (reader->at == reader->end)
        return syntax(reader, reader->at, "a value was expected");
    if (*reader->at == '[' || *reader->at == '{')
        return read_document(reader, out);
    TRY(read_scalar(reader, out));
    if (out->kind == VALUE_TEXT && out->as.data == reader->scratch.data && out->len != 0) {
        struct slice copy = arena_copy(reader->arena, value_slice(*out));

        out->as.data = copy.data;
        return copy.data == NULL ? ST_NO_MEMORY : ST_OK;
    }
    return ST_OK;
}

enum status json_read_prefix(struct slice text, struct arena *arena, struct value *out,
                             struct slice *rest, struct error *err)
{
    const char *start = text.len == 0 ? "" : text.data; /* empty text may have no address */
    struct reader reader = {
        .start = start, .at = start, .end = start + text.len, .arena = arena, .err = err};
    enum status st = read_value(&reader, out);

    *rest = slice_of(reader.at, (size_t)(reader.end - reader.at));
    if (st != ST_OK)
        *out = value_absent();
    if (st == ST_NO_MEMORY || st == ST_TOO_BIG)
        (void)error_set(err, st, -1, "JSON: %s", status_text(st));
    document_deinit(&reader.builder);
    buf_free(&reader.scratch);
    return st;
}

enum status json_read(struct slice text, struct arena *arena, struct value *out, struct error *err)
{
    struct slice rest;

    TRY(json_read_prefix(text, arena, out, &rest, err));
    for (; rest.len != 0; rest.data++, rest.len--) {
        char c = *rest.data;

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            *out = value_absent();
            return error_set(err, ST_SYNTAX, rest.data - text.data,
                             "JSON: something follows the value");
        }
    }
    return ST_OK;
}
