#!/usr/bin/env bash
# Requests a second over HTTP beside libmicrohttpd answering the same bytes from memory, in the same run.
# Usage: test/bench/bench_http.sh [rows]     SECONDS_EACH=5 CONNECTIONS=32 REPEATS=3 BUILD=build/release
set -eu
cd "$(dirname "$0")/../.."
rows=${1:-100000}
seconds=${SECONDS_EACH:-5} connections=${CONNECTIONS:-32} repeats=${REPEATS:-3} build=${BUILD:-build/release}
threads=$(nproc)
scratch=$(mktemp -d)
pids=
stop() {
    for pid in $pids; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    pids=
}
trap 'stop; rm -rf "$scratch"' EXIT
command -v wrk >/dev/null || { echo "wrk is not installed" >&2; exit 1; }
[ -x "$build/harper" ] || make -s MODE=release BUILD="$build" shell
[ -x "$build/bin/bench/constant_server" ] || make -s MODE=release BUILD="$build" "$build/bin/bench/constant_server"

cat >"$scratch/schema.graphql" <<'SDL'
type Item @table @export { id: Long @primaryKey  name: String  shelf: Int @indexed  price: Float  stock: Int  note: String }
SDL
# The requests are made beforehand: the client must not be what is measured.
script() { # NAME: the Lua expression that makes one request is on standard input
    { echo 'local made, at = {}, 0'
      echo 'init = function() math.randomseed(os.time()); for i = 1, 4096 do'
      echo 'local id = math.random(1, '"$rows"'); local shelf = math.random(1, '"$((rows / 10))"')'
      echo 'made[i] ='; cat; echo 'end end'
      echo 'request = function() at = at % 4096 + 1; return made[at] end'
    } >"$scratch/$1.lua"
}
echo 'wrk.format("GET", "/Item/" .. id)' | script get
echo 'wrk.format("GET", "/Item/?shelf=" .. shelf)' | script filter
script put <<LUA
wrk.format("PUT", "/Item/" .. id, {["Content-Type"] = "application/json"},
  '{"id":' .. id .. ',"name":"item ' .. id .. '","shelf":' .. (id % $((rows / 10)) + 1) ..
  ',"price":12.5,"stock":7,"note":"' .. string.rep("x", 100) .. '"}')
LUA

echo 'wrk.format("GET", "/Item/?shelf=" .. shelf .. "&price=gt=1&select(id,name)")' | script select
echo 'wrk.format("GET", "/Item/?sort(-id)&limit(10)&id=lt=" .. id)' | script range
script patch <<LUA
wrk.format("PATCH", "/Item/" .. id, {["Content-Type"] = "application/json"}, '{"stock":' .. shelf .. '}')
LUA
script batch <<LUA
(function() local rows = {}
  for k = 1, 100 do rows[k] = '{"id":' .. ($rows + i * 100 + k) .. ',"name":"new","shelf":1,"price":1.5,"stock":1}' end
  return wrk.format("PUT", "/Item/", {["Content-Type"] = "application/json"}, '[' .. table.concat(rows, ',') .. ']') end)()
LUA

# wait_port FILE: the port, once the server has written it.
wait_port() {
    for _ in $(seq 1000); do [ -s "$1" ] && { cat "$1"; return; }; sleep 0.02; done
    echo "the server did not start" >&2; exit 1
}
# CPU time that process $1 has used, in ticks of which there are $(getconf CLK_TCK) a second.
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
# measure PORT SCRIPT: requests/s, p50, p99 of the middle one of the repeats.
measure() {
    for _ in $(seq "$repeats"); do
        wrk -t"$threads" -c"$connections" -d"${seconds}s" --latency -s "$2" "http://127.0.0.1:$1" |
            awk '/50%/{p50=$2} /99%/{p99=$2} /Requests\/sec/{r=$2} /Non-2xx/{bad=$NF} END{print r, p50, p99, bad+0}'
    done | sort -n | sed -n "$(((repeats + 1) / 2))p"
}
row() { printf '%-9s %-26s %12s %8s %10s %10s %8s %s\n' "$@"; }

