/* CBOR (RFC 8949). */
#include "rest/codec/codec_internal.h"
#include <math.h>

enum {
    MAJOR_UNSIGNED,
    MAJOR_NEGATIVE,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE,
    INDEFINITE = 31,
    BREAK = 0xff,
};
enum { TAG_DATE_TEXT, TAG_DATE_SECONDS, TAG_BIG, TAG_BIG_NEGATIVE };
#define NO_TAG UINT64_MAX

/* ---- reading ---- */

/* RFC 8949, appendix D. */
static double half_of(uint64_t bits)
{
    unsigned exponent = bits >> 10 & 0x1f, mantissa = bits & 0x3ff;
    double d = exponent == 0    ? ldexp(mantissa, -24)
               : exponent != 31 ? ldexp(mantissa + 1024, (int)exponent - 25)
               : mantissa == 0  ? INFINITY
                                : NAN;

    return (bits & 0x8000) != 0 ? -d : d;
}

static double single_of(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float f;

    memcpy(&f, &narrow, sizeof f);
    return f;
}

static double double_of(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof d);
    return d;
}

/* The number behind an initial byte. */
static enum status read_argument(struct binary_reader *reader, unsigned info, uint64_t *out)
{
    *out = info;
    if (info < 24)
        return ST_OK;
    if (info > 27)
        return binary_fail(reader, ST_SYNTAX, "a length that is reserved");
    return binary_take_number(reader, 1u << (info - 24), out);
}

/* Pieces of one kind, each with a length, up to a break. */
static enum status read_pieces(struct binary_reader *reader, unsigned major, struct value *out)
{
    struct buf whole = {0};
    enum status st = ST_OK;
    struct slice copy;

    for (;;) {
        uint64_t len;
        struct value piece;
        unsigned initial;

        if (reader->at == reader->end) {
            st = binary_fail(reader, ST_SYNTAX, "the bytes end within a value");
            break;
        }
        initial = *reader->at++;
        if (initial == BREAK)
            break;
        if (initial >> 5 != major || (initial & 31) == INDEFINITE)
            st = binary_fail(reader, ST_SYNTAX, "a piece of another kind in a string");
        if (st == ST_OK)
            st = read_argument(reader, initial & 31, &len);
        if (st == ST_OK)
            st = major == MAJOR_TEXT ? binary_take_text(reader, len, &piece)
                                     : binary_take_bytes(reader, len, &piece);
        if (st != ST_OK)
            break;
        buf_append_slice(&whole, value_slice(piece));
    }
    if (st == ST_OK)
        st = buf_status(&whole);
    if (st == ST_OK && whole.len > 1u << 30)
        st = binary_fail(reader, ST_TOO_BIG, "a value of more than 1 GiB");
    copy = st == ST_OK ? arena_copy(reader->arena, buf_slice(&whole)) : slice_empty();
    if (st == ST_OK && copy.data == NULL)
        st = ST_NO_MEMORY;
    *out = major == MAJOR_TEXT ? value_text(copy) : value_bytes(copy);
    buf_free(&whole);
    return st;
}

static enum status read_string(struct binary_reader *reader, unsigned major, unsigned info,
                               struct value *out)
{
    uint64_t len;

    if (info == INDEFINITE)
        return read_pieces(reader, major, out);
    TRY(read_argument(reader, info, &len));
    return major == MAJOR_TEXT ? binary_take_text(reader, len, out)
                               : binary_take_bytes(reader, len, out);
}

static enum status read_simple(struct binary_reader *reader, unsigned info, struct item *out)
{
    uint64_t bits = 0;

    if (info == INDEFINITE) {
        out->kind = ITEM_BREAK;
        return ST_OK;
    }
    TRY(read_argument(reader, info, &bits));
    switch (info) {
    case 20:
    case 21:
        out->scalar = value_bool(info == 21);
        return ST_OK;
    case 22:
    case 23: /* undefined */
        out->scalar = value_null();
        return ST_OK;
    case 25:
        out->scalar = value_real(half_of(bits));
        return ST_OK;
    case 26:
        out->scalar = value_real(single_of(bits));
        return ST_OK;
    case 27:
        out->scalar = value_real(double_of(bits));
        return ST_OK;
    default:
        return binary_fail(reader, ST_SYNTAX, "a simple value that is not assigned");
    }
}

