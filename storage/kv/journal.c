/* journal: records in two files. A record begins at a multiple of 512 bytes, so that no sector
 * holds two of them and a torn write cannot hurt the one before. */
#include "storage/kv/journal.h"
#include "storage/kv/files.h"
#include "storage/value/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 0x316e6a68 /* "hjn1" */, HASHED_BYTES = 32, PREPARE_BYTES = 256 << 10 };

static const char *const names[JOURNAL_FILES] = {"journal.0", "journal.1"};

static enum status fail(const struct journal *journal, const char *doing, struct error *err)
{
    return error_set(err, errno == ENOSPC || errno == EDQUOT ? ST_FULL : ST_IO, -1,
                     "%s: %s the journal failed: %s", journal->directory, doing, strerror(errno));
}

enum status journal_init(struct journal *journal, const char *directory, uint64_t last_sequence)
{
    *journal = (struct journal){.directory = strdup(directory),
                                .last_sequence = last_sequence,
                                .durable_sequence = last_sequence};
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        journal->files[i].fd = -1;
    return journal->directory != NULL ? ST_OK : ST_NO_MEMORY;
}

void journal_deinit(struct journal *journal, bool remove)
{
    struct error err;

    for (unsigned i = 0; journal->directory != NULL && i < JOURNAL_FILES; i++)
        if (journal->files[i].fd >= 0)
            (void)close(journal->files[i].fd);
    if (remove)
        (void)journal_remove(journal->directory, &err);
    free(journal->directory);
    journal->directory = NULL;
}

bool journal_exists(const char *directory)
{
    return files_exist(directory, names[0]) || files_exist(directory, names[1]);
}

enum status journal_remove(const char *directory, struct error *err)
{
    for (unsigned i = 0; i < JOURNAL_FILES; i++) {
        char *path = files_join(directory, names[i]);
        int failed = path == NULL ? ENOMEM : unlink(path) != 0 && errno != ENOENT ? errno : 0;

        free(path);
        if (failed != 0)
            return error_set(err, ST_IO, -1, "%s/%s cannot be removed: %s", directory, names[i],
                             strerror(failed));
    }
    return files_sync_directory(directory, err);
}

/* ---- appending ---- */

static enum status open_file(struct journal *journal, struct journal_file *file, struct error *err)
{
    char *path = files_join(journal->directory, names[file - journal->files]);

    if (path == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    file->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    free(path);
    if (file->fd < 0)
        return fail(journal, "making", err);
    file->end_bytes = file->prepared_bytes = 0;
    return files_sync_directory(journal->directory, err);
}

static enum status write_all(const struct journal *journal, int fd, struct slice bytes, uint64_t at,
                             struct error *err)
{
    while (bytes.len != 0) {
        ssize_t done = pwrite(fd, bytes.data, bytes.len, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return fail(journal, "writing", err);
        bytes = slice_of(bytes.data + done, bytes.len - (size_t)done);
        at += (uint64_t)done;
    }
    return ST_OK;
}

/* Blocks ahead of a small record, so that only one sync in many has to write metadata. */
static enum status prepare(const struct journal *journal, struct journal_file *file,
                           uint64_t record_bytes, struct error *err)
{
    static const char zeros[PREPARE_BYTES];
    uint64_t end = file->end_bytes + record_bytes;

    if (end <= file->prepared_bytes || record_bytes > PREPARE_BYTES / 4)
        return ST_OK;
    TRY(write_all(journal, file->fd, slice_of(zeros, sizeof(zeros)), file->prepared_bytes, err));
    file->prepared_bytes += sizeof(zeros);
    return ST_OK;
}

static void put_u64(char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (char)(value >> 8 * i);
}

static uint64_t hash_record(struct slice head, struct slice payload)
{
    return hash_bytes(payload, hash_bytes(slice_of(head.data, HASHED_BYTES), 0));
}

static void seal(const struct journal *journal, struct buf *record, uint64_t *hash)
{
    struct slice payload = {record->data + JOURNAL_HEADER_BYTES,
                            record->len - JOURNAL_HEADER_BYTES};

    put_u64(record->data, (uint64_t)payload.len << 32 | MAGIC);
    put_u64(record->data + 8, journal->last_sequence + 1);
    put_u64(record->data + 16, journal->durable_sequence);
    put_u64(record->data + 24, journal->hash);
    *hash = hash_record(buf_slice(record), payload);
    put_u64(record->data + HASHED_BYTES, *hash);
}

enum status journal_append(struct journal *journal, struct buf *record, bool sync,
                           struct error *err)
{
    struct journal_file *file = &journal->files[journal->at];
    uint64_t hash;
    enum status st;

