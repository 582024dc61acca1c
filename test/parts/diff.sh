#!/usr/bin/env bash
# 20,000 random statements, in harper and in SQLite side by side, spread over the stores; fixed seeds.
set -u
cd "$(dirname "$0")/../.."
make -s -j"${JOBS:-$(nproc)}" MODE=release build/release/bin/diff/diff || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

# on BACKEND SEED STATEMENTS
on() {
    local log=$scratch/$1.log line

    build/release/bin/diff/diff --backend "$1" --seed "$2" --statements "$3" --scratch "$scratch" | tee "$log"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    [ -n "$line" ] || line="0 passed, 1 failed"
    passed=$((passed + ${line%% *}))
    line=${line#*, }
    failed=$((failed + ${line%% *}))
}

on memory 1000 10000
on lmdb 2000 5000
on rocksdb 3000 5000
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
