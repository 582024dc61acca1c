/*
 * api, inside: what a handle, a session and a statement are made of.
 *
 * A session keeps for each of its databases one read transaction, parked between statements, so
 * that a statement begins with a renewal instead of a new snapshot. In autocommit a write statement
 * has a write transaction of its own, committed when it is done. Between BEGIN and COMMIT all
 * statements use the session's transactions, which become write transactions at the first write.
 *
 * Programs are kept by text in a cache per session, together with an idle machine, so that
 * preparing a known text is a look-up. A program whose catalog has changed is compiled again,
 * unseen by the caller, before its first row.
 */
#ifndef HARPER_API_INTERNAL_H
#define HARPER_API_INTERNAL_H

#include "api/api.h"
#include "storage/table/table.h"
#include "vdbe/codegen/codegen.h"
#include "vdbe/func/func.h"
#include "vdbe/plan/plan.h"
#include "vdbe/vm/foreign.h"
#include "vdbe/vm/vm.h"
#include <pthread.h>

enum {
    LANGUAGE_DOCUMENT = 100,        /* of harper_get and its like, beside enum harper_language */
    LANGUAGE_REQUEST = 101,         /* of request_prepare: the text is the shape of a request */
    LANGUAGE_QUERY_OBJECT = 103,    /* of query_object_prepare: path and query, as JSON */
    LANGUAGE_GRAPHQL_REQUEST = 102, /* of graphql_prepare: a query with its variables, as JSON */
    DATABASES_MAX = 12,             /* main, temp, and ten attached */
    CACHE_SLOTS = 256,
    CACHE_ENTRIES_MAX = 128,
    CACHE_TEXT_BYTES_MAX = 16384,
};

struct harper {
    char *path;
    struct db *db;
    struct func_registry *functions;
    struct evaluator *evaluator;
    _Atomic unsigned session_count;
    struct harper_options options;
};

struct session_database {
    char *name;
    char *path;
    struct db *db;
    bool is_owned;       /* closed with the session: temp and attached ones */
    struct txn *reading; /* kept from statement to statement; parked when `users` is 0 */
    unsigned users;      /* running statements that read through `reading` */
    struct txn *open;    /* between BEGIN and COMMIT */
};

struct savepoint {
    char *name;
    bool began_transaction; /* a SAVEPOINT outside of BEGIN: releasing it commits */
    txn_mark_t marks[DATABASES_MAX];
    bool has_mark[DATABASES_MAX];
    struct savepoint *outer, *inner;
};

struct harper_session {
    harper *owner;
    unsigned database_count;
    struct session_database databases[DATABASES_MAX];
    bool in_transaction;
    bool begins_write; /* BEGIN IMMEDIATE */
    struct savepoint *savepoints;
    unsigned running;                    /* statements between their first step and their end */
    struct harper_statement *statements; /* all of them, for closing */
    struct harper_statement *cache[CACHE_SLOTS];
    unsigned cache_count;
    struct harper_statement *cache_oldest, *cache_newest;
    struct arena prepare;
    struct plan_options plan_options;
    struct vm_host host;
    harper_error error;
    volatile bool interrupted;
    uint64_t random_state;
    int64_t changes, total_changes, last_rowid;
    int64_t limits[HARPER_LIMIT_COUNT];
    bool foreign_keys, recursive_triggers;
    char *user;                     /* of its commits; NULL: nobody's */
    struct foreign_list deferred;   /* keys to look at when the transaction commits */
    struct request_state *requests; /* of request_prepare; NULL until the first */
};

/* Rows that did not come from a machine: EXPLAIN and the like. */
struct canned {
    struct arena arena;
    size_t column_count, row_count, row_capacity;
    struct slice *names;
    struct value *values; /* row by row */
    size_t at;            /* 1-based row that is current; 0: before the first */
};

