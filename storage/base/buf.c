#include "storage/base/buf.h"
#include <stdio.h>
#include <stdlib.h>

enum { BUF_BYTES_FIRST = 64 };

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

bool buf_grow(struct buf *buf, size_t more)
{
    size_t needed;
    size_t capacity = buf->capacity == 0 ? BUF_BYTES_FIRST : buf->capacity;
    char *data;

    if (buf->failed)
        return false;
    if (__builtin_add_overflow(buf->len, more, &needed) || needed > SIZE_MAX / 4) {
        buf->failed = true;
        return false;
    }
    while (capacity < needed)
        capacity *= 2;
    data = realloc(buf->data, capacity);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_fill(struct buf *buf, uint8_t byte, size_t count)
{
    if (count != 0 && buf_reserve(buf, count)) {
        memset(buf->data + buf->len, byte, count);
        buf->len += count;
    }
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    size_t room = buf->capacity - buf->len;
    int len;

    va_copy(again, args);
    len = vsnprintf(room == 0 ? NULL : buf->data + buf->len, room, format, args);
    if (len < 0) {
        buf->failed = true;
    } else if ((size_t)len < room) {
        buf->len += (size_t)len;
    } else if (buf_reserve(buf, (size_t)len + 1)) {
        (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

const char *buf_cstr(struct buf *buf)
{
    if (!buf_reserve(buf, 1))
        return NULL;
    buf->data[buf->len] = '\0';
    return buf->data;
}

static void append_le(struct buf *buf, uint64_t value, unsigned bytes)
{
    if (!buf_reserve(buf, bytes))
        return;
    for (unsigned i = 0; i < bytes; i++)
        buf->data[buf->len++] = (char)(uint8_t)(value >> (8 * i));
}

static void append_be(struct buf *buf, uint64_t value, unsigned bytes)
{
    if (!buf_reserve(buf, bytes))
        return;
    for (unsigned i = bytes; i-- > 0;)
        buf->data[buf->len++] = (char)(uint8_t)(value >> (8 * i));
}

void buf_append_u16_le(struct buf *buf, uint16_t value)
{
    append_le(buf, value, 2);
}

void buf_append_u32_le(struct buf *buf, uint32_t value)
{
    append_le(buf, value, 4);
}

void buf_append_u64_le(struct buf *buf, uint64_t value)
{
    append_le(buf, value, 8);
}

void buf_append_u16_be(struct buf *buf, uint16_t value)
{
    append_be(buf, value, 2);
}

void buf_append_u32_be(struct buf *buf, uint32_t value)
{
    append_be(buf, value, 4);
}

void buf_append_u64_be(struct buf *buf, uint64_t value)
{
    append_be(buf, value, 8);
}

void buf_append_varint(struct buf *buf, uint64_t value)
{
    while (value >= 0x80) {
        buf_append_byte(buf, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    buf_append_byte(buf, (uint8_t)value);
}

/* Take `bytes` from the front of `in` as one integer. */
static bool take(struct slice *in, unsigned bytes, bool big_endian, uint64_t *out)
{
    uint64_t value = 0;

    if (in->len < bytes)
        return false;
    for (unsigned i = 0; i < bytes; i++) {
        uint64_t byte = (unsigned char)in->data[i];

        value |= byte << (8 * (big_endian ? bytes - 1 - i : i));
    }
    in->data += bytes;
    in->len -= bytes;
    *out = value;
    return true;
}

bool read_u8(struct slice *in, uint8_t *out)
{
    if (in->len == 0)
        return false;
    *out = (uint8_t)*in->data;
    in->data++;
    in->len--;
    return true;
}

bool read_u16_le(struct slice *in, uint16_t *out)
{
    uint64_t value;

    if (!take(in, 2, false, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

bool read_u32_le(struct slice *in, uint32_t *out)
{
    uint64_t value;

    if (!take(in, 4, false, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool read_u64_le(struct slice *in, uint64_t *out)
{
    return take(in, 8, false, out);
}

bool read_u16_be(struct slice *in, uint16_t *out)
{
    uint64_t value;

    if (!take(in, 2, true, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

bool read_u32_be(struct slice *in, uint32_t *out)
{
    uint64_t value;

    if (!take(in, 4, true, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool read_u64_be(struct slice *in, uint64_t *out)
{
    return take(in, 8, true, out);
}

bool read_varint_slow(struct slice *in, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 10 && i < in->len; i++) {
        uint64_t byte = (unsigned char)in->data[i];

        if (i == 9 && byte > 1) /* would not fit 64 bits */
            return false;
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            in->data += i + 1;
            in->len -= i + 1;
            *out = value;
            return true;
        }
    }
    return false;
}

bool read_bytes(struct slice *in, size_t len, struct slice *out)
{
    if (in->len < len)
        return false;
    *out = slice_of(in->data, len);
    if (len != 0) {
        in->data += len;
        in->len -= len;
    }
    return true;
}
