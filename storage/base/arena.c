#include "storage/base/arena.h"
#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_BYTES_FIRST = 4096,
    BLOCK_BYTES_MAX = 256 * 1024, /* blocks double up to this; a larger request gets its own size */
};

struct arena_block {
    struct arena_block *older;
    size_t bytes; /* of room[] */
    _Alignas(16) char room[];
};

void arena_init(struct arena *arena, size_t limit_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes};
}

/* Free the newest block and forget it. */
static void drop_block(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    arena->blocks = block->older;
    arena->used_bytes -= sizeof(*block) + block->bytes;
    free(block);
}

void arena_deinit(struct arena *arena)
{
    while (arena->blocks != NULL)
        drop_block(arena);
    arena->next = arena->end = NULL;
    arena->failed = false;
}

static void begin_block(struct arena *arena)
{
    arena->next = arena->blocks == NULL ? NULL : arena->blocks->room;
    arena->end = arena->blocks == NULL ? NULL : arena->blocks->room + arena->blocks->bytes;
}

/* Put the largest block that is worth keeping last, so that it is the one that stays. */
static void keep_largest(struct arena *arena)
{
    struct arena_block **at = &arena->blocks, **largest = NULL;
    struct arena_block *kept;

    for (; *at != NULL; at = &(*at)->older)
        if ((*at)->bytes <= BLOCK_BYTES_MAX &&
            (largest == NULL || (*at)->bytes > (*largest)->bytes))
            largest = at;
    if (largest == NULL)
        return;
    kept = *largest;
    *largest = kept->older;
    kept->older = NULL;
    while (arena->blocks != NULL)
        drop_block(arena);
    arena->blocks = kept;
}

void arena_reset(struct arena *arena)
{
    if (arena->blocks != NULL && arena->blocks->older != NULL)
        keep_largest(arena);
    while (arena->blocks != NULL &&
           (arena->blocks->older != NULL || arena->blocks->bytes > BLOCK_BYTES_MAX))
        drop_block(arena);
    begin_block(arena);
    arena->failed = false;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->blocks, arena->next};
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
    if (mark.block == NULL) { /* the arena was empty; its first block may stay */
        bool failed = arena->failed;

        arena_reset(arena);
        arena->failed = failed;
        return;
    }
    while (arena->blocks != mark.block) {
        assert(arena->blocks != NULL);
        drop_block(arena);
    }
    arena->next = mark.next;
    arena->end = mark.block->room + mark.block->bytes;
}

static size_t next_block_bytes(const struct arena *arena, size_t needed)
{
    size_t bytes = BLOCK_BYTES_FIRST - sizeof(struct arena_block);

    if (arena->blocks != NULL) {
        bytes = arena->blocks->bytes * 2;
        if (bytes > BLOCK_BYTES_MAX)
            bytes = BLOCK_BYTES_MAX;
    }
    return bytes < needed ? needed : bytes;
}

static struct arena_block *add_block(struct arena *arena, size_t needed)
{
    size_t bytes = next_block_bytes(arena, needed);
    struct arena_block *block;

    if (arena->limit_bytes != 0) {
        size_t left =
            arena->limit_bytes > arena->used_bytes ? arena->limit_bytes - arena->used_bytes : 0;

        if (left < sizeof(*block) || left - sizeof(*block) < needed)
            return NULL;
        if (bytes > left - sizeof(*block))
            bytes = (left - sizeof(*block)) & ~(size_t)15;
        if (bytes < needed)
            return NULL;
    }
    block = malloc(sizeof(*block) + bytes);
    if (block == NULL)
        return NULL;
    block->older = arena->blocks;
    block->bytes = bytes;
    arena->blocks = block;
    arena->used_bytes += sizeof(*block) + bytes;
    arena->next = block->room;
    arena->end = block->room + bytes;
    return block;
}

/* Everything arena_alloc does not do in line: a full block, nothing at all, or nonsense. */
void *arena_alloc_slow(struct arena *arena, size_t bytes)
{
    size_t rounded = bytes == 0 ? 16 : (bytes + 15u) & ~(size_t)15u;
    void *room;

    if (bytes > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    if ((size_t)(arena->end - arena->next) < rounded && add_block(arena, rounded) == NULL) {
        arena->failed = true;
        return NULL;
    }
    room = arena->next;
    arena->next += rounded;
    return room;
}

void *arena_zalloc(struct arena *arena, size_t bytes)
{
    void *room = arena_alloc(arena, bytes);

    if (room != NULL)
        memset(room, 0, bytes);
    return room;
}

void *arena_zalloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        arena->failed = true;
        return NULL;
    }
    return arena_zalloc(arena, bytes);
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    char *copy = arena_alloc(arena, bytes.len + 1);

    if (copy == NULL)
        return slice_empty();
    if (bytes.len != 0)
        memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = '\0';
    return slice_of(copy, bytes.len);
}

char *arena_strdup(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.len + 1);

    if (copy == NULL)
        return NULL;
    if (text.len != 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    char *text = NULL;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    if (len >= 0)
        text = arena_alloc(arena, (size_t)len + 1);
    else
        arena->failed = true;
    if (text != NULL)
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
