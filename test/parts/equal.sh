#!/usr/bin/env bash
# 2,000 random questions per store, each as SQL, URL, operation and (where it can say it) GraphQL; fixed seeds.
set -u
cd "$(dirname "$0")/../.."
make -s -j"${JOBS:-$(nproc)}" MODE=release build/release/bin/equal/equal || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0
for run in "memory 1" "memory 2" "lmdb 3" "rocksdb 4"; do
    set -- $run
    line=$(build/release/bin/equal/equal --backend "$1" --seed "$2" --scratch "$scratch" | tee /dev/stderr | tail -n 1)
    case $line in
    *passed,*failed) ;;
    *) line="0 passed, 1 failed" ;;
    esac
    passed=$((passed + ${line%% *}))
    line=${line#*, }
    failed=$((failed + ${line%% *}))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
