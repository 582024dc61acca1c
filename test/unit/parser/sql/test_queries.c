/*
 * Text to query tree, as ir_print shows it: SELECT and VALUES.
 */
#include "test/unit/parser/sql/cases.h"

static const struct parse_case cases[] = {
    {"SELECT 1", "SELECT 1\n"},
    {"SELECT a, b AS x, c y, \"d\", `e`, [f], t.*, * FROM t",
     "SELECT a, b AS x, c AS y, \"d\", e, f, t.*, *\n"
     "FROM t\n"},
    {"SELECT DISTINCT a FROM t WHERE a = 1 AND b <> 2 OR NOT c",
     "SELECT DISTINCT a\n"
     "FROM t\n"
     "WHERE ((a = 1) AND (b <> 2)) OR (NOT c)\n"},
    {"SELECT ALL a FROM main.t AS q WHERE q.a IN (1, 2, 3) AND b NOT IN () AND c IN (SELECT x FROM "
     "u) AND d IN u AND e NOT IN main.u",
     "SELECT a\n"
     "FROM main.t AS q\n"
     "WHERE (q.a IN (1, 2, 3)) AND (b NOT IN ()) AND (c IN (SELECT x FROM u)) AND (d IN (SELECT * "
     "FROM u)) AND (e NOT IN (SELECT * FROM main.u))\n"},
    {"SELECT a FROM t, u JOIN v ON t.a = v.b LEFT JOIN w USING (x, y) NATURAL JOIN z CROSS JOIN q",
     "SELECT a\n"
     "FROM t\n"
     "JOIN u\n"
     "JOIN v ON t.a = v.b\n"
     "LEFT JOIN w USING (x, y)\n"
     "NATURAL JOIN z\n"
     "CROSS JOIN q\n"},
    {"SELECT a FROM t NATURAL LEFT OUTER JOIN u RIGHT JOIN v ON 1 FULL OUTER JOIN w ON 2 INNER "
     "JOIN x",
     "SELECT a\n"
     "FROM t\n"
     "NATURAL LEFT JOIN u\n"
     "RIGHT JOIN v ON 1\n"
     "FULL JOIN w ON 2\n"
     "JOIN x\n"},
    {"SELECT a FROM (SELECT 1) AS s, (VALUES (1, 2), (3, 4)), (t JOIN u ON 1) LEFT JOIN (v, w) ON "
     "2",
     "SELECT a\n"
     "FROM (\n"
     "  SELECT 1\n"
     ") AS s\n"
     "JOIN (\n"
     "  VALUES (1, 2), (3, 4)\n"
     ")\n"
     "JOIN t\n"
     "JOIN u ON 1\n"
     "LEFT JOIN GROUP (\n"
     "  SELECT *\n"
     "  FROM v\n"
     "  JOIN w\n"
     ") ON 2\n"},
    {"SELECT a FROM t INDEXED BY i WHERE a LIKE 'x%' ESCAPE '\\' AND b NOT GLOB '*' AND c REGEXP "
     "'x' AND d MATCH 'y' AND e NOT LIKE 'z'",
     "SELECT a\n"
     "FROM t INDEXED BY i\n"
     "WHERE (a LIKE 'x%' ESCAPE '\\') AND (b NOT GLOB '*') AND (c REGEXP 'x') AND (d MATCH 'y') "
     "AND (e NOT LIKE 'z')\n"},
    {"SELECT a FROM t NOT INDEXED GROUP BY a, b HAVING count(*) > 1 ORDER BY a DESC, b ASC NULLS "
     "FIRST, c NULLS LAST LIMIT 10 OFFSET 5",
     "SELECT a\n"
     "FROM t NOT INDEXED\n"
     "GROUP BY a, b\n"
     "HAVING count(*) > 1\n"
     "ORDER BY a DESC, b NULLS FIRST, c NULLS LAST\n"
     "LIMIT 10\n"
     "OFFSET 5\n"},
    {"SELECT a FROM t LIMIT 5, 10", "SELECT a\n"
                                    "FROM t\n"
                                    "LIMIT 10\n"
                                    "OFFSET 5\n"},
    {"SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 INTERSECT SELECT 4 EXCEPT VALUES (5), (6) ORDER "
     "BY 1 LIMIT 1",
     "SELECT 1\n"
     "UNION\n"
     "SELECT 2\n"
     "UNION ALL\n"
     "SELECT 3\n"
     "INTERSECT\n"
     "SELECT 4\n"
     "EXCEPT\n"
     "VALUES (5), (6)\n"
     "ORDER BY 1\n"
     "LIMIT 1\n"},
    {"WITH a AS (SELECT 1), b(x, y) AS MATERIALIZED (SELECT 1, 2), c AS NOT MATERIALIZED (SELECT "
     "3) SELECT * FROM a, b, c",
     "WITH a AS (\n"
     "  SELECT 1\n"
     ")\n"
     "WITH b (x, y) AS MATERIALIZED (\n"
     "  SELECT 1, 2\n"
     ")\n"
     "WITH c AS NOT MATERIALIZED (\n"
     "  SELECT 3\n"
     ")\n"
     "SELECT *\n"
     "FROM a\n"
     "JOIN b\n"
     "JOIN c\n"},
    {"WITH RECURSIVE cnt(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM cnt LIMIT 10) SELECT x FROM "
     "cnt",
     "WITH RECURSIVE cnt (x) AS (\n"
     "  SELECT 1\n"
     "  UNION ALL\n"
     "  SELECT x + 1\n"
     "  FROM cnt\n"
     "  LIMIT 10\n"
     ")\n"
     "SELECT x\n"
     "FROM cnt\n"},
    {"SELECT CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END, CASE WHEN a THEN b END FROM t",
     "SELECT CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END, CASE WHEN a THEN b END\n"
     "FROM t\n"},
    {"SELECT CAST(a AS INTEGER), CAST(b AS VARCHAR(10)), CAST(c AS DECIMAL(10, -2)), CAST (d AS "
     "unsigned big int) FROM t",
     "SELECT CAST(a AS INTEGER), CAST(b AS VARCHAR(10)), CAST(c AS DECIMAL(10, -2)), CAST(d AS "
     "unsigned big int)\n"
     "FROM t\n"},
    {"SELECT a COLLATE nocase, -b, +c, ~d, a || b, a -> '$.x', a ->> 'y', a * b / c % d + e - f << "
     "1 >> 2 & 3 | 4 FROM t",
     "SELECT a COLLATE nocase, -b, +c, ~d, a || b, a -> '$.x', a ->> 'y', ((((((((a * b) / c) % d) "
     "+ e) - f) << 1) >> 2) & 3) | 4\n"
     "FROM t\n"},
    {"SELECT a < b, a <= b, a > b, a >= b, a = b, a == b, a != b, a <> b, a IS b, a IS NOT b, a IS "
     "DISTINCT FROM b, a IS NOT DISTINCT FROM b FROM t",
     "SELECT a < b, a <= b, a > b, a >= b, a = b, a = b, a <> b, a <> b, a IS b, a IS NOT b, a IS "
     "NOT b, a IS b\n"
     "FROM t\n"},
    {"SELECT a ISNULL, a NOTNULL, a NOT NULL, a IS NULL, a IS NOT NULL, a IS TRUE, a IS NOT FALSE "
     "FROM t",
     "SELECT a IS NULL, a IS NOT NULL, a IS NOT NULL, a IS NULL, a IS NOT NULL, a IS TRUE, a IS "
     "NOT FALSE\n"
     "FROM t\n"},
    {"SELECT a BETWEEN 1 AND 2, a NOT BETWEEN 1 AND 2 AND b, EXISTS (SELECT 1), NOT EXISTS (SELECT "
     "2), (SELECT 3) FROM t",
     "SELECT (a >= 1) AND (a <= 2), ((a < 1) OR (a > 2)) AND b, EXISTS (SELECT 1), NOT EXISTS "
     "(SELECT 2), (SELECT 3)\n"
     "FROM t\n"},
    {"SELECT (1, 2) = (3, 4), (a, b) IN (SELECT 1, 2), (a, b) < (1, 2) FROM t",
     "SELECT (1, 2) = (3, 4), (a, b) IN (SELECT 1, 2), (a, b) < (1, 2)\n"
     "FROM t\n"},
    {"SELECT ?, ?5, :a, @b, $c, ?, :a, $d::e(f)", "SELECT ?1, ?5, :a, @b, $c, ?9, :a, $d::e(f)\n"},
    {"SELECT 1, 1.5, .5, 5., 1e3, 1.5E-3, 0x1F, 'it''s', x'00ff', X'', NULL, TRUE, FALSE, "
     "CURRENT_TIME, current_date, CURRENT_TIMESTAMP, 9223372036854775807, 9223372036854775808, "
     "-9223372036854775808",
     "SELECT 1, 1.5, 0.5, 5.0, 1000.0, 0.0015, 31, 'it''s', x'00ff', x'', NULL, TRUE, FALSE, "
     "CURRENT_TIME(), current_date(), CURRENT_TIMESTAMP(), 9223372036854775807, "
     "9.22337203685478e+18, -9223372036854775808\n"},
    {"SELECT count(*), count(DISTINCT a), sum(a) FILTER (WHERE b > 1), max(a, b), abs(-1), "
     "random() FROM t",
     "SELECT count(*), count(DISTINCT a), sum(a) FILTER (WHERE b > 1), max(a, b), abs(-1), "
     "random()\n"
     "FROM t\n"},
    {"SELECT row_number() OVER (), sum(a) OVER (PARTITION BY b ORDER BY c), sum(a) OVER w, sum(a) "
     "FILTER (WHERE x) OVER (w ORDER BY d) FROM t WINDOW w AS (PARTITION BY e), w2 AS (w ORDER BY "
     "f)",
     "SELECT row_number() OVER (), sum(a) OVER (PARTITION BY b ORDER BY c), sum(a) OVER w, sum(a) "
     "FILTER (WHERE x) OVER (w ORDER BY d)\n"
     "FROM t\n"
     "WINDOW w AS (PARTITION BY e)\n"
     "WINDOW w2 AS (PARTITION BY e ORDER BY f)\n"},
    {"SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT "
     "ROW), sum(a) OVER (ORDER BY b RANGE UNBOUNDED PRECEDING), sum(a) OVER (ORDER BY b GROUPS "
     "BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE TIES), sum(a) OVER (RANGE CURRENT ROW "
     "EXCLUDE GROUP), sum(a) OVER (ROWS 5 PRECEDING EXCLUDE NO OTHERS) FROM t",
     "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT "
     "ROW), sum(a) OVER (ORDER BY b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), sum(a) "
     "OVER (ORDER BY b GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE TIES), sum(a) "
     "OVER (RANGE BETWEEN CURRENT ROW AND CURRENT ROW EXCLUDE GROUP), sum(a) OVER (ROWS BETWEEN 5 "
     "PRECEDING AND CURRENT ROW)\n"
     "FROM t\n"},
    {"SELECT a FROM json_each('[1]') AS j, generate_series(1, 10), main.pragma_table_info('t')",
     "SELECT a\n"
     "FROM json_each('[1]') AS j\n"
     "JOIN generate_series(1, 10)\n"
     "JOIN main.pragma_table_info('t')\n"},
    {"VALUES (1, 'a'), (2, 'b')", "VALUES (1, 'a'), (2, 'b')\n"},
    {"SELECT abort, action, after, key, first, last, row, rows, \"select\", plan, query, temp, of, "
     "no, over, filter, window, view, if, end, desc, replace FROM t",
     "SELECT abort, action, after, key, first, last, row, rows, \"select\", plan, query, temp, of, "
     "no, over, filter, window, view, if, end, desc, replace\n"
     "FROM t\n"},
    {"SELECT cross, full, left, natural FROM t", "SELECT cross, full, left, natural\n"
                                                 "FROM t\n"},
    {"SELECT left.a, t.full FROM left AS right", "SELECT left.a, t.full\n"
                                                 "FROM left AS right\n"},
    {"SELECT replace('a', 'b', 'c'), if(1, 2, 3), like('a', 'b'), glob('a', 'b'), filter(1), "
     "over(1)",
     "SELECT replace('a', 'b', 'c'), if(1, 2, 3), like('a', 'b'), glob('a', 'b'), filter(1), "
     "over(1)\n"},
    {"SELECT a FROM t WHERE a = 1 -- comment", "SELECT a\n"
                                               "FROM t\n"
                                               "WHERE a = 1\n"},
    {"SELECT /* c */ a /* unclosed", "SELECT a\n"},
    {"SELECT a.b.c, main.t.a FROM main.t", "SELECT a.b.c, main.t.a\n"
                                           "FROM main.t\n"},
    {"SELECT 'a' 'b'", "SELECT 'a' AS b\n"},
    {"SELECT x NOT NULL, x IN (1) NOT NULL, NOT x IS NULL FROM t",
     "SELECT x IS NOT NULL, (x IN (1)) IS NOT NULL, NOT (x IS NULL)\n"
     "FROM t\n"},
    {"SELECT 1 WHERE 1", "SELECT 1\n"
                         "WHERE 1\n"},
    {"SELECT 1 WHERE 1 GROUP BY 2", "SELECT 1\n"
                                    "WHERE 1\n"
                                    "GROUP BY 2\n"},
    {"SELECT max(a) FROM t HAVING max(a) > 1", "SELECT max(a)\n"
                                               "FROM t\n"
                                               "HAVING max(a) > 1\n"},
    {"SELECT a FROM t JOIN (u JOIN v ON u.x = v.x) ON t.x = u.x",
     "SELECT a\n"
     "FROM t\n"
     "JOIN u\n"
     "JOIN v ON (u.x = v.x) AND (t.x = u.x)\n"},
    {"SELECT a FROM t, (u LEFT JOIN v ON u.x = v.x)", "SELECT a\n"
                                                      "FROM t\n"
                                                      "JOIN u\n"
                                                      "LEFT JOIN v ON u.x = v.x\n"},
    {"SELECT a FROM t JOIN (u LEFT JOIN v ON u.x = v.x) ON t.x = u.x",
     "SELECT a\n"
     "FROM t\n"
     "JOIN GROUP (\n"
     "  SELECT *\n"
     "  FROM u\n"
     "  LEFT JOIN v ON u.x = v.x\n"
     ") ON t.x = u.x\n"},
    {"SELECT a FROM t LEFT JOIN (u JOIN v ON 1) ON t.x = u.x", "SELECT a\n"
                                                               "FROM t\n"
                                                               "LEFT JOIN GROUP (\n"
                                                               "  SELECT *\n"
                                                               "  FROM u\n"
                                                               "  JOIN v ON 1\n"
                                                               ") ON t.x = u.x\n"},
    {"SELECT a FROM (u JOIN v ON 1) LEFT JOIN w ON 2", "SELECT a\n"
                                                       "FROM u\n"
                                                       "JOIN v ON 1\n"
                                                       "LEFT JOIN w ON 2\n"},
    {"SELECT a FROM t JOIN (u JOIN v USING (x)) ON t.x = u.x", "SELECT a\n"
                                                               "FROM t\n"
                                                               "JOIN GROUP (\n"
                                                               "  SELECT *\n"
                                                               "  FROM u\n"
                                                               "  JOIN v USING (x)\n"
                                                               ") ON t.x = u.x\n"},
    {"SELECT a FROM ((t)) AS x, (u AS y), (v JOIN w) AS z", "SELECT a\n"
                                                            "FROM t AS x\n"
                                                            "JOIN u AS y\n"
                                                            "JOIN GROUP (\n"
                                                            "  SELECT *\n"
                                                            "  FROM v\n"
                                                            "  JOIN w\n"
                                                            ") AS z\n"},
    {"SELECT a FROM t JOIN u USING (x), v CROSS JOIN w", "SELECT a\n"
                                                         "FROM t\n"
                                                         "JOIN u USING (x)\n"
                                                         "JOIN v\n"
                                                         "CROSS JOIN w\n"},
    {"SELECT a FROM t NATURAL FULL JOIN u NATURAL RIGHT OUTER JOIN v", "SELECT a\n"
                                                                       "FROM t\n"
                                                                       "NATURAL FULL JOIN u\n"
                                                                       "NATURAL RIGHT JOIN v\n"},
    {"SELECT a FROM t LEFT RIGHT JOIN u ON 1", "SELECT a\n"
                                               "FROM t\n"
                                               "FULL JOIN u ON 1\n"},
    {"SELECT a FROM db.f(1, 2) AS g, h()", "SELECT a\n"
                                           "FROM db.f(1, 2) AS g\n"
                                           "JOIN h()\n"},
    {"SELECT a b, c AS 'd', e \"f\" FROM t x, u AS 'y'", "SELECT a AS b, c AS d, e AS f\n"
                                                         "FROM t AS x\n"
                                                         "JOIN u AS y\n"},
    {"SELECT (SELECT max(x) FROM u WHERE u.y = t.y) AS m FROM t WHERE EXISTS (SELECT * FROM "
     "(SELECT 1) AS s)",
     "SELECT (SELECT max(x) FROM u WHERE u.y = t.y) AS m\n"
     "FROM t\n"
     "WHERE EXISTS (SELECT * FROM (SELECT 1) AS s)\n"},
    {"EXPLAIN SELECT 1", "SELECT 1\n"},
    {"SELECT 1;", "SELECT 1\n"},
    {";;; SELECT 1", "SELECT 1\n"},
};

static void queries_become_blocks(void **state)
{
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_become_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
