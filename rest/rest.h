/*
 * rest: the HTTP server over one open database.
 *
 *     struct rest_server *server;
 *     rest_start(db, &options, &server, &error);
 *     … rest_port(server) …
 *     rest_stop(server, 5000);
 *
 * Threads:   rest_start makes its own (one per core by default), each with a session of its own.
 * The calls here are for the thread that owns the server. Ownership: the database is lent and
 * outlives the server. rest_stop frees the server. Errors:    enum harper_status with a
 * harper_error.
 */
#ifndef HARPER_REST_REST_H
#define HARPER_REST_REST_H

#include "api/harper.h"

struct rest_server;
struct operations;

/* What requests mean, as the configuration's `rest`, `graphql` and `http` sections say. {0}: the
 * defaults. */
struct rest_behaviour {
    uint32_t compression_bytes;  /* smaller answers are not compressed; 0: 1,200; UINT32_MAX: none
                                    is */
    bool has_last_modified;      /* records have a Last-Modified */
    bool has_conditional_writes; /* If-Match and If-None-Match are kept on PUT, PATCH, DELETE */
    bool has_counts;             /* descriptions of tables count their records */
    bool has_graphql;            /* /graphql answers queries */
};

struct rest_options {
    struct rest_behaviour behaviour;
    const char *address;      /* NULL: 127.0.0.1 */
    uint16_t port;            /* 0: a free one, see rest_port */
    const char *socket_path;  /* not NULL: a Unix socket there, for this user alone, and no port */
    unsigned threads;         /* 0: one per core */
    uint64_t body_bytes_max;  /* 0: 16 MiB */
    uint32_t header_ms;       /* whole request header must have come by then; 0: 10,000 */
    uint32_t body_ms;         /* and the whole body; 0: 120,000 */
    uint32_t idle_ms;         /* between requests of a connection; 0: 30,000 */
    uint32_t connections_max; /* 0: 4,096 */
    unsigned writers; /* threads that run what writes, so that many commits share a sync and reads
                         do not wait for it; 0: 32 */
    bool writes_at_once;           /* no such threads: commits do not wait for a disk */
    bool exports_all;              /* serve every table, not only those marked @export */
    const char *access_log;        /* path; NULL: none */
    struct operations *operations; /* lent: the server answers the operations API instead of REST */
};

int rest_start(harper *db, const struct rest_options *options, struct rest_server **out,
               harper_error *error);
uint16_t rest_port(const struct rest_server *server);
/* Stop accepting, let running requests finish for at most drain_ms, then close. */
void rest_stop(struct rest_server *server, uint32_t drain_ms);

/* `harper serve DATABASE …`: runs until SIGTERM or SIGINT. Returns the exit code. */
int rest_main(int argc, char **argv);

#endif
