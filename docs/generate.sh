#!/usr/bin/env bash
# The pages of docs/ that come from tables in the source. `docs/generate.sh` writes them, `docs/generate.sh --check` says whether
# they are what the tables say now.
set -u
cd "$(dirname "$0")/.." || exit 1

# Rows of a .def file, one a line, however they are wrapped: comments go, except the headings /* ---- … ---- */.
rows() {
    awk '
    /^\/\* ---- .* ---- \*\/$/ { sub(/^\/\* ---- /, ""); sub(/ ---- \*\/$/, ""); print "HEADING " $0; next }
    /^\/\*/ { comment = 1 }
    comment { if (/\*\//) comment = 0; next }
    /^[A-Z_]+\(/ { row = ""; open = 1 }
    open { sub(/^ +/, ""); row = row (row == "" ? "" : " ") $0; if (/\)$/) { print row; open = 0 } }
    ' "$1"
}

generated="<!-- Written by docs/generate.sh; change the table it names, not this page. -->"

functions() {
    cat <<END
# Functions

$generated

Every function that SQL can call. The table is \`vdbe/func/functions.def\`; \`SELECT * FROM pragma_function_list\`
shows the same at run time. Arguments are called X, Y and Z. The kind says what a call is:

- *scalar*: one value from its arguments. *Stable* ones give one answer throughout a statement, *volatile* ones a new one for each call.
- *aggregate*: one value from the rows of a group. Every aggregate also works with \`OVER\`.
- *window*: needs \`OVER\`.
END
    rows vdbe/func/functions.def | awk '
    function trim(s) { gsub(/^ +| +$/, "", s); return s }
    function plural(least, most) {
        if (most == -1) return least " or more"
        if (least == most) return least
        return least "–" most
    }
    BEGIN {
        title["core.c"] = "Choosing, asking, numbers"; title["text.c"] = "Text"; title["aggregate.c"] = "Aggregates"
        title["date.c"] = "Dates, as in SQLite"; title["math.c"] = "Mathematics"; title["json.c"] = "JSON"
        title["window.c"] = "Window functions"; title["statistics.c"] = "Statistics and arrays"
        title["date_harper.c"] = "Dates, as in Harper"; title["geo.c"] = "Geography"; title["search_eval.c"] = "Searching documents"
        type["ANY"] = "any"; type["INT"] = "integer"; type["REAL"] = "real"; type["TEXT"] = "text"
        type["BYTES"] = "blob"; type["BOOL"] = "boolean"; type["ARRAY"] = "array"
    }
    /^HEADING/ {
        file = $2; sub(/:$/, "", file)
        print "\n## " (file in title ? title[file] : file) "\n"
        print "| function | arguments | kind | gives | what |"
        print "|---|---|---|---|---|"
        next
    }
    {
        row = $0; letter = row; sub(/\(.*/, "", letter)
        sub(/^[A-Z]+\(/, "", row); sub(/\)$/, "", row)
        at = index(row, "\""); summary = substr(row, at + 1); sub(/"$/, "", summary)
        count = split(substr(row, 1, at - 1), part, ",")
        for (i = 1; i <= count; i++) part[i] = trim(part[i])
        if (letter == "S") {
            kind = "scalar"; result = part[5]
            if (part[4] ~ /T/) kind = "scalar, stable"
            if (part[4] == "0") kind = "scalar, volatile"
        } else if (letter == "W") { kind = "window"; result = part[4] }
        else { kind = "aggregate"; result = part[5] }
        gsub(/\|/, "\\|", summary)
        printf "| `%s` | %s | %s | %s | %s |\n", part[1], plural(part[2], part[3]), kind, (result in type ? type[result] : result), summary
    }'
}

opcodes() {
    cat <<END
# Opcodes

$generated

The instructions of the machine, as \`EXPLAIN\` prints them. The table is \`vdbe/vm/opcodes.def\`. An instruction has up to three operands and a fourth,
*n*, whose meaning is its own. In a summary @1, @2, @3 stand for the operands, @n for the count, @4 for the attached text.

| operand | is |
|---|---|
| IN, OUT, CHANGE | a register that is read, written, both |
| IN_N, OUT_N, CHANGE_N | n registers from there on |
| JUMP | an instruction to go to |
| CURSOR | a cursor on a table or index |
| TABLE | an entry of the program's list of tables |
| SORTER, SET, ROWS, READER, HASH, GROUP, WINDOW, COROUTINE, LAST | an object of that kind, by number |
| INT | a plain number |
END
    rows vdbe/vm/opcodes.def | awk '
    function trim(s) { gsub(/^ +| +$/, "", s); return s }
    /^HEADING/ {
        sub(/^HEADING /, ""); title = toupper(substr($0, 1, 1)) substr($0, 2); gsub(/op_[a-z]+\.c/, "`&`", title)
        print "\n## " title "\n"
        print "| opcode | 1 | 2 | 3 | what it does |"
        print "|---|---|---|---|---|"
        next
    }
    {
        row = $0; sub(/^OP\(/, "", row); sub(/\)$/, "", row)
        at = index(row, "\""); summary = substr(row, at + 1); sub(/"$/, "", summary); sub(/@c$/, "", summary)
        split(substr(row, 1, at - 1), part, ",")
        for (i = 1; i <= 5; i++) { part[i] = trim(part[i]); if (part[i] == "NONE") part[i] = "" }
        gsub(/\|/, "\\|", summary)
        printf "| `%s` | %s | %s | %s | %s |\n", part[1], part[3], part[4], part[5], summary
    }'
}

statuses() {
    cat <<END
# Statuses

$generated

What calls answer and what a server sends. The table is \`storage/base/status.def\`; \`harper.h\` gives the same numbers names that begin with
\`HARPER_\`. The first five are answers, the rest failures. The text is shown when nobody knew a better sentence.

| number | name | HTTP | text |
|---|---|---|---|
END
    rows storage/base/status.def | awk '
    {
        sub(/^STATUS\(/, ""); sub(/\)$/, "")
        split($0, part, /, */)
        text = $0; sub(/^[^"]*"/, "", text); sub(/"$/, "", text)
        printf "| %d | `%s` | %s | %s |\n", NR - 1, part[1], part[2], text
    }'
}

operations-api() {
    cat <<END
# The operations API

$generated

Requests are objects with a member \`operation\`; \`harper serve DATABASE --operations-port N\` answers them at \`POST /\` of that port, and
with \`--operations-socket PATH\` on a Unix socket. Nobody is asked to log in yet: whoever reaches port or socket is a super user, so a port belongs on
an address that only administrators reach (127.0.0.1, as it is by itself). Bodies and answers are JSON, or
what Content-Type and Accept say ([rest.md](rest.md)). Operations that read or write records or change tables are statements too: the prompt and the library
(\`HARPER_OPERATION\`) take them as they are, and \`.explain\` shows the plan that SQL would have.

\`\`\`console
\$ harper farm '{"operation": "create_table", "table": "cow", "primary_key": "id"}'
\$ harper farm '{"operation": "insert", "table": "cow", "records": [{"id": 1, "name": "Bessie", "age": 4}, {"id": 2, "name": "Elsie"}, {"id": 1}]}'
1
2
\$ harper farm '{"operation": "search_by_conditions", "table": "cow", "conditions": [{"attribute": "age", "comparator": "gt", "value": 3}], "get_attributes": ["name", "age"]}'
Bessie|4
\$ harper farm '{"operation": "sql", "sql": "UPDATE cow SET age = 5 WHERE id = 2"}'
2
\$ harper farm '{"operation": "search_by_id", "table": "cow", "ids": [2, 7], "get_attributes": ["id", "age"]}'
2|5
\$ harper farm '{"operation": "search_by_value", "table": "pig", "attribute": "id", "value": 1}'; echo "exit code \$?"
Error: Table 'data.pig' does not exist
exit code 1
\`\`\`

As statements, writes give the keys that they wrote. The server says the same in words:

| request | answer |
|---|---|
| insert | \`{"message":"inserted 2 of 3 records","inserted_hashes":[1,2],"skipped_hashes":[1]}\` |
| update | \`{"message":"updated 1 of 1 records","update_hashes":[1],"skipped_hashes":[]}\` |
| upsert, put | \`{"message":"upserted 1 of 1 records","upserted_hashes":[1]}\` |
| delete | \`{"message":"1 of 2 records successfully deleted","deleted_hashes":[1],"skipped_hashes":[7]}\` |
| a job | \`{"message":"Starting job with id …","job_id":"…"}\`; \`get_job\` tells its end |
| a failure | \`{"error":"…"}\` with the status of the failure |

- The database of a server is called \`data\`. Beside it lies \`DATABASE-system\`, which holds jobs and statuses and is read as the database \`system\`, and
  \`DATABASE-backup\`, the repository of backups.
- A table without \`attributes\` is dynamic: every attribute that its records bring is indexed. \`__createdtime__\` and \`__updatedtime__\` are kept by the server.
- One request is one transaction. A CSV load is judged as a whole before its first record is written, and then written 1,000 records at a time.
- Jobs run one after the other. One that an end of the server cut off has the status \`ERROR\` and says so.
- \`read_audit_log\` follows the change log from its beginning, so that it can show records as they were: its cost grows with the log. A write of the whole record in the place of
  another is shown as \`upsert\`, a change of some attributes as \`update\`.
- \`restore_backup\` is refused while the server runs, with the command that restores.

## Every operation

The table is \`rest/operations/operations.def\`.

| operation | who | handler in refusals | |
|---|---|---|---|
END
    rows rest/operations/operations.def | awk '
    function trim(s) { gsub(/^ +| +$/, "", s); return s }
    BEGIN {
        who["OPEN"] = "anybody"; who["ANY"] = "any user"; who["TABLE"] = "rights on the table"
        who["STRUCTURE"] = "who may change tables"; who["SUPER"] = "super users"; who["NONE"] = "nobody"
        what["no_platform"] = "501: belongs to application hosting"; what["no_replication"] = "501: there is one node"
        what["no_s3"] = "501: there is no client of S3"; what["keep_audit_log"] = "501: the log is kept whole"
        what["empty_list"] = "an empty list"
    }
    {
        sub(/^OPERATION\(/, ""); sub(/\)$/, ""); split($0, part, ",")
        for (i = 1; i <= 4; i++) part[i] = trim(part[i])
        printf "| `%s` | %s | `%s` | %s |\n", part[1], who[part[3]], part[4], part[2] in what ? what[part[2]] : ""
    }'
}

failed=0
for page in functions opcodes statuses operations-api; do
    if [ "${1:-}" = --check ]; then
        "$page" | cmp -s - "docs/$page.md" || { echo "docs/$page.md is behind its table: run docs/generate.sh"; failed=1; }
    else
        "$page" > "docs/$page.md"
    fi
done
exit $failed
