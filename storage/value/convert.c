/*
 * Conversions as SQLite 3.40 does them. Text is a number when all of it is one, blanks around it
 * apart; arithmetic and CAST take the longest prefix that is one.
 */
#include "storage/value/document.h"
#include "storage/value/value.h"

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* `word` is lower case. */
static bool contains_nocase(struct slice text, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= text.len; i++) {
        size_t k = 0;

        while (k < len && lower(text.data[i + k]) == word[k])
            k++;
        if (k == len)
            return true;
    }
    return false;
}

enum affinity affinity_of_type(struct slice declared)
{
    if (declared.len == 0)
        return AFFINITY_NONE;
    if (contains_nocase(declared, "int"))
        return AFFINITY_INTEGER;
    if (contains_nocase(declared, "char") || contains_nocase(declared, "clob") ||
        contains_nocase(declared, "text"))
        return AFFINITY_TEXT;
    if (contains_nocase(declared, "blob"))
        return AFFINITY_NONE;
    if (contains_nocase(declared, "real") || contains_nocase(declared, "floa") ||
        contains_nocase(declared, "doub"))
        return AFFINITY_REAL;
    return AFFINITY_NUMERIC;
}

static int64_t int_of_real(double d) /* towards zero, saturating */
{
    if (d >= 0x1p63)
        return INT64_MAX;
    if (d <= -0x1p63)
        return INT64_MIN;
    return (int64_t)d;
}

/* A real that is a whole number becomes that integer; the two ends of the range stay real, because
 * there one cannot tell a whole number from one that was rounded to it. */
static struct value int_if_whole(struct value v)
{
    if (v.kind == VALUE_REAL) {
        int64_t i = int_of_real(v.as.d);

        if (v.as.d == (double)i && i > INT64_MIN && i < INT64_MAX)
            return value_int(i);
    }
    return v;
}

struct value value_numeric_if_possible(struct value v)
{
    struct value number;

    if (v.kind != VALUE_TEXT)
        return v;
    switch (number_parse(value_slice(v), &number)) {
    case NUMBER_INT:
    case NUMBER_REAL:
        return number;
    case NUMBER_NONE:
    case NUMBER_PREFIX:
        break;
    }
    return v;
}

static struct value text_of_number(struct value v, struct arena *arena)
{
    char digits[NUMBER_TEXT_MAX];
    size_t len =
        v.kind == VALUE_REAL ? number_format(v.as.d, digits) : number_format_int(v.as.i, digits);
    struct slice text = arena_copy(arena, slice_of(digits, len));

    return text.data == NULL ? value_null() : value_text(text);
}

static struct value text_of_date(struct value v, struct arena *arena)
{
    char iso[DATE_TEXT_BYTES];
    struct slice text = arena_copy(arena, slice_of(iso, date_format_iso(v.as.i, iso)));

    return text.data == NULL ? value_null() : value_text(text);
}

static struct value text_of_document(struct value v, struct arena *arena)
{
    struct buf json = {0};
    struct slice text = slice_empty();

    json_write(&json, v);
    if (!json.failed)
        text = arena_copy(arena, buf_slice(&json));
    else
        arena->failed = true;
    buf_free(&json);
    return text.data == NULL ? value_null() : value_text(text);
}

/* Null when the arena is short of memory; its `failed` tells that apart. */
struct value value_to_text(struct value v, struct arena *arena)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        return value_null();
    case VALUE_BOOL:
        return value_text(slice_text(v.as.b ? "1" : "0"));
    case VALUE_INT:
    case VALUE_REAL:
        return text_of_number(v, arena);
    case VALUE_DATE:
        return text_of_date(v, arena);
    case VALUE_TEXT:
        return v;
    case VALUE_BYTES:
        return value_text(value_slice(v));
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return text_of_document(v, arena);
    }
    return value_null();
}

static struct value apply_text(struct value v, struct arena *arena)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_DATE:
        return value_to_text(v, arena);
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_TEXT:
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT:
        break;
    }
    return v;
}

