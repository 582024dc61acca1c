/*
 * The builder. Payload is appended as it comes; what the directory of each open level needs waits
 * in `entries`, and is written behind the payload when the level closes. Nothing is moved.
 */
#include "storage/value/cell.h"
#include "storage/value/document_internal.h"
#include "storage/value/record.h"
#include <assert.h>
#include <stdlib.h>

struct entry {
    uint32_t name_end, end; /* from the start of the level's payload */
    uint8_t kind;
    uint8_t hash;
};

struct level {
    uint32_t start;       /* of its payload, in bytes */
    uint32_t first_entry; /* in entries */
    uint32_t name_end;    /* of the name that waits for its value */
    uint8_t hash;         /* of that name */
    bool is_array;
    bool may_repeat;         /* two names have one hash */
    uint64_t seen[256 / 64]; /* hashes of the names so far */
};

void document_begin(struct document_builder *builder)
{
    buf_clear(&builder->bytes);
    buf_clear(&builder->entries);
    buf_clear(&builder->levels);
    builder->depth = 0;
    builder->status = ST_OK;
    /* Enough for most documents; and what was reserved has an address, even when nothing is added.
     */
    (void)buf_reserve(&builder->bytes, 512);
    (void)buf_reserve(&builder->entries, 32 * sizeof(struct entry));
    (void)buf_reserve(&builder->levels, 4 * sizeof(struct level));
}

void document_deinit(struct document_builder *builder)
{
    buf_free(&builder->bytes);
    buf_free(&builder->entries);
    buf_free(&builder->levels);
    *builder = (struct document_builder){0};
}

static bool fail(struct document_builder *builder, enum status status)
{
    if (builder->status == ST_OK)
        builder->status = status;
    return false;
}

/* The buffers grow by malloc, so every struct in them is aligned. */
static struct level *top(const struct document_builder *builder)
{
    return (struct level *)(void *)builder->levels.data + builder->depth - 1;
}

static struct entry *entries_of(const struct document_builder *builder, const struct level *level)
{
    return (struct entry *)(void *)builder->entries.data + level->first_entry;
}

static size_t entry_count(const struct document_builder *builder, const struct level *level)
{
    return builder->entries.len / sizeof(struct entry) - level->first_entry;
}

/* Buffers are sticky themselves; whether one failed is asked when a level closes. */
static inline bool is_building(struct document_builder *builder)
{
    if (__builtin_expect(builder->status != ST_OK, false))
        return false;
    return builder->bytes.len <= DOCUMENT_BYTES_MAX || fail(builder, ST_TOO_BIG);
}

static bool has_memory(struct document_builder *builder)
{
    if (builder->bytes.failed || builder->entries.failed || builder->levels.failed)
        return fail(builder, ST_NO_MEMORY);
    return true;
}

/* The value of kind `kind` has just been appended: note where it ends. */
static void add_entry(struct document_builder *builder, uint8_t kind)
{
    const struct level *level = top(builder);
    struct entry *entry;

    if (!buf_reserve(&builder->entries, sizeof(*entry)))
        return;
    /* In place: built on the stack and copied, it would stall on its own narrow stores. */
    entry = (struct entry *)(void *)(builder->entries.data + builder->entries.len);
    entry->name_end = level->name_end;
    entry->end = (uint32_t)(builder->bytes.len - level->start);
    entry->kind = kind;
    entry->hash = level->hash;
    builder->entries.len += sizeof(*entry);
}

static void open_level(struct document_builder *builder, bool is_array)
{
    struct level level = {.is_array = is_array};

    if (!is_building(builder))
        return;
    if (builder->depth == DOCUMENT_DEPTH_MAX) {
        (void)fail(builder, ST_LIMIT);
        return;
    }
    level.start = (uint32_t)builder->bytes.len;
    level.first_entry = (uint32_t)(builder->entries.len / sizeof(struct entry));
    buf_append(&builder->levels, &level, sizeof(level));
    if (has_memory(builder))
        builder->depth++;
}

void document_open_array(struct document_builder *builder)
{
    open_level(builder, true);
}

void document_open_object(struct document_builder *builder)
{
    open_level(builder, false);
}

void document_name(struct document_builder *builder, struct slice name)
{
    struct level *level;

    if (!is_building(builder))
        return;
    assert(builder->depth > 0 && !top(builder)->is_array);
    if (name.len > DOCUMENT_BYTES_MAX) {
        (void)fail(builder, ST_TOO_BIG);
        return;
    }
    level = top(builder);
    buf_append_slice(&builder->bytes, name);
    level->name_end = (uint32_t)(builder->bytes.len - level->start);
    level->hash = document_name_hash(name);

    uint64_t bit = 1ull << (level->hash & 63);
    uint64_t *seen = &level->seen[level->hash >> 6];
    level->may_repeat = level->may_repeat || (*seen & bit) != 0;
    *seen |= bit;
}

