/*
 * api: what servers inside this project use beside the public header: rows as values instead of C
 * types.
 *
 * Lifetimes, ownership, threads and errors are those of harper.h.
 */
#ifndef HARPER_API_API_H
#define HARPER_API_API_H

#include "api/harper.h"
#include "storage/base/base.h"
#include "storage/value/value.h"

/* The current row's values, lent until the next step; NULL when there is none. */
const struct value *statement_row(const harper_statement *statement);
size_t statement_column_count(const harper_statement *statement);
/* Without the record that a request adds for its version. */
size_t statement_shown_columns(const harper_statement *statement);
struct slice statement_column_name(const harper_statement *statement, size_t column);
/* enum ir_row_form of the statement: how one row is shown. */
int statement_row_form(const harper_statement *statement);
/* Append the row as JSON in its form, without a copy in between. */
void statement_write_row_json(const harper_statement *statement, struct buf *out);
/* Bind without copying: the bytes must live until the statement is reset and bound anew. */
int statement_bind_value(harper_statement *statement, int parameter, struct value v);

/* ---- requests: statements for a server, shared by all requests of one shape (request.c) ---- */

struct route_attribute {
    struct slice name, type; /* type as the schema language writes it */
    bool is_list, is_key, is_indexed, is_required, is_relationship, is_computed;
};

/* A table and the path that leads to it. */
struct route {
    struct slice path; /* without a leading slash: the export path, else the table's name */
    struct slice table, database;
    bool is_exported, is_hidden; /* hidden: left out of descriptions */
    bool is_root;   /* exported under no name: its records lie at the root; `path` is the table */
    bool is_sealed; /* records have declared attributes alone */
    bool is_ambiguous;        /* another table is exported under the same path */
    uint8_t hidden_protocols; /* bits of enum ir_protocol: not served by these */
    uint16_t key_parts;       /* 0: the hidden rowid */
    int key_type;             /* enum url_type's number; that of text when keys are text */
    bool has_text_key;
    struct slice key_name;
    size_t attribute_count;
    const struct route_attribute *attributes; /* without dropped and hidden ones */
};

/* All tables of a session's databases as one catalog version has them; a copy, shared by nobody. */
struct routes {
    uint64_t version;
    size_t count;
    struct route *items;
    struct arena arena;
};

/* Changes with every change of the schema; cheap. */
uint64_t routes_version(const harper *db);
/* {0} is a valid empty set. What *out held is given back. */
int routes_read(harper_session *session, struct routes *out, harper_error *error);
void routes_free(struct routes *routes);

enum { REQUEST_KEY_BYTES_MAX = 1978 };

enum request_kind {
    REQUEST_GET,          /* one record by its key */
    REQUEST_SEARCH,       /* a collection */
    REQUEST_SEARCH_BELOW, /* the records whose key begins with the given text */
    REQUEST_DELETE,
    REQUEST_DELETE_SEARCH,
    REQUEST_DELETE_BELOW,
    REQUEST_PUT,      /* parameter 1: the document */
    REQUEST_PUT_MANY, /* parameter 1: an array of documents that carry their keys */
    REQUEST_PATCH,    /* parameter 1: the changes */
    REQUEST_INSERT,   /* parameter 1: the document; gives the new key as its row */
};

struct request_text {
    enum request_kind kind;
    struct slice key;   /* raw, of those that have one; BELOW: with its slash at the end */
    struct slice query; /* raw, behind the question mark; of GET, SEARCH…, DELETE_SEARCH… */
};

/* A statement for the request, from the session's cache when a request of the same shape was made
 * before, with key and values of the query bound. These are lent from `request` and `arena` until
 * the statement is finalized. `routes` must hold `route`. */
int request_prepare(harper_session *session, const struct routes *routes, const struct route *route,
                    const struct request_text *request, struct arena *arena, harper_statement **out,
                    harper_error *error);
/* REQUEST_GET, at its row: the version of the record, in ticks of 2^-12 ms. 0: unknown. */
uint64_t request_row_version(const harper_statement *statement);
/* ---- Query objects (query_object.c) ---- */

/* The body of REST's QUERY method. */
int query_object_prepare(harper_session *session, const struct route *route, struct value query,
                         harper_statement **out, harper_error *error);

/* ---- operations (operation.c, describe.c) ---- */

/* What the rows of a HARPER_OPERATION statement are. */
struct operation_facts {
    bool is_write, is_delete;                         /* keys that were written, deleted */
    bool is_sql_insert, is_sql_update, is_sql_delete; /* likewise, unless RETURNING says else */
    struct slice key_name; /* of its table; empty: several attributes, or none */
};
void statement_operation(const harper_statement *statement, struct operation_facts *out);

enum describe_flag {
    DESCRIBE_COMPUTED = 1, /* computed attributes too */
    DESCRIBE_NO_COUNT = 2
};
struct document_builder;
/* Appends the description of a table, or (an empty `table`) an object of all tables. What was
 * appended before a failure stays. */
int database_describe(harper_session *session, struct slice database, struct slice table,
                      unsigned flags, struct document_builder *out, harper_error *error);

/* ---- who, and what was done (audit.c) ---- */

/* Commits of the session carry this name. Copied; an empty one is nobody's. */
int session_set_user(harper_session *session, struct slice user);

/* Lent until the function that is told returns. */
struct audit_change {
    const char
        *operation; /* insert, update, upsert (a whole record in the place of another), delete */
    struct slice user;
    double timestamp; /* ms */
    struct value key;
    struct value record;   /* the key and what was written; absent: it was deleted */
    struct value original; /* the record before; absent: there was none */
};
typedef bool (*audit_fn)(void *context, const struct audit_change *change);
/* The changes of a table, oldest first, until `emit` returns false. HARPER_INVALID: it is not
 * audited. */
int audit_read(harper_session *session, struct slice database, struct slice table, audit_fn emit,
               void *context, harper_error *error);

/* ---- GraphQL (graphql.c) ---- */

struct graphql_request {
    struct slice query;
    struct slice operation; /* may be empty */
    struct value variables; /* an object, or null */
    bool exported_only;     /* other tables are not found */
};

/* One row: an object with an array of records per resource. An error's offset is in the query. */
int graphql_prepare(harper_session *session, const struct graphql_request *request,
                    harper_statement **out, harper_error *error);
/* Line and column from 1. */
void graphql_place(struct slice query, int64_t offset, unsigned *line, unsigned *column);

/* Percent-decoding; HARPER_SYNTAX for a malformed escape. Lent when nothing had to change. */
int request_decode(struct slice raw, struct arena *arena, struct slice *out);

#endif
