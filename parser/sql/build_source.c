/*
 * FROM: tables, subqueries, table functions, and the words before JOIN.
 */
#include "parser/sql/sql_internal.h"

static struct ir_source *source_new(struct sql_parse *parse, enum ir_source_kind kind,
                                    struct sql_alias alias)
{
    struct ir_source *source = SQL_NEW(parse, struct ir_source);

    if (source == NULL)
        return NULL;
    source->kind = (uint8_t)kind;
    source->database.offset = source->name.offset = source->alias.offset = -1;
    source->index_hint.offset = -1;
    if (alias.text != NULL)
        source->alias = sql_name(parse, sql_token_of(alias.text, alias.len, 0));
    return source;
}

static void name_source(struct sql_parse *parse, struct ir_source *source, struct sql_token first,
                        struct sql_token second)
{
    if (second.text == NULL) {
        source->name = sql_name(parse, first);
    } else {
        source->database = sql_name(parse, first);
        source->name = sql_name(parse, second);
    }
}

struct sql_hint *sql_hint(struct sql_parse *parse, struct sql_token index)
{
    struct sql_hint *hint = SQL_NEW(parse, struct sql_hint);

    if (hint != NULL)
        hint->index = index;
    return hint;
}

void sql_hint_table(struct sql_parse *parse, struct ir_source *source, const struct sql_hint *hint)
{
    if (hint == NULL || source == NULL)
        return;
    source->index_hint = sql_name(parse, hint->index);
    source->not_indexed = hint->index.text == NULL;
}

struct ir_source *sql_table(struct sql_parse *parse, struct sql_token first,
                            struct sql_token second, struct sql_alias alias,
                            const struct sql_hint *hint)
{
    struct ir_source *source = source_new(parse, IR_SOURCE_TABLE, alias);

    if (source == NULL)
        return NULL;
    name_source(parse, source, first, second);
    sql_hint_table(parse, source, hint);
    return source;
}

struct ir_source *sql_table_function(struct sql_parse *parse, struct sql_token first,
                                     struct sql_token second, struct sql_list args,
                                     struct sql_alias alias)
{
    struct ir_expr **exprs = sql_take_exprs(parse, args);
    struct ir_source *source = source_new(parse, IR_SOURCE_FUNCTION, alias);

    if (source == NULL)
        return NULL;
    name_source(parse, source, first, second);
    source->arg_count = args.count;
    source->args = exprs;
    return source;
}

struct ir_source *sql_query_source(struct sql_parse *parse, struct ir_query *query,
                                   struct sql_alias alias)
{
    struct ir_source *source = source_new(parse, IR_SOURCE_QUERY, alias);

    if (source != NULL)
        source->query = query;
    return source;
}

struct sql_constraint *sql_on(struct sql_parse *parse, struct ir_expr *on)
{
    struct sql_constraint *constraint = SQL_NEW(parse, struct sql_constraint);

    if (constraint != NULL)
        constraint->on = on;
    return constraint;
}

struct sql_constraint *sql_using(struct sql_parse *parse, struct sql_list names)
{
    struct ir_name *columns = sql_take_names(parse, names);
    struct sql_constraint *constraint = SQL_NEW(parse, struct sql_constraint);

    if (constraint != NULL) {
        constraint->using_count = names.count;
        constraint->using_columns = columns;
    }
    return constraint;
}

/* ---- NATURAL, LEFT, OUTER … in any order ---- */

enum join_word {
    WORD_INNER = 1,
    WORD_CROSS = 2,
    WORD_LEFT = 4,
    WORD_RIGHT = 8,
    WORD_OUTER = 16,
    WORD_NATURAL = 32,
    WORD_UNKNOWN = 64
};

static unsigned join_word(struct sql_token token)
{
    static const struct {
        const char *word;
        unsigned bits;
    } words[] = {{"INNER", WORD_INNER},
                 {"CROSS", WORD_CROSS},
                 {"LEFT", WORD_LEFT | WORD_OUTER},
                 {"RIGHT", WORD_RIGHT | WORD_OUTER},
                 {"FULL", WORD_LEFT | WORD_RIGHT | WORD_OUTER},
                 {"OUTER", WORD_OUTER},
                 {"NATURAL", WORD_NATURAL}};

    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (sql_token_is(token, words[i].word))
            return words[i].bits;
    return token.text == NULL ? 0 : WORD_UNKNOWN;
}

struct sql_join sql_join_words(struct sql_parse *parse, struct sql_token first,
                               struct sql_token second, struct sql_token third)
{
    unsigned words = join_word(first) | join_word(second) | join_word(third);
    bool is_inner = (words & (WORD_INNER | WORD_CROSS)) != 0;
    bool is_outer = (words & WORD_OUTER) != 0;
    bool left = (words & WORD_LEFT) != 0, right = (words & WORD_RIGHT) != 0;
    struct sql_join join = {IR_JOIN_INNER, (words & WORD_NATURAL) != 0};

    if ((words & WORD_UNKNOWN) != 0 || (is_inner && is_outer) || (is_outer && !left && !right)) {
        struct sql_token last = third.text != NULL ? third : second.text != NULL ? second : first;

        sql_fail(parse, ST_SYNTAX, first.text, "unknown join type: %.*s",
                 (int)(last.text + last.len - first.text), first.text);
    } else if (left || right) {
        join.join = left && right ? IR_JOIN_FULL : left ? IR_JOIN_LEFT : IR_JOIN_RIGHT;
    } else if ((words & WORD_CROSS) != 0) {
        join.join = IR_JOIN_CROSS;
    }
    return join;
}