struct harper_statement {
    harper_session *session;
    struct harper_statement *next, *previous; /* session->statements */
    struct harper_statement *next_cached;
    struct harper_statement *older, *newer; /* in the list of idle statements */
    int language;
    uint64_t hash;
    char *text; /* own copy */
    size_t text_bytes;
    bool is_cacheable;
    struct program *program;
    struct vm *vm;
    struct canned *canned;
    uint8_t explain; /* enum ir_explain */
    uint8_t row_form;
    bool is_running, is_done;
    bool uses_open;      /* this run uses the session's transactions */
    struct txn *writing; /* own write transaction of this run */
    unsigned writing_database;
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct error failure;
    uint32_t key_param; /* of a URL with a key in its path; 0: none */
    struct value key;
    struct ir_create_table *create; /* instead of text, lent until the first step */
    struct arena bound;             /* copies of bound text */
    struct value *bindings;
    size_t binding_count;
    struct buf text_out; /* harper_column_text, _json, row_json */
    struct arena texts;
    struct arena kept; /* what lives as long as the statement: the key of a URL */
    char **names;      /* NUL-terminated column names */
    char **param_names;
    char *explanation;
    struct request_parts *request; /* LANGUAGE_REQUEST: in `kept` */
    /* HARPER_OPERATION */
    bool has_keys;            /* runs once per key, which is parameter 1 */
    uint8_t operation_kind;   /* enum operation_kind */
    uint8_t operation_writes; /* of `sql`: enum ir_statement_kind, 0: it does not */
    size_t key_at, key_count;
    struct value keys;       /* an array, in `kept` */
    struct slice key_name;   /* of the table, in `kept`; empty: none, or several */
    int64_t earlier_changes; /* of runs for earlier keys */
    uint8_t hidden_columns;  /* at the end of a row, not shown: the record, for its version */
};

/* ---- session.c ---- */
int session_fail(harper_session *session, enum status status, const struct error *err);
void session_set_error(harper_session *session, const struct error *err);
/* The databases as statements see them now, each with a transaction that has a catalog. Pairs with
 * session_release. */
enum status session_acquire(harper_session *session, struct databases *databases,
                            struct database_ref *refs, struct error *err);
void session_release(harper_session *session, bool was_open);
/* A write transaction is the session's user's. */
void session_sign(const harper_session *session, struct txn *txn);
enum status session_add_database(harper_session *session, struct slice name, const char *path,
                                 const char *backend, struct error *err);
enum status session_remove_database(harper_session *session, struct slice name, struct error *err);
enum status session_need_temp(harper_session *session, struct error *err);

/* ---- transaction.c ---- */
enum status transaction_begin(harper_session *session, bool is_write, struct error *err);
enum status transaction_commit(harper_session *session, struct error *err);
void transaction_rollback(harper_session *session);
/* The session's transaction of database k becomes (or is) a write transaction. */
enum status transaction_write(harper_session *session, unsigned database, struct error *err);
enum status savepoint_set(harper_session *session, struct slice name, struct error *err);
enum status savepoint_release(harper_session *session, struct slice name, struct error *err);
enum status savepoint_rollback(harper_session *session, struct slice name, struct error *err);

/* ---- compile.c ---- */
/* text → program (or canned rows) into `statement`, whose text is set. *used: bytes of the text
 * that belong to it. */
enum status statement_compile(harper_statement *statement, size_t *used, bool *is_empty,
                              struct error *err);
/* The IR alone, in the session's prepare arena. */
struct ir_statement;
enum status statement_parse(harper_statement *statement, const struct databases *databases,
                            struct ir_statement **out, struct error *err);
void compile_init(harper_session *session);

/* ---- url.c ---- */
struct ir_statement;
/* "GET /Dog/7?select(name)" to IR. Tables are found by export path, else by name. A key in the path
 * becomes statement->key. */
enum status url_compile(harper_statement *statement, const struct databases *databases,
                        struct arena *arena, struct ir_statement **out, struct error *err);
