/*
 * Where a text stands between statements: for shells, which read line by line.
 */
#include "parser/sql/grammar.y.h"
#include "parser/sql/sql_internal.h"

/* CREATE [TEMP] TRIGGER … ; END ; — within it a semicolon ends a step, not the statement. */
enum place {
    BETWEEN_STATEMENTS,
    EXPLAINING,
    CREATING,
    IN_STATEMENT,
    IN_TRIGGER,
    STEP_ENDED,
    ENDING
};

static enum place step(enum place place, int code)
{
    switch (place) {
    case BETWEEN_STATEMENTS:
        if (code == TK_SEMI)
            return BETWEEN_STATEMENTS;
        return code == TK_EXPLAIN ? EXPLAINING : code == TK_CREATE ? CREATING : IN_STATEMENT;
    case EXPLAINING:
        if (code == TK_SEMI)
            return BETWEEN_STATEMENTS;
        if (code == TK_CREATE)
            return CREATING;
        /* Words that may stand between EXPLAIN and CREATE. */
        return code == TK_QUERY || code == TK_PLAN || code == TK_ANALYZE || code == TK_ID
                   ? EXPLAINING
                   : IN_STATEMENT;
    case CREATING:
        if (code == TK_SEMI)
            return BETWEEN_STATEMENTS;
        return code == TK_TEMP ? CREATING : code == TK_TRIGGER ? IN_TRIGGER : IN_STATEMENT;
    case IN_STATEMENT:
        return code == TK_SEMI ? BETWEEN_STATEMENTS : IN_STATEMENT;
    case IN_TRIGGER:
        return code == TK_SEMI ? STEP_ENDED : IN_TRIGGER;
    case STEP_ENDED:
        return code == TK_SEMI ? STEP_ENDED : code == TK_END ? ENDING : IN_TRIGGER;
    case ENDING:
        return code == TK_SEMI ? BETWEEN_STATEMENTS : IN_TRIGGER;
    }
    return place;
}

bool sql_is_complete(struct slice text)
{
    struct sql_lexer lexer = {text.data, text.data, text.data + text.len, false};
    enum place place = BETWEEN_STATEMENTS;
    int code;

    if (text.len == 0)
        return true;
    while ((code = sql_scan(&lexer)) != SQL_END) {
        if (code == SQL_UNTERMINATED)
            return false;
        place = step(place, code);
    }
    return place == BETWEEN_STATEMENTS && !lexer.in_comment;
}
