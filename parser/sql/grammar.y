/*
 * The grammar of SQLite 3.40. Actions call one constructor each; what they make of the text is in
 * build_*.c and lower_*.c.
 *
 * Lists: an item's constructor pushes it on the parse's stack and answers a list of one, and
 * sql_list_more counts a further one. Whoever uses a list takes it off that stack, the last one
 * first.
 */
%name sql_lemon
%token_prefix TK_
%token_type {struct sql_token}
%default_type {struct sql_token}
%extra_context {struct sql_parse *parse}
%stack_size 6000
%stack_overflow {
    sql_fail(parse, ST_LIMIT, parse->token.text, "statement is nested too deeply");
}
%syntax_error {
    sql_syntax_error(parse, &TOKEN);
}
%include {
#include "parser/sql/sql_internal.h"
#include <stdlib.h>
#define YYNOERRORRECOVERY 1
#define YYPARSEFREENOTNULL 1

static const struct sql_list NO_LIST;
static const struct sql_token NO_TOKEN;
static const struct sql_alias NO_ALIAS;

static inline struct sql_token with_not(struct sql_token token)
{
    token.negated = true;
    return token;
}
static inline struct sql_alias alias_of(struct sql_token name, const char *start)
{
    return (struct sql_alias){name.text, name.len, (uint32_t)(name.text - start)};
}
}

/* Words that serve as names wherever nothing else is expected of them. */
%fallback ID
    ABORT ACTION AFTER ALWAYS ANALYZE ASC ATTACH BEFORE BEGIN BY CASCADE CAST COLUMNKW CONFLICT
    CTIME_KW CURRENT DATABASE DEFERRED DESC DETACH DO EACH END EXCLUDE EXCLUSIVE EXPLAIN FAIL
    FIRST FOLLOWING FOR GENERATED GROUPS IF IGNORE IMMEDIATE INITIALLY INSTEAD KEY LAST
    LIKE_KW MATCH MATERIALIZED NO NULLS OF OFFSET OTHERS PARTITION PLAN PRAGMA PRECEDING
    QUERY RAISE RANGE RECURSIVE REINDEX RELEASE RENAME REPLACE RESTRICT ROLLBACK ROW ROWS
    SAVEPOINT TEMP TIES TRIGGER UNBOUNDED VACUUM VIEW VIRTUAL WITH WITHOUT.

%token_class id ID|INDEXED.
%token_class id_or_text ID|STRING.

/* Weakest first. */
%left OR.
%left AND.
%right NOT.
%left IS MATCH LIKE_KW BETWEEN IN ISNULL NOTNULL NE EQ.
%left GT LE LT GE.
%right ESCAPE.
%left BITAND BITOR LSHIFT RSHIFT.
%left PLUS MINUS.
%left STAR SLASH REM.
%left CONCAT PTR.
%left COLLATE.
%right BITNOT.
%nonassoc ON.

/* ---- statements ---- */

%start_symbol input
input ::= finished SEMI.
input ::= ONLY_EXPRESSION expr(E). { parse->expr = E; }

%type finished {int}
%type statement {struct ir_statement *}
finished(A) ::= statement(S). { A = 0; sql_finish(parse, S); }

statement(A) ::= select(Q). { A = sql_statement_query(parse, Q); }
statement(A) ::= write(W). { A = W; }
statement(A) ::= WITH ctes(L) write(W). {
    A = sql_statement_with(parse, sql_with(parse, L, false), W);
}
statement(A) ::= WITH RECURSIVE ctes(L) write(W). {
    A = sql_statement_with(parse, sql_with(parse, L, true), W);
}

%type name {struct sql_token}
name(A) ::= id(A).
name(A) ::= STRING(A).
name(A) ::= JOIN_KW(A).
/* What stands before a dot; of its own, so that an expression need not begin with `name`. */
qualifier(A) ::= id(A) DOT.
qualifier(A) ::= STRING(A) DOT.
qualifier(A) ::= JOIN_KW(A) DOT.

%type names {struct sql_names *}
names(A) ::= name(X). { A = sql_names(parse, X, NO_TOKEN); }
names(A) ::= name(X) DOT name(Y). { A = sql_names(parse, X, Y); }

%type name_list {struct sql_list}
name_list(A) ::= name(X). { A = sql_push_name(parse, X); }
name_list(A) ::= name_list(L) COMMA name(X). { A = sql_list_more(L, sql_push_name(parse, X)); }

%type columns_opt {struct sql_list}
columns_opt(A) ::= . { A = NO_LIST; }
columns_opt(A) ::= LP name_list(L) RP. { A = L; }

/* ---- queries ---- */

%type select {struct ir_query *}
select(A) ::= query(Q). { A = Q; }
select(A) ::= with(W) query(Q). { A = sql_query_with(parse, W, Q); }
%type query {struct ir_query *}
query(A) ::= compound(C). { A = sql_query(parse, C, NO_LIST, (struct sql_limit){NULL, NULL}); }
query(A) ::= compound(C) ORDER BY orders(O) limit(L). { A = sql_query(parse, C, O, L); }
query(A) ::= compound(C) limit_clause(L). { A = sql_query(parse, C, NO_LIST, L); }

%type with {struct sql_ctes}
with(A) ::= WITH ctes(L). { A = sql_with(parse, L, false); }
with(A) ::= WITH RECURSIVE ctes(L). { A = sql_with(parse, L, true); }

%type ctes {struct sql_list}
%type cte {struct sql_list}
ctes(A) ::= cte(C). { A = C; }
ctes(A) ::= ctes(L) COMMA cte(C). { A = sql_list_more(L, C); }
cte(A) ::= name(N) columns_opt(C) AS materialized(M) LP select(Q) RP. {
    A = sql_push_cte(parse, N, C, M, Q);
}
%type materialized {uint8_t}
materialized(A) ::= . { A = 0; }
materialized(A) ::= MATERIALIZED. { A = 1; }
materialized(A) ::= NOT MATERIALIZED. { A = 2; }

