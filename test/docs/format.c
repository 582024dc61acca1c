/*
 * Encodes the examples of docs/storage-format.md and compares bytes: format PAGE.
 *
 * An example is a line of the page `kind what = bytes`, bytes in hexadecimal, `..` for a byte that
 * is not compared:
 *
 *     key VALUE | VALUE …      a key of these parts: JSON, or date(ms)
 *     document JSON            an array or object as stored
 *     record KEY JSON          a settled record of stamp 1, origin 1, shape 1 below an integer key;
 *                              the member "id" is in the key
 *
 * Ends with `N passed, N failed`.
 */
#include "storage/base/arena.h"
#include "storage/base/buf.h"
#include "storage/value/document.h"
#include "storage/value/keycode.h"
#include "storage/value/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_MAX = 16, LINE_BYTES_MAX = 4096 };

static bool read_value(char *text, struct arena *arena, struct value *out)
{
    char *end = text + strlen(text);

    while (*text == ' ')
        text++;
    while (end > text && end[-1] == ' ')
        *--end = '\0';
    if (strncmp(text, "date(", 5) == 0) {
        *out = value_date(strtoll(text + 5, NULL, 10));
        return true;
    }
    return json_read(slice_text(text), arena, out, NULL) == ST_OK;
}

static bool encode_key(char *parts, struct arena *arena, struct buf *out)
{
    struct keycode code;
    char *state = NULL;

    keycode_begin(&code, out);
    for (char *part = strtok_r(parts, "|", &state); part != NULL;
         part = strtok_r(NULL, "|", &state)) {
        struct value v;

        if (!read_value(part, arena, &v))
            return false;
        keycode_append(&code, v, (struct key_part){.collation = COLLATE_BINARY});
    }
    keycode_finish(&code);
    return true;
}

static bool encode_document(char *text, struct arena *arena, struct buf *out)
{
    struct value v;

    if (!read_value(text, arena, &v))
        return false;
    buf_append(out, v.as.data, v.len);
    return true;
}

static bool encode_record(char *text, struct arena *arena, struct buf *out)
{
    uint16_t attributes[MEMBERS_MAX], positions[MEMBERS_MAX];
    uint8_t key_part_of[MEMBERS_MAX];
    struct slice names[MEMBERS_MAX];
    struct value values[MEMBERS_MAX], object;
    const struct record_header header = {.stamp = 1, .origin = 1};
    struct shape shape = {
        .id = 1, .attributes = attributes, .names = names, .position_of = positions};
    struct buf key = {0};
    enum status st;

    keycode_append_prefix(&key, value_int(strtoll(text, &text, 10)),
                          (struct key_part){.collation = COLLATE_BINARY});
    if (!read_value(text, arena, &object) || object.kind != VALUE_OBJECT ||
        document_count(object) > MEMBERS_MAX)
        return false;
    for (uint16_t i = 0; i < document_count(object); i++) {
        values[i] = document_member_at(object, i, &names[i]);
        attributes[i] = positions[i] = i;
        key_part_of[i] = slice_equal(names[i], slice_text("id")) ? 0 : 0xff;
    }
    shape.count = shape.attribute_count = (uint16_t)document_count(object);
    st = record_write(out, &(struct record_write){.header = &header,
                                                  .shape = &shape,
                                                  .values = values,
                                                  .key_part_of = key_part_of,
                                                  .key = buf_slice(&key)});
    if (st == ST_OK)
        st = record_verify(buf_slice(&key), buf_slice(out));
    buf_free(&key);
    return st == ST_OK;
}

/* Is `hex` what `bytes` says? Blanks do not count. */
static bool is_same(const char *hex, struct slice bytes)
{
    size_t at = 0;

    for (;;) {
        char pair[3];

        hex += strspn(hex, " \n");
        if (*hex == '\0')
            return at == bytes.len;
        if (at == bytes.len || hex[1] == '\0')
            return false;
        snprintf(pair, sizeof(pair), "%02x", (unsigned char)bytes.data[at++]);
        if (strncmp(hex, "..", 2) != 0 && strncmp(hex, pair, 2) != 0)
            return false;
        hex += 2;
    }
}

static bool check_example(char *line, bool (*encode)(char *, struct arena *, struct buf *))
{
    struct arena arena = {0};
    struct buf out = {0};
    char *equals = strrchr(line, '=');
    bool is_right;

    *equals = '\0';
    is_right = encode(strchr(line, ' ') + 1, &arena, &out) && is_same(equals + 1, buf_slice(&out));
    if (!is_right) {
        printf("FAIL %s\n  page:%s  code:", line, equals + 1);
        for (size_t i = 0; i < out.len; i++)
            printf(" %02x", (unsigned char)out.data[i]);
        printf("\n");
    }
    buf_free(&out);
    arena_deinit(&arena);
    return is_right;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *kind;
        bool (*encode)(char *, struct arena *, struct buf *);
    } kinds[] = {{"key ", encode_key}, {"document ", encode_document}, {"record ", encode_record}};
    FILE *page = argc == 2 ? fopen(argv[1], "r") : NULL;
    char line[LINE_BYTES_MAX];
    unsigned passed = 0, failed = 0;

    if (page == NULL) {
        fprintf(stderr, "usage: format PAGE\n");
        return 2;
    }
    while (fgets(line, sizeof(line), page) != NULL)
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (strncmp(line, kinds[i].kind, strlen(kinds[i].kind)) == 0 &&
                strchr(line, '=') != NULL) {
                if (check_example(line, kinds[i].encode))
                    passed++;
                else
                    failed++;
                break;
            }
    fclose(page);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
