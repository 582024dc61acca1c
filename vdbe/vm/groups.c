/* Groups of GROUP BY: a hash table from coded key to the states of the aggregates.
 *
 * States stay in memory. When the budget is used up, rows of groups that are not there yet are put
 * aside into a file, in PARTITIONS parts by their hash; when all groups in memory were given out,
 * one part after the other is taken up as new input. A group is whole in one part, so every part
 * gives finished groups. */
#include "vdbe/vm/hashtable.h"
#include "vdbe/vm/vm_internal.h"

enum { PARTITIONS = 16, DEPTH_MAX = 12 };

struct group {
    uint64_t hash, number;
    const char *key; /* coded */
    uint32_t key_bytes, row_bytes;
    const char *row;  /* packed key values */
    const char *bare; /* packed, NULL: not given yet */
    char *states;
};

/* Rows put aside: a chain of packed rows in one file, per partition. */
struct part {
    struct spill_file file;
    uint64_t read;
    unsigned depth; /* hash bits used so far */
};

struct groups {
    const struct object_spec *spec;
    size_t memory_bytes;
    const char *directory;
    struct arena arena;
    struct hash_index index;
    struct buf items; /* struct group */
    struct buf key, packed, scratch, sorted;
    struct group *present;
    uint64_t next_number;
    size_t at; /* of the group given out, in `sorted` */
    bool wants_bare, is_spilling;
    unsigned depth;
    struct part parts[PARTITIONS];
    struct buf pending; /* struct part: waiting to be taken up */
    struct part loading;
    bool is_loading;
};

enum status groups_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct groups **out)
{
    struct groups *groups = calloc(1, sizeof(*groups));

    if (groups == NULL)
        return ST_NO_MEMORY;
    groups->spec = spec;
    groups->memory_bytes = memory_bytes;
    groups->directory = directory;
    for (unsigned k = 0; k < PARTITIONS; k++)
        spill_init(&groups->parts[k].file, directory);
    spill_init(&groups->loading.file, directory);
    *out = groups;
    return ST_OK;
}

static struct group *group_at(const struct groups *groups, size_t number)
{
    return (struct group *)(void *)groups->items.data + number;
}

static size_t group_count(const struct groups *groups)
{
    return groups->items.len / sizeof(struct group);
}

/* Functions that allocated give it back. */
static void end_states(struct groups *groups)
{
    const struct object_spec *spec = groups->spec;

    for (size_t k = 0; k < group_count(groups); k++)
        for (unsigned call = 0; call < spec->call_count; call++)
            if (spec->calls[call].func->deinit != NULL)
                spec->calls[call].func->deinit(group_at(groups, k)->states +
                                               spec->calls[call].offset);
}

static void forget_groups(struct groups *groups)
{
    if (groups->items.len != 0) {
        end_states(groups);
        hash_index_clear(&groups->index);
        buf_clear(&groups->items);
    }
    arena_reset(&groups->arena);
    groups->present = NULL;
    groups->is_spilling = false;
}

static void forget_parts(struct groups *groups)
{
    struct part *pending = (struct part *)(void *)groups->pending.data;

    for (size_t k = 0; k < groups->pending.len / sizeof(*pending); k++)
        spill_deinit(&pending[k].file);
    buf_clear(&groups->pending);
    for (unsigned k = 0; k < PARTITIONS; k++)
        if (groups->parts[k].file.bytes != 0)
            spill_truncate(&groups->parts[k].file);
    if (groups->is_loading)
        spill_truncate(&groups->loading.file);
    groups->is_loading = false;
}

void groups_clear(struct groups *groups)
{
    forget_groups(groups);
    forget_parts(groups);
    groups->next_number = 0;
    groups->depth = 0;
}

void groups_free(struct groups *groups)
{
    if (groups == NULL)
        return;
    groups_clear(groups);
    for (unsigned k = 0; k < PARTITIONS; k++)
        spill_deinit(&groups->parts[k].file);
    spill_deinit(&groups->loading.file);
    hash_index_free(&groups->index);
    arena_deinit(&groups->arena);
    buf_free(&groups->items);
    buf_free(&groups->key);
    buf_free(&groups->packed);
    buf_free(&groups->scratch);
    buf_free(&groups->sorted);
    buf_free(&groups->pending);
    free(groups);
}

