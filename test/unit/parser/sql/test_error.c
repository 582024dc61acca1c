/*
 * What is wrong, where, and what would have been right.
 */
#include "test/unit/parser/sql/cases.h"

static const struct {
    const char *text;
    int64_t offset;
    const char *message;
} cases[] = {
    {"SELCT 1", 0, "near \"SELCT\": syntax error, did you mean SELECT?"},
    {"INSRT INTO t VALUES (1)", 0, "near \"INSRT\": syntax error, did you mean INSERT?"},
    {"SELECT * FORM t", 9, "near \"FORM\": syntax error, did you mean FROM?"},
    {"SELECT a FORM t", 14, "near \"t\": syntax error, did you mean FROM?"},
    {"SELECT a FROM t WERE a = 1", 21, "near \"a\": syntax error, did you mean WHERE?"},
    {"SELECT a FROM t ORDER BY a LIMT 5", 27, "near \"LIMT\": syntax error, did you mean LIMIT?"},
    {"INSERT INTO t VLAUES (1)", 14, "near \"VLAUES\": syntax error, did you mean VALUES?"},
    {"CREATE TABEL t (a)", 7, "near \"TABEL\": syntax error, did you mean TABLE?"},
    {"UPDAET t SET a = 1", 0, "near \"UPDAET\": syntax error, did you mean UPDATE?"},
    {"DELETE t", 7, "near \"t\": syntax error, expected FROM"},
    {"SELECT a, FROM t", 10, "near \"FROM\": syntax error"},
    {"SELECT 1 2", 9, "near \"2\": syntax error"},
    {"SELECT (1", 9, "incomplete input"},
    {"SELECT", 6, "incomplete input"},
    {"SELECT * FROM t WHERE", 21, "incomplete input"},
    {"SELECT * FROM", 13, "incomplete input, expected a name or ("},
    {"INSERT INTO", 11, "incomplete input, expected a name"},
    {"INSERT t VALUES (1)", 7, "near \"t\": syntax error, expected OR or INTO"},
    {"SELECT 'abc", 7, "unrecognized token: \"'abc\", unterminated string"},
    {"SELECT \"abc", 7, "unrecognized token: \"\"abc\", unterminated quoted name"},
    {"SELECT `abc", 7, "unrecognized token: \"`abc\", unterminated quoted name"},
    {"SELECT [abc", 7, "unrecognized token: \"[\", unterminated quoted name"},
    {"SELECT 12abc", 7, "unrecognized token: \"12abc\""},
    {"SELECT 0x1g", 7, "unrecognized token: \"0x1g\""},
    {"SELECT x'0'", 7, "unrecognized token: \"x'0'\""},
    {"SELECT x'0g'", 7, "unrecognized token: \"x'0g'\""},
    {"SELECT a ! b", 9, "unrecognized token: \"!\""},
    {"SELECT 1.5e", 7, "unrecognized token: \"1.5e\""},
    {"SELECT {1}", 7, "unrecognized token: \"{\""},
    {"SELECT \\", 7, "unrecognized token: \"\\\""},
    {"SELECT 0x10000000000000000", 7, "hex literal too big: 0x10000000000000000"},
    {"SELECT ?0", 7, "variable number must be between ?1 and ?32766"},
    {"SELECT ?32767", 7, "variable number must be between ?1 and ?32766"},
    {"SELECT $", 7, "unrecognized token: \"$\""},
    {"UPDATE t SE a = 1", 9, "near \"SE\": syntax error, expected INDEXED, NOT, ., AS or SET"},
    {"UPDATE t SET (a, b) = 1", 22, "2 columns assigned 1 values"},
    {"UPDATE t SET (a, b) = (1, 2, 3)", 22, "2 columns assigned 3 values"},
    {"UPDATE t SET a = 1 ORDER BY b", 29, "ORDER BY without LIMIT on UPDATE"},
    {"DELETE FROM t ORDER BY b", 24, "ORDER BY without LIMIT on DELETE"},
    {"VALUES (1), (2, 3)", 18, "all VALUES must have the same number of terms"},
    {"SELECT 1 FROM a LEFT INNER JOIN b", 16, "unknown join type: LEFT INNER"},
    {"SELECT 1 FROM a OUTER JOIN b", 16, "unknown join type: OUTER"},
    {"SELECT 1 FROM a NATURAL JOIN b ON 1", 35,
     "a NATURAL join may not have an ON or USING clause"},
    {"SELECT 1 FROM a NATURAL FANCY JOIN b", 16, "unknown join type: NATURAL FANCY"},
    {"SELECT 1 FROM a ON 1", 16, "near \"ON\": syntax error"},
    {"CREATE TABLE t (a) FAST", 19, "unknown table option: FAST"},
    {"CREATE TABLE t (a) WITHOUT SPEED", 27, "unknown table option: SPEED"},
    {"CREATE TABLE t ()", 16, "near \")\": syntax error, expected a name"},
    {"CREATE TABLE t (a AS (1) KEPT)", 25, "error in generated column \"a\""},
    {"CREATE TABLE t (a REFERENCES p (x, y))", 29,
     "number of columns in foreign key does not match the number of columns in the referenced "
     "table"},
    {"CREATE TABLE t (a, FOREIGN KEY (a) REFERENCES p (x, y))", 46,
     "number of columns in foreign key does not match the number of columns in the referenced "
     "table"},
    {"CREATE TABLE t (a CHECK (a > ?))", 29, "parameters prohibited in CREATE TABLE"},
    {"CREATE TABLE t (a DEFAULT a + 1)", 28, "near \"+\": syntax error"},
    {"CREATE TEMP TABLE main.t (a)", 18, "temporary table name must be unqualified"},
    {"CREATE INDEX i ON t (a) WHERE a > :x", 34, "parameters prohibited in index expressions"},
    {"CREATE VIEW v AS SELECT ?", 24, "parameters are not allowed in views"},
    {"CREATE VIRTUAL TABLE t USING fts5(a)", 7, "virtual tables are not supported"},
    {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT ?; END", 48, "trigger cannot use variables"},
    {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1 END", 53, "incomplete input"},
    {"CREATE TRIGGER x AFTER INSERT ON t BEGIN END", 41, "near \"END\": syntax error"},
    {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1;", 50, "incomplete input"},
    {"CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO main.u VALUES (1); END", 53,
     "qualified table names are not allowed on INSERT, UPDATE, and DELETE statements within "
     "triggers"},
    {"CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u RETURNING a; END", 66,
     "cannot use RETURNING in a trigger"},
    {"SELECT RAISE(IGNORE)", 7, "RAISE() may only be used within a trigger-program"},
    {"WITH a AS (SELECT 1), A AS (SELECT 2) SELECT 1", 22, "duplicate WITH table name: A"},
    {"SELECT sum(a) OVER w2 FROM t WINDOW w2 AS (w1)", 43, "no such window: w1"},
    {"SELECT 1 FROM t WINDOW w AS (PARTITION BY a), w2 AS (w PARTITION BY b)", 53,
     "cannot override PARTITION clause of window: w"},
    {"SELECT 1 FROM t WINDOW w AS (ORDER BY a), w2 AS (w ORDER BY b)", 49,
     "cannot override ORDER BY clause of window: w"},
    {"SELECT 1 FROM t WINDOW w AS (ROWS 1 PRECEDING), w2 AS (w)", 55,
     "cannot override frame specification of window: w"},
    {"SELECT sum(a) OVER (ROWS BETWEEN CURRENT ROW AND 1 PRECEDING)", 20,
     "unsupported frame specification"},
    {"SELECT sum(a) OVER (ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW)", 43,
     "near \"FOLLOWING\": syntax error, expected PRECEDING"},
    {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING ON CONFLICT (a) DO NOTHING", 74,
     "ON CONFLICT without a target must be the last one"},
    {"SELECT 1 ORDER BY 1 UNION SELECT 2", 20, "near \"UNION\": syntax error"},
    {"SELECT a FROM t GROUP a", 22, "near \"a\": syntax error, expected BY"},
    {"SELECT CASE WHEN 1 THEN 2", 25, "incomplete input"},
    {"SELECT CASE END", 15, "incomplete input"},
    {"SELECT CAST(1 INTEGER)", 14, "near \"INTEGER\": syntax error"},
    {"SELECT a IN 5", 12, "near \"5\": syntax error, expected a name or ("},
    {"ATTACH 'a' AS b KEY 'c'", 16, "encryption keys are not supported"},
    {"EXPLAIN", 7, "incomplete input"},
    {"EXPLAIN EXPLAIN SELECT 1", 8, "near \"EXPLAIN\": syntax error"},
    {"EXPLAIN QUERY SELECT 1", 8, "near \"QUERY\": syntax error"},
    {"SELECT a b c FROM t", 11, "near \"c\": syntax error"},
    {"ALTER TABLE t RENMAE TO u", 14, "near \"RENMAE\": syntax error, did you mean RENAME?"},
    {"ALTER TABLE t MODIFY a", 14,
     "near \"MODIFY\": syntax error, expected RENAME, ., DROP or ADD"},
    {"PRAGMA", 6, "incomplete input, expected a name"},
    {"BEGIN WORK", 6,
     "near \"WORK\": syntax error, expected DEFERRED, EXCLUSIVE, IMMEDIATE, end of statement or "
     "TRANSACTION"},
    {"SELECT select FROM t", 7, "near \"select\": syntax error"},
    {"SELECT 1 AS", 11, "incomplete input, expected a name"},
    {"ALTER TABLE t ADD c DEFAULT (?)", 29, "parameters prohibited in ALTER TABLE"},
    {"DROP t", 5, "near \"t\": syntax error, expected TRIGGER, VIEW, TABLE or INDEX"},
};

static void errors_say_where_and_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct ir_statement *statement;

        if (sql_parse(slice_text(cases[i].text), &arena, &statement, NULL, &err) == ST_OK)
            fail_msg("accepted: %s", cases[i].text);
        assert_null(statement);
        assert_string_equal(err.message, cases[i].message);
        if (err.offset != cases[i].offset)
            fail_msg("%s: offset %ld", cases[i].text, (long)err.offset);
        arena_deinit(&arena);
    }
}

static void an_error_may_be_of_no_interest(void **state)
{
    struct arena arena = {0};
    struct ir_statement *statement;

    (void)state;
    assert_int_equal(sql_parse(slice_text("SELCT"), &arena, &statement, NULL, NULL), ST_SYNTAX);
    arena_deinit(&arena);
}

static void expressions_have_errors_too(void **state)
{
    struct arena arena = {0};
    struct error err = {0};
    struct ir_expr *expr;

    (void)state;
    assert_int_equal(sql_parse_expr(slice_text("a +"), &arena, &expr, &err), ST_SYNTAX);
    assert_int_equal(err.offset, 3);
    assert_int_equal(sql_parse_expr(slice_text("a b"), &arena, &expr, &err), ST_SYNTAX);
    assert_int_equal(err.offset, 2);
    assert_int_equal(sql_parse_expr(slice_text("a; b"), &arena, &expr, &err), ST_SYNTAX);
    assert_int_equal(err.offset, 1);
    assert_int_equal(sql_parse_expr(slice_text(""), &arena, &expr, &err), ST_SYNTAX);
    assert_int_equal(sql_parse_expr(slice_text(" -- x"), &arena, &expr, &err), ST_SYNTAX);
    assert_null(expr);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_say_where_and_what),
        cmocka_unit_test(an_error_may_be_of_no_interest),
        cmocka_unit_test(expressions_have_errors_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
