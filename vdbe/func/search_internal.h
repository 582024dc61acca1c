/*
 * SEARCH_JSON: a working subset of JSONata (1.8). Text is parsed once into a tree (search_parse.c),
 * which is evaluated over values (search_eval.c). Undefined is an absent value.
 *
 * Understood: names, `quoted names`, * and **, a.b, a[condition or number], $ $$ $variables,
 * strings, numbers, true false null, + - * / % &, = != < <= > >=, in, and, or, c ? a : b, [..] with
 * ranges,
 * {..}, (a; b), $x := v, and the functions of search_functions. Not: lambdas, regular expressions,
 * sorting, joins.
 */
#ifndef HARPER_FUNC_SEARCH_INTERNAL_H
#define HARPER_FUNC_SEARCH_INTERNAL_H

#include "vdbe/func/func_internal.h"

enum search_kind {
    SEARCH_LITERAL,
    SEARCH_NAME,
    SEARCH_WILDCARD,
    SEARCH_DESCENDANTS,
    SEARCH_VARIABLE, /* empty name: the context, "$": the root */
    SEARCH_CALL,
    SEARCH_PATH,   /* left . right */
    SEARCH_FILTER, /* left [ right ] */
    SEARCH_BINARY,
    SEARCH_NEGATE,
    SEARCH_CONDITION, /* items: condition, then, else */
    SEARCH_ARRAY,
    SEARCH_RANGE,
    SEARCH_OBJECT, /* items: name, value, name, value … */
    SEARCH_BLOCK,
    SEARCH_BIND, /* name := right */
};

enum search_op {
    SEARCH_ADD,
    SEARCH_SUBTRACT,
    SEARCH_MULTIPLY,
    SEARCH_DIVIDE,
    SEARCH_MODULO,
    SEARCH_CONCAT,
    SEARCH_EQUAL,
    SEARCH_UNEQUAL,
    SEARCH_LESS,
    SEARCH_LESS_EQUAL,
    SEARCH_GREATER,
    SEARCH_GREATER_EQUAL,
    SEARCH_IN,
    SEARCH_AND,
    SEARCH_OR,
};

struct search_node {
    uint8_t kind, op;
    uint32_t offset; /* into the expression */
    struct slice name;
    struct value literal;
    struct search_node *left, *right;
    struct search_node **items;
    size_t count;
};

enum { SEARCH_DEPTH_MAX = 100, SEARCH_TEXT_MAX = 50000 };

/* The tree lives in `arena` and points into `text`, which must too. */
enum status search_parse(struct arena *arena, struct slice text, struct search_node **out,
                         struct error *err);
enum status search_evaluate(struct func_context *context, const struct search_node *node,
                            struct value data, struct value *out);
void search_cache_free(struct search_cache *cache);

#endif
