/*
 * Texts of a query to values: declared types, autocast, converter prefixes. Sections 5.3 to 5.6 of
 * the REST specification.
 */
#include "parser/url/url_internal.h"

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_integer_text(struct slice text)
{
    size_t i = text.len != 0 && text.data[0] == '-' ? 1 : 0;

    if (i == text.len)
        return false;
    for (; i < text.len; i++)
        if (!is_digit(text.data[i]))
            return false;
    return true;
}

/* `$` and digits in base 36. Beyond 64 bits it is a real, as long decimal numbers are. */
static bool read_base36(struct slice text, struct value *out)
{
    int64_t whole = 0;
    double real = 0;
    bool is_whole = true;

    if (text.len < 2 || text.data[0] != '$')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.data[i];
        int digit;

        if (is_digit(c))
            digit = c - '0';
        else if (c >= 'a' && c <= 'z')
            digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'Z')
            digit = c - 'A' + 10;
        else
            return false;
        real = real * 36 + digit;
        is_whole = is_whole && !__builtin_mul_overflow(whole, 36, &whole) &&
                   !__builtin_add_overflow(whole, digit, &whole);
    }
    *out = is_whole ? value_int(whole) : value_real(real);
    return true;
}

/* A decimal or exponent number that fills the whole text; no blanks. */
static bool read_number(struct slice text, struct value *out)
{
    enum number_text kind;

    if (text.len == 0 || !(is_digit(text.data[0]) || text.data[0] == '-' || text.data[0] == '+' ||
                           text.data[0] == '.'))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] <= ' ')
            return false;
    kind = number_parse(text, out);
    return kind == NUMBER_INT || kind == NUMBER_REAL;
}

/* Autocast reads only what a number prints as: no exponent, no superfluous zero. */
static bool is_canonical_decimal(struct slice text)
{
    size_t i = text.len != 0 && text.data[0] == '-' ? 1 : 0;
    size_t first = i;

    while (i < text.len && is_digit(text.data[i]))
        i++;
    if (i == first || (text.data[first] == '0' && i - first > 1))
        return false;
    if (i == text.len)
        return true;
    if (text.data[i] != '.' || i + 1 == text.len)
        return false;
    for (i++; i < text.len; i++)
        if (!is_digit(text.data[i]))
            return false;
    return true;
}

enum status url_number_read(struct slice raw, int64_t offset, int64_t *out, struct error *err)
{
    int64_t number = 0;

    if (raw.len == 0)
        return error_set(err, ST_SYNTAX, offset, "limit takes whole numbers");
    for (size_t i = 0; i < raw.len; i++) {
        if (!is_digit(raw.data[i]))
            return error_set(err, ST_SYNTAX, offset, "limit takes whole numbers");
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, raw.data[i] - '0', &number))
            return error_set(err, ST_RANGE, offset, "a limit is too large");
    }
    *out = number;
    return ST_OK;
}

/* ---- by type ---- */

static const char *type_name(int type)
{
    static const char *const names[URL_TYPE_COUNT] = {[URL_TYPE_ANY] = "Any",
                                                      [URL_TYPE_INT] = "Int",
                                                      [URL_TYPE_LONG] = "Long",
                                                      [URL_TYPE_FLOAT] = "Float",
                                                      [URL_TYPE_BIGINT] = "BigInt",
                                                      [URL_TYPE_BOOLEAN] = "Boolean",
                                                      [URL_TYPE_STRING] = "String",
                                                      [URL_TYPE_ID] = "ID",
                                                      [URL_TYPE_DATE] = "Date",
                                                      [URL_TYPE_BYTES] = "Bytes",
                                                      [URL_TYPE_BLOB] = "Blob",
                                                      [URL_TYPE_OBJECT] = "Object",
                                                      [URL_TYPE_RELATIONSHIP] = "relationship"};

    return type >= 0 && type < URL_TYPE_COUNT ? names[type] : "Any";
}

