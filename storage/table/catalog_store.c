/* catalog_store: the catalog as bytes in the META store. docs/storage-format.md, "Catalog". Every
 * value begins with a format byte and ends with a CRC-32C of what comes before; texts are varint
 * length and bytes. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

enum { TABLE_FORMAT = 1, OBJECT_FORMAT = 1 };

enum table_flag {
    TABLE_HAS_ROWID = 1,
    TABLE_DYNAMIC = 2,
    TABLE_SEALED = 4,
    TABLE_STRICT = 8,
    TABLE_AUTOINCREMENT = 16,
    TABLE_CASE_SENSITIVE = 32,
    TABLE_MADE_BY_SDL = 64,
    TABLE_EXPORTED = 128,
    TABLE_AUDITED = 256,
    TABLE_HIDDEN = 512,
    TABLE_MAY_EXPIRE = 1024,
    TABLE_PROTOCOLS_SHIFT = 16, /* above: a byte of hidden protocols */
};
enum attribute_flag {
    ATTRIBUTE_LIST = 1,
    ATTRIBUTE_ELEMENT_NOT_NULL = 2,
    ATTRIBUTE_NOT_NULL = 4,
    ATTRIBUTE_DYNAMIC = 8,
    ATTRIBUTE_DROPPED = 16,
    ATTRIBUTE_HIDDEN = 32,
};

void meta_key(struct buf *out, enum meta_tag tag, uint32_t first, const uint32_t *second)
{
    buf_clear(out);
    buf_append_byte(out, (uint8_t)tag);
    buf_append_u32_be(out, first);
    if (second != NULL)
        buf_append_u32_be(out, *second);
}

/* ---- small parts ---- */

static void put_text(struct buf *out, struct slice text)
{
    buf_append_varint(out, text.len);
    buf_append_slice(out, text);
}

static void put_real(struct buf *out, double real)
{
    uint64_t bits;

    memcpy(&bits, &real, sizeof(bits));
    buf_append_u64_le(out, bits);
}

static void seal(struct buf *out)
{
    if (!out->failed)
        buf_append_u32_le(out, crc32c(0, out->data, out->len));
}

/* Sticky: after the first short or senseless field everything reads as zero. */
struct reader {
    struct slice in;
    struct arena *arena;
    bool failed;
};

static bool unseal(struct slice bytes, struct slice *body)
{
    struct slice tail;
    uint32_t crc;

    if (bytes.len < 5)
        return false;
    *body = slice_of(bytes.data, bytes.len - 4);
    tail = slice_of(bytes.data + body->len, 4);
    return read_u32_le(&tail, &crc) && crc == crc32c(0, body->data, body->len);
}

static uint64_t get_number(struct reader *reader, uint64_t most)
{
    uint64_t number = 0;

    if (!reader->failed && (!read_varint(&reader->in, &number) || number > most))
        reader->failed = true;
    return reader->failed ? 0 : number;
}

static uint8_t get_byte(struct reader *reader)
{
    uint8_t byte = 0;

    if (!reader->failed && !read_u8(&reader->in, &byte))
        reader->failed = true;
    return byte;
}

static struct slice get_text(struct reader *reader)
{
    struct slice text = slice_empty();
    uint64_t len = get_number(reader, reader->in.len);

    if (!reader->failed && !read_bytes(&reader->in, len, &text))
        reader->failed = true;
    return reader->failed ? slice_empty() : arena_copy(reader->arena, text);
}

static double get_real(struct reader *reader)
{
    uint64_t bits = 0;
    double real;

    if (!reader->failed && !read_u64_le(&reader->in, &bits))
        reader->failed = true;
    memcpy(&real, &bits, sizeof(real));
    return real;
}

/* An array for `count` elements, each of which takes at least a byte of what is left. */
static void *get_array(struct reader *reader, uint64_t count, size_t size)
{
    void *array = NULL;

    if (!reader->failed && count <= reader->in.len + 1)
        array = arena_zalloc_array(reader->arena, (size_t)count + 1, size);
    if (array == NULL)
        reader->failed = true;
    return array;
}

/* ---- tables ---- */

