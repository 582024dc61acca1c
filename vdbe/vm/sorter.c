/* Sorting: rows are coded to keys that memcmp orders, so sorting never looks at a value again.
 *
 * In memory: an array of (first eight key bytes, entry), sorted by radix over those bytes and by
 * merging where they are equal. Over budget: the sorted array becomes a run of a file, and runs are
 * merged at the end. With a limit only the best rows are kept. Rows with equal keys keep the order
 * in which they came. */
#include "vdbe/vm/vm_internal.h"
#include <stdlib.h>

enum {
    RADIX_MIN = 256,    /* below, merging alone is faster */
    LIMIT_SLACK = 1024, /* rows above twice the limit before the worst half is dropped */
    READ_BYTES_MIN = 4096,
    ENTRY_HEADER = 8,
};

struct sort_item {
    uint64_t prefix;
    const char *entry; /* key_bytes u32, row_bytes u32, key, row */
};

struct run {
    uint64_t next, end; /* offsets into the file of what is not in the buffer */
    struct buf buffer;
    size_t at;         /* of the present entry in the buffer */
    const char *entry; /* NULL: the run is over */
    uint64_t prefix;
};

struct sorter {
    const struct object_spec *spec;
    size_t memory_bytes;
    struct arena arena, spare_arena;
    struct buf items, spare; /* struct sort_item */
    struct spill_file file;
    struct buf run_starts; /* uint64_t offsets */
    struct buf key, row, last_key;
    uint64_t limit; /* UINT64_MAX: none */
    bool has_threshold, has_last_key;
    struct buf threshold; /* keys from here on are not among the first `limit` */
    /* reading */
    bool is_sorted;
    size_t next; /* item behind the present one, when everything is in memory */
    struct run *runs;
    size_t run_count;
    uint32_t *heap; /* run numbers, least first */
    size_t heap_count;
    const char *entry; /* present */
    uint64_t given;    /* rows read, against the limit */
    /* queue */
    uint64_t arrivals;
    size_t queued; /* items that are a heap already */
};

enum status sorter_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct sorter **out)
{
    struct sorter *sorter = calloc(1, sizeof(*sorter));

    if (sorter == NULL)
        return ST_NO_MEMORY;
    sorter->spec = spec;
    sorter->memory_bytes = memory_bytes;
    sorter->limit = UINT64_MAX;
    spill_init(&sorter->file, directory);
    *out = sorter;
    return ST_OK;
}

static void forget_runs(struct sorter *sorter)
{
    for (size_t k = 0; k < sorter->run_count; k++)
        buf_free(&sorter->runs[k].buffer);
    free(sorter->runs);
    free(sorter->heap);
    sorter->runs = NULL;
    sorter->heap = NULL;
    sorter->run_count = sorter->heap_count = 0;
}

void sorter_free(struct sorter *sorter)
{
    if (sorter == NULL)
        return;
    forget_runs(sorter);
    arena_deinit(&sorter->arena);
    arena_deinit(&sorter->spare_arena);
    spill_deinit(&sorter->file);
    buf_free(&sorter->items);
    buf_free(&sorter->spare);
    buf_free(&sorter->run_starts);
    buf_free(&sorter->key);
    buf_free(&sorter->row);
    buf_free(&sorter->last_key);
    buf_free(&sorter->threshold);
    free(sorter);
}

void sorter_clear(struct sorter *sorter)
{
    forget_runs(sorter);
    arena_reset(&sorter->arena);
    buf_clear(&sorter->items);
    if (sorter->run_starts.len != 0)
        spill_truncate(&sorter->file);
    buf_clear(&sorter->run_starts);
    sorter->has_threshold = false;
    sorter->is_sorted = false;
    sorter->limit = UINT64_MAX;
    sorter->entry = NULL;
    sorter->queued = 0;
}

void sorter_limit(struct sorter *sorter, uint64_t rows)
{
    sorter->limit = rows;
}

uint64_t sorter_run_count(const struct sorter *sorter)
{
    return sorter->run_starts.len / sizeof(uint64_t);
}

/* ---- entries ---- */