    if (record->failed)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    if (file->fd < 0)
        TRY(open_file(journal, file, err));
    seal(journal, record, &hash);
    buf_append_fill(record, 0, -record->len % JOURNAL_BLOCK_BYTES);
    if (record->failed)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    st = FAILPOINT("journal.write");
    if (st != ST_OK)
        return error_set(err, st, -1, "writing the journal failed on purpose");
    file->is_unsynced = true;
    TRY(prepare(journal, file, record->len, err));
    TRY(write_all(journal, file->fd, buf_slice(record), file->end_bytes, err));
    file->end_bytes += record->len;
    if (file->prepared_bytes < file->end_bytes)
        file->prepared_bytes = file->end_bytes;
    journal->last_sequence++;
    journal->hash = hash;
    return sync ? journal_sync(journal, err) : ST_OK;
}

enum status journal_sync(struct journal *journal, struct error *err)
{
    enum status st = FAILPOINT("journal.sync");

    if (st != ST_OK)
        return error_set(err, st, -1, "syncing the journal failed on purpose");
    for (unsigned i = 0; i < JOURNAL_FILES; i++) {
        struct journal_file *file = &journal->files[i];

        if (file->is_unsynced && fdatasync(file->fd) != 0)
            return fail(journal, "syncing", err);
        file->is_unsynced = false;
    }
    journal->durable_sequence = journal->last_sequence;
    st = FAILPOINT("journal.after_sync");
    return st == ST_OK ? ST_OK : error_set(err, st, -1, "the journal failed on purpose");
}

void journal_turn(struct journal *journal)
{
    journal->at = (journal->at + 1) % JOURNAL_FILES;
    journal->files[journal->at].end_bytes = 0;
}

uint64_t journal_bytes(const struct journal *journal)
{
    return journal->files[journal->at].end_bytes;
}

/* ---- payload ---- */

void journal_write_put(struct buf *payload, const struct journal_write *write)
{
    char head[12];
    size_t key_bytes = write->key.len, value_bytes = write->value.len;

    /* One reservation for all of it: this runs for every write of every commit. */
    if (!buf_reserve(payload, sizeof(head) + key_bytes + value_bytes))
        return;
    head[0] = (char)write->op;
    head[1] = (char)write->class;
    head[2] = (char)key_bytes;
    head[3] = (char)(key_bytes >> 8);
    for (int i = 0; i < 4; i++) {
        head[4 + i] = (char)(write->store >> 8 * i);
        head[8 + i] = (char)(value_bytes >> 8 * i);
    }
    buf_append(payload, head, sizeof(head));
    buf_append_slice(payload, write->key);
    buf_append_slice(payload, write->value);
}

bool journal_write_read(struct slice *in, struct journal_write *out)
{
    uint8_t op, class;
    uint16_t key_bytes;
    uint32_t value_bytes;
    struct slice rest = *in;

    if (!read_u8(&rest, &op) || !read_u8(&rest, &class) || !read_u16_le(&rest, &key_bytes) ||
        !read_u32_le(&rest, &out->store) || !read_u32_le(&rest, &value_bytes) ||
        !read_bytes(&rest, key_bytes, &out->key) || !read_bytes(&rest, value_bytes, &out->value))
        return false;
    if ((op != JOURNAL_PUT && op != JOURNAL_DELETE) || (op == JOURNAL_DELETE && value_bytes != 0))
        return false;
    out->op = (enum journal_op)op;
    out->class = class;
    *in = rest;
    return true;
}

/* ---- reading back ---- */

struct record {
    uint64_t sequence, durable, previous, hash;
    struct slice payload;
};

struct reader {
    struct buf files[JOURNAL_FILES];
};

static enum status read_file(const char *directory, const char *name, struct buf *out,
                             struct error *err)
{
    char *path = files_join(directory, name);
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat_of;
    enum status st = ST_OK;