%type compound {struct sql_list}
%type core {struct ir_block *}
compound(A) ::= core(B). {
    A = sql_compound_more(parse, NO_LIST, IR_SET_FIRST, NO_TOKEN, B);
}
compound(A) ::= compound(L) set_op(O) core(B). {
    A = sql_compound_more(parse, L, (uint8_t)O.len, O, B);
}
/* The operation travels in the token's length. */
set_op(A) ::= UNION(T). { A = T; A.len = IR_UNION; }
set_op(A) ::= UNION(T) ALL. { A = T; A.len = IR_UNION_ALL; }
set_op(A) ::= INTERSECT(T). { A = T; A.len = IR_INTERSECT; }
set_op(A) ::= EXCEPT(T). { A = T; A.len = IR_EXCEPT; }

core(A) ::= SELECT(T) distinct(D) outputs(O) from(F) where(W) grouping(G). {
    A = sql_select_core(parse, T, D, O, F, W, G);
}
core(A) ::= values(V). { A = sql_values_core(parse, V); }

%type values {struct sql_values}
values(A) ::= VALUES(T) LP exprs(L) RP. { A = sql_values_first(parse, T, L); }
values(A) ::= values(A) COMMA LP exprs(L) RP. { sql_values_more(parse, &A, L); }

%type distinct {bool}
distinct(A) ::= . { A = false; }
distinct(A) ::= ALL. { A = false; }
distinct(A) ::= DISTINCT. { A = true; }

%type outputs {struct sql_list}
%type output {struct sql_list}
outputs(A) ::= output(O). { A = O; }
outputs(A) ::= outputs(L) COMMA output(O). { A = sql_list_more(L, O); }
output(A) ::= expr(E) alias(N). { A = sql_push_output(parse, E, N); }
output(A) ::= STAR(S). { A = sql_push_star(parse, S, NO_TOKEN); }
output(A) ::= qualifier(N) STAR(S). { A = sql_push_star(parse, S, N); }

%type alias {struct sql_alias}
alias(A) ::= . { A = (struct sql_alias){0}; }
alias(A) ::= AS(S) name(N). { A = alias_of(N, S.text); }
alias(A) ::= id_or_text(N). { A = alias_of(N, N.text); }

%type from {struct sql_list}
%type joined {struct sql_list}
%type source {struct ir_source *}
from(A) ::= . { A = NO_LIST; }
from(A) ::= FROM joined(L). { A = L; }
joined(A) ::= source(S). { A = sql_joined_first(parse, S); }
joined(A) ::= joined(L) join(J) source(S) constraint(C). {
    A = sql_joined_more(parse, L, J, S, C);
}

%type join {struct sql_join}
join(A) ::= COMMA. { A = (struct sql_join){IR_JOIN_INNER, false}; }
join(A) ::= JOIN. { A = (struct sql_join){IR_JOIN_INNER, false}; }
join(A) ::= JOIN_KW(X) JOIN. { A = sql_join_words(parse, X, NO_TOKEN, NO_TOKEN); }
join(A) ::= JOIN_KW(X) name(Y) JOIN. { A = sql_join_words(parse, X, Y, NO_TOKEN); }
join(A) ::= JOIN_KW(X) name(Y) name(Z) JOIN. { A = sql_join_words(parse, X, Y, Z); }

/* Of `INSERT … SELECT … JOIN t ON CONFLICT` the ON is the join's, as in SQLite. */
%type constraint {struct sql_constraint *}
constraint(A) ::= . [OR] { A = NULL; }
constraint(A) ::= ON expr(E). { A = sql_on(parse, E); }
constraint(A) ::= USING LP name_list(L) RP. { A = sql_using(parse, L); }

source(A) ::= name(X) alias(N). { A = sql_table(parse, X, NO_TOKEN, N, NULL); }
source(A) ::= name(X) alias(N) hint(H). { A = sql_table(parse, X, NO_TOKEN, N, H); }
source(A) ::= name(X) DOT name(Y) alias(N). { A = sql_table(parse, X, Y, N, NULL); }
source(A) ::= name(X) DOT name(Y) alias(N) hint(H). { A = sql_table(parse, X, Y, N, H); }
source(A) ::= name(X) LP exprs_opt(L) RP alias(N). {
    A = sql_table_function(parse, X, NO_TOKEN, L, N);
}
source(A) ::= name(X) DOT name(Y) LP exprs_opt(L) RP alias(N). {
    A = sql_table_function(parse, X, Y, L, N);
}
source(A) ::= LP select(Q) RP alias(N). { A = sql_query_source(parse, Q, N); }
source(A) ::= LP joined(L) RP alias(N). { A = sql_group_source(parse, L, N); }

%type hint {struct sql_hint *}
hint(A) ::= INDEXED BY name(N). { A = sql_hint(parse, N); }
hint(A) ::= NOT INDEXED. { A = sql_hint(parse, NO_TOKEN); }

%type where {struct ir_expr *}
where(A) ::= . { A = NULL; }
where(A) ::= WHERE expr(E). { A = E; }
/* Rules without clauses are common enough to have a rule of their own: a reduction costs as much as
 * a token. */
%type grouping {struct sql_grouping *}
grouping(A) ::= . { A = NULL; }
grouping(A) ::= GROUP BY exprs(L) windows(N). { A = sql_grouping(parse, L, NULL, N); }
grouping(A) ::= GROUP BY exprs(L) HAVING expr(E) windows(N). { A = sql_grouping(parse, L, E, N); }
grouping(A) ::= HAVING expr(E) windows(N). { A = sql_grouping(parse, NO_LIST, E, N); }
grouping(A) ::= WINDOW window_list(N). { A = sql_grouping(parse, NO_LIST, NULL, N); }

%type order_by {struct sql_list}
%type orders {struct sql_list}
%type order {struct sql_list}
order_by(A) ::= . { A = NO_LIST; }
order_by(A) ::= ORDER BY orders(L). { A = L; }
orders(A) ::= order(O). { A = O; }
orders(A) ::= orders(L) COMMA order(O). { A = sql_list_more(L, O); }
order(A) ::= expr(E) order_end(D). { A = sql_push_order(parse, E, D); }

%type order_end {struct sql_order_end}
order_end(A) ::= direction(D) nulls(N). {
    A = (struct sql_order_end){D.text != NULL ? D.text : N.text, D.code == TK_DESC,
                               (uint8_t)(N.code == TK_FIRST ? 1 : N.code == TK_LAST ? 2 : 0)};
}
direction(A) ::= . { A = NO_TOKEN; }
direction(A) ::= ASC(A).
direction(A) ::= DESC(A).
nulls(A) ::= . { A = NO_TOKEN; }
nulls(A) ::= NULLS(T) FIRST(W). { A = T; A.code = W.code; }
nulls(A) ::= NULLS(T) LAST(W). { A = T; A.code = W.code; }

