/*
 * hashtable: open addressing from a 64-bit hash to an item number; who uses it holds the items and
 * compares them. Grows by doubling at three quarters full.
 */
#ifndef HARPER_VM_HASHTABLE_H
#define HARPER_VM_HASHTABLE_H

#include "storage/base/base.h"
#include <stdlib.h>

struct hash_slot {
    uint32_t hash; /* upper half, to skip most comparisons */
    uint32_t item; /* 1 + number; 0: empty */
};

struct hash_index {
    struct hash_slot *slots;
    uint64_t mask;
    uint64_t count;
};

static inline void hash_index_free(struct hash_index *index)
{
    free(index->slots);
    *index = (struct hash_index){0};
}

static inline void hash_index_clear(struct hash_index *index)
{
    enum { SLOTS_KEPT = 1 << 14 };

    if (index->count == 0)
        return;
    if (index->mask >= SLOTS_KEPT) {
        hash_index_free(index);
        return;
    }
    memset(index->slots, 0, (index->mask + 1) * sizeof(*index->slots));
    index->count = 0;
}

/* Room for one more. hash_of(context, item) gives the full hash of an item again. */
static inline enum status hash_index_grow(struct hash_index *index,
                                          uint64_t (*hash_of)(const void *context, uint32_t item),
                                          const void *context)
{
    struct hash_index bigger = {.count = index->count};

    if (index->slots != NULL && (index->count + 1) * 4 <= (index->mask + 1) * 3)
        return ST_OK;
    if (index->count >= UINT32_MAX - 1)
        return ST_LIMIT;
    bigger.mask = index->slots == NULL ? 63 : index->mask * 2 + 1;
    bigger.slots = calloc(bigger.mask + 1, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return ST_NO_MEMORY;
    for (uint64_t k = 0; index->slots != NULL && k <= index->mask; k++) {
        uint64_t at;

        if (index->slots[k].item == 0)
            continue;
        at = hash_of(context, index->slots[k].item - 1) & bigger.mask;
        while (bigger.slots[at].item != 0)
            at = (at + 1) & bigger.mask;
        bigger.slots[at] = index->slots[k];
    }
    free(index->slots);
    *index = bigger;
    return ST_OK;
}

#endif
