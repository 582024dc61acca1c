#include "storage/value/cell.h"
#include "storage/value/document_internal.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "cells are little-endian and are loaded without conversion"
#endif

static uint8_t int_kind(int64_t i)
{
    if (i == 0)
        return CELL_ZERO;
    if (i == (int8_t)i)
        return CELL_INT1;
    if (i == (int16_t)i)
        return CELL_INT2;
    if (i == (int32_t)i)
        return CELL_INT4;
    return i >= -((int64_t)1 << 47) && i < (int64_t)1 << 47 ? CELL_INT6 : CELL_INT8;
}

static uint8_t date_kind(int64_t ms)
{
    return ms >= -((int64_t)1 << 47) && ms < (int64_t)1 << 47 ? CELL_DATE6 : CELL_DATE8;
}

static uint8_t real_kind(double d)
{
    /* The range first: converting a double beyond it to float is undefined. */
    return d >= -0x1p127 && d <= 0x1p127 && (double)(float)d == d ? CELL_REAL4 : CELL_REAL8;
}

/* The shortest kind that holds the value exactly. */
static uint8_t kind_of(struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_KIND_COUNT:
        return CELL_ABSENT;
    case VALUE_NULL:
        return CELL_NULL;
    case VALUE_BOOL:
        return v.as.b ? CELL_TRUE : CELL_FALSE;
    case VALUE_INT:
        return int_kind(v.as.i);
    case VALUE_REAL:
        return real_kind(v.as.d);
    case VALUE_DATE:
        return date_kind(v.as.i);
    case VALUE_TEXT:
        return CELL_TEXT;
    case VALUE_BYTES:
        return CELL_BYTES;
    case VALUE_ARRAY:
        return CELL_ARRAY;
    case VALUE_OBJECT:
        return CELL_OBJECT;
    }
    return CELL_ABSENT;
}

/* Of the kinds before CELL_TEXT. */
static const uint8_t number_bytes[] = {
    [CELL_INT1] = 1,  [CELL_INT2] = 2,  [CELL_INT4] = 4,  [CELL_INT6] = 6,  [CELL_INT8] = 8,
    [CELL_DATE6] = 6, [CELL_DATE8] = 8, [CELL_REAL4] = 4, [CELL_REAL8] = 8,
};

size_t cell_bytes(struct value v)
{
    uint8_t kind = kind_of(v);

    return kind >= CELL_TEXT ? v.len : number_bytes[kind];
}

uint8_t cell_write(struct buf *out, struct value v)
{
    uint8_t kind = kind_of(v);

    if (kind >= CELL_TEXT) {
        buf_append(out, v.as.data, v.len);
    } else if (kind == CELL_REAL4) {
        float f = (float)v.as.d;

        buf_append(out, &f, sizeof(f));
    } else if (kind > CELL_ZERO && buf_reserve(out, 8)) {
        memcpy(out->data + out->len, &v.as, 8); /* little-endian: the bytes that count come first */
        out->len += number_bytes[kind];
    }
    return kind;
}

static bool is_real(struct slice payload)
{
    return cell_read(payload.len == 4 ? CELL_REAL4 : CELL_REAL8, payload.data, 0,
                     (uint32_t)payload.len, (uint32_t)payload.len)
               .kind == VALUE_REAL; /* a NaN reads as null */
}

bool cell_check(uint8_t kind, struct slice payload, unsigned depth)
{
    switch (kind) {
    case CELL_ABSENT:
    case CELL_NULL:
    case CELL_FALSE:
    case CELL_TRUE:
    case CELL_ZERO:
        return payload.len == 0;
    case CELL_INT1:
    case CELL_IN_KEY:
        return payload.len == 1;
    case CELL_INT2:
        return payload.len == 2;
    case CELL_INT4:
        return payload.len == 4;
    case CELL_REAL4:
        return payload.len == 4 && is_real(payload);
    case CELL_INT6:
    case CELL_DATE6:
        return payload.len == 6;
    case CELL_REAL8:
        return payload.len == 8 && is_real(payload);
    case CELL_INT8:
    case CELL_DATE8:
        return payload.len == 8;
    case CELL_TEXT:
        return utf8_is_valid(payload);
    case CELL_BYTES:
        return true;
    case CELL_ARRAY:
        return document_check_depth(payload, true, depth + 1);
    case CELL_OBJECT:
        return document_check_depth(payload, false, depth + 1);
    default:
        return false;
    }
}
