/*
 * codec, inside: what the binary formats share. A format reads one item at a time; the walk over
 * items, what is open, and the building of the document are here (binary.c).
 */
#ifndef HARPER_REST_CODEC_INTERNAL_H
#define HARPER_REST_CODEC_INTERNAL_H

#include "rest/codec/codec.h"

enum item_kind { ITEM_SCALAR, ITEM_ARRAY, ITEM_OBJECT, ITEM_BREAK };

struct item {
    enum item_kind kind;
    bool is_indefinite;  /* of arrays and objects: until ITEM_BREAK */
    uint64_t count;      /* of arrays and objects: elements or members */
    struct value scalar; /* lent from the bytes or the arena */
};

struct binary_reader {
    const char *format; /* for messages */
    enum status (*read_item)(struct binary_reader *reader, struct item *out);
    const uint8_t *start, *at, *end;
    struct arena *arena;
    struct error *err;
};

enum status binary_read(struct binary_reader *reader, struct slice bytes, struct value *out,
                        struct slice *rest);
/* As binary_read, and nothing may follow. */
enum status binary_read_all(struct binary_reader *reader, struct slice bytes, struct value *out);
enum status binary_fail(struct binary_reader *reader, enum status status, const char *what);
/* `bytes` big-endian ones as a number. */
enum status binary_take_number(struct binary_reader *reader, unsigned bytes, uint64_t *out);
enum status binary_take(struct binary_reader *reader, uint64_t bytes, struct slice *out);
/* Text that is UTF-8. */
enum status binary_take_text(struct binary_reader *reader, uint64_t bytes, struct value *out);
enum status binary_take_bytes(struct binary_reader *reader, uint64_t bytes, struct value *out);
enum status binary_date_of_seconds(struct binary_reader *reader, double seconds, struct value *out);

/* ---- a value's parts, for the writers ---- */

/* Members that are there; record or document. */
size_t member_count(struct value object);

#endif
