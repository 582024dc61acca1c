#include "storage/table/record_cache.h"
#include "storage/value/hash.h"
#include <stdatomic.h>
#include <stdlib.h>

enum { WAYS = 4, ENTRY_BYTES_MAX = 8192, ENTRY_BYTES_TYPICAL = 256 };

struct entry {
    uint64_t from, to; /* commit sequences; to UINT64_MAX: no change known */
    uint32_t store, value_len;
    uint16_t key_len;
    bool is_used; /* since the hand passed */
    char bytes[]; /* key, value */
};

/* One cache line, so that a miss costs one memory access. */
struct bucket {
    atomic_flag lock;
    uint8_t hand;
    uint16_t tags[WAYS];
    uint64_t marked; /* greatest sequence that changed a row of this bucket */
    struct entry *entries[WAYS];
} __attribute__((aligned(64)));

struct record_cache {
    struct bucket *buckets;
    void *memory; /* of the buckets, not aligned */
    uint64_t mask;
    uint64_t bytes_max;
    _Atomic uint64_t bytes;
    _Atomic uint64_t sweep; /* next bucket to make room in */
    _Atomic uint64_t floor; /* entries from before it are dead */
};

struct record_cache *record_cache_new(uint64_t bytes_max)
{
    struct record_cache *cache = calloc(1, sizeof(*cache));
    uint64_t buckets = 64;

    if (cache == NULL)
        return NULL;
    while (buckets * WAYS * ENTRY_BYTES_TYPICAL < bytes_max)
        buckets *= 2;
    cache->mask = buckets - 1;
    cache->bytes_max = bytes_max;
    /* calloc's pages come into being when they are first used: an open database that reads little
     * stays small. */
    cache->memory = calloc(buckets + 1, sizeof(struct bucket));
    if (cache->memory == NULL) {
        free(cache);
        return NULL;
    }
    cache->buckets = (struct bucket *)(((uintptr_t)cache->memory + 63) & ~(uintptr_t)63);
    return cache;
}

static uint64_t size_of(const struct entry *entry)
{
    return sizeof(*entry) + entry->key_len + entry->value_len + 16; /* and what malloc adds */
}

static void evict(struct record_cache *cache, struct bucket *bucket, unsigned way)
{
    if (bucket->entries[way] == NULL)
        return;
    atomic_fetch_sub_explicit(&cache->bytes, size_of(bucket->entries[way]), memory_order_relaxed);
    free(bucket->entries[way]);
    bucket->entries[way] = NULL;
}

void record_cache_free(struct record_cache *cache)
{
    if (cache == NULL)
        return;
    for (uint64_t i = 0; i <= cache->mask && atomic_load(&cache->bytes) != 0; i++)
        for (unsigned way = 0; way < WAYS; way++)
            evict(cache, &cache->buckets[i], way);
    free(cache->memory);
    free(cache);
}

static void lock(struct bucket *bucket)
{
    while (atomic_flag_test_and_set_explicit(&bucket->lock, memory_order_acquire))
        __builtin_ia32_pause();
}

static void unlock(struct bucket *bucket)
{
    atomic_flag_clear_explicit(&bucket->lock, memory_order_release);
}

static struct bucket *bucket_of(const struct record_cache *cache, uint32_t store, struct slice key,
                                uint16_t *tag)
{
    uint64_t hash = hash_bytes(key, store);

    *tag = (uint16_t)(hash >> 48);
    return &cache->buckets[hash & cache->mask];
}

static bool is_of(const struct entry *entry, uint32_t store, struct slice key)
{
    return entry->store == store && entry->key_len == key.len &&
           memcmp(entry->bytes, key.data, key.len) == 0;
}

static unsigned find_way(const struct bucket *bucket, uint16_t tag, uint32_t store,
                         struct slice key)
{
    unsigned way = 0;

    while (way < WAYS && (bucket->tags[way] != tag || bucket->entries[way] == NULL ||
                          !is_of(bucket->entries[way], store, key)))
        way++;
    return way;
}