static uint32_t read_u32(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static struct slice entry_key(const char *entry)
{
    return slice_of(entry + ENTRY_HEADER, read_u32(entry));
}

static size_t entry_bytes(const char *entry)
{
    return (size_t)ENTRY_HEADER + read_u32(entry) + read_u32(entry + 4);
}

static uint64_t prefix_of(struct slice key)
{
    unsigned char bytes[8] = {0};
    uint64_t prefix = 0;

    if (key.len != 0) /* no sort keys at all: everything is equal */
        memcpy(bytes, key.data, key.len < 8 ? key.len : 8);
    for (unsigned k = 0; k < 8; k++)
        prefix = prefix << 8 | bytes[k];
    return prefix;
}

static int compare_items(const struct sort_item *a, const struct sort_item *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return slice_compare(entry_key(a->entry), entry_key(b->entry));
}

static struct sort_item *items_of(const struct buf *buf)
{
    return (struct sort_item *)(void *)buf->data;
}

static size_t item_count(const struct sorter *sorter)
{
    return sorter->items.len / sizeof(struct sort_item);
}

/* ---- sorting the items ---- */

static void insertion_sort(struct sort_item *items, size_t count)
{
    for (size_t k = 1; k < count; k++) {
        const struct sort_item item = items[k];
        size_t at = k;

        while (at > 0 && compare_items(&items[at - 1], &item) > 0) {
            items[at] = items[at - 1];
            at--;
        }
        items[at] = item;
    }
}

/* Stable; `room` is as large as `items`. */
static void merge_sort(struct sort_item *items, struct sort_item *room, size_t count)
{
    const size_t half = count / 2;
    size_t left = 0, right = half, to = 0;

    if (count <= 12) {
        insertion_sort(items, count);
        return;
    }
    merge_sort(items, room, half);
    merge_sort(items + half, room, count - half);
    if (compare_items(&items[half - 1], &items[half]) <= 0)
        return;
    memcpy(room, items, half * sizeof(*items));
    while (left < half && right < count)
        items[to++] = compare_items(&items[right], &room[left]) < 0 ? items[right++] : room[left++];
    memcpy(items + to, room + left, (half - left) * sizeof(*items));
}

/* By the eight prefix bytes, least significant first; bytes that are the same everywhere are
 * skipped, so short keys cost few passes. Returns where the result is: items or room. */
static struct sort_item *radix_sort(struct sort_item *items, struct sort_item *room, size_t count)
{
    size_t(*counts)[256] = calloc(8, sizeof(*counts));

    if (counts == NULL)
        return NULL;
    for (size_t k = 0; k < count; k++)
        for (unsigned byte = 0; byte < 8; byte++)
            counts[byte][items[k].prefix >> (byte * 8) & 255]++;
    for (unsigned byte = 0; byte < 8; byte++) {
        struct sort_item *other;
        size_t sum = 0;

        if (counts[byte][items[0].prefix >> (byte * 8) & 255] == count)
            continue;
        for (unsigned digit = 0; digit < 256; digit++) {
            size_t here = counts[byte][digit];

            counts[byte][digit] = sum;
            sum += here;
        }
        for (size_t k = 0; k < count; k++)
            room[counts[byte][items[k].prefix >> (byte * 8) & 255]++] = items[k];
        other = items;
        items = room;
        room = other;
    }
    free(counts);
    return items;
}

static enum status sort_items(struct sorter *sorter)
{
    const size_t count = item_count(sorter);
    struct sort_item *items, *room, *sorted;

    if (count < 2)
        return ST_OK;
    buf_clear(&sorter->spare);
    if (!buf_reserve(&sorter->spare, sorter->items.len))
        return ST_NO_MEMORY;
    items = items_of(&sorter->items);
    room = items_of(&sorter->spare);
    if (count < RADIX_MIN) {
        merge_sort(items, room, count);
        return ST_OK;
    }
    sorted = radix_sort(items, room, count);
    if (sorted == NULL)
        return ST_NO_MEMORY;
    if (sorted == room) {
        struct buf other = sorter->items;

        room = items;
        sorter->spare.len = sorter->items.len;
        sorter->items = sorter->spare;
        sorter->spare = other;
    }
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && sorted[end].prefix == sorted[first].prefix;)
            end++;
        if (end - first > 1)
            merge_sort(sorted + first, room, end - first);
    }
    return ST_OK;
}

