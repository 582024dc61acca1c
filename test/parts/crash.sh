#!/usr/bin/env bash
# Writers killed at random moments and at fail-points, and made to fail there, on both stores: below SQL, and through it.
# CYCLES kills per store below SQL (300), a fifth of them through SQL, and a third as many damaged databases; SEED chooses other
# moments (make crash draws one).
set -u
cycles=${CYCLES:-300}
seed=${SEED:-20261121}
bin=build/release/bin/crash
make -s MODE=release $bin/crash_test $bin/crash_writer $bin/sql_writer $bin/damage_test || exit 1
passed=0 failed=0
echo "seed $seed"
for backend in lmdb rocksdb; do
    for how in "" --sql --inject; do
        count=$cycles
        [ -z "$how" ] || count=$(((cycles + 4) / 5))
        # shellcheck disable=SC2086
        if $bin/crash_test $how $backend "$count" "$seed"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "again: $bin/crash_test $how $backend $count $seed"
        fi
    done
    if $bin/damage_test $backend $(((cycles + 2) / 3)) "$seed"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "again: $bin/damage_test $backend $(((cycles + 2) / 3)) $seed"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