bool record_cache_get(struct record_cache *cache, uint32_t store, struct slice key,
                      uint64_t snapshot, struct buf *out)
{
    uint16_t tag;
    struct bucket *bucket = bucket_of(cache, store, key, &tag);
    bool is_hit = false;
    unsigned way;

    lock(bucket);
    way = find_way(bucket, tag, store, key);
    if (way < WAYS) {
        struct entry *entry = bucket->entries[way];

        if (entry->from <= snapshot && snapshot < entry->to &&
            entry->from >= atomic_load_explicit(&cache->floor, memory_order_relaxed)) {
            out->len = 0;
            buf_append(out, entry->bytes + entry->key_len, entry->value_len);
            entry->is_used = true;
            is_hit = !out->failed;
        }
    }
    unlock(bucket);
    return is_hit;
}

/* A way for a new entry: free, or the first that was not used since the hand last passed. */
static unsigned make_way(struct record_cache *cache, struct bucket *bucket)
{
    for (unsigned way = 0; way < WAYS; way++)
        if (bucket->entries[way] == NULL)
            return way;
    for (;; bucket->hand++) {
        struct entry *entry = bucket->entries[bucket->hand % WAYS];

        if (!entry->is_used || entry->to != UINT64_MAX) {
            unsigned way = bucket->hand++ % WAYS;

            evict(cache, bucket, way);
            return way;
        }
        entry->is_used = false;
    }
}

/* Over the budget: give up what is not used, bucket after bucket. */
static void make_room(struct record_cache *cache)
{
    for (unsigned tries = 0;
         tries < 16 && atomic_load_explicit(&cache->bytes, memory_order_relaxed) > cache->bytes_max;
         tries++) {
        uint64_t at = atomic_fetch_add_explicit(&cache->sweep, 1, memory_order_relaxed);
        struct bucket *bucket = &cache->buckets[at & cache->mask];

        lock(bucket);
        for (unsigned way = 0; way < WAYS; way++) {
            struct entry *entry = bucket->entries[way];

            if (entry != NULL && !entry->is_used)
                evict(cache, bucket, way);
            else if (entry != NULL)
                entry->is_used = false;
        }
        unlock(bucket);
    }
}

void record_cache_put(struct record_cache *cache, uint32_t store, struct slice key,
                      uint64_t snapshot, struct slice value)
{
    struct entry *entry;
    struct bucket *bucket;
    uint16_t tag;
    unsigned way;

    if (key.len + value.len > ENTRY_BYTES_MAX)
        return;
    entry = malloc(sizeof(*entry) + key.len + value.len);
    if (entry == NULL)
        return;
    *entry = (struct entry){.from = snapshot,
                            .to = UINT64_MAX,
                            .store = store,
                            .value_len = (uint32_t)value.len,
                            .key_len = (uint16_t)key.len};
    memcpy(entry->bytes, key.data, key.len);
    memcpy(entry->bytes + key.len, value.data, value.len);
    make_room(cache);
    bucket = bucket_of(cache, store, key, &tag);
    lock(bucket);
    way = find_way(bucket, tag, store, key);
    /* Something here changed since the snapshot, perhaps this row; or another reader was first. */
    if (bucket->marked > snapshot ||
        (way < WAYS && bucket->entries[way]->to == UINT64_MAX &&
         bucket->entries[way]->from >= atomic_load_explicit(&cache->floor, memory_order_relaxed)) ||
        snapshot < atomic_load_explicit(&cache->floor, memory_order_relaxed)) {
        unlock(bucket);
        free(entry);
        return;
    }
    if (way < WAYS)
        evict(cache, bucket, way);
    else
        way = make_way(cache, bucket);
    bucket->entries[way] = entry;
    bucket->tags[way] = tag;
    atomic_fetch_add_explicit(&cache->bytes, size_of(entry), memory_order_relaxed);
    unlock(bucket);
}

void record_cache_mark(struct record_cache *cache, uint32_t store, struct slice key,
                       uint64_t sequence)
{
    uint16_t tag;
    struct bucket *bucket = bucket_of(cache, store, key, &tag);
    unsigned way;

    lock(bucket);
    if (sequence > bucket->marked)
        bucket->marked = sequence;
    way = find_way(bucket, tag, store, key);
    if (way < WAYS && bucket->entries[way]->to > sequence)
        bucket->entries[way]->to = sequence;
    unlock(bucket);
}

void record_cache_mark_all(struct record_cache *cache, uint64_t sequence)
{
    atomic_store(&cache->floor, sequence);
}
