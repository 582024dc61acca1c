/* MessagePack, by the specification at msgpack.org of 2017: with the timestamp extension. */
#include "rest/codec/codec_internal.h"

enum { EXTENSION_TIMESTAMP = -1 };

/* ---- reading ---- */

static double real_of(uint64_t bits, unsigned bytes)
{
    uint32_t narrow = (uint32_t)bits;
    double d;
    float f;

    if (bytes == 4) {
        memcpy(&f, &narrow, sizeof f);
        return f;
    }
    memcpy(&d, &bits, sizeof d);
    return d;
}

static int64_t signed_of(uint64_t number, unsigned bytes)
{
    switch (bytes) {
    case 1:
        return (int8_t)number;
    case 2:
        return (int16_t)number;
    case 4:
        return (int32_t)number;
    default:
        return (int64_t)number;
    }
}

/* Seconds and nanoseconds in 4, 8 or 12 bytes; milliseconds are kept. */
static enum status read_timestamp(struct binary_reader *reader, struct slice bytes,
                                  struct value *out)
{
    struct slice in = bytes;
    uint32_t ns = 0, narrow;
    uint64_t wide;
    int64_t seconds;
    struct value date;

    if (bytes.len == 4 && read_u32_be(&in, &narrow)) {
        seconds = narrow;
    } else if (bytes.len == 8 && read_u64_be(&in, &wide)) {
        ns = (uint32_t)(wide >> 34);
        seconds = (int64_t)(wide & 0x3ffffffffu);
    } else if (bytes.len == 12 && read_u32_be(&in, &ns) && read_u64_be(&in, &wide)) {
        seconds = (int64_t)wide;
    } else {
        return binary_fail(reader, ST_SYNTAX,
                           "a timestamp of another length than 4, 8 or 12 bytes");
    }
    if (ns > 999999999)
        return binary_fail(reader, ST_SYNTAX, "a timestamp with a second or more of nanoseconds");
    TRY(binary_date_of_seconds(reader, (double)seconds, &date));
    *out = value_date(date.as.i + ns / 1000000);
    return ST_OK;
}

static enum status read_extension(struct binary_reader *reader, uint64_t len, struct value *out)
{
    struct slice bytes;
    uint64_t type;

    TRY(binary_take_number(reader, 1, &type));
    TRY(binary_take(reader, len, &bytes));
    if ((int8_t)type == EXTENSION_TIMESTAMP)
        return read_timestamp(reader, bytes, out);
    return error_set(reader->err, ST_SYNTAX, reader->at - reader->start,
                     "%s: the extension type %d is not known", reader->format, (int8_t)type);
}

static enum status read_number(struct binary_reader *reader, unsigned initial, struct value *out)
{
    unsigned bytes = initial <= 0xcb ? 4u << (initial - 0xca) : 1u << (initial & 3);
    uint64_t number;

    TRY(binary_take_number(reader, bytes, &number));
    if (initial <= 0xcb)
        *out = value_real(real_of(number, bytes));
    else if (initial >= 0xd0)
        *out = value_int(signed_of(number, bytes));
    else
        *out = number <= INT64_MAX ? value_int((int64_t)number) : value_real((double)number);
    return ST_OK;
}

/* Initial bytes 0xc0 to 0xdf. */
static enum status read_coded(struct binary_reader *reader, unsigned initial, struct item *out)
{
    uint64_t len = 0;

    switch (initial) {
    case 0xc0:
        out->scalar = value_null();
        return ST_OK;
    case 0xc1:
        return binary_fail(reader, ST_SYNTAX, "the byte 0xc1 begins no value");
    case 0xc2:
    case 0xc3:
        out->scalar = value_bool(initial == 0xc3);
        return ST_OK;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        TRY(binary_take_number(reader, 1u << (initial - 0xc4), &len));
        return binary_take_bytes(reader, len, &out->scalar);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        TRY(binary_take_number(reader, 1u << (initial - 0xc7), &len));
        return read_extension(reader, len, &out->scalar);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return read_extension(reader, 1u << (initial - 0xd4), &out->scalar);
    case 0xd9:
    case 0xda:
    case 0xdb:
        TRY(binary_take_number(reader, 1u << (initial - 0xd9), &len));
        return binary_take_text(reader, len, &out->scalar);
    case 0xdc:
    case 0xdd:
        out->kind = ITEM_ARRAY;
        return binary_take_number(reader, 2u << (initial - 0xdc), &out->count);
    case 0xde:
    case 0xdf:
        out->kind = ITEM_OBJECT;
        return binary_take_number(reader, 2u << (initial - 0xde), &out->count);
    default:
        return read_number(reader, initial, &out->scalar);
    }
}

static enum status read_item(struct binary_reader *reader, struct item *out)
{
    unsigned initial;

