#!/usr/bin/env bash
# Does again what README.md and the pages of docs/ say, and compares. Ends with `N passed, N failed`.
#
# In a page, these are run, in order, in one empty directory per page:
#
#   ```console    lines that begin with `$ ` go to bash, lines that begin with `harper> ` (continued by `   ...> `) to the shell with
#                 --box on the database `doc` of that directory (a first line `$ harper NAME` names another); the lines below are what must come out. A line that is just … stands
#                 for any lines, and … within a line for any text in it.
#   <!-- file: NAME -->   above any other block: the block is written into the file NAME of that directory.
#
# `cc` and pkg-config find the library that was just built. Port 9926 becomes a free one. Links between pages must lead somewhere.
# The generated pages and the byte examples of docs/storage-format.md are compared with the code.
#
# usage: test/docs/run.sh [--update] [PAGE…]; BUILD chooses the build directory. --update writes what came out into the pages, where it differs.
set -u
cd "$(dirname "$0")/../.." || exit 1
tree=$PWD
update=
if [ "${1:-}" = --update ]; then
    update=1
    shift
fi
build=${BUILD:-build/debug}
make -s BUILD="$build" "$build/harper" "$build/libharper.so" "$build/bin/docs/format" || { echo "0 passed, 1 failed"; exit 1; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0 failed=0

ok() { passed=$((passed + 1)); [ -z "${VERBOSE:-}" ] || echo "ok   $1"; }
bad() { failed=$((failed + 1)); echo "FAIL $1"; }

# The programs that pages use.
mkdir -p "$root/bin" "$root/lib"
ln -s "$tree/$build/harper" "$root/bin/harper"
ln -s "$tree/$build/libharper.so" "$root/lib/libharper.so.0"
ln -s libharper.so.0 "$root/lib/libharper.so"
printf '%s\n' 'Name: harper' 'Description: the one just built' 'Version: 0' "Libs: -L$root/lib -lharper" "Cflags: -I$tree/api" >"$root/lib/harper.pc"
export PATH=$root/bin:$PATH PKG_CONFIG_PATH=$root/lib LD_LIBRARY_PATH=$root/lib HOME=$root LC_ALL=C.UTF-8 HARPER_HISTORY=/dev/null
unset PKG_CONFIG_SYSROOT_DIR
port=$((20000 + $$ % 20000))

# matches EXPECTED ACTUAL: files; … is a wildcard.
matches() {
    awk '
    function fits(pattern, text,    at, rest, i, piece, count, parts) {
        if (index(pattern, "…") == 0) return pattern == text
        count = split(pattern, parts, "…")
        if (substr(text, 1, length(parts[1])) != parts[1]) return 0
        rest = substr(text, length(parts[1]) + 1)
        for (i = 2; i <= count; i++) {
            piece = parts[i]
            if (i == count) return length(rest) >= length(piece) && substr(rest, length(rest) - length(piece) + 1) == piece
            at = index(rest, piece)
            if (at == 0) return 0
            rest = substr(rest, at + length(piece))
        }
        return 1
    }
    function agree(i, j) {
        for (; i <= wanted; i++) {
            if (want[i] == "…") {
                for (; j <= got + 1; j++) if (agree(i + 1, j)) return 1
                return 0
            }
            if (j > got || !fits(want[i], have[j])) return 0
            j++
        }
        return j == got + 1
    }
    { sub(/[ \t\r]+$/, "") }
    FILENAME == ARGV[1] { want[++wanted] = $0; next }
    { have[++got] = $0 }
    END {
        while (got > 0 && have[got] == "") got--
        while (wanted > 0 && want[wanted] == "") wanted--
        exit !agree(1, 1)
    }' "$1" "$2"
}

# run_block PAGE LINE KIND FILE: a console block whose lines are in FILE. KIND is `harper` or `bash`.
run_block() {
    local page=$1 line=$2 kind=$3 file=$4 n=0 total text database=doc
    rm -f "$root"/want.* "$root"/have.* "$root/script"
    : >"$root/script"
    while IFS= read -r text || [ -n "$text" ]; do
        case $kind:$text in
        harper:'$ harper '*) database=${text#'$ harper '} ;;
        harper:'harper> '*)
            n=$((n + 1)); : >"$root/want.$n"
            printf '.print @@@%d\n%s\n' "$n" "${text#harper> }" >>"$root/script" ;;
        harper:'   ...> '*) printf '%s\n' "${text#   ...> }" >>"$root/script" ;;
        bash:'$ '*)
            n=$((n + 1)); : >"$root/want.$n"
            printf 'echo @@@%d\n%s\n' "$n" "${text#??}" >>"$root/script" ;;
        bash:'> '*) printf '%s\n' "${text#> }" >>"$root/script" ;;
        *) if [ "$n" -gt 0 ]; then printf '%s\n' "$text" >>"$root/want.$n"; else printf '%s\n' "$text" >>"$root/script"; fi ;;
        esac
    done <"$file"
    total=$n
    if [ "$kind" = harper ]; then
        (cd "$scratch" && timeout 60 harper --box "$database" <"$root/script" >"$root/all" 2>&1)
    else
        printf 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; true\n' >>"$root/script"
        (cd "$scratch" && timeout 120 bash "$root/script" >"$root/all" 2>&1)
    fi
    [ $kind = bash ] || sed -i 's/^Error: line [0-9]*: /Error: /' "$root/all" # a prompt has no lines
    awk -v root="$root" '/^@@@[0-9]+$/ { n = substr($0, 4); file = root "/have." n; printf "" > file; next } n { print > file }' "$root/all"
    [ -z "$update" ] || update_block "$kind" "$file" >"$root/updated"
    for ((n = 1; n <= total; n++)); do
        if [ -e "$root/have.$n" ] && matches "$root/want.$n" "$root/have.$n"; then
            ok "$page:$line, prompt $n"
        else
            bad "$page:$line, prompt $n"
            touch "$root/have.$n"
            diff -u --label page --label run "$root/want.$n" "$root/have.$n" | sed 1,2d | head -n "${LINES_MAX:-40}"
        fi
    done
}

