/* Answers in a content coding: complete ones above a size, and streams. */
#include "rest/rest_internal.h"

static void compress_body(struct answer *answer, enum coding coding)
{
    struct buf coded = {0};

    if (!coding_write(coding, buf_slice(&answer->body), &coded) || coded.failed ||
        coded.len >= answer->body.len) {
        buf_free(&coded); /* then it goes out as it is */
        return;
    }
    buf_free(&answer->body);
    answer->body = coded;
    answer->encoding = coding_name(coding);
}

void answer_compress(struct answer *answer, const char *accept_encoding, uint32_t bytes_min)
{
    enum coding coding = coding_negotiate(accept_encoding);

    if (coding == CODING_IDENTITY || bytes_min == UINT32_MAX || answer->type == NULL ||
        !coding_helps(answer->type))
        return;
    if (answer->stream == NULL) {
        if (answer->body.len >= (bytes_min == 0 ? COMPRESSION_BYTES : bytes_min))
            compress_body(answer, coding);
    } else if (stream_compress(answer->stream, coding)) {
        answer->encoding = coding_name(coding);
    }
}
