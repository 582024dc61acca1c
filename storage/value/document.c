#include "storage/value/document.h"
#include "storage/value/cell.h"
#include "storage/value/document_internal.h"
#include "storage/value/record.h"
#include <stdlib.h>

/* ---- reading ---- */

bool document_view(struct slice bytes, bool is_array, struct document_view *out)
{
    const uint8_t *end;
    unsigned width;
    uint64_t directory;

    if (bytes.len < 2 || bytes.len > DOCUMENT_BYTES_MAX)
        return false;
    end = (const uint8_t *)bytes.data + bytes.len;
    width = end[-1];
    if ((width != 1 && width != 2 && width != 4) || bytes.len < 1 + width)
        return false;
    out->width = width;
    out->count = cell_load_offset(end - 1 - width, width, 0);
    /* Per entry a kind and an end; of an object also a hash and the end of the name. */
    directory = (uint64_t)out->count * (1 + width) * (is_array ? 1 : 2) + width + 1;
    if (directory > bytes.len)
        return false;
    out->payload = bytes.data;
    out->payload_bytes = (uint32_t)(bytes.len - directory);
    out->kinds = (const uint8_t *)bytes.data + out->payload_bytes;
    out->hashes = is_array ? NULL : out->kinds + out->count;
    out->name_ends = is_array ? NULL : out->hashes + out->count;
    out->ends = is_array ? out->kinds + out->count : out->name_ends + (size_t)out->count * width;
    return true;
}

static bool view_of(struct value document, struct document_view *view)
{
    return (document.kind == VALUE_ARRAY || document.kind == VALUE_OBJECT) &&
           document_view(value_slice(document), document.kind == VALUE_ARRAY, view);
}

static bool is_record(struct value v)
{
    return v.kind == VALUE_OBJECT && (v.flags & VALUE_IS_RECORD) != 0;
}

size_t document_count(struct value document)
{
    struct document_view view;

    if (is_record(document))
        return document.as.record->count;
    return view_of(document, &view) ? view.count : 0;
}

struct value document_element(struct value array, size_t index)
{
    struct document_view view;

    if (array.kind != VALUE_ARRAY || !view_of(array, &view) || index >= view.count)
        return value_absent();
    return document_entry_value(&view, index);
}

struct value document_member_at(struct value object, size_t index, struct slice *name)
{
    struct document_view view;

    *name = slice_empty();
    if (is_record(object)) {
        const struct record *record = object.as.record;

        if (index >= record->count)
            return value_absent();
        *name = record->shape->names[index];
        if (name->data == NULL) /* the attribute was dropped since */
            return value_absent();
        return record_column(record, (unsigned)index);
    }
    if (object.kind != VALUE_OBJECT || !view_of(object, &view) || index >= view.count)
        return value_absent();
    *name = document_entry_name(&view, index);
    return document_entry_value(&view, index);
}

static struct value record_member(const struct record *record, struct slice name)
{
    for (unsigned i = 0; i < record->count; i++)
        if (slice_equal(record->shape->names[i], name))
            return record_column(record, i);
    return value_absent();
}

struct value document_member(struct value object, struct slice name)
{
    struct document_view view;
    uint8_t hash = document_name_hash(name);

    if (is_record(object))
        return record_member(object.as.record, name);
    if (object.kind != VALUE_OBJECT || !view_of(object, &view))
        return value_absent();
    for (size_t at = 0; at < view.count; at++) {
        const uint8_t *hit = memchr(view.hashes + at, hash, view.count - at);

        if (hit == NULL)
            break;
        at = (size_t)(hit - view.hashes);
        if (slice_equal(document_entry_name(&view, at), name))
            return document_entry_value(&view, at);
    }
    return value_absent();
}

/* ---- checking ---- */

static bool check_entry(const struct document_view *view, size_t index, unsigned depth)
{
    uint32_t start = document_entry_start(view, index);
    uint32_t end = cell_load_offset(view->ends, view->width, index);

    if (end < start || end > view->payload_bytes)
        return false;
    if (view->name_ends != NULL) {
        uint32_t name_end = cell_load_offset(view->name_ends, view->width, index);

        if (name_end < start || name_end > end)
            return false;
        struct slice name = document_entry_name(view, index);
        if (!utf8_is_valid(name) || document_name_hash(name) != view->hashes[index])
            return false;
        start = name_end;
    }
    if (view->kinds[index] == CELL_IN_KEY || view->kinds[index] == CELL_ABSENT)
        return false;
    return cell_check(view->kinds[index], slice_of(view->payload + start, end - start), depth);
}

static int compare_names(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Names are unique: the hashes tell most of it, and the few that look equal are compared. An object
 * of many members is sorted instead. */
static bool names_are_unique(const struct document_view *view)
{
    if (view->count <= 64) {
        for (size_t i = 1; i < view->count; i++)
            for (size_t k = 0; k < i; k++)
                if (view->hashes[i] == view->hashes[k] &&
                    slice_equal(document_entry_name(view, i), document_entry_name(view, k)))
                    return false;
        return true;
    }
    struct slice *names = malloc(view->count * sizeof(*names));
    bool is_unique = names != NULL;

    for (size_t i = 0; names != NULL && i < view->count; i++)
        names[i] = document_entry_name(view, i);
    if (names != NULL)
        qsort(names, view->count, sizeof(*names), compare_names);
    for (size_t i = 1; is_unique && i < view->count; i++)
        is_unique = !slice_equal(names[i - 1], names[i]);
    free(names);
    return is_unique;
}

bool document_check_depth(struct slice bytes, bool is_array, unsigned depth)
{
    struct document_view view;

    if (depth > DOCUMENT_DEPTH_MAX || !document_view(bytes, is_array, &view))
        return false;
    if (document_entry_start(&view, view.count) != view.payload_bytes)
        return false;
    for (size_t i = 0; i < view.count; i++)
        if (!check_entry(&view, i, depth))
            return false;
    return is_array || names_are_unique(&view);
}

enum status document_check(struct slice bytes, bool is_array)
{
    return document_check_depth(bytes, is_array, 1) ? ST_OK : ST_CORRUPT;
}
