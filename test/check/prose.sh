#!/usr/bin/env bash
# What has no place in the repository: unfinished marks, paths of one machine, binary blobs.
set -u
failed=0
if git grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.y' '*.re' '*.def' '*.md' '*.sh' ':!test/check/prose.sh'; then
    echo "unfinished by their own words"; failed=1
fi
if git grep -nE '/(home|Users)/[a-z]' -- '*.c' '*.h' '*.md' ':!test/check/prose.sh'; then
    echo "paths of one machine"; failed=1
fi
big=$(git ls-files -z | xargs -0 -r du -k 2>/dev/null | awk '$1 > 512 {print $2}')
[ -z "$big" ] || { echo "too big for the repository: $big"; failed=1; }
exit $failed
