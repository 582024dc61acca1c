/*
 * status: how every function of the engine answers, and the object that says why it failed.
 *
 * Answers (ST_OK, ST_ROW, ST_DONE, ST_NOT_FOUND, ST_EXISTS) travel like failures. The function that
 * first knows the reason of a failure fills the error with error_set; everyone else passes the
 * status on.
 *
 * Ownership: a struct error is plain storage of the caller; it owns nothing and may be copied.
 * Threads:   an error belongs to one thread at a time. A NULL error is allowed everywhere: the
 * reason is dropped, the status is not.
 */
#ifndef HARPER_BASE_STATUS_H
#define HARPER_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum status {
#define STATUS(name, http, text) ST_##name,
#include "storage/base/status.def"
#undef STATUS
    STATUS_COUNT
};

enum { ERROR_MESSAGE_BYTES = 512 };

struct error {
    enum status status;
    int64_t offset; /* byte offset into the text that was wrong, or -1 */
    char message[ERROR_MESSAGE_BYTES];
};

static inline bool status_is_failure(enum status status)
{
    return status > ST_EXISTS;
}

const char *status_name(enum status status); /* "SYNTAX" */
const char *status_text(enum status status); /* "syntax error" */
int status_http(enum status status);

/* Fill `err` (may be NULL) and return `status`, so that a failure is one line at its origin. A
 * longer message is cut at a character boundary. */
enum status error_set(struct error *err, enum status status, int64_t offset, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
void error_clear(struct error *err);
/* The message, or the status' own text when nobody wrote one. */
const char *error_message(const struct error *err);

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum status try_status_ = (expr);                                                          \
        if (try_status_ != ST_OK)                                                                  \
            return try_status_;                                                                    \
    } while (0)

/* Needs `enum status st` and a label `out` in the function. */
#define TRY_OUT(expr)                                                                              \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != ST_OK)                                                                           \
            goto out;                                                                              \
    } while (0)

#endif
