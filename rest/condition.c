/*
 * Versions: ETag, Last-Modified, and what clients make depend on them.
 *
 * Reads keep If-None-Match always. Writes keep If-Match and If-None-Match only where the server was
 * told so: then the record's version is looked at in the transaction that writes.
 */
#include "rest/rest_internal.h"
#include <time.h>

static void write_http_date(uint64_t version, char out[HTTP_DATE_BYTES])
{
    time_t seconds = (time_t)(version / 4096 / 1000);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(out, HTTP_DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0)
        out[0] = '\0';
}

bool condition_of_read(struct job *job, uint64_t version)
{
    const char *known;

    if (version == 0)
        return true;
    etag_write(version, job->answer->etag);
    if (job->request->worker->server->behaviour.has_last_modified)
        write_http_date(version, job->answer->last_modified);
    known = request_header(job->request, "If-None-Match");
    if (known == NULL || !etag_matches(known, job->answer->etag))
        return true;
    job_empty(job, 304);
    return false;
}

/* The version of the record; 0: there is none. False: the failure is the answer. */
static bool read_version(struct job *job, uint64_t *version)
{
    harper_statement *statement;
    int st;

    *version = 0;
    if (job_prepare(job, REQUEST_GET, slice_empty(), &statement) != HARPER_OK)
        return false;
    st = harper_step(statement);
    if (st == HARPER_ROW)
        *version = request_row_version(statement);
    harper_finalize(statement);
    return st == HARPER_ROW || st == HARPER_DONE ? true : job_fail(job);
}

static bool holds(const char *if_match, const char *if_none_match, uint64_t version)
{
    char etag[ETAG_BYTES] = "";

    if (version != 0)
        etag_write(version, etag);
    /* A weak tag never matches here, but they are not given out. */
    if (if_match != NULL && (version == 0 || !etag_matches(if_match, etag)))
        return false;
    return if_none_match == NULL || version == 0 || !etag_matches(if_none_match, etag);
}

bool condition_begin(struct job *job, bool *is_open)
{
    const char *if_match = NULL, *if_none_match = NULL;
    uint64_t version;

    *is_open = false;
    if (!job->request->worker->server->behaviour.has_conditional_writes ||
        job->target.kind != TARGET_RECORD)
        return true;
    if_match = request_header(job->request, "If-Match");
    if_none_match = request_header(job->request, "If-None-Match");
    if (if_match == NULL && if_none_match == NULL)
        return true;
    if (harper_execute(job->seat->session, "BEGIN IMMEDIATE", NULL, NULL, NULL) != HARPER_OK)
        return job_fail(job);
    *is_open = true;
    if (!read_version(job, &version)) {
        condition_end(job, true);
        return false;
    }
    if (holds(if_match, if_none_match, version))
        return true;
    problem(job->request, job->answer, 412, "%s",
            version == 0 ? "the record does not exist" : "the record has another version");
    condition_end(job, true);
    return false;
}

void condition_end(struct job *job, bool is_open)
{
    bool has_failed = job->answer->status >= 400;

    if (!is_open)
        return;
    if (harper_execute(job->seat->session, has_failed ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL) !=
            HARPER_OK &&
        !has_failed) {
        job_fail(job);
        if (harper_in_transaction(job->seat->session))
            harper_execute(job->seat->session, "ROLLBACK", NULL, NULL, NULL);
    }
}