static enum status invalid(struct error *err, int64_t offset, struct slice attribute,
                           struct slice text, int type)
{
    int text_shown = text.len > 200 ? 200 : (int)text.len;
    int name_shown = attribute.len > 128 ? 128 : (int)attribute.len;

    return error_set(err, ST_TYPE, offset,
                     "Invalid value for attribute %.*s: \"%.*s\", expecting %s", name_shown,
                     attribute.data, text_shown, text.data, type_name(type));
}

/* 2024-01-31 at the least: a bare year is a number. */
static bool looks_like_date(struct slice text)
{
    static const char form[] = "dddd-dd-dd";

    if (text.len < sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'd' ? !is_digit(text.data[i]) : text.data[i] != form[i])
            return false;
    return true;
}

static struct url_literal_value autocast(struct slice text)
{
    struct url_literal_value result = {.value = value_text(text)};
    struct value number;
    int64_t ms;

    if (text.len == 0)
        return result;
    if (is_digit(text.data[0]) || text.data[0] == '-') {
        if (is_canonical_decimal(text) && read_number(text, &number))
            result.value = number;
        else if (looks_like_date(text) && date_parse_iso(text, &ms))
            result.value = value_date(ms);
        return result;
    }
    if (text.len > 9)
        return result;
    if (slice_is(text, "true") || slice_is(text, "TRUE"))
        result.value = value_bool(true);
    else if (slice_is(text, "false") || slice_is(text, "FALSE"))
        result.value = value_bool(false);
    else if (slice_is(text, "null") || slice_is(text, "NULL") || slice_is(text, "undefined"))
        result.nothing = URL_NULL;
    else if (slice_is(text, "NaN"))
        result.nothing = URL_NAN;
    return result;
}

static bool read_date(struct slice text, struct value *out)
{
    struct value ms;
    int64_t iso_ms;

    if (is_integer_text(text)) {
        number_parse(text, &ms);
        if (ms.kind != VALUE_INT)
            return false;
        *out = value_date(ms.as.i);
        return true;
    }
    if (!looks_like_date(text) || !date_parse_iso(text, &iso_ms))
        return false;
    *out = value_date(iso_ms);
    return true;
}

/* Integers of any length: what 64 bits cannot hold stays text, in the one form it is stored in. */
static struct value read_bigint(struct slice text)
{
    struct value number;
    bool is_negative = text.data[0] == '-';
    size_t zeros = is_negative ? 1 : 0;

    number_parse(text, &number);
    if (number.kind == VALUE_INT)
        return number;
    while (zeros + 1 < text.len && text.data[zeros] == '0')
        zeros++;
    if (!is_negative)
        return value_text(slice_of(text.data + zeros, text.len - zeros));
    /* Leading zeros behind a minus sign are so rare that the text is left as it is. */
    return value_text(text);
}

/* Section 5.6.3. `text` is decoded. */
static enum status convert_typed(struct slice text, int type, struct slice attribute,
                                 int64_t offset, struct url_literal_value *out, struct error *err)
{
    bool is_good = true;

    *out = (struct url_literal_value){.value = value_text(text)};
    switch (type) {
    case URL_TYPE_STRING:
    case URL_TYPE_ID:
        return ST_OK;
    case URL_TYPE_BYTES:
    case URL_TYPE_BLOB:
        is_good = text.len != 0;
        break;
    case URL_TYPE_INT:
    case URL_TYPE_LONG:
        is_good = read_base36(text, &out->value) ||
                  (is_integer_text(text) && read_number(text, &out->value));
        break;
    case URL_TYPE_FLOAT:
        is_good = read_number(text, &out->value);
        if (is_good && out->value.kind == VALUE_INT)
            out->value = value_real((double)out->value.as.i);
        break;
    case URL_TYPE_BIGINT:
        is_good = is_integer_text(text);
        if (is_good)
            out->value = read_bigint(text);
        break;
    case URL_TYPE_BOOLEAN:
        is_good = text.len != 0;
        if (slice_is_nocase(text, "true"))
            out->value = value_bool(true);
        else if (slice_is_nocase(text, "false"))
            out->value = value_bool(false);
        break;
    case URL_TYPE_DATE:
        is_good = read_date(text, &out->value);
        break;
    default:
        *out = autocast(text);
        break;
    }
    return is_good ? ST_OK : invalid(err, offset, attribute, text, type);
}

