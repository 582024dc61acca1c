#include "storage/value/value.h"

/* Length of the well-formed sequence at the front of `in` (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF), or 0. `in` is not empty. */
static size_t sequence_length(const unsigned char *in, size_t len)
{
    unsigned char lead = in[0];

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2)
        return 0;
    if (lead < 0xe0)
        return len >= 2 && (in[1] & 0xc0) == 0x80 ? 2 : 0;
    if (lead < 0xf0) {
        unsigned char low = lead == 0xe0 ? 0xa0 : 0x80;
        unsigned char high = lead == 0xed ? 0x9f : 0xbf;

        return len >= 3 && in[1] >= low && in[1] <= high && (in[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (lead < 0xf5) {
        unsigned char low = lead == 0xf0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xf4 ? 0x8f : 0xbf;

        return len >= 4 && in[1] >= low && in[1] <= high && (in[2] & 0xc0) == 0x80 &&
                       (in[3] & 0xc0) == 0x80
                   ? 4
                   : 0;
    }
    return 0;
}

bool utf8_is_valid(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    const unsigned char *end;

    if (text.len == 0)
        return true; /* data may be NULL, which nothing may be added to */
    end = at + text.len;
    while (at < end) {
        uint64_t eight;

        if (end - at >= 8) {
            memcpy(&eight, at, 8);
            if ((eight & 0x8080808080808080u) == 0) {
                at += 8;
                continue;
            }
        }
        size_t len = sequence_length(at, (size_t)(end - at));
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

size_t utf8_length(struct slice text)
{
    size_t count = 0;

    while (text.len != 0) {
        size_t len = sequence_length((const unsigned char *)text.data, text.len);

        if (len == 0)
            len = 1;
        text.data += len;
        text.len -= len;
        count++;
    }
    return count;
}

uint32_t utf8_next(struct slice *in)
{
    const unsigned char *at = (const unsigned char *)in->data;
    size_t len = sequence_length(at, in->len);
    uint32_t code = 0xfffd;

    switch (len) {
    case 1:
        code = at[0];
        break;
    case 2:
        code = (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
        break;
    case 3:
        code = (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        break;
    case 4:
        code =
            (at[0] & 0x07u) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
        break;
    default: /* a stray byte is stepped over alone */
        len = 1;
        break;
    }
    in->data += len;
    in->len -= len;
    return code;
}

size_t utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if ((code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
        code = 0xfffd; /* not a character: the replacement takes its place */
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