static unsigned table_flags(const struct table *table)
{
    return (table->has_rowid ? TABLE_HAS_ROWID : 0u) | (table->is_dynamic ? TABLE_DYNAMIC : 0u) |
           (table->is_sealed ? TABLE_SEALED : 0u) | (table->is_strict ? TABLE_STRICT : 0u) |
           (table->is_autoincrement ? TABLE_AUTOINCREMENT : 0u) |
           (table->is_case_sensitive ? TABLE_CASE_SENSITIVE : 0u) |
           (table->is_made_by_sdl ? TABLE_MADE_BY_SDL : 0u) |
           (table->is_exported ? TABLE_EXPORTED : 0u) | (table->is_audited ? TABLE_AUDITED : 0u) |
           (table->is_hidden ? TABLE_HIDDEN : 0u) | (table->may_expire ? TABLE_MAY_EXPIRE : 0u) |
           (unsigned)table->hidden_protocols << TABLE_PROTOCOLS_SHIFT;
}

static void put_attribute(struct buf *out, const struct attribute *attribute)
{
    put_text(out, attribute->name);
    put_text(out, attribute->declared_type);
    buf_append_byte(out, attribute->type);
    buf_append_byte(out, attribute->affinity);
    buf_append_byte(out, attribute->collation);
    buf_append_byte(out, attribute->role);
    buf_append_byte(out, attribute->generated);
    buf_append_byte(out,
                    (uint8_t)((attribute->is_list ? ATTRIBUTE_LIST : 0) |
                              (attribute->is_element_not_null ? ATTRIBUTE_ELEMENT_NOT_NULL : 0) |
                              (attribute->is_not_null ? ATTRIBUTE_NOT_NULL : 0) |
                              (attribute->is_dynamic ? ATTRIBUTE_DYNAMIC : 0) |
                              (attribute->is_dropped ? ATTRIBUTE_DROPPED : 0) |
                              (attribute->is_hidden ? ATTRIBUTE_HIDDEN : 0)));
    put_text(out, attribute->default_sql);
    put_text(out, attribute->generated_sql);
    put_text(out, attribute->nested_type);
    put_text(out, attribute->relation_table);
    put_text(out, attribute->relation_from);
    put_text(out, attribute->relation_to);
    put_text(out, attribute->description);
}

static void put_key_part(struct buf *out, struct key_part part)
{
    buf_append_byte(out, part.collation);
    buf_append_byte(out, part.descending);
}

static void put_index(struct buf *out, const struct index *index)
{
    buf_append_varint(out, index->store);
    put_text(out, index->name);
    put_text(out, index->where_sql);
    put_text(out, index->sql);
    buf_append_byte(out, (uint8_t)((index->is_unique ? 1 : 0) | (index->is_multi_valued ? 2 : 0)));
    buf_append_byte(out, index->origin);
    buf_append_byte(out, index->state);
    buf_append_byte(out, index->on_conflict);
    buf_append_varint(out, index->part_count);
    for (unsigned i = 0; i < index->part_count; i++) {
        buf_append_varint(out, index->parts[i].attribute);
        put_text(out, index->parts[i].expression_sql);
        put_key_part(out, index->parts[i].order);
    }
}

static void put_foreign_key(struct buf *out, const struct foreign_key *key)
{
    put_text(out, key->name);
    put_text(out, key->parent);
    buf_append_byte(out, key->on_delete);
    buf_append_byte(out, key->on_update);
    buf_append_byte(out,
                    (uint8_t)((key->is_deferred ? 1 : 0) | (key->parent_columns != NULL ? 2 : 0)));
    buf_append_varint(out, key->count);
    for (unsigned i = 0; i < key->count; i++) {
        put_text(out, key->child_columns[i]);
        if (key->parent_columns != NULL)
            put_text(out, key->parent_columns[i]);
    }
}

