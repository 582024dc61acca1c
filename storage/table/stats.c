/* stats: what the planner wants to know, kept while rows are written. A sketch per index and prefix
 * of its parts counts distinct values (HyperLogLog, 256 registers: 6.5 % standard error). Sketches
 * know no removals; they are not part of a transaction, and a crash loses what was added since they
 * were last written. */
#include "storage/table/table_internal.h"
#include "storage/value/hash.h"
#include <math.h>
#include <stdlib.h>

struct index_stats *index_stats_of(struct table_stats *stats, const struct index *index)
{
    struct index_stats *found = atomic_load_explicit(&stats->indexes, memory_order_acquire);

    for (; found != NULL; found = found->next)
        if (found->store == index->store)
            return found;
    found = calloc(1, sizeof(*found));
    if (found == NULL)
        return NULL;
    found->store = index->store;
    found->parts =
        (uint8_t)(index->part_count < SKETCH_PARTS_MAX ? index->part_count : SKETCH_PARTS_MAX);
    found->next = atomic_load(&stats->indexes);
    atomic_store_explicit(&stats->indexes, found, memory_order_release);
    return found;
}

static void add_hash(_Atomic uint8_t *registers, uint64_t hash)
{
    unsigned slot = (unsigned)(hash >> 56);
    uint64_t rest = hash << 8 | 0x80;
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);

    if (rank > atomic_load_explicit(&registers[slot], memory_order_relaxed))
        atomic_store_explicit(&registers[slot], rank, memory_order_relaxed);
}

void index_stats_add(struct index_stats *stats, const struct index *index, struct slice key)
{
    size_t len = 0;

    for (unsigned part = 0; part < stats->parts; part++) {
        size_t more = keycode_part_length(slice_of(key.data + len, key.len - len),
                                          index->parts[part].order.descending);

        if (more == 0)
            return;
        len += more;
        add_hash(stats->registers[part], hash_bytes(slice_of(key.data, len), 0));
    }
    atomic_store_explicit(&stats->is_dirty, true, memory_order_relaxed);
}

static double estimate(const _Atomic uint8_t *registers)
{
    double sum = 0, m = SKETCH_REGISTERS, raw;
    unsigned empty = 0;

    for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
        uint8_t rank = atomic_load_explicit(&registers[i], memory_order_relaxed);

        sum += ldexp(1.0, -rank);
        empty += rank == 0;
    }
    raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    return raw <= 2.5 * m && empty != 0 ? m * log(m / empty) : raw;
}

void index_stats_encode(struct buf *out, const struct index_stats *stats)
{
    buf_clear(out);
    buf_append_byte(out, 1);
    buf_append_byte(out, stats->parts);
    for (unsigned part = 0; part < stats->parts; part++)
        for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
            buf_append_byte(out,
                            atomic_load_explicit(&stats->registers[part][i], memory_order_relaxed));
}

enum status index_stats_decode(struct index_stats *stats, struct slice bytes)
{
    uint8_t format, parts, rank;

    if (stats == NULL)
        return ST_NO_MEMORY;
    if (!read_u8(&bytes, &format) || !read_u8(&bytes, &parts) || format != 1 ||
        parts > SKETCH_PARTS_MAX || bytes.len != (size_t)parts * SKETCH_REGISTERS)
        return ST_CORRUPT;
    for (unsigned part = 0; part < parts; part++) {
        for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
            if (!read_u8(&bytes, &rank))
                return ST_CORRUPT;
            atomic_store(&stats->registers[part][i], rank > 64 ? 64 : rank);
        }
    }
    return ST_OK;
}

/* With one commit in 64, so that small commits do not carry kilobytes of sketches; db_close writes
 * the rest. */
enum status stats_put_dirty(struct txn *txn)
{
    if (!txn->db->is_closing && txn->db->next_sequence % 64 != 0)
        return ST_OK;
    for (size_t i = 0; i < txn->catalog->catalog.table_count; i++) {
        const struct table *table = txn->catalog->catalog.tables[i];

        for (unsigned k = 0; k < table->index_count; k++) {
            struct index_stats *stats = version_of(table)->infos[k].stats;

            if (!atomic_exchange(&stats->is_dirty, false))
                continue;
            meta_key(&txn->other_key, META_SKETCH, stats->store, NULL);
            index_stats_encode(&txn->record, stats);
            TRY(txn_put(txn, store_meta(), buf_slice(&txn->other_key), buf_slice(&txn->record)));
        }
    }
    return ST_OK;
}

