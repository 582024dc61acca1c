/*
 * rest, inside: what a request, its answer, a worker and the server are.
 *
 * server.c is the only file that knows libmicrohttpd. It fills a struct request, calls
 * resource_answer, and turns the struct answer into a response.
 */
#ifndef HARPER_REST_INTERNAL_H
#define HARPER_REST_INTERNAL_H

#include "api/api.h"
#include "rest/codec/codec.h"
#include "rest/codec/coding.h"
#include "rest/guard.h"
#include "rest/rest.h"
#include "storage/value/document.h"
#include <pthread.h>

enum {
    STREAM_BYTES = 65536, /* a collection up to here is sent in one piece */
    ETAG_BYTES = 16,
    HTTP_DATE_BYTES = 32,
    COMPRESSION_BYTES = 1200,
};

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_POST,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_TRACE,
    METHOD_QUERY,
    METHOD_COPY,
    METHOD_MOVE,
    METHOD_BREW,
    METHOD_OTHER
};

/* A session and what one statement at a time needs beside it. A response that is streamed keeps
 * its seat, so that the statement's snapshot is not shared with later requests. */
struct seat {
    harper_session *session;
    struct arena arena;
    struct seat *next;
};

/* The served routes by path. */
struct path_index {
    const struct routes *routes;
    const uint32_t *slots; /* 1 + number of a route, 0: free; in the arena of the routes */
    size_t mask;
    bool has_nested;          /* a path has a slash */
    const struct route *root; /* exported under no name; NULL: none */
};

/* One per thread of the daemon; nobody else touches it while the daemon runs. */
struct worker {
    struct rest_server *server;
    struct seat *seat; /* of the request that is being answered */
    struct seat *idle; /* those that streams gave back */
    struct routes routes;
    struct path_index index;
    bool has_routes;
    bool is_writer; /* of those that run what writes: it keeps its seat, so nothing is streamed */
    struct worker *next;
};

struct request {
    struct worker *worker;
    enum method method;
    struct slice method_name;
    struct slice path; /* raw, without the leading slash */
    struct slice query;
    bool has_query;
    struct slice body;
    struct slice instance; /* the target as sent */
    void *transport;       /* for request_header */
};

/* The value of a field of the request, or NULL. */
const char *request_header(const struct request *request, const char *name);

struct stream;

struct answer {
    int status;
    struct buf body;      /* taken over by the response */
    const char *type;     /* Content-Type; NULL: none */
    const char *encoding; /* Content-Encoding; NULL: none */
    char etag[ETAG_BYTES];
    char last_modified[HTTP_DATE_BYTES];
    const char *allow;
    char *location; /* owned; freed when the response has been made */
    bool varies_by_encoding_only;
    bool is_attachment; /* CSV */
    bool closes;
    bool retries;  /* Retry-After */
    bool has_file; /* instead of a body: the content of `file`, which is closed */
    int file;
    const char *file_name; /* to save it under */
    struct stream *stream; /* after the body's bytes */
};

/* ---- resource.c: what a request means, and its answer ---- */
void resource_answer(struct request *request, struct answer *answer);

/* ---- operations_door.c: POST / of the operations API ---- */
void operations_door_answer(struct request *request, struct answer *answer);

/* ---- path.c: what a path leads to ---- */
enum target_kind { TARGET_NONE, TARGET_TABLE, TARGET_COLLECTION, TARGET_BELOW, TARGET_RECORD };
struct target {
    enum target_kind kind;
    const struct route *route;
    struct slice key;                       /* raw: of a record; BELOW: with its slash */
    struct slice whole_key;                 /* of a record, with what was taken for a suffix */
    const struct route_attribute *property; /* /T/id.attribute */
    enum media media;                       /* forced by a suffix, else MEDIA_NONE */
};
/* Everything that an answer is made from. */
struct job {
    struct request *request;
    struct answer *answer;
    struct seat *seat;
    struct target target;
    enum media media; /* to answer with; MEDIA_NONE: not asked yet */
};

/* The session's failure is the answer; false. */
bool job_fail(struct job *job);
/* No body, no type. */
void job_empty(struct job *job, int status);
/* What the request's Accept, or a suffix, asks for. False: nothing fits, and the answer says so. */
bool job_negotiate(struct job *job);
int job_prepare(struct job *job, enum request_kind kind, struct slice query,
                harper_statement **out);
/* Step to the end; the statement is finalized. False: the failure is the answer. */
bool job_run(struct job *job, harper_statement *statement);
/* The body, decoded, lent from the request and the seat's arena. False: the answer says why. */
bool job_read_body(struct job *job, struct value *out);

bool path_index_make(struct path_index *index, struct routes *routes, bool exports_all);
void path_resolve(const struct path_index *index, bool reads_suffix, struct slice path,
                  bool has_query, struct target *out);

