/*
 * Key codes. docs/storage-format.md, "Keys", has the bytes and why they sort.
 */
#include "storage/value/keycode.h"
#include "storage/value/document_internal.h"
#include "storage/value/hash.h"
#include <assert.h>

/* Every tag lies in 0x02..0xfd, so that neither it nor its complement is an end mark (0x00,
 * complemented 0xff). The gaps are for kinds to come; big integers will follow TAG_HUGE's leading
 * bits. */
enum tag {
    TAG_END = 0x00, /* of an array or object */
    TAG_NULL = 0x05,
    TAG_FALSE = 0x08,
    TAG_TRUE = 0x09,
    TAG_MINUS_INFINITY = 0x10,
    TAG_MINUS_HUGE = 0x13, /* reals below the range of int64 */
    TAG_NEGATIVE = 0x1f,   /* minus the bytes of the whole part, 0 to 8: 0x17 to 0x1f */
    TAG_POSITIVE = 0x20,   /* plus the bytes of the whole part, 0 to 8: 0x20 to 0x28 */
    TAG_HUGE = 0x2c,
    TAG_INFINITY = 0x2f,
    TAG_TEXT = 0x60,
    TAG_BYTES = 0x68,
    TAG_ARRAY = 0x70,
    TAG_OBJECT = 0x78,
};

/* Behind the whole part of a number. */
enum { NUMBER_WHOLE = 0x00, NUMBER_FRACTION = 0x01 };

/* Inside text and bytes: the end, and what stands before an escaped 0 (as 1) or 1 (as 2). */
enum { TEXT_END = 0x00, TEXT_ESCAPE = 0x01 };

/* What a suffix says of a number: an int where nothing is said of a whole number, a real elsewhere.
 */
enum number_type { TYPE_PLAIN, TYPE_REAL, TYPE_DATE, TYPE_MINUS_ZERO, TYPE_DOCUMENT };

static const uint64_t sign_bit = 1ull << 63;

static uint64_t bits_of(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof(d));
    return d;
}

static void store_be64(char *at, uint64_t x)
{
    x = __builtin_bswap64(x);
    memcpy(at, &x, 8);
}

