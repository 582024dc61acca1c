#!/usr/bin/env bash
# The harper program under ASan and UBSan, from outside.
make -s MODE=asan build/asan/harper || exit 1
ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} exec test/shell/run.sh build/asan/harper