/* ---- estimates ---- */

double table_estimate_rows(const struct table *table)
{
    return (double)atomic_load_explicit(&table->stats->rows, memory_order_relaxed);
}

double index_estimate_distinct(const struct index *index, unsigned parts)
{
    double rows = table_estimate_rows(index->table), distinct = rows;
    const struct index_stats *stats =
        version_of(index->table)->infos[index - index->table->indexes].stats;

    if (index->is_unique && parts >= index->part_count)
        return rows < 1 ? 1 : rows;
    if (parts > 0 && parts <= stats->parts)
        distinct = estimate(stats->registers[parts - 1]);
    if (distinct > rows && !index->is_multi_valued)
        distinct = rows;
    return distinct < 1 ? 1 : distinct;
}

enum { COUNT_EXACTLY_UP_TO = 64 };

/* Days (roughly) of the date YYYY-MM-DD that `text` begins with; negative: there is none. */
static double date_at(struct slice text)
{
    static const uint8_t digits[8] = {0, 1, 2, 3, 5, 6, 8, 9};
    int n[8];

    if (text.len < 10 || text.data[4] != '-' || text.data[7] != '-')
        return -1;
    for (unsigned i = 0; i < 8; i++) {
        n[i] = text.data[digits[i]] - '0';
        if (n[i] < 0 || n[i] > 9)
            return -1;
    }
    return (n[0] * 1000 + n[1] * 100 + n[2] * 10 + n[3]) * 372 + (n[4] * 10 + n[5]) * 31 +
           n[6] * 10 + n[7];
}

/* Dates as text differ in the middle of a number whose digits do not count alike: find where the
 * three dates begin, at or before what differs. */
static bool dates_of(const struct slice keys[3], size_t shared, double value[3])
{
    for (size_t start = shared < 9 ? 0 : shared - 9; start <= shared; start++) {
        bool found = true;

        for (unsigned i = 0; i < 3 && found; i++) {
            value[i] = keys[i].len < start
                           ? -1
                           : date_at(slice_of(keys[i].data + start, keys[i].len - start));
            found = value[i] >= 0;
        }
        if (found)
            return true;
    }
    return false;
}

/* Where `key` lies between `low` (0) and `high` (1), by the dates there or the 8 bytes behind what
 * the two have in common. */
static double position_of(struct slice key, struct slice low, struct slice high)
{
    size_t shared = 0;
    double value[3];
    struct slice keys[3] = {key, low, high};

    if (slice_compare(key, low) <= 0)
        return 0;
    if (slice_compare(key, high) >= 0)
        return 1;
    while (shared < low.len && shared < high.len && low.data[shared] == high.data[shared])
        shared++;
    if (!dates_of(keys, shared, value)) {
        for (unsigned i = 0; i < 3; i++) {
            value[i] = 0;
            for (size_t k = 0; k < 8; k++)
                value[i] = value[i] * 256 +
                           (shared + k < keys[i].len ? (uint8_t)keys[i].data[shared + k] : 0);
        }
    }
    return value[2] <= value[1] ? 1 : (value[0] - value[1]) / (value[2] - value[1]);
}

static double estimate_range(struct cursor *cursor, double rows, struct slice begin,
                             struct slice end)
{
    struct buf low = {0}, high = {0};
    double count = 0, share = 1;
    enum status st;

    cursor_set_end(cursor, end);
    for (st = cursor_seek(cursor, SEEK_GE, begin); st == ST_OK && count < COUNT_EXACTLY_UP_TO;
         st = cursor_next(cursor))
        count++;
    if (st == ST_OK) { /* too many to count: by where the ends lie */
        cursor_set_end(cursor, slice_empty());
        if (cursor_first(cursor) == ST_OK)
            buf_append_slice(&low, cursor_key(cursor));
        if (cursor_last(cursor) == ST_OK)
            buf_append_slice(&high, cursor_key(cursor));
        share = (end.len == 0 ? 1 : position_of(end, buf_slice(&low), buf_slice(&high))) -
                (begin.len == 0 ? 0 : position_of(begin, buf_slice(&low), buf_slice(&high)));
        if (rows * share > count)
            count = rows * share;
    }
    buf_free(&low);
    buf_free(&high);
    return count;
}

