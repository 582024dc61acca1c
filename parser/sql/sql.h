/*
 * sql: SQL text to IR. SQLite 3.40's grammar, through a re2c lexer and a lemon grammar.
 *
 * The grammar builds an AST that mirrors the text; lower_*.c turn it into IR. Names stay as
 * written. Lifetimes: the IR lives in `arena` and points into `text`; both must outlive it. Errors:
 * ST_SYNTAX with the offset of the offending token and what was expected; ST_LIMIT for too deep or
 * too long.
 */
#ifndef HARPER_SQL_SQL_H
#define HARPER_SQL_SQL_H

#include "vdbe/ir/ir.h"

enum {
    SQL_TEXT_BYTES_MAX = 1000000000,
    SQL_EXPR_DEPTH_MAX = 1000,
    SQL_COLUMNS_MAX = 2000,
    SQL_PARAMETERS_MAX = 32766,
    SQL_COMPOUND_MAX = 500,
};

/* Parse the first statement of `text`. *out is NULL when there is none (blanks and comments only).
 * *rest is what follows the statement's semicolon. */
enum status sql_parse(struct slice text, struct arena *arena, struct ir_statement **out,
                      struct slice *rest, struct error *err);
/* One expression (defaults, CHECKs, index expressions, computed attributes). */
enum status sql_parse_expr(struct slice text, struct arena *arena, struct ir_expr **out,
                           struct error *err);
/* Does `text` end inside a statement (open string, comment, BEGIN … of a trigger, no semicolon)?
 * For shells. */
bool sql_is_complete(struct slice text);
bool sql_is_keyword(struct slice word); /* reserved: must be quoted as a name */
/* The keywords, for completion: keyword k, or NULL. */
const char *sql_keyword(size_t index);

#endif
