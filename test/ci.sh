#!/usr/bin/env bash
# All the tests that every change must pass, in the order in which they are likely to fail, and one sum at the end.
# Each part is a command that prints `N passed, N failed` as its last line, or one that only succeeds or not.
set -u
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}
logs=build/ci
mkdir -p "$logs"
passed=0 failed=0

# part NAME COMMAND…: run it, show the end of its output, add up what it counted.
part() {
    local name=$1 log began code line
    shift
    log=$logs/$name.log
    began=$SECONDS
    "$@" >"$log" 2>&1
    code=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    if [ -n "$line" ]; then
        passed=$((passed + ${line%% *}))
        line2=${line#*, }
        failed=$((failed + ${line2%% *}))
        [ "$code" -eq 0 ] || [ "${line2%% *}" -gt 0 ] || failed=$((failed + 1))
    elif [ "$code" -eq 0 ]; then
        passed=$((passed + 1))
        line=ok
    else
        failed=$((failed + 1))
        line=FAILED
    fi
    printf '%-28s %-32s %4d s\n' "$name" "$line" $((SECONDS - began))
    [ "$code" -eq 0 ] || tail -n 60 "$log"
}

part format test/check/format.sh
part layers test/check/layers.sh
part prose test/check/prose.sh
part build-release make -s -j"$jobs" MODE=release all
part build-debug make -s -j"$jobs" MODE=debug all
part lint test/check/lint.sh
part headers env GEN=build/debug/gen test/check/headers.sh
part build-clang make -s -j"$jobs" CC=clang BUILD=build/clang all
part unit-asan make -s -j"$jobs" MODE=asan unit
part unit-clang make -s -j"$jobs" CC=clang BUILD=build/clang unit
for script in test/parts/*.sh; do
    [ -e "$script" ] || continue
    name=$(basename "$script" .sh)
    part "$name" bash "$script"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
