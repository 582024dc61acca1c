/*
 * The grammar of GraphQL documents (October 2021): type system and executable definitions. Actions
 * call one constructor each (ast.c). What has no effect in this engine is read and dropped.
 */
%name gql_grammar
%token_prefix GQL_T_
%token_type {struct gql_token}
%extra_argument {struct gql_parse *parse}
/* 64 brackets of at most ten symbols each: the lexer refuses deeper nesting. */
%stack_size 800
%start_symbol document

%include {
#include "parser/graphql/graphql_internal.h"
#include <assert.h>
}

%token LBRACE RBRACE LPAREN RPAREN LBRACKET RBRACKET BANG DOLLAR AMP SPREAD COLON EQUALS AT PIPE.
%token INT FLOAT STRING BLOCK NAME.

/* Keywords are names wherever their own meaning does not fit. */
%fallback NAME TYPE INPUT ENUM INTERFACE UNION SCALAR SCHEMA DIRECTIVE EXTEND IMPLEMENTS REPEATABLE
               ON QUERY MUTATION SUBSCRIPTION FRAGMENT TRUE FALSE NULL.

/* A brace behind a definition is its body, never the begin of an anonymous query. */
%nonassoc SHORT.
%nonassoc LBRACE.

%type description {struct slice}
%type value       {struct gql_value *}
%type member      {struct gql_value *}
%type default     {struct gql_value *}
%type values      {struct gql_values *}
%type members     {struct gql_values *}
%type arguments   {struct gql_values *}
%type directives  {struct gql_directives *}
%type directive   {struct gql_directive *}
%type type        {struct gql_type *}
%type field       {struct gql_field *}
%type fields      {struct gql_fields *}
%type variable    {struct gql_variable *}
%type variables   {struct gql_variables *}
%type vardefs     {struct gql_variables *}
%type selection   {struct gql_selection *}
%type selections  {struct gql_selections *}
%type set         {struct gql_selections *}

%syntax_error {
    gql_fail_unexpected(parse, yymajor, TOKEN);
}
%stack_overflow {
    gql_fail(parse, ST_LIMIT, -1, "the document nests too deep");
}

document ::= definitions.
definitions ::= .
definitions ::= definitions definition.

/* ---- values ---- */

value(V) ::= DOLLAR(D) NAME(N). { N.offset = D.offset; V = gql_value(parse, GQL_VARIABLE, N); }
value(V) ::= INT(T).            { V = gql_value(parse, GQL_INT, T); }
value(V) ::= FLOAT(T).          { V = gql_value(parse, GQL_FLOAT, T); }
value(V) ::= STRING(T).         { V = gql_value_text(parse, T, false); }
value(V) ::= BLOCK(T).          { V = gql_value_text(parse, T, true); }
value(V) ::= TRUE(T).           { V = gql_value(parse, GQL_TRUE, T); }
value(V) ::= FALSE(T).          { V = gql_value(parse, GQL_FALSE, T); }
value(V) ::= NULL(T).           { V = gql_value(parse, GQL_NULL, T); }
value(V) ::= NAME(T).           { V = gql_value(parse, GQL_ENUM, T); }
value(V) ::= LBRACKET(T) RBRACKET.            { V = gql_value_nested(parse, GQL_LIST, T, NULL); }
value(V) ::= LBRACKET(T) values(L) RBRACKET.  { V = gql_value_nested(parse, GQL_LIST, T, L); }
value(V) ::= LBRACE(T) RBRACE.                { V = gql_value_nested(parse, GQL_OBJECT, T, NULL); }
value(V) ::= LBRACE(T) members(L) RBRACE.     { V = gql_value_nested(parse, GQL_OBJECT, T, L); }

values(L) ::= value(V).                   { L = gql_values_add(parse, NULL, V); }
values(L) ::= values(A) value(V).         { L = gql_values_add(parse, A, V); }
members(L) ::= member(V).                 { L = gql_values_add(parse, NULL, V); }
members(L) ::= members(A) member(V).      { L = gql_values_add(parse, A, V); }
member(V) ::= NAME(N) COLON value(A).     { V = gql_value_named(parse, N, A); }