/* ---- duplicate names ---- */

static struct slice name_of(const struct document_builder *builder, const struct level *level,
                            const struct entry *entries, size_t index)
{
    uint32_t start = index == 0 ? 0 : entries[index - 1].end;

    return slice_of(builder->bytes.data + level->start + start, entries[index].name_end - start);
}

/* Among few members, two that share a hash are compared at once; mostly their names differ. */
static bool names_may_repeat(const struct document_builder *builder, const struct level *level)
{
    const struct entry *entries = entries_of(builder, level);
    size_t count = entry_count(builder, level);

    if (count > 32)
        return true;
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (entries[i].hash == entries[k].hash &&
                slice_equal(name_of(builder, level, entries, i),
                            name_of(builder, level, entries, k)))
                return true;
    return false;
}

struct name_at {
    struct slice name;
    uint32_t index;
};

static int compare_names(const void *a, const void *b)
{
    const struct name_at *x = a, *y = b;
    int order = slice_compare(x->name, y->name);

    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* source[i] becomes the entry whose value member i shows: its own, a later one of the same name, or
 * none (UINT32_MAX) when an earlier member of this name already stands for it. Returns whether
 * there are any. */
static bool find_repeats(const struct document_builder *builder, const struct level *level,
                         size_t count, struct name_at *names, uint32_t *source)
{
    const struct entry *entries = entries_of(builder, level);
    bool any = false;

    for (size_t i = 0; i < count; i++)
        names[i] = (struct name_at){name_of(builder, level, entries, i), (uint32_t)i};
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count;) {
        size_t next = i + 1;

        while (next < count && slice_equal(names[i].name, names[next].name))
            source[names[next++].index] = UINT32_MAX;
        source[names[i].index] = names[next - 1].index;
        any = any || next - i > 1;
        i = next;
    }
    return any;
}

/* Write the level's members again, each name once, in the place of its first and with its last
 * value. */
static void rewrite_members(struct document_builder *builder, const struct level *level,
                            size_t count, const uint32_t *source)
{
    struct entry *entries = entries_of(builder, level);
    struct buf payload = {0};
    struct buf kept = {0};

    for (size_t i = 0; i < count; i++) {
        if (source[i] == UINT32_MAX)
            continue;
        const struct entry *from = &entries[source[i]];
        struct entry entry = *from;

        buf_append_slice(&payload, name_of(builder, level, entries, i));
        entry.name_end = (uint32_t)payload.len;
        buf_append(&payload, builder->bytes.data + level->start + from->name_end,
                   from->end - from->name_end);
        entry.end = (uint32_t)payload.len;
        buf_append(&kept, &entry, sizeof(entry));
    }
    if (payload.failed || kept.failed) {
        (void)fail(builder, ST_NO_MEMORY);
    } else {
        builder->bytes.len = level->start;
        buf_append_slice(&builder->bytes, buf_slice(&payload));
        builder->entries.len = level->first_entry * sizeof(struct entry);
        buf_append_slice(&builder->entries, buf_slice(&kept));
    }
    buf_free(&payload);
    buf_free(&kept);
}

static void drop_repeated_names(struct document_builder *builder, const struct level *level)
{
    size_t count = entry_count(builder, level);
    struct name_at *names = malloc(count * sizeof(*names));
    uint32_t *source = malloc(count * sizeof(*source));

    if (names == NULL || source == NULL)
        (void)fail(builder, ST_NO_MEMORY);
    else if (find_repeats(builder, level, count, names, source))
        rewrite_members(builder, level, count, source);
    free(names);
    free(source);
}

/* ---- closing ---- */

static void write_directory(struct document_builder *builder, const struct level *level)
{
    size_t count = entry_count(builder, level);
    const struct entry *entries = entries_of(builder, level);
    uint32_t payload_bytes = (uint32_t)(builder->bytes.len - level->start);
    uint32_t largest = payload_bytes > count ? payload_bytes : (uint32_t)count;
    unsigned width = largest <= UINT8_MAX ? 1 : largest <= UINT16_MAX ? 2 : 4;
    size_t bytes = count * (1 + width) * (level->is_array ? 1 : 2) + width + 1;
    char *at;

    if (!buf_reserve(&builder->bytes, bytes))
        return;
    at = builder->bytes.data + builder->bytes.len;
    builder->bytes.len += bytes;
    for (size_t i = 0; i < count; i++)
        *at++ = (char)entries[i].kind;
    if (!level->is_array) {
        for (size_t i = 0; i < count; i++)
            *at++ = (char)entries[i].hash;
        for (size_t i = 0; i < count; i++, at += width)
            cell_store_offset(at, width, entries[i].name_end);
    }
    for (size_t i = 0; i < count; i++, at += width)
        cell_store_offset(at, width, entries[i].end);
    cell_store_offset(at, width, (uint32_t)count);
    at[width] = (char)width;
}

