#!/usr/bin/env bash
# Run cmocka programs one after the other and end with one line `N passed, N failed`.
# A program that dies without cmocka's summary counts as one failure.
set -u
passed=0 failed=0
for program in "$@"; do
    out=$(CMOCKA_MESSAGE_OUTPUT=STDOUT timeout "${TEST_SECONDS:-300}" "$program" 2>&1)
    code=$?
    p=$(grep -c '^\[       OK \]' <<<"$out")
    f=$(grep -c '^\[  FAILED  \] [^0-9 ].*[^:]$' <<<"$out")
    if [ "$code" -ne 0 ]; then
        [ "$f" -gt 0 ] || f=1
        printf '%s\n' "$out"
        echo "FAIL $program (exit $code)"
    else
        echo "ok   $program ($p)"
    fi
    passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
