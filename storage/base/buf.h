/*
 * buf: bytes that grow. Output is written into one, keys are built in one.
 *
 * Ownership: the holder calls buf_free. buf_slice lends the content until the next append.
 * Errors:    sticky: when memory is short (or the limit is reached) appends do nothing and `failed`
 *            stays set; check once at the end with buf_status.
 */
#ifndef HARPER_BASE_BUF_H
#define HARPER_BASE_BUF_H

#include "storage/base/slice.h"
#include "storage/base/status.h"
#include <stdarg.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t len, capacity;
    bool failed;
};

void buf_free(struct buf *buf);
bool buf_grow(struct buf *buf, size_t more); /* room for `more` further bytes; false: failed */

static inline void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->data, buf->len};
}

static inline enum status buf_status(const struct buf *buf)
{
    return buf->failed ? ST_NO_MEMORY : ST_OK;
}

static inline bool buf_reserve(struct buf *buf, size_t more)
{
    return buf->capacity - buf->len >= more || buf_grow(buf, more);
}

static inline void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (len != 0 && buf_reserve(buf, len)) {
        memcpy(buf->data + buf->len, bytes, len);
        buf->len += len;
    }
}

static inline void buf_append_byte(struct buf *buf, uint8_t byte)
{
    if (buf_reserve(buf, 1))
        buf->data[buf->len++] = (char)byte;
}

static inline void buf_append_slice(struct buf *buf, struct slice bytes)
{
    buf_append(buf, bytes.data, bytes.len);
}

void buf_append_text(struct buf *buf, const char *text);
void buf_append_fill(struct buf *buf, uint8_t byte, size_t count);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args);
/* The content with a NUL behind it (not counted); NULL when memory was short. */
const char *buf_cstr(struct buf *buf);

/* Fixed-width integers: little-endian in values, big-endian in keys. */
void buf_append_u16_le(struct buf *buf, uint16_t value);
void buf_append_u32_le(struct buf *buf, uint32_t value);
void buf_append_u64_le(struct buf *buf, uint64_t value);
void buf_append_u16_be(struct buf *buf, uint16_t value);
void buf_append_u32_be(struct buf *buf, uint32_t value);
void buf_append_u64_be(struct buf *buf, uint64_t value);
/* LEB128, 1 to 10 bytes. */
void buf_append_varint(struct buf *buf, uint64_t value);

/* Reading back: each takes from the front of `in`, returns false (and leaves it) when too short. */
bool read_u8(struct slice *in, uint8_t *out);
bool read_u16_le(struct slice *in, uint16_t *out);
bool read_u32_le(struct slice *in, uint32_t *out);
bool read_u64_le(struct slice *in, uint64_t *out);
bool read_u16_be(struct slice *in, uint16_t *out);
bool read_u32_be(struct slice *in, uint32_t *out);
bool read_u64_be(struct slice *in, uint64_t *out);
bool read_varint_slow(struct slice *in, uint64_t *out);
static inline bool read_varint(struct slice *in, uint64_t *out)
{
    if (in->len == 0 || (*in->data & 0x80) != 0)
        return read_varint_slow(in, out);
    *out = (uint64_t)*in->data;
    in->data++;
    in->len--;
    return true;
}
bool read_bytes(struct slice *in, size_t len, struct slice *out);

#endif
