/*
 * Text to query tree, as ir_print shows it: INSERT, UPDATE, DELETE.
 */
#include "test/unit/parser/sql/cases.h"

static const struct parse_case cases[] = {
    {"INSERT INTO t VALUES (1, 2), (3, 4)", "INSERT t\n"
                                            "  VALUES (1, 2), (3, 4)\n"},
    {"INSERT INTO t(a, b) SELECT x, y FROM u WHERE 1", "INSERT t\n"
                                                       "  COLUMNS (a, b)\n"
                                                       "  SELECT x, y\n"
                                                       "  FROM u\n"
                                                       "  WHERE 1\n"},
    {"INSERT OR REPLACE INTO main.t AS q (a) VALUES (1)", "INSERT OR REPLACE main.t AS q\n"
                                                          "  COLUMNS (a)\n"
                                                          "  VALUES (1)\n"},
    {"INSERT OR ROLLBACK INTO t DEFAULT VALUES", "INSERT OR ROLLBACK t\n"
                                                 "  DEFAULT VALUES\n"},
    {"REPLACE INTO t VALUES (1) RETURNING *, a + 1 AS b", "INSERT OR REPLACE t\n"
                                                          "  VALUES (1)\n"
                                                          "  RETURNING *, a + 1 AS b\n"},
    {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "INSERT t\n"
                                                        "  VALUES (1)\n"
                                                        "  ON CONFLICT DO NOTHING\n"},
    {"INSERT INTO t VALUES (1) ON CONFLICT (a, b COLLATE nocase) WHERE c > 1 DO UPDATE SET a = "
     "excluded.a, (b, c) = (1, 2) WHERE d ON CONFLICT (z) DO NOTHING ON CONFLICT DO UPDATE SET x = "
     "1 RETURNING a",
     "INSERT t\n"
     "  VALUES (1)\n"
     "  ON CONFLICT (a, b COLLATE nocase) WHERE c > 1 DO UPDATE SET a = excluded.a, (b, c) = (1, "
     "2) WHERE d\n"
     "  ON CONFLICT (z) DO NOTHING\n"
     "  ON CONFLICT DO UPDATE SET x = 1\n"
     "  RETURNING a\n"},
    {"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "WITH x AS (\n"
                                                           "  SELECT 1\n"
                                                           ")\n"
                                                           "INSERT t\n"
                                                           "  SELECT *\n"
                                                           "  FROM x\n"},
    {"WITH RECURSIVE x AS (SELECT 1) UPDATE t SET a = 1", "WITH RECURSIVE x AS (\n"
                                                          "  SELECT 1\n"
                                                          ")\n"
                                                          "UPDATE t\n"
                                                          "  SET a = 1\n"},
    {"WITH x AS (SELECT 1) DELETE FROM t WHERE a IN x", "WITH x AS (\n"
                                                        "  SELECT 1\n"
                                                        ")\n"
                                                        "DELETE t\n"
                                                        "  WHERE a IN (SELECT * FROM x)\n"},
    {"UPDATE t SET a = 1, b = b + 1 WHERE c", "UPDATE t\n"
                                              "  SET a = 1, b = b + 1\n"
                                              "  WHERE c\n"},
    {"UPDATE OR IGNORE main.t AS q INDEXED BY i SET (a, b) = (SELECT 1, 2), c = 3 FROM u JOIN v ON "
     "1 WHERE q.x = u.y RETURNING a, b",
     "UPDATE OR IGNORE main.t AS q INDEXED BY i\n"
     "  SET (a, b) = (SELECT 1, 2), c = 3\n"
     "  FROM u\n"
     "  JOIN v ON 1\n"
     "  WHERE q.x = u.y\n"
     "  RETURNING a, b\n"},
    {"UPDATE t NOT INDEXED SET a = 1 ORDER BY b LIMIT 5", "UPDATE t NOT INDEXED\n"
                                                          "  SET a = 1\n"
                                                          "  ORDER BY b\n"
                                                          "  LIMIT 5\n"},
    {"DELETE FROM t", "DELETE t\n"},
    {"DELETE FROM main.t AS q WHERE a = 1 RETURNING * ORDER BY a LIMIT 3 OFFSET 1",
     "DELETE main.t AS q\n"
     "  WHERE a = 1\n"
     "  ORDER BY a\n"
     "  LIMIT 3\n"
     "  OFFSET 1\n"
     "  RETURNING *\n"},
    {"INSERT INTO t SELECT * FROM u ON CONFLICT DO NOTHING", "INSERT t\n"
                                                             "  SELECT *\n"
                                                             "  FROM u\n"
                                                             "  ON CONFLICT DO NOTHING\n"},
    {"INSERT INTO t SELECT * FROM u JOIN v WHERE true ON CONFLICT DO NOTHING",
     "INSERT t\n"
     "  SELECT *\n"
     "  FROM u\n"
     "  JOIN v\n"
     "  WHERE TRUE\n"
     "  ON CONFLICT DO NOTHING\n"},
    {"INSERT INTO t VALUES (?, ?2, :x), (DEFAULT_VALUE(), 2, 3)",
     "INSERT t\n"
     "  VALUES (?1, ?2, :x), (DEFAULT_VALUE(), 2, 3)\n"},
    {"UPDATE t SET (a, b) = (SELECT 1, 2), (c) = 3", "UPDATE t\n"
                                                     "  SET (a, b) = (SELECT 1, 2), c = 3\n"},
    {"UPDATE t SET a = 1 FROM u, v LEFT JOIN w ON 1 WHERE t.x = u.x", "UPDATE t\n"
                                                                      "  SET a = 1\n"
                                                                      "  FROM u\n"
                                                                      "  JOIN v\n"
                                                                      "  LEFT JOIN w ON 1\n"
                                                                      "  WHERE t.x = u.x\n"},
};

static void writes_keep_every_clause(void **state)
{
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_keep_every_clause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
