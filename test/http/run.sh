#!/usr/bin/env bash
# The REST server's tests over real sockets, on every store. Ends with `N passed, N failed`.
# Usage: test/http/run.sh [FILE.test…]     BUILD=build/debug
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/debug}
mode=${MODE:-debug}
make -s MODE="$mode" BUILD="$build" shell
mkdir -p "$build/bin"
${CC:-gcc} -std=c17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wmissing-prototypes -Werror -pthread \
    -o "$build/bin/http_test" test/http/*.c -lz -lbrotlienc -lbrotlidec -lzstd
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
[ $# -gt 0 ] || set -- test/http/*.test
HARPER="$build/harper" "$build/bin/http_test" "$scratch" "$@"