%type limit {struct sql_limit}
%type limit_clause {struct sql_limit}
limit(A) ::= . { A = (struct sql_limit){NULL, NULL}; }
limit(A) ::= limit_clause(A).
limit_clause(A) ::= LIMIT expr(L). { A = (struct sql_limit){L, NULL}; }
limit_clause(A) ::= LIMIT expr(L) OFFSET expr(O). { A = (struct sql_limit){L, O}; }
limit_clause(A) ::= LIMIT expr(O) COMMA expr(L). { A = (struct sql_limit){L, O}; }

/* ---- windows ---- */

%type windows {struct sql_list}
%type window_list {struct sql_list}
%type window {struct ir_window *}
%type frame {struct ir_window *}
windows(A) ::= . { A = NO_LIST; }
windows(A) ::= WINDOW window_list(L). { A = L; }
window_list(A) ::= name(N) AS LP window(W) RP. { A = sql_push_window(parse, NO_LIST, N, W); }
window_list(A) ::= window_list(L) COMMA name(N) AS LP window(W) RP. {
    A = sql_list_more(L, sql_push_window(parse, L, N, W));
}
window(A) ::= frame(F). { A = sql_window(parse, NO_TOKEN, NO_LIST, NO_LIST, F); }
window(A) ::= name(B) frame(F). { A = sql_window(parse, B, NO_LIST, NO_LIST, F); }
window(A) ::= ORDER BY orders(O) frame(F). { A = sql_window(parse, NO_TOKEN, NO_LIST, O, F); }
window(A) ::= name(B) ORDER BY orders(O) frame(F). { A = sql_window(parse, B, NO_LIST, O, F); }
window(A) ::= PARTITION BY exprs(P) order_by(O) frame(F). {
    A = sql_window(parse, NO_TOKEN, P, O, F);
}
window(A) ::= name(B) PARTITION BY exprs(P) order_by(O) frame(F). {
    A = sql_window(parse, B, P, O, F);
}

frame(A) ::= . { A = NULL; }
frame(A) ::= RANGE|ROWS|GROUPS(U) frame_start(S) frame_exclude(X). {
    A = sql_frame(parse, U, S, (struct sql_bound){NULL, IR_CURRENT_ROW}, X);
}
frame(A) ::= RANGE|ROWS|GROUPS(U) BETWEEN frame_start(S) AND frame_end(E) frame_exclude(X). {
    A = sql_frame(parse, U, S, E, X);
}
%type frame_start {struct sql_bound}
%type frame_end {struct sql_bound}
%type frame_bound {struct sql_bound}
frame_start(A) ::= UNBOUNDED PRECEDING. { A = (struct sql_bound){NULL, IR_UNBOUNDED_PRECEDING}; }
frame_start(A) ::= frame_bound(A).
frame_end(A) ::= UNBOUNDED FOLLOWING. { A = (struct sql_bound){NULL, IR_UNBOUNDED_FOLLOWING}; }
frame_end(A) ::= frame_bound(A).
frame_bound(A) ::= CURRENT ROW. { A = (struct sql_bound){NULL, IR_CURRENT_ROW}; }
frame_bound(A) ::= expr(E) PRECEDING. { A = (struct sql_bound){E, IR_PRECEDING}; }
frame_bound(A) ::= expr(E) FOLLOWING. { A = (struct sql_bound){E, IR_FOLLOWING}; }
%type frame_exclude {uint8_t}
frame_exclude(A) ::= . { A = IR_EXCLUDE_NO_OTHERS; }
frame_exclude(A) ::= EXCLUDE NO OTHERS. { A = IR_EXCLUDE_NO_OTHERS; }
frame_exclude(A) ::= EXCLUDE CURRENT ROW. { A = IR_EXCLUDE_CURRENT_ROW; }
frame_exclude(A) ::= EXCLUDE GROUP. { A = IR_EXCLUDE_GROUP; }
frame_exclude(A) ::= EXCLUDE TIES. { A = IR_EXCLUDE_TIES; }

%type call_clauses {struct sql_over}
%type filter {struct ir_expr *}
%type over {struct ir_window *}
call_clauses(A) ::= filter(F). { A = (struct sql_over){F, NULL}; }
call_clauses(A) ::= over(W). { A = (struct sql_over){NULL, W}; }
call_clauses(A) ::= filter(F) over(W). { A = (struct sql_over){F, W}; }
filter(A) ::= FILTER LP WHERE expr(E) RP. { A = E; }
over(A) ::= OVER LP window(W) RP. { A = W; }
over(A) ::= OVER name(N). { A = sql_window_name(parse, N); }

/* ---- expressions ---- */

%type expr {struct ir_expr *}
%type term {struct ir_expr *}
%type call {struct ir_expr *}
%type exprs {struct sql_list}
%type exprs_opt {struct sql_list}
exprs(A) ::= expr(E). { A = sql_push_expr(parse, E); }
exprs(A) ::= exprs(L) COMMA expr(E). { A = sql_list_more(L, sql_push_expr(parse, E)); }
exprs_opt(A) ::= . { A = NO_LIST; }
exprs_opt(A) ::= exprs(A).

/* Literals where no other expression may stand. */
term(A) ::= NULL(T). { A = sql_null(parse, T); }
term(A) ::= INTEGER|FLOAT(T). { A = sql_number(parse, T); }
term(A) ::= STRING(T). { A = sql_string(parse, T); }
term(A) ::= BLOB(T). { A = sql_blob(parse, T); }
term(A) ::= CTIME_KW(T). { A = sql_current_time(parse, T); }

expr(A) ::= NULL(T). { A = sql_null(parse, T); }
expr(A) ::= INTEGER|FLOAT(T). { A = sql_number(parse, T); }
expr(A) ::= STRING(T). { A = sql_string(parse, T); }
expr(A) ::= BLOB(T). { A = sql_blob(parse, T); }
expr(A) ::= CTIME_KW(T). { A = sql_current_time(parse, T); }
expr(A) ::= VARIABLE(T). { A = sql_param(parse, T); }
expr(A) ::= id(N). { A = sql_column(parse, N); }
expr(A) ::= JOIN_KW(N). { A = sql_column(parse, N); }
expr(A) ::= qualifier(X) name(Y). { A = sql_column_of(parse, X, Y); }
expr(A) ::= path(L). { A = sql_path(parse, L); }
%type path {struct sql_list}
path(A) ::= qualifier(X) name(Y) DOT name(Z). {
    A = sql_push_name(parse, X);
    A = sql_list_more(A, sql_push_name(parse, Y));
    A = sql_list_more(A, sql_push_name(parse, Z));
}
path(A) ::= path(L) DOT name(X). { A = sql_list_more(L, sql_push_name(parse, X)); }