arguments(L) ::= .                        { L = NULL; }
arguments(L) ::= LPAREN members(A) RPAREN. { L = A; }

directives(L) ::= .                       { L = NULL; }
directives(L) ::= directives(A) directive(D). { L = gql_directives_add(parse, A, D); }
directive(D) ::= AT NAME(N) arguments(A). { D = gql_directive(parse, N, A); }

default(V) ::= .                          { V = NULL; }
default(V) ::= EQUALS value(A).           { V = A; }

type(T) ::= NAME(N).                      { T = gql_type_named(parse, N); }
type(T) ::= LBRACKET type(A) RBRACKET.    { T = gql_type_list(parse, A); }
type(T) ::= NAME(N) BANG.                 { T = gql_type_not_null(parse, gql_type_named(parse, N)); }
type(T) ::= LBRACKET type(A) RBRACKET BANG. { T = gql_type_not_null(parse, gql_type_list(parse, A)); }

/* ---- type system ---- */

description(D) ::= .                      { D = slice_empty(); }
description(D) ::= STRING(T).             { D = gql_description(parse, T, false); }
description(D) ::= BLOCK(T).              { D = gql_description(parse, T, true); }

definition ::= description(D) TYPE(K) NAME(N) implements directives(L). [SHORT] {
    gql_define_type(parse, D, K, N, L, NULL, false);
}
definition ::= description(D) TYPE(K) NAME(N) implements directives(L) LBRACE fields(F) RBRACE. {
    gql_define_type(parse, D, K, N, L, F, true);
}

fields(L) ::= field(F).                   { L = gql_fields_add(parse, NULL, F); }
fields(L) ::= fields(A) field(F).         { L = gql_fields_add(parse, A, F); }
field(F) ::= description(D) NAME(N) argdefs COLON type(T) directives(L). {
    F = gql_field(parse, D, N, T, L);
}

implements ::= .
implements ::= IMPLEMENTS interfaces.
implements ::= IMPLEMENTS AMP interfaces.
interfaces ::= NAME.
interfaces ::= interfaces AMP NAME.

argdefs ::= .
argdefs ::= LPAREN inputs RPAREN.
inputs ::= input.
inputs ::= inputs input.
input ::= description NAME COLON type default directives.

definition ::= description INTERFACE(K) NAME implements directives. [SHORT] { gql_define_other(parse, K); }
definition ::= description INTERFACE(K) NAME implements directives LBRACE fields RBRACE. { gql_define_other(parse, K); }
definition ::= description INPUT(K) NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= description INPUT(K) NAME directives LBRACE inputs RBRACE. { gql_define_other(parse, K); }
definition ::= description ENUM(K) NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= description ENUM(K) NAME directives LBRACE enums RBRACE. { gql_define_other(parse, K); }
definition ::= description UNION(K) NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= description UNION(K) NAME directives EQUALS choices. { gql_define_other(parse, K); }
definition ::= description SCALAR(K) NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= description SCHEMA(K) directives LBRACE roots RBRACE. { gql_define_other(parse, K); }
definition ::= description DIRECTIVE(K) AT NAME argdefs repeatable ON choices. { gql_define_other(parse, K); }

enums ::= enum.
enums ::= enums enum.
enum ::= description NAME directives.
choices ::= PIPE names.
choices ::= names.
names ::= NAME.
names ::= names PIPE NAME.
roots ::= root.
roots ::= roots root.
root ::= QUERY COLON NAME.
root ::= MUTATION COLON NAME.
root ::= SUBSCRIPTION COLON NAME.
repeatable ::= .
repeatable ::= REPEATABLE.

