#include "rest/operations/tar.h"
#include "rest/codec/coding.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 512, PIECE_BYTES = 65536 };

/* POSIX.1-1988, "ustar": numbers are octal texts. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100],
        magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK_BYTES, "a header is a block");

static void flush(struct tar *tar)
{
    size_t at = 0;

    while (!tar->failed && at < tar->out.len) {
        ssize_t n = write(tar->fd, tar->out.data + at, tar->out.len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            tar->failed = true;
        else
            at += (size_t)n;
    }
    tar->failed = tar->failed || tar->out.failed;
    buf_clear(&tar->out);
}

static void put(struct tar *tar, const void *bytes, size_t len, bool is_last)
{
    if (tar->failed)
        return;
    if (tar->encoder == NULL)
        buf_append(&tar->out, bytes, len);
    else if (!encoder_run(tar->encoder, slice_of(bytes, len), is_last, &tar->out))
        tar->failed = true;
    if (tar->out.len >= PIECE_BYTES || is_last)
        flush(tar);
}

static void put_padding(struct tar *tar, uint64_t bytes)
{
    static const char zeros[BLOCK_BYTES];
    size_t used = (size_t)(bytes % BLOCK_BYTES);

    if (used > 0)
        put(tar, zeros, BLOCK_BYTES - used, false);
}

static void put_header(struct tar *tar, const char *name, uint64_t size)
{
    struct header header = {.type = '0'};
    unsigned sum = 0;

    snprintf(header.name, sizeof header.name, "%s", name);
    memcpy(header.mode, "0000600", 8);
    memcpy(header.uid, "0000000", 8);
    memcpy(header.gid, "0000000", 8);
    snprintf(header.size, sizeof header.size, "%011llo",
             (unsigned long long)size & 077777777777ull);
    snprintf(header.mtime, sizeof header.mtime, "%011llo",
             (unsigned long long)tar->time_s & 077777777777ull);
    memcpy(header.magic, "ustar", 6);
    memcpy(header.version, "00", 2);
    memset(header.checksum, ' ', sizeof header.checksum);
    for (size_t k = 0; k < sizeof header; k++)
        sum += ((const unsigned char *)&header)[k];
    snprintf(header.checksum, sizeof header.checksum, "%06o", sum & 0777777u);
    put(tar, &header, sizeof header, false);
}

bool tar_begin(struct tar *tar, int fd, bool is_compressed, int64_t time_s)
{
    *tar = (struct tar){.fd = fd, .time_s = time_s};
    if (is_compressed)
        tar->encoder = encoder_new(CODING_GZIP, true);
    tar->failed = is_compressed && tar->encoder == NULL;
    return !tar->failed;
}

void tar_text(struct tar *tar, const char *name, struct slice content)
{
    put_header(tar, name, content.len);
    put(tar, content.data, content.len, false);
    put_padding(tar, content.len);
}

void tar_file(struct tar *tar, const char *name, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    char piece[PIECE_BYTES];
    uint64_t left;

    if (fd < 0 || fstat(fd, &facts) != 0 || facts.st_size >= 1LL << 33) {
        tar->failed = true; /* eleven octal digits say sizes below 8 GiB */
        if (fd >= 0)
            close(fd);
        return;
    }
    left = (uint64_t)facts.st_size;
    put_header(tar, name, left);
    while (left > 0 && !tar->failed) {
        ssize_t n = read(fd, piece, left < sizeof piece ? (size_t)left : sizeof piece);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            tar->failed = true;
            break;
        }
        put(tar, piece, (size_t)n, false);
        left -= (uint64_t)n;
    }
    put_padding(tar, (uint64_t)facts.st_size);
    close(fd);
}

bool tar_end(struct tar *tar)
{
    static const char zeros[2 * BLOCK_BYTES];

    put(tar, zeros, sizeof zeros, true);
    encoder_free(tar->encoder);
    buf_free(&tar->out);
    return !tar->failed;
}
