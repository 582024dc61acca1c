/*
 * Within vdbe/ir: printing. One printer for queries on many lines and within expressions on one.
 */
#ifndef HARPER_IR_PRINT_INTERNAL_H
#define HARPER_IR_PRINT_INTERNAL_H

#include "vdbe/ir/ir.h"

struct printer {
    struct buf *out;
    unsigned indent;
    bool is_inline; /* clauses are separated by a space instead of a line */
};

void print_line(struct printer *p);                    /* begin a clause */
void print_name(struct printer *p, struct slice name); /* quoted when it is no plain word */
void print_text(struct printer *p, struct slice text); /* 'quoted' */
void print_expr(struct printer *p, const struct ir_expr *expr);
void print_exprs(struct printer *p, struct ir_expr *const *exprs, size_t count);
void print_orders(struct printer *p, const struct ir_order *orders, size_t count);
void print_outputs(struct printer *p, const struct ir_output *outputs, size_t count);
void print_window(struct printer *p, const struct ir_window *window);
void print_query(struct printer *p, const struct ir_query *query);
void print_inner_query(struct printer *p, const struct ir_query *query); /* in parentheses */
void print_names(struct printer *p, const struct ir_name *names, size_t count);
void print_source(struct printer *p, const struct ir_source *source);
void print_sources(struct printer *p, struct ir_source *const *sources, size_t count);
void print_clause(struct printer *p, const char *word, const struct ir_expr *expr);
void print_ctes(struct printer *p, const struct ir_cte *ctes, size_t count, bool is_recursive);
void print_order_limit(struct printer *p, const struct ir_order *order, size_t count,
                       const struct ir_expr *limit, const struct ir_expr *offset);

/* print_schema.c */
extern const char *const print_conflict_words[]; /* by enum ir_conflict */
void print_create_table(struct printer *p, const struct ir_create_table *table);
void print_create_index(struct printer *p, const struct ir_create_index *index);
void print_create_view(struct printer *p, const struct ir_create_view *view);
void print_create_trigger(struct printer *p, const struct ir_create_trigger *trigger);
void print_drop(struct printer *p, const struct ir_drop *drop);
void print_alter(struct printer *p, const struct ir_alter *alter);
void print_qualified(struct printer *p, struct ir_name database, struct ir_name name);

/* print.c */
void print_statement(struct printer *p, const struct ir_statement *statement);

#endif