definition ::= EXTEND(K) TYPE NAME implements directives. [SHORT] { gql_define_other(parse, K); }
definition ::= EXTEND(K) TYPE NAME implements directives LBRACE fields RBRACE. { gql_define_other(parse, K); }
definition ::= EXTEND(K) INTERFACE NAME implements directives. [SHORT] { gql_define_other(parse, K); }
definition ::= EXTEND(K) INTERFACE NAME implements directives LBRACE fields RBRACE. { gql_define_other(parse, K); }
definition ::= EXTEND(K) INPUT NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= EXTEND(K) INPUT NAME directives LBRACE inputs RBRACE. { gql_define_other(parse, K); }
definition ::= EXTEND(K) ENUM NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= EXTEND(K) ENUM NAME directives LBRACE enums RBRACE. { gql_define_other(parse, K); }
definition ::= EXTEND(K) UNION NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= EXTEND(K) UNION NAME directives EQUALS choices. { gql_define_other(parse, K); }
definition ::= EXTEND(K) SCALAR NAME directives. [SHORT] { gql_define_other(parse, K); }
definition ::= EXTEND(K) SCHEMA directives. [SHORT] { gql_define_other(parse, K); }
definition ::= EXTEND(K) SCHEMA directives LBRACE roots RBRACE. { gql_define_other(parse, K); }

/* ---- executable ---- */

definition ::= set(S). {
    gql_define_operation(parse, GQL_QUERY, (struct gql_token){{NULL, 0}, -1}, -1, NULL, S);
}
definition ::= QUERY(K) vardefs(V) directives set(S). {
    gql_define_operation(parse, GQL_QUERY, (struct gql_token){{NULL, 0}, -1}, K.offset, V, S);
}
definition ::= QUERY(K) NAME(N) vardefs(V) directives set(S). {
    gql_define_operation(parse, GQL_QUERY, N, K.offset, V, S);
}
definition ::= MUTATION(K) vardefs(V) directives set(S). {
    gql_define_operation(parse, GQL_MUTATION, (struct gql_token){{NULL, 0}, -1}, K.offset, V, S);
}
definition ::= MUTATION(K) NAME(N) vardefs(V) directives set(S). {
    gql_define_operation(parse, GQL_MUTATION, N, K.offset, V, S);
}
definition ::= SUBSCRIPTION(K) vardefs(V) directives set(S). {
    gql_define_operation(parse, GQL_SUBSCRIPTION, (struct gql_token){{NULL, 0}, -1}, K.offset, V, S);
}
definition ::= SUBSCRIPTION(K) NAME(N) vardefs(V) directives set(S). {
    gql_define_operation(parse, GQL_SUBSCRIPTION, N, K.offset, V, S);
}
definition ::= FRAGMENT(K) NAME(N) ON NAME directives set(S). {
    gql_define_operation(parse, GQL_FRAGMENT, N, K.offset, NULL, S);
}

vardefs(L) ::= .                          { L = NULL; }
vardefs(L) ::= LPAREN variables(A) RPAREN. { L = A; }
variables(L) ::= variable(V).             { L = gql_variables_add(parse, NULL, V); }
variables(L) ::= variables(A) variable(V). { L = gql_variables_add(parse, A, V); }
variable(V) ::= DOLLAR NAME(N) COLON type(T) default(D) directives. {
    V = gql_variable(parse, N, T, D);
}

set(S) ::= LBRACE selections(L) RBRACE.   { S = L; }
selections(L) ::= selection(A).           { L = gql_selections_add(parse, NULL, A); }
selections(L) ::= selections(A) selection(B). { L = gql_selections_add(parse, A, B); }

selection(F) ::= NAME(N) arguments(A) directives. {
    F = gql_selection(parse, GQL_SELECT_FIELD, N, A, NULL);
}
selection(F) ::= NAME(N) arguments(A) directives set(S). {
    F = gql_selection(parse, GQL_SELECT_FIELD, N, A, S);
}
selection(F) ::= NAME COLON NAME(N) arguments(A) directives. {
    F = gql_selection(parse, GQL_SELECT_FIELD, N, A, NULL);
}
selection(F) ::= NAME COLON NAME(N) arguments(A) directives set(S). {
    F = gql_selection(parse, GQL_SELECT_FIELD, N, A, S);
}
selection(F) ::= SPREAD NAME(N) directives. {
    F = gql_selection(parse, GQL_SELECT_SPREAD, N, NULL, NULL);
}
selection(F) ::= SPREAD(T) ON NAME directives set(S). {
    F = gql_selection(parse, GQL_SELECT_INLINE, T, NULL, S);
}
selection(F) ::= SPREAD(T) directives set(S). {
    F = gql_selection(parse, GQL_SELECT_INLINE, T, NULL, S);
}
