/*
 * Key codes back to values. Everything is checked: a key may come from a damaged store or from a
 * peer, and one value has one code, so that a key that decodes is the key its values have.
 */
#include "storage/value/document.h"
#include "storage/value/keycode_internal.h"

static double double_of(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof(d));
    return d;
}

static uint64_t load_be64(const char *at)
{
    uint64_t x;

    memcpy(&x, at, 8);
    return __builtin_bswap64(x);
}

/* A code without its complement, to be read from the front; lengths were checked by
 * keycode_part_length. */
struct decoder {
    struct slice in;
    struct arena *arena;
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
    size_t len = keycode_scalar_length(decoder->in, 0);
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
    default: /* keycode_scalar_length knows no other tags than those of numbers */
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
        if (keycode_is_document(tag)) {
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
    if (keycode_is_document((uint8_t)*code.data))
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
