/* log_read: entries of the change log, in order. A transaction of several chunks comes out as one
 * body. */
#include "storage/table/table_internal.h"
#include <stdlib.h>

enum { CHUNK_HEAD_BYTES = 2, CHUNK_TAIL_BYTES = 4, LOG_MORE_CHUNKS = 1, LOG_VERSION = 1 };

struct log_reader {
    struct kv_cursor *cursor;
    uint16_t origin;
    bool is_started;
    struct buf start, body;
};

static bool split_key(struct slice key, uint16_t *origin, uint64_t *sequence, uint16_t *chunk)
{
    return read_u16_be(&key, origin) && read_u64_be(&key, sequence) && read_u16_be(&key, chunk) &&
           key.len == 0;
}

/* Check one chunk; *body is what lies between head and checksum. */
static enum status open_chunk(struct slice value, bool *has_more, uint32_t *crc, struct slice *body)
{
    struct slice tail;

    if (value.len < CHUNK_HEAD_BYTES + CHUNK_TAIL_BYTES || value.data[0] != LOG_VERSION)
        return ST_CORRUPT;
    *has_more = (value.data[1] & LOG_MORE_CHUNKS) != 0;
    tail = slice_of(value.data + value.len - CHUNK_TAIL_BYTES, CHUNK_TAIL_BYTES);
    if (!read_u32_le(&tail, crc) || *crc != crc32c(0, value.data, value.len - CHUNK_TAIL_BYTES))
        return ST_CORRUPT;
    *body =
        slice_of(value.data + CHUNK_HEAD_BYTES, value.len - CHUNK_HEAD_BYTES - CHUNK_TAIL_BYTES);
    return ST_OK;
}

enum status log_open(struct txn *txn, uint16_t origin, uint64_t from_sequence,
                     struct log_reader **out)
{
    struct log_reader *reader = calloc(1, sizeof(*reader));
    enum status st;

    if (reader == NULL)
        return ST_NO_MEMORY;
    reader->origin = origin;
    log_key(&reader->start, origin, from_sequence, 0);
    st =
        reader->start.failed ? ST_NO_MEMORY : kv_cursor_open(txn->kv, store_log(), &reader->cursor);
    if (st != ST_OK) {
        log_close(reader);
        return st;
    }
    *out = reader;
    return ST_OK;
}

void log_close(struct log_reader *reader)
{
    if (reader == NULL)
        return;
    kv_cursor_close(reader->cursor);
    buf_free(&reader->start);
    buf_free(&reader->body);
    free(reader);
}

static enum status decode_head(struct slice body, struct log_entry *out)
{
    uint64_t op, user_len;

    if (!read_u64_le(&body, &out->stamp) || !read_varint(&body, &op) ||
        !read_varint(&body, &user_len) || user_len > body.len ||
        !read_bytes(&body, (size_t)user_len, &out->user))
        return ST_CORRUPT;
    out->body = body;
    return ST_OK;
}

/* The chunks of one entry that follow the first, whose body is in reader->body. */
static enum status read_further(struct log_reader *reader, uint64_t sequence)
{
    bool has_more = true;

    for (unsigned expected = 1; has_more; expected++) {
        struct slice piece;
        uint16_t origin, chunk;
        uint64_t at;
        uint32_t crc;
        enum status st = kv_next(reader->cursor);

        if (st == ST_DONE)
            return ST_CORRUPT;
        TRY(st);
        if (!split_key(kv_key(reader->cursor), &origin, &at, &chunk) || at != sequence ||
            chunk != expected)
            return ST_CORRUPT;
        TRY(open_chunk(kv_value(reader->cursor), &has_more, &crc, &piece));
        buf_append_slice(&reader->body, piece);
    }
    return buf_status(&reader->body);
}

enum status log_next(struct log_reader *reader, struct log_entry *out)
{
    struct slice piece;
    uint16_t origin, chunk;
    bool has_more;
    uint32_t crc;

