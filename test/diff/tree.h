/*
 * tree: statements as trees of text, so that a failing one can be made smaller without leaving what
 * the generator would have written.
 *
 * A node's text holds an '@' for each child. An expression may be replaced by one of the
 * expressions below it or by NULL, an optional part by nothing, an item of a list dropped together
 * with its comma. Everything else stays as it is. Nodes live until the round ends.
 */
#ifndef TEST_DIFF_TREE_H
#define TEST_DIFF_TREE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sort {
    FIXED,    /* stays */
    VALUE,    /* an expression */
    OPTIONAL, /* may be left out */
    LIST      /* items with commas between; at least one stays */
};

#define CHILDREN_MAX 24

struct node {
    enum sort sort;
    const char *text;
    struct node *children[CHILDREN_MAX];
    unsigned count;
    bool is_dropped;            /* OPTIONAL, or an item of a LIST */
    struct node *replaced_by;   /* VALUE */
    struct node *next_of_round; /* all nodes, to free them */
};

struct text {
    char *data;
    size_t len, capacity;
};

static inline void text_add(struct text *out, const char *bytes, size_t len)
{
    if (out->len + len + 1 > out->capacity) {
        out->capacity = (out->len + len + 1) * 2;
        out->data = realloc(out->data, out->capacity);
        if (out->data == NULL)
            abort();
    }
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
    out->data[out->len] = '\0';
}

static inline void tree_render(const struct node *node, struct text *out)
{
    unsigned child = 0;
    bool is_first = true;

    while (node->replaced_by != NULL)
        node = node->replaced_by;
    if (node->sort == OPTIONAL && node->is_dropped)
        return;
    if (node->sort == LIST) {
        for (; child < node->count; child++) {
            if (node->children[child]->is_dropped)
                continue;
            if (!is_first)
                text_add(out, ", ", 2);
            is_first = false;
            tree_render(node->children[child], out);
        }
        return;
    }
    for (const char *at = node->text; *at != '\0';) {
        size_t plain = strcspn(at, "@");

        text_add(out, at, plain);
        at += plain;
        if (*at == '@') {
            tree_render(node->children[child++], out);
            at++;
        }
    }
}

/* ---- making ---- */

struct nodes {
    struct node *first;
    char **texts;
    size_t text_count, text_capacity;
};

static inline struct node *node_new(struct nodes *nodes, enum sort sort, const char *text)
{
    struct node *node = calloc(1, sizeof *node);

    if (node == NULL)
        abort();
    node->sort = sort;
    node->text = text;
    node->next_of_round = nodes->first;
    nodes->first = node;
    return node;
}

/* Formatted text that lives as long as the nodes. */
__attribute__((format(printf, 2, 3))) static inline const char *text_kept(struct nodes *nodes,
                                                                          const char *format, ...)
{
    char *made = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&made, format, args) < 0)
        abort();
    va_end(args);
    if (nodes->text_count == nodes->text_capacity) {
        nodes->text_capacity = nodes->text_capacity * 2 + 64;
        nodes->texts = realloc(nodes->texts, nodes->text_capacity * sizeof *nodes->texts);
        if (nodes->texts == NULL)
            abort();
    }
    nodes->texts[nodes->text_count++] = made;
    return made;
}

static inline void node_add(struct node *node, struct node *child)
{
    if (node->count == CHILDREN_MAX)
        abort();
    node->children[node->count++] = child;
}

static inline struct node *node_with(struct nodes *nodes, enum sort sort, const char *text,
                                     struct node *a, struct node *b, struct node *c)
{
    struct node *node = node_new(nodes, sort, text);

    if (a != NULL)
        node_add(node, a);
    if (b != NULL)
        node_add(node, b);
    if (c != NULL)
        node_add(node, c);
    return node;
}

static inline void nodes_free(struct nodes *nodes)
{
    while (nodes->first != NULL) {
        struct node *next = nodes->first->next_of_round;

        free(nodes->first);
        nodes->first = next;
    }
    for (size_t k = 0; k < nodes->text_count; k++)
        free(nodes->texts[k]);
    free(nodes->texts);
    *nodes = (struct nodes){0};
}

#endif