double index_estimate_range(struct txn *txn, const struct index *index, struct slice begin,
                            struct slice end)
{
    struct cursor *cursor;
    double rows = table_estimate_rows(index->table), estimated = rows;

    if (cursor_open_index(txn, index, &cursor) == ST_OK) {
        estimated = estimate_range(cursor, rows, begin, end);
        cursor_close(cursor);
    }
    return estimated;
}

double table_estimate_range(struct txn *txn, const struct table *table, struct slice begin,
                            struct slice end)
{
    struct cursor *cursor;
    double rows = table_estimate_rows(table), estimated = rows;

    if (cursor_open_table(txn, table, &cursor) == ST_OK) {
        estimated = estimate_range(cursor, rows, begin, end);
        cursor_close(cursor);
    }
    return estimated;
}

/* ---- distinct values of the first parts of a primary key ---- */

enum { SAMPLE_ROWS = 40, SAMPLE_JUMPS = 12 };

/* Bytes of the first `parts` parts of a table's key. */
static size_t prefix_length(const struct table *table, unsigned parts, struct slice key)
{
    size_t len = 0;

    for (unsigned part = 0; part < parts; part++)
        len += keycode_part_length(slice_of(key.data + len, key.len - len),
                                   table->key_parts[part].descending);
    return len;
}

/* Read on for SAMPLE_ROWS rows and count the prefixes that ended among them, and their rows. */
static void sample_rows(struct cursor *cursor, const struct table *table, unsigned parts,
                        enum status st, struct buf *last, double *rows, double *prefixes)
{
    double pending = 0;

    buf_clear(last);
    for (unsigned i = 0; i < SAMPLE_ROWS && st == ST_OK; i++, st = cursor_next(cursor)) {
        struct slice key = cursor_key(cursor), prefix;

        prefix = slice_of(key.data, prefix_length(table, parts, key));
        if (i > 0 && !slice_equal(prefix, buf_slice(last))) {
            *rows += pending;
            *prefixes += 1;
            pending = 0;
        }
        pending++;
        buf_clear(last);
        buf_append_slice(last, prefix);
    }
}

/* From prefix to prefix: ST_DONE when all were seen, their number in *count. */
static enum status jump_prefixes(struct cursor *cursor, const struct table *table, unsigned parts,
                                 struct buf *last, double *count)
{
    enum status st = cursor_first(cursor);

    for (unsigned i = 0; i < SAMPLE_JUMPS && st == ST_OK; i++) {
        struct slice key = cursor_key(cursor);

        buf_clear(last);
        buf_append_slice(last, slice_of(key.data, prefix_length(table, parts, key)));
        *count += 1;
        st = cursor_seek(cursor, SEEK_GT, buf_slice(last));
    }
    return st;
}

static double sample_distinct(struct cursor *cursor, const struct table *table, unsigned parts,
                              double all)
{
    struct buf last = {0}, key = {0};
    double rows = 0, prefixes = 0, jumps = 0, distinct;

    sample_rows(cursor, table, parts, cursor_first(cursor), &last, &rows, &prefixes);
    if (cursor_last(cursor) == ST_OK)
        buf_append_slice(&key, cursor_key(cursor));
    /* A key about in the middle: the least byte that differs, halved. */
    if (prefixes > 0 && key.len > 2 && !key.failed) {
        size_t at = key.len > 4 ? 2 : 1;

        key.len = at + 1;
        key.data[at] = (char)((uint8_t)key.data[at] / 2);
        sample_rows(cursor, table, parts, cursor_seek(cursor, SEEK_GE, buf_slice(&key)), &last,
                    &rows, &prefixes);
    }
    if (prefixes > 0)
        distinct = all * prefixes / rows;
    else if (jump_prefixes(cursor, table, parts, &last, &jumps) == ST_DONE)
        distinct = jumps;
    else
        distinct = sqrt(all) < jumps ? jumps : sqrt(all);
    buf_free(&last);
    buf_free(&key);
    return distinct < 1 ? 1 : distinct;
}

double table_estimate_distinct(struct txn *txn, const struct table *table, unsigned parts)
{
    struct cursor *cursor;
    double rows = table_estimate_rows(table), estimated = rows;

    if (table->key_count == 0 || parts >= table->key_count)
        return rows < 1 ? 1 : rows;
    if (cursor_open_table(txn, table, &cursor) == ST_OK) {
        estimated = sample_distinct(cursor, table, parts, rows);
        cursor_close(cursor);
    }
    return estimated;
}