expr(A) ::= LP(T) expr(E) RP. { A = sql_parens(parse, T, E); }
expr(A) ::= LP(T) exprs(L) COMMA expr(E) RP. {
    A = sql_row(parse, T, sql_list_more(L, sql_push_expr(parse, E)));
}
expr(A) ::= LP(T) select(Q) RP. { A = sql_subquery(parse, T, Q, false); }
expr(A) ::= EXISTS(T) LP select(Q) RP. { A = sql_subquery(parse, T, Q, true); }

expr(A) ::= expr(L) OR expr(R). { A = sql_logic(parse, IR_OR, L, R); }
expr(A) ::= expr(L) AND expr(R). { A = sql_logic(parse, IR_AND, L, R); }
expr(A) ::= NOT(T) expr(E). { A = sql_prefix(parse, T, E); }
expr(A) ::= expr(L) EQ|NE(T) expr(R). { A = sql_compare(parse, T, L, R); }
expr(A) ::= expr(L) LT|LE|GT|GE(T) expr(R). { A = sql_compare(parse, T, L, R); }
expr(A) ::= expr(L) BITAND|BITOR|LSHIFT|RSHIFT(T) expr(R). { A = sql_binary(parse, T, L, R); }
expr(A) ::= expr(L) PLUS|MINUS(T) expr(R). { A = sql_binary(parse, T, L, R); }
expr(A) ::= expr(L) STAR|SLASH|REM(T) expr(R). { A = sql_binary(parse, T, L, R); }
expr(A) ::= expr(L) CONCAT|PTR(T) expr(R). { A = sql_binary(parse, T, L, R); }
expr(A) ::= BITNOT(T) expr(E). { A = sql_prefix(parse, T, E); }
expr(A) ::= PLUS|MINUS(T) expr(E). [BITNOT] { A = sql_prefix(parse, T, E); }
expr(A) ::= expr(E) COLLATE id_or_text(N). { A = sql_collate(parse, E, N); }

expr(A) ::= expr(E) like_op(T) expr(P). [LIKE_KW] { A = sql_like(parse, T, E, P, NULL); }
expr(A) ::= expr(E) like_op(T) expr(P) ESCAPE expr(X). [LIKE_KW] {
    A = sql_like(parse, T, E, P, X);
}
like_op(A) ::= LIKE_KW|MATCH(A).
like_op(A) ::= NOT LIKE_KW|MATCH(T). { A = with_not(T); }

expr(A) ::= expr(E) ISNULL. { A = sql_postfix(parse, IR_IS_NULL, E); }
expr(A) ::= expr(E) NOTNULL. { A = sql_postfix(parse, IR_NOT_NULL, E); }
expr(A) ::= expr(E) NOT NULL. { A = sql_postfix(parse, IR_NOT_NULL, E); }
expr(A) ::= expr(L) IS expr(R). { A = sql_is(parse, false, L, R); }
expr(A) ::= expr(L) IS NOT expr(R). { A = sql_is(parse, true, L, R); }
expr(A) ::= expr(L) IS NOT DISTINCT FROM expr(R). { A = sql_is(parse, false, L, R); }
expr(A) ::= expr(L) IS DISTINCT FROM expr(R). { A = sql_is(parse, true, L, R); }

expr(A) ::= expr(E) between(T) expr(L) AND expr(H). [BETWEEN] {
    A = sql_between(parse, T, E, L, H);
}
between(A) ::= BETWEEN(A).
between(A) ::= NOT BETWEEN(T). { A = with_not(T); }

expr(A) ::= expr(E) in(T) LP exprs_opt(L) RP. [IN] { A = sql_in_list(parse, T, E, L); }
expr(A) ::= expr(E) in(T) LP select(Q) RP. [IN] { A = sql_in_query(parse, T, E, Q); }
expr(A) ::= expr(E) in(T) name(X). [IN] {
    A = sql_in_source(parse, T, E, sql_table(parse, X, NO_TOKEN, NO_ALIAS, NULL));
}
expr(A) ::= expr(E) in(T) name(X) DOT name(Y). [IN] {
    A = sql_in_source(parse, T, E, sql_table(parse, X, Y, NO_ALIAS, NULL));
}
expr(A) ::= expr(E) in(T) name(X) LP exprs_opt(L) RP. [IN] {
    A = sql_in_source(parse, T, E, sql_table_function(parse, X, NO_TOKEN, L, NO_ALIAS));
}
expr(A) ::= expr(E) in(T) name(X) DOT name(Y) LP exprs_opt(L) RP. [IN] {
    A = sql_in_source(parse, T, E, sql_table_function(parse, X, Y, L, NO_ALIAS));
}
in(A) ::= IN(A).
in(A) ::= NOT IN(T). { A = with_not(T); }

expr(A) ::= CASE(T) arms(L) else(E) END. { A = sql_case(parse, T, NULL, L, E); }
expr(A) ::= CASE(T) expr(X) arms(L) else(E) END. { A = sql_case(parse, T, X, L, E); }
%type arms {struct sql_list}
arms(A) ::= WHEN expr(W) THEN expr(T). { A = sql_push_arm(parse, W, T); }
arms(A) ::= arms(L) WHEN expr(W) THEN expr(T). {
    A = sql_list_more(L, sql_push_arm(parse, W, T));
}
%type else {struct ir_expr *}
else(A) ::= . { A = NULL; }
else(A) ::= ELSE expr(E). { A = E; }

expr(A) ::= CAST(T) LP expr(E) AS type_opt(Y) RP. { A = sql_cast(parse, T, E, Y); }

expr(A) ::= call(A).
expr(A) ::= call(C) call_clauses(X). { A = sql_call_over(parse, C, X.filter, X.over); }
call(A) ::= id(N) LP distinct(D) exprs_opt(L) RP. { A = sql_call(parse, N, D, L); }
/* As an operator ISNULL never begins an expression, so the function of that name can be had. */
call(A) ::= ISNULL(N) LP exprs(L) RP. { A = sql_call(parse, N, false, L); }
call(A) ::= id(N) LP STAR RP. { A = sql_call_star(parse, N); }

