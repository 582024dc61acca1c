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
};

/* What attribute types are, for converting texts: asked once per name. NULL when the table has no
 * such attribute. */
struct url_schema {
    void *context;
    /* The declared type of `path` as enum attribute_type's number (0 Any), following relationships;
     * -1: not a defined attribute; -2: a relationship itself. *is_list tells arrays. */
    int (*type_of)(void *context, const struct slice *path, size_t parts, bool *is_list);
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

/* Text to value by declared type (specification 5.6.3) or autocast (5.6.4). ST_TYPE names
 * attribute, text and type. */
enum status url_convert(struct slice text, int attribute_type, struct slice attribute,
                        struct arena *arena, struct value *out, struct error *err);
/* Percent-decoding; ST_SYNTAX for a malformed escape. Lent when nothing had to change. */
enum status url_decode(struct slice raw, bool plus_is_space, struct arena *arena, struct slice *out,
                       struct error *err);

#endif