/* ---- adding ---- */

static enum status code_key(struct sorter *sorter, const struct value *row)
{
    buf_clear(&sorter->key);
    for (unsigned k = 0; k < sorter->spec->key_count; k++) {
        const struct sort_part *part = &sorter->spec->parts[k];
        const struct key_part order = {.collation = part->collation,
                                       .descending = part->descending};

        if (part->nulls_last != part->descending) /* not where the code would put them */
            buf_append_byte(&sorter->key, value_is_null(row[k]) == part->nulls_last);
        keycode_append_prefix(&sorter->key, row[k], order);
    }
    if (sorter->spec->is_queue) /* equal keys leave in the order in which they came */
        buf_append_u64_be(&sorter->key, sorter->arrivals++);
    return buf_status(&sorter->key);
}

static enum status write_run(struct sorter *sorter)
{
    const struct sort_item *items;
    const uint64_t start = sorter->file.bytes;

    TRY(sort_items(sorter));
    items = items_of(&sorter->items);
    for (size_t k = 0; k < item_count(sorter); k++)
        TRY(spill_append(&sorter->file, items[k].entry, entry_bytes(items[k].entry), NULL));
    buf_append(&sorter->run_starts, &start, sizeof(start));
    TRY(buf_status(&sorter->run_starts));
    buf_clear(&sorter->items);
    arena_reset(&sorter->arena);
    return ST_OK;
}

/* Keep the first `limit` items only, and know from now on what cannot be among them. */
static enum status drop_beyond_limit(struct sorter *sorter)
{
    struct sort_item *items;
    struct slice worst;
    struct arena old;

    TRY(sort_items(sorter));
    items = items_of(&sorter->items);
    sorter->items.len = (size_t)sorter->limit * sizeof(*items);
    for (size_t k = 0; k < item_count(sorter); k++) {
        const size_t bytes = entry_bytes(items[k].entry);
        char *room = arena_alloc(&sorter->spare_arena, bytes);

        if (room == NULL)
            return ST_NO_MEMORY;
        memcpy(room, items[k].entry, bytes);
        items[k].entry = room;
    }
    old = sorter->arena;
    sorter->arena = sorter->spare_arena;
    sorter->spare_arena = old;
    arena_reset(&sorter->spare_arena);
    worst = entry_key(items[sorter->limit - 1].entry);
    buf_clear(&sorter->threshold);
    buf_append_slice(&sorter->threshold, worst);
    sorter->has_threshold = true;
    return buf_status(&sorter->threshold);
}

static enum status make_room(struct sorter *sorter, size_t bytes)
{
    const size_t count = item_count(sorter);

    if (sorter->limit < UINT32_MAX && count >= sorter->limit * 2 + LIMIT_SLACK)
        TRY(drop_beyond_limit(sorter));
    if (count != 0 && !sorter->spec->is_queue &&
        sorter->arena.used_bytes + bytes + count * sizeof(struct sort_item) * 2 >
            sorter->memory_bytes) {
        TRY(write_run(sorter));
        sorter->has_threshold = false;
    }
    return ST_OK;
}

enum status sorter_add(struct sorter *sorter, const struct value *row)
{
    const unsigned key_count = sorter->spec->key_count;
    struct sort_item item;
    uint32_t key_bytes, row_bytes;
    char *entry;

