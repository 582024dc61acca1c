/*
 * harper: a query engine for documents and rows. SQL, REST URLs, GraphQL and JSON operations over
 * one machine.
 *
 *     harper *db;
 *     harper_session *session;
 *     harper_statement *statement;
 *
 *     harper_open("dogs.db", NULL, &db, NULL);
 *     harper_session_open(db, &session, NULL);
 *     harper_prepare(session, HARPER_SQL, "SELECT name FROM dog WHERE age > ?", -1, &statement,
 * NULL, NULL); harper_bind_int(statement, 1, 3); while (harper_step(statement) == HARPER_ROW)
 *         puts(harper_column_text(statement, 0, NULL));
 *     harper_finalize(statement);
 *     harper_session_close(session);
 *     harper_close(db);
 *
 * Objects:   a harper is one open database (with whatever is attached to it); a session is one
 * conversation with it: its transaction, its temporary tables, its last error; a statement is one
 * compiled text. Threads:   a harper is shared by any number of threads. A session and its
 * statements are used by one thread at a time. harper_interrupt may be called from anywhere, also
 * from a signal handler. Lifetimes: text and bytes from harper_column_… live until the statement
 * steps, is reset or finalized. Text passed in is copied unless the call says otherwise. Errors:
 * calls return an enum harper_status. Where a call takes a harper_error it may be NULL.
 *            harper_session_error has the last failure of a session, with the position in the
 * statement's text.
 */
#ifndef HARPER_H
#define HARPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HARPER_API __attribute__((visibility("default")))
#else
#define HARPER_API
#endif

typedef struct harper harper;
typedef struct harper_session harper_session;
typedef struct harper_statement harper_statement;

/* The numbers are part of the interface and never change meaning. */
enum harper_status {
    HARPER_OK = 0,
    HARPER_ROW = 1,
    HARPER_DONE = 2,
    HARPER_NOT_FOUND = 3,
    HARPER_EXISTS = 4,
    /* failures */
    HARPER_SYNTAX = 5,
    HARPER_TYPE = 6,
    HARPER_RANGE = 7,
    HARPER_LIMIT = 8,
    HARPER_MISUSE = 9,
    HARPER_INVALID = 10,
    HARPER_NO_TABLE = 11,
    HARPER_NO_COLUMN = 12,
    HARPER_NO_NAME = 13,
    HARPER_AMBIGUOUS = 14,
    HARPER_CONSTRAINT = 15,
    HARPER_NOT_NULL = 16,
    HARPER_CHECK = 17,
    HARPER_DUPLICATE = 18,
    HARPER_FOREIGN_KEY = 19,
    HARPER_UNSUPPORTED = 20,
    HARPER_UNAUTHORIZED = 21,
    HARPER_FORBIDDEN = 22,
    HARPER_BUSY = 23,
    HARPER_SCHEMA = 24,
    HARPER_INDEX_BUILDING = 25,
    HARPER_INTERRUPTED = 26,
    HARPER_TIMEOUT = 27,
    HARPER_READ_ONLY = 28,
    HARPER_FULL = 29,
    HARPER_TOO_BIG = 30,
    HARPER_NO_MEMORY = 31,
    HARPER_IO = 32,
    HARPER_CORRUPT = 33,
    HARPER_INTERNAL = 34
};

typedef struct harper_error {
    int status;     /* enum harper_status */
    int64_t offset; /* byte offset into the text that was wrong, or -1 */
    char message[512];
} harper_error;

HARPER_API const char *harper_version(void);
HARPER_API const char *harper_status_text(int status);
HARPER_API int harper_status_http(int status); /* the HTTP status a server answers with */

/* ---- databases ---- */

enum harper_durability {
    HARPER_DURABILITY_FULL,   /* a commit is acknowledged when it is on disk */
    HARPER_DURABILITY_NORMAL, /* on disk within 200 ms; a kill loses nothing, a power cut the last
                                 moments */
    HARPER_DURABILITY_OFF     /* when the system likes */
};

