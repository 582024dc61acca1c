/* log_write: the log entry of a transaction, built while it writes. docs/storage-format.md, "Change
 * log". */
#include "storage/table/table_internal.h"
#include <stdlib.h>

enum { LOG_VERSION = 1, LOG_OP_TRANSACTION = 1 };
enum log_flag {
    LOG_MORE_CHUNKS = 1,
    LOG_SCHEMA = 2,
    LOG_LOCAL_ONLY = 4,
    LOG_EXPIRY = 8,
    LOG_BLOB = 16
};
enum log_kind { LOG_PUT = 1, LOG_PATCH = 2, LOG_DELETE = 3, LOG_SCHEMA_WRITE = 4, LOG_CLEAR = 7 };
enum { LOG_HAS_EXPIRY = 0x80 }; /* in a write's kind */

/* ---- CRC-32C ---- */

static uint32_t crc_portable(uint32_t crc, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_machine(uint32_t crc, const uint8_t *bytes,
                                                              size_t len)
{
    uint64_t wide = crc;

    for (; len >= 8; bytes += 8, len -= 8) {
        uint64_t eight;

        memcpy(&eight, bytes, 8);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    crc = (uint32_t)wide;
    for (; len != 0; bytes++, len--)
        crc = __builtin_ia32_crc32qi(crc, *bytes);
    return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_machine(~crc, bytes, len);
#endif
    return ~crc_portable(~crc, bytes, len);
}

/* ---- pieces ---- */

void log_clear(struct log_builder *log)
{
    buf_clear(&log->names);
    buf_clear(&log->writes);
    log->name_count = log->write_count = 0;
    log->flags = 0;
}

void log_free(struct log_builder *log)
{
    buf_free(&log->names);
    buf_free(&log->writes);
}

static void put_bytes(struct buf *out, struct slice bytes)
{
    buf_append_varint(out, bytes.len);
    buf_append_slice(out, bytes);
}

static uint32_t add_name(struct log_builder *log, struct slice name)
{
    put_bytes(&log->names, name);
    return (uint32_t)log->name_count++;
}

static uint32_t table_name(struct log_builder *log, struct touched *touched,
                           const struct table *table)
{
    if (touched->log_name == 0)
        touched->log_name = add_name(log, table->name) + 1;
    return touched->log_name - 1;
}

static uint32_t attribute_name(struct log_builder *log, struct touched *touched,
                               const struct table *table, uint16_t attribute)
{
    if (touched->name_of_attribute[attribute] == 0)
        touched->name_of_attribute[attribute] =
            add_name(log, table->attributes[attribute].name) + 1;
    return touched->name_of_attribute[attribute] - 1;
}

/* A stored record as a value: its members as a document. */
static void put_record(struct buf *out, struct value v)
{
    struct document_builder builder = {0};
    struct value whole;
    size_t count = document_count(v);

    document_begin(&builder);
    document_open_object(&builder);
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct value member = document_member_at(v, i, &name);

        if (member.kind == VALUE_ABSENT)
            continue;
        document_name(&builder, name);
        document_value(&builder, member);
    }
    document_close(&builder);
    if (document_end(&builder, &whole) == ST_OK)
        put_bytes(out, value_slice(whole));
    else
        out->failed = true;
    document_deinit(&builder);
}

static void put_value(struct buf *out, struct value v)
{
    buf_append_byte(out, v.kind);
    switch ((enum value_kind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        break;
    case VALUE_BOOL:
        buf_append_byte(out, v.as.b);
        break;
    case VALUE_INT:
    case VALUE_DATE:
        buf_append_varint(out, (uint64_t)v.as.i << 1 ^ (v.as.i < 0 ? UINT64_MAX : 0));
        break;
    case VALUE_REAL: {
        uint64_t bits;

        memcpy(&bits, &v.as.d, sizeof(bits));
        buf_append_u64_le(out, bits);
        break;
    }
    case VALUE_TEXT:
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        if ((v.flags & VALUE_IS_RECORD) != 0)
            put_record(out, v);
        else
            put_bytes(out, value_slice(v));
        break;
    }
}

static void begin_write(struct log_builder *log, struct touched *touched, const struct table *table,
                        enum log_kind kind, struct slice key, const struct row *row)
{
    bool has_expiry = row != NULL && row->has_expiry;

    buf_append_byte(&log->writes, (uint8_t)((unsigned)kind | (has_expiry ? LOG_HAS_EXPIRY : 0u)));
    buf_append_varint(&log->writes, table_name(log, touched, table));
    put_bytes(&log->writes, key);
    if (has_expiry) {
        buf_append_u64_le(&log->writes, (uint64_t)row->expiry_ms);
        log->flags |= LOG_EXPIRY;
    }
    log->write_count++;
}

static enum status log_status(const struct log_builder *log)
{
    return log->writes.failed || log->names.failed ? ST_NO_MEMORY : ST_OK;
}

/* Attributes whose value the key gives back are not repeated. */
static bool is_listed(const struct shape_full *shape, const struct row *row, unsigned column)
{
    return shape->key_part_of[column] == 0xff && row->values[column].kind != VALUE_ABSENT;
}

enum status log_add_put(struct txn *txn, struct touched *touched, const struct table *table,
                        struct slice key, const struct row *row)
{
    struct log_builder *log = &txn->log;
    const struct shape_full *shape = full_shape(row->shape);
    unsigned count = 0;

    if (!table->is_audited)
        return ST_OK;
    begin_write(log, touched, table, LOG_PUT, key, row);
    for (unsigned i = 0; i < row->shape->count; i++)
        count += is_listed(shape, row, i);
    buf_append_varint(&log->writes, count);
    for (unsigned i = 0; i < row->shape->count; i++) {
        if (!is_listed(shape, row, i))
            continue;
        buf_append_varint(&log->writes,
                          attribute_name(log, touched, table, row->shape->attributes[i]));
        put_value(&log->writes, row->values[i]);
    }
    return log_status(log);
}

enum status log_add_patch(struct txn *txn, struct touched *touched, const struct table *table,
                          struct slice key, const struct row *row)
{
    struct log_builder *log = &txn->log;
    const struct shape_full *shape = full_shape(row->shape);
    unsigned count = 0;

    if (!table->is_audited)
        return ST_OK;
    begin_write(log, touched, table, LOG_PATCH, key, row);
    for (unsigned i = 0; i < row->shape->count; i++)
        count += shape->key_part_of[i] == 0xff;
    buf_append_varint(&log->writes, count);
    for (unsigned i = 0; i < row->shape->count; i++) {
        uint8_t op = row->ops == NULL ? (uint8_t)MERGE_SET : row->ops[i];

        if (shape->key_part_of[i] != 0xff)
            continue;
        if (row->values[i].kind == VALUE_ABSENT)
            op = MERGE_REMOVE;
        buf_append_varint(&log->writes,
                          attribute_name(log, touched, table, row->shape->attributes[i]));
        buf_append_byte(&log->writes, op);
        put_value(&log->writes, row->values[i]);
    }
    return log_status(log);
}

enum status log_add_delete(struct txn *txn, struct touched *touched, const struct table *table,
                           struct slice key)
{
    if (!table->is_audited)
        return ST_OK;
    begin_write(&txn->log, touched, table, LOG_DELETE, key, NULL);
    return log_status(&txn->log);
}

enum status log_add_schema(struct txn *txn, const struct table *table)
{
    struct log_builder *log = &txn->log;
    unsigned count = 0;

    log->flags |= LOG_SCHEMA;
    buf_append_byte(&log->writes, LOG_SCHEMA_WRITE);
    buf_append_varint(&log->writes, add_name(log, table->name));
    put_bytes(&log->writes, slice_empty());
    buf_append(&log->writes, table->uuid, sizeof(table->uuid));
    for (unsigned i = 0; i < table->attribute_count; i++)
        count += !table->attributes[i].is_dropped;
    buf_append_varint(&log->writes, count);
    for (unsigned i = 0; i < table->attribute_count; i++) {
        if (table->attributes[i].is_dropped)
            continue;
        put_bytes(&log->writes, table->attributes[i].name);
        buf_append_byte(&log->writes, table->attributes[i].type);
        buf_append_byte(&log->writes, version_of(table)->key_part_of_attribute[i]);
    }
    log->write_count++;
    return log_status(log);
}

enum status log_add_clear(struct txn *txn, struct touched *touched, const struct table *table)
{
    if (!table->is_audited)
        return ST_OK;
    begin_write(&txn->log, touched, table, LOG_CLEAR, slice_empty(), NULL);
    return log_status(&txn->log);
}

/* ---- the entry ---- */

struct chunk_writer {
    struct txn *txn;
    struct buf *out;   /* all chunks, one behind the other */
    struct buf places; /* size_t end of each chunk */
    size_t start;      /* of the present one */
    uint32_t entry_crc;
    unsigned count;
};

static void open_chunk(struct chunk_writer *writer)
{
    writer->start = writer->out->len;
    buf_append_byte(writer->out, LOG_VERSION);
    buf_append_byte(writer->out, writer->txn->log.flags);
}

static void close_chunk(struct chunk_writer *writer, bool has_more)
{
    struct buf *out = writer->out;
    uint32_t crc;
    char crc_bytes[4];

    if (out->failed)
        return;
    if (has_more)
        out->data[writer->start + 1] |= LOG_MORE_CHUNKS;
    crc = crc32c(0, out->data + writer->start, out->len - writer->start);
    buf_append_u32_le(out, crc);
    for (int i = 0; i < 4; i++)
        crc_bytes[i] = (char)(crc >> 8 * i);
    writer->entry_crc = crc32c(writer->entry_crc, crc_bytes, 4);
    buf_append(&writer->places, &out->len, sizeof(out->len));
    writer->count++;
}

static void put_body(struct chunk_writer *writer, struct slice body)
{
    while (body.len != 0) {
        size_t used = writer->out->len - writer->start;
        size_t room = used < LOG_CHUNK_BYTES ? LOG_CHUNK_BYTES - used : 0;
        size_t take = body.len < room ? body.len : room;

        buf_append(writer->out, body.data, take);
        body.data += take;
        body.len -= take;
        if (body.len != 0) {
            close_chunk(writer, true);
            open_chunk(writer);
        }
    }
}

void log_key(struct buf *out, uint16_t origin, uint64_t sequence, uint16_t chunk)
{
    buf_clear(out);
    buf_append_u16_be(out, origin);
    buf_append_u64_be(out, sequence);
    buf_append_u16_be(out, chunk);
}

static void put_head(struct buf *head, const struct txn *txn, stamp_t stamp)
{
    buf_clear(head);
    buf_append_u64_le(head, stamp);
    buf_append_varint(head, LOG_OP_TRANSACTION);
    put_bytes(head, txn->user);
    buf_append_varint(head, txn->log.name_count);
}

static enum status store_chunks(struct txn *txn, const struct chunk_writer *writer,
                                uint64_t sequence)
{
    struct delta_store *store = delta_use_store(own_delta(txn), store_log());
    size_t start = 0, end;

    if (store == NULL)
        return ST_NO_MEMORY;
    for (unsigned i = 0; i < writer->count; i++, start = end) {
        memcpy(&end, writer->places.data + i * sizeof(end), sizeof(end));
        log_key(&txn->other_key, txn->db->origin, sequence, (uint16_t)i);
        TRY(delta_put_lent(own_delta(txn), store, buf_slice(&txn->other_key),
                           slice_of(writer->out->data + start, end - start)));
    }
    return ST_OK;
}

enum status log_finish(struct txn *txn, struct pending *pending, uint64_t sequence, stamp_t stamp,
                       uint32_t *crc)
{
    struct chunk_writer writer = {.txn = txn, .out = &pending->log};
    enum status st = log_status(&txn->log);

    TRY(st);
    buf_clear(&pending->log);
    open_chunk(&writer);
    put_head(&txn->record, txn, stamp);
    put_body(&writer, buf_slice(&txn->record));
    put_body(&writer, buf_slice(&txn->log.names));
    buf_clear(&txn->record);
    buf_append_varint(&txn->record, txn->log.write_count);
    put_body(&writer, buf_slice(&txn->record));
    put_body(&writer, buf_slice(&txn->log.writes));
    close_chunk(&writer, false);
    if (pending->log.failed || txn->record.failed || writer.places.failed)
        st = ST_NO_MEMORY;
    else if (writer.count > UINT16_MAX)
        st = ST_TOO_BIG;
    else
        st = store_chunks(txn, &writer, sequence);
    *crc = writer.entry_crc;
    buf_free(&writer.places);
    return st;
}