    if (sorter->limit == 0)
        return ST_OK;
    TRY(code_key(sorter, row));
    if (sorter->has_threshold &&
        slice_compare(buf_slice(&sorter->key), buf_slice(&sorter->threshold)) >= 0)
        return ST_OK;
    buf_clear(&sorter->row);
    TRY(row_pack(&sorter->row, row + key_count, sorter->spec->row_count));
    if (sorter->key.len > UINT32_MAX / 2 || sorter->row.len > UINT32_MAX / 2)
        return ST_TOO_BIG;
    key_bytes = (uint32_t)sorter->key.len;
    row_bytes = (uint32_t)sorter->row.len;
    TRY(make_room(sorter, (size_t)ENTRY_HEADER + key_bytes + row_bytes));
    entry = arena_alloc(&sorter->arena, (size_t)ENTRY_HEADER + key_bytes + row_bytes);
    if (entry == NULL)
        return ST_NO_MEMORY;
    memcpy(entry, &key_bytes, 4);
    memcpy(entry + 4, &row_bytes, 4);
    if (key_bytes != 0)
        memcpy(entry + ENTRY_HEADER, sorter->key.data, key_bytes);
    if (row_bytes != 0)
        memcpy(entry + ENTRY_HEADER + key_bytes, sorter->row.data, row_bytes);
    item = (struct sort_item){prefix_of(buf_slice(&sorter->key)), entry};
    buf_append(&sorter->items, &item, sizeof(item));
    return buf_status(&sorter->items);
}

/* ---- merging runs ---- */

/* Make [at, at + bytes) of the run's buffer valid. */
static enum status fill(struct sorter *sorter, struct run *run, size_t bytes, size_t chunk)
{
    const size_t have = run->buffer.len - run->at;
    size_t want = bytes > chunk ? bytes : chunk;

    if (have >= bytes)
        return ST_OK;
    if (have != 0)
        memmove(run->buffer.data, run->buffer.data + run->at, have);
    run->buffer.len = have;
    run->at = 0;
    if (want - have > run->end - run->next)
        want = have + (size_t)(run->end - run->next);
    if (want < bytes)
        return ST_CORRUPT;
    if (!buf_reserve(&run->buffer, want - have))
        return ST_NO_MEMORY;
    TRY(spill_read(&sorter->file, run->next, run->buffer.data + have, want - have));
    run->next += want - have;
    run->buffer.len = want;
    return ST_OK;
}

static enum status advance_run(struct sorter *sorter, struct run *run)
{
    size_t chunk = sorter->memory_bytes / (sorter->run_count + 1);

    if (chunk < READ_BYTES_MIN)
        chunk = READ_BYTES_MIN;
    if (run->entry != NULL)
        run->at += entry_bytes(run->entry);
    run->entry = NULL;
    if (run->at == run->buffer.len && run->next == run->end)
        return ST_OK;
    TRY(fill(sorter, run, ENTRY_HEADER, chunk));
    TRY(fill(sorter, run, entry_bytes(run->buffer.data + run->at), chunk));
    run->entry = run->buffer.data + run->at;
    run->prefix = prefix_of(entry_key(run->entry));
    return ST_OK;
}

static bool run_is_before(const struct sorter *sorter, uint32_t a, uint32_t b)
{
    const struct sort_item left = {sorter->runs[a].prefix, sorter->runs[a].entry};
    const struct sort_item right = {sorter->runs[b].prefix, sorter->runs[b].entry};
    int order = compare_items(&left, &right);

    return order < 0 || (order == 0 && a < b); /* an earlier run came first */
}

static void sift_down(struct sorter *sorter, size_t at)
{
    uint32_t *heap = sorter->heap;

    for (;;) {
        size_t child = at * 2 + 1;
        uint32_t other;

        if (child >= sorter->heap_count)
            return;
        if (child + 1 < sorter->heap_count && run_is_before(sorter, heap[child + 1], heap[child]))
            child++;
        if (!run_is_before(sorter, heap[child], heap[at]))
            return;
        other = heap[at];
        heap[at] = heap[child];
        heap[child] = other;
        at = child;
    }
}

static enum status open_runs(struct sorter *sorter)
{
    const uint64_t *starts;

    forget_runs(sorter);
    if (item_count(sorter) != 0)
        TRY(write_run(sorter));
    starts = (const uint64_t *)(void *)sorter->run_starts.data;
    sorter->run_count = sorter->run_starts.len / sizeof(*starts);
    sorter->runs = calloc(sorter->run_count, sizeof(*sorter->runs));
    sorter->heap = calloc(sorter->run_count, sizeof(*sorter->heap));
    if (sorter->runs == NULL || sorter->heap == NULL) {
        free(sorter->runs);
        sorter->runs = NULL;
        sorter->run_count = 0;
        return ST_NO_MEMORY;
    }
    for (size_t k = 0; k < sorter->run_count; k++) {
        sorter->runs[k].next = starts[k];
        sorter->runs[k].end = k + 1 < sorter->run_count ? starts[k + 1] : sorter->file.bytes;
        TRY(advance_run(sorter, &sorter->runs[k]));
        if (sorter->runs[k].entry != NULL)
            sorter->heap[sorter->heap_count++] = (uint32_t)k;
    }
    for (size_t k = sorter->heap_count; k-- > 0;)
        sift_down(sorter, k);
    return ST_OK;
}

