#!/usr/bin/env bash
# The harper program seen from outside: scripts, output modes, exit codes, import and export, errors, a terminal.
# Usage: test/shell/run.sh HARPER   Prints a line per failure and `N passed, N failed` at the end.
set -u
harper=$(realpath "${1:-build/debug/harper}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export HARPER_HISTORY=$work/history LC_ALL=C.UTF-8
passed=0 failed=0

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$1"
    shift
    printf '%s\n' "$@"
}
# same NAME EXPECTED ACTUAL
same() { if [ "$2" = "$3" ]; then pass; else fail "$1" "--- expected" "$2" "--- came" "$3"; fi; }
# script NAME EXPECTED [OPTIONS]: standard input to a database in memory; both outputs are compared
script() { local name=$1 expected=$2; shift 2; same "$name" "$expected" "$("$harper" "$@" :memory: 2>&1)"; }
# code NAME EXPECTED COMMAND…
code() { local name=$1 expected=$2; shift 2; "$@" >out 2>&1 </dev/null; same "$name" "$expected" "$?"; }

# ---- modes ----
rows="SELECT 1 AS a, 'x|y' AS b, NULL AS c UNION ALL SELECT 2.5, 'q\"''', x'00ff'"
script "list is the default of scripts" $'1|x|y|' <<<"SELECT 1 AS a, 'x|y' AS b, NULL AS c;"
script "list with headers" $'a;b;c\n1;x|y;' --header --separator ';' <<<"SELECT 1 AS a, 'x|y' AS b, NULL AS c;"
script "csv quotes what needs it" $'a,b,c\n1,x|y,\n2.5,"q""\'",' --csv --header <<<"SELECT 1 AS a, 'x|y' AS b, NULL AS c UNION ALL SELECT 2.5, 'q\"''', NULL;"
script "quote" $'1,\'x|y\',NULL\n2.5,\'q"\'\'\',X\'00ff\'' --quote <<<"$rows;"
script "json" $'[{"a":1,"b":"x|y","c":null}]' --json <<<"SELECT 1 AS a, 'x|y' AS b, NULL AS c;"
script "json of several rows" $'[{"a":1},\n{"a":2}]' --json <<<"SELECT 1 AS a UNION ALL SELECT 2;"
script "ndjson" $'{"a":1}\n{"a":2}' --ndjson <<<"SELECT 1 AS a UNION ALL SELECT 2;"
printf 'type Dog @table @export { id: Long @primaryKey name: String }' >dog.graphql
printf 'type Dog @table @hidden @export(name: "d", ws: false, rest: false) { id: Long @primaryKey }' >hidden.graphql
script "json of a request is what the server answers" $'[{"id":1,"name":"Ada"},\n{"id":2}]\n["Ada",\nnull]' --json <<<$'.apply dog.graphql\nPUT /Dog/ [{"id":1,"name":"Ada"},{"id":2}]\nGET /Dog/\nGET /Dog/?select(name)'
script "whole records are documents in every aligned mode" $'{"id":1,"name":"Ada"}\n{"id":2}\n┌──────┐\n│ name │\n├──────┤\n│ Ada  │\n└──────┘' --box <<<$'.apply dog.graphql\nPUT /Dog/ [{"id":1,"name":"Ada"},{"id":2}]\nGET /Dog/\nSELECT name FROM Dog WHERE id = 1;'
script ".schema shows what a table is hidden from" $'type Dog @table @export(name: "d", rest: false, ws: false) @hidden {\n  id: Long @primaryKey\n}' <<<$'.apply hidden.graphql\n.schema'
script "tabs" $'1\tx' --tabs <<<"SELECT 1, 'x';"
script "line" $'    a = 1\nlong1 = x' --line <<<"SELECT 1 AS a, 'x' AS long1;"
script "table" $'+---+----+\n| a | b  |\n+---+----+\n| 1 | xy |\n+---+----+' --table <<<"SELECT 1 AS a, 'xy' AS b;"
script "markdown" $'| a | b  |\n|--:|----|\n| 1 | xy |' --markdown <<<"SELECT 1 AS a, 'xy' AS b;"
script "column has headers" $'a  b \n-  --\n1  xy' --column <<<"SELECT 1 AS a, 'xy' AS b;"
script "html" $'<tr><td>1</td><td>&lt;b&gt;</td></tr>' --html <<<"SELECT 1, '<b>';"
script "wide characters align" $'┌──────┐\n│ x    │\n├──────┤\n│ 日本 │\n│ ab   │\n└──────┘' --box <<<"SELECT '日本' AS x UNION ALL SELECT 'ab';"
script ".null" $'nix' <<<$'.null nix\nSELECT NULL;'
script "a mode that does not exist" $'Error: line 1: unknown mode "nope"; modes are list box table column markdown line csv tabs json ndjson quote html' <<<".mode nope"

