#include "storage/value/record.h"
#include "storage/value/compress.h"
#include "storage/value/document_internal.h"
#include "storage/value/hash.h"
#include <assert.h>

enum {
    CHECKSUM_BYTES = 4,
    CELL_SLACK_BYTES = 8,
    RECORD_BYTES_MAX = 1 << 30,
    /* The form byte: width of the offsets (1, 2, 4) and whether the payload is compressed. */
    FORM_WIDTH = 7,
    FORM_COMPRESSED = 8,
};

/* ---- header ---- */

void record_header_write(struct buf *out, const struct record_header *header)
{
    buf_append_byte(out, header->flags);
    buf_append_u64_le(out, header->stamp);
    buf_append_varint(out, header->origin);
    if ((header->flags & RECORD_FULL_STAMP) != 0) {
        buf_append_u64_le(out, header->full_stamp);
        buf_append_varint(out, header->full_origin);
    }
    if ((header->flags & RECORD_EXPIRY) != 0)
        buf_append_u64_le(out, (uint64_t)header->expiry_ms);
    if ((header->flags & RECORD_PROPERTY_STAMPS) != 0) {
        buf_append_varint(out, header->property_stamps.len);
        buf_append_slice(out, header->property_stamps);
    }
    if ((header->flags & RECORD_UNSETTLED) != 0) {
        buf_append_varint(out, header->unsettled.len);
        buf_append_slice(out, header->unsettled);
    }
}

static bool read_origin(struct slice *in, uint16_t *out)
{
    uint64_t origin;

    if (!read_varint(in, &origin) || origin > UINT16_MAX)
        return false;
    *out = (uint16_t)origin;
    return true;
}

static bool read_list(struct slice *in, struct slice *out)
{
    uint64_t len;

    return read_varint(in, &len) && len <= in->len && read_bytes(in, (size_t)len, out);
}

enum status record_header_read(struct slice bytes, struct record_header *out, struct slice *body)
{
    uint64_t expiry = 0;

    *out = (struct record_header){0};
    if (!read_u8(&bytes, &out->flags) || !read_u64_le(&bytes, &out->stamp) ||
        !read_origin(&bytes, &out->origin))
        return ST_CORRUPT;
    out->full_stamp = out->stamp;
    out->full_origin = out->origin;
    if ((out->flags & RECORD_FULL_STAMP) != 0 &&
        (!read_u64_le(&bytes, &out->full_stamp) || !read_origin(&bytes, &out->full_origin)))
        return ST_CORRUPT;
    if ((out->flags & RECORD_EXPIRY) != 0 && !read_u64_le(&bytes, &expiry))
        return ST_CORRUPT;
    out->expiry_ms = (int64_t)expiry;
    if ((out->flags & RECORD_PROPERTY_STAMPS) != 0 && !read_list(&bytes, &out->property_stamps))
        return ST_CORRUPT;
    if ((out->flags & RECORD_UNSETTLED) != 0 && !read_list(&bytes, &out->unsettled))
        return ST_CORRUPT;
    *body = bytes;
    return ST_OK;
}

uint32_t record_shape_id(struct slice body)
{
    uint64_t id;

    return read_varint(&body, &id) && id <= UINT32_MAX ? (uint32_t)id : 0;
}

/* ---- reading ---- */

/* Past the header without keeping it. The common header is fixed: 9 bytes and an origin below 128.
 */
static bool skip_header(struct slice *bytes, bool *is_dead)
{
    struct record_header header;
    const uint8_t *at = (const uint8_t *)bytes->data;

    if (bytes->len >= 10 && at[0] == 0 && at[9] < 0x80) {
        bytes->data += 10;
        bytes->len -= 10;
        *is_dead = false;
        return true;
    }
    if (record_header_read(*bytes, &header, bytes) != ST_OK)
        return false;
    *is_dead = (header.flags & RECORD_DEAD) != 0;
    return true;
}

static enum status decompress_payload(struct record *record, struct slice frame, uint64_t raw_bytes,
                                      struct arena *arena)
{
    char *raw;

    /* The frame's own header must agree first: a damaged length shall not ask for a gigabyte. */
    if (raw_bytes > RECORD_BYTES_MAX || decompressed_bytes(frame) != raw_bytes)
        return ST_CORRUPT;
    raw = arena_alloc(arena, (size_t)raw_bytes + CELL_SLACK_BYTES);
    if (raw == NULL)
        return ST_NO_MEMORY;
    memset(raw, 0, CELL_SLACK_BYTES); /* record_column reads back from the end of a cell */
    raw += CELL_SLACK_BYTES;
    record->payload = raw;
    record->payload_bytes = (uint32_t)raw_bytes;
    return decompress_into(raw, (size_t)raw_bytes, frame);
}