void table_encode(struct buf *out, const struct table *table)
{
    buf_clear(out);
    buf_append_byte(out, TABLE_FORMAT);
    buf_append_varint(out, table->store);
    buf_append(out, table->uuid, sizeof(table->uuid));
    put_text(out, table->name);
    buf_append_varint(out, table_flags(table));
    put_text(out, table->export_path);
    put_text(out, table->sql);
    put_text(out, table->description);
    put_real(out, table->expiration_s);
    put_real(out, table->eviction_s);
    put_real(out, table->scan_interval_s);
    buf_append_varint(out, table->attribute_count);
    for (unsigned i = 0; i < table->attribute_count; i++)
        put_attribute(out, &table->attributes[i]);
    buf_append_varint(out, table->key_count);
    for (unsigned i = 0; i < table->key_count; i++) {
        buf_append_varint(out, table->key_attributes[i]);
        put_key_part(out, table->key_parts[i]);
    }
    buf_append_varint(out, table->index_count);
    for (unsigned i = 0; i < table->index_count; i++)
        put_index(out, &table->indexes[i]);
    buf_append_varint(out, table->check_count);
    for (unsigned i = 0; i < table->check_count; i++) {
        put_text(out, table->checks[i].name);
        put_text(out, table->checks[i].sql);
    }
    buf_append_varint(out, table->foreign_key_count);
    for (unsigned i = 0; i < table->foreign_key_count; i++)
        put_foreign_key(out, &table->foreign_keys[i]);
    seal(out);
}

static void get_attribute(struct reader *reader, struct attribute *out, unsigned id)
{
    uint8_t flags;

    out->id = (uint16_t)id;
    out->name = get_text(reader);
    out->declared_type = get_text(reader);
    out->type = get_byte(reader);
    out->affinity = get_byte(reader);
    out->collation = get_byte(reader);
    out->role = get_byte(reader);
    out->generated = get_byte(reader);
    flags = get_byte(reader);
    out->is_list = (flags & ATTRIBUTE_LIST) != 0;
    out->is_element_not_null = (flags & ATTRIBUTE_ELEMENT_NOT_NULL) != 0;
    out->is_not_null = (flags & ATTRIBUTE_NOT_NULL) != 0;
    out->is_dynamic = (flags & ATTRIBUTE_DYNAMIC) != 0;
    out->is_dropped = (flags & ATTRIBUTE_DROPPED) != 0;
    out->is_hidden = (flags & ATTRIBUTE_HIDDEN) != 0;
    out->default_sql = get_text(reader);
    out->generated_sql = get_text(reader);
    out->nested_type = get_text(reader);
    out->relation_table = get_text(reader);
    out->relation_from = get_text(reader);
    out->relation_to = get_text(reader);
    out->description = get_text(reader);
    if (out->type >= TYPE_COUNT || out->collation >= COLLATE_BUILTIN_COUNT ||
        out->affinity > AFFINITY_REAL || out->role > ROLE_EXPIRES_AT ||
        out->generated > GENERATED_STORED)
        reader->failed = true;
}

static struct key_part get_key_part(struct reader *reader)
{
    uint8_t collation = get_byte(reader), descending = get_byte(reader);

    if (collation >= COLLATE_BUILTIN_COUNT || descending > 1)
        reader->failed = true;
    return (struct key_part){reader->failed ? 0 : collation, descending != 0};
}

static void get_index(struct reader *reader, struct index *out, unsigned attribute_count)
{
    struct index_part *parts;
    uint8_t flags;

    out->store = (uint32_t)get_number(reader, UINT32_MAX);
    out->name = get_text(reader);
    out->where_sql = get_text(reader);
    out->sql = get_text(reader);
    flags = get_byte(reader);
    out->is_unique = (flags & 1) != 0;
    out->is_multi_valued = (flags & 2) != 0;
    out->origin = get_byte(reader);
    out->state = get_byte(reader);
    out->on_conflict = get_byte(reader);
    out->part_count = (uint16_t)get_number(reader, 63);
    parts = get_array(reader, out->part_count, sizeof(*parts));
    out->parts = parts;
    for (unsigned i = 0; !reader->failed && i < out->part_count; i++) {
        parts[i].attribute = (uint16_t)get_number(reader, ATTRIBUTE_NONE);
        parts[i].expression_sql = get_text(reader);
        parts[i].order = get_key_part(reader);
        if (parts[i].attribute != ATTRIBUTE_NONE && parts[i].attribute >= attribute_count)
            reader->failed = true;
    }
    if (out->origin > INDEX_ATTRIBUTE || out->state > INDEX_FILLING || out->part_count == 0)
        reader->failed = true;
}

