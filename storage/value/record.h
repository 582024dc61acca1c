/*
 * record: a row as stored: header (versions, as the replication design draws it), shape, columns,
 * checksum.
 *
 * A record names its shape, the ordered list of attributes that were written; column k is found in
 * O(1) without touching its neighbours, without allocation or copy. The primary key is not repeated
 * in the record: its column says IN_KEY and the value is decoded from the key.
 * docs/storage-format.md has the bytes.
 *
 * Lifetimes: a struct record and the values read from it are lent by whoever lent key and bytes.
 */
#ifndef HARPER_VALUE_RECORD_H
#define HARPER_VALUE_RECORD_H

#include "storage/value/cell.h"
#include "storage/value/document.h"
#include "storage/value/keycode.h"

enum {
    ATTRIBUTE_NONE = 0xffff,
    RECORD_COLUMNS_MAX = 32767,
};

/* An ordered list of attributes. Attribute ids are per table, given by the catalog, never reused.
 */
struct shape {
    uint32_t id;                /* as written in records; 0 is never used */
    uint16_t count;             /* columns */
    uint16_t attribute_count;   /* size of position_of */
    const uint16_t *attributes; /* column -> attribute id */
    const struct slice
        *names;                  /* column -> name (for JSON); renaming makes a new array. data is
                                  * NULL for an attribute that was dropped: its column is passed over */
    const uint16_t *position_of; /* attribute id -> column, ATTRIBUTE_NONE when not in the shape */
};

enum record_flag {
    RECORD_DEAD = 1, /* a tombstone: header, shape 0, checksum; record_write makes it */
    RECORD_FULL_STAMP = 2,
    RECORD_PROPERTY_STAMPS = 4,
    RECORD_UNSETTLED = 8,
    RECORD_EXPIRY = 16,
    RECORD_RESIDENCY = 32,
    RECORD_BLOBS = 64,
};

/* What replication keeps per record (design/replication.md section 3). A settled record has no
 * lists. */
struct record_header {
    uint8_t flags;  /* enum record_flag */
    uint64_t stamp; /* version: 2^-12 ms ticks */
    uint16_t origin;
    uint64_t full_stamp; /* RECORD_FULL_STAMP; otherwise equal to stamp */
    uint16_t full_origin;
    int64_t expiry_ms;            /* RECORD_EXPIRY */
    struct slice property_stamps; /* encoded lists, read and written by storage/crdt */
    struct slice unsettled;
};

/* An opened record: offsets into `bytes`, nothing decoded. */
struct record {
    const struct shape *shape;
    struct slice key;       /* whole primary key as keycode */
    struct slice bytes;     /* whole stored value */
    const uint8_t *kinds;   /* count bytes */
    const uint8_t *offsets; /* count end offsets, `width` bytes each */
    const char *payload;
    uint32_t payload_bytes;
    uint16_t count;
    uint8_t width;
    /* Decoded primary key, by order of key parts; both set by the table layer. A column that names
     * a part beyond the count reads as absent. */
    const struct value *key_values;
    unsigned key_value_count;
};

struct arena;

/* Read the header only: cheap, for merging and for visibility. *body is what follows it. */
enum status record_header_read(struct slice bytes, struct record_header *out, struct slice *body);
void record_header_write(struct buf *out, const struct record_header *header);

/* The shape id of a body, so that the caller can find the shape. 0: dead or malformed. */
uint32_t record_shape_id(struct slice body);

/* Open `bytes` for reading. Structure is checked (offsets within bounds), the checksum is not. A
 * compressed record is decompressed into `arena` first. */
enum status record_open(struct slice key, struct slice bytes, const struct shape *shape,
                        struct arena *arena, struct record *out);
/* The same in line for what nearly every record is: a settled header, numbers below 128 for shape,
 * origin and columns, a payload that is neither long nor compressed. False: ask record_open. */
static inline bool record_open_plain(struct slice key, struct slice bytes,
                                     const struct shape *shape, struct record *out)
{
    enum { SHAPE_AT = 10, COUNT_AT = 11, FORM_AT = 12, KINDS_AT = 13, CHECKSUM_BYTES_PLAIN = 4 };
    const uint8_t *at = (const uint8_t *)bytes.data;
    size_t directory, count = shape->count;
    unsigned width;

    if (bytes.len < KINDS_AT + CHECKSUM_BYTES_PLAIN || at[0] != 0 ||
        ((at[9] | at[SHAPE_AT] | at[COUNT_AT]) & 0x80) != 0 || at[SHAPE_AT] != shape->id ||
        at[COUNT_AT] != count || count == 0)
        return false;
    width = at[FORM_AT];
    directory = count * (1 + width);
    if (width - 1 > 1 || bytes.len < KINDS_AT + directory + CHECKSUM_BYTES_PLAIN)
        return false;
    out->shape = shape;
    out->key = key;
    out->bytes = bytes;
    out->kinds = at + KINDS_AT;
    out->offsets = out->kinds + count;
    out->payload = bytes.data + KINDS_AT + directory;
    out->payload_bytes =
        (uint32_t)(bytes.len - KINDS_AT - directory - (size_t)CHECKSUM_BYTES_PLAIN);
    out->count = (uint16_t)count;
    out->width = (uint8_t)width;
    out->key_values = NULL;
    out->key_value_count = 0;
    return cell_load_offset(out->offsets, width, count - 1) == out->payload_bytes;
}
/* One column of a record that record_open_plain would open, without opening it: false as there, and
 * for cells that are not in line. */