typedef struct harper_options {
    size_t size; /* sizeof(harper_options): lets the struct grow */
    const char
        *backend; /* "rocksdb" (default for new databases), "lmdb", "memory"; NULL: what is there */
    bool read_only;
    bool must_exist;          /* do not create */
    int durability;           /* enum harper_durability */
    uint32_t busy_timeout_ms; /* how long a writer waits for another; 0: 5000 */
    uint64_t cache_bytes;     /* 0: a quarter of the machine's memory */
} harper_options;

/* `path` is a directory, created when missing; ":memory:" keeps everything in memory. `options` may
 * be NULL. */
HARPER_API int harper_open(const char *path, const harper_options *options, harper **out,
                           harper_error *error);
/* All sessions have been closed before. Waits for background work. */
HARPER_API void harper_close(harper *db);
HARPER_API const char *harper_backend(const harper *db);
HARPER_API const char *harper_path(const harper *db);

HARPER_API int harper_session_open(harper *db, harper_session **out, harper_error *error);
/* Rolls back an open transaction and finalizes what is left. NULL is allowed. */
HARPER_API void harper_session_close(harper_session *session);
HARPER_API const harper_error *harper_session_error(const harper_session *session);
/* Running statements of the session stop with HARPER_INTERRUPTED as soon as they can. */
HARPER_API void harper_interrupt(harper_session *session);
HARPER_API bool harper_in_transaction(const harper_session *session);
HARPER_API int64_t
harper_changes(const harper_session *session); /* rows changed by the last statement */
HARPER_API int64_t harper_total_changes(const harper_session *session);
HARPER_API int64_t harper_last_rowid(const harper_session *session);

enum harper_limit {
    HARPER_LIMIT_TEXT_BYTES, /* of one text or bytes value and of a statement; default 1,000,000,000
                              */
    HARPER_LIMIT_MEMORY_BYTES, /* of one statement before it spills or fails; default 256 MiB */
    HARPER_LIMIT_TIME_MS,      /* of one statement; 0 (default): none */
    HARPER_LIMIT_COUNT
};
/* Sets a limit of the session (negative: only asks) and returns what it was. */
HARPER_API int64_t harper_limit(harper_session *session, int limit, int64_t value);

/* ---- statements ---- */

enum harper_language {
    HARPER_SQL,
    HARPER_URL,      /* "GET /Dog/?age=gt=3&select(id,name)"; PUT, PATCH, POST take their body as
                        parameter 1 */
    HARPER_GRAPHQL,  /* "{ Dog(age: 3) { name owner { name } } }": one row, a column per resource,
                        each an array; schemas go through harper_apply_schema */
    HARPER_OPERATION /* {"operation": "search_by_value", "table": "dog", …}: those that read and
                        write records or change tables; keys that were written are its rows */
};

/* Compile the first statement of `text` (`bytes` long, -1: to its NUL). *out is NULL when there is
 * none. *tail (may be NULL) points behind it. Compiled programs are kept and shared, so preparing a
 * known text is cheap. */
HARPER_API int harper_prepare(harper_session *session, int language, const char *text,
                              int64_t bytes, harper_statement **out, const char **tail,
                              harper_error *error);
HARPER_API void harper_finalize(harper_statement *statement); /* NULL is allowed */
/* Ready to run again; bindings stay. */
HARPER_API int harper_reset(harper_statement *statement);
/* HARPER_ROW, HARPER_DONE, or a failure, whose effects are undone. */
HARPER_API int harper_step(harper_statement *statement);
HARPER_API harper_session *harper_statement_session(const harper_statement *statement);
HARPER_API bool harper_is_read_only(const harper_statement *statement);
HARPER_API bool harper_is_explain(const harper_statement *statement);

/* Parameters are counted from 1. */
HARPER_API int harper_parameter_count(const harper_statement *statement);
HARPER_API const char *harper_parameter_name(const harper_statement *statement,
                                             int parameter); /* ":age"; NULL for ? */