static void get_foreign_key(struct reader *reader, struct foreign_key *out)
{
    struct slice *children, *parents = NULL;
    uint8_t flags;

    out->name = get_text(reader);
    out->parent = get_text(reader);
    out->on_delete = get_byte(reader);
    out->on_update = get_byte(reader);
    flags = get_byte(reader);
    out->is_deferred = (flags & 1) != 0;
    out->count = (uint16_t)get_number(reader, RECORD_COLUMNS_MAX);
    children = get_array(reader, out->count, sizeof(*children));
    if (flags & 2)
        parents = get_array(reader, out->count, sizeof(*parents));
    for (unsigned i = 0; !reader->failed && i < out->count; i++) {
        children[i] = get_text(reader);
        if (parents != NULL)
            parents[i] = get_text(reader);
    }
    out->child_columns = children;
    out->parent_columns = parents;
    if (out->on_delete > FK_CASCADE || out->on_update > FK_CASCADE)
        reader->failed = true;
}

static void set_table_flags(struct table *table, unsigned flags)
{
    table->has_rowid = (flags & TABLE_HAS_ROWID) != 0;
    table->is_dynamic = (flags & TABLE_DYNAMIC) != 0;
    table->is_sealed = (flags & TABLE_SEALED) != 0;
    table->is_strict = (flags & TABLE_STRICT) != 0;
    table->is_autoincrement = (flags & TABLE_AUTOINCREMENT) != 0;
    table->is_case_sensitive = (flags & TABLE_CASE_SENSITIVE) != 0;
    table->is_made_by_sdl = (flags & TABLE_MADE_BY_SDL) != 0;
    table->is_exported = (flags & TABLE_EXPORTED) != 0;
    table->is_audited = (flags & TABLE_AUDITED) != 0;
    table->is_hidden = (flags & TABLE_HIDDEN) != 0;
    table->may_expire = (flags & TABLE_MAY_EXPIRE) != 0;
    table->hidden_protocols = (uint8_t)(flags >> TABLE_PROTOCOLS_SHIFT);
}

static void get_head(struct reader *reader, struct table *table)
{
    struct slice uuid = slice_empty();

    if (get_byte(reader) != TABLE_FORMAT)
        reader->failed = true;
    table->store = (uint32_t)get_number(reader, UINT32_MAX);
    if (reader->failed || !read_bytes(&reader->in, sizeof(table->uuid), &uuid))
        reader->failed = true;
    else
        memcpy(table->uuid, uuid.data, uuid.len);
    table->name = get_text(reader);
    set_table_flags(table, (unsigned)get_number(reader, UINT32_MAX));
    table->export_path = get_text(reader);
    table->sql = get_text(reader);
    table->description = get_text(reader);
    table->expiration_s = get_real(reader);
    table->eviction_s = get_real(reader);
    table->scan_interval_s = get_real(reader);
}

static void get_columns(struct reader *reader, struct table *table)
{
    struct attribute *attributes;
    uint16_t *key_attributes;
    struct key_part *key_parts;

    table->attribute_count = (uint16_t)get_number(reader, ATTRIBUTE_NONE - 1);
    attributes = get_array(reader, table->attribute_count, sizeof(*attributes));
    for (unsigned i = 0; !reader->failed && i < table->attribute_count; i++)
        get_attribute(reader, &attributes[i], i);
    table->attributes = attributes;
    table->key_count = (uint16_t)get_number(reader, 63);
    key_attributes = get_array(reader, table->key_count, sizeof(*key_attributes));
    key_parts = get_array(reader, table->key_count, sizeof(*key_parts));
    for (unsigned i = 0; !reader->failed && i < table->key_count; i++) {
        key_attributes[i] = (uint16_t)get_number(reader, table->attribute_count - 1u);
        key_parts[i] = get_key_part(reader);
    }
    table->key_attributes = key_attributes;
    table->key_parts = key_parts;
}

