#include "storage/value/cell.h"
#include "storage/value/document_internal.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "cells are little-endian and are loaded without conversion"
#endif

static uint8_t write_int(struct buf *out, int64_t i)
{
    if (i == 0)
        return CELL_ZERO;
    if (i == (int8_t)i) {
        buf_append(out, &i, 1);
        return CELL_INT1;
    }
    if (i == (int16_t)i) {
        buf_append(out, &i, 2);
        return CELL_INT2;
    }
    if (i == (int32_t)i) {
        buf_append(out, &i, 4);
        return CELL_INT4;
    }
    if (i >= -((int64_t)1 << 47) && i < (int64_t)1 << 47) {
        buf_append(out, &i, 6);
        return CELL_INT6;
    }
    buf_append(out, &i, 8);
    return CELL_INT8;
}

static uint8_t write_real(struct buf *out, double d)
{
    /* The range first: converting a double beyond it to float is undefined. */
    if (d >= -0x1p127 && d <= 0x1p127) {
        float f = (float)d;

        if ((double)f == d) {
            buf_append(out, &f, sizeof(f));
            return CELL_REAL4;
        }
    }
    buf_append(out, &d, sizeof(d));
    return CELL_REAL8;
}

uint8_t cell_write(struct buf *out, struct value v)
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
        return write_int(out, v.as.i);
    case VALUE_REAL:
        return write_real(out, v.as.d);
    case VALUE_DATE:
        if (v.as.i >= -((int64_t)1 << 47) && v.as.i < (int64_t)1 << 47) {
            buf_append(out, &v.as.i, 6);
            return CELL_DATE6;
        }
        buf_append(out, &v.as.i, 8);
        return CELL_DATE8;
    case VALUE_TEXT:
        buf_append(out, v.as.data, v.len);
        return CELL_TEXT;
    case VALUE_BYTES:
        buf_append(out, v.as.data, v.len);
        return CELL_BYTES;
    case VALUE_ARRAY:
        buf_append(out, v.as.data, v.len);
        return CELL_ARRAY;
    case VALUE_OBJECT:
        buf_append(out, v.as.data, v.len);
        return CELL_OBJECT;
    }
    return CELL_ABSENT;
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
