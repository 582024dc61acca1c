/*
 * Backups: a repository per database, `<backup path>/<database>/<id>/`, with the copy in `data` and
 * a manifest beside it. The manifest is written last and removed first: what has none is not a
 * backup.
 */
#include "rest/operations/operations_internal.h"
#include "rest/operations/tar.h"
#include "storage/value/hash.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FILES_MAX = 1000000 };

static const char in_progress[] = "Backup operation already in progress for database 'data'";

/* ---- the repository ---- */

struct repository {
    struct operations *operations;
    const char *path; /* of the database's backups */
};

static bool path_of(char out[PATH_BYTES], const char *directory, int64_t id, const char *name)
{
    int len = id < 0 ? snprintf(out, PATH_BYTES, "%s/%s", directory, name)
                     : snprintf(out, PATH_BYTES, "%s/%lld%s%s", directory, (long long)id,
                                *name == '\0' ? "" : "/", name);

    return len > 0 && len < PATH_BYTES;
}

static bool remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool ok = true;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char child[PATH_BYTES];
        struct stat facts;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!path_of(child, path, -1, entry->d_name) || lstat(child, &facts) != 0)
            ok = false;
        else if (S_ISDIR(facts.st_mode))
            ok = remove_tree(child) && ok;
        else
            ok = unlink(child) == 0 && ok;
    }
    if (directory != NULL)
        closedir(directory);
    return rmdir(path) == 0 && ok;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static bool has_manifest(const char *repository, int64_t id)
{
    char path[PATH_BYTES];

    return path_of(path, repository, id, "manifest.json") && access(path, R_OK) == 0;
}

/* Ids in ascending order, in `out` (int64_t). */
static size_t list_ids(const char *repository, bool only_complete, struct buf *out)
{
    DIR *directory = opendir(repository);
    const struct dirent *entry;
    size_t count;

    buf_clear(out);
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *end;
        int64_t id = strtoll(entry->d_name, &end, 10);

        if (id > 0 && *end == '\0' && (!only_complete || has_manifest(repository, id)))
            buf_append(out, &id, sizeof id);
    }
    if (directory != NULL)
        closedir(directory);
    count = out->len / sizeof(int64_t);
    if (count > 0)
        qsort(out->data, count, sizeof(int64_t), compare_ids);
    return count;
}

static int64_t id_at(const struct buf *ids, size_t k)
{
    int64_t id;

    memcpy(&id, ids->data + k * sizeof id, sizeof id);
    return id;
}

/* ---- manifests ---- */

static bool hash_file(const char *path, uint64_t *out)
{
    FILE *in = fopen(path, "rb");
    char piece[65536];
    size_t len;
    bool ok;

    *out = 0;
    if (in == NULL)
        return false;
    while ((len = fread(piece, 1, sizeof piece, in)) > 0)
        *out = hash_bytes(slice_of(piece, len), *out);
    ok = !ferror(in);
    fclose(in);
    return ok;
}

/* {"name": …, "size": …, "hash": …} for each file of the copy. */
static bool put_files(struct document_builder *builder, const char *data, int64_t *size,
                      int64_t *count)
{
    DIR *directory = opendir(data);
    const struct dirent *entry;
    bool ok = directory != NULL;

    *size = *count = 0;
    document_name(builder, slice_text("files"));
    document_open_array(builder);
    while (ok && (entry = readdir(directory)) != NULL) {
        char path[PATH_BYTES], text[20];
        struct stat facts;
        uint64_t hash;

        if (!path_of(path, data, -1, entry->d_name) || stat(path, &facts) != 0 ||
            !S_ISREG(facts.st_mode))
            continue;
        ok = hash_file(path, &hash);
        document_open_object(builder);
        put_text(builder, "name", slice_text(entry->d_name));
        put_value(builder, "size", value_int(facts.st_size));
        snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
        put_text(builder, "hash", slice_text(text));
        document_close(builder);
        *size += facts.st_size;
        ++*count;
    }
    document_close(builder);
    if (directory != NULL)
        closedir(directory);
    return ok;
}