HARPER_API int harper_parameter_index(const harper_statement *statement,
                                      const char *name); /* 0: none */
HARPER_API int harper_bind_null(harper_statement *statement, int parameter);
HARPER_API int harper_bind_bool(harper_statement *statement, int parameter, bool value);
HARPER_API int harper_bind_int(harper_statement *statement, int parameter, int64_t value);
HARPER_API int harper_bind_double(harper_statement *statement, int parameter, double value);
HARPER_API int harper_bind_date(harper_statement *statement, int parameter, int64_t ms);
HARPER_API int harper_bind_text(harper_statement *statement, int parameter, const char *text,
                                int64_t bytes);
HARPER_API int harper_bind_bytes(harper_statement *statement, int parameter, const void *data,
                                 size_t bytes);
HARPER_API int harper_bind_json(harper_statement *statement, int parameter, const char *json,
                                int64_t bytes);
HARPER_API int harper_clear_bindings(harper_statement *statement);

enum harper_type {
    HARPER_NULL,
    HARPER_BOOL,
    HARPER_INT,
    HARPER_DOUBLE,
    HARPER_DATE,
    HARPER_TEXT,
    HARPER_BYTES,
    HARPER_ARRAY,
    HARPER_OBJECT
};

/* Columns are counted from 0. */
HARPER_API int harper_column_count(const harper_statement *statement);
HARPER_API const char *harper_column_name(const harper_statement *statement, int column);
HARPER_API int harper_column_type(const harper_statement *statement, int column);
HARPER_API bool harper_column_is_absent(const harper_statement *statement,
                                        int column); /* the record has no such attribute */
HARPER_API bool harper_column_bool(const harper_statement *statement, int column);
HARPER_API int64_t harper_column_int(const harper_statement *statement, int column);
HARPER_API double harper_column_double(const harper_statement *statement, int column);
/* Any value as text (documents as JSON), NUL-terminated; NULL for null. *bytes may be NULL. */
HARPER_API const char *harper_column_text(harper_statement *statement, int column, size_t *bytes);
HARPER_API const void *harper_column_bytes(harper_statement *statement, int column, size_t *bytes);
/* Any value as JSON. */
HARPER_API const char *harper_column_json(harper_statement *statement, int column, size_t *bytes);
/* The row as one JSON text, the way REST answers: by the select form of the statement. */
HARPER_API const char *harper_row_json(harper_statement *statement, size_t *bytes);

/* Run every statement of `sql`; `row` (may be NULL) is called for each row and stops the run by
 * returning false. */
typedef bool (*harper_row_fn)(void *context, harper_statement *statement);
HARPER_API int harper_execute(harper_session *session, const char *sql, harper_row_fn row,
                              void *context, harper_error *error);

/* What EXPLAIN shows: */
enum harper_explain { HARPER_EXPLAIN_IR, HARPER_EXPLAIN_PLAN, HARPER_EXPLAIN_CODE };
/* The text for a statement in any language; valid until the statement ends. NULL: out of memory. */
HARPER_API const char *harper_explain(harper_statement *statement, int what);

/* ---- documents: the same engine without a parser ---- */

/* Keys are JSON scalars ("7", "\"abc\"") as text; documents are JSON objects. The table may be
 * written database.table. */
/* *json is freed with harper_free. HARPER_NOT_FOUND when there is none. */
HARPER_API int harper_get(harper_session *session, const char *table, const char *key, char **json,
                          size_t *bytes);
HARPER_API int harper_put(harper_session *session, const char *table, const char *key,
                          const char *json, int64_t bytes);
HARPER_API int harper_patch(harper_session *session, const char *table, const char *key,
                            const char *json, int64_t bytes);
/* Insert a document that carries its key or gets one; *key (may be NULL) is freed with harper_free.
 */
HARPER_API int harper_insert(harper_session *session, const char *table, const char *json,
                             int64_t bytes, char **key);
