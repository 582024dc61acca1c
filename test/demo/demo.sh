#!/usr/bin/env bash
# make demo: the package index of this Debian in a new database, the same questions in SQL and as URLs, a server, and a prompt.
# HARPER_DEMO_DIR says where the database goes (default build/demo). Without a terminal it ends by itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=test/demo
harper=$PWD/build/release/harper

bold= dim= plain=
if [ -t 1 ]; then bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }

say "Building"
test/setup.sh build
make --no-print-directory -s -j"$(nproc)" MODE=release shell
"$harper" --version

say "The data"
dir=${HARPER_DEMO_DIR:-build/demo}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
number=1
while [ -e "$dir/packages-$number" ]; do number=$((number + 1)); done
db=$dir/packages-$number
work=$(mktemp -d)
shell_pid=
# shellcheck disable=SC2317
clean() {
    [ -z "$shell_pid" ] || kill "$shell_pid" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
if command -v apt-cache >/dev/null && apt-cache dumpavail >"$work/index" 2>/dev/null && grep -q '^Package:' "$work/index"; then
    note "Debian's package index, from apt-cache dumpavail"
else
    note "apt has no package lists here (apt-get update fetches them): a small sample instead"
    cp "$here/sample.txt" "$work/index"
fi
awk -v packages="$work/packages.csv" -v dependencies="$work/dependencies.csv" -f "$here/convert.awk" "$work/index"
printf '%s packages, %s dependencies as CSV\n' "$(($(wc -l <"$work/packages.csv") - 1))" "$(($(wc -l <"$work/dependencies.csv") - 1))"

say "A new database: $db"
note "the schema, $here/catalogue.graphql:"
cat "$here/catalogue.graphql"
note "loading (every attribute marked @indexed is indexed on the way):"
{
    printf '%s\n' ".bail on" ".apply $here/catalogue.graphql" ".mode box" ".headers on" ".null NULL"
    printf '%s\n' ".import -v $work/packages.csv Package" ".import -v $work/dependencies.csv Dependency"
} >"$work/script"

# ask NAME STATEMENT: rows into NAME, as JSON into NAME.json, the program into NAME.code, the time into NAME.time
ask() {
    printf '%s\n' ".mode box" ".output $1" "$2" ".mode json" ".output $1.json" "$2" \
        ".timer on" ".output $1.time" "$2" ".timer off" ".explain code" ".output $1.code" "$2" ".explain off" ".output" >>"$work/script"
}

# Everything is asked in one run of the shell, then shown.
count=0
titles=() sqls=() urls=()
title= sql= url=
take() {
    [ -n "$title" ] || return 0
    titles+=("$title") sqls+=("$sql") urls+=("$url")
    [ -z "$sql" ] || ask "$work/sql$count" "$sql;"
    [ -z "$url" ] || ask "$work/url$count" "$url"
    count=$((count + 1))
    title= sql= url=
}
while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    '') take ;;
    GET\ *) url=$line ;;
    *) if [ -z "$title" ]; then title=$line; else sql=$line; fi ;;
    esac
done <"$here/questions.txt"
take
echo ".show" >>"$work/script"
"$harper" "$db" <"$work/script" >"$work/shown"
printf '%s on disk, store: %s\n' "$(du -sh "$db" | cut -f1)" "$(sed -n 's/^ *database: .*(\(.*\))$/\1/p' "$work/shown")"

program() { sed -n '/^ *[0-9]\+  .*/p;/^[kc][0-9]* = /p' "$1.code"; }
seconds() { note "$(sed -n 's/^Run Time: real \([0-9.]*\).*/\1 s/p' "$1.time")"; }

failed=0
for ((k = 0; k < count; k++)); do
    say "${titles[k]}"
    if [ -n "${sqls[k]}" ]; then
        printf '%s;\n' "${sqls[k]}"
        cat "$work/sql$k"
        seconds "$work/sql$k"
    fi
    [ -n "${urls[k]}" ] || continue
    printf '%s\n' "${urls[k]}"
    if [ -z "${sqls[k]}" ]; then
        cat "$work/url$k.json"
        seconds "$work/url$k"
        continue
    fi
    if cmp -s "$work/sql$k.json" "$work/url$k.json"; then
        echo "the same answer"
    else
        echo "ANOTHER ANSWER"
        cat "$work/url$k"
        failed=1
    fi
    seconds "$work/url$k"
    if [ "$(program "$work/sql$k")" = "$(program "$work/url$k")" ]; then
        echo "both are this program:"
        program "$work/sql$k"
    else
        echo "ANOTHER PROGRAM"
        diff <(program "$work/sql$k") <(program "$work/url$k") || true
        failed=1
    fi
done

cat >"$work/start" <<END
.serve 0
.print "Ask it from another terminal: curl 'ADDRESS/Package/?section=games&limit(3)&select(name,summary)'"
.print "Try here: .tables, .schema, GET /Package/sqlite3, .explain plan, .help"
END

if [ -t 0 ] && [ -t 1 ]; then
    say "Your turn: a prompt and a server over $db"
    trap - EXIT
    "$harper" --init "$work/start" "$db" || failed=$?
    rm -rf "$work"
    echo "The database stays: $harper $db"
    exit "$failed"
fi

say "The server, from a shell with .serve"
mkfifo "$work/input"
"$harper" "$db" <"$work/input" >"$work/served" &
shell_pid=$!
exec 4>"$work/input"
echo ".serve 0" >&4
for _ in $(seq 100); do
    grep -q '^listening on' "$work/served" && break
    sleep 0.1
done
cat "$work/served"
port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$work/served")
[ -n "$port" ] || { echo "the server did not start" >&2; exit 1; }
key=$(sed -n "/^Package: /{s///p;q}" "$work/index")
request="GET /Package/$key?select(name,version,summary)"
echo "$request"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf '%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nConnection: close\r\n\r\n' "$request" >&3
cat <&3 >"$work/response"
exec 3<&-
tr -d '\r' <"$work/response"
echo
head -n 1 "$work/response" | grep -q ' 200 ' || failed=1
exec 4>&-
wait "$shell_pid" || failed=1
shell_pid=
printf '\nThe database stays: %s %s\n' "$harper" "$db"
exit "$failed"
