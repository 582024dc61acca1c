/* What a path leads to: the longest exported path, then a table, a collection or a record. */
#include "rest/rest_internal.h"
#include "vdbe/ir/ir.h"

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Does the raw text, decoded, read `name`? */
static bool reads(struct slice raw, struct slice name)
{
    size_t at = 0;

    for (size_t k = 0; k < raw.len; k++, at++) {
        char c = raw.data[k];

        if (c == '%' && k + 2 < raw.len && hex_of(raw.data[k + 1]) >= 0 &&
            hex_of(raw.data[k + 2]) >= 0) {
            c = (char)(hex_of(raw.data[k + 1]) * 16 + hex_of(raw.data[k + 2]));
            k += 2;
        }
        if (at == name.len || name.data[at] != c)
            return false;
    }
    return at == name.len;
}

static uint32_t hash_of(struct slice path)
{
    uint32_t hash = 2166136261u;

    for (size_t k = 0; k < path.len; k++)
        hash = (hash ^ (unsigned char)path.data[k]) * 16777619u;
    return hash ^ hash >> 15;
}

bool path_index_make(struct path_index *index, struct routes *routes, bool exports_all)
{
    size_t size = 8;
    uint32_t *slots;

    while (size < routes->count * 2)
        size *= 2;
    slots = ARENA_NEW_ARRAY(&routes->arena, uint32_t, size);
    *index = (struct path_index){.routes = routes, .slots = slots, .mask = size - 1};
    if (slots == NULL)
        return false;
    for (size_t k = 0; k < routes->count; k++) {
        const struct route *route = &routes->items[k];
        size_t slot = hash_of(route->path) & index->mask;

        if ((!route->is_exported && !exports_all) ||
            (route->hidden_protocols & IR_PROTOCOL_REST) != 0)
            continue;
        if (route->is_root) {
            index->root = route;
            continue;
        }
        for (; slots[slot] != 0; slot = (slot + 1) & index->mask)
            if (slice_equal(routes->items[slots[slot] - 1].path, route->path))
                routes->items[slots[slot] - 1].is_ambiguous = true;
        slots[slot] = (uint32_t)k + 1;
        if (memchr(route->path.data, '/', route->path.len) != NULL)
            index->has_nested = true;
    }
    return true;
}

static const struct route *find_escaped(const struct path_index *index, struct slice raw)
{
    for (size_t slot = 0; slot <= index->mask; slot++)
        if (index->slots[slot] != 0 &&
            reads(raw, index->routes->items[index->slots[slot] - 1].path))
            return &index->routes->items[index->slots[slot] - 1];
    return NULL;
}

static const struct route *find_route(const struct path_index *index, struct slice raw)
{
    if (memchr(raw.data, '%', raw.len) != NULL)
        return find_escaped(index, raw);
    for (size_t slot = hash_of(raw) & index->mask; index->slots[slot] != 0;
         slot = (slot + 1) & index->mask) {
        const struct route *route = &index->routes->items[index->slots[slot] - 1];

        if (slice_equal(raw, route->path))
            return route;
    }
    return NULL;
}

static const struct route_attribute *find_attribute(const struct route *route, struct slice raw)
{
    for (size_t k = 0; k < route->attribute_count; k++)
        if (reads(raw, route->attributes[k].name))
            return &route->attributes[k];
    return NULL;
}

/* True: the text is a suffix that names a type. */
static bool read_media(struct slice suffix, struct target *out)
{
    out->media = media_of_suffix(suffix);
    return out->media != MEDIA_NONE;
}

/* Where the path's last part has its first dot; NULL: nowhere. */
static const char *find_dot(struct slice path)
{
    const char *slash = memrchr(path.data, '/', path.len);
    const char *from = slash == NULL ? path.data : slash + 1;

    return memchr(from, '.', (size_t)(path.data + path.len - from));
}

static void resolve_key(struct slice key, bool reads_suffix, struct target *out)
{
    const char *dot = reads_suffix ? find_dot(key) : NULL;
    struct slice suffix;

    out->whole_key = key;
    if (dot != NULL) {
        suffix = slice_of(dot + 1, key.len - (size_t)(dot - key.data) - 1);
        if (!read_media(suffix, out))
            out->property = find_attribute(out->route, suffix);
        if (out->property != NULL || out->media != MEDIA_NONE)
            key.len = (size_t)(dot - key.data);
    }
    out->key = key;
    if (key.len == 0)
        out->kind = out->property == NULL ? TARGET_COLLECTION : TARGET_RECORD;
    else if (key.data[key.len - 1] == '/')
        out->kind = TARGET_BELOW;
    else
        out->kind = TARGET_RECORD;
    if (out->kind != TARGET_RECORD && out->property != NULL) {
        /* Nothing stands before the dot: the whole is a key. */
        out->property = NULL;
        out->key = out->whole_key;
        out->kind = TARGET_RECORD;
    }
}

/* /T.json */
static bool resolve_suffixed_table(const struct path_index *index, struct slice path,
                                   bool has_query, struct target *out)
{
    const char *dot = path.len == 0 ? NULL : find_dot(path), *end = path.data + path.len;
    struct slice table =
        dot == NULL ? slice_empty() : slice_of(path.data, (size_t)(dot - path.data));
    const struct route *route = table.len == 0 ? NULL : find_route(index, table);

    if (route == NULL || !read_media(slice_of(dot + 1, (size_t)(end - dot) - 1), out))
        return false;
    out->route = route;
    out->kind = has_query ? TARGET_COLLECTION : TARGET_TABLE;
    return true;
}

void path_resolve(const struct path_index *index, bool reads_suffix, struct slice path,
                  bool has_query, struct target *out)
{
    const char *end = path.data + path.len;
    const struct route *best = NULL;
    size_t best_len = 0;

    *out = (struct target){.media = MEDIA_NONE};
    for (const char *at = path.data; at <= end; at++) {
        const char *slash = at == end ? NULL : memchr(at, '/', (size_t)(end - at));
        struct slice head =
            slice_of(path.data, (size_t)((slash == NULL ? end : slash) - path.data));
        const struct route *route = head.len == 0 ? NULL : find_route(index, head);

        if (route != NULL) {
            best = route;
            best_len = head.len;
        }
        if (slash == NULL || (route != NULL && !index->has_nested))
            break;
        at = slash;
    }
    if (best == NULL && reads_suffix && resolve_suffixed_table(index, path, has_query, out))
        return;
    if (best == NULL && index->root != NULL) {
        out->route = index->root;
        resolve_key(path, reads_suffix, out);
        return;
    }
    if (best == NULL)
        return;
    out->route = best;
    if (best_len == path.len)
        out->kind = has_query ? TARGET_COLLECTION : TARGET_TABLE;
    else
        resolve_key(slice_of(path.data + best_len + 1, path.len - best_len - 1), reads_suffix, out);
}
