/*
 * operations: requests as JSON documents to IR: the data operations (search_by_*, insert, update,
 * upsert, put, delete, sql), those that change tables (create_table, drop_table, create_attribute,
 * drop_attribute), and the Query object of REST's QUERY method.
 *
 * A request is a struct value of kind VALUE_OBJECT, whatever text or bytes it was read from. Its
 * values become lifted parameters, so requests of one shape have equal IR but for their values.
 *
 * Lifetimes: the IR lives in `arena` and lends from the request.
 * Errors: ST_INVALID with the sentence the interface promises, several joined by ". ";
 * ST_NO_COLUMN, ST_TYPE, ST_UNSUPPORTED, ST_LIMIT. ST_INTERNAL where the interface promises status
 * 500 for a fault of the request. There are no offsets. ST_NOT_FOUND is an answer: the operation is
 * none of these.
 */
#ifndef HARPER_OPERATIONS_OPERATIONS_H
#define HARPER_OPERATIONS_OPERATIONS_H

#include "vdbe/ir/ir.h"

enum { OPERATION_CONDITIONS_MAX = 1024 };

enum operation_found { OPERATION_FOUND, OPERATION_NO_DATABASE, OPERATION_NO_TABLE };

/* What tables there are. `database` is empty for an export path. Every function may be NULL. */
struct operation_schema {
    void *context;
    /* The declared type of a path, as enum attribute_type's number (0 Any); -1: not a known
     * attribute; -2: a relationship itself. *is_list tells arrays. NULL: everything is Any. */
    int (*type_of)(void *context, struct slice database, struct slice table,
                   const struct slice *path, size_t parts, bool *is_list);
    /* Make *v fit a declared type, as comparisons do. NULL: left alone. */
    enum status (*convert)(void *context, int type, struct slice attribute, struct arena *arena,
                           struct value *v, struct error *err);
    /* Are its attributes made by the data? Their records show every known attribute then. */
    bool (*is_dynamic)(void *context, struct slice database, struct slice table);
    /* Is there such a table? *name is what statements call its database. NULL: it is taken to be
     * there. */
    enum operation_found (*find)(void *context, struct slice database, struct slice table,
                                 struct slice *name);
    /* SQL text of the operation `sql` to its statement; what follows the first is refused. NULL:
     * there is no such operation. */
    enum status (*parse_sql)(void *context, struct slice sql, struct arena *arena,
                             struct ir_statement **out, struct error *err);
    /* Is it the primary key, or kept by the engine? Both may be NULL. */
    bool (*is_key)(void *context, struct slice database, struct slice table, struct slice name);
    bool (*is_known)(void *context, struct slice database, struct slice table, struct slice name);
};

enum operation_kind {
    OPERATION_SEARCH, /* run the statement once */
    OPERATION_LOOKUP, /* run it per key, in order: parameter 1 is the key */
    OPERATION_DELETE, /* likewise; a row with the key that was deleted */
    OPERATION_WRITE,  /* once; the keys that were written are its rows */
    OPERATION_SQL,    /* once; a write without RETURNING gives the keys that were written */
    OPERATION_CHANGE, /* once: the schema */
};

struct operation {
    uint8_t kind; /* enum operation_kind */
    struct slice database, table;
    struct ir_statement *statement;
    uint8_t written;     /* SQL: IR_INSERT, IR_UPDATE, IR_DELETE, else 0 */
    struct value keys;   /* LOOKUP, DELETE: an array */
    bool fills_nulls;    /* rows show the attributes a record lacks as null */
    bool has_expires_at; /* WRITE: the records' own time to live */
    int64_t expires_at_ms;
    /* Query object */
    bool is_explain, keeps_condition_order, refuses_full_scan, allows_undeclared;
};

/* `request` has a member `operation`. */
enum status operation_parse(struct value request, const struct operation_schema *schema,
                            struct arena *arena, struct operation **out, struct error *err);
/* Section 6 of the REST specification. */
enum status operation_parse_query(struct slice table_path, struct value query,
                                  const struct operation_schema *schema, struct arena *arena,
                                  struct operation **out, struct error *err);

#endif
