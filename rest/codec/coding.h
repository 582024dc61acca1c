/*
 * coding: content codings of HTTP, both ways: gzip (RFC 1952), br (RFC 7932), zstd (RFC 8878).
 *
 * Ownership: an encoder is freed by whoever made it. Threads: one at a time.
 * Errors:    coding_read tells what was wrong: ST_SYNTAX for bytes that are not of the coding, and
 *            for what follows them; ST_TOO_BIG for more than was allowed, and for a bomb: more than
 *            CODING_FREE_BYTES out of less than a 200th of them.
 */
#ifndef HARPER_REST_CODING_H
#define HARPER_REST_CODING_H

#include "storage/base/base.h"

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_BR, CODING_ZSTD, CODING_UNKNOWN };

enum {
    CODING_FREE_BYTES = 1 << 20, /* may come out of however little */
    CODING_RATIO_MAX = 200,
    CODING_WINDOW_BYTES_MAX = 8 << 20, /* of a zstd frame, as RFC 8878 recommends */
};

const char *coding_name(enum coding coding); /* of identity: NULL */
/* Of a Content-Encoding; several in a row are CODING_UNKNOWN. NULL: identity. */
enum coding coding_of(const char *content_encoding);
/* What to answer with by Accept-Encoding (NULL: identity): the quality decides, then br, zstd,
 * gzip.
 */
enum coding coding_negotiate(const char *accept_encoding);
/* Do bytes of this Content-Type become smaller? Pictures and archives do not. */
bool coding_helps(const char *content_type);

struct encoder;
/* Quick ones are for streams. NULL: no memory. */
struct encoder *encoder_new(enum coding coding, bool is_quick);
/* Append what is ready after `bytes`; is_last ends it. False: no memory. */
bool encoder_run(struct encoder *encoder, struct slice bytes, bool is_last, struct buf *out);
void encoder_free(struct encoder *encoder); /* NULL is allowed */
/* All at once. */
bool coding_write(enum coding coding, struct slice bytes, struct buf *out);

enum status coding_read(enum coding coding, struct slice bytes, uint64_t bytes_max, struct buf *out,
                        struct error *err);

#endif