enum status url_convert(struct slice text, int attribute_type, struct slice attribute,
                        struct arena *arena, struct value *out, struct error *err)
{
    struct url_literal_value literal;

    (void)arena; /* every result lends from `text` */
    TRY(convert_typed(text, attribute_type, attribute, -1, &literal, err));
    *out = literal.nothing == URL_SOMETHING ? literal.value : value_null();
    return ST_OK;
}

/* ---- converter prefixes (coercive comparisons) ---- */

enum converter { CONVERT_NUMBER, CONVERT_BOOLEAN, CONVERT_DATE, CONVERT_STRING };

static bool find_converter(struct slice name, enum converter *out)
{
    static const char *const names[] = {"number", "boolean", "date", "string"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_is(name, names[i])) {
            *out = (enum converter)i;
            return true;
        }
    }
    return false;
}

static enum status run_converter(enum converter converter, struct slice text, int64_t offset,
                                 struct value *out, struct error *err)
{
    static const char *const wanted[] = {"a number", "true or false", "a date", "a text"};
    bool is_good = false;

    switch (converter) {
    case CONVERT_NUMBER:
        is_good = read_base36(text, out) || read_number(text, out);
        break;
    case CONVERT_BOOLEAN:
        *out = value_bool(slice_is(text, "true"));
        is_good = out->as.b || slice_is(text, "false");
        break;
    case CONVERT_DATE:
        is_good = read_date(text, out);
        break;
    case CONVERT_STRING:
        *out = value_text(text);
        is_good = true;
        break;
    }
    if (is_good)
        return ST_OK;
    return error_set(err, ST_TYPE, offset, "\"%.*s\" is not %s",
                     (int)(text.len > 200 ? 200 : text.len), text.data, wanted[converter]);
}

/* A converted value under a declared type: what the type could not hold is refused. */
static enum status fit_type(struct value v, struct slice text, int type, struct slice attribute,
                            int64_t offset, struct url_literal_value *out, struct error *err)
{
    bool is_good = true;

    *out = (struct url_literal_value){.value = v};
    if (type == URL_TYPE_ANY || type == URL_TYPE_OBJECT)
        return ST_OK;
    if (v.kind == VALUE_TEXT)
        return convert_typed(text, type, attribute, offset, out, err);
    switch (type) {
    case URL_TYPE_INT:
    case URL_TYPE_LONG:
    case URL_TYPE_BIGINT:
        if (v.kind == VALUE_DATE)
            out->value = value_int(v.as.i);
        else if (v.kind == VALUE_REAL && v.as.d >= -0x1p63 && v.as.d < 0x1p63 &&
                 (double)(int64_t)v.as.d == v.as.d)
            out->value = value_int((int64_t)v.as.d);
        is_good = out->value.kind == VALUE_INT;
        break;
    case URL_TYPE_FLOAT:
        if (v.kind == VALUE_INT || v.kind == VALUE_DATE)
            out->value = value_real((double)v.as.i);
        is_good = out->value.kind == VALUE_REAL;
        break;
    case URL_TYPE_DATE:
        if (v.kind == VALUE_INT)
            out->value = value_date(v.as.i);
        is_good = out->value.kind == VALUE_DATE;
        break;
    case URL_TYPE_BOOLEAN:
        break;
    default:
        out->value = value_text(text);
        break;
    }
    return is_good ? ST_OK : invalid(err, offset, attribute, text, type);
}

enum status url_convert_value(struct value v, int attribute_type, struct slice attribute,
                              struct arena *arena, struct value *out, struct error *err)
{
    struct url_literal_value literal;
    struct value text;