static uint64_t hash_of_group(const void *context, uint32_t number)
{
    return group_at(context, number)->hash;
}

static struct group *find(const struct groups *groups, uint64_t hash)
{
    if (groups->index.slots == NULL)
        return NULL;
    for (uint64_t at = hash & groups->index.mask; groups->index.slots[at].item != 0;
         at = (at + 1) & groups->index.mask) {
        struct group *group;

        if (groups->index.slots[at].hash != (uint32_t)(hash >> 32))
            continue;
        group = group_at(groups, groups->index.slots[at].item - 1);
        if (group->key_bytes == groups->key.len &&
            (group->key_bytes == 0 || memcmp(group->key, groups->key.data, group->key_bytes) == 0))
            return group;
    }
    return NULL;
}

static const char *copy_bytes(struct groups *groups, const struct buf *buf)
{
    char *copy = arena_alloc(&groups->arena, buf->len);

    if (copy != NULL && buf->len != 0)
        memcpy(copy, buf->data, buf->len);
    return copy;
}

static enum status add_group(struct groups *groups, const struct value *row, uint64_t hash)
{
    struct group group = {.hash = hash, .key_bytes = (uint32_t)groups->key.len};
    uint64_t at;

    if (groups->key.len > UINT32_MAX)
        return ST_TOO_BIG;
    TRY(hash_index_grow(&groups->index, hash_of_group, groups));
    buf_clear(&groups->packed);
    TRY(row_pack(&groups->packed, row, groups->spec->key_count));
    group.key = copy_bytes(groups, &groups->key);
    group.row = copy_bytes(groups, &groups->packed);
    group.states = arena_zalloc(&groups->arena, groups->spec->state_bytes);
    group.number = groups->next_number++;
    if (groups->arena.failed)
        return ST_NO_MEMORY;
    buf_append(&groups->items, &group, sizeof(group));
    TRY(buf_status(&groups->items));
    at = hash & groups->index.mask;
    while (groups->index.slots[at].item != 0)
        at = (at + 1) & groups->index.mask;
    groups->index.slots[at] =
        (struct hash_slot){(uint32_t)(hash >> 32), (uint32_t)group_count(groups)};
    groups->index.count++;
    groups->present = group_at(groups, group_count(groups) - 1);
    groups->wants_bare = true;
    return ST_OK;
}

static enum status put_aside(struct groups *groups, const struct value *row, uint64_t hash)
{
    /* The table uses the low bits, its tags the upper half: take other bits at each depth. */
    const unsigned shift = 8 + groups->depth * 4;
    struct part *part = &groups->parts[hash >> (shift % 60) & (PARTITIONS - 1)];
    uint32_t bytes;

    buf_clear(&groups->packed);
    TRY(row_pack(&groups->packed, row, groups->spec->input_count));
    if (groups->packed.len > UINT32_MAX)
        return ST_TOO_BIG;
    bytes = (uint32_t)groups->packed.len;
    TRY(spill_append(&part->file, &bytes, sizeof(bytes), NULL));
    TRY(spill_append(&part->file, groups->packed.data, bytes, NULL));
    groups->is_spilling = true;
    return ST_EXISTS;
}

static bool is_full(const struct groups *groups)
{
    return groups->arena.used_bytes + groups->items.len * 2 > groups->memory_bytes &&
           groups->depth < DEPTH_MAX && group_count(groups) > 0;
}

enum status groups_enter(struct groups *groups, const struct value *row)
{
    uint64_t hash;
    bool has_null;

    TRY(key_of_row(&groups->key, row, groups->spec->key_count, groups->spec->parts, &has_null));
    hash = bytes_hash(groups->key.data, groups->key.len);
    groups->present = find(groups, hash);
    groups->wants_bare = false;
    if (groups->present != NULL)
        return ST_OK;
    if (groups->is_spilling || is_full(groups))
        return put_aside(groups, row, hash);
    return add_group(groups, row, hash);
}

enum status groups_only(struct groups *groups)
{
    buf_clear(&groups->key);
    groups->present = find(groups, 0);
    if (groups->present == NULL)
        TRY(add_group(groups, NULL, 0));
    groups->wants_bare = true; /* until bare values were taken */
    return ST_OK;
}