    *out = (struct item){.kind = ITEM_SCALAR};
    if (reader->at == reader->end)
        return binary_fail(reader, ST_SYNTAX, "the bytes end within a value");
    initial = *reader->at++;
    if (initial < 0x80 || initial >= 0xe0) {
        out->scalar = value_int((int8_t)initial);
        return ST_OK;
    }
    if (initial >= 0xc0)
        return read_coded(reader, initial, out);
    if (initial >= 0xa0)
        return binary_take_text(reader, initial & 31, &out->scalar);
    out->kind = initial < 0x90 ? ITEM_OBJECT : ITEM_ARRAY;
    out->count = initial & 15;
    return ST_OK;
}

enum status msgpack_read_prefix(struct slice bytes, struct arena *arena, struct value *out,
                                struct slice *rest, struct error *err)
{
    struct binary_reader reader = {"MessagePack", read_item, .arena = arena, .err = err};

    return binary_read(&reader, bytes, out, rest);
}

enum status msgpack_read(struct slice bytes, struct arena *arena, struct value *out,
                         struct error *err)
{
    struct binary_reader reader = {"MessagePack", read_item, .arena = arena, .err = err};

    return binary_read_all(&reader, bytes, out);
}

/* ---- writing ---- */

static void write_int(struct buf *out, int64_t i)
{
    if (i >= -32 && i < 128) {
        buf_append_byte(out, (uint8_t)i);
    } else if (i >= INT8_MIN && i <= UINT8_MAX) {
        buf_append_byte(out, i < 0 ? 0xd0 : 0xcc);
        buf_append_byte(out, (uint8_t)i);
    } else if (i >= INT16_MIN && i <= UINT16_MAX) {
        buf_append_byte(out, i < 0 ? 0xd1 : 0xcd);
        buf_append_u16_be(out, (uint16_t)i);
    } else if (i >= INT32_MIN && i <= UINT32_MAX) {
        buf_append_byte(out, i < 0 ? 0xd2 : 0xce);
        buf_append_u32_be(out, (uint32_t)i);
    } else {
        buf_append_byte(out, i < 0 ? 0xd3 : 0xcf);
        buf_append_u64_be(out, (uint64_t)i);
    }
}

static void write_real(struct buf *out, double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    buf_append_byte(out, 0xcb);
    buf_append_u64_be(out, bits);
}

/* The shortest timestamp that holds it. */
static void write_date(struct buf *out, int64_t ms)
{
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    uint32_t ns = (uint32_t)(ms - seconds * 1000) * 1000000;

    if (ns == 0 && seconds >= 0 && seconds <= UINT32_MAX) {
        buf_append(out, "\xd6\xff", 2);
        buf_append_u32_be(out, (uint32_t)seconds);
    } else if (seconds >= 0 && seconds < (int64_t)1 << 34) {
        buf_append(out, "\xd7\xff", 2);
        buf_append_u64_be(out, (uint64_t)ns << 34 | (uint64_t)seconds);
    } else {
        buf_append(out, "\xc7\x0c\xff", 3);
        buf_append_u32_be(out, ns);
        buf_append_u64_be(out, (uint64_t)seconds);
    }
}

/* `codes`: for lengths of one byte (0: there is none), two and four. */
static void write_length(struct buf *out, const uint8_t codes[3], size_t len)
{
    if (len <= UINT8_MAX && codes[0] != 0) {
        buf_append_byte(out, codes[0]);
        buf_append_byte(out, (uint8_t)len);
    } else if (len <= UINT16_MAX) {
        buf_append_byte(out, codes[1]);
        buf_append_u16_be(out, (uint16_t)len);
    } else {
        buf_append_byte(out, codes[2]);
        buf_append_u32_be(out, (uint32_t)len);
    }
}

static void write_text(struct buf *out, struct slice text)
{
    if (text.len < 32)
        buf_append_byte(out, (uint8_t)(0xa0 | text.len));
    else
        write_length(out, (const uint8_t[]){0xd9, 0xda, 0xdb}, text.len);
    buf_append_slice(out, text);
}

static void write_array(struct buf *out, struct value array)
{
    size_t count = document_count(array);

    if (count < 16)
        buf_append_byte(out, (uint8_t)(0x90 | count));
    else
        write_length(out, (const uint8_t[]){0, 0xdc, 0xdd}, count);
    for (size_t k = 0; k < count; k++)
        msgpack_write(out, document_element(array, k));
}

static void write_object(struct buf *out, struct value object)
{
    size_t count = document_count(object), there = member_count(object);

    if (there < 16)
        buf_append_byte(out, (uint8_t)(0x80 | there));
    else
        write_length(out, (const uint8_t[]){0, 0xde, 0xdf}, there);
    for (size_t k = 0; k < count; k++) {
        struct slice name;
        struct value member = document_member_at(object, k, &name);

        if (member.kind == VALUE_ABSENT)
            continue;
        write_text(out, name);
        msgpack_write(out, member);
    }
}

/* The depth of a document is limited where it is made. */
void msgpack_write(struct buf *out, struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        buf_append_byte(out, 0xc0);
        break;
    case VALUE_BOOL:
        buf_append_byte(out, v.as.b ? 0xc3 : 0xc2);
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
        write_length(out, (const uint8_t[]){0xc4, 0xc5, 0xc6}, v.len);
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