    *out = v;
    if (value_is_null(v) || v.kind == VALUE_ARRAY || v.kind == VALUE_OBJECT ||
        v.kind == VALUE_BYTES || attribute_type <= URL_TYPE_ANY)
        return ST_OK;
    text = v.kind == VALUE_BOOL ? value_text(slice_text(v.as.b ? "true" : "false"))
                                : value_to_text(v, arena);
    if (text.kind != VALUE_TEXT)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    TRY(fit_type(v, value_slice(text), attribute_type, attribute, -1, &literal, err));
    *out = literal.value;
    return ST_OK;
}

/* ---- one literal ---- */

static enum status decode(const struct url_literal_use *use, struct slice raw, int64_t offset,
                          struct arena *arena, struct slice *out, struct error *err)
{
    enum status st;

    if (use->is_form)
        return url_decode_form(raw, arena, out);
    st = url_decode(raw, false, arena, out, err);
    if (st != ST_OK && err != NULL && err->offset >= 0)
        err->offset += offset;
    return st;
}

/* Only `==` knows stars: one at the end asks for a prefix, and only then may there be others. */
static enum status take_star(struct slice *raw, int64_t offset, bool *is_prefix, struct error *err)
{
    const char *star = raw->len == 0 ? NULL : memchr(raw->data, '*', raw->len);

    *is_prefix = false;
    if (star == NULL)
        return ST_OK;
    if (raw->data[raw->len - 1] != '*')
        return error_set(err, ST_SYNTAX, offset + (star - raw->data),
                         "a * may only stand at the end of a value; write %%2A for the character");
    raw->len--;
    *is_prefix = true;
    return ST_OK;
}

static enum status read_coercive(const struct url_literal_use *use, struct slice raw,
                                 int64_t offset, struct arena *arena, struct url_literal_value *out,
                                 struct slice *text, struct error *err)
{
    const char *colon = raw.len == 0 ? NULL : memchr(raw.data, ':', raw.len);
    enum converter converter;
    struct value converted;

    if (slice_is(raw, "null")) {
        *out = (struct url_literal_value){.nothing = URL_NULL};
        return ST_OK;
    }
    if (colon == NULL) {
        TRY(decode(use, raw, offset, arena, text, err));
        return convert_typed(*text, use->type, use->attribute, offset, out, err);
    }
    if (!find_converter(slice_of(raw.data, (size_t)(colon - raw.data)), &converter))
        return error_set(err, ST_SYNTAX, offset, "Unknown type conversion");
    offset += colon + 1 - raw.data;
    raw = slice_of(colon + 1, raw.len - (size_t)(colon + 1 - raw.data));
    TRY(decode(use, raw, offset, arena, text, err));
    TRY(run_converter(converter, *text, offset, &converted, err));
    return fit_type(converted, *text, use->type, use->attribute, offset, out, err);
}

enum status url_literal_read(const struct url_literal_use *use, struct slice raw, int64_t offset,
                             struct arena *arena, struct url_literal_value *out, struct error *err)
{
    struct slice text = slice_empty();
    bool is_prefix = false;

    if (use->is_strict) {
        TRY(decode(use, raw, offset, arena, &text, err));
        if (slice_is(text, "null") && use->type != URL_TYPE_STRING && use->type != URL_TYPE_ID) {
            *out = (struct url_literal_value){.nothing = URL_NULL};
            return ST_OK;
        }
        return convert_typed(text, use->type, use->attribute, offset, out, err);
    }
    if (use->takes_star)
        TRY(take_star(&raw, offset, &is_prefix, err));
    if (is_prefix && raw.len == 0)
        *out = (struct url_literal_value){.value = value_text(slice_text(""))};
    else
        TRY(read_coercive(use, raw, offset, arena, out, &text, err));
    out->is_prefix = is_prefix;
    if ((is_prefix || use->is_pattern) && out->nothing == URL_SOMETHING)
        out->value = value_text(text);
    return ST_OK;
}

uint8_t url_kind_class(struct value v)
{
    if (value_is_number(v))
        return VALUE_INT;
    return v.kind;
}