void *groups_state(struct groups *groups, uint32_t offset)
{
    return groups->present->states + offset;
}

uint64_t groups_number(const struct groups *groups)
{
    return groups->present->number;
}

bool groups_wants_bare(const struct groups *groups)
{
    return groups->wants_bare;
}

void groups_want_bare(struct groups *groups)
{
    groups->wants_bare = true;
}

enum status groups_set_bare(struct groups *groups, const struct value *values)
{
    groups->wants_bare = false;
    buf_clear(&groups->packed);
    TRY(row_pack(&groups->packed, values, groups->spec->row_count));
    groups->present->bare = copy_bytes(groups, &groups->packed);
    return groups->present->bare == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status groups_keep(struct groups *groups, struct value *v)
{
    return value_keep(v, &groups->arena);
}

struct arena *groups_arena(struct groups *groups)
{
    return &groups->arena;
}

/* ---- giving out ---- */

static int compare_groups(const void *left, const void *right)
{
    const struct group *const *a = left, *const *b = right;

    return slice_compare(slice_of((*a)->key, (*a)->key_bytes),
                         slice_of((*b)->key, (*b)->key_bytes));
}

/* Groups come out in the order of their keys, so that results do not depend on the hash. */
enum status groups_first(struct groups *groups)
{
    const size_t count = group_count(groups);
    struct group **sorted;

    groups->at = 0;
    if (count == 0)
        return ST_DONE;
    buf_clear(&groups->sorted);
    if (!buf_reserve(&groups->sorted, count * sizeof(*sorted)))
        return ST_NO_MEMORY;
    sorted = (struct group **)(void *)groups->sorted.data;
    for (size_t k = 0; k < count; k++)
        sorted[k] = group_at(groups, k);
    qsort(sorted, count, sizeof(*sorted), compare_groups);
    groups->present = sorted[0];
    return ST_OK;
}

enum status groups_next(struct groups *groups)
{
    if (++groups->at >= group_count(groups))
        return ST_DONE;
    groups->present = ((struct group **)(void *)groups->sorted.data)[groups->at];
    return ST_OK;
}

void groups_keys(struct groups *groups, struct value *out)
{
    const unsigned key_count = groups->spec->key_count;

    row_unpack(groups->present->row, out, key_count);
    if (groups->present->bare != NULL)
        row_unpack(groups->present->bare, out + key_count, groups->spec->row_count);
    else
        for (unsigned k = 0; k < groups->spec->row_count; k++)
            out[key_count + k] = value_null();
}

/* ---- rows put aside ---- */

static enum status queue_parts(struct groups *groups)
{
    for (unsigned k = 0; k < PARTITIONS; k++) {
        struct part part = groups->parts[k];

        if (part.file.bytes == 0)
            continue;
        part.depth = groups->depth + 1;
        buf_append(&groups->pending, &part, sizeof(part));
        TRY(buf_status(&groups->pending));
        spill_init(&groups->parts[k].file, groups->directory);
    }
    return ST_OK;
}

enum status groups_reload(struct groups *groups)
{
    struct part *pending;

    forget_groups(groups);
    TRY(queue_parts(groups));
    if (groups->is_loading)
        spill_deinit(&groups->loading.file);
    groups->is_loading = false;
    if (groups->pending.len == 0)
        return ST_DONE;
    groups->pending.len -= sizeof(*pending);
    pending = (struct part *)(void *)(groups->pending.data + groups->pending.len);
    groups->loading = *pending;
    groups->loading.read = 0;
    groups->depth = groups->loading.depth;
    groups->is_loading = true;
    return ST_OK;
}

enum status groups_unspill(struct groups *groups, struct value *out)
{
    struct part *part = &groups->loading;
    uint32_t bytes;

    if (part->read >= part->file.bytes)
        return ST_DONE;
    TRY(spill_read(&part->file, part->read, &bytes, sizeof(bytes)));
    buf_clear(&groups->scratch);
    if (!buf_reserve(&groups->scratch, bytes + 1u))
        return ST_NO_MEMORY;
    TRY(spill_read(&part->file, part->read + sizeof(bytes), groups->scratch.data, bytes));
    part->read += sizeof(bytes) + bytes;
    row_unpack(groups->scratch.data, out, groups->spec->input_count);
    return ST_OK;
}