/* ---- problem.c ---- */
void problem(const struct request *request, struct answer *answer, int status, const char *format,
             ...) __attribute__((format(printf, 4, 5)));
/* The failure of a statement. */
void problem_of(const struct request *request, struct answer *answer, const harper_error *error);
const char *status_title(int status);

/* ---- etag.c ---- */
void etag_write(uint64_t stamp, char out[ETAG_BYTES]);
bool etag_matches(const char *if_none_match, const char *etag);

/* ---- query.c: the method QUERY ---- */
void query_answer(struct job *job);

/* ---- openapi.c: /openapi ---- */
void openapi_answer(struct job *job);

/* ---- graphql.c: /graphql ---- */
void graphql_answer(struct job *job);

/* ---- condition.c: what a request makes of versions ---- */
/* ETag and Last-Modified of a record; false: the client has it, and the answer is 304. */
bool condition_of_read(struct job *job, uint64_t version);
/* Around a write of a record, when conditions are kept: a transaction that begins with them. False:
 * they do not hold, and the answer says so. */
bool condition_begin(struct job *job, bool *is_open);
/* Commits, unless the answer is a failure. */
void condition_end(struct job *job, bool is_open);

/* ---- compress.c ---- */
/* By Accept-Encoding, when it is worth while. */
void answer_compress(struct answer *answer, const char *accept_encoding, uint32_t bytes_min);

/* ---- stream.c ---- */
/* The current row, in its form. */
void row_write(const harper_statement *statement, enum media media, struct buf *out);
/* Rows of `statement` as one array in `media`. Small results are complete in answer->body; larger
 * ones leave a stream, which then owns the statement and the worker's seat. */
void stream_begin(struct request *request, struct answer *answer, harper_statement *statement,
                  enum media media, const struct route *route);
/* Before the first byte is read. False: no memory, and nothing has changed. */
bool stream_compress(struct stream *stream, enum coding coding);
/* The next bytes; 0: the end. */
size_t stream_read(struct stream *stream, char *out, size_t room);
void stream_close(struct stream *stream); /* NULL is allowed */

/* ---- csv.c ---- */
struct csv {
    size_t count;
    const struct slice *names; /* NULL: the columns of the statement */
};
/* Which columns: those of the select list, else the stored attributes of `route`, or (one record)
 * its own members. Needs the first row, if there is one; lives in `arena`. */
void csv_begin(struct csv *csv, const harper_statement *statement, const struct route *route,
               bool is_one, struct arena *arena);
void csv_write_head(const struct csv *csv, const harper_statement *statement, struct buf *out);
void csv_write_row(const struct csv *csv, const harper_statement *statement, struct buf *out);

/* ---- describe.c ---- */
void describe_table(const struct route *route, struct buf *out);
void describe_counts(struct job *job); /* added to a description */

/* ---- worker.c ---- */
struct seat *worker_seat(struct worker *worker, harper_error *error);
void worker_return_seat(struct worker *worker, struct seat *seat);
void worker_keep_seat(struct worker *worker); /* the seat is a stream's now */
bool worker_refresh(struct worker *worker, harper_error *error);
void worker_free(struct worker *worker);

/* ---- listener.c ---- */
enum { LINGERING_MAX = 256 };

/* A refused connection is closed only when the client has read why: a socket that is closed with
 * unread bytes resets the connection, and the answer is lost. */
struct lingerers {
    pthread_mutex_t lock;
    unsigned count;
    int fds[LINGERING_MAX];
    uint64_t until_ms[LINGERING_MAX];
};

int listener_open(const struct rest_options *options, uint16_t *port, harper_error *error);
/* Nobody can connect any more. The number stays taken. */
void listener_end(int listener);
/* Keep a copy of the socket, which is about to be closed, until the client closes it too. */
void linger(struct lingerers *lingerers, int fd);
/* Closes what is done or late; UINT64_MAX: all. */
void linger_drain(struct lingerers *lingerers, uint64_t now_ms);

/* ---- access_log.c ---- */
struct sockaddr;
int access_log_open(const char *path);
void access_log_close(int log); /* -1 is allowed */
void access_log_write(int log, const struct sockaddr *client, const char *method,
                      struct slice target, int status, uint64_t ns);

struct rest_server {
    harper *db;
    struct operations *operations; /* not NULL: it answers these, and no resources */
    bool exports_all;
    struct rest_behaviour behaviour;
    struct guard_limits limits;
    struct transport *transport; /* server.c */
    int access_log;              /* -1: none */
    pthread_mutex_t lock;        /* workers, active, what waits for writers */
    pthread_cond_t quiet;        /* active fell to 0, or the server stops */
    struct worker *workers;
    _Atomic uint64_t active; /* requests between their head and their end */
    _Atomic bool is_draining;
};

#endif