expr(A) ::= RAISE(T) LP IGNORE(X) RP. { A = sql_raise(parse, T, IR_RAISE_IGNORE, X); }
expr(A) ::= RAISE(T) LP ROLLBACK COMMA name(M) RP. {
    A = sql_raise(parse, T, IR_RAISE_ROLLBACK, M);
}
expr(A) ::= RAISE(T) LP ABORT COMMA name(M) RP. { A = sql_raise(parse, T, IR_RAISE_ABORT, M); }
expr(A) ::= RAISE(T) LP FAIL COMMA name(M) RP. { A = sql_raise(parse, T, IR_RAISE_FAIL, M); }

/* A declared type, as written. */
%type type {struct slice}
%type type_opt {struct slice}
type_opt(A) ::= . { A = slice_empty(); }
type_opt(A) ::= type(A).
type(A) ::= type_words(W). { A = slice_of(W.text, W.len); }
type(A) ::= type_words(W) LP signed RP(R). { A = sql_span(W.text, R.text + R.len); }
type(A) ::= type_words(W) LP signed COMMA signed RP(R). { A = sql_span(W.text, R.text + R.len); }
type_words(A) ::= id_or_text(A).
type_words(A) ::= type_words(W) id_or_text(N). {
    A = W;
    A.len = (uint32_t)(N.text + N.len - W.text);
}
signed ::= INTEGER|FLOAT.
signed ::= PLUS|MINUS INTEGER|FLOAT.

/* ---- writes ---- */

%type write {struct ir_statement *}
%type target {struct ir_source *}
write(A) ::= insert_verb(V) INTO target(T) columns_opt(C) select(Q) upserts(U) returning(R). {
    A = sql_insert(parse, V, T, C, Q, U, R);
}
write(A) ::= insert_verb(V) INTO target(T) columns_opt(C) DEFAULT VALUES returning(R). {
    A = sql_insert(parse, V, T, C, NULL, NO_LIST, R);
}
write(A) ::= UPDATE or_conflict(V) hinted(T) SET sets(S) from(F) where(W) returning(R)
             order_by(O) limit(L). {
    A = sql_update(parse, V, T, S, F, W, R, O, L);
}
write(A) ::= DELETE FROM hinted(T) where(W) returning(R) order_by(O) limit(L). {
    A = sql_delete(parse, T, W, R, O, L);
}

%type insert_verb {uint8_t}
insert_verb(A) ::= INSERT or_conflict(V). { A = V; }
insert_verb(A) ::= REPLACE. { A = IR_CONFLICT_REPLACE; }
%type or_conflict {uint8_t}
or_conflict(A) ::= . { A = IR_CONFLICT_NONE; }
or_conflict(A) ::= OR resolution(V). { A = V; }
%type resolution {uint8_t}
resolution(A) ::= ROLLBACK. { A = IR_CONFLICT_ROLLBACK; }
resolution(A) ::= ABORT. { A = IR_CONFLICT_ABORT; }
resolution(A) ::= FAIL. { A = IR_CONFLICT_FAIL; }
resolution(A) ::= IGNORE. { A = IR_CONFLICT_IGNORE; }
resolution(A) ::= REPLACE. { A = IR_CONFLICT_REPLACE; }

target(A) ::= name(X). { A = sql_table(parse, X, NO_TOKEN, NO_ALIAS, NULL); }
target(A) ::= name(X) DOT name(Y). { A = sql_table(parse, X, Y, NO_ALIAS, NULL); }
target(A) ::= name(X) AS(S) name(N). {
    A = sql_table(parse, X, NO_TOKEN, alias_of(N, S.text), NULL);
}
target(A) ::= name(X) DOT name(Y) AS(S) name(N). {
    A = sql_table(parse, X, Y, alias_of(N, S.text), NULL);
}
%type hinted {struct ir_source *}
hinted(A) ::= target(A).
hinted(A) ::= target(T) hint(H). {
    A = T;
    sql_hint_table(parse, A, H);
}

%type upserts {struct sql_list}
%type upsert {struct sql_list}
upserts(A) ::= . { A = NO_LIST; }
upserts(A) ::= upserts(L) upsert(U). { A = sql_list_more(L, U); }
upsert(A) ::= ON CONFLICT LP orders(T) RP where(X) DO NOTHING. {
    A = sql_push_upsert(parse, T, X, true, NO_LIST, NULL);
}
upsert(A) ::= ON CONFLICT LP orders(T) RP where(X) DO UPDATE SET sets(S) where(W). {
    A = sql_push_upsert(parse, T, X, false, S, W);
}
upsert(A) ::= ON CONFLICT DO NOTHING. {
    A = sql_push_upsert(parse, NO_LIST, NULL, true, NO_LIST, NULL);
}
upsert(A) ::= ON CONFLICT DO UPDATE SET sets(S) where(W). {
    A = sql_push_upsert(parse, NO_LIST, NULL, false, S, W);
}

%type sets {struct sql_list}
%type set {struct sql_list}
sets(A) ::= set(S). { A = S; }
sets(A) ::= sets(L) COMMA set(S). { A = sql_list_more(L, S); }
set(A) ::= name(N) EQ expr(E). { A = sql_push_set(parse, N, E); }
set(A) ::= LP name_list(L) RP EQ expr(E). { A = sql_push_set_row(parse, L, E); }

%type returning {struct sql_list}
returning(A) ::= . { A = NO_LIST; }
returning(A) ::= RETURNING outputs(L). { A = L; }

/* ---- tables ---- */

statement(A) ::= table_head LP table_columns table_constraints RP table_options. {
    A = sql_table_end(parse, NULL, false);
}
statement(A) ::= table_head AS select(Q). { A = sql_table_end(parse, Q, false); }
statement(A) ::= table_head. { A = sql_table_end(parse, NULL, true); }

%type table_head {int}
table_head(A) ::= CREATE temporary(T) TABLE if_not_exists(I) names(N). {
    A = 0;
    sql_table_begin(parse, T, I, N);
}
%type temporary {bool}
temporary(A) ::= . { A = false; }
temporary(A) ::= TEMP. { A = true; }
%type if_not_exists {bool}
if_not_exists(A) ::= . { A = false; }
if_not_exists(A) ::= IF NOT EXISTS. { A = true; }