void document_close(struct document_builder *builder)
{
    struct level level;

    if (!is_building(builder) || !has_memory(builder))
        return;
    assert(builder->depth > 0);
    level = *top(builder);
    if (level.may_repeat && names_may_repeat(builder, &level))
        drop_repeated_names(builder, &level);
    if (!is_building(builder) || !has_memory(builder))
        return;
    write_directory(builder, &level);
    builder->entries.len = level.first_entry * sizeof(struct entry);
    if (builder->depth == 1) {
        /* The outermost level stays, so that document_end knows what it was. */
        builder->depth = 0;
        return;
    }
    builder->depth--;
    builder->levels.len -= sizeof(struct level);
    add_entry(builder, level.is_array ? CELL_ARRAY : CELL_OBJECT);
}

/* ---- values ---- */

static void copy_record(struct document_builder *builder, const struct record *record)
{
    document_open_object(builder);
    for (unsigned i = 0; i < record->count; i++) {
        struct value v = record_column(record, i);

        if (v.kind == VALUE_ABSENT)
            continue;
        document_name(builder, record->shape->names[i]);
        document_value(builder, v);
    }
    document_close(builder);
}

/* How many levels a value brings: none for a scalar. Stops counting where it is too many anyway. */
static unsigned levels_of(struct value v, unsigned limit)
{
    unsigned deepest = 0;
    struct document_view view;
    struct slice name;

    if ((v.kind != VALUE_ARRAY && v.kind != VALUE_OBJECT) || limit == 0)
        return 0;
    if (!document_view(value_slice(v), v.kind == VALUE_ARRAY, &view))
        return 1;
    for (size_t i = 0; i < view.count; i++) {
        if (view.kinds[i] != CELL_ARRAY && view.kinds[i] != CELL_OBJECT)
            continue;
        unsigned inner = levels_of(v.kind == VALUE_ARRAY ? document_element(v, i)
                                                         : document_member_at(v, i, &name),
                                   limit - 1);
        deepest = inner > deepest ? inner : deepest;
    }
    return deepest + 1;
}

/* A member without a value: take its name back. */
static void drop_name(struct document_builder *builder)
{
    const struct level *level = top(builder);
    size_t count = entry_count(builder, level);
    uint32_t end = count == 0 ? 0 : entries_of(builder, level)[count - 1].end;

    builder->bytes.len = level->start + end;
}

void document_value(struct document_builder *builder, struct value v)
{
    if (!is_building(builder))
        return;
    if (v.kind == VALUE_OBJECT && (v.flags & VALUE_IS_RECORD) != 0) {
        copy_record(builder, v.as.record); /* may be the outermost value too */
        return;
    }
    assert(builder->depth > 0);
    if (v.kind >= VALUE_TEXT && v.len > DOCUMENT_BYTES_MAX) {
        (void)fail(builder, ST_TOO_BIG);
        return;
    }
    if (v.kind >= VALUE_ARRAY &&
        builder->depth + levels_of(v, DOCUMENT_DEPTH_MAX + 1) > DOCUMENT_DEPTH_MAX) {
        (void)fail(builder, ST_LIMIT);
        return;
    }
    if (v.kind == VALUE_ABSENT && !top(builder)->is_array) {
        drop_name(builder);
        return;
    }
    if (v.kind == VALUE_ABSENT)
        v = value_null(); /* an element cannot be missing */
    add_entry(builder, cell_write(&builder->bytes, v));
}

enum status document_end(struct document_builder *builder, struct value *out)
{
    const struct level *outermost;

    *out = value_absent();
    if (!is_building(builder) || !has_memory(builder))
        return builder->status;
    assert(builder->depth == 0 && builder->levels.len == sizeof(struct level));
    outermost = (const struct level *)(const void *)builder->levels.data;
    *out = (struct value){.kind = outermost->is_array ? VALUE_ARRAY : VALUE_OBJECT,
                          .len = (uint32_t)builder->bytes.len,
                          .as.data = builder->bytes.data};
    return ST_OK;
}
