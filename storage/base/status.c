#include "storage/base/status.h"
#include "storage/base/slice.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
    int http;
} facts[STATUS_COUNT] = {
#define STATUS(name, http, text) [ST_##name] = {#name, text, http},
#include "storage/base/status.def"
#undef STATUS
};

static bool is_known(enum status status)
{
    return (unsigned)status < STATUS_COUNT;
}

const char *status_name(enum status status)
{
    return is_known(status) ? facts[status].name : "UNKNOWN";
}

const char *status_text(enum status status)
{
    return is_known(status) ? facts[status].text : "unknown status";
}

int status_http(enum status status)
{
    return is_known(status) ? facts[status].http : 500;
}

/* Where to cut `text` so that at most `len` bytes stay and no UTF-8 sequence is halved. */
static size_t character_boundary(const char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

enum status error_set(struct error *err, enum status status, int64_t offset, const char *format,
                      ...)
{
    /* Four bytes more than fit, so that the byte behind the cut is known to be the start of a
     * character. */
    char text[ERROR_MESSAGE_BYTES + 4];
    va_list args;
    int written;

    if (err == NULL)
        return status;
    va_start(args, format);
    written = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (written < 0)
        text[0] = '\0';
    size_t len = strlen(text);
    if (len >= ERROR_MESSAGE_BYTES)
        len = character_boundary(text, ERROR_MESSAGE_BYTES - 1);
    /* The arguments may have pointed into err->message, so it is written last. */
    memcpy(err->message, text, len);
    err->message[len] = '\0';
    err->status = status;
    err->offset = offset;
    return status;
}

void error_clear(struct error *err)
{
    if (err == NULL)
        return;
    err->status = ST_OK;
    err->offset = -1;
    err->message[0] = '\0';
}

const char *error_message(const struct error *err)
{
    if (err == NULL)
        return "";
    return err->message[0] != '\0' ? err->message : status_text(err->status);
}
