/* What does not fit into memory: a file that only this process sees and only grows, and a store of
 * byte strings that begins in memory and goes on in such a file. */
#include "vdbe/vm/vm_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PENDING_BYTES_MAX = 64 << 10 };

void spill_init(struct spill_file *file, const char *directory)
{
    *file = (struct spill_file){.fd = -1, .directory = directory};
}

void spill_deinit(struct spill_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    file->bytes = 0;
    buf_free(&file->pending);
}

static enum status status_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ST_FULL : ST_IO;
}

static enum status open_file(struct spill_file *file)
{
    const char *directory = file->directory;
    char path[4096];
    int len;

    if (directory == NULL)
        directory = getenv("TMPDIR");
    if (directory == NULL || directory[0] == '\0')
        directory = "/tmp";
    TRY(FAILPOINT("vm.spill.open"));
    len = snprintf(path, sizeof(path), "%s/harper-XXXXXX", directory);
    if (len < 0 || (size_t)len >= sizeof(path))
        return ST_IO;
    file->fd = mkostemp(path, O_CLOEXEC);
    if (file->fd < 0)
        return status_of_errno();
    (void)unlink(path); /* gone for everybody else, whatever happens to this process */
    return ST_OK;
}

static enum status write_at(int fd, uint64_t offset, const char *bytes, size_t len)
{
    TRY(FAILPOINT("vm.spill.write"));
    while (len > 0) {
        ssize_t done = pwrite(fd, bytes, len, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return status_of_errno();
        bytes += done;
        offset += (uint64_t)done;
        len -= (size_t)done;
    }
    return ST_OK;
}

static enum status flush(struct spill_file *file)
{
    if (file->pending.len == 0)
        return ST_OK;
    if (file->fd < 0)
        TRY(open_file(file));
    TRY(write_at(file->fd, file->bytes - file->pending.len, file->pending.data, file->pending.len));
    buf_clear(&file->pending);
    return ST_OK;
}

enum status spill_append(struct spill_file *file, const void *bytes, size_t len, uint64_t *offset)
{
    if (file->pending.len + len > PENDING_BYTES_MAX)
        TRY(flush(file));
    if (offset != NULL)
        *offset = file->bytes;
    buf_append(&file->pending, bytes, len);
    if (file->pending.failed)
        return ST_NO_MEMORY;
    file->bytes += len;
    return ST_OK;
}

enum status spill_read(struct spill_file *file, uint64_t offset, void *out, size_t len)
{
    char *to = out;

    if (offset + len > file->bytes - file->pending.len)
        TRY(flush(file));
    TRY(FAILPOINT("vm.spill.read"));
    while (len > 0) {
        ssize_t done = pread(file->fd, to, len, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ST_IO;
        to += done;
        offset += (uint64_t)done;
        len -= (size_t)done;
    }
    return ST_OK;
}

void spill_truncate(struct spill_file *file)
{
    if (file->fd >= 0)
        close(file->fd); /* frees the blocks: the file has no name */
    file->fd = -1;
    file->bytes = 0;
    buf_clear(&file->pending);
}

/* ---- store ---- */

void store_init(struct store *store, size_t memory_bytes, const char *directory)
{
    *store = (struct store){.memory_bytes = memory_bytes};
    arena_init(&store->arena, 0);
    spill_init(&store->file, directory);
}

void store_deinit(struct store *store)
{
    arena_deinit(&store->arena);
    spill_deinit(&store->file);
    buf_free(&store->scratch);
}

void store_clear(struct store *store)
{
    arena_reset(&store->arena);
    if (store->file.bytes != 0)
        spill_truncate(&store->file);
}

enum status store_add(struct store *store, struct slice bytes, store_ref_t *out)
{
    if (store->file.bytes == 0 && store->arena.used_bytes + bytes.len <= store->memory_bytes) {
        char *room = arena_alloc(&store->arena, bytes.len);

        if (room == NULL)
            return ST_NO_MEMORY;
        if (bytes.len != 0)
            memcpy(room, bytes.data, bytes.len);
        *out = (uint64_t)(uintptr_t)room; /* arena rooms are 16-byte aligned: lowest bit 0 */
        return ST_OK;
    }
    if (store->file.bytes == 0) /* so that an item of no bytes is in the file too */
        TRY(spill_append(&store->file, "", 1, NULL));
    TRY(spill_append(&store->file, bytes.data, bytes.len, out));
    *out = *out << 1 | 1;
    return ST_OK;
}

enum status store_get(struct store *store, store_ref_t ref, size_t len, struct buf *scratch,
                      const char **out)
{
    if ((ref & 1) == 0) {
        *out = (const char *)(uintptr_t)ref;
        return ST_OK;
    }
    buf_clear(scratch);
    if (!buf_reserve(scratch, len + 1))
        return ST_NO_MEMORY;
    *out = scratch->data;
    return spill_read(&store->file, ref >> 1, scratch->data, len);
}