struct value value_apply_affinity(struct value v, enum affinity affinity, struct arena *arena)
{
    switch (affinity) {
    case AFFINITY_NONE:
        return v;
    case AFFINITY_TEXT:
        return apply_text(v, arena);
    case AFFINITY_NUMERIC:
        return int_if_whole(value_numeric_if_possible(v));
    case AFFINITY_INTEGER:
        if (v.kind == VALUE_BOOL)
            return value_int(v.as.b);
        return int_if_whole(value_numeric_if_possible(v));
    case AFFINITY_REAL:
        v = value_numeric_if_possible(v);
        if (v.kind == VALUE_INT)
            return value_real((double)v.as.i);
        if (v.kind == VALUE_BOOL)
            return value_real(v.as.b);
        return v;
    }
    return v;
}

struct value value_to_number(struct value v)
{
    struct value number;

    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
        return value_null();
    case VALUE_BOOL:
        return value_int(v.as.b);
    case VALUE_INT:
    case VALUE_REAL:
        return v;
    case VALUE_DATE:
        return value_int(v.as.i);
    case VALUE_TEXT:
    case VALUE_BYTES:
        (void)number_parse(value_slice(v), &number);
        return number;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT:
        break;
    }
    return value_int(0); /* what the JSON text of a document begins with is no number */
}

/* CAST reads the integer at the front only: '1e3' is 1, and too many digits saturate. */
static int64_t int_of_text(struct slice text)
{
    size_t i = 0;
    bool is_negative = false;
    uint64_t size = 0;
    uint64_t limit;

    while (i < text.len && (text.data[i] == ' ' || (text.data[i] >= '\t' && text.data[i] <= '\r')))
        i++;
    if (i < text.len && (text.data[i] == '-' || text.data[i] == '+'))
        is_negative = text.data[i++] == '-';
    limit = (uint64_t)INT64_MAX + is_negative;
    for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');

        size = size > (limit - digit) / 10 ? limit : size * 10 + digit;
    }
    return (int64_t)(is_negative ? 0 - size : size);
}

int64_t value_to_int(struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_BOOL:
        return v.as.b;
    case VALUE_INT:
    case VALUE_DATE:
        return v.as.i;
    case VALUE_REAL:
        return int_of_real(v.as.d);
    case VALUE_TEXT:
    case VALUE_BYTES:
        return int_of_text(value_slice(v));
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT:
        break;
    }
    return 0;
}

double value_to_real(struct value v)
{
    struct value number = value_to_number(v);

    if (number.kind == VALUE_REAL)
        return number.as.d;
    return number.kind == VALUE_INT ? (double)number.as.i : 0.0;
}

int value_truth(struct value v)
{
    struct value number = value_to_number(v);

    if (number.kind == VALUE_REAL)
        return number.as.d != 0;
    return number.kind == VALUE_INT ? number.as.i != 0 : -1;
}

/* A number already stays as it is; text becomes an integer when it is one, or equals one that a
 * double can count exactly with room to spare (SQLite's limit, 51 bits). */
static struct value cast_numeric(struct value v)
{
    const double limit = 0x1p51;
    struct value number = value_to_number(v);

    if ((v.kind == VALUE_TEXT || v.kind == VALUE_BYTES) && number.kind == VALUE_REAL &&
        number.as.d >= -limit && number.as.d < limit)
        return int_if_whole(number);
    return number;
}

struct value value_cast(struct value v, enum affinity target, bool to_bytes, struct arena *arena)
{
    if (value_is_null(v))
        return value_null();
    if (to_bytes) {
        struct value text = v.kind == VALUE_BYTES ? v : value_to_text(v, arena);

        return text.kind == VALUE_TEXT ? value_bytes(value_slice(text)) : text;
    }
    switch (target) {
    case AFFINITY_NONE:
        return v;
    case AFFINITY_TEXT:
        return value_to_text(v, arena);
    case AFFINITY_NUMERIC:
        return cast_numeric(v);
    case AFFINITY_INTEGER:
        return value_int(value_to_int(v));
    case AFFINITY_REAL:
        return value_real(value_to_real(v));
    }
    return v;
}
