#!/usr/bin/env bash
# Every #include of a project header must be allowed by docs/layers.txt. Ends with 1 when one is not.
set -u
awk '
FNR == NR {
    if ($0 ~ /^#/ || $0 !~ /:/) next
    split($0, side, ":"); n = split(side[2], names, " ")
    known[side[1]] = 1; may[side[1], side[1]] = 1
    for (k = 1; k <= n; k++) may[side[1], names[k]] = 1
    next
}
function module_of(path,   k, parts, n, two) {
    n = split(path, parts, "/")
    two = parts[1] "/" parts[2]
    if (two in known) return two
    return (parts[1] in known) ? parts[1] : ""
}
/^[ \t]*#[ \t]*include[ \t]+"/ {
    match($0, /"[^"]+"/); target = module_of(substr($0, RSTART + 1, RLENGTH - 2))
    from = module_of(FILENAME)
    if (target == "" || from == "") next
    if (from == "shell" && target == "api" && $0 !~ /"(api\/)?harper\.h"/) bad(target)
    if (from == "shell" && target == "rest" && $0 !~ /"rest\/rest\.h"/) bad(target)
    if (!((from, target) in may)) bad(target)
}
function bad(target) { printf "%s:%d: %s may not include %s\n", FILENAME, FNR, from, target; failed = 1 }
END { exit failed }
' docs/layers.txt $(git ls-files 'storage/*' 'vdbe/*' 'parser/*' 'api/*' 'rest/*' 'shell/*' | grep -E '\.(c|h|y|re|def)$')
layers=$?

# A third-party header is included in one module, so that it can be replaced there.
for header in lmdb.h rocksdb/c.h microhttpd.h zstd.h xxhash.h pcre2.h histedit.h editline/readline.h sqlite3.h; do
    places=$(git grep -l "#include <$header>" -- storage vdbe parser api rest shell | xargs -r -n1 dirname | sort -u)
    if [ "$(wc -w <<<"$places")" -gt 1 ]; then
        echo "<$header> is included in more than one module:" $places
        layers=1
    fi
done
exit $layers