enum status record_open(struct slice key, struct slice bytes, const struct shape *shape,
                        struct arena *arena, struct record *out)
{
    struct slice body = bytes;
    uint64_t id, count, raw_bytes = 0;
    uint8_t form;
    bool is_dead;

    *out = (struct record){.shape = shape, .key = key, .bytes = bytes};
    if (bytes.len > RECORD_BYTES_MAX || !skip_header(&body, &is_dead))
        return ST_CORRUPT;
    if (is_dead)
        return ST_NOT_FOUND;
    if (body.len < CHECKSUM_BYTES)
        return ST_CORRUPT;
    body.len -= CHECKSUM_BYTES;
    if (!read_varint(&body, &id) || !read_varint(&body, &count) || !read_u8(&body, &form) ||
        count > RECORD_COLUMNS_MAX)
        return ST_CORRUPT;
    if (shape != NULL && (id != shape->id || count != shape->count))
        return ST_CORRUPT;
    if ((form & FORM_COMPRESSED) != 0 && !read_varint(&body, &raw_bytes))
        return ST_CORRUPT;

    unsigned width = form & FORM_WIDTH;
    size_t directory = (size_t)count * (1 + width);
    if ((width != 1 && width != 2 && width != 4) || form > (FORM_WIDTH | FORM_COMPRESSED) ||
        directory > body.len)
        return ST_CORRUPT;
    out->count = (uint16_t)count;
    out->width = (uint8_t)width;
    out->kinds = (const uint8_t *)body.data;
    out->offsets = out->kinds + count;
    out->payload = body.data + directory;
    out->payload_bytes = (uint32_t)(body.len - directory);
    if ((form & FORM_COMPRESSED) != 0)
        TRY(decompress_payload(out, slice_of(out->payload, out->payload_bytes), raw_bytes, arena));
    if (count != 0 && cell_load_offset(out->offsets, width, count - 1) != out->payload_bytes)
        return ST_CORRUPT;
    return ST_OK;
}

/* Whether every column lies within the payload and is well formed. Columns in the key hold a part
 * number. */
static bool columns_are_sound(const struct record *record)
{
    uint32_t start = 0;

    for (unsigned i = 0; i < record->count; i++) {
        uint32_t end = cell_load_offset(record->offsets, record->width, i);

        if (end < start || end > record->payload_bytes ||
            !cell_check(record->kinds[i], slice_of(record->payload + start, end - start), 0))
            return false;
        start = end;
    }
    return start == record->payload_bytes;
}

static uint32_t checksum_of(struct slice key, struct slice bytes)
{
    return (uint32_t)hash_bytes(bytes, hash_bytes(key, 0));
}

enum status record_verify(struct slice key, struct slice bytes)
{
    struct arena arena = {0};
    struct record_header header;
    struct record record;
    struct slice body;
    enum status st;

    TRY(record_header_read(bytes, &header, &body));
    if (body.len < CHECKSUM_BYTES)
        return ST_CORRUPT;
    bytes.len -= CHECKSUM_BYTES;
    if (cell_load4(bytes.data + bytes.len) != checksum_of(key, bytes))
        return ST_CORRUPT;
    bytes.len += CHECKSUM_BYTES;
    st = record_open(key, bytes, NULL, &arena, &record);
    if (st == ST_OK && !columns_are_sound(&record))
        st = ST_CORRUPT;
    if (st == ST_NOT_FOUND)
        st = ST_OK;
    arena_deinit(&arena);
    return st;
}

enum status record_verify_checksum(struct slice key, struct slice bytes)
{
    if (bytes.len < 10 + CHECKSUM_BYTES)
        return ST_CORRUPT;
    bytes.len -= CHECKSUM_BYTES;
    return cell_load4(bytes.data + bytes.len) == checksum_of(key, bytes) ? ST_OK : ST_CORRUPT;
}

static struct value column_in_key(const struct record *record, unsigned column)
{
    uint32_t end = cell_load_offset(record->offsets, record->width, column);

    if (end == 0 || end > record->payload_bytes)
        return value_absent();
    uint8_t part = (uint8_t)record->payload[end - 1];
    return part < record->key_value_count ? record->key_values[part] : value_absent();
}

struct value record_column_slow(const struct record *record, unsigned column)
{
    uint32_t start, end;

    if (column >= record->count)
        return value_absent();
    if (record->kinds[column] == CELL_IN_KEY)
        return column_in_key(record, column);
    start = column == 0 ? 0 : cell_load_offset(record->offsets, record->width, column - 1);
    end = cell_load_offset(record->offsets, record->width, column);
    return cell_read(record->kinds[column], record->payload, start, end, record->payload_bytes);
}

void record_write_json(struct buf *out, const struct record *record)
{
    json_write(out, value_record(record));
}

/* ---- writing ---- */

