/*
 * tar: an archive of files (POSIX ustar), written to a file, compressed or not.
 *
 * Errors: sticky; tar_end tells.
 */
#ifndef HARPER_REST_TAR_H
#define HARPER_REST_TAR_H

#include "storage/base/base.h"

struct encoder;

struct tar {
    int fd;
    struct encoder *encoder; /* NULL: not compressed */
    struct buf out;
    int64_t time_s; /* of all members */
    bool failed;
};

bool tar_begin(struct tar *tar, int fd, bool is_compressed, int64_t time_s);
void tar_text(struct tar *tar, const char *name, struct slice content);
void tar_file(struct tar *tar, const char *name, const char *path);
bool tar_end(struct tar *tar);

#endif
