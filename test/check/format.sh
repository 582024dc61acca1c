#!/usr/bin/env bash
# All C sources are as .clang-format says.
set -u
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror 2>&1 | grep -E 'error|warning' | sed 's/: code should.*/: run make format/' | sort -u -t: -k1,1 | head -n 40
[ "${PIPESTATUS[1]}" -eq 0 ]
