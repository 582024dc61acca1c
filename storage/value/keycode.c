/*
 * Values to key codes, and where a code ends. docs/storage-format.md, "Keys", has the bytes.
 */
#include "storage/value/document_internal.h"
#include "storage/value/hash.h"
#include "storage/value/keycode_internal.h"
#include <assert.h>

static const uint64_t sign_bit = 1ull << 63;

static uint64_t bits_of(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    return bits;
}

static void store_be64(char *at, uint64_t x)
{
    x = __builtin_bswap64(x);
    memcpy(at, &x, 8);
}

/* ---- writing ---- */

enum { NUMBER_CODE_MAX = 1 + 8 + 1 + 8 };

/* The code of a number of this sign, whole part and fraction (0: none). `flip` is all ones for a
 * negative number: larger sizes then sort first. Room for NUMBER_CODE_MAX bytes and 7 more is
 * there. */
static char *put_number(char *at, bool is_negative, uint64_t whole, double fraction)
{
    unsigned bytes = whole == 0 ? 0 : 8 - (unsigned)__builtin_clzll(whole) / 8;
    uint64_t flip = is_negative ? ~0ull : 0;

    *at++ = (char)(is_negative ? TAG_NEGATIVE - bytes : TAG_POSITIVE + bytes);
    if (bytes != 0)
        store_be64(at, (whole ^ flip) << (64 - 8 * bytes)); /* the bytes that count come first */
    at += bytes;
    *at++ = (char)((fraction == 0 ? NUMBER_WHOLE : NUMBER_FRACTION) ^ (uint8_t)flip);
    if (fraction != 0) {
        store_be64(at, bits_of(fraction) ^ flip);
        at += 8;
    }
    return at;
}

static char *put_int(char *at, int64_t i)
{
    return put_number(at, i < 0, i < 0 ? 0 - (uint64_t)i : (uint64_t)i, 0);
}

/* Beyond int64: the bits of a double of one sign sort as it does. The byte behind them is where the
 * rest of a big integer will be announced. */
static char *put_huge(char *at, double d)
{
    uint64_t flip = d < 0 ? ~0ull : 0;

    *at++ = (char)(d < 0 ? TAG_MINUS_HUGE : TAG_HUGE);
    store_be64(at, (bits_of(d) & ~sign_bit) ^ flip);
    at[8] = (char)(NUMBER_WHOLE ^ (uint8_t)flip);
    return at + 9;
}

static char *put_real(char *at, double d)
{
    double size = d < 0 ? -d : d;

    if (d > -0x1p63 && d < 0x1p63) {
        uint64_t whole = (uint64_t)size;

        return put_number(at, d < 0, whole, size - (double)whole);
    }
    if (d == -0x1p63)
        return put_int(at, INT64_MIN);
    if (size > 0x1.fffffffffffffp1023) {
        *at = (char)(d < 0 ? TAG_MINUS_INFINITY : TAG_INFINITY);
        return at + 1;
    }
    return put_huge(at, d);
}

static void append_number(struct buf *out, struct value v)
{
    char *at;

    if (!buf_reserve(out, NUMBER_CODE_MAX + 7))
        return;
    at = out->data + out->len;
    at = v.kind == VALUE_REAL ? put_real(at, v.as.d) : put_int(at, v.as.i);
    out->len = (size_t)(at - out->data);
}

/* The first byte that needs an escape, or the length. */
static size_t plain_length(struct slice bytes)
{
    size_t i = 0;

    for (; bytes.len - i >= 8; i += 8) {
        uint64_t eight;

        memcpy(&eight, bytes.data + i, 8);
        /* Some byte below 2: the borrow reaches its top bit, which was clear. */
        if (((eight - 0x0202020202020202u) & ~eight & 0x8080808080808080u) != 0)
            break;
    }
    while (i < bytes.len && (unsigned char)bytes.data[i] > TEXT_ESCAPE)
        i++;
    return i;
}

static void append_escaped(struct buf *out, struct slice bytes)
{
    while (bytes.len != 0) {
        size_t plain = plain_length(bytes);

        buf_append(out, bytes.data, plain);
        bytes.data += plain;
        bytes.len -= plain;
        if (bytes.len != 0) {
            buf_append_byte(out, TEXT_ESCAPE);
            buf_append_byte(out, (uint8_t)(*bytes.data + 1));
            bytes.data++;
            bytes.len--;
        }
    }
    buf_append_byte(out, TEXT_END);
}

static void append_folded(struct buf *out, struct slice text)
{
    size_t start = out->len;

    append_escaped(out, text);
    for (size_t i = start; i < out->len; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] = (char)(out->data[i] + ('a' - 'A'));
}

