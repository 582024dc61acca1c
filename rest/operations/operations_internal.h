/*
 * operations, inside: a call, and what functions of operations use.
 */
#ifndef HARPER_REST_OPERATIONS_INTERNAL_H
#define HARPER_REST_OPERATIONS_INTERNAL_H

#include "rest/operations/operations.h"
#include "storage/value/document.h"
#include <pthread.h>
#include <stdatomic.h>

enum { MESSAGE_BYTES = 1024, NAME_BYTES_MAX = 250, UUID_BYTES = 37 };

enum access { ACCESS_OPEN, ACCESS_ANY, ACCESS_TABLE, ACCESS_STRUCTURE, ACCESS_SUPER, ACCESS_NONE };

struct call;
typedef void (*operation_fn)(struct call *call);

struct fact {
    const char *name;
    operation_fn run;
    enum access access;
    const char *handler;
};

/* One request that is being answered. */
struct call {
    struct operations *operations;
    const struct operation_request *request;
    const struct fact *fact;
    struct operation_reply *reply;
    struct slice name;            /* of the operation */
    char problems[MESSAGE_BYTES]; /* what is wrong with the fields, joined by ". " */
    size_t problem_bytes;
    struct document_builder builder; /* for the result; freed behind the call */
};

struct job;

struct operations {
    struct operations_options options;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t runner;
    bool has_runner, is_stopping;
    bool is_backing_up;       /* the repository is being changed */
    struct job *first, *last; /* waiting */
    struct job *running;
};

/* ---- reply.c: fields and answers ---- */

struct value call_field(const struct call *call, const char *first, const char *second);
/* A field that is text; empty when it is absent or something else. */
struct slice call_text(const struct call *call, const char *first, const char *second);
struct slice call_database(const struct call *call); /* `data` when nothing is said */
void call_problem(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* False: there are problems, and they are the answer. */
bool call_check(struct call *call);
/* 'field' is required, or not what it must be; true: *out is a text that is a name. */
bool call_need_name(struct call *call, const char *label, struct value v, struct slice *out);
void call_flag(struct call *call, const char *name, bool *out);

void call_fail(struct call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void call_fail_of(struct call *call, const harper_error *error);
void call_message(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_value(struct call *call, struct value v);
/* What was built is the result. */
void call_built(struct call *call);
void put_value(struct document_builder *builder, const char *name, struct value v);
void put_text(struct document_builder *builder, const char *name, struct slice text);

/* ---- running statements ---- */

/* The request itself as a statement; NULL: the failure is the answer. */
harper_statement *call_prepare(struct call *call);
/* To the end, without rows that count. False: the failure is the answer. */
bool call_run(struct call *call, harper_statement *statement);

/* Records of the system database, by key. */
int system_put(struct operations *operations, const char *table, struct slice id,
               struct value record);
int system_get(struct operations *operations, const char *table, struct slice id,
               struct arena *arena, struct value *out);

/* ---- jobs.c ---- */

struct job_run {
    struct operations *operations;
    harper_session *session;
    struct arena *arena;
    struct value request;
    struct slice user;
    const _Atomic bool *is_cancelled;
    struct buf message;  /* text of the end: of success or of failure */
    struct value result; /* a structured result, or absent */
};
/* False: it failed, and the message says why. */
typedef bool (*job_fn)(struct job_run *run);

int jobs_start(struct operations *operations, harper_error *error);
void jobs_stop(struct operations *operations);
/* Queue it; the answer is its id. */
void call_start_job(struct call *call, const char *type, job_fn run);
bool job_says(struct job_run *run, bool result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool job_fails_of(struct job_run *run, const harper_error *error);

void uuid_make(char out[UUID_BYTES]);

/* ---- the functions of operations.def ---- */
#define OPERATION(name, function, access, handler) void operation_##function(struct call *call);
#include "rest/operations/operations.def"
#undef OPERATION

#endif
