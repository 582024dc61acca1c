/*
 * document_internal: the layout of a document, shared by its reader, its builder and the cells that
 * hold one.
 */
#ifndef HARPER_VALUE_DOCUMENT_INTERNAL_H
#define HARPER_VALUE_DOCUMENT_INTERNAL_H

#include "storage/value/cell.h"
#include "storage/value/document.h"

enum { DOCUMENT_BYTES_MAX = 1 << 30 };

/* The parts of an encoded document, which lie in this order and end with the bytes:
 * payload, kinds, [hashes, name ends], ends, count, width. */
struct document_view {
    const char *payload; /* objects: each name directly before its value */
    uint32_t payload_bytes;
    uint32_t count;
    unsigned width;           /* of ends, name ends and count: 1, 2 or 4 */
    const uint8_t *kinds;     /* enum cell_kind */
    const uint8_t *hashes;    /* of names; objects only */
    const uint8_t *name_ends; /* where names end and values begin; objects only */
    const uint8_t *ends;      /* where values end */
};

/* False when the bytes cannot be a document: the parts do not fit. Offsets are not looked at. */
bool document_view(struct slice bytes, bool is_array, struct document_view *out);
bool document_check_depth(struct slice bytes, bool is_array, unsigned depth);

static inline uint32_t document_entry_start(const struct document_view *view, size_t index)
{
    return index == 0 ? 0 : cell_load_offset(view->ends, view->width, index - 1);
}

/* Entries are below view->count. Whatever their offsets say, nothing outside the payload is read.
 */
static inline struct value document_entry_value(const struct document_view *view, size_t index)
{
    uint32_t start = view->name_ends == NULL
                         ? document_entry_start(view, index)
                         : cell_load_offset(view->name_ends, view->width, index);

    return cell_read(view->kinds[index], view->payload, start,
                     cell_load_offset(view->ends, view->width, index), view->payload_bytes);
}

static inline struct slice document_entry_name(const struct document_view *view, size_t index)
{
    uint32_t start = document_entry_start(view, index);
    uint32_t end = cell_load_offset(view->name_ends, view->width, index);

    if (start > end || end > view->payload_bytes)
        return slice_empty();
    return slice_of(view->payload + start, end - start);
}

/* One byte that tells most names apart, so that a member is found with memchr. */
static inline uint8_t document_name_hash(struct slice name)
{
    uint32_t hash = (uint32_t)name.len;

    if (name.len != 0) {
        hash ^= (uint32_t)(unsigned char)name.data[0] << 8;
        hash ^= (uint32_t)(unsigned char)name.data[name.len / 2] << 16;
        hash ^= (uint32_t)(unsigned char)name.data[name.len - 1] << 24;
    }
    hash *= 0x9e3779b1u;
    hash = (hash ^ hash >> 15) * 0x85ebca6bu;
    return (uint8_t)(hash >> 24);
}

#endif