table_columns ::= column.
table_columns ::= table_columns COMMA column.
column ::= column_name column_constraints.
column_name ::= name(N) type_opt(T). { sql_column_begin(parse, N, T); }
column_constraints ::= .
column_constraints ::= column_constraints column_constraint.

column_constraint ::= CONSTRAINT name(N). { sql_constraint_name(parse, N); }
column_constraint ::= DEFAULT(D) term(E). {
    sql_column_default(parse, E, sql_span(D.text + D.len, parse->previous_end));
}
column_constraint ::= DEFAULT LP(L) expr(E) RP(R). {
    sql_column_default(parse, E, sql_span(L.text + 1, R.text));
}
column_constraint ::= DEFAULT PLUS(T) term(E). {
    sql_column_default(parse, sql_prefix(parse, T, E), sql_span(T.text, parse->previous_end));
}
column_constraint ::= DEFAULT MINUS(T) term(E). {
    sql_column_default(parse, sql_prefix(parse, T, E), sql_span(T.text, parse->previous_end));
}
column_constraint ::= DEFAULT id(N). {
    sql_column_default(parse, sql_name_as_text(parse, N), slice_of(N.text, N.len));
}
column_constraint ::= NULL on_conflict.
column_constraint ::= NOT NULL on_conflict(V). { sql_column_not_null(parse, V); }
column_constraint ::= PRIMARY KEY direction(D) on_conflict(V) autoincrement(I). {
    sql_column_primary_key(parse, D.code == TK_DESC, V, I);
}
column_constraint ::= UNIQUE on_conflict(V). { sql_column_unique(parse, V); }
column_constraint ::= CHECK LP(L) expr(E) RP(R). {
    sql_check(parse, E, sql_span(L.text + 1, R.text));
}
column_constraint ::= REFERENCES name(P) columns_opt(L) actions(X). {
    sql_column_references(parse, P, L, X);
}
column_constraint ::= deferral(D). { sql_column_deferred(parse, D); }
column_constraint ::= COLLATE id_or_text(N). { sql_column_collate(parse, N); }
column_constraint ::= GENERATED ALWAYS AS generated.
column_constraint ::= AS generated.
generated ::= LP(L) expr(E) RP(R). {
    sql_column_generated(parse, E, sql_span(L.text + 1, R.text), NO_TOKEN);
}
generated ::= LP(L) expr(E) RP(R) ID(H). {
    sql_column_generated(parse, E, sql_span(L.text + 1, R.text), H);
}

%type autoincrement {bool}
autoincrement(A) ::= . { A = false; }
autoincrement(A) ::= AUTOINCR. { A = true; }
%type on_conflict {uint8_t}
on_conflict(A) ::= . { A = IR_CONFLICT_NONE; }
on_conflict(A) ::= ON CONFLICT resolution(V). { A = V; }

%type actions {struct sql_actions}
%type action {uint8_t}
actions(A) ::= . { A = (struct sql_actions){0, 0}; }
actions(A) ::= actions(A) ON INSERT action.
actions(A) ::= actions(A) ON DELETE action(X). { A.on_delete = X; }
actions(A) ::= actions(A) ON UPDATE action(X). { A.on_update = X; }
actions(A) ::= actions(A) MATCH name.
action(A) ::= NO ACTION. { A = 0; }
action(A) ::= RESTRICT. { A = 1; }
action(A) ::= SET NULL. { A = 2; }
action(A) ::= SET DEFAULT. { A = 3; }
action(A) ::= CASCADE. { A = 4; }

%type deferral {bool}
%type deferral_opt {bool}
%type initially {bool}
deferral(A) ::= NOT DEFERRABLE initially. { A = false; }
deferral(A) ::= DEFERRABLE initially(I). { A = I; }
deferral_opt(A) ::= . { A = false; }
deferral_opt(A) ::= deferral(A).
initially(A) ::= . { A = false; }
initially(A) ::= INITIALLY DEFERRED. { A = true; }
initially(A) ::= INITIALLY IMMEDIATE. { A = false; }

table_constraints ::= .
table_constraints ::= COMMA table_constraint_list.
table_constraint_list ::= table_constraint.
table_constraint_list ::= table_constraint_list comma_opt table_constraint.
comma_opt ::= .
comma_opt ::= COMMA.
table_constraint ::= CONSTRAINT name(N). { sql_constraint_name(parse, N); }
table_constraint ::= PRIMARY KEY LP orders(L) autoincrement(I) RP on_conflict(V). {
    sql_table_key(parse, IR_CONSTRAINT_PRIMARY_KEY, L, I, V);
}
table_constraint ::= UNIQUE LP orders(L) RP on_conflict(V). {
    sql_table_key(parse, IR_CONSTRAINT_UNIQUE, L, false, V);
}
table_constraint ::= CHECK LP(L) expr(E) RP(R) on_conflict. {
    sql_check(parse, E, sql_span(L.text + 1, R.text));
}
table_constraint ::= FOREIGN KEY LP name_list(L) RP REFERENCES name(P) columns_opt(C) actions(X)
                     deferral_opt(D). {
    sql_table_foreign_key(parse, L, P, C, X, D);
}

table_options ::= .
table_options ::= table_option_list.
table_option_list ::= table_option.
table_option_list ::= table_option_list COMMA table_option.
table_option ::= WITHOUT name(N). { sql_table_option(parse, true, N); }
table_option ::= name(N). { sql_table_option(parse, false, N); }

/* ---- indexes, views, triggers ---- */

statement(A) ::= CREATE unique(U) INDEX if_not_exists(I) names(N) ON name(T) LP orders(L) RP
                 where(W). {
    A = sql_create_index(parse, U, I, N, T, L, W);
}
%type unique {bool}
unique(A) ::= . { A = false; }
unique(A) ::= UNIQUE. { A = true; }

statement(A) ::= CREATE temporary(T) VIEW if_not_exists(I) names(N) columns_opt(C) AS select(Q). {
    A = sql_create_view(parse, T, I, N, C, Q);
}

statement ::= CREATE VIRTUAL(T) TABLE. {
    sql_fail(parse, ST_UNSUPPORTED, T.text, "virtual tables are not supported");
}