constant() { # BODY-FILE HEADER…: measured beside each workload
    local body=$1
    shift
    rm -f "$scratch/constant.port"
    "$build/bin/bench/constant_server" "$scratch/constant.port" "$threads" "$body" "$@" &
    constant_pid=$!
    pids="$pids $constant_pid"
    constant_port=$(wait_port "$scratch/constant.port")
}
fields_of() { # URL: the answer's fields, but those that libmicrohttpd makes itself
    curl -s -D - -o "$scratch/body" "$1" | tr -d '\r' | grep -E '^(Content-Type|ETag|Vary|Server-Timing):' >"$scratch/fields"
}
compare() { # STORE NAME PORT SCRIPT URL
    local store=$1 name=$2 port=$3 script=$4
    fields_of "$5"
    mapfile -t fields <"$scratch/fields"
    constant "$scratch/body" "${fields[@]}"
    read -r best best50 best99 _ < <(measure "$constant_port" "$script")
    kill "$constant_pid"; wait "$constant_pid" 2>/dev/null || true
    measure_ours "$port" "$script"
    row "$store" "constant: $name" "$best" "" "$best50" "$best99" "" ""
    row "$store" "$name" "$ours" "$(awk -v a="$ours" -v b="$best" 'BEGIN{printf "%.0f%%", 100*a/b}')" "$p50" "$p99" "$cpu" \
        "$([ "$bad" = 0 ] || echo "$bad answers were not 2xx")"
}

# Sets ours, p50, p99, bad and cpu: microseconds of CPU a request.
measure_ours() {
    local before after
    before=$(ticks "$server")
    read -r ours p50 p99 bad < <(measure "$1" "$2")
    after=$(ticks "$server")
    cpu=$(awk -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" -v n="$ours" -v s="$((seconds * repeats))" \
        'BEGIN{printf "%.1f", (n > 0 ? 1e6 * t / hz / (n * s) : 0)}')
}
alone() { # STORE NAME PORT SCRIPT: beside nothing
    measure_ours "$3" "$4"
    row "$1" "$2" "$ours" "" "$p50" "$p99" "$cpu" "$([ "$bad" = 0 ] || echo "$bad answers were not 2xx")"
}

row store workload requests/s ratio p50 p99 "us CPU" ""
for store in lmdb rocksdb; do
    rm -rf "$scratch/db" "$scratch/port"
    "$build/harper" serve "$scratch/db" --backend "$store" --schema "$scratch/schema.graphql" --port 0 \
        --port-file "$scratch/port" --durability "${DURABILITY:-full}" >/dev/null &
    server=$!
    pids="$pids $server"
    port=$(wait_port "$scratch/port")
    awk -v n="$rows" -v shelves="$((rows / 10))" 'BEGIN { for (i = 1; i <= n; i += 1000) { printf "["; for (k = i; k < i + 1000 && k <= n; k++)
        printf "%s{\"id\":%d,\"name\":\"item %d\",\"shelf\":%d,\"price\":12.5,\"stock\":7,\"note\":\"%0100d\"}", (k > i ? "," : ""), k, k, k % shelves + 1, k; print "]" } }' \
        >"$scratch/rows"
    split -l 10 "$scratch/rows" "$scratch/part."
    for part in "$scratch"/part.*; do
        while IFS= read -r line; do
            printf '%s' "$line" | curl -s -f -X PUT -H 'Content-Type: application/json' --data-binary @- "http://127.0.0.1:$port/Item/"
        done <"$part"
        rm "$part"
    done
    base=http://127.0.0.1:$port
    compare "$store" "GET by id" "$port" "$scratch/get.lua" "$base/Item/$((rows / 2))"
    compare "$store" "GET 10 rows by index" "$port" "$scratch/filter.lua" "$base/Item/?shelf=$((rows / 20))"
    compare "$store" "PUT, durability ${DURABILITY:-full}" "$port" "$scratch/put.lua" "$base/Item/1"
    alone "$store" "GET 10 rows, two attributes" "$port" "$scratch/select.lua"
    alone "$store" "GET a sorted range of 10" "$port" "$scratch/range.lua"
    alone "$store" "PATCH" "$port" "$scratch/patch.lua"
    alone "$store" "PUT of 100 records" "$port" "$scratch/batch.lua"
    stop
done