static void get_rules(struct reader *reader, struct table *table)
{
    struct index *indexes;
    struct check *checks;
    struct foreign_key *keys;

    table->index_count = (uint16_t)get_number(reader, UINT16_MAX);
    indexes = get_array(reader, table->index_count, sizeof(*indexes));
    for (unsigned i = 0; !reader->failed && i < table->index_count; i++)
        get_index(reader, &indexes[i], table->attribute_count);
    table->indexes = indexes;
    table->check_count = (uint16_t)get_number(reader, UINT16_MAX);
    checks = get_array(reader, table->check_count, sizeof(*checks));
    for (unsigned i = 0; !reader->failed && i < table->check_count; i++) {
        checks[i].name = get_text(reader);
        checks[i].sql = get_text(reader);
    }
    table->checks = checks;
    table->foreign_key_count = (uint16_t)get_number(reader, UINT16_MAX);
    keys = get_array(reader, table->foreign_key_count, sizeof(*keys));
    for (unsigned i = 0; !reader->failed && i < table->foreign_key_count; i++)
        get_foreign_key(reader, &keys[i]);
    table->foreign_keys = keys;
}

enum status table_decode(struct db *db, struct slice bytes, struct table_version **out)
{
    struct table_version *version = calloc(1, sizeof(*version));
    struct reader reader = {0};

    if (version == NULL)
        return ST_NO_MEMORY;
    atomic_init(&version->references, 1);
    version->table.db = db;
    reader.arena = &version->arena;
    reader.failed = !unseal(bytes, &reader.in);
    get_head(&reader, &version->table);
    get_columns(&reader, &version->table);
    get_rules(&reader, &version->table);
    if (reader.failed || reader.in.len != 0) {
        enum status st = version->arena.failed ? ST_NO_MEMORY : ST_CORRUPT;

        table_version_drop(version);
        return st;
    }
    *out = version;
    return ST_OK;
}

/* ---- objects, database, counts ---- */

void object_encode(struct buf *out, const struct catalog_object *object)
{
    buf_clear(out);
    buf_append_byte(out, OBJECT_FORMAT);
    buf_append_varint(out, object->id);
    buf_append_byte(out, object->kind);
    put_text(out, object->name);
    put_text(out, object->table);
    put_text(out, object->sql);
    seal(out);
}

enum status object_decode(struct slice bytes, struct object_version **out)
{
    struct object_version *object = calloc(1, sizeof(*object));
    struct reader reader = {0};

    if (object == NULL)
        return ST_NO_MEMORY;
    atomic_init(&object->references, 1);
    reader.arena = &object->arena;
    reader.failed = !unseal(bytes, &reader.in);
    if (get_byte(&reader) != OBJECT_FORMAT)
        reader.failed = true;
    object->object.id = (uint32_t)get_number(&reader, UINT32_MAX);
    object->object.kind = get_byte(&reader);
    object->object.name = get_text(&reader);
    object->object.table = get_text(&reader);
    object->object.sql = get_text(&reader);
    if (reader.failed || reader.in.len != 0 || object->object.kind > OBJECT_SDL_TYPE) {
        object_version_drop(object);
        return ST_CORRUPT;
    }
    *out = object;
    return ST_OK;
}

void database_encode(struct buf *out, const struct db *db, uint32_t next_store,
                     uint32_t next_object, uint64_t catalog_version)
{
    buf_clear(out);
    buf_append_byte(out, DATABASE_FORMAT);
    buf_append(out, db->uuid, sizeof(db->uuid));
    buf_append_varint(out, next_store);
    buf_append_varint(out, next_object);
    buf_append_varint(out, catalog_version);
    seal(out);
}

enum status database_decode(struct db *db, struct slice bytes, uint64_t *catalog_version)
{
    struct reader reader = {0};
    struct slice uuid = slice_empty();
    uint8_t format;

    reader.failed = !unseal(bytes, &reader.in);
    format = get_byte(&reader);
    if (!reader.failed && format > DATABASE_FORMAT)
        return ST_UNSUPPORTED;
    if (reader.failed || !read_bytes(&reader.in, sizeof(db->uuid), &uuid))
        return ST_CORRUPT;
    memcpy(db->uuid, uuid.data, uuid.len);
    db->next_store = (uint32_t)get_number(&reader, UINT32_MAX);
    db->next_object = (uint32_t)get_number(&reader, UINT32_MAX);
    *catalog_version = get_number(&reader, UINT64_MAX);
    return reader.failed || db->next_store < STORE_FIRST ? ST_CORRUPT : ST_OK;
}

