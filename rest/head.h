/*
 * head: is this the head of an HTTP/1 request that RFC 9112 allows, and how long is its body?
 *
 * The parser is fed the bytes from the beginning of a request on, again with more of them until it
 * answers; it reads whole lines and remembers how far it came. It refuses what could be read in two
 * ways: that is how requests are smuggled.
 *
 * Threads: no state but the parser's. Errors: HEAD_REFUSED with the HTTP status and a sentence.
 */
#ifndef HARPER_REST_HEAD_H
#define HARPER_REST_HEAD_H

#include "storage/base/base.h"

enum {
    HEAD_BYTES_MAX = 16394, /* request line and fields together */
    HEAD_TARGET_BYTES_MAX = 8192,
    HEAD_FIELDS_MAX = 100,
    HEAD_METHOD_BYTES_MAX = 32,
    HEAD_QUERY_MARK = 1, /* stands for the first ? of a target, see guard.h */
};

struct head {
    size_t at;    /* where the next line begins */
    size_t bytes; /* of the whole head, when complete */
    uint64_t content_length;
    size_t target_at, target_bytes;
    size_t framing_at, framing_blanks; /* the value that frames the body, and blanks behind it */
    unsigned fields;
    bool has_request_line, has_blank, is_1_0;
    bool has_host, has_length, is_chunked, expects_continue;
    int status; /* when refused */
    const char *detail;
};

enum head_result { HEAD_INCOMPLETE, HEAD_COMPLETE, HEAD_REFUSED };

/* {0} begins a request. `bytes` begins where the request begins. */
enum head_result head_read(struct head *head, struct slice bytes, uint64_t body_bytes_max);

/* What chunked coding needs of the same rules. */
bool head_is_token(struct slice text);
bool head_is_field_value(struct slice text);

#endif