# ---- like sqlite3 ----
if command -v sqlite3 >/dev/null; then
    cat >same.sql <<'END'
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL, d BLOB);
INSERT INTO t VALUES (1, 'it''s', 1.0, x'6869'), (2, NULL, 1e100, NULL), (3, 'a|b', -0.1, 'text'), (4, '', 123456789012345678, 5);
SELECT * FROM t ORDER BY a;
SELECT a / 2, a / 2.0, 1e15, 1e16, 0.1 + 0.2, -1.5e-7, 9223372036854775807, a = 1 FROM t;
SELECT 'two
lines'; SELECT count(*), sum(c), avg(a), max(b) FROM t;
UPDATE t SET c = c * 2 WHERE a = 3;
SELECT c, typeof(d), quote(d), length(d) FROM t;
END
    same "list mode as sqlite3's" "$(sqlite3 :memory: <same.sql 2>&1)" "$("$harper" <same.sql 2>&1)"
    for mode in quote line tabs; do
        query="SELECT 1 AS a, 2.0 AS real, 'x' AS text, NULL AS missing UNION ALL SELECT -5, 1e20, 'longer text', 'y'"
        same "$mode as sqlite3's" "$(sqlite3 -$mode -header :memory: "$query" | tr -d '\r' | sed 's/ *$//')" "$("$harper" --$mode --header :memory: "$query" | sed 's/ *$//')"
    done
fi

# ---- exit codes ----
code "all well is 0" 0 "$harper" :memory: "SELECT 1"
code "a failed statement is 1" 1 "$harper" :memory: "SELECT nope"
code "-c" 0 "$harper" :memory: -c "SELECT 1"
code "wrong usage is 2" 2 "$harper" --nope
code "too many arguments are 2" 2 "$harper" a b c
code "an option without its value is 2" 2 "$harper" --backend
code "a database that cannot be opened is 3" 3 "$harper" "/dev/null/x" "SELECT 1"
code ".exit gives its code" 7 "$harper" :memory: ".exit 7"
printf 'SELECT nope;\nSELECT 2;\n' | "$harper" >out 2>/dev/null
same "a script goes on behind an error and ends with 1" "1 2" "$? $(cat out)"
printf 'SELECT nope;\nSELECT 2;\n' | "$harper" --bail >out 2>/dev/null
same "--bail stops" "1 " "$? $(cat out)"
same "--version" "harper" "$("$harper" --version | cut -d' ' -f1)"

# ---- errors ----
script "the caret stands under the place" $'Error: line 1: no such column: nope\n  SELECT 1, nope;\n            ^' <<<"SELECT 1, nope;"
script "behind tabs" $'Error: line 1: no such column: nope\n  SELECT 1, nope;\n            ^' <<<$'SELECT\t1,\tnope;'
script "behind wide characters" $'Error: line 1: no such column: nope\n  SELECT \'日本\', nope;\n                 ^' <<<"SELECT '日本', nope;"
same "only the line in question is shown, with its number" $'Error: line 3: no such table: nowhere\n  FROM nowhere\n       ^' "$(printf 'SELECT 1;\nSELECT *\nFROM nowhere\nWHERE 1;\n' | "$harper" 2>&1 >/dev/null)"
same "the second statement of a line" $'Error: line 1: no such column: b\n  SELECT 1; SELECT b;\n                   ^' "$("$harper" 2>&1 >/dev/null <<<'SELECT 1; SELECT b;')"
same "a statement that stops short" "Error: line 1: incomplete input" "$("$harper" 2>&1 <<<'SELECT 1,' | head -n 1)"
script "a suggestion for an unknown command" 'Error: line 1: unknown command: ".tabels". Did you mean .tables?' <<<".tabels"
script "an ambiguous command" 'Error: line 1: ".e" may be .echo .exit .explain .export' <<<".e"
script "a beginning is enough" "t" <<<$'CREATE TABLE t(a);\n.tab'

