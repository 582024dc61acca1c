/*
 * document: arrays and objects as bytes, read in place.
 *
 * An encoded document is self-contained: names are inside. Element or member k is found in O(1), a
 * member by name in one pass over short names. JSON text is read straight into it and written
 * straight from it. Bytes from outside the process are checked once with document_check; readers
 * then trust them.
 *
 * Lifetimes: values read from a document are lent by it.
 * Limits: depth DOCUMENT_DEPTH_MAX, size 1 GiB.
 */
#ifndef HARPER_VALUE_DOCUMENT_H
#define HARPER_VALUE_DOCUMENT_H

#include "storage/value/value.h"

enum { DOCUMENT_DEPTH_MAX = 128 };

size_t document_count(struct value document); /* elements or members; works on records too */
struct value document_element(struct value array, size_t index); /* absent when out of range */
/* Members keep the order in which they were written. */
struct value document_member_at(struct value object, size_t index, struct slice *name);
struct value document_member(struct value object,
                             struct slice name); /* absent when there is none */

enum status document_check(struct slice bytes, bool is_array);

/* Building: nested open/close; inside an object each value is preceded by document_name. Sticky
 * like buf. The finished value is lent by `out` (or copied into an arena by the caller). */
struct document_builder {
    struct buf bytes;   /* the encoded form under construction */
    struct buf entries; /* pending offsets per open level */
    struct buf levels;
    unsigned depth;
    enum status status;
};

void document_begin(struct document_builder *builder);
void document_open_array(struct document_builder *builder);
void document_open_object(struct document_builder *builder);
void document_close(struct document_builder *builder);
void document_name(struct document_builder *builder, struct slice name);
void document_value(struct document_builder *builder,
                    struct value v); /* nested documents are copied in */
/* The outermost value; ST_TOO_BIG, ST_NO_MEMORY, ST_LIMIT (depth) when building failed. */
enum status document_end(struct document_builder *builder, struct value *out);
void document_deinit(
    struct document_builder *builder); /* frees; a builder may be begun again without it */

/* ---- JSON text (json_read.c, json_write.c) ---- */

/* Read one JSON value (RFC 8259). Scalars come back as plain values, text lent from `text` when it
 * has no escape, else from `arena`; arrays and objects as documents in `arena`. A duplicate member
 * name: the last wins. Integers of any size up to 64 bits are ints, other numbers reals. Text after
 * the value is an error. */
enum status json_read(struct slice text, struct arena *arena, struct value *out, struct error *err);
/* As json_read, but stops behind the value; *rest is what follows (NDJSON, streams). */
enum status json_read_prefix(struct slice text, struct arena *arena, struct value *out,
                             struct slice *rest, struct error *err);

/* Append the JSON text of `v`: text escaped, numbers shortest, dates as ISO text, bytes as
 * {"type":"Buffer","data":[…]}, infinities and absent as null. Absent members are left out. */
void json_write(struct buf *out, struct value v);
void json_write_text(struct buf *out, struct slice text); /* with quotes */

#endif
