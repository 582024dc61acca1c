/*
 * codec: media types, from bytes to values and from values to bytes.
 *
 *     enum media media = media_of_type("application/cbor");
 *     TRY(codec_read(media, content_type, body, arena, &value, err));
 *     …
 *     codec_write(media_negotiate(accept), &out, value);
 *
 * Values come as documents, in one pass over the bytes and without recursion; they go out straight
 * from records and documents.
 *
 * What JSON cannot say: CBOR and MessagePack have integers of 64 bits, byte strings and dates (tag
 * 1 and 0; extension -1) of their own. Bigger integers (tags 2 and 3, uint64) become reals, as in
 * JSON. Tags that are not known are passed over, extensions that are not known are refused. Names
 * of members are texts.
 *
 * Lifetimes: a value that was read is lent from the bytes and `arena`.
 * Threads:   no state.
 * Limits:    depth DOCUMENT_DEPTH_MAX; the caller limits the bytes, and nothing that is read takes
 *            more than a small multiple of them.
 * Errors:    ST_SYNTAX, ST_LIMIT, ST_TOO_BIG with the offset into the bytes; ST_NO_MEMORY.
 */
#ifndef HARPER_REST_CODEC_H
#define HARPER_REST_CODEC_H

#include "storage/value/document.h"

enum media {
#define MEDIA(name, type, other, suffix, quality, reads) MEDIA_##name,
#include "rest/codec/media.def"
#undef MEDIA
    MEDIA_NONE
};

/* ---- names (media.c) ---- */

const char *media_type(enum media media); /* MEDIA_NONE: NULL */
/* Of a Content-Type; parameters are ignored. MEDIA_NONE: not one of ours. */
enum media media_of_type(const char *content_type);
/* "csv" in /Dog/.csv; MEDIA_NONE: no suffix. */
enum media media_of_suffix(struct slice suffix);
/* What to answer with by an Accept field (NULL: none). MEDIA_NONE: nothing fits. */
enum media media_negotiate(const char *accept);
const char *media_list(void); /* those that are written, for a sentence */
/* A parameter of a field: the boundary of "multipart/form-data; boundary=x". Quotes are taken off;
 * lent from `field`. False: there is none. */
bool media_parameter(const char *field, const char *name, struct slice *out);

/* ---- reading ---- */

/* A request's body by its Content-Type (NULL: there was none; then a text that begins as a JSON
 * document is one). What is not read is {"contentType": …, "data": …}, with text as data where the
 * type is text. NDJSON gives an array. */
enum status codec_read(enum media media, const char *content_type, struct slice bytes,
                       struct arena *arena, struct value *out, struct error *err);

enum status cbor_read(struct slice bytes, struct arena *arena, struct value *out,
                      struct error *err);
enum status msgpack_read(struct slice bytes, struct arena *arena, struct value *out,
                         struct error *err);
/* As they, but stop behind the value; *rest is what follows (sequences). */
enum status cbor_read_prefix(struct slice bytes, struct arena *arena, struct value *out,
                             struct slice *rest, struct error *err);
enum status msgpack_read_prefix(struct slice bytes, struct arena *arena, struct value *out,
                                struct slice *rest, struct error *err);
/* Lines of JSON; blank ones are skipped. */
enum status ndjson_read(struct slice bytes, struct arena *arena, struct value *out,
                        struct error *err);
/* a=1&b=x+y to an object of texts; a name that is repeated has an array. */
enum status form_read(struct slice bytes, struct arena *arena, struct value *out,
                      struct error *err);
/* RFC 7578. A part that says it is JSON is that, one with a file name or another type is bytes, all
 * others are text. */
enum status multipart_read(const char *content_type, struct slice bytes, struct arena *arena,
                           struct value *out, struct error *err);

/*
 * CSV (RFC 4180; CR LF or LF), a record at a time. The first line has the names. A field in quotes
 * is text; without them it is a number, true, false, or absent when it is empty, and otherwise
 * text.
 */
struct csv_input {
    struct slice rest;
    const char *start;
    size_t line;  /* of the record that was read last, from 1 */
    size_t count; /* columns */
    struct slice *names;
    char separator; /* set before csv_input_begin; 0: a comma */
    bool is_raw;    /* likewise: every field is a text, surplus ones are dropped */
};
/* Reads the names into `arena`, which outlives the reader. ST_DONE: there is not even one line. */
enum status csv_input_begin(struct csv_input *reader, struct slice bytes, struct arena *arena,
                            struct error *err);
/* The next record as an object in `arena`; ST_DONE behind the last. */
enum status csv_input_next(struct csv_input *reader, struct arena *arena, struct value *out,
                           struct error *err);
/* All records as an array. */
enum status csv_read(struct slice bytes, struct arena *arena, struct value *out, struct error *err);

/* ---- writing: sticky in `out`, as buf is ---- */

/* One value. MEDIA_TEXT: a text as it is, all else as JSON. MEDIA_CSV: one field. */
void codec_write(enum media media, struct buf *out, struct value v);

void cbor_write(struct buf *out, struct value v);
void msgpack_write(struct buf *out, struct value v);
void yaml_write(struct buf *out, struct value v); /* block style, with its line end */
void csv_write_field(struct buf *out, struct value v);
void csv_write_text(struct buf *out, struct slice text); /* in quotes */

/* A row of named columns; absent ones are left out of an object and null in an array. */
enum codec_form { CODEC_SCALAR, CODEC_ARRAY, CODEC_OBJECT };
struct codec_row {
    enum codec_form form;
    const struct value *values;
    size_t count;
    struct slice (*name)(const void *context, size_t column);
    const void *context;
};
/* Not for MEDIA_CSV, whose fields need no row. */
void codec_write_row(enum media media, struct buf *out, const struct codec_row *row);
/* What stands around and between the rows of a result whose length is not known: brackets and
 * commas, an indefinite array in CBOR, nothing in MessagePack, NDJSON and CSV. */
void codec_begin_rows(enum media media, struct buf *out);
void codec_between_rows(enum media media, struct buf *out);
void codec_end_rows(enum media media, struct buf *out, bool is_empty);

#endif
