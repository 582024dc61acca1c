/* Forms and lines of JSON from anywhere: what is read is a sound document. */
#include "rest/codec/codec.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum media media, const char *content_type, struct slice bytes)
{
    struct arena arena = {0};
    struct error err = {0};
    struct value v;
    enum status st = codec_read(media, content_type, bytes, &arena, &v, &err);

    if (st == ST_OK && v.kind >= VALUE_ARRAY &&
        document_check(value_slice(v), v.kind == VALUE_ARRAY) != ST_OK)
        abort();
    if (st != ST_OK && st != ST_NO_MEMORY && err.status != st)
        abort();
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size);
    char field[64] = "multipart/form-data; boundary=";
    size_t len;

    check(MEDIA_FORM, media_type(MEDIA_FORM), bytes);
    check(MEDIA_NDJSON, media_type(MEDIA_NDJSON), bytes);
    check(MEDIA_MULTIPART, "multipart/form-data; boundary=x", bytes);
    check(MEDIA_TEXT, media_type(MEDIA_TEXT), bytes);
    /* And the field itself: its parameter is what the first bytes say. */
    len = size < 20 ? size : 20;
    memcpy(field + strlen(field), data, len);
    check(MEDIA_MULTIPART, field, slice_of(data + len, size - len));
    return 0;
}