void count_encode(struct buf *out, const struct count_record *count)
{
    buf_clear(out);
    buf_append_u64_le(out, (uint64_t)count->rows);
    buf_append_byte(out, count->has_typed_keys);
    buf_append_u64_le(out, (uint64_t)count->sequence_max);
}

enum status count_decode(struct slice bytes, struct count_record *out)
{
    uint64_t rows, sequence;
    uint8_t flags;

    if (!read_u64_le(&bytes, &rows) || !read_u8(&bytes, &flags) ||
        !read_u64_le(&bytes, &sequence) || bytes.len != 0)
        return ST_CORRUPT;
    *out = (struct count_record){(int64_t)rows, (int64_t)sequence, (flags & 1) != 0};
    return ST_OK;
}

/* ---- loading ---- */

struct load {
    struct db *db;
    struct table_version **tables;
    struct object_version **objects;
    size_t table_count, table_room, object_count, object_room;
    uint64_t version;
};

static bool make_room(void **array, size_t count, size_t *room, size_t size)
{
    size_t more = *room == 0 ? 64 : *room * 2;
    void *bigger;

    if (count < *room)
        return true;
    bigger = realloc(*array, more * size);
    if (bigger == NULL)
        return false;
    *array = bigger;
    *room = more;
    return true;
}

static struct table_version *loaded_table(const struct load *load, uint32_t store)
{
    for (size_t i = load->table_count; i-- > 0;) /* keys ascend: the one sought is near the end */
        if (load->tables[i]->table.store == store)
            return load->tables[i];
    return NULL;
}

static enum status load_shape(const struct table_version *version, uint32_t id, struct slice in)
{
    struct shape_full *shape;
    uint16_t *attributes;
    uint64_t count, number;
    enum status st = ST_CORRUPT;

    if (!read_varint(&in, &count) || count > RECORD_COLUMNS_MAX || count > in.len)
        return ST_CORRUPT;
    attributes = malloc((size_t)(count + 1) * sizeof(*attributes));
    if (attributes == NULL)
        return ST_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!read_varint(&in, &number) || number >= version->table.attribute_count)
            goto out;
        attributes[i] = (uint16_t)number;
    }
    if (in.len == 0)
        st = shapes_add(version->shapes, &version->table, id, attributes, (size_t)count, &shape);
out:
    free(attributes);
    return st;
}

static enum status load_table(struct load *load, struct slice value)
{
    void *array = load->tables;
    struct table_version *version;

    if (!make_room(&array, load->table_count, &load->table_room, sizeof(void *)))
        return ST_NO_MEMORY;
    load->tables = array;
    TRY(table_decode(load->db, value, &version));
    load->tables[load->table_count++] = version;
    return table_version_finish(version);
}

static enum status load_object(struct load *load, struct slice value)
{
    void *array = load->objects;

    if (!make_room(&array, load->object_count, &load->object_room, sizeof(void *)))
        return ST_NO_MEMORY;
    load->objects = array;
    TRY(object_decode(value, &load->objects[load->object_count]));
    load->object_count++;
    return ST_OK;
}

static enum status load_sketch(struct load *load, uint32_t store, struct slice value)
{
    for (size_t i = 0; i < load->table_count; i++) {
        struct table *table = &load->tables[i]->table;

        for (unsigned k = 0; k < table->index_count; k++)
            if (table->indexes[k].store == store)
                return index_stats_decode(index_stats_of(table->stats, &table->indexes[k]), value);
    }
    return ST_OK; /* of an index that was dropped */
}

static enum status load_count(const struct table_version *version, struct slice value)
{
    struct count_record count;

    TRY(count_decode(value, &count));
    atomic_store(&version->table.stats->rows, count.rows);
    atomic_store(&version->table.stats->has_typed_keys, count.has_typed_keys);
    version->table.stats->sequence_max = count.sequence_max;
    return ST_OK;
}