/* ---- reading ---- */

static enum status step_memory(struct sorter *sorter)
{
    if (sorter->next >= item_count(sorter))
        return ST_DONE;
    sorter->entry = items_of(&sorter->items)[sorter->next++].entry;
    return ST_OK;
}

/* The present row lends from the least run's buffer, so that run moves on only now. */
static enum status step_runs(struct sorter *sorter)
{
    if (sorter->heap_count == 0)
        return ST_DONE;
    if (sorter->entry != NULL) {
        struct run *run = &sorter->runs[sorter->heap[0]];

        TRY(advance_run(sorter, run));
        if (run->entry == NULL)
            sorter->heap[0] = sorter->heap[--sorter->heap_count];
        sift_down(sorter, 0);
    }
    if (sorter->heap_count == 0)
        return ST_DONE;
    sorter->entry = sorter->runs[sorter->heap[0]].entry;
    return ST_OK;
}

static enum status step(struct sorter *sorter)
{
    if (sorter->given >= sorter->limit)
        return ST_DONE;
    sorter->given++;
    return sorter->runs != NULL ? step_runs(sorter) : step_memory(sorter);
}

static enum status step_unique(struct sorter *sorter)
{
    do {
        TRY(step(sorter));
    } while (sorter->has_last_key &&
             slice_equal(entry_key(sorter->entry), buf_slice(&sorter->last_key)));
    buf_clear(&sorter->last_key);
    buf_append_slice(&sorter->last_key, entry_key(sorter->entry));
    sorter->has_last_key = true;
    return buf_status(&sorter->last_key);
}

enum status sorter_first(struct sorter *sorter)
{
    sorter->entry = NULL;
    sorter->next = 0;
    sorter->given = 0;
    sorter->has_last_key = false;
    if (sorter->run_starts.len != 0)
        TRY(open_runs(sorter));
    else if (!sorter->is_sorted)
        TRY(sort_items(sorter));
    sorter->is_sorted = true;
    return sorter_next(sorter);
}

enum status sorter_next(struct sorter *sorter)
{
    return sorter->spec->is_unique ? step_unique(sorter) : step(sorter);
}

void sorter_row(const struct sorter *sorter, struct value *out)
{
    row_unpack(sorter->entry + ENTRY_HEADER + read_u32(sorter->entry), out,
               sorter->spec->row_count);
}

/* ---- queue ---- */

static void heap_up(struct sort_item *items, size_t at)
{
    while (at > 0 && compare_items(&items[at], &items[(at - 1) / 2]) < 0) {
        const struct sort_item item = items[at];

        items[at] = items[(at - 1) / 2];
        items[(at - 1) / 2] = item;
        at = (at - 1) / 2;
    }
}

static void heap_down(struct sort_item *items, size_t count)
{
    for (size_t at = 0, child; (child = at * 2 + 1) < count; at = child) {
        const struct sort_item item = items[at];

        if (child + 1 < count && compare_items(&items[child + 1], &items[child]) < 0)
            child++;
        if (compare_items(&items[child], &item) >= 0)
            return;
        items[at] = items[child];
        items[child] = item;
    }
}

enum status sorter_pop(struct sorter *sorter, struct value *out)
{
    struct sort_item *items = items_of(&sorter->items);
    const size_t count = item_count(sorter);

    for (; sorter->queued < count; sorter->queued++)
        heap_up(items, sorter->queued);
    if (count == 0)
        return ST_DONE;
    sorter->entry = items[0].entry;
    items[0] = items[count - 1];
    sorter->items.len -= sizeof(*items);
    sorter->queued--;
    heap_down(items, count - 1);
    sorter_row(sorter, out);
    return ST_OK;
}
