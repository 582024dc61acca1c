#include "storage/kv/rocksdb_runs.h"
#include <pthread.h>
#include <stdlib.h>

enum { SLOTS = 4096, QUIET_MS = 100 };

/* The runs of one store, by first key. */
struct run_set {
    struct kv_store store;
    uint64_t number; /* of the reader that began it */
    struct run **runs;
    size_t count, capacity, bytes;
    _Atomic uint64_t used; /* the cache's clock when it was used last */
    struct run_set *next;  /* of the same slot */
};

struct run_cache {
    pthread_rwlock_t lock;
    size_t bytes_max, bytes;
    _Atomic uint64_t quiet_ms, clock;
    struct run_set *sets[SLOTS];
    _Atomic unsigned set_counts[SLOTS]; /* so that most lookups need no lock */
    _Atomic uint64_t marks[SLOTS];      /* stores that share a slot share a mark */
    _Atomic uint64_t marked_ns[SLOTS];
};

static size_t slot_of(struct kv_store store)
{
    return (store.id * 2654435761u >> 16 ^ (uint32_t)store.class) % SLOTS;
}

/* ---- runs ---- */

void run_release(struct run *run)
{
    if (run != NULL && atomic_fetch_sub_explicit(&run->references, 1, memory_order_acq_rel) == 1)
        free(run);
}

bool run_draft_add(struct run_draft *draft, struct slice key, struct slice value)
{
    unsigned k = draft->count;

    if (k == RUN_ENTRIES_MAX || (k > 0 && draft->bytes.len + key.len + value.len > RUN_BYTES_MAX))
        return false;
    draft->starts[k] = (uint32_t)draft->bytes.len;
    draft->key_lens[k] = (uint32_t)key.len;
    draft->value_lens[k] = (uint32_t)value.len;
    buf_append_slice(&draft->bytes, key);
    buf_append_slice(&draft->bytes, value);
    draft->count += !draft->bytes.failed;
    return !draft->bytes.failed;
}

struct run *run_draft_finish(struct run_draft *draft)
{
    const size_t head = sizeof(struct run) + draft->count * sizeof(struct kv_entry);
    struct run *run = draft->count == 0 ? NULL : malloc(head + draft->bytes.len);
    char *room;

    if (run != NULL) {
        room = (char *)run + head;
        memcpy(room, draft->bytes.data, draft->bytes.len);
        atomic_init(&run->references, 1);
        run->count = draft->count;
        run->is_joined = run->is_last = false;
        run->bytes = head + draft->bytes.len;
        for (unsigned k = 0; k < draft->count; k++) {
            const char *at = room + draft->starts[k];

            run->entries[k].key = slice_of(at, draft->key_lens[k]);
            run->entries[k].value = slice_of(at + draft->key_lens[k], draft->value_lens[k]);
        }
    }
    draft->count = 0;
    buf_clear(&draft->bytes);
    draft->bytes.failed = false;
    return run;
}

static struct slice first_key(const struct run *run)
{
    return run->entries[0].key;
}

static struct slice last_key(const struct run *run)
{
    return run->entries[run->count - 1].key;
}