%type trigger_head {struct ir_create_trigger *}
%type trigger {struct ir_create_trigger *}
statement(A) ::= trigger(T) BEGIN trigger_body(L) END. { A = sql_trigger_end(parse, T, L); }
trigger(A) ::= trigger_event(T) ON names(N) for_each_row when(W). {
    A = T;
    sql_trigger_target(parse, T, N, W);
}
%type trigger_event {struct ir_create_trigger *}
trigger_event(A) ::= trigger_head(T) trigger_time(M) event(E). {
    A = T;
    sql_trigger_event(parse, T, M, (enum ir_trigger_event)E.event, E.columns);
}
trigger_head(A) ::= CREATE temporary(T) TRIGGER if_not_exists(I) names(N). {
    A = sql_trigger_begin(parse, T, I, N);
}
%type trigger_time {uint8_t}
trigger_time(A) ::= . { A = IR_TRIGGER_BEFORE; }
trigger_time(A) ::= BEFORE. { A = IR_TRIGGER_BEFORE; }
trigger_time(A) ::= AFTER. { A = IR_TRIGGER_AFTER; }
trigger_time(A) ::= INSTEAD OF. { A = IR_TRIGGER_INSTEAD_OF; }
%type event {struct sql_event}
event(A) ::= DELETE. { A = (struct sql_event){IR_TRIGGER_DELETE, NO_LIST}; }
event(A) ::= INSERT. { A = (struct sql_event){IR_TRIGGER_INSERT, NO_LIST}; }
event(A) ::= UPDATE. { A = (struct sql_event){IR_TRIGGER_UPDATE, NO_LIST}; }
event(A) ::= UPDATE OF name_list(L). { A = (struct sql_event){IR_TRIGGER_UPDATE, L}; }
for_each_row ::= .
for_each_row ::= FOR EACH ROW.
%type when {struct ir_expr *}
when(A) ::= . { A = NULL; }
when(A) ::= WHEN expr(E). { A = E; }
%type trigger_body {struct sql_list}
%type trigger_statement {struct ir_statement *}
trigger_body(A) ::= trigger_statement(S) SEMI. { A = sql_push_trigger_statement(parse, S); }
trigger_body(A) ::= trigger_body(L) trigger_statement(S) SEMI. {
    A = sql_list_more(L, sql_push_trigger_statement(parse, S));
}
trigger_statement(A) ::= write(A).
trigger_statement(A) ::= select(Q). { A = sql_statement_query(parse, Q); }

%type object {uint8_t}
statement(A) ::= DROP object(K) if_exists(I) names(N). {
    A = sql_drop(parse, (enum ir_object_kind)K, I, N);
}
object(A) ::= TABLE. { A = IR_OBJECT_TABLE; }
object(A) ::= INDEX. { A = IR_OBJECT_INDEX; }
object(A) ::= VIEW. { A = IR_OBJECT_VIEW; }
object(A) ::= TRIGGER. { A = IR_OBJECT_TRIGGER; }
%type if_exists {bool}
if_exists(A) ::= . { A = false; }
if_exists(A) ::= IF EXISTS. { A = true; }

statement(A) ::= ALTER TABLE names(T) RENAME TO name(N). {
    A = sql_alter(parse, IR_ALTER_RENAME_TABLE, T, NO_TOKEN, N);
}
statement(A) ::= ALTER TABLE names(T) RENAME column_word name(C) TO name(N). {
    A = sql_alter(parse, IR_ALTER_RENAME_COLUMN, T, C, N);
}
statement(A) ::= ALTER TABLE names(T) DROP column_word name(C). {
    A = sql_alter(parse, IR_ALTER_DROP_COLUMN, T, C, NO_TOKEN);
}
statement(A) ::= alter_add(T) column. { A = sql_alter_add(parse, T); }
%type alter_add {struct sql_names *}
alter_add(A) ::= ALTER TABLE names(T) ADD column_word. {
    A = T;
    sql_alter_begin(parse);
}
column_word ::= .
column_word ::= COLUMNKW.

/* ---- control ---- */

statement(A) ::= BEGIN transaction. { A = sql_transaction(parse, IR_BEGIN_DEFERRED, NO_TOKEN); }
statement(A) ::= BEGIN DEFERRED transaction. {
    A = sql_transaction(parse, IR_BEGIN_DEFERRED, NO_TOKEN);
}
statement(A) ::= BEGIN IMMEDIATE transaction. {
    A = sql_transaction(parse, IR_BEGIN_IMMEDIATE, NO_TOKEN);
}
statement(A) ::= BEGIN EXCLUSIVE transaction. {
    A = sql_transaction(parse, IR_BEGIN_EXCLUSIVE, NO_TOKEN);
}
statement(A) ::= COMMIT|END transaction. { A = sql_transaction(parse, IR_COMMIT, NO_TOKEN); }
statement(A) ::= ROLLBACK transaction. { A = sql_transaction(parse, IR_ROLLBACK, NO_TOKEN); }
statement(A) ::= ROLLBACK transaction TO savepoint_word name(N). {
    A = sql_transaction(parse, IR_ROLLBACK_TO, N);
}
statement(A) ::= SAVEPOINT name(N). { A = sql_transaction(parse, IR_SAVEPOINT, N); }
statement(A) ::= RELEASE savepoint_word name(N). { A = sql_transaction(parse, IR_RELEASE, N); }
transaction ::= .
transaction ::= TRANSACTION.
transaction ::= TRANSACTION name.
savepoint_word ::= .
savepoint_word ::= SAVEPOINT.

statement(A) ::= PRAGMA names(N). { A = sql_pragma(parse, N, NULL, false); }
statement(A) ::= PRAGMA names(N) EQ pragma_value(V). { A = sql_pragma(parse, N, V, false); }
statement(A) ::= PRAGMA names(N) LP pragma_value(V) RP. { A = sql_pragma(parse, N, V, true); }
%type pragma_value {struct ir_expr *}
pragma_value(A) ::= INTEGER|FLOAT(T). { A = sql_number(parse, T); }
pragma_value(A) ::= PLUS INTEGER|FLOAT(T). { A = sql_number(parse, T); }
pragma_value(A) ::= MINUS(M) INTEGER|FLOAT(T). {
    A = sql_prefix(parse, M, sql_number(parse, T));
}
pragma_value(A) ::= name(N). { A = sql_name_as_text(parse, N); }
pragma_value(A) ::= ON|DELETE|DEFAULT(N). { A = sql_name_as_text(parse, N); }