static bool is_in_key(const struct record_write *write, unsigned column)
{
    return write->key_part_of != NULL && write->key_part_of[column] != 0xff;
}

static bool is_record_value(struct value v)
{
    return v.kind == VALUE_OBJECT && (v.flags & VALUE_IS_RECORD) != 0;
}

/* The length of the payload, so that the width of the offsets is known before the first is written.
 * Of a value that is a record itself it is not known: more than any narrow width holds. */
static uint64_t payload_bytes_of(const struct record_write *write)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < write->shape->count; i++) {
        if (is_in_key(write, i))
            bytes++;
        else if (is_record_value(write->values[i]))
            bytes += UINT16_MAX + 1;
        else
            bytes += cell_bytes(write->values[i]);
    }
    return bytes;
}

static enum status write_record_value(struct buf *out, const struct record *record, uint8_t *kind)
{
    struct document_builder builder = {0};
    struct value object;
    enum status st;

    document_begin(&builder);
    document_open_array(&builder);
    document_value(&builder, value_record(record));
    document_close(&builder);
    st = document_end(&builder, &object);
    if (st == ST_OK)
        *kind = cell_write(out, document_element(object, 0));
    document_deinit(&builder);
    return st;
}

/* Append the cells; `directory` is where the kinds begin in out, `width` what offsets take. */
static enum status write_cells(struct buf *out, const struct record_write *write, size_t directory,
                               unsigned width)
{
    unsigned count = write->shape->count;
    size_t payload = directory + (size_t)count * (1 + width);

    for (unsigned i = 0; i < count; i++) {
        struct value v = write->values[i];
        uint8_t kind = CELL_IN_KEY;

        if (is_in_key(write, i))
            buf_append_byte(out, write->key_part_of[i]);
        else if (is_record_value(v))
            TRY(write_record_value(out, v.as.record, &kind));
        else
            kind = cell_write(out, v);
        if (out->failed)
            return ST_NO_MEMORY;
        uint32_t end = (uint32_t)(out->len - payload);
        out->data[directory + i] = (char)kind;
        cell_store_offset(out->data + directory + count + (size_t)i * width, width, end);
    }
    return ST_OK;
}

/* Write everything behind count: form, directory, payload. `form_at` is where the form byte goes.
 */
static enum status write_columns(struct buf *out, const struct record_write *write)
{
    uint64_t bytes = payload_bytes_of(write);
    unsigned width = bytes <= UINT8_MAX ? 1 : bytes <= UINT16_MAX ? 2 : 4;

    if (bytes > RECORD_BYTES_MAX)
        return ST_TOO_BIG;
    buf_append_byte(out, (uint8_t)width);
    size_t directory = out->len;
    buf_append_fill(out, 0, (size_t)write->shape->count * (1 + width));
    TRY(buf_status(out));
    return write_cells(out, write, directory, width);
}

/* Replace the columns, which begin at `columns` in out, by the form with a compressed payload if
 * that is shorter. */
static enum status compress_columns(struct buf *out, const struct record_write *write,
                                    size_t columns)
{
    uint8_t width = (uint8_t)out->data[columns];
    size_t directory = (size_t)write->shape->count * (1u + width);
    size_t payload = columns + 1 + directory;
    struct slice raw = slice_of(out->data + payload, out->len - payload);
    struct buf packed = {0};
    enum status st;
    bool is_shorter = false;

    if (write->compress_over == 0 || raw.len <= write->compress_over)
        return ST_OK;
    buf_append_byte(&packed, width | FORM_COMPRESSED);
    buf_append_varint(&packed, raw.len);
    buf_append(&packed, out->data + columns + 1, directory);
    st = buf_status(&packed);
    if (st == ST_OK)
        st = compress_append(&packed, raw, write->compress_level, &is_shorter);
    if (st == ST_OK && is_shorter && packed.len < out->len - columns) {
        memcpy(out->data + columns, packed.data, packed.len);
        out->len = columns + packed.len;
    }
    buf_free(&packed);
    return st;
}

enum status record_write(struct buf *out, const struct record_write *write)
{
    size_t start = out->len;

    record_header_write(out, write->header);
    if ((write->header->flags & RECORD_DEAD) != 0) {
        buf_append_varint(out, 0);
    } else {
        assert(write->shape->id != 0 && write->shape->count <= RECORD_COLUMNS_MAX);
        buf_append_varint(out, write->shape->id);
        buf_append_varint(out, write->shape->count);
        size_t columns = out->len;
        TRY(write_columns(out, write));
        TRY(compress_columns(out, write, columns));
    }
    TRY(buf_status(out));
    if (out->len - start > RECORD_BYTES_MAX - CHECKSUM_BYTES)
        return ST_TOO_BIG;
    buf_append_u32_le(out, checksum_of(write->key, slice_of(out->data + start, out->len - start)));
    return buf_status(out);
}
