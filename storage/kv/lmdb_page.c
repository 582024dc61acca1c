/* Leaves of an LMDB file, walked without LMDB. A reader's pages do not change as long as its
 * snapshot lives, they lie in the map at multiples of the page size, and since LMDB 0.9 came out
 * their form has been the same. None of that is believed: a leaf is entered only where the entry
 * that LMDB's cursor gave is found in it, key and value at the very addresses. Anything else leaves
 * the step to LMDB. Write transactions keep changed pages elsewhere and are never walked. */
#include "storage/kv/lmdb_internal.h"
#include <sys/mman.h>
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

/* ---- pages that were checked ---- */

/* LMDB's pages have no checksums, and looking at one of every record that is read is a third of a
 * scan. So a scan looks at whole leaves and remembers them for a minute. What this process writes
 * into a page of the file meanwhile counts as seen: it came from memory. A page may go bad on the
 * disk at any time; it is noticed when it is read more than a minute later, or by other means than
 * scanning. */
enum { CHECKED_SECONDS = 60, BITS = 64 };

void lmdb_checked_open(struct lmdb_kv *kv)
{
    MDB_envinfo info;
    void *room;

    if (kv->page_bytes == 0 || mdb_env_info(kv->env, &info) != 0)
        return;
    kv->checked.page_count = info.me_mapsize / kv->page_bytes;
    room = mmap(NULL, kv->checked.page_count / 8 + 8, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return;
    kv->checked.room = kv->checked.bits = room;
    atomic_init(&kv->checked.since_ns, clock_monotonic_ns());
    atomic_init(&kv->checked.map, 0);
}

void lmdb_checked_close(struct lmdb_kv *kv)
{
    if (kv->checked.bits != NULL)
        munmap(kv->checked.room, kv->checked.page_count / 8 + 8);
    kv->checked.bits = NULL;
}

static void forget_when_old(struct lmdb_checked *checked)
{
    const uint64_t now = clock_monotonic_ns();
    uint64_t since = atomic_load_explicit(&checked->since_ns, memory_order_relaxed);

    if (now - since < (uint64_t)CHECKED_SECONDS * 1000000000u ||
        !atomic_compare_exchange_strong(&checked->since_ns, &since, now))
        return;
    if (madvise(checked->room, checked->page_count / 8 + 8, MADV_DONTNEED) != 0)
        for (uint64_t k = 0; k <= checked->page_count / BITS; k++)
            atomic_store_explicit(&checked->bits[k], 0, memory_order_relaxed);
}

/* By its place in the map: the number that the page bears could be what is damaged. */
static bool page_number(struct lmdb_kv *kv, const struct lmdb_page *page, uint64_t *out)
{
    const uintptr_t at = (uintptr_t)page->start;
    uintptr_t map = atomic_load_explicit(&kv->checked.map, memory_order_relaxed), expected = 0;
    uint64_t number;

    memcpy(&number, page->start, sizeof number);
    if (number >= kv->checked.page_count)
        return false;
    if (map == 0) {
        map = at - (uintptr_t)number * page->bytes;
        if (!atomic_compare_exchange_strong(&kv->checked.map, &expected, map))
            map = expected;
    }
    *out = number;
    return at - (uintptr_t)number * page->bytes == map;
}

bool lmdb_page_is_checked(struct lmdb_kv *kv, const struct lmdb_page *page)
{
    struct lmdb_page walk = *page;
    uint64_t number, bit;
    struct slice key, value;

    if (kv->checked.bits == NULL || kv->base.check == NULL || !page_number(kv, page, &number))
        return false;
    forget_when_old(&kv->checked);
    bit = 1ull << number % BITS;
    if ((atomic_load_explicit(&kv->checked.bits[number / BITS], memory_order_relaxed) & bit) != 0)
        return true;
    for (walk.slot = 0; walk.slot < walk.count; walk.slot++)
        if (lmdb_page_read(&walk, &key, &value) != PAGE_ENTRY || !kv->base.check(key, value))
            return false;
    atomic_fetch_or_explicit(&kv->checked.bits[number / BITS], bit, memory_order_relaxed);
    return true;
}