statement(A) ::= ANALYZE. { A = sql_maintain(parse, IR_ANALYZE, NULL, NULL); }
statement(A) ::= ANALYZE names(N). { A = sql_maintain(parse, IR_ANALYZE, N, NULL); }
statement(A) ::= REINDEX. { A = sql_maintain(parse, IR_REINDEX, NULL, NULL); }
statement(A) ::= REINDEX names(N). { A = sql_maintain(parse, IR_REINDEX, N, NULL); }
statement(A) ::= VACUUM vacuum_into(E). { A = sql_maintain(parse, IR_VACUUM, NULL, E); }
statement(A) ::= VACUUM name(N) vacuum_into(E). {
    A = sql_maintain(parse, IR_VACUUM, sql_names(parse, N, NO_TOKEN), E);
}
%type vacuum_into {struct ir_expr *}
vacuum_into(A) ::= . { A = NULL; }
vacuum_into(A) ::= INTO expr(E). { A = E; }

statement(A) ::= ATTACH database_word expr(P) AS expr(N) attach_key. {
    A = sql_attach(parse, false, P, N);
}
statement(A) ::= DETACH database_word expr(N). { A = sql_attach(parse, true, NULL, N); }
database_word ::= .
database_word ::= DATABASE.
attach_key ::= .
attach_key ::= KEY(T) expr. {
    sql_fail(parse, ST_UNSUPPORTED, T.text, "encryption keys are not supported");
}

/* ---- the driver, which needs the generated tables ---- */

%code {
enum status sql_run_grammar(struct sql_parse *parse, struct sql_lexer *lexer, int first_token)
{
    struct yyParser machine; /* large, but only what is used of it is touched */
    int code = TK_SEMI;

    _Static_assert(YYNTOKEN <= SQL_TOKEN_CODES_MAX, "token codes fit");
    _Static_assert(YYSTACKDEPTH == SQL_STACK_DEPTH, "one depth");
    sql_lemonInit(&machine, parse);
    if (first_token != 0)
        sql_lemon(&machine, first_token, NO_TOKEN);
    while (parse->status == ST_OK) {
        struct sql_token token; /* passed as a whole: parts of it stay in registers */
        bool is_last;

        code = sql_next(lexer, code);
        is_last = code == SQL_END;
        /* The end of the text ends a statement too. */
        if (is_last && first_token == 0)
            code = TK_SEMI;
        token = sql_token_of(lexer->token, (size_t)(lexer->cursor - lexer->token),
                             code < 0 ? 0 : (unsigned)code);
        parse->token = token;
        if (code < 0) {
            sql_syntax_error(parse, &token);
            break;
        }
        sql_lemon(&machine, code, token);
        if (parse->statement != NULL)
            break;
        if (is_last) {
            if (first_token == 0 && parse->status == ST_OK)
                sql_lemon(&machine, 0, parse->token);
            break;
        }
        parse->previous_end = lexer->cursor;
    }
    return parse->status;
}

bool sql_code_is_fallback(int code)
{
    return code > 0 && code < (int)(sizeof yyFallback / sizeof yyFallback[0]) &&
           yyFallback[code] != 0;
}

/* ---- asking the tables what would have been right; only after an error ---- */

struct simulation {
    YYACTIONTYPE states[SQL_STACK_DEPTH];
    size_t depth; /* states in use */
    size_t room;
};

/* What yy_find_shift_action and yy_reduce do, on states alone. Is `code` accepted? With
 * `is_exact`, not by way of the word's fallback to a name. */
static bool simulate(struct simulation *sim, int code, bool is_exact)
{
    for (;;) {
        int act = sim->states[sim->depth - 1];

        if (act <= YY_MAX_SHIFT) { /* otherwise it is what to do, whatever follows */
            int index = yy_shift_ofst[act] + code;
            int next = yy_default[act];
            bool found = index >= 0 && index < YY_NLOOKAHEAD && yy_lookahead[index] == code;

            if (found) {
                next = yy_action[index];
            } else if (code < (int)(sizeof yyFallback / sizeof yyFallback[0]) &&
                       yyFallback[code] != 0) {
                int other = yy_shift_ofst[act] + yyFallback[code];

                if (other >= 0 && other < YY_NLOOKAHEAD && yy_lookahead[other] == yyFallback[code]) {
                    if (is_exact)
                        return false;
                    next = yy_action[other];
                }
            }
            act = next;
        }
        if (act >= YY_MIN_REDUCE) {
            int rule = act - YY_MIN_REDUCE;
            int goto_index;

            sim->depth = (size_t)((int)sim->depth + yyRuleInfoNRhs[rule]);
            goto_index = yy_reduce_ofst[sim->states[sim->depth - 1]] + yyRuleInfoLhs[rule];
            if (sim->depth == sim->room)
                return false;
            sim->states[sim->depth++] = yy_action[goto_index];
            continue;
        }
        if (act > YY_MAX_SHIFTREDUCE) /* accept or error */
            return act == YY_ACCEPT_ACTION;
        if (act > YY_MAX_SHIFT)
            act += YY_MIN_REDUCE - YY_MIN_SHIFTREDUCE;
        if (sim->depth == sim->room)
            return false;
        sim->states[sim->depth++] = (YYACTIONTYPE)act;
        return true;
    }
}

int sql_accepted(struct slice text, int first_token, size_t tokens, bool *accepted, int *last_code)
{
    struct sql_lexer lexer = {.cursor = text.data, .limit = text.data + text.len};
    struct simulation sim, probe;
    int code = TK_SEMI, count = 0;

    sim.states[0] = 0;
    sim.depth = 1;
    sim.room = probe.room = SQL_STACK_DEPTH;
    if (first_token != 0)
        simulate(&sim, first_token, false);
    for (size_t i = 0; i < tokens; i++) {
        code = sql_next(&lexer, code);
        if (code <= 0 || !simulate(&sim, code, false))
            break;
    }
    *last_code = code;
    for (int k = 0; k < YYNTOKEN; k++) {
        probe.depth = sim.depth;
        memcpy(probe.states, sim.states, sim.depth * sizeof sim.states[0]);
        accepted[k] = simulate(&probe, k, true);
        count += accepted[k];
    }
    return count;
}
}