/* The first entry at or behind the key; run->count: none. */
static unsigned search_run(const struct run *run, struct slice key, bool is_after)
{
    unsigned low = 0, high = run->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = slice_compare(run->entries[middle].key, key);

        if (order < 0 || (order == 0 && is_after))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- sets ---- */

/* How many runs begin at or before the key. */
static size_t search_set(const struct run_set *set, struct slice key)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (slice_compare(first_key(set->runs[middle]), key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct run_set **find_set(struct run_cache *cache, struct kv_store store)
{
    struct run_set **at = &cache->sets[slot_of(store)];

    while (*at != NULL && ((*at)->store.id != store.id || (*at)->store.class != store.class))
        at = &(*at)->next;
    return at;
}

static void drop_set(struct run_cache *cache, struct run_set **at)
{
    struct run_set *set = *at;

    *at = set->next;
    atomic_fetch_sub(&cache->set_counts[slot_of(set->store)], 1);
    cache->bytes -= set->bytes;
    for (size_t k = 0; k < set->count; k++)
        run_release(set->runs[k]);
    free(set->runs);
    free(set);
}

static struct run_set *new_set(struct run_cache *cache, struct kv_store store, uint64_t number)
{
    struct run_set *set = calloc(1, sizeof *set);
    size_t slot = slot_of(store);

    if (set == NULL)
        return NULL;
    set->store = store;
    set->number = number;
    set->next = cache->sets[slot];
    cache->sets[slot] = set;
    atomic_fetch_add(&cache->set_counts[slot], 1);
    return set;
}

/* Make room by giving up other stores, the longest unused first. */
static bool make_room(struct run_cache *cache, const struct run_set *keep, size_t bytes)
{
    while (cache->bytes + bytes > cache->bytes_max) {
        struct run_set **oldest = NULL;

        for (size_t slot = 0; slot < SLOTS; slot++)
            for (struct run_set **at = &cache->sets[slot]; *at != NULL; at = &(*at)->next)
                if (*at != keep && (oldest == NULL || (*at)->used < (*oldest)->used))
                    oldest = at;
        if (oldest == NULL)
            return false;
        drop_set(cache, oldest);
    }
    return true;
}

static bool reserve(struct run_set *set)
{
    size_t capacity = set->capacity == 0 ? 64 : set->capacity * 2;
    struct run **bigger;

    if (set->count < set->capacity)
        return true;
    bigger = realloc(set->runs, capacity * sizeof(struct run *));
    if (bigger == NULL)
        return false;
    set->runs = bigger;
    set->capacity = capacity;
    return true;
}

/* ---- the cache ---- */

struct run_cache *run_cache_new(size_t bytes_max)
{
    struct run_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return NULL;
    if (pthread_rwlock_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    cache->bytes_max = bytes_max;
    atomic_init(&cache->quiet_ms, QUIET_MS);
    return cache;
}

void run_cache_set_quiet(struct run_cache *cache, uint64_t ms)
{
    atomic_store(&cache->quiet_ms, ms);
}

void run_cache_free(struct run_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t slot = 0; slot < SLOTS; slot++)
        while (cache->sets[slot] != NULL)
            drop_set(cache, &cache->sets[slot]);
    pthread_rwlock_destroy(&cache->lock);
    free(cache);
}

void run_cache_mark(struct run_cache *cache, struct kv_store store, uint64_t number)
{
    size_t slot = slot_of(store);

    if (cache == NULL)
        return;
    atomic_store_explicit(&cache->marks[slot], number, memory_order_release);
    atomic_store_explicit(&cache->marked_ns[slot], clock_monotonic_ns(), memory_order_relaxed);
}

bool run_cache_wants(const struct run_cache *cache, struct kv_store store, uint64_t number)
{
    size_t slot = slot_of(store);
    uint64_t marked_ns = atomic_load_explicit(&cache->marked_ns[slot], memory_order_relaxed);

    return atomic_load_explicit(&cache->marks[slot], memory_order_acquire) <= number &&
           (marked_ns == 0 ||
            clock_monotonic_ns() - marked_ns >= atomic_load(&cache->quiet_ms) * UINT64_C(1000000));
}

static bool is_valid(const struct run_cache *cache, const struct run_set *set, uint64_t number)
{
    uint64_t mark = atomic_load_explicit(&cache->marks[slot_of(set->store)], memory_order_acquire);

    return mark <= set->number && mark <= number;
}

static struct run *find_in_set(const struct run_set *set, struct slice key, bool is_after,
                               unsigned *at)
{
    size_t place = search_set(set, key);
    struct run *run;

    if (place == 0)
        return NULL;
    run = set->runs[place - 1];
    *at = search_run(run, key, is_after);
    if (*at < run->count)
        return run;
    *at = 0;
    return run->is_joined && place < set->count ? set->runs[place] : NULL;
}

struct run *run_cache_find(struct run_cache *cache, struct kv_store store, uint64_t number,
                           struct slice key, bool is_after, unsigned *at)
{
    struct run_set *set;
    struct run *run = NULL;

    if (atomic_load_explicit(&cache->set_counts[slot_of(store)], memory_order_relaxed) == 0)
        return NULL;
    pthread_rwlock_rdlock(&cache->lock);
    set = *find_set(cache, store);
    if (set != NULL && is_valid(cache, set, number)) {
        run = find_in_set(set, key, is_after, at);
        if (run != NULL) {
            atomic_fetch_add_explicit(&run->references, 1, memory_order_relaxed);
            atomic_store_explicit(&set->used, atomic_load(&cache->clock), memory_order_relaxed);
        }
    }
    pthread_rwlock_unlock(&cache->lock);
    return run;
}

/* Where it goes among the others, if nothing overlaps. */
static bool insert(struct run_cache *cache, struct run_set *set, struct run *run,
                   const struct run *before, struct slice behind)
{
    size_t place = search_set(set, first_key(run));

    if (place > 0 && slice_compare(last_key(set->runs[place - 1]), first_key(run)) >= 0)
        return false;
    if (place < set->count && slice_compare(last_key(run), first_key(set->runs[place])) >= 0)
        return false;
    if (!make_room(cache, set, run->bytes) || !reserve(set))
        return false;
    memmove(set->runs + place + 1, set->runs + place, (set->count - place) * sizeof(struct run *));
    set->runs[place] = run;
    set->count++;
    set->bytes += run->bytes;
    cache->bytes += run->bytes;
    atomic_fetch_add_explicit(&run->references, 1, memory_order_relaxed);
    run->is_joined = behind.len != 0 && place + 1 < set->count &&
                     slice_equal(first_key(set->runs[place + 1]), behind);
    if (place > 0 && set->runs[place - 1] == before)
        set->runs[place - 1]->is_joined = true;
    return true;
}

bool run_cache_next(struct run_cache *cache, struct kv_store store, uint64_t number,
                    struct slice key, struct buf *out)
{
    const struct run_set *set;
    size_t place;

    buf_clear(out);
    if (atomic_load_explicit(&cache->set_counts[slot_of(store)], memory_order_relaxed) == 0)
        return false;
    pthread_rwlock_rdlock(&cache->lock);
    set = *find_set(cache, store);
    if (set != NULL && is_valid(cache, set, number)) {
        place = search_set(set, key);
        if (place < set->count)
            buf_append_slice(out, first_key(set->runs[place]));
    }
    pthread_rwlock_unlock(&cache->lock);
    return out->len != 0 && !out->failed;
}

void run_cache_add(struct run_cache *cache, struct kv_store store, uint64_t number, struct run *run,
                   const struct run *before, struct slice behind)
{
    struct run_set **at, *set;

    pthread_rwlock_wrlock(&cache->lock);
    at = find_set(cache, store);
    set = *at;
    if (set != NULL && !is_valid(cache, set, number)) {
        drop_set(cache, at);
        set = NULL;
    }
    if (atomic_load_explicit(&cache->marks[slot_of(store)], memory_order_acquire) <= number) {
        if (set == NULL)
            set = new_set(cache, store, number);
        if (set != NULL) {
            atomic_store(&set->used, atomic_fetch_add(&cache->clock, 1) + 1);
            (void)insert(cache, set, run, before, behind);
        }
    }
    pthread_rwlock_unlock(&cache->lock);
}