static enum status load_entry(struct load *load, struct slice key, struct slice value)
{
    struct table_version *version;
    uint32_t store = 0, shape;
    uint8_t tag;

    if (!read_u8(&key, &tag))
        return ST_CORRUPT;
    (void)read_u32_be(&key, &store);
    switch (tag) {
    case META_TABLE:
        return load_table(load, value);
    case META_OBJECT:
        return load_object(load, value);
    case META_SKETCH:
        return load_sketch(load, store, value);
    case META_COUNT:
        version = loaded_table(load, store);
        return version == NULL ? ST_CORRUPT : load_count(version, value);
    case META_SHAPE:
        version = loaded_table(load, store);
        return version == NULL || !read_u32_be(&key, &shape) ? ST_CORRUPT
                                                             : load_shape(version, shape, value);
    default: /* bytes from disk, not an enum: other keys have other readers */
        return ST_OK;
    }
}

/* Tables first: shapes, counts and sketches need them, and 'C' < 'T' among the keys. */
static enum status load_pass(struct load *load, struct kv_txn *kv, bool tables, struct error *err)
{
    struct kv_cursor *cursor;
    enum status st;

    TRY(kv_cursor_open(kv, store_meta(), &cursor));
    for (st = kv_first(cursor); st == ST_OK; st = kv_next(cursor)) {
        struct slice key = kv_key(cursor);

        if ((key.data[0] == META_TABLE) != tables)
            continue;
        st = load_entry(load, key, kv_value(cursor));
        if (st == ST_CORRUPT)
            st = error_set(err, st, -1, "the catalog is damaged: entry '%c'", key.data[0]);
        if (st != ST_OK)
            break;
    }
    kv_cursor_close(cursor);
    return st == ST_DONE ? ST_OK : st;
}

/* All visible stored attributes in declaration order: what SQL's INSERT writes. */
static void find_declared_shapes(struct load *load)
{
    for (size_t i = 0; i < load->table_count; i++) {
        struct table *table = &load->tables[i]->table;
        uint16_t *all = calloc(table->attribute_count + 1u, sizeof(*all));
        struct shape_full *shape;
        size_t count = 0;

        for (unsigned k = 0; all != NULL && k < table->attribute_count; k++)
            if (!table->attributes[k].is_dropped && !table->attributes[k].is_dynamic &&
                table->attributes[k].generated != GENERATED_VIRTUAL &&
                table->attributes[k].type != TYPE_RELATIONSHIP)
                all[count++] = (uint16_t)k;
        shape = all == NULL ? NULL : shapes_lookup(load->tables[i]->shapes, all, count);
        table->declared_shape = shape == NULL ? NULL : &shape->shape;
        free(all);
    }
}

enum status catalog_load(struct db *db, struct kv_txn *kv, struct catalog_version **out,
                         struct error *err)
{
    struct load load = {.db = db};
    struct slice bytes;
    struct buf key = {0};
    enum status st;

    meta_key(&key, META_DATABASE, 0, NULL);
    TRY_OUT(kv_get(kv, store_meta(), buf_slice(&key), &bytes));
    st = database_decode(db, bytes, &load.version);
    if (st != ST_OK) {
        (void)error_set(err, st, -1,
                        st == ST_UNSUPPORTED ? "the database was written by a newer version"
                                             : "the database header is damaged");
        goto out;
    }
    TRY_OUT(load_pass(&load, kv, true, err));
    TRY_OUT(load_pass(&load, kv, false, err));
    find_declared_shapes(&load);
    *out = catalog_of_lists(db, load.tables, load.table_count, load.objects, load.object_count);
    if (*out == NULL) {
        st = ST_NO_MEMORY;
        goto out;
    }
    (*out)->catalog.version = load.version;
    load.table_count = load.object_count = 0; /* they belong to the catalog now */
out:
    for (size_t i = 0; i < load.table_count; i++)
        table_version_drop(load.tables[i]);
    for (size_t i = 0; i < load.object_count; i++)
        object_version_drop(load.objects[i]);
    free(load.tables);
    free(load.objects);
    buf_free(&key);
    return st;
}
