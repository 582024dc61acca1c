#!/usr/bin/env bash
# Install the Debian packages that building, running and testing harper needs, unless they are there.
# Usage: test/setup.sh [build|test]   (test, the default, includes build)
set -euo pipefail

build="gcc make lemon re2c pkg-config librocksdb-dev liblmdb-dev libmicrohttpd-dev libcurl4-openssl-dev libedit-dev libzstd-dev zlib1g-dev libbrotli-dev libxxhash-dev libpcre2-dev"
tests="clang clang-format libcmocka-dev libsqlite3-dev libssl-dev sqlite3 libclang-rt-14-dev curl python3 zstd cppcheck"
wanted=$build
[ "${1:-test}" = build ] || wanted="$build $tests"

missing=
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "These packages are missing:$missing. Install them as root." >&2; exit 1; }
    as_root=sudo
fi
echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing
