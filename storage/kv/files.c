#include "storage/kv/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char lock_name[] = "harper.lock";

char *files_join(const char *directory, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return NULL;
    return path;
}

bool files_exist(const char *directory, const char *name)
{
    struct stat stat;
    char *path = files_join(directory, name);
    bool exists = path != NULL && lstat(path, &stat) == 0;

    free(path);
    return exists;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

bool files_have_suffix(const char *directory, const char *suffix, const char *or_suffix)
{
    DIR *dir = opendir(directory);
    struct dirent *entry = NULL;
    bool found = false;

    while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
        found = ends_in(entry->d_name, suffix) || ends_in(entry->d_name, or_suffix);
    if (dir != NULL)
        closedir(dir);
    return found;
}

enum status files_sync_directory(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int why = errno;

    if (fd >= 0)
        close(fd);
    /* Some file systems cannot sync a directory and say so. */
    if (ok || (fd >= 0 && why == EINVAL))
        return ST_OK;
    return error_set(err, ST_IO, -1, "%s: %s", path, strerror(why));
}

/* Make one directory whose parent exists. */
static enum status make_one(const char *path, struct error *err)
{
    char *copy = NULL, *slash = NULL;
    enum status st = ST_OK;

    if (mkdir(path, 0777) != 0) {
        struct stat stat_of;
        int why = errno;

        if (why == EEXIST && stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode))
            return ST_OK;
        return error_set(err, why == ENOSPC ? ST_FULL : ST_IO, -1,
                         "cannot make the directory %s: %s", path, strerror(why));
    }
    copy = strdup(path);
    if (copy == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    slash = strrchr(copy, '/');
    if (slash == NULL)
        st = files_sync_directory(".", err);
    else if (slash == copy)
        st = files_sync_directory("/", err);
    else {
        *slash = '\0';
        st = files_sync_directory(copy, err);
    }
    free(copy);
    return st;
}

enum status files_make_directory(const char *path, struct error *err)
{
    struct stat stat_of;
    enum status st = ST_OK;
    char *copy = NULL;
    size_t len = strlen(path);

    if (stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode))
        return ST_OK;
    copy = strdup(path);
    if (copy == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    for (size_t i = 1; i <= len; i++) {
        char end = copy[i];

        if (end != '/' && end != '\0')
            continue;
        copy[i] = '\0';
        TRY_OUT(make_one(copy, err));
        copy[i] = end;
    }
out:
    free(copy);
    return st;
}

/* ---- the lock ---- */

static enum status held_error(const char *directory, int fd, struct error *err)
{
    char text[32] = "";
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    long pid = len > 0 ? strtol(text, NULL, 10) : 0;

    if (pid == (long)getpid())
        return error_set(err, ST_BUSY, -1, "%s is already open in this process", directory);
    if (pid > 0)
        return error_set(err, ST_BUSY, -1, "%s is in use by process %ld", directory, pid);
    return error_set(err, ST_BUSY, -1, "%s is in use by another process", directory);
}

/* Say who holds it, for the error message of the next one. Not worth failing for. */
static void write_pid(int fd, bool shared)
{
    char text[32] = "";
    int len = shared ? 0 : snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) == 0 && len > 0 && pwrite(fd, text, (size_t)len, 0) != len)
        return;
}

enum status files_lock(const char *directory, bool shared, int *fd_out, struct error *err)
{
    enum status st = ST_OK;
    char *path = files_join(directory, lock_name);
    int fd = -1;

    *fd_out = -1;
    if (path == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 && shared) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) /* a read-only medium: nobody can be writing */
            goto out;
    }
    if (fd < 0) {
        st = error_set(err, errno == ENOSPC ? ST_FULL : ST_IO, -1, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        st = errno == EWOULDBLOCK ? held_error(directory, fd, err)
                                  : error_set(err, ST_IO, -1, "%s: %s", path, strerror(errno));
        close(fd);
        goto out;
    }
    write_pid(fd, shared);
    *fd_out = fd;
out:
    free(path);
    return st;
}

void files_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* ---- space ---- */

bool files_free_bytes(const char *directory, uint64_t *out)
{
    struct statvfs fs;

    if (statvfs(directory, &fs) != 0)
        return false;
    *out = (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}

uint64_t files_disk_bytes(const char *directory)
{
    uint64_t bytes = 0;
    DIR *dir = opendir(directory);
    struct dirent *entry = NULL;

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL) {
        struct stat stat_of;

        if (fstatat(dirfd(dir), entry->d_name, &stat_of, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(stat_of.st_mode))
            bytes += (uint64_t)stat_of.st_blocks * 512;
    }
    closedir(dir);
    return bytes;
}
