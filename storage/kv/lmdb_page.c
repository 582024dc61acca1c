/* Leaves of an LMDB file, walked without LMDB. A reader's pages do not change as long as its
 * snapshot lives, they lie in the map at multiples of the page size, and since LMDB 0.9 came out
 * their form has been the same. None of that is believed: a leaf is entered only where the entry
 * that LMDB's cursor gave is found in it, key and value at the very addresses. Anything else leaves
 * the step to LMDB. Write transactions keep changed pages elsewhere and are never walked. */
#include "storage/kv/lmdb_internal.h"
#include <unistd.h>

enum {
    FLAGS_AT = 10,
    LOWER_AT = 12,
    FLAGS_OF_LEAF = 2,
    PATCH_OF_NEXT_FORM = 70, /* 0.9.70 begins what will be 1.0, whose pages are others */
    PAGE_BYTES_MAX = 1 << 15,
};

uint32_t lmdb_page_bytes(MDB_env *env)
{
    const uint16_t probe = 1;
    long system_bytes = sysconf(_SC_PAGESIZE);
    int major = 0, minor = 0, patch = 0;
    MDB_stat stat;

    (void)mdb_version(&major, &minor, &patch);
    if (major != 0 || minor != 9 || patch >= PATCH_OF_NEXT_FORM || sizeof(size_t) != 8 ||
        *(const uint8_t *)&probe != 1 || mdb_env_stat(env, &stat) != 0)
        return 0;
    /* The map begins at a page of the system: only pages up to that size are aligned in memory. */
    if (stat.ms_psize > PAGE_BYTES_MAX || system_bytes < (long)stat.ms_psize ||
        (stat.ms_psize & (stat.ms_psize - 1)) != 0)
        return 0;
    return stat.ms_psize;
}

static bool stands_on(const struct lmdb_page *page, struct slice key, struct slice value)
{
    struct slice k = {0}, v = {0};

    switch (lmdb_page_read(page, &k, &v)) {
    case PAGE_ENTRY:
        return k.data == key.data && k.len == key.len && v.data == value.data && v.len == value.len;
    case PAGE_FAR_VALUE:
        return k.data == key.data && k.len == key.len;
    case PAGE_DAMAGED:
        break;
    }
    return false;
}

bool lmdb_page_enter(struct lmdb_page *page, const struct lmdb_kv *kv, struct slice key,
                     struct slice value)
{
    const uint32_t bytes = kv->page_bytes;
    size_t within = (size_t)((uintptr_t)key.data & (bytes - 1u)), node, lower;
    const char *start = key.data - within;
    struct lmdb_page found = {.start = start, .bytes = bytes};

    page->start = NULL;
    if (bytes == 0 || within < PAGE_HEADER_BYTES + NODE_HEADER_BYTES ||
        lmdb_load2(start + FLAGS_AT) != FLAGS_OF_LEAF)
        return false;
    lower = lmdb_load2(start + LOWER_AT);
    node = within - NODE_HEADER_BYTES;
    if (lower <= PAGE_HEADER_BYTES || lower > bytes)
        return false;
    found.count = (uint16_t)((lower - PAGE_HEADER_BYTES) / 2);
    if (lmdb_load2(start + lower - 2) == node) { /* walks downwards come in at the last */
        found.slot = (uint16_t)(found.count - 1);
    } else {
        while (found.slot < found.count &&
               lmdb_load2(start + PAGE_HEADER_BYTES + 2u * found.slot) != node)
            found.slot++;
    }
    if (found.slot == found.count || !stands_on(&found, key, value))
        return false;
    *page = found;
    return true;
}