static void append_text(struct buf *out, struct slice text, enum collation collation)
{
    buf_append_byte(out, TAG_TEXT);
    if (collation == COLLATE_RTRIM)
        while (text.len != 0 && text.data[text.len - 1] == ' ')
            text.len--;
    if (collation == COLLATE_NOCASE)
        append_folded(out, text);
    else
        append_escaped(out, text);
}

static void append_code(struct buf *out, struct value v, enum collation collation, unsigned depth);

static void append_document(struct buf *out, struct value v, unsigned depth)
{
    size_t count = document_count(v);
    struct slice name;

    buf_append_byte(out, v.kind == VALUE_ARRAY ? TAG_ARRAY : TAG_OBJECT);
    if (depth <= DOCUMENT_DEPTH_MAX) { /* deeper: damaged bytes */
        for (size_t i = 0; i < count; i++) {
            struct value inner;

            if (v.kind == VALUE_ARRAY) {
                inner = document_element(v, i);
            } else {
                inner = document_member_at(v, i, &name);
                if (inner.kind == VALUE_ABSENT)
                    continue;
                append_text(out, name, COLLATE_BINARY);
            }
            append_code(out, inner, COLLATE_BINARY, depth + 1);
        }
    }
    buf_append_byte(out, TAG_END);
}

static void append_code(struct buf *out, struct value v, enum collation collation, unsigned depth)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        buf_append_byte(out, TAG_NULL);
        break;
    case VALUE_BOOL:
        buf_append_byte(out, v.as.b ? TAG_TRUE : TAG_FALSE);
        break;
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_DATE:
        append_number(out, v);
        break;
    case VALUE_TEXT:
        append_text(out, value_slice(v), collation);
        break;
    case VALUE_BYTES:
        buf_append_byte(out, TAG_BYTES);
        append_escaped(out, value_slice(v));
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        append_document(out, v, depth);
        break;
    }
}

void keycode_append_prefix(struct buf *out, struct value v, struct key_part part)
{
    size_t start = out->len;

    append_code(out, v, part.collation, 0);
    if (part.descending)
        for (size_t i = start; i < out->len; i++)
            out->data[i] = (char)~out->data[i];
}

/* ---- the type suffix ---- */

static enum number_type type_of(struct value v)
{
    if (v.kind == VALUE_DATE)
        return TYPE_DATE;
    if (v.kind != VALUE_REAL)
        return TYPE_PLAIN;
    if (v.as.d == 0)
        return (bits_of(v.as.d) & sign_bit) != 0 ? TYPE_MINUS_ZERO : TYPE_REAL;
    if (v.as.d >= -0x1p63 && v.as.d < 0x1p63 && (double)(int64_t)v.as.d == v.as.d)
        return TYPE_REAL;
    return TYPE_PLAIN;
}

/* Write (distance, type) for every number in a document that needs one, in the order they are
 * coded; count them. `plain` counts the numbers since the last one written. */
struct leaf_types {
    struct buf *out; /* NULL: only count */
    uint64_t plain;
    uint64_t typed;
};

static void note_leaves(struct leaf_types *leaves, struct value v, unsigned depth)
{
    size_t count;
    struct slice name;

    if (value_is_number(v)) {
        enum number_type type = type_of(v);

        if (type == TYPE_PLAIN) {
            leaves->plain++;
            return;
        }
        leaves->typed++;
        if (leaves->out != NULL)
            buf_append_varint(leaves->out, leaves->plain << 2 | (uint64_t)type);
        leaves->plain = 0;
    } else if (v.kind >= VALUE_ARRAY && depth <= DOCUMENT_DEPTH_MAX) {
        count = document_count(v);
        for (size_t i = 0; i < count; i++)
            note_leaves(leaves,
                        v.kind == VALUE_ARRAY ? document_element(v, i)
                                              : document_member_at(v, i, &name),
                        depth + 1);
    }
}

static bool has_typed_leaves(struct value document)
{
    struct leaf_types leaves = {0};

    note_leaves(&leaves, document, 0);
    return leaves.typed != 0;
}

void keycode_begin(struct keycode *code, struct buf *out)
{
    code->out = out;
    code->part_count = 0;
    code->typed_parts = 0;
}

void keycode_append(struct keycode *code, struct value v, struct key_part part)
{
    unsigned k = code->part_count++;
    uint8_t type = TYPE_PLAIN;

    assert(k < KEY_PARTS_MAX);
    keycode_append_prefix(code->out, v, part);
    if (v.kind == VALUE_REAL || v.kind == VALUE_DATE) {
        type = (uint8_t)type_of(v);
    } else if (v.kind >= VALUE_ARRAY && has_typed_leaves(v)) {
        type = TYPE_DOCUMENT;
        code->documents[k] = v;
    }
    if (type != TYPE_PLAIN) {
        code->typed_parts |= 1ull << k;
        code->part_types[k] = type;
    }
}