/* Whole or not at all: written beside, on disk, then named. */
static bool write_whole(const char *path, struct slice text)
{
    char beside[PATH_BYTES];
    bool ok = snprintf(beside, sizeof beside, "%s.new", path) < (int)sizeof beside;
    FILE *out = ok ? fopen(beside, "wb") : NULL;

    if (out == NULL)
        return false;
    ok = fwrite(text.data, 1, text.len, out) == text.len && fflush(out) == 0 &&
         fsync(fileno(out)) == 0;
    ok = fclose(out) == 0 && ok;
    return ok && rename(beside, path) == 0;
}

static bool read_manifest(const char *repository, int64_t id, struct arena *arena,
                          struct value *out)
{
    char path[PATH_BYTES], piece[65536];
    struct buf text = {0};
    struct error err = {.offset = -1};
    FILE *in = path_of(path, repository, id, "manifest.json") ? fopen(path, "rb") : NULL;
    size_t len;
    bool ok;

    if (in == NULL)
        return false;
    while ((len = fread(piece, 1, sizeof piece, in)) > 0)
        buf_append(&text, piece, len);
    fclose(in);
    ok = !text.failed && json_read(arena_copy(arena, buf_slice(&text)), arena, out, &err) == ST_OK;
    buf_free(&text);
    return ok;
}

/* ---- fields ---- */

/* The repository of the request's database; false: the answer says what is wrong with it. */
static bool find_repository(struct call *call, const char **out)
{
    struct value name = call_field(call, "database", "schema");
    struct slice database = call_database(call);

    if (name.kind != VALUE_ABSENT && (name.kind != VALUE_TEXT || name.len == 0)) {
        call_fail(call, 400, "'database' must be a non-empty string");
        return false;
    }
    if (memchr(database.data, '/', database.len) != NULL || database.data[0] == '.') {
        call_fail(call, 400, "Invalid database name '%.*s'", (int)database.len, database.data);
        return false;
    }
    *out = call->operations->options.backup_path;
    if (slice_is(database, "data") && *out != NULL)
        return true;
    call_fail(call, 404, "Database '%.*s' does not exist", (int)database.len, database.data);
    return false;
}

static bool read_id(struct call *call, const char *repository, int64_t *out)
{
    struct value id = call_field(call, "backup_id", NULL);
    char path[PATH_BYTES];

    if (id.kind != VALUE_INT || id.as.i < 1) {
        call_fail(call, 400, "'backup_id' must be a positive integer");
        return false;
    }
    *out = id.as.i;
    if (!path_of(path, repository, *out, "") || access(path, F_OK) != 0) {
        call_fail(call, 404, "Backup %lld not found for database 'data'", (long long)*out);
        return false;
    }
    return true;
}

static bool read_complete_id(struct call *call, const char *repository, int64_t *out)
{
    if (!read_id(call, repository, out))
        return false;
    if (has_manifest(repository, *out))
        return true;
    call_fail(call, 409,
              "Backup %lld of database 'data' is incomplete (its creation did not finish or is "
              "still in progress); it cannot be restored or verified",
              (long long)*out);
    return false;
}

static bool read_flag(struct call *call, const char *name)
{
    struct value v = call_field(call, name, NULL);

    if (v.kind == VALUE_ABSENT || v.kind == VALUE_BOOL)
        return true;
    call_fail(call, 400, "'%s' must be a boolean", name);
    return false;
}

static bool take_repository(struct operations *operations)
{
    bool is_free;

    pthread_mutex_lock(&operations->lock);
    is_free = !operations->is_backing_up;
    operations->is_backing_up = true;
    pthread_mutex_unlock(&operations->lock);
    return is_free;
}

static void give_repository(struct operations *operations)
{
    pthread_mutex_lock(&operations->lock);
    operations->is_backing_up = false;
    pthread_mutex_unlock(&operations->lock);
}

/* ---- making one ---- */

static bool finish_result(struct job_run *run, struct document_builder *builder)
{
    struct value v;
    bool ok;

    document_close(builder);
    ok = document_end(builder, &v) == ST_OK;
    if (ok) {
        v.as.data = arena_copy(run->arena, value_slice(v)).data;
        run->result = v;
        ok = v.as.data != NULL;
    }
    document_deinit(builder);
    return ok || job_says(run, false, "out of memory");
}