HARPER_API int harper_delete(harper_session *session, const char *table,
                             const char *key); /* HARPER_NOT_FOUND: there was none */
/* Documents in key order, from `from` (NULL: the first) on, until `row` returns false. */
typedef bool (*harper_document_fn)(void *context, const char *key, const char *json, size_t bytes);
HARPER_API int harper_scan(harper_session *session, const char *table, const char *from,
                           harper_document_fn row, void *context);
HARPER_API void harper_free(void *memory);

/* ---- bulk load ---- */

typedef struct harper_loader harper_loader;
/* Rows go past the statement machinery in sorted batches; the load is committed in pieces.
 * `columns` names the columns that each row gives (NULL: all declared ones, in order). */
HARPER_API int harper_loader_open(harper_session *session, const char *table,
                                  const char *const *columns, size_t count, harper_loader **out,
                                  harper_error *error);
/* The values of a row, one after the other, then harper_loader_row. Text and bytes are copied. */
HARPER_API int harper_loader_null(harper_loader *loader);
HARPER_API int harper_loader_int(harper_loader *loader, int64_t value);
HARPER_API int harper_loader_double(harper_loader *loader, double value);
HARPER_API int harper_loader_text(harper_loader *loader, const char *text, size_t bytes);
HARPER_API int harper_loader_bytes(harper_loader *loader, const void *data, size_t bytes);
HARPER_API int harper_loader_row(harper_loader *loader, harper_error *error);
HARPER_API int harper_loader_close(harper_loader *loader, bool commit, uint64_t *rows,
                                   harper_error *error);

/* ---- upkeep ---- */

/* A consistent copy into the new directory `path`, while others work. */
HARPER_API int harper_backup(harper *db, const char *path, harper_error *error);
/* The same database in a new directory, on the same or another store. */
HARPER_API int harper_copy(harper *db, const char *path, const char *backend, harper_error *error);
typedef void (*harper_report_fn)(void *context, const char *message);
/* Verify every checksum, structure and index; `report` hears each finding; *problems counts them.
 */
HARPER_API int harper_check(harper *db, harper_report_fn report, void *context, uint64_t *problems,
                            harper_error *error);
/* The logical stores of the database: a line each, `rows_max` entries per store. */
typedef void (*harper_inspect_fn)(void *context, const char *store, const char *key,
                                  const char *value);
HARPER_API int harper_inspect(harper_session *session, const char *table, uint64_t rows_max,
                              harper_inspect_fn emit, void *context);
enum harper_schema_flag {
    HARPER_SCHEMA_DROP = 1 /* attributes that a type no longer names lose their stored values */
};
/* Apply a GraphQL schema: tables, attributes and indexes that are missing are made, those that are
 * there follow the file. Without HARPER_SCHEMA_DROP an attribute that the file no longer names
 * keeps its values, undeclared and without index. All of the file or, after a failure, nothing.
 * `warn` (may be NULL) hears warnings. */
HARPER_API int harper_apply_schema(harper_session *session, const char *sdl, int64_t bytes,
                                   unsigned flags, harper_report_fn warn, void *context,
                                   harper_error *error);

/* ---- for shells and editors ---- */

/* What made the tables, views and triggers whose names are LIKE `pattern` (NULL: all), from the
 * catalog as it is now: HARPER_SQL, HARPER_GRAPHQL, or -1 for each in the language that made it.
 * `text` is called for each definition. Attributes that appeared with the data are left out. */
HARPER_API int harper_define(harper_session *session, const char *pattern, int language,
                             harper_report_fn text, void *context);

/* Does `text` hold only whole statements? */
HARPER_API bool harper_is_complete(const char *text);
/* Words that may stand where `prefix` begins: keywords, tables, columns, functions; calls `word`
 * for each. */
HARPER_API int harper_complete(harper_session *session, const char *prefix, harper_report_fn word,
                               void *context);

#ifdef __cplusplus
}
#endif

#endif
