/*
 * guard: stands between a connection's socket and libmicrohttpd, which accepts more than RFC 9112
 * allows.
 *
 * libmicrohttpd reads with recv(). This program defines recv() itself, so that the library finds
 * this one; for sockets that are guarded it hands on only bytes that have been judged, for all
 * others it is the system's. A head goes on when all of it has come and nothing is wrong with it;
 * bodies go on as they come, chunked ones in canonical form: no extensions, no trailers.
 *
 * A request that is refused is replaced by one of our own: the server answers it in its turn, after
 * the requests before it, and closes. A chunked body that is refused half-way is ended early. Both
 * end what is read from the connection; `passed` tells which request it was.
 *
 * In the target of every request the first ? is written as HEAD_QUERY_MARK, so that libmicrohttpd
 * does not split the query.
 *
 * Threads: a guard belongs to the thread that reads its socket; guard_cut_late may be called from
 * any. Ownership: guard_open and guard_close around the life of a socket, which must still be open
 * at both.
 */
#ifndef HARPER_REST_GUARD_H
#define HARPER_REST_GUARD_H

#include "rest/head.h"
#include <stdatomic.h>

struct guard_limits {
    uint64_t body_bytes_max;
    uint32_t head_ms, body_ms;
};

enum guard_phase {
    GUARD_HEAD,
    GUARD_BODY,       /* of a known length */
    GUARD_CHUNK_SIZE, /* the line before a chunk */
    GUARD_CHUNK,
    GUARD_CHUNK_END, /* the line end behind it */
    GUARD_TRAILER,
    GUARD_REFUSED /* whatever comes is thrown away */
};

struct guard {
    int fd;
    const struct guard_limits *limits;
    enum guard_phase phase;
    struct head head;
    uint64_t remaining;  /* of the body or chunk */
    uint64_t body_bytes; /* of a chunked body until now */
    size_t trailer_bytes;
    struct buf held;  /* the beginning of something that is not complete */
    struct buf ready; /* judged, waiting to be read */
    size_t ready_at;
    uint64_t
        passed; /* requests that went on, refused ones too: what is refused is the last of them */
    int body_status; /* 0, or why the last request's chunked body was ended early */
    int status;      /* 0, or why the last request was refused */
    const char *detail;
    _Atomic uint64_t due_ms; /* when what has begun must be complete; 0: nothing has */
};

/* Is our recv the one that libraries find? The server does not start otherwise. */
bool guard_is_in_place(void);
/* False: the number of the socket is too large to be guarded. */
bool guard_open(struct guard *guard, int fd, const struct guard_limits *limits);
void guard_close(struct guard *guard);
/* Shut down the sockets of this `limits` whose head or body is late. Returns their number. */
unsigned guard_cut_late(const struct guard_limits *limits, uint64_t now_ms);
uint64_t guard_now_ms(void);

#endif
