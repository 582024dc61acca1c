#!/usr/bin/env bash
# The sqllogictest sample, when it lies beside the checkout: all of it in memory, a cross-section on both stores.
set -u
sample=../shared/slt/sample.tar.zst
if [ ! -r "$sample" ]; then
    echo "no sample of the corpus beside the checkout: skipped"
    echo "0 passed, 0 failed"
    exit 0
fi
dir=build/slt
if [ ! -e "$dir/.complete" ]; then
    mkdir -p "$dir"
    tar --zstd -xf "$sample" -C "$dir" && touch "$dir/.complete" || exit 1
fi
make -s MODE=release build/release/bin/slt/slt || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
slt=build/release/bin/slt/slt
mapfile -t all < <(find "$dir" -name '*.test' | sort)
mapfile -t some < <(find "$dir" -name '*.test' | sort | awk 'NR % 4 == 0 || /select[1-5]\.test|evidence/')
passed=0 failed=0
run() {
    local line
    "$slt" --verbose 2 --compare --scratch "$scratch" --backend "$@" | tee "$scratch/log"
    line=$(tail -n 1 "$scratch/log")
    [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]] || { failed=$((failed + 1)); return; }
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
}
run memory "${all[@]}"
run lmdb "${some[@]}"
run rocksdb "${some[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