static inline bool record_read_plain(struct slice bytes, const struct shape *shape, unsigned column,
                                     struct value *out)
{
    enum { SHAPE_AT = 10, COUNT_AT = 11, FORM_AT = 12, KINDS_AT = 13, CHECKSUM_BYTES_PLAIN = 4 };
    static const uint8_t shifts[] = {56, 48, 32, 16, 0, 16, 0};
    const uint8_t *at = (const uint8_t *)bytes.data;
    size_t count = shape->count, payload;
    unsigned width, kind;
    uint32_t end;

    if (bytes.len < KINDS_AT + CHECKSUM_BYTES_PLAIN || at[0] != 0 ||
        ((at[9] | at[SHAPE_AT] | at[COUNT_AT]) & 0x80) != 0 || at[SHAPE_AT] != shape->id ||
        at[COUNT_AT] != count || column >= count)
        return false;
    width = at[FORM_AT];
    payload = KINDS_AT + count * (1 + width);
    if (width - 1 > 1 || bytes.len < payload + CHECKSUM_BYTES_PLAIN)
        return false;
    kind = at[KINDS_AT + column];
    end = cell_load_offset(at + KINDS_AT + count, width, column);
    if (end > bytes.len - payload - CHECKSUM_BYTES_PLAIN)
        return false;
    if (kind - CELL_INT1 <= CELL_DATE8 - CELL_INT1) {
        int64_t eight = (int64_t)cell_load8(bytes.data + payload + end - 8);

        *out = (struct value){.kind = kind < CELL_DATE6 ? VALUE_INT : VALUE_DATE,
                              .as.i = eight >> shifts[kind - CELL_INT1]};
        return true;
    }
    if (kind != CELL_REAL8)
        return false;
    *out = (struct value){.kind = VALUE_REAL};
    memcpy(&out->as.d, bytes.data + payload + end - 8, 8);
    return true;
}

/* The checksum (XXH3, 32 bits) covers key and everything before it, so a record under a wrong key
 * fails. */
enum status record_verify(struct slice key, struct slice bytes);
/* The checksum alone: what a read affords. Bytes that pass are as record_write wrote them. */
enum status record_verify_checksum(struct slice key, struct slice bytes);

/* All kinds of cells; what record_column does not do in line. */
struct value record_column_slow(const struct record *record, unsigned column);

/* Column k; absent when the shape has it but the record does not. IN_KEY columns come from
 * record->key_values. */
static inline __attribute__((always_inline)) struct value record_column(const struct record *record,
                                                                        unsigned column)
{
    /* How far to shift the eight bytes that end with the cell. There are eight, whatever the cell's
     * own length: header and directory lie before the payload, or slack where it was decompressed.
     */
    static const uint8_t shifts[] = {56, 48, 32, 16, 0, 16, 0};
    uint32_t end, start;
    unsigned kind;

    if (__builtin_expect(column >= record->count, false))
        return value_absent();
    kind = record->kinds[column];
    end = cell_load_offset(record->offsets, record->width, column);
    if (__builtin_expect(end > record->payload_bytes, false))
        return value_absent();
    if (kind - CELL_INT1 <= CELL_DATE8 - CELL_INT1) {
        int64_t eight = (int64_t)cell_load8(record->payload + end - 8);

        return (struct value){.kind = kind < CELL_DATE6 ? VALUE_INT : VALUE_DATE,
                              .as.i = eight >> shifts[kind - CELL_INT1]};
    }
    if (kind == CELL_REAL8) {
        double d;

        memcpy(&d, record->payload + end - 8, 8);
        return value_real(d);
    }
    if (kind != CELL_TEXT)
        return record_column_slow(record, column);
    start = column == 0 ? 0 : cell_load_offset(record->offsets, record->width, column - 1);
    if (__builtin_expect(start > end, false))
        return value_absent();
    return (struct value){
        .kind = VALUE_TEXT, .len = end - start, .as.data = record->payload + start};
}

static inline struct value record_attribute(const struct record *record, unsigned attribute)
{
    unsigned column = attribute < record->shape->attribute_count
                          ? record->shape->position_of[attribute]
                          : ATTRIBUTE_NONE;

    return column == ATTRIBUTE_NONE ? value_absent() : record_column(record, column);
}

/* Write a record. values[k] belongs to shape column k; `in_key` has bit k of a column whose value
 * is in the key at the given part (key_part_of[k], 0xff: not in key). Payloads over `compress_over`
 * bytes are compressed with zstd at `compress_level` when that makes them smaller (0: never). */
struct record_write {
    const struct record_header *header;
    const struct shape *shape;
    const struct value *values;
    const uint8_t *key_part_of; /* per shape column: key part or 0xff; NULL: none in key */
    struct slice key;
    uint32_t compress_over;
    int compress_level;
};
enum status record_write(struct buf *out, const struct record_write *write);

/* The record as JSON object / as document value (VALUE_IS_RECORD values go through these too). */
void record_write_json(struct buf *out, const struct record *record);
static inline struct value value_record(const struct record *record)
{
    return (struct value){.kind = VALUE_OBJECT, .flags = VALUE_IS_RECORD, .as.record = record};
}

#endif
