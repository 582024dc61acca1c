/*
 * The grammar of query strings, section 4 of the REST specification. Actions call one constructor
 * each (ast.c); what depends on names or types happens in lower.c.
 */
%name url_grammar
%token_prefix URL_T_
%token_type {struct url_token}
%extra_argument {struct url_parse *parse}
/* 64 groups of at most four symbols each, then 64 braces: the lexer refuses deeper nesting. */
%stack_size 600
%start_symbol query

%include {
#include "parser/url/url_internal.h"
#include <assert.h>
}

%token AND OR LPAREN RPAREN LBRACKET RBRACKET LBRACE RBRACE COMMA DOT NAME VALUE.
%token OP OP_LIST LEG SELECT LIMIT SORT.

%type items    {struct url_level *}
%type item     {struct url_item *}
%type path     {struct url_path *}
%type values   {struct url_operands *}
%type selitem  {struct url_select_item *}
%type selitems {struct url_select_list *}
%type keys     {struct url_sort_keys *}

%syntax_error {
    url_fail_unexpected(parse, yymajor, TOKEN);
}
%stack_overflow {
    url_fail(parse, ST_LIMIT, -1, "the query nests too deep");
}

query ::= .
query ::= items(L).                     { parse->query->root = L; }
query ::= items(L) AND.                 { parse->query->root = L; }

items(L) ::= item(I).                   { L = url_level_new(parse, I); }
items(L) ::= items(A) AND(S) item(I).   { L = url_level_add(parse, A, S, false, I); }
items(L) ::= items(A) OR(S) item(I).    { L = url_level_add(parse, A, S, true, I); }

item(I) ::= path(P) OP(O) VALUE(V).     { I = url_item_condition(parse, P, O, url_operands_add(parse, NULL, V)); }
item(I) ::= path(P) OP_LIST(O) LPAREN values(V) RPAREN. { I = url_item_condition(parse, P, O, V); }
item(I) ::= LEG(O) VALUE(V).            { I = url_item_leg(parse, O, url_operands_add(parse, NULL, V)); }
item(I) ::= LPAREN items(L) RPAREN.     { I = url_item_group(parse, L); }
item(I) ::= LBRACKET items(L) RBRACKET. { I = url_item_group(parse, L); }
item(I) ::= function.                   { I = url_item_function(parse); }

path(P) ::= NAME(N).                    { P = url_path_add(parse, NULL, N); }
path(P) ::= path(A) DOT NAME(N).        { P = url_path_add(parse, A, N); }

values(V) ::= VALUE(T).                 { V = url_operands_add(parse, NULL, T); }
values(V) ::= values(A) COMMA VALUE(T). { V = url_operands_add(parse, A, T); }

function ::= SELECT RPAREN.             { url_set_select(parse, URL_SELECT_EMPTY, NULL); }
function ::= SELECT selitems(L) RPAREN. { url_set_select(parse, URL_SELECT_SCALAR, L); }
function ::= SELECT selitems(L) COMMA RPAREN. { url_set_select(parse, URL_SELECT_OBJECT, L); }
function ::= SELECT LBRACKET selitems(L) RBRACKET RPAREN. { url_set_select(parse, URL_SELECT_ARRAY, L); }
function ::= SORT keys(K) RPAREN.       { url_set_sort(parse, K); }
function ::= LIMIT VALUE(N) RPAREN.     { url_set_limit(parse, N, NULL); }
function ::= LIMIT VALUE(S) COMMA VALUE(E) RPAREN. { url_set_limit(parse, S, &E); }

selitems(L) ::= selitem(I).             { L = url_select_add(parse, NULL, I); }
selitems(L) ::= selitems(A) COMMA selitem(I). { L = url_select_add(parse, A, I); }

selitem(I) ::= NAME(N).                 { I = url_select_item(parse, N, NULL); }
selitem(I) ::= NAME(N) LBRACE selitems(L) RBRACE. { I = url_select_item(parse, N, L); }
selitem(I) ::= NAME(N) DOT(D) NAME.     {
    url_fail(parse, ST_SYNTAX, D.offset, "select takes no path: write a{b} instead of a.b");
    I = url_select_item(parse, N, NULL);
}

keys(K) ::= path(P).                    { K = url_sort_add(parse, NULL, P); }
keys(K) ::= keys(A) COMMA path(P).      { K = url_sort_add(parse, A, P); }
