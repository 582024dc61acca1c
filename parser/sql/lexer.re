/*
 * The lexer. It reads within [cursor, limit) only: the text needs no terminator.
 *
 * sql_scan skips blanks and comments and names the next token, which is [token, cursor). Words that
 * are keywords only in some places are returned as keywords; tokens.c decides by what stands around.
 */
#include "parser/sql/grammar.y.h"
#include "parser/sql/sql_internal.h"

int sql_scan(struct sql_lexer *lexer)
{
    const unsigned char *cursor = (const unsigned char *)lexer->cursor;
    const unsigned char *const limit = (const unsigned char *)lexer->limit;
    const unsigned char *marker = cursor;
    int code;

blank:
    /* Mostly one space between two tokens. */
    while (cursor < limit && (*cursor == ' ' || (*cursor >= '\t' && *cursor <= '\r' && *cursor != '\v')))
        cursor++;
    lexer->token = (const char *)cursor;
    if (cursor == limit) {
        lexer->cursor = (const char *)cursor;
        return SQL_END;
    }
#define SCANNED(c) do { code = (c); goto scanned; } while (false)
    /*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:api = custom;
    re2c:api:style = free-form;
    re2c:define:YYPEEK = "(cursor < limit ? *cursor : 0)";
    re2c:define:YYSKIP = "cursor++;";
    re2c:define:YYBACKUP = "marker = cursor;";
    re2c:define:YYRESTORE = "cursor = marker;";
    re2c:yyfill:enable = 0;

    letter = [a-zA-Z_\x80-\xff];
    follow = [a-zA-Z0-9_$\x80-\xff];
    digit  = [0-9];
    real   = (digit+ "." digit* | "." digit+) ([eE] [+-]? digit+)? | digit+ [eE] [+-]? digit+;
    suffix = ("::" follow+)* ("(" [^)\x00 \t\n\f\r]* ")")?;

    "--"                           { goto line_comment; }
    "/*"                           { goto comment; }

    'ABORT'               { SCANNED(TK_ABORT); }
    'ACTION'              { SCANNED(TK_ACTION); }
    'ADD'                 { SCANNED(TK_ADD); }
    'AFTER'               { SCANNED(TK_AFTER); }
    'ALL'                 { SCANNED(TK_ALL); }
    'ALTER'               { SCANNED(TK_ALTER); }
    'ALWAYS'              { SCANNED(TK_ALWAYS); }
    'ANALYZE'             { SCANNED(TK_ANALYZE); }
    'AND'                 { SCANNED(TK_AND); }
    'AS'                  { SCANNED(TK_AS); }
    'ASC'                 { SCANNED(TK_ASC); }
    'ATTACH'              { SCANNED(TK_ATTACH); }
    'AUTOINCREMENT'       { SCANNED(TK_AUTOINCR); }
    'BEFORE'              { SCANNED(TK_BEFORE); }
    'BEGIN'               { SCANNED(TK_BEGIN); }
    'BETWEEN'             { SCANNED(TK_BETWEEN); }
    'BY'                  { SCANNED(TK_BY); }
    'CASCADE'             { SCANNED(TK_CASCADE); }
    'CASE'                { SCANNED(TK_CASE); }
    'CAST'                { SCANNED(TK_CAST); }
    'CHECK'               { SCANNED(TK_CHECK); }
    'COLLATE'             { SCANNED(TK_COLLATE); }
    'COLUMN'              { SCANNED(TK_COLUMNKW); }
    'COMMIT'              { SCANNED(TK_COMMIT); }
    'CONFLICT'            { SCANNED(TK_CONFLICT); }
    'CONSTRAINT'          { SCANNED(TK_CONSTRAINT); }
    'CREATE'              { SCANNED(TK_CREATE); }
    'CROSS'               { SCANNED(TK_JOIN_KW); }
    'CURRENT'             { SCANNED(TK_CURRENT); }
    'CURRENT_DATE'        { SCANNED(TK_CTIME_KW); }
    'CURRENT_TIME'        { SCANNED(TK_CTIME_KW); }
    'CURRENT_TIMESTAMP'   { SCANNED(TK_CTIME_KW); }
    'DATABASE'            { SCANNED(TK_DATABASE); }
    'DEFAULT'             { SCANNED(TK_DEFAULT); }
    'DEFERRABLE'          { SCANNED(TK_DEFERRABLE); }
    'DEFERRED'            { SCANNED(TK_DEFERRED); }
    'DELETE'              { SCANNED(TK_DELETE); }
    'DESC'                { SCANNED(TK_DESC); }
    'DETACH'              { SCANNED(TK_DETACH); }
    'DISTINCT'            { SCANNED(TK_DISTINCT); }
    'DO'                  { SCANNED(TK_DO); }
    'DROP'                { SCANNED(TK_DROP); }
    'EACH'                { SCANNED(TK_EACH); }
    'ELSE'                { SCANNED(TK_ELSE); }
    'END'                 { SCANNED(TK_END); }
    'ESCAPE'              { SCANNED(TK_ESCAPE); }
    'EXCEPT'              { SCANNED(TK_EXCEPT); }
    'EXCLUDE'             { SCANNED(TK_EXCLUDE); }
    'EXCLUSIVE'           { SCANNED(TK_EXCLUSIVE); }
    'EXISTS'              { SCANNED(TK_EXISTS); }
    'EXPLAIN'             { SCANNED(TK_EXPLAIN); }
    'FAIL'                { SCANNED(TK_FAIL); }
    'FILTER'              { SCANNED(TK_FILTER); }
    'FIRST'               { SCANNED(TK_FIRST); }
    'FOLLOWING'           { SCANNED(TK_FOLLOWING); }
    'FOR'                 { SCANNED(TK_FOR); }
    'FOREIGN'             { SCANNED(TK_FOREIGN); }
    'FROM'                { SCANNED(TK_FROM); }
    'FULL'                { SCANNED(TK_JOIN_KW); }
    'GENERATED'           { SCANNED(TK_GENERATED); }
    'GLOB'                { SCANNED(TK_LIKE_KW); }
    'GROUP'               { SCANNED(TK_GROUP); }
    'GROUPS'              { SCANNED(TK_GROUPS); }
    'HAVING'              { SCANNED(TK_HAVING); }
    'IF'                  { SCANNED(TK_IF); }
    'IGNORE'              { SCANNED(TK_IGNORE); }
    'IMMEDIATE'           { SCANNED(TK_IMMEDIATE); }
    'IN'                  { SCANNED(TK_IN); }
    'INDEX'               { SCANNED(TK_INDEX); }
    'INDEXED'             { SCANNED(TK_INDEXED); }
    'INITIALLY'           { SCANNED(TK_INITIALLY); }
    'INNER'               { SCANNED(TK_JOIN_KW); }
    'INSERT'              { SCANNED(TK_INSERT); }
    'INSTEAD'             { SCANNED(TK_INSTEAD); }
    'INTERSECT'           { SCANNED(TK_INTERSECT); }
    'INTO'                { SCANNED(TK_INTO); }
    'IS'                  { SCANNED(TK_IS); }
    'ISNULL'              { SCANNED(TK_ISNULL); }
    'JOIN'                { SCANNED(TK_JOIN); }
    'KEY'                 { SCANNED(TK_KEY); }
    'LAST'                { SCANNED(TK_LAST); }
    'LEFT'                { SCANNED(TK_JOIN_KW); }
    'LIKE'                { SCANNED(TK_LIKE_KW); }
    'LIMIT'               { SCANNED(TK_LIMIT); }
    'MATCH'               { SCANNED(TK_MATCH); }
    'MATERIALIZED'        { SCANNED(TK_MATERIALIZED); }
    'NATURAL'             { SCANNED(TK_JOIN_KW); }
    'NO'                  { SCANNED(TK_NO); }
    'NOT'                 { SCANNED(TK_NOT); }
    'NOTHING'             { SCANNED(TK_NOTHING); }
    'NOTNULL'             { SCANNED(TK_NOTNULL); }
    'NULL'                { SCANNED(TK_NULL); }
    'NULLS'               { SCANNED(TK_NULLS); }
    'OF'                  { SCANNED(TK_OF); }
    'OFFSET'              { SCANNED(TK_OFFSET); }
    'ON'                  { SCANNED(TK_ON); }
    'OR'                  { SCANNED(TK_OR); }
    'ORDER'               { SCANNED(TK_ORDER); }
    'OTHERS'              { SCANNED(TK_OTHERS); }
    'OUTER'               { SCANNED(TK_JOIN_KW); }
    'OVER'                { SCANNED(TK_OVER); }
    'PARTITION'           { SCANNED(TK_PARTITION); }
    'PLAN'                { SCANNED(TK_PLAN); }
    'PRAGMA'              { SCANNED(TK_PRAGMA); }
    'PRECEDING'           { SCANNED(TK_PRECEDING); }
    'PRIMARY'             { SCANNED(TK_PRIMARY); }
    'QUERY'               { SCANNED(TK_QUERY); }
    'RAISE'               { SCANNED(TK_RAISE); }
    'RANGE'               { SCANNED(TK_RANGE); }
    'RECURSIVE'           { SCANNED(TK_RECURSIVE); }
    'REFERENCES'          { SCANNED(TK_REFERENCES); }
    'REGEXP'              { SCANNED(TK_LIKE_KW); }
    'REINDEX'             { SCANNED(TK_REINDEX); }
    'RELEASE'             { SCANNED(TK_RELEASE); }
    'RENAME'              { SCANNED(TK_RENAME); }
    'REPLACE'             { SCANNED(TK_REPLACE); }
    'RESTRICT'            { SCANNED(TK_RESTRICT); }
    'RETURNING'           { SCANNED(TK_RETURNING); }
    'RIGHT'               { SCANNED(TK_JOIN_KW); }
    'ROLLBACK'            { SCANNED(TK_ROLLBACK); }
    'ROW'                 { SCANNED(TK_ROW); }
    'ROWS'                { SCANNED(TK_ROWS); }
    'SAVEPOINT'           { SCANNED(TK_SAVEPOINT); }
    'SELECT'              { SCANNED(TK_SELECT); }
    'SET'                 { SCANNED(TK_SET); }
    'TABLE'               { SCANNED(TK_TABLE); }
    'TEMP'                { SCANNED(TK_TEMP); }
    'TEMPORARY'           { SCANNED(TK_TEMP); }
    'THEN'                { SCANNED(TK_THEN); }
    'TIES'                { SCANNED(TK_TIES); }
    'TO'                  { SCANNED(TK_TO); }
    'TRANSACTION'         { SCANNED(TK_TRANSACTION); }
    'TRIGGER'             { SCANNED(TK_TRIGGER); }
    'UNBOUNDED'           { SCANNED(TK_UNBOUNDED); }
    'UNION'               { SCANNED(TK_UNION); }
    'UNIQUE'              { SCANNED(TK_UNIQUE); }
    'UPDATE'              { SCANNED(TK_UPDATE); }
    'USING'               { SCANNED(TK_USING); }
    'VACUUM'              { SCANNED(TK_VACUUM); }
    'VALUES'              { SCANNED(TK_VALUES); }
    'VIEW'                { SCANNED(TK_VIEW); }
    'VIRTUAL'             { SCANNED(TK_VIRTUAL); }
    'WHEN'                { SCANNED(TK_WHEN); }
    'WHERE'               { SCANNED(TK_WHERE); }
    'WINDOW'              { SCANNED(TK_WINDOW); }
    'WITH'                { SCANNED(TK_WITH); }
    'WITHOUT'             { SCANNED(TK_WITHOUT); }
    letter follow*                 { SCANNED(TK_ID); }

    digit+                         { SCANNED(TK_INTEGER); }
    real                           { SCANNED(TK_FLOAT); }
    '0x' [0-9a-fA-F]+              { SCANNED(TK_INTEGER); }
    (digit+ | real | '0x' [0-9a-fA-F]+) follow+ { SCANNED(SQL_BAD); }

    "'"                            { code = TK_STRING; goto quoted; }
    ["`]                           { code = TK_ID; goto quoted; }
    "[" [^\]\x00]* "]"             { SCANNED(TK_ID); }
    "["                            { SCANNED(SQL_UNTERMINATED); }
    'x' "'" ([0-9a-fA-F]{2})* "'"  { SCANNED(TK_BLOB); }
    'x' "'" [^'\x00]* "'"?         { SCANNED(SQL_BAD); }

    "?" digit*                     { SCANNED(TK_VARIABLE); }
    [:@$] follow+ suffix          { SCANNED(TK_VARIABLE); }

    "("  { SCANNED(TK_LP); }
    ")"  { SCANNED(TK_RP); }
    ";"  { SCANNED(TK_SEMI); }
    ","  { SCANNED(TK_COMMA); }
    "."  { SCANNED(TK_DOT); }
    "+"  { SCANNED(TK_PLUS); }
    "-"  { SCANNED(TK_MINUS); }
    "*"  { SCANNED(TK_STAR); }
    "/"  { SCANNED(TK_SLASH); }
    "%"  { SCANNED(TK_REM); }
    "="  { SCANNED(TK_EQ); }
    "==" { SCANNED(TK_EQ); }
    "<>" { SCANNED(TK_NE); }
    "!=" { SCANNED(TK_NE); }
    "<"  { SCANNED(TK_LT); }
    "<=" { SCANNED(TK_LE); }
    ">"  { SCANNED(TK_GT); }
    ">=" { SCANNED(TK_GE); }
    "<<" { SCANNED(TK_LSHIFT); }
    ">>" { SCANNED(TK_RSHIFT); }
    "&"  { SCANNED(TK_BITAND); }
    "|"  { SCANNED(TK_BITOR); }
    "||" { SCANNED(TK_CONCAT); }
    "~"  { SCANNED(TK_BITNOT); }
    "->" | "->>" { SCANNED(TK_PTR); }
    *    { SCANNED(SQL_BAD); }
    */

line_comment:
    cursor = memchr(cursor, '\n', (size_t)(limit - cursor));
    if (cursor == NULL)
        cursor = limit;
    goto blank;

comment:
    while (cursor < limit) {
        cursor = memchr(cursor, '*', (size_t)(limit - cursor));
        if (cursor == NULL)
            break;
        cursor++;
        if (cursor < limit && *cursor == '/') {
            cursor++;
            goto blank;
        }
    }
    /* As SQLite does: a comment that nobody closed ends with the text. */
    cursor = limit;
    lexer->in_comment = true;
    goto blank;

quoted:
    /* A doubled quote stands for itself, so go on behind it. */
    for (;;) {
        cursor = memchr(cursor, *lexer->token, (size_t)(limit - cursor));
        if (cursor == NULL) {
            cursor = limit;
            SCANNED(SQL_UNTERMINATED);
        }
        cursor++;
        if (cursor == limit || *cursor != (unsigned char)*lexer->token)
            break;
        cursor++;
    }
scanned:
    lexer->cursor = (const char *)cursor;
    return code;
#undef SCANNED
}
