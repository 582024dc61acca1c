/*
 * Text to query tree, as ir_print shows it: CREATE, ALTER, DROP.
 */
#include "test/unit/parser/sql/cases.h"

static const struct parse_case cases[] = {
    {"CREATE TABLE t (a, b INT, c TEXT NOT NULL, d VARCHAR(10) DEFAULT 'x', e DEFAULT -1, f "
     "DEFAULT (1 + 2), g DEFAULT CURRENT_TIMESTAMP, h DEFAULT abc, i DEFAULT +1.5, j DEFAULT NULL)",
     "CREATE TABLE t\n"
     "  a\n"
     "  b INT\n"
     "  c TEXT NOT NULL\n"
     "  d VARCHAR(10) DEFAULT ('x')\n"
     "  e DEFAULT (-1)\n"
     "  f DEFAULT (1 + 2)\n"
     "  g DEFAULT (CURRENT_TIMESTAMP())\n"
     "  h DEFAULT ('abc')\n"
     "  i DEFAULT (1.5)\n"
     "  j DEFAULT (NULL)\n"},
    {"CREATE TEMP TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY DESC ON CONFLICT REPLACE "
     "AUTOINCREMENT, b UNIQUE ON CONFLICT IGNORE, c NOT NULL ON CONFLICT FAIL, d CHECK (d > 1), e "
     "COLLATE nocase, f REFERENCES p, g REFERENCES p (x) ON DELETE CASCADE ON UPDATE SET NULL "
     "MATCH FULL DEFERRABLE INITIALLY DEFERRED, h NULL)",
     "CREATE TEMPORARY TABLE IF NOT EXISTS t\n"
     "  a INTEGER PRIMARY KEY DESC ON CONFLICT REPLACE AUTOINCREMENT\n"
     "  b UNIQUE ON CONFLICT IGNORE\n"
     "  c NOT NULL ON CONFLICT FAIL\n"
     "  d\n"
     "  e COLLATE nocase\n"
     "  f\n"
     "  g\n"
     "  h\n"
     "  CHECK (d > 1)\n"
     "  FOREIGN KEY (f) REFERENCES p\n"
     "  FOREIGN KEY (g) REFERENCES p (x) ON DELETE CASCADE ON UPDATE SET NULL DEFERRED\n"},
    {"CREATE TABLE main.t (a INTEGER, b CONSTRAINT n1 NOT NULL CONSTRAINT n2 CHECK (b), PRIMARY "
     "KEY (a, b DESC), UNIQUE (b) ON CONFLICT ABORT, CHECK (a > b), CONSTRAINT fk FOREIGN KEY (a, "
     "b) REFERENCES p (x, y) ON DELETE SET DEFAULT ON UPDATE NO ACTION NOT DEFERRABLE INITIALLY "
     "IMMEDIATE) WITHOUT ROWID, STRICT",
     "CREATE TABLE main.t WITHOUT ROWID STRICT\n"
     "  a INTEGER\n"
     "  b NOT NULL\n"
     "  CONSTRAINT n2 CHECK (b)\n"
     "  PRIMARY KEY (a, b DESC)\n"
     "  UNIQUE (b) ON CONFLICT ABORT\n"
     "  CHECK (a > b)\n"
     "  CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES p (x, y) ON DELETE SET DEFAULT\n"},
    {"CREATE TABLE t (a INT GENERATED ALWAYS AS (b + 1) STORED, b AS (1) VIRTUAL, c AS (2))",
     "CREATE TABLE t\n"
     "  a INT AS (b + 1) STORED\n"
     "  b AS (1)\n"
     "  c AS (2)\n"},
    {"CREATE TABLE t AS SELECT 1 AS a", "CREATE TABLE t\n"
                                        "  SELECT 1 AS a\n"},
    {"CREATE UNIQUE INDEX IF NOT EXISTS main.i ON t (a, b DESC, lower(c) COLLATE nocase) WHERE a > "
     "1",
     "CREATE UNIQUE INDEX IF NOT EXISTS main.i ON t (a, b DESC, lower(c) COLLATE nocase)\n"
     "  WHERE a > 1\n"},
    {"CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a)\n"},
    {"CREATE TEMPORARY VIEW IF NOT EXISTS v (a, b) AS SELECT 1, 2",
     "CREATE TEMPORARY VIEW IF NOT EXISTS v (a, b)\n"
     "  SELECT 1, 2\n"},
    {"CREATE VIEW v AS SELECT * FROM t", "CREATE VIEW v\n"
                                         "  SELECT *\n"
                                         "  FROM t\n"},
    {"CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO u VALUES (new.a); UPDATE u SET a = 1 "
     "WHERE b = old.b; DELETE FROM u; SELECT 1; END",
     "CREATE TRIGGER tr AFTER INSERT ON t\n"
     "  INSERT u\n"
     "    VALUES (new.a)\n"
     "  UPDATE u\n"
     "    SET a = 1\n"
     "    WHERE b = old.b\n"
     "  DELETE u\n"
     "  SELECT 1\n"},
    {"CREATE TEMP TRIGGER IF NOT EXISTS tr BEFORE UPDATE OF a, b ON main.t FOR EACH ROW WHEN new.a "
     "> 1 BEGIN SELECT RAISE(ABORT, 'x'), RAISE(IGNORE), RAISE(FAIL, 'y'), RAISE(ROLLBACK, 'z'); "
     "END",
     "CREATE TEMPORARY TRIGGER IF NOT EXISTS tr BEFORE UPDATE OF (a, b) ON main.t\n"
     "  WHEN new.a > 1\n"
     "  SELECT RAISE(ABORT, 'x'), RAISE(IGNORE), RAISE(FAIL, 'y'), RAISE(ROLLBACK, 'z')\n"},
    {"CREATE TRIGGER tr INSTEAD OF DELETE ON v BEGIN SELECT 1; END",
     "CREATE TRIGGER tr INSTEAD OF DELETE ON v\n"
     "  SELECT 1\n"},
    {"CREATE TRIGGER tr DELETE ON v BEGIN REPLACE INTO t VALUES (1); END",
     "CREATE TRIGGER tr BEFORE DELETE ON v\n"
     "  INSERT OR REPLACE t\n"
     "    VALUES (1)\n"},
    {"DROP TABLE t", "DROP TABLE t\n"},
    {"DROP TABLE IF EXISTS main.t", "DROP TABLE IF EXISTS main.t\n"},
    {"DROP INDEX i", "DROP INDEX i\n"},
    {"DROP VIEW IF EXISTS v", "DROP VIEW IF EXISTS v\n"},
    {"DROP TRIGGER tr", "DROP TRIGGER tr\n"},
    {"ALTER TABLE t RENAME TO u", "ALTER TABLE t RENAME TO u\n"},
    {"ALTER TABLE main.t RENAME COLUMN a TO b", "ALTER TABLE main.t RENAME COLUMN a TO b\n"},
    {"ALTER TABLE t RENAME a TO b", "ALTER TABLE t RENAME COLUMN a TO b\n"},
    {"ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 1 CHECK (c > 0) REFERENCES p (x)",
     "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT (1)\n"
     "  CHECK (c > 0)\n"
     "  FOREIGN KEY (c) REFERENCES p (x)\n"},
    {"ALTER TABLE t ADD d", "ALTER TABLE t ADD COLUMN d\n"},
    {"ALTER TABLE t DROP COLUMN a", "ALTER TABLE t DROP COLUMN a\n"},
    {"ALTER TABLE t DROP b", "ALTER TABLE t DROP COLUMN b\n"},
    {"CREATE TABLE t", "CREATE TABLE t DYNAMIC\n"},
    {"CREATE TABLE IF NOT EXISTS db.t", "CREATE TABLE IF NOT EXISTS db.t DYNAMIC\n"},
    {"CREATE TABLE t (a, b, PRIMARY KEY (a) CHECK (b > 1) UNIQUE (b))", "CREATE TABLE t\n"
                                                                        "  a\n"
                                                                        "  b\n"
                                                                        "  PRIMARY KEY (a)\n"
                                                                        "  CHECK (b > 1)\n"
                                                                        "  UNIQUE (b)\n"},
    {"CREATE TABLE t (a DEFERRABLE, b REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED)",
     "CREATE TABLE t\n"
     "  a\n"
     "  b\n"
     "  FOREIGN KEY (b) REFERENCES p\n"},
    {"CREATE TABLE t (a DEFAULT TRUE, b DEFAULT 'x''y', c DEFAULT (a + 1), d DEFAULT x'00')",
     "CREATE TABLE t\n"
     "  a DEFAULT (TRUE)\n"
     "  b DEFAULT ('x''y')\n"
     "  c DEFAULT (a + 1)\n"
     "  d DEFAULT (x'00')\n"},
    {"CREATE TABLE \"my table\" (\"a b\" \"some type\" NOT NULL, [c d], `e`)",
     "CREATE TABLE \"my table\"\n"
     "  \"a b\" \"some type\" NOT NULL\n"
     "  \"c d\"\n"
     "  e\n"},
    {"CREATE TABLE t (a INT, b GENERATED ALWAYS AS (a * 2) VIRTUAL NOT NULL)",
     "CREATE TABLE t\n"
     "  a INT\n"
     "  b NOT NULL AS (a * 2)\n"},
    {"CREATE VIEW db.v AS WITH x AS (SELECT 1) SELECT * FROM x UNION SELECT 2", "CREATE VIEW db.v\n"
                                                                                "  WITH x AS (\n"
                                                                                "    SELECT 1\n"
                                                                                "  )\n"
                                                                                "  SELECT *\n"
                                                                                "  FROM x\n"
                                                                                "  UNION\n"
                                                                                "  SELECT 2\n"},
    {"CREATE TRIGGER t AFTER UPDATE ON db.u BEGIN WITH x AS (SELECT 1) SELECT * FROM x; END",
     "CREATE TRIGGER t AFTER UPDATE ON db.u\n"
     "  WITH x AS (\n"
     "    SELECT 1\n"
     "  )\n"
     "  SELECT *\n"
     "  FROM x\n"},
};

static void schema_changes_keep_columns_and_constraints(void **state)
{
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_changes_keep_columns_and_constraints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
