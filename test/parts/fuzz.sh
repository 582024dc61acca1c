#!/usr/bin/env bash
# A short run of every fuzz target.
exec make -s fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-5}"
