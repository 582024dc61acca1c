/* A redo journal of any bytes: replayed as a file, and the writes of a record's payload. */
#include "storage/kv/journal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_writes(struct slice in)
{
    struct journal_write write;
    struct buf again = {0};

    while (journal_write_read(&in, &write)) {
        buf_clear(&again);
        journal_write_put(&again, &write);
        if (again.failed)
            abort();
    }
    buf_free(&again);
}

static enum status show(void *context, struct slice payload)
{
    (void)context;
    read_writes(payload);
    return ST_OK;
}

/* The first byte says how many records the store holds, and in which of the two files the rest is.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char directory[] = "/tmp/harper-fuzz-journal-XXXXXX", path[64];
    uint64_t last = 0;
    int fd;

    read_writes(slice_of((const char *)data, size));
    if (size == 0)
        return 0;
    if (mkdtemp(directory) == NULL)
        abort();
    (void)snprintf(path, sizeof path, "%s/journal.%d", directory, data[0] & 1);
    fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
        abort();
    (void)close(fd);
    (void)journal_replay(directory, data[0] >> 4, show, NULL, &last, NULL);
    (void)unlink(path);
    (void)rmdir(directory);
    return 0;
}
