/*
 * The inside of parser/operations: the state of reading one request.
 */
#ifndef HARPER_OPERATIONS_OPERATIONS_INTERNAL_H
#define HARPER_OPERATIONS_OPERATIONS_INTERNAL_H

#include "parser/operations/operations.h"
#include "storage/value/document.h"

enum { REQUEST_DEPTH_MAX = 64, REQUEST_UNKNOWN_MAX = 32, SELECT_ITEMS_MAX = 4096 };

enum request_missing {
    MISSING_NOT_FOUND, /* 404 */
    MISSING_INVALID,   /* 400 */
    MISSING_TABLE,     /* 404 for the database, 400 "Table t not found" */
};

struct request {
    struct value document;
    const struct operation_schema *schema;
    struct arena *arena;
    struct operation *operation;
    bool is_exported;      /* the Query object: `table` is an export path */
    uint8_t missing;       /* enum request_missing: how a table that is not there is told */
    bool has_no_database;  /* request_find_table found none */
    struct slice database; /* as statements call it */
    bool fails_as_500;     /* the operations whose faults are promised as status 500 */
    uint32_t param_count;
    size_t condition_count;
    size_t unknown_count;
    struct slice unknown[REQUEST_UNKNOWN_MAX]; /* attributes the table does not know */
    size_t order_count;                        /* of pseudo-conditions `sort` */
    struct ir_order *order;
    char problems[ERROR_MESSAGE_BYTES]; /* what is wrong with the fields, joined by ". " */
    size_t problem_bytes;
    struct error *err;
};

/* A name or a path of names, found in the request. */
struct attribute {
    struct slice *parts;
    size_t count; /* 0: the primary key */
    struct slice name;
    int type;
    bool has_elements;
};

enum status request_no_memory(struct request *request);
enum status request_fail(struct request *request, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int request_shown(struct slice text); /* how much of it a message shows */

/* ---- fields (fields.c) ---- */

void request_problem(struct request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The problems found so far as one failure; ST_OK when there are none. */
enum status request_check(struct request *request);
/* The first of the names that is present; absent when none is. `second` may be NULL. */
struct value request_field(const struct request *request, const char *first, const char *second);
void request_read_table(struct request *request);
/* After the fields: is it there? Sets request->database. */
enum status request_find_table(struct request *request);
/* Text, or a number in its decimal form unless `is_text`; problems are noted. */
void request_read_name(struct request *request, const char *label, struct value v, bool is_text,
                       struct slice *out);
/* Names of what is made: database and table, which must be texts. */
void request_read_new_table(struct request *request);
void request_read_flag(struct request *request, const char *name, bool *out);
/* A whole number not below `least`; *out stays when the field is absent. */
void request_read_number(struct request *request, const char *name, int64_t least, bool *is_there,
                         int64_t *out);

/* ---- expressions ---- */

enum status request_attribute(struct request *request, struct value v, struct attribute *out);
void request_note_unknown(struct request *request, struct slice name);
struct ir_expr *request_column(struct request *request, const struct attribute *attribute);
struct ir_expr *request_param(struct request *request, struct value peek);
struct ir_expr *request_meta(struct request *request, enum ir_meta meta);
/* `conditions` is an array; `count_needed` conditions make an OR. */
enum status request_conditions(struct request *request, struct value conditions, bool is_or,
                               struct ir_expr **out);
enum status request_condition(struct request *request, const struct attribute *attribute,
                              struct slice comparator, struct value v, struct ir_expr **out);
/* `and` or `or` in any case; absent is `and`. */
enum status request_operator(struct request *request, struct value v, bool *is_or);

/* ---- tables and attributes (definition.c) ---- */

enum status request_create_table(struct request *request);
enum status request_drop_table(struct request *request);
enum status request_create_attribute(struct request *request);
enum status request_drop_attribute(struct request *request);

/* ---- projection and order (select.c) ---- */

enum status request_select(struct request *request, struct value select, struct ir_block *block,
                           uint8_t *row_form);
enum status request_sort(struct request *request, struct value sort, struct ir_query *query);
enum status request_order_by(struct request *request, const struct attribute *attribute,
                             bool descending, struct ir_query *query);
enum status request_query(struct request *request, struct ir_block **block,
                          struct ir_query **query);
void request_limit(struct request *request, struct ir_query *query, bool has_limit, int64_t limit,
                   bool has_offset, int64_t offset);
enum status request_finish(struct request *request, struct ir_statement *statement);
struct ir_source *request_source(struct request *request);

#endif