static bool write_backup(struct job_run *run, const char *repository, int64_t id)
{
    char path[PATH_BYTES];
    struct document_builder builder = {0}, result = {0};
    struct value manifest;
    struct buf json = {0};
    harper_error error;
    int64_t size = 0, count = 0, now = clock_wall_us() / 1000000;
    bool ok;

    if (!path_of(path, repository, id, "data") ||
        harper_backup(run->operations->options.db, path, &error) != HARPER_OK)
        return job_fails_of(run, &error);
    document_begin(&builder);
    document_open_object(&builder);
    put_value(&builder, "backup_id", value_int(id));
    put_value(&builder, "timestamp", value_int(now));
    put_value(&builder, "blobs", value_bool(true)); /* values are in their records */
    ok = put_files(&builder, path, &size, &count);
    put_value(&builder, "size", value_int(size));
    put_value(&builder, "file_count", value_int(count));
    document_close(&builder);
    ok = ok && document_end(&builder, &manifest) == ST_OK;
    if (ok)
        json_write(&json, manifest);
    ok = ok && !json.failed && path_of(path, repository, id, "manifest.json") &&
         write_whole(path, buf_slice(&json));
    buf_free(&json);
    document_deinit(&builder);
    if (!ok)
        return job_says(run, false, "the manifest cannot be written: %s", strerror(errno));
    document_begin(&result);
    document_open_object(&result);
    put_text(&result, "database", slice_text("data"));
    put_value(&result, "backup_id", value_int(id));
    put_value(&result, "blobs", value_bool(true));
    put_value(&result, "size", value_int(size));
    put_value(&result, "timestamp", value_int(now));
    return finish_result(run, &result);
}

static bool run_create(struct job_run *run)
{
    const char *repository = run->operations->options.backup_path;
    char path[PATH_BYTES];
    struct buf ids = {0};
    size_t count;
    int64_t id;
    bool ok = false;

    if (!take_repository(run->operations))
        return job_says(run, false, "%s", in_progress);
    mkdir(repository, 0700);
    count = list_ids(repository, false, &ids);
    id = count == 0 ? 1 : id_at(&ids, count - 1) + 1;
    buf_free(&ids);
    if (!path_of(path, repository, id, "") || mkdir(path, 0700) != 0) {
        job_says(run, false, "%s cannot be made: %s", path, strerror(errno));
    } else {
        ok = write_backup(run, repository, id);
        if (!ok)
            remove_tree(path);
    }
    give_repository(run->operations);
    return ok;
}

static bool has_tables(struct call *call)
{
    struct document_builder builder = {0};
    harper_error error;
    struct value tables;
    bool ok;

    document_begin(&builder);
    ok = database_describe(call->request->session, slice_text("data"), slice_empty(),
                           DESCRIBE_NO_COUNT, &builder, &error) == HARPER_OK &&
         document_end(&builder, &tables) == ST_OK && document_count(tables) > 0;
    document_deinit(&builder);
    if (!ok)
        call_fail(call, 400, "Database 'data' has no tables to back up");
    return ok;
}

void operation_create_backup(struct call *call)
{
    const char *repository;

    if (find_repository(call, &repository) && read_flag(call, "exclude_blobs") && has_tables(call))
        call_start_job(call, "create_backup", run_create);
}

/* ---- listing, removing ---- */

void operation_list_backups(struct call *call)
{
    static const char *const members[] = {"backup_id", "timestamp", "size", "file_count", "blobs"};
    const char *repository;
    struct buf ids = {0};
    size_t count;

    if (!find_repository(call, &repository))
        return;
    count = list_ids(repository, true, &ids);
    document_begin(&call->builder);
    document_open_array(&call->builder);
    for (size_t k = 0; k < count; k++) {
        struct value manifest;

        if (!read_manifest(repository, id_at(&ids, k), call->request->arena, &manifest))
            continue;
        document_open_object(&call->builder);
        for (size_t m = 0; m < COUNT_OF(members); m++)
            put_value(&call->builder, members[m],
                      document_member(manifest, slice_text(members[m])));
        document_close(&call->builder);
    }
    document_close(&call->builder);
    call_built(call);
    buf_free(&ids);
}

static bool remove_backup(const char *repository, int64_t id)
{
    char path[PATH_BYTES];

    if (path_of(path, repository, id, "manifest.json"))
        unlink(path);
    return path_of(path, repository, id, "") && remove_tree(path);
}

