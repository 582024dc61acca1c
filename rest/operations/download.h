/*
 * download: what lies at an http or https address. The one place that knows libcurl.
 *
 * Threads: any. Errors: false, with a sentence.
 */
#ifndef HARPER_REST_DOWNLOAD_H
#define HARPER_REST_DOWNLOAD_H

#include "storage/base/base.h"
#include <stdatomic.h>

enum { DOWNLOAD_ERROR_BYTES = 256 };

struct download {
    const char *url;
    const char *const *headers; /* "Name: value", ends with NULL; NULL: none */
    uint64_t bytes_max;
    const _Atomic bool *is_cancelled;
    struct buf body; /* the holder frees it */
    char content_type[128];
    long status;
    char error[DOWNLOAD_ERROR_BYTES];
};

bool download_is_url(const char *text); /* http or https, with a host */
/* Follows five redirections, to such addresses alone. Any status is an answer. */
bool download_run(struct download *download);

#endif