# ---- scripts ----
script "a statement over several lines, comments, semicolons in text" $'1\na;b' <<<$'SELECT -- c;\n1;\nSELECT \'a;b\'; -- end'
script "a trigger is one statement" "5" <<<$'CREATE TABLE t(a);\nCREATE TABLE u(a);\nCREATE TRIGGER x AFTER INSERT ON t BEGIN\n  INSERT INTO u VALUES (new.a);\n  UPDATE u SET a = a + 1;\nEND;\nINSERT INTO t VALUES (4);\nSELECT a FROM u;'
script "requests beside SQL" $'Ada' <<<$'CREATE TABLE dog(id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO dog VALUES (7, \'Ada\');\nGET /dog/?id=7&select(name)'
printf 'SELECT 2;\n.read b.sql\nSELECT 4;\n' >a.sql
printf 'SELECT 3;\nSELECT nope;\n' >b.sql
same ".read nests and names file and line" $'1\n2\n3\n4\n5\nError: b.sql, line 2: no such column: nope\n  SELECT nope;\n         ^' "$(printf 'SELECT 1;\n.read a.sql\nSELECT 5;\n' | "$harper" 2>err; cat err)"
printf '.read loop.sql\n' >loop.sql
same "a .read of itself ends" "1" "$(printf '.read loop.sql\n' | "$harper" 2>&1 | grep -c 'nested too deeply')"
script ".read of nothing" 'Error: line 1: cannot open "missing"' <<<".read missing"
script ".echo" $'SELECT 1;\n1' <<<$'.echo on\nSELECT 1;'
script ".print" "a b" <<<'.print "a b"'
script ".changes" $'changes: 2   total_changes: 2' <<<$'CREATE TABLE t(a);\n.changes on\nINSERT INTO t VALUES (1), (2);'
printf '.output o.txt\nSELECT 1;\n.output\nSELECT 2;\n' | "$harper" >out
same ".output" "1 2" "$(cat o.txt) $(cat out)"
same "--init" $'1\n2' "$(echo 'SELECT 1;' >init; "$harper" --init init :memory: 'SELECT 2')"
same ".timer" "1" "$(printf '.timer on\nSELECT 1;\n' | "$harper" | grep -c '^Run Time: real')"
same ".explain shows the program" "1" "$(printf '.explain code\nSELECT 1;\n' | "$harper" | grep -c 'ROW ')"

# ---- schema ----
cat >dog.graphql <<'END'
type Dog @table @export {
  id: ID @primaryKey
  age: Int @indexed
  score: Float
  born: Date
  good: Boolean
}
END
script ".schema of a schema's table" "$(cat dog.graphql)" <<<$'.apply dog.graphql\n.schema'
script ".schema --sql" $'CREATE TABLE "Dog" (\n  "id" TEXT PRIMARY KEY,\n  "age" INTEGER,\n  "score" REAL,\n  "born" DATE,\n  "good" BOOLEAN\n);\nCREATE INDEX "Dog/age" ON "Dog"("age");' <<<$'.apply dog.graphql\n.schema --sql D%'
script ".schema --sdl of an SQL table" $'type t @table {\n  a: Long @primaryKey\n  b: String!\n  c: Any @indexed\n}' <<<$'CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL, c);\nCREATE INDEX t_c ON t(c);\n.schema --sdl t'
script ".schema of SQL tables" $'CREATE TABLE t(a);\nCREATE INDEX i ON t(a);\nCREATE VIEW v AS SELECT 1;' <<<$'CREATE TABLE t(a);\nCREATE INDEX i ON t(a);\nCREATE VIEW v AS SELECT 1;\n.schema'
script ".tables and .indexes" $'t\nv\ni' <<<$'CREATE TABLE t(a);\nCREATE INDEX i ON t(a);\nCREATE VIEW v AS SELECT 1;\n.tables\n.indexes'