    TRY(reader->is_started ? kv_next(reader->cursor)
                           : kv_seek(reader->cursor, buf_slice(&reader->start)));
    reader->is_started = true;
    if (!split_key(kv_key(reader->cursor), &origin, &out->sequence, &chunk))
        return ST_CORRUPT;
    if (origin != reader->origin)
        return ST_DONE;
    if (chunk != 0)
        return ST_CORRUPT;
    out->origin = origin;
    TRY(open_chunk(kv_value(reader->cursor), &has_more, &crc, &piece));
    if (has_more) {
        buf_clear(&reader->body);
        buf_append_slice(&reader->body, piece);
        TRY(read_further(reader, out->sequence));
        piece = buf_slice(&reader->body);
    }
    return decode_head(piece, out);
}

uint16_t db_origin(const struct db *db)
{
    return db->origin;
}

/* Entries in a row are about as long as the first ones. */
uint64_t log_estimate_bytes(struct txn *txn)
{
    enum { SAMPLE_ENTRIES = 64 };
    uint64_t bytes = 0, seen = 0, first = 0, last;
    struct log_reader *reader;
    struct log_entry entry;

    if (log_open(txn, txn->db->origin, 0, &reader) != ST_OK)
        return 0;
    while (seen < SAMPLE_ENTRIES && log_next(reader, &entry) == ST_OK) {
        if (seen++ == 0)
            first = entry.sequence;
        bytes += entry.body.len + entry.user.len + sizeof(stamp_t);
    }
    log_close(reader);
    last = atomic_load(&txn->db->published_sequence);
    return seen == 0 || last < first ? bytes : bytes / seen * (last - first + 1);
}

enum status log_last(struct db *db, struct kv_txn *kv, uint64_t *sequence, stamp_t *stamp)
{
    struct kv_cursor *cursor = NULL;
    struct buf key = {0};
    struct log_entry entry;
    struct slice piece, value;
    uint16_t origin, chunk;
    bool has_more;
    uint32_t crc;
    enum status st = ST_OK;

    *sequence = 0;
    *stamp = 0;
    TRY_OUT(kv_cursor_open(kv, store_log(), &cursor));
    log_key(&key, (uint16_t)(db->origin + 1), 0, 0);
    st = kv_seek_before(cursor, buf_slice(&key));
    if (st != ST_OK) {
        st = st == ST_DONE ? ST_OK : st;
        goto out;
    }
    if (!split_key(kv_key(cursor), &origin, sequence, &chunk)) {
        st = ST_CORRUPT;
        goto out;
    }
    if (origin != db->origin) {
        *sequence = 0;
        goto out;
    }
    log_key(&key, origin, *sequence, 0);
    TRY_OUT(kv_get(kv, store_log(), buf_slice(&key), &value));
    TRY_OUT(open_chunk(value, &has_more, &crc, &piece));
    if (piece.len < 8) {
        st = ST_CORRUPT;
        goto out;
    }
    entry.stamp = 0;
    (void)read_u64_le(&piece, &entry.stamp);
    *stamp = entry.stamp;
out:
    kv_cursor_close(cursor);
    buf_free(&key);
    return st;
}

enum status log_crc_of(struct db *db, struct kv_txn *kv, uint64_t sequence, uint32_t *out)
{
    struct buf key = {0};
    bool has_more = true;
    enum status st = ST_OK;

    *out = 0;
    for (uint16_t chunk = 0; has_more; chunk++) {
        struct slice value, piece;
        char bytes[4];
        uint32_t crc;

        log_key(&key, db->origin, sequence, chunk);
        TRY_OUT(kv_get(kv, store_log(), buf_slice(&key), &value));
        TRY_OUT(open_chunk(value, &has_more, &crc, &piece));
        for (int i = 0; i < 4; i++)
            bytes[i] = (char)(crc >> 8 * i);
        *out = crc32c(*out, bytes, 4);
    }
out:
    buf_free(&key);
    return st;
}
