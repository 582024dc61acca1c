/* watermark: a small file beside the store that says which commits were acknowledged.
 * docs/storage-format.md, "Watermark", says what it proves. It is written after a commit is durable
 * and before it is acknowledged, never before, so it can lag behind the store but not run ahead of
 * it: a store that holds less than it says has lost something. */
#include "storage/table/table_internal.h"
#include "storage/value/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    SLOT_BYTES = 64,
    SLOT_DISTANCE = 4096,
    SLOT_COUNT = 2
}; /* a torn write hurts one slot only */
static const char magic[8] = {'h', 'a', 'r', 'p', 'w', 'm', '0', '1'};

uint64_t chain_next(uint64_t chain, uint32_t crc)
{
    uint64_t both[2] = {chain, crc};

    return hash_bytes(slice_of(both, sizeof(both)), 0);
}

struct mark {
    uint64_t sequence, stamp, chain;
};

static bool read_slot(int fd, unsigned slot, struct mark *out)
{
    char bytes[SLOT_BYTES];
    struct slice in = {bytes, sizeof(bytes)}, head, uuid;
    uint32_t crc;

    if (pread(fd, bytes, sizeof(bytes), (off_t)slot * SLOT_DISTANCE) != (ssize_t)sizeof(bytes))
        return false;
    if (!read_bytes(&in, sizeof(magic), &head) || memcmp(head.data, magic, sizeof(magic)) != 0)
        return false;
    if (!read_u64_le(&in, &out->sequence) || !read_u64_le(&in, &out->stamp) ||
        !read_u64_le(&in, &out->chain) || !read_bytes(&in, 16, &uuid) || !read_u32_le(&in, &crc))
        return false;
    return crc == crc32c(0, bytes, SLOT_BYTES - in.len - 4);
}

enum status watermark_forbid_new(const char *path, struct error *err)
{
    struct buf name = {0};
    struct mark mark;
    uint64_t sequence = 0;
    int fd;

    buf_printf(&name, "%s/watermark", path);
    fd = buf_cstr(&name) == NULL ? -1 : open(buf_cstr(&name), O_RDONLY | O_CLOEXEC);
    buf_free(&name);
    if (fd < 0)
        return ST_OK;
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
        if (read_slot(fd, slot, &mark) && mark.sequence > sequence)
            sequence = mark.sequence;
    (void)close(fd);
    if (sequence == 0)
        return ST_OK;
    return error_set(err, ST_CORRUPT, -1,
                     "%s: the store is missing or empty, but %llu commits were acknowledged", path,
                     (unsigned long long)sequence);
}

void watermark_write(struct db *db, uint64_t sequence, stamp_t stamp, uint64_t chain)
{
    struct buf bytes = {0};

    if (db->watermark.fd < 0)
        return;
    buf_append(&bytes, magic, sizeof(magic));
    buf_append_u64_le(&bytes, sequence);
    buf_append_u64_le(&bytes, stamp);
    buf_append_u64_le(&bytes, chain);
    buf_append(&bytes, db->uuid, sizeof(db->uuid));
    buf_append_u32_le(&bytes, crc32c(0, bytes.data, bytes.len));
    buf_append_fill(&bytes, 0, SLOT_BYTES - bytes.len);
    db->watermark.slot = (db->watermark.slot + 1) % SLOT_COUNT;
    /* A failure here loses proof, not data: the older slot still says something true. */
    if (!bytes.failed && pwrite(db->watermark.fd, bytes.data, bytes.len,
                                (off_t)db->watermark.slot * SLOT_DISTANCE) == (ssize_t)bytes.len)
        db->watermark.is_dirty = true;
    buf_free(&bytes);
}

void watermark_flush(struct db *db)
{
    if (db->watermark.fd >= 0 && atomic_exchange(&db->watermark.is_dirty, false))
        (void)fdatasync(db->watermark.fd);
}

enum status watermark_open(struct db *db, struct error *err)
{
    struct buf path = {0};
    const char *name;

    db->watermark.fd = -1;
    if (db->is_memory)
        return ST_OK;
    buf_printf(&path, "%s/watermark", db->path);
    name = buf_cstr(&path);
    if (name == NULL)
        return ST_NO_MEMORY;
    db->watermark.fd = db->options.read_only ? open(name, O_RDONLY | O_CLOEXEC)
                                             : open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    buf_free(&path);
    if (db->watermark.fd < 0 && !(db->options.read_only && errno == ENOENT))
        return error_set(err, ST_IO, -1, "cannot open the watermark: error %d", errno);
    /* Written blocks need no metadata when they are written again. */
    if (!db->options.read_only && lseek(db->watermark.fd, 0, SEEK_END) == 0) {
        static const char zeros[SLOT_DISTANCE * SLOT_COUNT];

        if (pwrite(db->watermark.fd, zeros, sizeof(zeros), 0) != (ssize_t)sizeof(zeros))
            return error_set(err, ST_IO, -1, "cannot write the watermark: error %d", errno);
    }
    return ST_OK;
}

void watermark_close(struct db *db)
{
    if (db->watermark.fd >= 0) {
        watermark_flush(db);
        (void)close(db->watermark.fd);
    }
    db->watermark.fd = -1;
}

enum status watermark_verify(struct db *db, struct kv_txn *kv, uint64_t sequence, uint64_t chain,
                             struct error *err)
{
    struct mark best = {0}, mark;
    uint64_t folded;
    uint32_t crc;

    if (db->watermark.fd < 0)
        return ST_OK;
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        if (read_slot(db->watermark.fd, slot, &mark) && mark.sequence > best.sequence) {
            best = mark;
            db->watermark.slot = slot;
        }
    }
    if (best.sequence > sequence)
        return error_set(
            err, ST_CORRUPT, -1,
            "commits %llu to %llu were acknowledged and are missing; open read-only to look",
            (unsigned long long)sequence + 1, (unsigned long long)best.sequence);
    if (best.sequence == 0)
        return ST_OK;
    /* From what was acknowledged forward, by the entries of the log, to where the store says it is.
     */
    folded = best.chain;
    for (uint64_t at = best.sequence + 1; at <= sequence; at++) {
        enum status st = log_crc_of(db, kv, at, &crc);

        if (st == ST_NOT_FOUND)
            return ST_OK; /* the log was cut beyond the mark: nothing to compare with */
        TRY(st);
        folded = chain_next(folded, crc);
    }
    if (folded != chain)
        return error_set(err, ST_CORRUPT, -1,
                         "the store does not continue from commit %llu, which was acknowledged",
                         (unsigned long long)best.sequence);
    return ST_OK;
}
