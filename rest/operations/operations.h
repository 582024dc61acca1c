/*
 * operations: the operations API, {"operation": …} to an answer, without a transport.
 *
 *     struct operations *operations;
 *     operations_open(&options, &operations, &error);
 *     operations_answer(operations, &request, &reply);
 *     … reply.status, and reply.rows or reply.result …
 *     operations_close(operations);
 *
 * Operations that are statements run as HARPER_OPERATION in the caller's session; jobs run on
 * threads of their own, each in its own session.
 *
 * Lifetimes: the databases outlive the operations. A result lives in the request's arena; rows are
 *            finalized by whoever asked. operations_close waits for the job that runs, which is
 *            told to stop, and records what did not end.
 * Threads:   operations_answer may be called from any number of threads, each with its own session
 *            and arena.
 * Errors:    whatever is wrong with a request is a reply with a status and {"error": …}.
 */
#ifndef HARPER_REST_OPERATIONS_H
#define HARPER_REST_OPERATIONS_H

#include "api/api.h"

struct operations;

struct operations_options {
    harper *db;
    harper *system;          /* jobs and statuses are kept in it */
    const char *backup_path; /* the repository of the database's backups; NULL: there is none */
    const char *log_path;    /* what read_log reads; NULL: there is none */
};

struct operation_caller {
    struct slice name;
    bool is_super_user;
};

struct operation_request {
    harper_session *session;
    struct arena *arena;
    struct operation_caller caller;
    struct value body;
    struct slice text; /* the body as JSON text; empty: it came in another form */
};

struct operation_reply {
    int status;
    struct value result;
    harper_statement *rows; /* not NULL: the result is an array of its rows */
    bool has_file;          /* the result is a file's content; whoever asked closes it */
    int file;
    const char *file_type, *file_name;
    bool closes; /* the connection is closed behind the answer */
};

int operations_open(const struct operations_options *options, struct operations **out,
                    harper_error *error);
void operations_close(struct operations *operations); /* NULL is allowed */
void operations_answer(struct operations *operations, const struct operation_request *request,
                       struct operation_reply *reply);

/* The table of facts, for documents: false behind the last. */
struct operation_fact_text {
    const char *name, *access, *handler;
};
bool operations_fact(size_t number, struct operation_fact_text *out);

#endif
