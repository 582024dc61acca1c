/*
 * What stands around the tree: texts as written, parameters, several statements, limits.
 */
#include "test/unit/parser/sql/cases.h"
#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct arena arena;
    struct error err;
    struct ir_statement *statement;
    struct slice rest;
};

static void parse(struct fixture *f, const char *text)
{
    if (sql_parse(slice_text(text), &f->arena, &f->statement, &f->rest, &f->err) != ST_OK)
        fail_msg("%s: %s", text, f->err.message);
}

static void finish(struct fixture *f)
{
    arena_deinit(&f->arena);
}

static void assert_slice(struct slice actual, const char *expected)
{
    if (!slice_is(actual, expected))
        fail_msg("got '%.*s', expected '%s'", (int)actual.len, actual.data, expected);
}

/* SQLite names a result column by the text of its expression, comments included. */
static void outputs_keep_their_text(void **state)
{
    static const char *const expected[] = {
        "1 /* c */", "a.x  +  1 -- foo", "( b )", "-  c", "count( * )", "t . *", "*", "'x'"};
    struct fixture f = {0};

    (void)state;
    parse(&f, "SELECT 1 /* c */ , a.x  +  1 -- foo\n , ( b ), -  c ,count( * ), t . *,*, 'x' y");
    assert_int_equal(f.statement->as.query->blocks[0]->output_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_slice(f.statement->as.query->blocks[0]->outputs[i].text, expected[i]);
    finish(&f);
}

static void statements_keep_their_text(void **state)
{
    struct fixture f = {0};

    (void)state;
    parse(&f, "  /* x */ SELECT a  FROM t  ; SELECT 2");
    assert_slice(f.statement->text, "SELECT a  FROM t");
    assert_slice(f.rest, " SELECT 2");
    parse(&f, "EXPLAIN QUERY PLAN SELECT 1");
    assert_slice(f.statement->text, "EXPLAIN QUERY PLAN SELECT 1");
    assert_slice(f.rest, "");
    finish(&f);
}

static void a_schema_shows_its_text_from_the_name_on(void **state)
{
    struct fixture f = {0};

    (void)state;
    parse(&f, "create  table if not exists main.t ( a  INT ) ;");
    assert_slice(f.statement->as.create_table->sql, "CREATE TABLE t ( a  INT )");
    parse(&f, "CREATE TEMP TABLE t(a)without rowid");
    assert_slice(f.statement->as.create_table->sql, "CREATE TABLE t(a)without rowid");
    parse(&f, "create unique index if not exists main.i on t(a) where a>1 -- x");
    assert_slice(f.statement->as.create_index->sql, "CREATE UNIQUE INDEX i on t(a) where a>1");
    assert_slice(f.statement->as.create_index->where_text, "a>1");
    assert_slice(f.statement->as.create_index->column_texts[0], "a");
    parse(&f, "create temp view v as select  1;");
    assert_slice(f.statement->as.create_view->sql, "CREATE VIEW v as select  1");
    parse(&f, "create trigger x after insert on t when new.a  > 1 begin select 1; end;");
    assert_slice(f.statement->as.create_trigger->sql,
                 "CREATE TRIGGER x after insert on t when new.a  > 1 begin select 1; end");
    assert_slice(f.statement->as.create_trigger->when_text, "new.a  > 1");
    finish(&f);
}

static void columns_keep_the_text_of_their_expressions(void **state)
{
    struct fixture f = {0};
    const struct ir_create_table *table;

    (void)state;
    parse(&f, "CREATE TABLE t (a DEFAULT  - 5 , b DEFAULT ( 1 + 2 ), c AS ( a  * 2 ), "
              "d DEFAULT 'x' CHECK ( d  > 1 ), e DEFAULT abc)");
    table = f.statement->as.create_table;
    assert_slice(table->columns[0].default_text, "- 5");
    assert_slice(table->columns[1].default_text, "1 + 2");
    assert_slice(table->columns[2].generated_text, "a  * 2");
    assert_slice(table->columns[3].default_text, "'x'");
    assert_slice(table->columns[4].default_text, "abc");
    assert_slice(table->constraints[0].check_text, "d  > 1");
    finish(&f);
}

static void explain_comes_in_six_forms(void **state)
{
    static const struct {
        const char *text;
        enum ir_explain explain;
        enum ir_statement_kind kind;
    } cases[] = {
        {"SELECT 1", IR_EXPLAIN_NO, IR_QUERY},
        {"EXPLAIN SELECT 1", IR_EXPLAIN_CODE, IR_QUERY},
        {"explain code SELECT 1", IR_EXPLAIN_CODE, IR_QUERY},
        {"EXPLAIN QUERY PLAN DELETE FROM t", IR_EXPLAIN_QUERY_PLAN, IR_DELETE},
        {"EXPLAIN IR SELECT 1", IR_EXPLAIN_IR, IR_QUERY},
        {"EXPLAIN PLAN SELECT 1", IR_EXPLAIN_PLAN, IR_QUERY},
        {"EXPLAIN ANALYZE SELECT 1", IR_EXPLAIN_ANALYZE, IR_QUERY},
        {"EXPLAIN ANALYZE t", IR_EXPLAIN_CODE, IR_MAINTAIN},
        {"EXPLAIN ANALYZE", IR_EXPLAIN_CODE, IR_MAINTAIN},
        {"EXPLAIN ANALYZE ANALYZE", IR_EXPLAIN_ANALYZE, IR_MAINTAIN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f = {0};

        parse(&f, cases[i].text);
        assert_int_equal(f.statement->explain, cases[i].explain);
        assert_int_equal(f.statement->kind, cases[i].kind);
        finish(&f);
    }
}

static void blanks_and_comments_are_no_statement(void **state)
{
    static const char *const texts[] = {"", "  \n", "-- x", "/* x */", ";", " ; ; -- x", "/* open"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct fixture f = {0};

        parse(&f, texts[i]);
        assert_null(f.statement);
        assert_int_equal(f.rest.len, 0);
        finish(&f);
    }
}

/* The text ends where its length says, whatever stands behind it. */
static void nothing_behind_the_text_is_read(void **state)
{
    static const char *const texts[] = {"SELECT 12",  "SELECT a",  "SELECT 'x'",  "SELECT x'00'",
                                        "SELECT 1.5", "SELECT :a", "SELECT a --", "SELECT a /*"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct arena arena = {0};
        struct ir_statement *statement;
        size_t len = strlen(texts[i]);
        char *exact = malloc(len); /* without a NUL: a sanitizer sees a step too far */

        assert_non_null(exact);
        memcpy(exact, texts[i], len);
        assert_int_equal(sql_parse(slice_of(exact, len), &arena, &statement, NULL, NULL), ST_OK);
        for (size_t cut = 0; cut < len; cut++)
            sql_parse(slice_of(exact, cut), &arena, &statement, NULL, NULL);
        free(exact);
        arena_deinit(&arena);
    }
}

/* ---- parameters ---- */

static void parameters_are_numbered_as_in_sqlite(void **state)
{
    static const char *const names[] = {"", ":a", "", "@a", "?5", "$a", ":b"};
    struct fixture f = {0};

    (void)state;
    parse(&f, "SELECT ?, :a, ?, @a, ?5, $a, :a, ?2, :b, ?5");
    assert_int_equal(f.statement->param_count, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_slice(f.statement->param_names[i], names[i]);
    finish(&f);
}

static void thousands_of_named_parameters_are_told_apart(void **state)
{
    struct fixture f = {0};
    struct buf text = {0};

    (void)state;
    buf_append_text(&text, "SELECT 0 IN (");
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 20000; i++)
            buf_printf(&text, "%s:name%u", i + round == 0 ? "" : ", ", i);
    buf_append_text(&text, ")");
    parse(&f, buf_cstr(&text));
    assert_int_equal(f.statement->param_count, 20000);
    assert_slice(f.statement->param_names[12345], ":name12345");
    buf_free(&text);
    finish(&f);
}

static void more_parameters_than_allowed_are_refused(void **state)
{
    struct arena arena = {0};
    struct error err = {0};
    struct ir_statement *statement;

    (void)state;
    assert_int_equal(sql_parse(slice_text("SELECT ?32766, ?"), &arena, &statement, NULL, &err),
                     ST_LIMIT);
    assert_int_equal(err.offset, 15);
    arena_deinit(&arena);
}

/* ---- size and depth ---- */

static enum status parse_repeated(const char *before, const char *repeated, unsigned times,
                                  const char *after, struct error *err)
{
    struct arena arena = {0};
    struct ir_statement *statement;
    struct buf text = {0};
    enum status st;

    buf_append_text(&text, before);
    for (unsigned i = 0; i < times; i++)
        buf_append_text(&text, repeated);
    buf_append_text(&text, after);
    st = sql_parse(buf_slice(&text), &arena, &statement, NULL, err);
    buf_free(&text);
    arena_deinit(&arena);
    return st;
}

static void long_lists_take_linear_time(void **state)
{
    static const struct {
        const char *before, *repeated, *after;
        unsigned times;
    } cases[] = {
        {"SELECT a IN (0", ", 12345", ")", 1000000},
        {"INSERT INTO t VALUES (0, 'x')", ", (1, 'text')", "", 500000},
        {"SELECT 1 WHERE a", " AND b = 1", "", 200000},
        {"SELECT 1 WHERE a", " OR b BETWEEN 1 AND 2", "", 200000},
        {"SELECT 1 WHERE a", " AND (b OR c AND d)", "", 200000},
        {"SELECT '", "it''s ", "'", 1000000},
        {"SELECT CASE", " WHEN 1 THEN 2", " END", 200000},
        {"SELECT f(0", ", f(1)", ")", 200000},
        {"UPDATE t SET a = 1", ", a = 1", "", 200000},
        {"", "-- comment\n", "SELECT 1", 500000},
        {"", ";", "SELECT 1", 1000000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        uint64_t start = clock_monotonic_ns();

        if (parse_repeated(cases[i].before, cases[i].repeated, cases[i].times, cases[i].after,
                           &err) != ST_OK)
            fail_msg("%s%s: %s", cases[i].before, cases[i].repeated, err.message);
        assert_true(clock_monotonic_ns() - start < 20u * 1000000000u);
    }
}

static void depth_has_a_limit_instead_of_an_overflow(void **state)
{
    static const struct {
        const char *before, *repeated, *after;
    } cases[] = {
        {"SELECT ", "(", "1"},
        {"SELECT ", "- ", "a"},
        {"SELECT ", "NOT ", "a"},
        {"SELECT ", "f(", "1"},
        {"SELECT ", "(SELECT ", "1"},
        {"SELECT ", "CASE WHEN ", "1"},
        {"SELECT a", " + a", ""},
        {"SELECT a", " || a", ""},
        {"SELECT a", " = a", ""},
        {"SELECT a", " COLLATE x", ""},
        {"SELECT a", " IS NULL", ""},
        {"SELECT a", " BETWEEN 1 AND 2", ""},
        {"SELECT a", " IN (SELECT a WHERE a", ""},
        {"SELECT * FROM ", "(SELECT * FROM ", "t"},
        {"SELECT * FROM ", "(t JOIN ", "t"},
        {"SELECT 1", " UNION SELECT 1", ""},
        {"SELECT * FROM t", " WHERE EXISTS (SELECT 1 FROM t", ""},
        {"", "WITH a AS (", "SELECT 1"},
        {"WITH a AS (SELECT 1)", ", a AS (SELECT 1)", " SELECT 1"},
        {"SELECT 1 WINDOW a AS ()", ", a AS (a)", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};

        if (parse_repeated(cases[i].before, cases[i].repeated, 100000, cases[i].after, &err) !=
            ST_LIMIT)
            fail_msg("%s%s: %s", cases[i].before, cases[i].repeated, err.message);
    }
}

static void a_few_hundred_levels_are_fine(void **state)
{
    struct error err = {0};
    struct buf text = {0}, close = {0};

    (void)state;
    buf_append_text(&close, "1");
    buf_append_fill(&close, ')', 500);
    assert_int_equal(parse_repeated("SELECT ", "f(", 500, buf_cstr(&close), &err), ST_OK);
    assert_int_equal(parse_repeated("SELECT ", "(1 + ", 500, buf_cstr(&close), &err), ST_OK);
    assert_int_equal(parse_repeated("SELECT ", "(SELECT ", 250, "1", &err), ST_SYNTAX);
    assert_int_equal(parse_repeated("SELECT 1", " + 1", 998, "", &err), ST_OK);
    buf_free(&text);
    buf_free(&close);
}

static void a_short_arena_is_a_failure_not_a_crash(void **state)
{
    static const char text[] =
        "WITH x(a) AS (SELECT 1) SELECT a, \"q\"\"r\", sum(b) OVER (w ORDER BY c), CASE a WHEN 1 "
        "THEN 2 END FROM t JOIN (u JOIN v) ON a = b WHERE a IN (1, 2) AND b BETWEEN ? AND :x "
        "GROUP BY a HAVING count(*) > 1 WINDOW w AS (PARTITION BY a), w2 AS (w) ORDER BY a LIMIT 1";
    size_t failures = 0;

    (void)state;
    for (size_t limit = 1; limit < 20000; limit += 16) {
        struct arena arena = {0};
        struct error err = {0};
        struct ir_statement *statement;
        enum status st;

        arena_init(&arena, limit);
        st = sql_parse(slice_text(text), &arena, &statement, NULL, &err);
        assert_true(st == ST_OK || st == ST_NO_MEMORY);
        failures += st != ST_OK;
        arena_deinit(&arena);
    }
    assert_true(failures > 0);
}

/* ---- shells ---- */

static void a_shell_knows_when_to_read_on(void **state)
{
    static const struct {
        const char *text;
        bool is_complete;
    } cases[] = {
        {"", true},
        {"  -- x", true},
        {";", true},
        {"SELECT 1", false},
        {"SELECT 1;", true},
        {"SELECT 1; -- x", true},
        {"SELECT 1; /* x", false},
        {"SELECT 1; SELECT", false},
        {"SELECT ';", false},
        {"SELECT ';';", true},
        {"SELECT \"a;", false},
        {"SELECT [a;", false},
        {"SELECT 1 -- ;", false},
        {"CREATE TABLE t (a);", true},
        {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1;", false},
        {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", false},
        {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END;", true},
        {"CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;", true},
        {"EXPLAIN CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1;", false},
        {"EXPLAIN IR CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END;", true},
        {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END;", true},
        {"BEGIN;", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (sql_is_complete(slice_text(cases[i].text)) != cases[i].is_complete)
            fail_msg("%s", cases[i].text);
}

/* The list of keywords, the lexer and the grammar must agree: a reserved word is no column name
 * unless quoted, any other is. */
static void keywords_are_reserved_where_the_list_says(void **state)
{
    const char *word, *previous = "";

    (void)state;
    for (size_t i = 0; (word = sql_keyword(i)) != NULL; i++) {
        struct arena arena = {0};
        struct ir_statement *statement;
        char text[64];
        bool is_reserved = sql_is_keyword(slice_text(word));
        enum status st;

        assert_true(strcmp(previous, word) < 0);
        previous = word;
        snprintf(text, sizeof text, "SELECT 1 FROM t %s", word);
        st = sql_parse(slice_text(text), &arena, &statement, NULL, NULL);
        if ((st != ST_OK) != is_reserved)
            fail_msg("%s is %sreserved", word, is_reserved ? "not " : "");
        snprintf(text, sizeof text, "SELECT 1 AS \"%s\" FROM t", word);
        assert_int_equal(sql_parse(slice_text(text), &arena, &statement, NULL, NULL), ST_OK);
        arena_deinit(&arena);
    }
    assert_true(sql_is_keyword(slice_text("select")));
    assert_true(sql_is_keyword(slice_text("Table")));
    assert_false(sql_is_keyword(slice_text("selec")));
    assert_false(sql_is_keyword(slice_text("selects")));
    assert_false(sql_is_keyword(slice_text("name")));
    assert_false(sql_is_keyword(slice_text("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_keep_their_text),
        cmocka_unit_test(statements_keep_their_text),
        cmocka_unit_test(a_schema_shows_its_text_from_the_name_on),
        cmocka_unit_test(columns_keep_the_text_of_their_expressions),
        cmocka_unit_test(explain_comes_in_six_forms),
        cmocka_unit_test(blanks_and_comments_are_no_statement),
        cmocka_unit_test(nothing_behind_the_text_is_read),
        cmocka_unit_test(parameters_are_numbered_as_in_sqlite),
        cmocka_unit_test(thousands_of_named_parameters_are_told_apart),
        cmocka_unit_test(more_parameters_than_allowed_are_refused),
        cmocka_unit_test(long_lists_take_linear_time),
        cmocka_unit_test(depth_has_a_limit_instead_of_an_overflow),
        cmocka_unit_test(a_few_hundred_levels_are_fine),
        cmocka_unit_test(a_short_arena_is_a_failure_not_a_crash),
        cmocka_unit_test(a_shell_knows_when_to_read_on),
        cmocka_unit_test(keywords_are_reserved_where_the_list_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
