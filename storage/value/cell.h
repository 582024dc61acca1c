/*
 * cell: one value inside a record or a document: a kind byte in the directory and bytes in the
 * payload (docs/storage-format.md, "Cells"). The kind tells the width of a number, so that reading
 * one needs its end offset only.
 */
#ifndef HARPER_VALUE_CELL_H
#define HARPER_VALUE_CELL_H

#include "storage/value/value.h"

enum cell_kind {
    CELL_ABSENT,
    CELL_NULL,
    CELL_FALSE,
    CELL_TRUE,
    CELL_ZERO, /* the integer 0: no bytes */
    CELL_INT1, /* from here to CELL_DATE8: little-endian two's complement, the last bytes of the
                  cell */
    CELL_INT2,
    CELL_INT4,
    CELL_INT6,
    CELL_INT8,
    CELL_DATE6,
    CELL_DATE8,
    CELL_REAL4, /* a real that a float holds exactly */
    CELL_REAL8,
    CELL_TEXT,
    CELL_BYTES,
    CELL_ARRAY,
    CELL_OBJECT,
    CELL_IN_KEY, /* records only: the part of the primary key that holds the value, one byte */
    CELL_KIND_COUNT
};

/* Append the payload of `v` and return its kind. Not for objects that are still records. */
uint8_t cell_write(struct buf *out, struct value v);
size_t cell_bytes(struct value v); /* what cell_write would append */
/* Whether bytes of this length can be a cell of this kind, documents checked in depth. */
bool cell_check(uint8_t kind, struct slice payload, unsigned depth);

static inline uint16_t cell_load2(const char *at)
{
    uint16_t x;

    memcpy(&x, at, 2);
    return x;
}

static inline uint32_t cell_load4(const char *at)
{
    uint32_t x;

    memcpy(&x, at, 4);
    return x;
}

static inline uint64_t cell_load8(const char *at)
{
    uint64_t x;

    memcpy(&x, at, 8);
    return x;
}

static inline int64_t cell_load_int6(const char *at)
{
    return (int64_t)((uint64_t)cell_load4(at) | (uint64_t)cell_load2(at + 4) << 32) -
           (int64_t)((uint64_t)(cell_load2(at + 4) >> 15) << 48);
}

static inline uint32_t cell_load_offset(const uint8_t *offsets, unsigned width, size_t index)
{
    const char *at = (const char *)offsets;

    if (width == 1)
        return offsets[index];
    if (width == 2)
        return cell_load2(at + 2 * index);
    return cell_load4(at + 4 * index);
}

static inline void cell_store_offset(char *at, unsigned width, uint32_t offset)
{
    if (width == 1)
        *at = (char)(uint8_t)offset;
    else if (width == 2)
        memcpy(at, &offset, 2);
    else
        memcpy(at, &offset, 4);
}

/* What a cell holds. `start` to `end` are offsets into a payload of `payload_bytes`; a cell that
 * damage lets point outside, or whose kind is unknown, reads as absent: nothing outside is touched.
 * Not for CELL_IN_KEY. */
static inline struct value cell_read(uint8_t kind, const char *payload, uint32_t start,
                                     uint32_t end, uint32_t payload_bytes)
{
    static const uint8_t kinds[] = {VALUE_TEXT, VALUE_BYTES, VALUE_ARRAY, VALUE_OBJECT};
    uint32_t len = end - start;
    const char *at = payload + start;
    float real4;
    double real8;

    if (__builtin_expect(start > end || end > payload_bytes, false))
        return value_absent();
    switch (kind) {
    case CELL_NULL:
        return value_null();
    case CELL_FALSE:
        return value_bool(false);
    case CELL_TRUE:
        return value_bool(true);
    case CELL_ZERO:
        return value_int(0);
    case CELL_INT1:
        return len == 1 ? value_int((int8_t)*at) : value_absent();
    case CELL_INT2:
        return len == 2 ? value_int((int16_t)cell_load2(at)) : value_absent();
    case CELL_INT4:
        return len == 4 ? value_int((int32_t)cell_load4(at)) : value_absent();
    case CELL_INT6:
        return len == 6 ? value_int(cell_load_int6(at)) : value_absent();
    case CELL_INT8:
        return len == 8 ? value_int((int64_t)cell_load8(at)) : value_absent();
    case CELL_REAL4:
        if (len != 4)
            return value_absent();
        memcpy(&real4, at, 4);
        return value_real((double)real4);
    case CELL_REAL8:
        if (len != 8)
            return value_absent();
        memcpy(&real8, at, 8);
        return value_real(real8);
    case CELL_DATE6:
        return len == 6 ? value_date(cell_load_int6(at)) : value_absent();
    case CELL_DATE8:
        return len == 8 ? value_date((int64_t)cell_load8(at)) : value_absent();
    case CELL_TEXT:
    case CELL_BYTES:
    case CELL_ARRAY:
    case CELL_OBJECT:
        return (struct value){.kind = kinds[kind - CELL_TEXT], .len = len, .as.data = at};
    default: /* CELL_ABSENT, and bytes that are no kind at all */
        return value_absent();
    }
}

#endif
