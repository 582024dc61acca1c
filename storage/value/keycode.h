/*
 * keycode: values as key bytes that memcmp sorts as value_compare sorts the values.
 *
 * The code of one value is prefix-free, so codes are concatenated to keys of several parts. Numbers
 * are coded by value alone: int 5, real 5.0 and date 5 have one code, so that an equal key is found
 * whatever wrote it. What the code does not tell (that the 5 was real, a date, or -0.0) goes into a
 * *type suffix* behind the last part, which is empty when every number is what it looks like (an
 * integer when whole). So a key is: code(v0) code(v1) … [suffix], order and uniqueness are decided
 * before the suffix is reached, and decoding gives back exactly the values put in.
 * docs/storage-format.md has the bytes.
 *
 * A descending part is complemented. Text under a collation other than BINARY is folded: it sorts
 * right but cannot be decoded to the original (keycode_is_exact is false).
 */
#ifndef HARPER_VALUE_KEYCODE_H
#define HARPER_VALUE_KEYCODE_H

#include "storage/value/value.h"

struct key_part {
    uint8_t collation; /* enum collation */
    bool descending;
};

enum {
    /* Longest key any store takes (LMDB's limit is 511). Longer ones: key_shorten. */
    KEY_BYTES_MAX = 500,
    KEY_HASH_BYTES = 16,
};

enum { KEY_PARTS_MAX = 64 };

/* Builds one key of at most KEY_PARTS_MAX parts. keycode_begin makes it ready; parts are appended
 * in order, then keycode_finish writes the suffix. Documents appended are lent until then. */
struct keycode {
    struct buf *out;
    unsigned part_count;
    uint64_t typed_parts; /* bit k: part k needs an entry in the suffix */
    uint8_t part_types[KEY_PARTS_MAX];
    struct value documents[KEY_PARTS_MAX]; /* set for documents with typed numbers inside */
};

void keycode_begin(struct keycode *code, struct buf *out);
/* Arrays and objects are coded too (as documents: element by element), so every value has a code.
 */
void keycode_append(struct keycode *code, struct value v, struct key_part part);
void keycode_finish(struct keycode *code);

/* The code of one ascending BINARY value without a suffix: what a seek or an equality prefix uses.
 */
void keycode_append_prefix(struct buf *out, struct value v, struct key_part part);

/* Length of the code of the first part of `key`, without decoding it. 0: malformed. */
size_t keycode_part_length(struct slice key, bool descending);

/* Decode `key`, which has exactly `count` parts (and perhaps a suffix). Text with an escaped byte
 * (0 or 1), descending text and documents are written into `arena`; other bytes are lent from
 * `key`. Parts under a folding collation decode to the folded text. */
enum status keycode_decode(struct slice key, const struct key_part *parts, unsigned count,
                           struct value *out, struct arena *arena);
bool keycode_is_exact(struct key_part part);

/* Part `wanted` alone, in line, when all `count` parts are ascending plain integers, as most keys
 * are. False: ask keycode_decode. */
static inline __attribute__((always_inline)) bool
keycode_integer_part(struct slice key, const struct key_part *parts, unsigned count,
                     unsigned wanted, int64_t *out)
{
    enum { MOST_NEGATIVE = 0x17, ZERO = 0x20, MOST_POSITIVE = 0x28 }; /* tags: keycode_internal.h */
    const uint8_t *in = (const uint8_t *)key.data, *end = in + key.len;

    for (unsigned k = 0; k < count; k++) {
        unsigned tag, bytes;
        uint64_t flip, whole = 0;

        if (end - in < 2 || parts[k].descending)
            return false;
        tag = in[0];
        if (tag - MOST_NEGATIVE > MOST_POSITIVE - MOST_NEGATIVE)
            return false;
        flip = tag < ZERO ? ~0ull : 0;
        bytes = (unsigned)((tag - ZERO) ^ (unsigned)flip); /* below: ZERO - 1 - tag */
        if (end - in < (ptrdiff_t)bytes + 2 || in[bytes + 1] != (uint8_t)flip)
            return false;
        if (k == wanted && bytes != 0) {
            if (__builtin_expect(end - in >= 9, true)) {
                memcpy(&whole, in + 1, 8);
                whole = __builtin_bswap64(whole) >> (64 - 8 * bytes);
            } else {
                for (unsigned i = 1; i <= bytes; i++)
                    whole = whole << 8 | in[i];
            }
            whole = (whole ^ flip) & (~0ull >> (64 - 8 * bytes));
            if (whole >> (8 * (bytes - 1)) == 0 || whole > (uint64_t)INT64_MAX)
                return false;
        }
        if (k == wanted) {
            if (bytes == 0 && flip != 0)
                return false;
            *out = flip != 0 ? -(int64_t)whole : (int64_t)whole;
        }
        in += bytes + 2;
    }
    return in == end;
}

/* The first of exactly two ascending integer parts: what an index on an integer column over rows
 * with integer keys holds. False also where keycode_integer_part would say true: ask it then. */
static inline __attribute__((always_inline)) bool keycode_integer_pair(struct slice key,
                                                                       int64_t *out)
{
    enum { POSITIVE = 0x21, MOST_POSITIVE = 0x27 }; /* tags of integers from 1 on, below 2^56 */
    const uint8_t *in = (const uint8_t *)key.data;
    unsigned first, second;
    uint64_t whole;

    if (__builtin_expect(key.len < 8, false))
        return false;
    first = in[0] - POSITIVE + 1u; /* bytes of the number: 1 to 7 */
    if (first - 1 > MOST_POSITIVE - POSITIVE || key.len < first + 5)
        return false;
    second = in[first + 2] - POSITIVE + 1u;
    if (second - 1 > MOST_POSITIVE - POSITIVE || key.len != first + second + 4 ||
        (in[first + 1] | in[key.len - 1]) != 0)
        return false;
    memcpy(&whole, in, 8);
    whole = __builtin_bswap64(whole) << 8 >> (64 - 8 * first);
    *out = (int64_t)whole;
    return whole >> (8 * (first - 1)) != 0;
}

/* A key of more than KEY_BYTES_MAX bytes is stored as its first KEY_BYTES_MAX - KEY_HASH_BYTES
 * bytes and a 128-bit hash of the whole (xxHash XXH3); the store's value then carries the whole
 * key. Returns whether it was cut. */
bool key_shorten(struct buf *key);

/* The smallest key after every key that begins with `prefix`; false when there is none (all 0xff).
 */
bool key_prefix_end(struct buf *prefix);

#endif