    if (path == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    free(path);
    if (fd < 0)
        return errno == ENOENT
                   ? ST_OK
                   : error_set(err, ST_IO, -1, "%s/%s: %s", directory, name, strerror(errno));
    if (fstat(fd, &stat_of) != 0 || stat_of.st_size < 0)
        st = error_set(err, ST_IO, -1, "%s/%s: %s", directory, name, strerror(errno));
    else if (!buf_reserve(out, (size_t)stat_of.st_size))
        st = error_set(err, ST_NO_MEMORY, -1, "out of memory");
    while (st == ST_OK && out->len < (size_t)stat_of.st_size) {
        ssize_t got =
            pread(fd, out->data + out->len, (size_t)stat_of.st_size - out->len, (off_t)out->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            st = error_set(err, ST_IO, -1, "%s/%s: %s", directory, name, strerror(errno));
        if (got <= 0)
            break;
        out->len += (size_t)got;
    }
    (void)close(fd);
    return st;
}

/* A whole record at `at`. */
static bool read_record(const struct buf *file, size_t at, struct record *out)
{
    struct slice in, head;
    uint32_t magic, payload_bytes;

    if (at >= file->len)
        return false;
    in = head = slice_of(file->data + at, file->len - at);
    if (!read_u32_le(&in, &magic) || magic != MAGIC || !read_u32_le(&in, &payload_bytes) ||
        !read_u64_le(&in, &out->sequence) || !read_u64_le(&in, &out->durable) ||
        !read_u64_le(&in, &out->previous) || !read_u64_le(&in, &out->hash) ||
        !read_bytes(&in, payload_bytes, &out->payload))
        return false;
    return hash_record(head, out->payload) == out->hash;
}

static size_t record_end(size_t at, const struct record *record)
{
    size_t bytes = JOURNAL_HEADER_BYTES + record->payload.len;

    return at + bytes + -bytes % JOURNAL_BLOCK_BYTES;
}

/* The next whole record at or after *at, which is left behind it. Only where nothing is whole does
 * this look into what lies there, so what a user stored is not taken for a record. */
static bool find_next(const struct buf *file, size_t *at, struct record *out, size_t *start)
{
    for (; *at + JOURNAL_HEADER_BYTES <= file->len; *at += JOURNAL_BLOCK_BYTES) {
        if (read_record(file, *at, out)) {
            *start = *at;
            *at = record_end(*at, out);
            return true;
        }
    }
    return false;
}

/* Was the record with this number on disk when some later one was written? */
static bool was_durable(const struct reader *reader, uint64_t sequence)
{
    struct record record;
    size_t start;

    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        for (size_t at = 0; find_next(&reader->files[i], &at, &record, &start);)
            if (record.sequence > sequence && record.durable >= sequence)
                return true;
    return false;
}

/* Where a record lies, so that the one behind it is found without looking again. */
struct place {
    unsigned file;
    size_t end;
};

static bool next_record(const struct reader *reader, uint64_t sequence, struct place *place,
                        struct record *out)
{
    unsigned other = 1 - place->file;

    if (read_record(&reader->files[place->file], place->end, out) && out->sequence == sequence) {
        place->end = record_end(place->end, out);
        return true;
    }
    if (read_record(&reader->files[other], 0, out) && out->sequence == sequence) {
        *place = (struct place){other, record_end(0, out)};
        return true;
    }
    return false;
}

/* Where the first record lies that the store does not hold. The ones before it need not be whole.
 */
static void find_first(const struct reader *reader, uint64_t sequence, struct place *place)
{
    struct record record;
    size_t start;

    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        for (size_t at = 0; find_next(&reader->files[i], &at, &record, &start);)
            if (record.sequence == sequence) {
                *place = (struct place){i, start};
                return;
            }
}

static enum status replay(const struct reader *reader, const char *directory, uint64_t applied,
                          enum status (*show)(void *context, struct slice payload), void *context,
                          uint64_t *last, struct error *err)
{
    struct place place = {0};
    struct record record;
    uint64_t hash = 0;

    *last = applied;
    find_first(reader, applied + 1, &place);
    while (next_record(reader, *last + 1, &place, &record)) {
        enum status st;

        if (*last != applied && record.previous != hash)
            break; /* of another life of this number */
        st = show(context, record.payload);
        if (st != ST_OK)
            return error_set(err, st, -1, "%s: record %llu of the journal: %s", directory,
                             (unsigned long long)record.sequence, status_text(st));
        hash = record.hash;
        *last = record.sequence;
    }
    if (was_durable(reader, *last + 1))
        return error_set(err, ST_CORRUPT, -1,
                         "%s: record %llu of the journal is damaged or missing, and later ones are "
                         "there",
                         directory, (unsigned long long)*last + 1);
    return ST_OK;
}

enum status journal_replay(const char *directory, uint64_t applied,
                           enum status (*show)(void *context, struct slice payload), void *context,
                           uint64_t *last, struct error *err)
{
    struct reader reader = {0};
    enum status st = ST_OK;

    *last = applied;
    for (unsigned i = 0; i < JOURNAL_FILES && st == ST_OK; i++)
        st = read_file(directory, names[i], &reader.files[i], err);
    if (st == ST_OK)
        st = replay(&reader, directory, applied, show, context, last, err);
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        buf_free(&reader.files[i]);
    return st;
}