# The block again, with what came out below each prompt where that differs from what stands there.
update_block() {
    local kind=$1 n=0 text
    while IFS= read -r text || [ -n "$text" ]; do
        case $kind:$text in
        harper:'harper> '* | bash:'$ '*)
            update_output "$n"
            n=$((n + 1)); printf '%s\n' "$text" ;;
        harper:'   ...> '* | bash:'> '*) printf '%s\n' "$text" ;;
        *) [ "$n" -gt 0 ] || printf '%s\n' "$text" ;;
        esac
    done <"$2"
    update_output "$n"
}
update_output() {
    [ "$1" -gt 0 ] || return 0
    if [ ! -e "$root/have.$1" ] || matches "$root/want.$1" "$root/have.$1"; then cat "$root/want.$1"; else sed 's/[ \t]*$//' "$root/have.$1"; fi
}

run_page() {
    local page=$1 number=0 fence='' info='' name='' start=0 kind text
    scratch=$(mktemp -d "$root/page.XXXX")
    : >"$root/page"
    while IFS= read -r text || [ -n "$text" ]; do
        number=$((number + 1))
        if [ -n "$fence" ]; then
            if [ "$text" != '```' ]; then
                printf '%s\n' "$text" >>"$root/block"
                continue
            fi
            fence=''
            sed -i "s/\b9926\b/$port/g" "$root/block"
            if [ -n "$name" ]; then
                cp "$root/block" "$scratch/$name"
            elif [ "$info" = console ]; then
                kind=bash
                ! grep -q '^harper> ' "$root/block" || kind=harper
                rm -f "$root/updated"
                run_block "$page" "$start" "$kind" "$root/block"
                [ ! -e "$root/updated" ] || cp "$root/updated" "$root/block"
            fi
            sed "s/\b$port\b/9926/g" "$root/block" >>"$root/page"
            printf '%s\n' '```' >>"$root/page"
            name=''
            continue
        fi
        printf '%s\n' "$text" >>"$root/page"
        case $text in
        '```'*) fence=1 info=${text#'```'} start=$number; : >"$root/block" ;;
        '<!-- file: '*' -->') name=${text#'<!-- file: '}; name=${name%' -->'} ;;
        esac
    done <"$page"
    [ -z "$update" ] || cmp -s "$root/page" "$page" || cp "$root/page" "$page"
}

# A module's README names all of its files, by name or with a star; a header also by its .c.
check_readme() {
    local module=$1 names file name
    compgen -G "$module/*.[cy]" >/dev/null || return 0
    [ -e "$module/README.md" ] || { bad "$module has no README.md"; return; }
    mapfile -t names < <(grep -oE '[a-z_0-9*…]+\.(c|h|y|re|def)\b' "$module/README.md" | sort -u)
    for file in "$module"/*.c "$module"/*.h "$module"/*.y "$module"/*.re "$module"/*.def; do
        [ -e "$file" ] || continue
        file=${file##*/}
        for name in "${names[@]}"; do
            # shellcheck disable=SC2053 # a pattern
            [[ $file != ${name//…/*} && ( $file != *.h || ${file%.h}.c != ${name//…/*} ) ]] || continue 2
        done
        bad "$module/README.md does not name $file"
        return
    done
    ok "$module/README.md names its files"
}

check_links() {
    local page=$1 target
    while IFS= read -r target; do
        case $target in *://* | '#'* | '') continue ;; esac
        if [ -e "$(dirname "$page")/${target%%#*}" ]; then ok "$page links to $target"; else bad "$page links to $target, which is not there"; fi
    done < <(awk '/^```/ { inside = !inside } !inside' "$page" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
}

if [ $# -eq 0 ]; then
    set -- README.md docs/*.md docs/decisions/*.md
    for page in $(git ls-files '*README.md' | grep -v '^README.md$'); do check_links "$page"; done
    while IFS= read -r module; do check_readme "$module"; done < <(sed -n 's/^\([a-z][a-z/]*\):.*/\1/p' docs/layers.txt)
    if docs/generate.sh --check; then ok "generated pages"; else bad "generated pages"; fi
    "$build/bin/docs/format" docs/storage-format.md >"$root/format"
    code=$?
    counts=$(tail -n 1 "$root/format")
    [ $code -eq 0 ] || cat "$root/format"
    if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
        bad "byte examples of docs/storage-format.md"
    fi
fi
for page; do
    check_links "$page"
    run_page "$page"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
