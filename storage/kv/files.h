/*
 * files: what kv needs of a database's directory besides what the libraries do themselves.
 */
#ifndef HARPER_KV_FILES_H
#define HARPER_KV_FILES_H

#include "storage/base/base.h"

bool files_exist(const char *directory, const char *name);
/* Does some file's name end in one of these? */
bool files_have_suffix(const char *directory, const char *suffix, const char *or_suffix);
/* The directory and its parents; ST_OK also when it is there. New names are written back. */
enum status files_make_directory(const char *path, struct error *err);
/* Write back a directory's entries, so that a new file's name survives a power cut. */
enum status files_sync_directory(const char *path, struct error *err);
/* One process may write a database, or several may read it, never both. ST_BUSY names the holder.
 */
enum status files_lock(const char *directory, bool shared, int *fd_out, struct error *err);
void files_unlock(int fd); /* -1 is allowed */
bool files_free_bytes(const char *directory, uint64_t *out);
/* Allocated bytes of the files in a directory. */
uint64_t files_disk_bytes(const char *directory);
/* "directory/name"; NULL when memory is short. */
char *files_join(const char *directory, const char *name);

#endif
