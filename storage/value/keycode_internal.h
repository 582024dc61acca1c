/*
 * keycode_internal: the bytes of key codes, shared by what writes and what reads them.
 * docs/storage-format.md, "Keys", says why they sort.
 */
#ifndef HARPER_VALUE_KEYCODE_INTERNAL_H
#define HARPER_VALUE_KEYCODE_INTERNAL_H

#include "storage/value/keycode.h"

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

static inline bool keycode_is_document(uint8_t tag)
{
    return tag == TAG_ARRAY || tag == TAG_OBJECT;
}

/* The length of the code at the front of `key` if it is not an array or object; 0: malformed.
 * `flip` is 0xff when the code is complemented, else 0. */
size_t keycode_scalar_length(struct slice key, uint8_t flip);

#endif
