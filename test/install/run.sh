#!/usr/bin/env bash
# Installs into an empty directory and uses what arrived there as a stranger would: pkg-config, gcc, clang, C++, shared and static.
# Ends with `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
dest=$root/dest work=$root/work
mkdir -p "$work"
passed=0 failed=0

# check SENTENCE COMMAND…: the sentence is true when the command succeeds.
check() {
    local sentence=$1
    shift
    if "$@" >"$root/log" 2>&1; then
        passed=$((passed + 1)); echo "ok   $sentence"
    else
        failed=$((failed + 1)); echo "FAIL $sentence"; tail -n 20 "$root/log"
    fi
}

if ! make -s install DESTDIR="$dest" PREFIX=/usr >"$root/log" 2>&1; then
    tail -n 20 "$root/log"
    echo "0 passed, 1 failed"
    exit 1
fi
lib=$dest/usr/lib
export PKG_CONFIG_SYSROOT_DIR=$dest PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1

only_harper() { # the defined global symbols that are listed on standard input begin with harper_, and there are some
    awk '$NF !~ /^harper_/ {print; bad = 1} {n++} END {exit bad || n < 50}'
}
shared_is_clean() { nm -D --defined-only "$lib/libharper.so" | only_harper; }
static_is_clean() { nm -g --defined-only "$lib/libharper.a" | grep ' [A-Z] ' | only_harper; }
every_call_is_there() { # whatever the header declares is exported
    local name
    for name in $(grep -oE '\bharper_[a-z_]+\(' "$dest/usr/include/harper.h" | tr -d '(' | sort -u); do
        grep -qE "(HARPER_API|^)[^;]*\b$name\(" <(tr '\n' ' ' <"$dest/usr/include/harper.h") || continue
        nm -D --defined-only "$lib/libharper.so" | grep -q " T $name$" || { echo "missing: $name"; return 1; }
        nm -g --defined-only "$lib/libharper.a" | grep -q " T $name$" || { echo "missing in the archive: $name"; return 1; }
    done
}
soname_is() { readelf -d "$lib/libharper.so" | grep -q 'SONAME.*\[libharper\.so\.0\]'; }
needs_no_server() { ! readelf -d "$lib/libharper.so" | grep -qE 'NEEDED.*(microhttpd|edit)'; }
same_version() { [ "$("$dest/usr/bin/harper" --version | awk '{print $2}')" = "$(pkg-config --modversion harper)" ]; }
shell_answers() { [ "$("$dest/usr/bin/harper" :memory: 'SELECT 6 * 7')" = 42 ]; }
page_reads() { # without a warning, where there is a man
    local page=$dest/usr/share/man/man1/harper.1
    [ -s "$page" ] || return 1
    command -v man >/dev/null || return 0
    [ -z "$(man --warnings -l "$page" 2>&1 >/dev/null)" ] && man -l "$page" | grep -q 'harper'
}
no_path_of_the_tree() { ! grep -rqF "$PWD" "$lib/pkgconfig/harper.pc" "$dest/usr/include/harper.h"; }

check "the shared library exports harper_ symbols only" shared_is_clean
check "the static library's global symbols are harper_ only" static_is_clean
check "every call of the header is in both libraries" every_call_is_there
check "the shared library names itself libharper.so.0" soname_is
check "the library needs neither HTTP nor line editing" needs_no_server
check "the shell runs from where it was installed" shell_answers
check "shell and pkg-config agree on the version" same_version
check "the man page reads" page_reads
check "installed files name no path of the source tree" no_path_of_the_tree

warnings="-Wall -Wextra -pedantic -Werror"
build_and_run() { # build_and_run NAME PKG_CONFIG_MODE COMPILER FLAGS…: everything outside the tree
    local name=$1 mode=$2 data=$work/data-$1
    shift 2
    # shellcheck disable=SC2046,SC2086 # lists of flags
    (cd "$work" && "$@" $warnings -o "$name" program.* $(pkg-config --cflags $mode --libs harper) -pthread) || return 1
    LD_LIBRARY_PATH=$lib "$work/$name" "$data-rocksdb" | grep -qx "ok $(pkg-config --modversion harper)"
}
static_only() { # no shared harper in sight: what is linked is the archive
    mv "$lib"/libharper.so* "$root/" && build_and_run "$@" && ! readelf -d "$work/$1" | grep -q 'NEEDED.*libharper'
    local code=$?
    mv "$root"/libharper.so* "$lib/"
    return $code
}
cp test/install/program.c "$work/"
for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    check "$cc, shared" build_and_run "$cc-shared" "" $cc -std=c17
    check "$cc, C11, shared" build_and_run "$cc-c11" "" $cc -std=c11
    check "$cc, static" static_only "$cc-static" --static $cc -std=c17
done
mv "$work/program.c" "$work/program.cpp"
for cxx in g++ clang++; do
    command -v $cxx >/dev/null || continue
    check "$cxx, shared" build_and_run "$cxx-shared" "" $cxx -std=c++17
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