static enum status read_big(struct binary_reader *reader, bool is_negative, struct value *v)
{
    struct slice bytes = value_slice(*v);
    uint64_t narrow = 0;
    double wide = 0;

    if (v->kind != VALUE_BYTES)
        return binary_fail(reader, ST_SYNTAX, "a big integer that is not bytes");
    while (bytes.len > 0 && *bytes.data == 0)
        bytes = slice_of(bytes.data + 1, bytes.len - 1);
    if (bytes.len > 128)
        return binary_fail(reader, ST_SYNTAX, "an integer that no number can hold");
    for (size_t k = 0; k < bytes.len; k++) {
        narrow = narrow << 8 | (unsigned char)bytes.data[k];
        wide = wide * 256 + (unsigned char)bytes.data[k];
    }
    if (bytes.len <= 8 && narrow <= INT64_MAX)
        *v = value_int(is_negative ? -1 - (int64_t)narrow : (int64_t)narrow);
    else
        *v = value_real(is_negative ? -1.0 - wide : wide);
    return ST_OK;
}

/* What a tag makes of the value that it stands before. */
static enum status apply_tag(struct binary_reader *reader, uint64_t tag, struct value *v)
{
    int64_t ms;

    switch (tag) {
    case TAG_DATE_TEXT:
        if (v->kind != VALUE_TEXT || !date_parse_iso(value_slice(*v), &ms))
            return binary_fail(reader, ST_SYNTAX, "a date that is no ISO 8601 text");
        *v = value_date(ms);
        return ST_OK;
    case TAG_DATE_SECONDS:
        if (v->kind == VALUE_INT)
            return binary_date_of_seconds(reader, (double)v->as.i, v);
        if (v->kind == VALUE_REAL)
            return binary_date_of_seconds(reader, v->as.d, v);
        return binary_fail(reader, ST_SYNTAX, "a date that is no number of seconds");
    case TAG_BIG:
    case TAG_BIG_NEGATIVE:
        return read_big(reader, tag == TAG_BIG_NEGATIVE, v);
    default:
        return ST_OK;
    }
}

static enum status read_untagged(struct binary_reader *reader, unsigned initial, struct item *out)
{
    unsigned major = initial >> 5, info = initial & 31;
    uint64_t number;

    *out = (struct item){.kind = ITEM_SCALAR};
    switch (major) {
    case MAJOR_UNSIGNED:
    case MAJOR_NEGATIVE:
        TRY(read_argument(reader, info, &number));
        if (number > INT64_MAX)
            out->scalar =
                value_real(major == MAJOR_UNSIGNED ? (double)number : -1.0 - (double)number);
        else
            out->scalar =
                value_int(major == MAJOR_UNSIGNED ? (int64_t)number : -1 - (int64_t)number);
        return ST_OK;
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        return read_string(reader, major, info, &out->scalar);
    case MAJOR_ARRAY:
    case MAJOR_MAP:
        out->kind = major == MAJOR_ARRAY ? ITEM_ARRAY : ITEM_OBJECT;
        out->is_indefinite = info == INDEFINITE;
        return out->is_indefinite ? ST_OK : read_argument(reader, info, &out->count);
    default:
        return read_simple(reader, info, out);
    }
}

static enum status read_item(struct binary_reader *reader, struct item *out)
{
    uint64_t tag = NO_TAG;

    for (;;) {
        unsigned initial;

        if (reader->at == reader->end)
            return binary_fail(reader, ST_SYNTAX, "the bytes end within a value");
        initial = *reader->at++;
        if (initial >> 5 != MAJOR_TAG) {
            TRY(read_untagged(reader, initial, out));
            break;
        }
        TRY(read_argument(reader, initial & 31, &tag));
    }
    if (tag == NO_TAG)
        return ST_OK;
    if (out->kind == ITEM_BREAK)
        return binary_fail(reader, ST_SYNTAX, "a tag before an end");
    if (out->kind != ITEM_SCALAR)
        return tag <= TAG_BIG_NEGATIVE
                   ? binary_fail(reader, ST_SYNTAX, "a tag of a single value before many")
                   : ST_OK;
    return apply_tag(reader, tag, &out->scalar);
}

enum status cbor_read_prefix(struct slice bytes, struct arena *arena, struct value *out,
                             struct slice *rest, struct error *err)
{
    struct binary_reader reader = {"CBOR", read_item, .arena = arena, .err = err};

    return binary_read(&reader, bytes, out, rest);
}

enum status cbor_read(struct slice bytes, struct arena *arena, struct value *out, struct error *err)
{
    struct binary_reader reader = {"CBOR", read_item, .arena = arena, .err = err};

    return binary_read_all(&reader, bytes, out);
}

/* ---- writing ---- */

static void write_head(struct buf *out, unsigned major, uint64_t number)
{
    uint8_t initial = (uint8_t)(major << 5);

    if (number < 24) {
        buf_append_byte(out, (uint8_t)(initial | number));
    } else if (number <= UINT8_MAX) {
        buf_append_byte(out, initial | 24);
        buf_append_byte(out, (uint8_t)number);
    } else if (number <= UINT16_MAX) {
        buf_append_byte(out, initial | 25);
        buf_append_u16_be(out, (uint16_t)number);
    } else if (number <= UINT32_MAX) {
        buf_append_byte(out, initial | 26);
        buf_append_u32_be(out, (uint32_t)number);
    } else {
        buf_append_byte(out, initial | 27);
        buf_append_u64_be(out, number);
    }
}

static void write_text(struct buf *out, struct slice text)
{
    write_head(out, MAJOR_TEXT, text.len);
    buf_append_slice(out, text);
}

static void write_int(struct buf *out, int64_t i)
{
    if (i >= 0)
        write_head(out, MAJOR_UNSIGNED, (uint64_t)i);
    else
        write_head(out, MAJOR_NEGATIVE, (uint64_t)(-1 - i));
}

static void write_real(struct buf *out, double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    buf_append_byte(out, MAJOR_SIMPLE << 5 | 27);
    buf_append_u64_be(out, bits);
}

/* Seconds since 1970: whole ones as an integer. */
static void write_date(struct buf *out, int64_t ms)
{
    write_head(out, MAJOR_TAG, TAG_DATE_SECONDS);
    if (ms % 1000 == 0)
        write_int(out, ms / 1000);
    else
        write_real(out, (double)ms / 1000.0);
}

static void write_array(struct buf *out, struct value array)
{
    size_t count = document_count(array);

    write_head(out, MAJOR_ARRAY, count);
    for (size_t k = 0; k < count; k++)
        cbor_write(out, document_element(array, k));
}

static void write_object(struct buf *out, struct value object)
{
    size_t count = document_count(object);

    write_head(out, MAJOR_MAP, member_count(object));
    for (size_t k = 0; k < count; k++) {
        struct slice name;
        struct value member = document_member_at(object, k, &name);

        if (member.kind == VALUE_ABSENT)
            continue;
        write_text(out, name);
        cbor_write(out, member);
    }
}

/* The depth of a document is limited where it is made. */
void cbor_write(struct buf *out, struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        buf_append_byte(out, MAJOR_SIMPLE << 5 | 22);
        break;
    case VALUE_BOOL:
        buf_append_byte(out, v.as.b ? MAJOR_SIMPLE << 5 | 21 : MAJOR_SIMPLE << 5 | 20);
        break;
    case VALUE_INT:
        write_int(out, v.as.i);
        break;
    case VALUE_REAL:
        write_real(out, v.as.d);
        break;
    case VALUE_DATE:
        write_date(out, v.as.i);
        break;
    case VALUE_TEXT:
        write_text(out, value_slice(v));
        break;
    case VALUE_BYTES:
        write_head(out, MAJOR_BYTES, v.len);
        buf_append_slice(out, value_slice(v));
        break;
    case VALUE_ARRAY:
        write_array(out, v);
        break;
    case VALUE_OBJECT:
        write_object(out, v);
        break;
    }
}
