/* log_decode: the writes of a change log entry. docs/storage-format.md, "Change log". */
#include "storage/table/table_internal.h"

enum { LOG_HAS_EXPIRY = 0x80 };

static bool read_text(struct slice *in, struct slice *out)
{
    uint64_t len;

    return read_varint(in, &len) && len <= in->len && read_bytes(in, (size_t)len, out);
}

static enum status read_names(struct log_changes *changes)
{
    uint64_t count;
    struct slice *names;

    /* A name takes a byte at least. */
    if (!read_varint(&changes->rest, &count) || count > changes->rest.len)
        return ST_CORRUPT;
    names = ARENA_NEW_ARRAY(changes->arena, struct slice, (size_t)count + 1);
    if (names == NULL)
        return ST_NO_MEMORY;
    for (uint64_t k = 0; k < count; k++)
        if (!read_text(&changes->rest, &names[k]))
            return ST_CORRUPT;
    changes->names = names;
    changes->name_count = (size_t)count;
    return ST_OK;
}

enum status log_changes_begin(struct log_changes *changes, struct slice body, struct arena *arena)
{
    *changes = (struct log_changes){.rest = body, .arena = arena};
    TRY(read_names(changes));
    return read_varint(&changes->rest, &changes->remaining) ? ST_OK : ST_CORRUPT;
}

static bool read_name(struct log_changes *changes, struct slice *out)
{
    uint64_t number;

    if (!read_varint(&changes->rest, &number) || number >= changes->name_count)
        return false;
    *out = changes->names[number];
    return true;
}

static bool read_value(struct slice *in, struct value *out)
{
    struct slice bytes;
    uint64_t number;
    uint8_t kind, byte;

    if (!read_u8(in, &kind))
        return false;
    switch (kind) {
    case VALUE_ABSENT:
    case VALUE_NULL:
        *out = (struct value){.kind = kind};
        return true;
    case VALUE_BOOL:
        *out = value_bool(false);
        if (!read_u8(in, &byte))
            return false;
        out->as.b = byte != 0;
        return true;
    case VALUE_INT:
    case VALUE_DATE:
        if (!read_varint(in, &number))
            return false;
        *out = value_int((int64_t)(number >> 1 ^ (~(number & 1) + 1)));
        out->kind = kind;
        return true;
    case VALUE_REAL:
        if (!read_u64_le(in, &number))
            return false;
        *out = value_real(0);
        memcpy(&out->as.d, &number, sizeof number);
        return out->as.d == out->as.d;
    case VALUE_TEXT:
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        if (!read_text(in, &bytes) || bytes.len > UINT32_MAX)
            return false;
        *out = (struct value){.kind = kind, .len = (uint32_t)bytes.len, .as.data = bytes.data};
        return kind < VALUE_ARRAY || document_check(bytes, kind == VALUE_ARRAY) == ST_OK;
    default:
        return false;
    }
}

/* The attributes of a PUT or PATCH. */
static enum status read_members(struct log_changes *changes, struct log_change *out)
{
    uint64_t count;

    /* A member takes two bytes at least. */
    if (!read_varint(&changes->rest, &count) || count > changes->rest.len)
        return ST_CORRUPT;
    out->members = ARENA_NEW_ARRAY(changes->arena, struct log_member, (size_t)count + 1);
    if (out->members == NULL)
        return ST_NO_MEMORY;
    for (uint64_t k = 0; k < count; k++) {
        struct log_member *member = &out->members[k];

        if (!read_name(changes, &member->name) ||
            (out->kind == LOG_CHANGE_PATCH && !read_u8(&changes->rest, &member->op)) ||
            !read_value(&changes->rest, &member->value))
            return ST_CORRUPT;
    }
    out->member_count = (size_t)count;
    return ST_OK;
}

static enum status skip_schema(struct log_changes *changes)
{
    struct slice text;
    uint64_t count;
    uint8_t byte;

    if (!read_bytes(&changes->rest, 16, &text) || !read_varint(&changes->rest, &count))
        return ST_CORRUPT;
    for (uint64_t k = 0; k < count; k++)
        if (!read_text(&changes->rest, &text) || !read_u8(&changes->rest, &byte) ||
            !read_u8(&changes->rest, &byte))
            return ST_CORRUPT;
    return ST_OK;
}

enum status log_changes_next(struct log_changes *changes, struct log_change *out)
{
    uint64_t expiry;
    uint8_t kind;

    *out = (struct log_change){0};
    if (changes->remaining == 0)
        return ST_DONE;
    changes->remaining--;
    if (!read_u8(&changes->rest, &kind) || !read_name(changes, &out->table) ||
        !read_text(&changes->rest, &out->key))
        return ST_CORRUPT;
    out->has_expiry = (kind & LOG_HAS_EXPIRY) != 0;
    if (out->has_expiry && !read_u64_le(&changes->rest, &expiry))
        return ST_CORRUPT;
    out->expiry_ms = out->has_expiry ? (int64_t)expiry : 0;
    out->kind = kind & (LOG_HAS_EXPIRY - 1);
    switch (out->kind) {
    case LOG_CHANGE_PUT:
    case LOG_CHANGE_PATCH:
        return read_members(changes, out);
    case LOG_CHANGE_DELETE:
    case LOG_CHANGE_CLEAR:
        return ST_OK;
    case LOG_CHANGE_SCHEMA:
        return skip_schema(changes);
    default:
        return ST_CORRUPT;
    }
}
