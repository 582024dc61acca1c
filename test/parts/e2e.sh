#!/usr/bin/env bash
# The end-to-end records on every store, under ASan and UBSan.
set -eu
cd "$(dirname "$0")/../.."
make -s -j"${JOBS:-$(nproc)}" MODE=asan build/asan/bin/e2e/e2e
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
build/asan/bin/e2e/e2e --scratch "$scratch" test/e2e/*.test
