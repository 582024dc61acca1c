/*
 * JSON for the SQL functions: a tree over text that keeps every token as it was written, or over a
 * document, which is opened level by level as it is looked at. Trees are changed in place and
 * written back as text or as a document.
 *
 * Nodes live in the context's arena; tokens are lent from the text, values from the document.
 */
#ifndef HARPER_FUNC_JSON_INTERNAL_H
#define HARPER_FUNC_JSON_INTERNAL_H

#include "vdbe/func/func_internal.h"

enum json_type {
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_INT,
    JSON_REAL,
    JSON_TEXT,
    JSON_ARRAY,
    JSON_OBJECT,
};

enum { JSON_DEPTH_MAX = 1000 };

struct json {
    uint8_t type;
    bool is_value;    /* content is `value`, else the token `raw` */
    bool is_open;     /* an array or object whose children are linked; always so when from text */
    bool name_is_raw; /* a member's name is a token: quoted and escaped; else plain text */
    uint32_t count;   /* children, when open */
    uint32_t id;      /* of json_tree's rows; see json_each.c */
    union {
        struct slice raw;
        struct value value;
    } as;
    struct slice name; /* of an object's member */
    struct json *first, *last, *next;
};

/* NULL with ST_OK never happens; malformed text: ST_SYNTAX without a message. */
enum status json_parse(struct arena *arena, struct slice text, struct json **out);
bool json_is_valid(struct slice text);
struct json *json_of_value(struct arena *arena, struct value v);
/* An argument that must be JSON: text is parsed, documents are taken. "malformed JSON" else. */
enum status json_of_argument(struct func_context *context, struct value v, struct json **out);
/* An argument that becomes a member or element: text is text unless it is flagged as JSON. */
enum status json_of_sql(struct func_context *context, struct value v, struct json **out);

enum status json_open(struct func_context *context, struct json *node); /* link the children */
void json_append(struct json *container, struct json *child);
struct json *json_new(struct arena *arena, enum json_type type);
const char *json_type_name(enum json_type type);

/* A member's name, or a text node's content, without quotes and escapes. */
enum status json_plain_name(struct func_context *context, const struct json *node,
                            struct slice *out);
enum status json_plain_text(struct func_context *context, const struct json *node,
                            struct slice *out);
bool json_has_name(struct func_context *context, const struct json *node, struct slice name);

/* The SQL value of a node: scalars as such, arrays and objects as JSON text or, when they are an
 * unchanged document, as that. */
enum status json_to_sql(struct func_context *context, struct json *node, struct value *out);
/* A whole tree as the result of a function whose first argument was `like`: a document when that
 * was one, else JSON text. */
enum status json_give(struct func_context *context, struct json *node, struct value like,
                      struct value *out);
void json_put(struct buf *out, const struct json *node);
void json_put_text(struct buf *out, struct slice text);
enum status json_put_sql(struct func_context *context, struct buf *out, struct value v);

/* Walk a path from `root`. *out is NULL when it leads nowhere. With `create`, members and elements
 * that are missing at its end are made (as null), and *created tells so. *parent is what holds the
 * node. */
struct json_step {
    struct json *node, *parent;
    bool is_created;
};
enum status json_walk(struct func_context *context, struct json *root, struct slice path,
                      bool create, struct json_step *out);

#endif