# ---- import and export ----
printf '\xef\xbb\xbfid,"na""me",note\r\n1,"a ""q"", b","two\nlines"\r\n\r\n2,,""\n3,short\n4,a,b,extra\n' >x.csv
script "CSV with everything" $'x.csv:6: expected 3 columns but found 2 - filling the rest with NULL\nx.csv:7: expected 3 columns but found 4 - extras ignored\n\'1\',\'a "q", b\',\'two\nlines\'\n\'2\',NULL,\'\'\n\'3\',\'short\',NULL\n\'4\',\'a\',\'b\'' --quote <<<$'.import x.csv x\nSELECT * FROM x;'
printf 'b,a\n1,b\n' >y.csv
same "a header in another order" "1|b|integer" "$(printf 'CREATE TABLE y(a TEXT, b INTEGER);\n.import y.csv y\nSELECT b, a, typeof(b) FROM y;\n' | "$harper" 2>&1)"
printf '5,6\n7,8\n' >z.csv
same "no header when the table exists" $'5|6\n7|8' "$(printf 'CREATE TABLE z(a, b);\n.import z.csv z\nSELECT * FROM z;\n' | "$harper" 2>&1)"
same "--skip" $'7|8' "$(printf 'CREATE TABLE z(a, b);\n.import --skip 1 z.csv z\nSELECT * FROM z;\n' | "$harper" 2>&1)"
printf 'a\n"open\n' >bad.csv
same "a quote that is not closed" "Error: line 1: bad.csv, line 2: a quoted field is not closed" "$("$harper" 2>&1 <<<'.import bad.csv bad')"
printf 'a\tb\n1\t"x\n' >t.tsv
same "tab-separated" '1|"x' "$(printf '.import t.tsv t\nSELECT * FROM t;\n' | "$harper" 2>&1)"
printf 'id,age,score,born,good\nd1,3,1.5,2020-01-02,true\nd2,,,,\n' >dog.csv
same "a schema's types" $'integer|1.5|1577923200000|1\nnull|||' "$(printf '.apply dog.graphql\n.import dog.csv Dog\nSELECT typeof(age), score, born + 0, good + 0 FROM Dog ORDER BY id;\n' | "$harper" 2>&1)"
printf 'id,age\nd1,old\n' >dog2.csv
same "a schema's types refuse" 'Error: line 2: dog2.csv, line 2: age: "old" is not a whole number' "$(printf '.apply dog.graphql\n.import dog2.csv Dog\n' | "$harper" 2>&1)"
printf '[\n {"id": 1, "a": [1, 2], "t": "]}"},\n {"id": 2, "a": null}\n]\n' >d.json
same "JSON" $'1|[1,2]|]}\n2||' "$(printf 'CREATE TABLE d(id INTEGER PRIMARY KEY, a, t);\n.import d.json d\nSELECT * FROM d;\n' | "$harper" 2>&1)"
printf '{"id":1,"a":"x"}\n\n{"id":2}\n' >d.ndjson
same "NDJSON into a table that is made" $'2' "$(printf '.import d.ndjson fresh\nSELECT count(*) FROM fresh;\n' | "$harper" 2>&1)"
printf '[{"id":1},{"id":' >cut.json
same "JSON that stops short loads nothing" "0" "$(printf 'CREATE TABLE d(id INTEGER PRIMARY KEY);\n.import cut.json d\nSELECT count(*) FROM d;\n' | "$harper" 2>/dev/null)"
same "a file that is missing" "Error: line 1: none.csv: No such file or directory" "$("$harper" 2>&1 <<<'.import none.csv t')"
make_rows="CREATE TABLE r(a INTEGER PRIMARY KEY, b TEXT, c REAL); INSERT INTO r VALUES (1, 'a \"q\", ä', 1.5), (2, NULL, NULL), (3, '', -2e30);"
for kind in csv tsv json ndjson; do
    expected=$("$harper" --quote :memory: "$make_rows SELECT * FROM r")
    [ $kind != tsv ] || expected=$(sed "s/,'',/,NULL,/" <<<"$expected")
    same "$kind out and in again" "$expected" "$(printf '%s\n.export r.%s r\nCREATE TABLE s(a INTEGER PRIMARY KEY, b TEXT, c REAL);\n.import r.%s s\n.mode quote\nSELECT * FROM s;\n' "$make_rows" $kind $kind | "$harper" 2>&1)"
done
same ".export of a query" $'x\n3' "$(printf '.export q.csv "SELECT 1 + 2 AS x"\n' | "$harper"; cat q.csv)"

# ---- databases ----
"$harper" one.db "CREATE TABLE t(a); INSERT INTO t VALUES (1)"
same "a database stays" "1" "$("$harper" one.db 'SELECT a FROM t')"
same "--backend lmdb" "1" "$("$harper" --backend lmdb two.db 'CREATE TABLE t(a)'; "$harper" two.db .show | grep -c lmdb)"
same ".open" $'1\nError: line 2: no such table: t' "$(printf 'SELECT a FROM t;\n.open two2.db\nSELECT a FROM t;\n' | "$harper" one.db 2>&1 | sed 's/line 3/line 2/' | head -n 2)"
same "--read-only" "1" "$("$harper" --read-only one.db 'INSERT INTO t VALUES (2)' 2>&1 | grep -c 'reading only')"
same "harper check" "ok" "$("$harper" check one.db)"
same "harper copy" "1" "$("$harper" copy one.db three.db --backend lmdb && "$harper" three.db 'SELECT a FROM t')"
same ".backup" "1" "$(echo '.backup four.db' | "$harper" one.db; "$harper" four.db 'SELECT a FROM t')"
code "check of nothing" 3 "$harper" check nowhere.db

# ---- a server beside the prompt ----
served=$(printf '.apply dog.graphql\n.serve 0\nPUT /Dog/a {"id": "a", "age": 3}\n.serve\n.serve off\n.serve off\n' | "$harper" 2>&1)
same ".serve prints its address, twice, and stops" "2 1" "$(grep -c '^listening on http://127.0.0.1:[0-9]*$' <<<"$served") $(grep -c 'no server runs' <<<"$served")"

# ---- a terminal ----
if command -v python3 >/dev/null; then
    if terminal=$(python3 "$here/terminal.py" "$harper" "$work/term.db" 2>&1); then :; fi
    echo "$terminal" | grep '^FAILED' || true
    passed=$((passed + $(grep -c '^ok ' <<<"$terminal")))
    failed=$((failed + $(grep -c '^FAILED' <<<"$terminal")))
    grep -q '^done$' <<<"$terminal" || fail "the terminal's tests end" "$terminal"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