void operation_delete_backup(struct call *call)
{
    const char *repository;
    int64_t id;

    if (!find_repository(call, &repository) || !read_id(call, repository, &id))
        return;
    if (!take_repository(call->operations)) {
        call_fail(call, 409, "%s", in_progress);
        return;
    }
    if (remove_backup(repository, id)) {
        document_begin(&call->builder);
        document_open_object(&call->builder);
        put_value(&call->builder, "ok", value_bool(true));
        document_close(&call->builder);
        call_built(call);
    } else {
        call_fail(call, 500, "backup %lld cannot be removed: %s", (long long)id, strerror(errno));
    }
    give_repository(call->operations);
}

static void purge(struct call *call, const char *repository, int64_t keep)
{
    struct buf ids = {0};
    size_t count = list_ids(repository, true, &ids), deleted = 0;

    while (deleted < count && (int64_t)(count - deleted) > keep &&
           remove_backup(repository, id_at(&ids, deleted)))
        deleted++;
    buf_free(&ids);
    if (count == 0) {
        call_fail(call, 404, "No backups found for database 'data'");
        return;
    }
    document_begin(&call->builder);
    document_open_object(&call->builder);
    put_value(&call->builder, "deleted", value_int((int64_t)deleted));
    put_value(&call->builder, "remaining", value_int((int64_t)(count - deleted)));
    document_close(&call->builder);
    call_built(call);
}

void operation_purge_backups(struct call *call)
{
    struct value keep = call_field(call, "keep_count", NULL);
    const char *repository;

    if (!find_repository(call, &repository))
        return;
    if (keep.kind != VALUE_INT || keep.as.i < 0) {
        call_fail(call, 400, "'keep_count' must be a non-negative integer");
    } else if (!take_repository(call->operations)) {
        call_fail(call, 409, "%s", in_progress);
    } else {
        purge(call, repository, keep.as.i);
        give_repository(call->operations);
    }
}

/* ---- checking ---- */

static bool check_file(struct job_run *run, const char *data, struct value file, bool checks_hash)
{
    struct slice name = value_slice(document_member(file, slice_text("name")));
    struct slice hash = value_slice(document_member(file, slice_text("hash")));
    char path[PATH_BYTES], text[20], *copy = arena_strdup(run->arena, name);
    struct stat facts;
    uint64_t found;

    if (copy == NULL || !path_of(path, data, -1, copy) || stat(path, &facts) != 0)
        return job_says(run, false, "file %.*s is missing", (int)name.len, name.data);
    if (facts.st_size != value_to_int(document_member(file, slice_text("size"))))
        return job_says(run, false, "file %.*s has another size than it had", (int)name.len,
                        name.data);
    if (!checks_hash)
        return true;
    if (!hash_file(path, &found))
        return job_says(run, false, "file %.*s cannot be read", (int)name.len, name.data);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)found);
    return slice_is(hash, text) || job_says(run, false, "file %.*s has changed since it was saved",
                                            (int)name.len, name.data);
}

static bool run_verify(struct job_run *run)
{
    const char *repository = run->operations->options.backup_path;
    int64_t id = value_to_int(document_member(run->request, slice_text("backup_id")));
    bool checks_hash =
        value_truth(document_member(run->request, slice_text("verify_checksum"))) == 1;
    struct document_builder result = {0};
    struct value manifest, files;
    char data[PATH_BYTES];

    if (!read_manifest(repository, id, run->arena, &manifest) ||
        !path_of(data, repository, id, "data"))
        return job_says(run, false, "the manifest of backup %lld cannot be read", (long long)id);
    files = document_member(manifest, slice_text("files"));
    for (size_t k = 0; k < document_count(files); k++)
        if (!check_file(run, data, document_element(files, k), checks_hash))
            return false;
    document_begin(&result);
    document_open_object(&result);
    put_text(&result, "database", slice_text("data"));
    put_value(&result, "backup_id", value_int(id));
    put_value(&result, "ok", value_bool(true));
    put_value(&result, "blobs", value_bool(true));
    return finish_result(run, &result);
}

void operation_verify_backup(struct call *call)
{
    const char *repository;
    int64_t id;

    if (find_repository(call, &repository) && read_complete_id(call, repository, &id) &&
        read_flag(call, "verify_checksum"))
        call_start_job(call, "verify_backup", run_verify);
}

