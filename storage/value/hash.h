/*
 * hash: XXH3, the one hash of the engine. Its values are written into databases (checksums,
 * shortened keys), so it may not change.
 */
#ifndef HARPER_VALUE_HASH_H
#define HARPER_VALUE_HASH_H

#include "storage/base/slice.h"
#include <stdint.h>

struct hash128 {
    uint64_t high, low;
};

uint64_t hash_bytes(struct slice bytes, uint64_t seed);
struct hash128 hash_bytes_128(struct slice bytes);

#endif
