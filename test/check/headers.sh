#!/usr/bin/env bash
# Every header compiles alone, and the public one also as C++.
set -u
failed=0
for header in $(git ls-files '*.h'); do
    ${CC:-gcc} -std=c17 -D_GNU_SOURCE -Wall -Wextra -I. "-I${GEN:-build/debug/gen}" -fsyntax-only -x c "$header" || { echo "$header does not stand alone"; failed=1; }
done
${CC:-gcc} -x c++ -Wall -Wextra -fsyntax-only api/harper.h 2>/dev/null || { command -v g++ >/dev/null && { echo "api/harper.h is not valid C++"; failed=1; }; }
exit $failed