static uint64_t load_be64(const char *at)
{
    uint64_t x;

    memcpy(&x, at, 8);
    return __builtin_bswap64(x);
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

/* The length of a code that is not an array or object; 0: malformed. */
static size_t scalar_length(struct slice key, uint8_t flip)
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

static bool is_document_tag(uint8_t tag)
{
    return tag == TAG_ARRAY || tag == TAG_OBJECT;
}

/* Nesting is counted, not recursed into: members are codes like any other. */
static size_t document_length(struct slice key, uint8_t flip)
{
    unsigned open = 0;
    size_t at = 0;

    while (at < key.len) {
        uint8_t tag = byte_at(key, at, flip);

        if (is_document_tag(tag)) {
            if (++open > DOCUMENT_DEPTH_MAX + 1)
                return 0;
            at++;
        } else if (tag == TAG_END) {
            at++;
            if (--open == 0)
                return at;
        } else {
            size_t len = scalar_length(slice_of(key.data + at, key.len - at), flip);

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
    if (is_document_tag(byte_at(key, 0, flip)))
        return document_length(key, flip);
    return scalar_length(key, flip);
}

/* ---- decoding ---- */

/* A code without its complement, to be read from the front; lengths were checked by
 * keycode_part_length. */
struct decoder {
    struct slice in;
    struct arena *arena;
    bool is_copy; /* `in` lies in the arena already and may be written to */
    /* Types of numbers inside a document, from the suffix. */
    struct slice leaf_types;
    uint64_t leaves_left;
    uint64_t plain_left; /* plain numbers before the next typed one */
    enum number_type next_type;
};

/* Give a decoded whole number the type it had. */
static bool retype(struct value *v, enum number_type type)
{
    switch (type) {
    case TYPE_PLAIN:
        return true;
    case TYPE_REAL:
        if (v->kind != VALUE_INT || compare_int_real(v->as.i, (double)v->as.i) != 0)
            return false;
        *v = value_real((double)v->as.i);
        return true;
    case TYPE_DATE:
        if (v->kind != VALUE_INT)
            return false;
        v->kind = VALUE_DATE;
        return true;
    case TYPE_MINUS_ZERO:
        if (v->kind != VALUE_INT || v->as.i != 0)
            return false;
        *v = value_real(-0.0);
        return true;
    case TYPE_DOCUMENT:
        break;
    }
    return false;
}

/* The suffix's next entry for a number inside a document. */
static bool next_leaf(struct decoder *decoder)
{
    uint64_t entry;

    decoder->plain_left = UINT64_MAX;
    if (decoder->leaves_left == 0)
        return true;
    decoder->leaves_left--;
    if (!read_varint(&decoder->leaf_types, &entry))
        return false;
    decoder->plain_left = entry >> 2;
    decoder->next_type = (enum number_type)(entry & 3);
    return decoder->next_type != TYPE_PLAIN;
}

static bool read_whole(struct value *out, uint64_t whole, bool is_negative)
{
    if (whole > (uint64_t)INT64_MAX + is_negative || (whole == 0 && is_negative))
        return false;
    *out = value_int((int64_t)(is_negative ? 0 - whole : whole));
    return true;
}

static bool read_number(const char *at, uint8_t tag, struct value *out)
{
    bool is_negative = tag <= TAG_NEGATIVE;
    unsigned bytes = is_negative ? (unsigned)(TAG_NEGATIVE - tag) : (unsigned)(tag - TAG_POSITIVE);
    uint64_t flip = is_negative ? ~0ull : 0;
    uint64_t whole = 0;

    for (unsigned i = 0; i < bytes; i++)
        whole = whole << 8 | (uint8_t)at[1 + i];
    if (bytes != 0)
        whole = (whole ^ flip) & (~0ull >> (64 - 8 * bytes));
    if (bytes != 0 && whole >> (8 * (bytes - 1)) == 0) /* one number, one code */
        return false;
    if ((uint8_t)((uint8_t)at[1 + bytes] ^ (uint8_t)flip) == NUMBER_WHOLE)
        return read_whole(out, whole, is_negative);

    double fraction = double_of(load_be64(at + 2 + bytes) ^ flip);
    if (!(fraction > 0 && fraction < 1) || whole >= 1ull << 53)
        return false;
    double size = (double)whole + fraction;
    if (size - (double)whole != fraction)
        return false;
    *out = value_real(is_negative ? -size : size);
    return true;
}

static bool read_huge(const char *at, uint8_t tag, struct value *out)
{
    uint64_t flip = tag == TAG_MINUS_HUGE ? ~0ull : 0;
    double size = double_of(load_be64(at + 1) ^ flip);

    if ((uint8_t)((uint8_t)at[9] ^ (uint8_t)flip) != NUMBER_WHOLE ||
        !(size >= 0x1p63 && size <= 0x1.fffffffffffffp1023) ||
        (tag == TAG_MINUS_HUGE && size == 0x1p63))
        return false;
    *out = value_real(flip != 0 ? -size : size);
    return true;
}

/* `coded` is what stands between the tag and the end mark. */
static enum status read_escaped(struct decoder *decoder, struct slice coded, struct slice *out)
{
    char *to;
    size_t len = 0;

    *out = coded;
    if (coded.len == 0 || memchr(coded.data, TEXT_ESCAPE, coded.len) == NULL)
        return ST_OK;
    to = arena_alloc(decoder->arena, coded.len);
    if (to == NULL)
        return ST_NO_MEMORY;
    for (size_t i = 0; i < coded.len; i++) {
        uint8_t c = (uint8_t)coded.data[i];

        if (c == TEXT_ESCAPE) {
            if (++i == coded.len)
                return ST_CORRUPT;
            c = (uint8_t)coded.data[i];
            if (c != 1 && c != 2)
                return ST_CORRUPT;
            c--;
        }
        to[len++] = (char)c;
    }
    *out = slice_of(to, len);
    return ST_OK;
}

/* Read the scalar at the front and step over it. */
static enum status read_scalar(struct decoder *decoder, struct value *out)
{
    size_t len = scalar_length(decoder->in, 0);
    const char *at = decoder->in.data;
    bool is_sound = true;
    struct slice text;
    uint8_t tag;

    if (len == 0 || len > UINT32_MAX)
        return ST_CORRUPT;
    tag = (uint8_t)*at;
    decoder->in.data += len;
    decoder->in.len -= len;
    switch (tag) {
    case TAG_NULL:
        *out = value_null();
        break;
    case TAG_FALSE:
    case TAG_TRUE:
        *out = value_bool(tag == TAG_TRUE);
        break;
    case TAG_INFINITY:
        *out = value_real(__builtin_inf());
        break;
    case TAG_MINUS_INFINITY:
        *out = value_real(-__builtin_inf());
        break;
    case TAG_HUGE:
    case TAG_MINUS_HUGE:
        is_sound = read_huge(at, tag, out);
        break;
    case TAG_TEXT:
    case TAG_BYTES:
        TRY(read_escaped(decoder, slice_of(at + 1, len - 2), &text));
        *out = tag == TAG_TEXT ? value_text(text) : value_bytes(text);
        break;
    default: /* scalar_length knows no other tags than those of numbers */
        is_sound = read_number(at, tag, out);
        break;
    }
    return is_sound ? ST_OK : ST_CORRUPT;
}

static enum status read_leaf(struct decoder *decoder, struct value *out)
{
    TRY(read_scalar(decoder, out));
    if (!value_is_number(*out))
        return ST_OK;
    if (decoder->plain_left != 0) {
        decoder->plain_left -= decoder->plain_left != UINT64_MAX;
        return ST_OK;
    }
    return retype(out, decoder->next_type) && next_leaf(decoder) ? ST_OK : ST_CORRUPT;
}

/* Everything between the brackets of the document at the front, nested ones too. */
static enum status build_document(struct decoder *decoder, struct document_builder *builder)
{
    bool is_array[DOCUMENT_DEPTH_MAX + 1];
    unsigned depth = 0;
    struct value v;

    document_begin(builder);
    do {
        uint8_t tag = decoder->in.len == 0 ? 0xff : (uint8_t)*decoder->in.data;

        if (depth > 0 && tag == TAG_END) {
            depth--;
            decoder->in.data++;
            decoder->in.len--;
            document_close(builder);
            continue;
        }
        if (depth > 0 && !is_array[depth - 1]) {
            if (tag != TAG_TEXT)
                return ST_CORRUPT;
            TRY(read_scalar(decoder, &v));
            document_name(builder, value_slice(v));
            tag = decoder->in.len == 0 ? 0xff : (uint8_t)*decoder->in.data;
        }
        if (is_document_tag(tag)) {
            if (depth == DOCUMENT_DEPTH_MAX)
                return ST_CORRUPT;
            is_array[depth++] = tag == TAG_ARRAY;
            decoder->in.data++;
            decoder->in.len--;
            if (tag == TAG_ARRAY)
                document_open_array(builder);
            else
                document_open_object(builder);
        } else {
            TRY(read_leaf(decoder, &v));
            document_value(builder, v);
        }
    } while (depth > 0);
    return ST_OK;
}

static enum status read_document(struct decoder *decoder, struct value *out)
{
    struct document_builder builder = {0};
    enum status st;

    TRY(next_leaf(decoder) ? ST_OK : ST_CORRUPT);
    st = build_document(decoder, &builder);
    if (st == ST_OK)
        st = document_end(&builder, out);
    if (st == ST_OK) {
        struct slice copy = arena_copy(decoder->arena, value_slice(*out));

        out->as.data = copy.data;
        st = copy.data == NULL ? ST_NO_MEMORY : ST_OK;
    }
    if (st == ST_OK && decoder->plain_left != UINT64_MAX)
        st = ST_CORRUPT; /* the suffix speaks of more numbers than there are */
    document_deinit(&builder);
    return st;
}

static enum status complement_into(struct arena *arena, struct slice *code)
{
    char *copy = arena_alloc(arena, code->len);

    if (copy == NULL)
        return ST_NO_MEMORY;
    for (size_t i = 0; i < code->len; i++)
        copy[i] = (char)~code->data[i];
    code->data = copy;
    return ST_OK;
}

/* The suffix's entry for part k, if it has one. */
static bool suffix_entry(struct slice *suffix, unsigned k, enum number_type *type,
                         struct decoder *decoder)
{
    uint8_t entry;

    *type = TYPE_PLAIN;
    if (suffix->len == 0 || ((uint8_t)*suffix->data) >> 2 != k)
        return true;
    (void)read_u8(suffix, &entry);
    *type = (enum number_type)(entry & 3);
    if (*type != TYPE_PLAIN)
        return true;
    *type = TYPE_DOCUMENT;
    if (!read_varint(suffix, &decoder->leaves_left) || decoder->leaves_left == 0 ||
        decoder->leaves_left > suffix->len)
        return false;
    decoder->leaf_types = *suffix;
    for (uint64_t i = 0; i < decoder->leaves_left; i++) {
        uint64_t skipped;

        if (!read_varint(suffix, &skipped))
            return false;
    }
    return true;
}

/* One part, `code` being exactly its bytes. */
static enum status decode_part(struct slice code, struct key_part part, unsigned k,
                               struct slice *suffix, struct value *out, struct arena *arena)
{
    struct decoder decoder = {.arena = arena};
    enum number_type type;

    if (!suffix_entry(suffix, k, &type, &decoder))
        return ST_CORRUPT;
    if (part.descending)
        TRY(complement_into(arena, &code));
    decoder.in = code;
    if (is_document_tag((uint8_t)*code.data))
        return type == TYPE_PLAIN || type == TYPE_DOCUMENT ? read_document(&decoder, out)
                                                           : ST_CORRUPT;
    TRY(read_scalar(&decoder, out));
    return retype(out, type) ? ST_OK : ST_CORRUPT;
}

enum status keycode_decode(struct slice key, const struct key_part *parts, unsigned count,
                           struct value *out, struct arena *arena)
{
    struct slice suffix = key;

    for (unsigned k = 0; k < count; k++) { /* the suffix lies behind the last part */
        size_t len = keycode_part_length(suffix, parts[k].descending);

        if (len == 0)
            return ST_CORRUPT;
        suffix.data += len;
        suffix.len -= len;
    }
    for (unsigned k = 0; k < count; k++) {
        size_t len = keycode_part_length(key, parts[k].descending);

        TRY(decode_part(slice_of(key.data, len), parts[k], k, &suffix, &out[k], arena));
        key.data += len;
        key.len -= len;
    }
    return suffix.len == 0 ? ST_OK : ST_CORRUPT;
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