/* "get dog": the document calls of the library; key and document are parameters. */
enum status document_compile(harper_statement *statement, const struct databases *databases,
                             struct arena *arena, struct ir_statement **out, struct error *err);

/* The table whose path, or name, is just this. */
struct url_target;
bool url_find_resource(const struct catalog *catalog, struct slice name, struct url_target *out);

/* ---- operation.c ---- */
enum status operation_compile(harper_statement *statement, const struct databases *databases,
                              struct arena *arena, struct ir_statement **out, struct error *err);
enum status operation_next_key(harper_statement *statement, bool *is_there);
/* What operations call a database; NULL: there is none. */
const struct database_ref *operation_database(const struct databases *databases, struct slice name);

/* ---- graphql.c ---- */
enum status graphql_compile(struct slice text, bool is_request, const struct databases *databases,
                            struct arena *arena, struct ir_statement **out, struct error *err);

/* ---- query_object.c ---- */
enum status query_object_compile(struct slice text, const struct databases *databases,
                                 struct arena *arena, struct ir_statement **out, struct error *err);

/* ---- request.c ---- */
/* As the schema language writes it. */
struct slice attribute_type_name(const struct attribute *attribute);
/* The statement for the request that request_prepare is about; again when the catalog changed. */
enum status request_compile(harper_statement *statement, const struct databases *databases,
                            struct ir_statement **out, struct error *err);
void request_state_free(struct request_state *state);

/* ---- url.c: what a path and its table mean to the parser ---- */
struct url_target {
    const struct table *table;
    struct slice path; /* as the IR names it */
    struct slice rest; /* raw, behind the table: "" for /T, "/" for /T/, "/7" for /T/7 */
    const struct catalog *catalog;
};
struct url_schema;
/* Data brought it to a table whose schema does not name it: it can be selected, no more. */
bool url_is_undeclared(const struct table *table, const struct attribute *attribute);
struct url_schema url_schema_of(const struct url_target *target);
enum status url_compile_write(const struct url_target *target, int mode, bool has_key,
                              struct arena *arena, struct ir_statement **out);
enum status url_compile_delete_one(const struct url_target *target, struct arena *arena,
                                   struct ir_statement **out);

/* ---- explain.c ---- */
struct canned *canned_new(size_t column_count, const char *const *names);
void canned_free(struct canned *canned);
enum status canned_add(struct canned *canned, const struct value *values);
enum status explain_statement(harper_statement *statement, const struct ir_statement *ir,
                              const struct plan_statement *plan, struct program *program,
                              struct error *err);
enum status explain_analyze_finish(harper_statement *statement, struct error *err);

/* ---- control.c, catalog_rows.c ---- */
enum status host_control(void *context, struct vm *vm, const void *statement, unsigned count,
                         const struct value *args, struct error *err);
enum status host_table_function(void *context, struct vm *vm, struct slice name, unsigned count,
                                const struct value *args, struct error *err);

/* ---- foreign_key_check.c ---- */
/* Emit the rows of one table, or of all (an empty name), that refer to no parent. */
enum status foreign_key_check(harper_session *session, struct vm *vm, struct slice table,
                              struct error *err);

/* ---- cache.c ---- */
harper_statement *cache_take(harper_session *session, int language, const char *text, size_t bytes);
/* Keeps the statement for the next prepare of its text, or frees it. */
void cache_give(harper_statement *statement);
void cache_clear(harper_session *session);
uint64_t cache_hash(int language, const char *text, size_t bytes);

/* ---- statement.c ---- */
/* A statement for one table of a schema file, whose IR was not made from a text of its own. */
struct ir_create_table;
int prepared_from_ir(harper_session *session, struct ir_create_table *create,
                     harper_statement **out, harper_error *error);
void statement_free(harper_statement *statement);

/* ---- evaluate.c ---- */
enum status evaluator_new(struct func_registry *functions, struct evaluator **out);
void evaluator_free(struct evaluator *evaluator);
void evaluator_attach(struct evaluator *evaluator, struct db *db);

#endif
