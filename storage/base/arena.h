/*
 * arena: many small allocations that end together. Three lifetimes use it: prepare, statement, row.
 *
 * Ownership: the holder calls arena_deinit. Pointers live until arena_reset or arena_deinit, or
 * until arena_release goes back to a mark taken before them. Threads:   one at a time. Errors: NULL
 * when memory is short or the arena's limit is reached; arena->failed stays set, so a builder may
 * check once at its end.
 */
#ifndef HARPER_BASE_ARENA_H
#define HARPER_BASE_ARENA_H

#include "storage/base/slice.h"
#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next, *end;           /* free room of the newest block */
    size_t used_bytes;          /* of all blocks, for budgets */
    size_t limit_bytes;         /* 0: none */
    bool failed;
};

struct arena_mark {
    struct arena_block *block;
    char *next;
};

/* {0} is a valid empty arena too. */
void arena_init(struct arena *arena, size_t limit_bytes);
void arena_deinit(struct arena *arena);
/* Forget everything but keep one block, the largest of ordinary size, so that a loop over rows soon
 * allocates nothing. */
void arena_reset(struct arena *arena);
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

void *arena_alloc_slow(struct arena *arena, size_t bytes);

/* 16-byte aligned, not zeroed. */
static inline void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t rounded = (bytes + 15u) & ~(size_t)15u;

    if (rounded >= bytes && (size_t)(arena->end - arena->next) >= rounded && rounded != 0) {
        void *room = arena->next;

        arena->next += rounded;
        return room;
    }
    return arena_alloc_slow(arena, bytes);
}

void *arena_zalloc(struct arena *arena, size_t bytes);
/* count * size with an overflow check, zeroed. */
void *arena_zalloc_array(struct arena *arena, size_t count, size_t size);
/* A copy with a NUL behind it, which is not counted in len. */
struct slice arena_copy(struct arena *arena, struct slice bytes);
char *arena_strdup(struct arena *arena, struct slice text);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define ARENA_NEW_ARRAY(arena, type, count)                                                        \
    ((type *)arena_zalloc_array((arena), (count), sizeof(type)))

#endif