/* Per typed part a byte: part number * 4 + type, where type 0 announces a document: a count and one
 * varint per typed number in it, (plain numbers before it * 4 + type). */
void keycode_finish(struct keycode *code)
{
    uint64_t left = code->typed_parts;

    while (left != 0) {
        unsigned k = (unsigned)__builtin_ctzll(left);
        uint8_t type = code->part_types[k];

        left &= left - 1;
        buf_append_byte(code->out, (uint8_t)(k << 2 | (type & 3)));
        if (type == TYPE_DOCUMENT) {
            struct leaf_types leaves = {0};

            note_leaves(&leaves, code->documents[k], 0);
            buf_append_varint(code->out, leaves.typed);
            leaves = (struct leaf_types){.out = code->out};
            note_leaves(&leaves, code->documents[k], 0);
        }
    }
}

_Static_assert((TYPE_DOCUMENT & 3) == 0, "a document's entry has type bits 0");

bool keycode_is_exact(struct key_part part)
{
    return part.collation == COLLATE_BINARY;
}

/* ---- length ---- */

/* A byte of the code, ascending or not. */
static uint8_t byte_at(struct slice key, size_t at, uint8_t flip)
{
    return (uint8_t)((uint8_t)key.data[at] ^ flip);
}

static size_t number_length(struct slice key, uint8_t tag, uint8_t flip)
{
    bool is_negative = tag <= TAG_NEGATIVE;
    size_t bytes = is_negative ? (size_t)(TAG_NEGATIVE - tag) : (size_t)(tag - TAG_POSITIVE);
    size_t len = 1 + bytes + 1;
    uint8_t behind;

    if (key.len < len)
        return 0;
    behind = byte_at(key, len - 1, is_negative ? (uint8_t)~flip : flip);
    if (behind == NUMBER_FRACTION)
        len += 8;
    else if (behind != NUMBER_WHOLE)
        return 0;
    return key.len < len ? 0 : len;
}

static size_t text_length(struct slice key, uint8_t flip)
{
    const char *end = key.len < 2 ? NULL : memchr(key.data + 1, TEXT_END ^ flip, key.len - 1);

    return end == NULL ? 0 : (size_t)(end - key.data) + 1;
}

size_t keycode_scalar_length(struct slice key, uint8_t flip)
{
    uint8_t tag = key.len == 0 ? TAG_END : byte_at(key, 0, flip);

    if (tag >= TAG_NEGATIVE - 8 && tag <= TAG_POSITIVE + 8)
        return number_length(key, tag, flip);
    switch (tag) {
    case TAG_NULL:
    case TAG_FALSE:
    case TAG_TRUE:
    case TAG_INFINITY:
    case TAG_MINUS_INFINITY:
        return 1;
    case TAG_HUGE:
    case TAG_MINUS_HUGE:
        return key.len >= 10 ? 10 : 0;
    case TAG_TEXT:
    case TAG_BYTES:
        return text_length(key, flip);
    default:
        return 0;
    }
}

/* Nesting is counted, not recursed into: members are codes like any other. */
static size_t document_length(struct slice key, uint8_t flip)
{
    unsigned open = 0;
    size_t at = 0;

    while (at < key.len) {
        uint8_t tag = byte_at(key, at, flip);

        if (keycode_is_document(tag)) {
            if (++open > DOCUMENT_DEPTH_MAX + 1)
                return 0;
            at++;
        } else if (tag == TAG_END) {
            at++;
            if (--open == 0)
                return at;
        } else {
            size_t len = keycode_scalar_length(slice_of(key.data + at, key.len - at), flip);

            if (len == 0)
                return 0;
            at += len;
        }
    }
    return 0;
}

size_t keycode_part_length(struct slice key, bool descending)
{
    uint8_t flip = descending ? 0xff : 0;

    if (key.len == 0)
        return 0;
    if (keycode_is_document(byte_at(key, 0, flip)))
        return document_length(key, flip);
    return keycode_scalar_length(key, flip);
}

/* ---- long keys ---- */

bool key_shorten(struct buf *key)
{
    struct hash128 hash;

    if (key->failed || key->len <= KEY_BYTES_MAX)
        return false;
    hash = hash_bytes_128(buf_slice(key));
    key->len = KEY_BYTES_MAX - KEY_HASH_BYTES;
    buf_append_u64_be(key, hash.high);
    buf_append_u64_be(key, hash.low);
    return true;
}

bool key_prefix_end(struct buf *prefix)
{
    while (prefix->len != 0 && (uint8_t)prefix->data[prefix->len - 1] == 0xff)
        prefix->len--;
    if (prefix->len == 0)
        return false;
    prefix->data[prefix->len - 1]++;
    return true;
}