/* ---- taking one home ---- */

static bool archive(struct call *call, const char *data, int fd, bool is_compressed)
{
    static const char readme[] =
        "A backup of a harper database, of one moment. Unpacked, the directory is a database like "
        "any other:\n"
        "open it with harper DIRECTORY, or copy it in the place of another with harper copy.\n";
    DIR *directory = opendir(data);
    const struct dirent *entry;
    struct buf manifest = {0};
    int64_t now = clock_wall_us() / 1000000;
    struct tar tar;

    (void)call;
    if (directory == NULL)
        return false;
    tar_begin(&tar, fd, is_compressed, now);
    buf_printf(&manifest, "{\"database\":\"data\",\"timestamp\":%lld,\"version\":\"%s\"}\n",
               (long long)now, harper_version());
    tar_text(&tar, "harper-backup.json", buf_slice(&manifest));
    buf_free(&manifest);
    while ((entry = readdir(directory)) != NULL) {
        char path[PATH_BYTES];
        struct stat facts;

        if (path_of(path, data, -1, entry->d_name) && stat(path, &facts) == 0 &&
            S_ISREG(facts.st_mode))
            tar_file(&tar, entry->d_name, path);
    }
    closedir(directory);
    tar_text(&tar, "README", slice_text(readme));
    return tar_end(&tar);
}

/* A snapshot beside the repository, packed into a file that has no name. */
static int pack(struct call *call, const char *repository, bool is_compressed)
{
    char data[PATH_BYTES], name[40];
    harper_error error;
    int fd;

    mkdir(repository, 0700);
    snprintf(name, sizeof name, "packing-%lld", (long long)clock_monotonic_ns());
    if (!path_of(data, repository, -1, name) ||
        harper_backup(call->operations->options.db, data, &error) != HARPER_OK) {
        call_fail_of(call, &error);
        return -1;
    }
    fd = open(repository, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || !archive(call, data, fd, is_compressed) || lseek(fd, 0, SEEK_SET) != 0) {
        call_fail(call, 500, "the backup cannot be packed: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    remove_tree(data);
    return fd;
}

void operation_get_backup(struct call *call)
{
    struct value gzip = call_field(call, "gzip", NULL);
    bool is_compressed = gzip.kind == VALUE_ABSENT || value_truth(gzip) == 1;
    const char *repository;
    int fd;

    if (!find_repository(call, &repository) || !read_flag(call, "gzip") ||
        !read_flag(call, "exclude_blobs") || !has_tables(call))
        return;
    if (!take_repository(call->operations)) {
        call_fail(call, 409, "%s", in_progress);
        return;
    }
    fd = pack(call, repository, is_compressed);
    give_repository(call->operations);
    if (fd < 0)
        return;
    call->reply->has_file = true;
    call->reply->file = fd;
    call->reply->file_type = is_compressed ? "application/gzip" : "application/x-tar";
    call->reply->file_name = is_compressed ? "data.tar.gz" : "data.tar";
}

/* The database is open for as long as the server runs. */
void operation_restore_backup(struct call *call)
{
    const char *repository;
    struct buf ids = {0};
    int64_t id;

    if (call_field(call, "target_database", NULL).kind != VALUE_ABSENT) {
        call_fail(call, 400,
                  "'target_database' is not supported while Harper is running (restore_backup "
                  "always restores in place)");
        return;
    }
    if (slice_is(call_database(call), "system")) {
        call_fail(call, 400,
                  "The 'system' database cannot be restored while Harper is running; stop the "
                  "server first");
        return;
    }
    if (!find_repository(call, &repository))
        return;
    if (call_field(call, "backup_id", NULL).kind == VALUE_ABSENT) {
        size_t count = list_ids(repository, true, &ids);

        id = count == 0 ? 0 : id_at(&ids, count - 1);
        buf_free(&ids);
        if (id == 0) {
            call_fail(call, 404, "No complete backups found for database 'data'");
            return;
        }
    } else if (!read_complete_id(call, repository, &id)) {
        return;
    }
    call_fail(call, 409,
              "Cannot restore database 'data' while Harper is running: it is held open. Restore it "
              "offline instead: stop the server and run: harper copy %s/%lld/data DATABASE",
              repository, (long long)id);
}
