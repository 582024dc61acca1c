/* Rows in the order in which they came, to be read again: materialised queries, RETURNING. */
#include "vdbe/vm/vm_internal.h"
#include <stdlib.h>

struct row_place {
    store_ref_t ref;
    uint32_t bytes, count;
};

struct rowset {
    struct store store;
    struct buf places; /* struct row_place per row: 16 bytes, also of rows in the file */
    struct buf packed;
};

struct reader {
    struct rowset *rows;
    uint64_t next;
    struct buf scratch;
};

enum status rowset_new(size_t memory_bytes, const char *directory, struct rowset **out)
{
    struct rowset *rows = calloc(1, sizeof(*rows));

    if (rows == NULL)
        return ST_NO_MEMORY;
    store_init(&rows->store, memory_bytes, directory);
    *out = rows;
    return ST_OK;
}

void rowset_free(struct rowset *rows)
{
    if (rows == NULL)
        return;
    store_deinit(&rows->store);
    buf_free(&rows->places);
    buf_free(&rows->packed);
    free(rows);
}

void rowset_clear(struct rowset *rows)
{
    if (rows == NULL || rows->places.len == 0)
        return;
    store_clear(&rows->store);
    buf_clear(&rows->places);
}

enum status rowset_add(struct rowset *rows, const struct value *values, unsigned count)
{
    struct row_place place = {.count = count};

    buf_clear(&rows->packed);
    TRY(row_pack(&rows->packed, values, count));
    if (rows->packed.len > UINT32_MAX)
        return ST_TOO_BIG;
    place.bytes = (uint32_t)rows->packed.len;
    TRY(store_add(&rows->store, buf_slice(&rows->packed), &place.ref));
    buf_append(&rows->places, &place, sizeof(place));
    return buf_status(&rows->places);
}

uint64_t rowset_count(const struct rowset *rows)
{
    return rows->places.len / sizeof(struct row_place);
}

enum status reader_new(struct rowset *rows, struct reader **out)
{
    struct reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL)
        return ST_NO_MEMORY;
    reader->rows = rows;
    *out = reader;
    return ST_OK;
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    buf_free(&reader->scratch);
    free(reader);
}

void reader_first(struct reader *reader)
{
    reader->next = 0;
}

enum status reader_next(struct reader *reader, struct value *out, unsigned count)
{
    const struct row_place *place;
    const char *row;

    if (reader->next >= rowset_count(reader->rows))
        return ST_DONE;
    place = (const struct row_place *)(void *)reader->rows->places.data + reader->next++;
    TRY(store_get(&reader->rows->store, place->ref, place->bytes, &reader->scratch, &row));
    row_unpack(row, out, place->count < count ? place->count : count);
    for (unsigned k = place->count; k < count; k++)
        out[k] = value_null();
    return ST_OK;
}
