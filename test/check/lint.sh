#!/usr/bin/env bash
# cppcheck over our own sources: what compilers do not see. A finding is an error.
set -u
git ls-files 'storage/*.c' 'vdbe/*.c' 'parser/*.c' 'api/*.c' 'rest/*.c' 'shell/*.c' |
    cppcheck --quiet --file-list=- --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list=test/check/lint.suppress -I. -D_GNU_SOURCE -j "$(nproc)"
