/*
 * Text to query tree, as ir_print shows it: transactions, PRAGMA, ATTACH and the like.
 */
#include "test/unit/parser/sql/cases.h"

static const struct parse_case cases[] = {
    {"BEGIN", "BEGIN DEFERRED\n"},
    {"BEGIN DEFERRED TRANSACTION", "BEGIN DEFERRED\n"},
    {"BEGIN IMMEDIATE", "BEGIN IMMEDIATE\n"},
    {"BEGIN EXCLUSIVE TRANSACTION", "BEGIN EXCLUSIVE\n"},
    {"COMMIT", "COMMIT\n"},
    {"END TRANSACTION", "COMMIT\n"},
    {"ROLLBACK", "ROLLBACK\n"},
    {"ROLLBACK TRANSACTION TO SAVEPOINT s", "ROLLBACK TO s\n"},
    {"ROLLBACK TO s", "ROLLBACK TO s\n"},
    {"SAVEPOINT s", "SAVEPOINT s\n"},
    {"RELEASE s", "RELEASE s\n"},
    {"RELEASE SAVEPOINT s", "RELEASE s\n"},
    {"PRAGMA cache_size", "PRAGMA cache_size\n"},
    {"PRAGMA main.cache_size = -2000", "PRAGMA main.cache_size = -2000\n"},
    {"PRAGMA table_info(t)", "PRAGMA table_info('t')\n"},
    {"PRAGMA foreign_keys = ON", "PRAGMA foreign_keys = 'ON'\n"},
    {"PRAGMA x = 'y'", "PRAGMA x = 'y'\n"},
    {"ANALYZE", "ANALYZE\n"},
    {"ANALYZE main.t", "ANALYZE main.t\n"},
    {"REINDEX", "REINDEX\n"},
    {"REINDEX t", "REINDEX t\n"},
    {"VACUUM", "VACUUM\n"},
    {"VACUUM main INTO 'x.db'", "VACUUM main INTO 'x.db'\n"},
    {"ATTACH 'x.db' AS y", "ATTACH 'x.db' AS 'y'\n"},
    {"ATTACH DATABASE ? AS ?", "ATTACH ?1 AS ?2\n"},
    {"DETACH DATABASE y", "DETACH 'y'\n"},
    {"EXPLAIN ANALYZE", "ANALYZE\n"},
    {"EXPLAIN ANALYZE t", "ANALYZE t\n"},
    {"PRAGMA db.x(5)", "PRAGMA db.x(5)\n"},
    {"PRAGMA x = -1.5", "PRAGMA x = -1.5\n"},
    {"PRAGMA x = delete", "PRAGMA x = 'delete'\n"},
    {"ATTACH x AS y", "ATTACH 'x' AS 'y'\n"},
    {"VACUUM INTO 'a' || 'b'", "VACUUM INTO 'a' || 'b'\n"},
};

static void control_statements_are_one_node(void **state)
{
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_statements_are_one_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
