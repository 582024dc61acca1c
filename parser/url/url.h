/*
 * url: REST paths' queries to IR, through a re2c lexer and a lemon grammar of their own.
 *
 * Two decoding modes, form-urlencoded and full grammar, are chosen as the REST specification says.
 * Values become lifted parameters (IR_PARAM with is_lifted), so a request of the same shape reuses
 * the program with other values. The parser knows no tables: what needs types (autocast, `null` by
 * type) is left to binding through the url_typing of each value.
 *
 * Lifetimes: the IR lives in `arena`; text is copied where it had to be decoded, otherwise lent
 * from `query`. Errors: ST_SYNTAX, ST_TYPE, ST_LIMIT with the offset into `query`. Nothing is ever
 * dropped silently.
 */
#ifndef HARPER_URL_URL_H
#define HARPER_URL_URL_H

#include "vdbe/ir/ir.h"

enum {
    URL_DEPTH_MAX = 64,
    URL_CONDITIONS_MAX = 1024,
    URL_SHAPE_LITERALS_MAX = 32,
};

/* Types as the schema language knows them, numbered as enum attribute_type of the catalog, which
 * this module must not include. */
enum url_type {
    URL_TYPE_ANY,
    URL_TYPE_INT,
    URL_TYPE_LONG,
    URL_TYPE_FLOAT,
    URL_TYPE_BIGINT,
    URL_TYPE_BOOLEAN,
    URL_TYPE_STRING,
    URL_TYPE_ID,
    URL_TYPE_DATE,
    URL_TYPE_BYTES,
    URL_TYPE_BLOB,
    URL_TYPE_OBJECT,
    URL_TYPE_RELATIONSHIP,
    URL_TYPE_COUNT
};

/* What attribute types are, for converting texts: asked once per name. A NULL schema knows nothing:
 * every name is taken as an attribute of any type. */
struct url_schema {
    void *context;
    /* The declared type of `path` as enum attribute_type's number (0 Any), following relationships;
     * -1: not a defined attribute; -2: a relationship itself. *is_list tells arrays. */
    int (*type_of)(void *context, const struct slice *path, size_t parts, bool *is_list);
    /* May be NULL: no check then. Can rows be read in the order of this attribute (an index or the
     * primary key)? */
    bool (*is_ordered)(void *context, const struct slice *path, size_t parts);
    /* May be NULL. Is it the whole primary key? */
    bool (*is_key)(void *context, struct slice name);
};

/* A search: GET/DELETE /T/?query. Adds conditions, select, sort, limit to a query over one source.
 * `raw` is the text after '?', undecoded. Statement kind is IR_QUERY, or IR_DELETE when
 * `is_delete`. */
enum status url_parse_search(struct slice table_path, struct slice raw, bool is_delete,
                             const struct url_schema *schema, struct arena *arena,
                             struct ir_statement **out, struct error *err);
/* One record by key: GET /T/id?select(…). The key is parameter 1. */
enum status url_parse_get(struct slice table_path, struct slice raw,
                          const struct url_schema *schema, struct arena *arena,
                          struct ir_statement **out, struct error *err);

/* ---- reuse of a compiled statement by requests of the same shape (shape.c) ----
 *
 * A request's raw query is read by the lexer alone into its shape: the text with every value taken
 * out, and the values. Statements are cached by table, catalog version, kind of request
 * (search, delete, below a key, one record) and shape key. On a hit,
 * url_slots_bind converts the values as the first request's were, into the parameters of the
 * statement: nothing is parsed or planned.
 *
 * The key keeps apart what makes another statement: `null`, a trailing star, texts that look like
 * numbers, booleans or plain text. What only conversion shows (a percent-encoded null, `NaN`, a
 * text that begins with a digit) is found by url_slots_bind, which then answers ST_NOT_FOUND: parse
 * that request. It answers so for malformed values too, since parsing knows how to report them.
 */
struct url_slots;

struct url_shape {
    struct buf key; /* the holder frees it with url_shape_deinit; reused by the next read */
    size_t literal_count;
    struct slice literals[URL_SHAPE_LITERALS_MAX]; /* raw texts, lent from the query */
};

/* ST_OK, or ST_NOT_FOUND when the query is malformed or too large to be shared: parse it. {0} is a
 * valid shape. */
enum status url_shape_read(struct slice raw, struct url_shape *out);
void url_shape_deinit(struct url_shape *shape);

/* As url_parse_search and url_parse_get; *slots lives in `arena`. The statement lends from `raw`:
 * copy the query into the arena first when the statement is to be kept. */
enum status url_parse_search_slots(struct slice table_path, struct slice raw, bool is_delete,
                                   const struct url_schema *schema, struct arena *arena,
                                   struct ir_statement **out, struct url_slots **slots,
                                   struct error *err);
/* A search below a key: /T/prefix/?query. Parameter 1 is the text that keys begin with, its slash
 * included. */
enum status url_parse_below_slots(struct slice table_path, struct slice raw, bool is_delete,
                                  const struct url_schema *schema, struct arena *arena,
                                  struct ir_statement **out, struct url_slots **slots,
                                  struct error *err);
enum status url_parse_get_slots(struct slice table_path, struct slice raw,
                                const struct url_schema *schema, struct arena *arena,
                                struct ir_statement **out, struct url_slots **slots,
                                struct error *err);
size_t url_slots_count(const struct url_slots *slots); /* parameters of the statement */
/* Convert the literals of a shape with the same key. values[slot - 1]; decoded text is written into
 * `arena` (the request's). Parameter 1 of url_parse_get and url_parse_below is left alone. */
enum status url_slots_bind(const struct url_slots *slots, const struct url_shape *shape,
                           struct arena *arena, struct value *values);

/* Text to value by declared type (specification 5.6.3) or autocast (5.6.4). ST_TYPE names
 * attribute, text and type. */
enum status url_convert(struct slice text, int attribute_type, struct slice attribute,
                        struct arena *arena, struct value *out, struct error *err);
/* A value of JSON, GraphQL or CBOR to a declared type, for comparisons: texts convert as above, but
 * for Any, where everything stays what it is; numbers, booleans and dates convert where nothing is
 * lost, else ST_TYPE. Null, arrays and objects stay. */
enum status url_convert_value(struct value v, int attribute_type, struct slice attribute,
                              struct arena *arena, struct value *out, struct error *err);
/* Percent-decoding; ST_SYNTAX for a malformed escape. Lent when nothing had to change. */
enum status url_decode(struct slice raw, bool plus_is_space, struct arena *arena, struct slice *out,
                       struct error *err);

#endif
