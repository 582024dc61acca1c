/*
 * Jobs: work that is answered with an id and done later, one at a time, by a thread of its own.
 * Their state is a record of system.hdb_job from the first moment on, so it outlives the process;
 * what was cut off by an end of the process says so at the next start.
 */
#include "rest/operations/operations_internal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

struct job {
    char id[UUID_BYTES];
    const char *type;
    job_fn run;
    struct arena arena;
    struct value request;
    struct slice user;
    int64_t created_ms, started_ms, ended_ms;
    const char *status;
    _Atomic bool is_cancelled;
    harper_session *session; /* while it runs; under the lock */
    struct job *next;
};

/* Version 4: random. */
void uuid_make(char out[UUID_BYTES])
{
    uint8_t bytes[16];
    size_t at = 0;

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        uint64_t now = clock_monotonic_ns();

        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, &now, sizeof now);
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    for (size_t k = 0; k < sizeof bytes; k++) {
        if (k == 4 || k == 6 || k == 8 || k == 10)
            out[at++] = '-';
        snprintf(out + at, 3, "%02x", bytes[k]);
        at += 2;
    }
}

/* ---- the record ---- */

/* Passwords and the data that was to be loaded stay out of it. */
static void put_request(struct document_builder *builder, struct value request)
{
    document_name(builder, slice_text("request"));
    document_open_object(builder);
    for (size_t k = 0; k < document_count(request); k++) {
        struct slice name;
        struct value v = document_member_at(request, k, &name);

        if (slice_is(name, "data") || slice_is(name, "password"))
            continue;
        document_name(builder, name);
        document_value(builder, v);
    }
    document_close(builder);
}

static int record_job(struct operations *operations, const struct job *job, struct slice message,
                      struct value result)
{
    struct document_builder builder = {0};
    struct value record;
    int st = HARPER_NO_MEMORY;

    document_begin(&builder);
    document_open_object(&builder);
    put_text(&builder, "id", slice_text(job->id));
    put_text(&builder, "type", slice_text(job->type));
    put_text(&builder, "user", job->user);
    put_text(&builder, "status", slice_text(job->status));
    put_value(&builder, "created_datetime", value_int(job->created_ms));
    if (job->started_ms != 0)
        put_value(&builder, "start_datetime", value_int(job->started_ms));
    if (job->ended_ms != 0)
        put_value(&builder, "end_datetime", value_int(job->ended_ms));
    if (message.data != NULL)
        put_text(&builder, "message", message);
    put_request(&builder, job->request);
    if (result.kind != VALUE_ABSENT)
        put_value(&builder, "result", result);
    document_close(&builder);
    if (document_end(&builder, &record) == ST_OK)
        st = system_put(operations, "hdb_job", slice_text(job->id), record);
    document_deinit(&builder);
    return st;
}

static void job_free(struct job *job)
{
    arena_deinit(&job->arena);
    free(job);
}

/* ---- running ---- */

bool job_says(struct job_run *run, bool result, const char *format, ...)
{
    va_list args;

    buf_clear(&run->message);
    va_start(args, format);
    buf_vprintf(&run->message, format, args);
    va_end(args);
    return result;
}

bool job_fails_of(struct job_run *run, const harper_error *error)
{
    return job_says(run, false, "%s",
                    error->message[0] == '\0' ? harper_status_text(error->status) : error->message);
}

static void run_job(struct operations *operations, struct job *job)
{
    struct job_run run = {.operations = operations,
                          .arena = &job->arena,
                          .request = job->request,
                          .user = job->user,
                          .is_cancelled = &job->is_cancelled,
                          .result = value_absent()};
    harper_session *session = NULL;
    harper_error error;
    bool ok;

    job->started_ms = clock_wall_us() / 1000;
    job->status = "IN_PROGRESS";
    record_job(operations, job, slice_empty(), value_absent());
    if (harper_session_open(operations->options.db, &session, &error) != HARPER_OK) {
        ok = job_fails_of(&run, &error);
    } else {
        pthread_mutex_lock(&operations->lock);
        job->session = session;
        pthread_mutex_unlock(&operations->lock);
        run.session = session;
        session_set_user(session, job->user);
        ok = job->run(&run);
        pthread_mutex_lock(&operations->lock);
        job->session = NULL;
        pthread_mutex_unlock(&operations->lock);
        harper_session_close(session);
    }
    if (!ok && atomic_load(&job->is_cancelled))
        job_says(&run, false,
                 "Job was interrupted: Harper process %ld exited before it finished. Rerun the "
                 "operation.",
                 (long)getpid());
    else if (ok && run.message.len == 0)
        job_says(&run, true, "Successfully completed job: %s", job->id);
    job->ended_ms = clock_wall_us() / 1000;
    job->status = ok ? "COMPLETE" : "ERROR";
    record_job(operations, job, buf_slice(&run.message), run.result);
    buf_free(&run.message);
}

static struct job *take_job(struct operations *operations)
{
    struct job *job;

    pthread_mutex_lock(&operations->lock);
    while (operations->first == NULL && !operations->is_stopping)
        pthread_cond_wait(&operations->work, &operations->lock);
    job = operations->is_stopping ? NULL : operations->first;
    if (job != NULL) {
        operations->first = job->next;
        if (operations->first == NULL)
            operations->last = NULL;
        operations->running = job;
    }
    pthread_mutex_unlock(&operations->lock);
    return job;
}

static void *run_jobs(void *context)
{
    struct operations *operations = context;
    struct job *job;

    while ((job = take_job(operations)) != NULL) {
        run_job(operations, job);
        pthread_mutex_lock(&operations->lock);
        operations->running = NULL;
        pthread_mutex_unlock(&operations->lock);
        job_free(job);
    }
    return NULL;
}

/* ---- starting and stopping ---- */

/* What an earlier process did not end. */
static int end_interrupted(struct operations *operations, harper_error *error)
{
    static const char sql[] =
        "UPDATE hdb_job SET status = 'ERROR', message = 'Job was interrupted: Harper process "
        "exited "
        "before it finished. Rerun the operation.' WHERE status IN ('CREATED', 'IN_PROGRESS')";
    harper_session *session;
    int st = harper_session_open(operations->options.system, &session, error);

    if (st != HARPER_OK)
        return st;
    st = harper_execute(session, sql, NULL, NULL, error);
    harper_session_close(session);
    return st;
}

int jobs_start(struct operations *operations, harper_error *error)
{
    int st = end_interrupted(operations, error);

    if (st != HARPER_OK)
        return st;
    operations->has_runner = pthread_create(&operations->runner, NULL, run_jobs, operations) == 0;
    if (operations->has_runner)
        return HARPER_OK;
    *error = (harper_error){.status = HARPER_INTERNAL, .offset = -1};
    snprintf(error->message, sizeof error->message, "no thread for jobs can be made");
    return HARPER_INTERNAL;
}

void jobs_stop(struct operations *operations)
{
    pthread_mutex_lock(&operations->lock);
    operations->is_stopping = true;
    if (operations->running != NULL) {
        atomic_store(&operations->running->is_cancelled, true);
        if (operations->running->session != NULL)
            harper_interrupt(operations->running->session);
    }
    pthread_cond_broadcast(&operations->work);
    pthread_mutex_unlock(&operations->lock);
    if (operations->has_runner)
        pthread_join(operations->runner, NULL);
    while (operations->first != NULL) {
        struct job *job = operations->first;
        char message[160];

        operations->first = job->next;
        snprintf(message, sizeof message,
                 "Job was interrupted: Harper process %ld exited before it finished. Rerun the "
                 "operation.",
                 (long)getpid());
        job->status = "ERROR";
        job->ended_ms = clock_wall_us() / 1000;
        record_job(operations, job, slice_text(message), value_absent());
        job_free(job);
    }
}

/* ---- queueing ---- */

/* A copy of the request that lives as long as the job. */
static struct job *job_new(const struct call *call, const char *type, job_fn run)
{
    struct job *job = calloc(1, sizeof *job);
    struct value body = call->request->body;
    struct slice copy;

    if (job == NULL)
        return NULL;
    uuid_make(job->id);
    job->type = type;
    job->run = run;
    job->status = "CREATED";
    job->created_ms = clock_wall_us() / 1000;
    copy = arena_copy(&job->arena, value_slice(body));
    job->request = body;
    job->request.as.data = copy.data;
    job->user = arena_copy(&job->arena, call->request->caller.name);
    if (!job->arena.failed)
        return job;
    job_free(job);
    return NULL;
}

void call_start_job(struct call *call, const char *type, job_fn run)
{
    struct operations *operations = call->operations;
    struct job *job = job_new(call, type, run);
    char message[80];
    char id[UUID_BYTES];

    if (job == NULL || record_job(operations, job, slice_empty(), value_absent()) != HARPER_OK) {
        call_fail(call, 500, "the job cannot be recorded");
        if (job != NULL)
            job_free(job);
        return;
    }
    memcpy(id, job->id, sizeof id);
    pthread_mutex_lock(&operations->lock);
    if (operations->last == NULL)
        operations->first = job;
    else
        operations->last->next = job;
    operations->last = job;
    pthread_cond_signal(&operations->work);
    pthread_mutex_unlock(&operations->lock);
    document_begin(&call->builder);
    document_open_object(&call->builder);
    snprintf(message, sizeof message, "Starting job with id %s", id);
    put_text(&call->builder, "message", slice_text(message));
    put_text(&call->builder, "job_id", slice_text(id));
    document_close(&call->builder);
    call_built(call);
}

/* ---- asking ---- */

static void put_job(struct document_builder *builder, struct value job, bool is_converted)
{
    document_open_object(builder);
    for (size_t k = 0; k < document_count(job); k++) {
        struct slice name;
        struct value v = document_member_at(job, k, &name);

        if (slice_is(name, "request") || slice_is(name, "__createdtime__") ||
            slice_is(name, "__updatedtime__"))
            continue;
        document_name(builder, name);
        document_value(builder, v);
    }
    for (size_t k = 0; is_converted && k < 2; k++) {
        static const char *const names[][2] = {{"start_datetime", "start_datetime_converted"},
                                               {"end_datetime", "end_datetime_converted"}};
        struct value v = document_member(job, slice_text(names[k][0]));
        char text[DATE_TEXT_BYTES];

        if (value_is_null(v))
            continue;
        put_text(builder, names[k][1], slice_of(text, date_format_iso(value_to_int(v), text)));
    }
    document_close(builder);
}

void operation_get_job(struct call *call)
{
    struct slice id = call_text(call, "id", NULL);
    struct value job;
    int st;

    if (call_field(call, "id", NULL).kind == VALUE_ABSENT) {
        call_fail(call, 400, "'id' is required");
        return;
    }
    st = system_get(call->operations, "hdb_job", id, call->request->arena, &job);
    if (st != HARPER_OK && st != HARPER_NOT_FOUND) {
        call_fail(call, harper_status_http(st), "%s", harper_status_text(st));
        return;
    }
    document_begin(&call->builder);
    document_open_array(&call->builder);
    if (st == HARPER_OK)
        put_job(&call->builder, job, true);
    document_close(&call->builder);
    call_built(call);
}

static bool read_date(const struct call *call, const char *name, int64_t *out)
{
    struct value v = call_field(call, name, NULL);

    return v.kind == VALUE_TEXT && date_parse_iso(value_slice(v), out);
}

static void list_jobs(struct call *call, int64_t from, int64_t to)
{
    harper_session *session;
    harper_statement *statement = NULL;
    harper_error error;
    int st = harper_session_open(call->operations->options.system, &session, &error);

    if (st != HARPER_OK) {
        call_fail_of(call, &error);
        return;
    }
    st =
        harper_prepare(session, HARPER_URL,
                       "GET /hdb_job/?start_datetime=gt=0&start_datetime=lt=0&sort(start_datetime)",
                       -1, &statement, NULL, &error);
    if (st == HARPER_OK)
        st = harper_bind_int(statement, 1, from);
    if (st == HARPER_OK)
        st = harper_bind_int(statement, 2, to);
    document_begin(&call->builder);
    document_open_array(&call->builder);
    while (st == HARPER_OK && (st = harper_step(statement)) == HARPER_ROW) {
        struct value v = value_absent();
        struct error err = {.offset = -1};
        size_t bytes;
        const char *json = harper_row_json(statement, &bytes);

        st = HARPER_OK;
        if (json != NULL &&
            json_read(slice_of(json, bytes), call->request->arena, &v, &err) == ST_OK)
            put_job(&call->builder, v, true);
    }
    document_close(&call->builder);
    if (st == HARPER_DONE)
        call_built(call);
    else
        call_fail_of(call, st == HARPER_OK ? &error : harper_session_error(session));
    harper_finalize(statement);
    harper_session_close(session);
}

void operation_search_jobs(struct call *call)
{
    static const char wrong[] = "There was an error searching jobs by date: Error: Invalid '%s' "
                                "date, must be in ISO-8601 format (YYYY-MM-DD)%s";
    int64_t from = 0, to = 0;

    if (!read_date(call, "from_date", &from))
        call_fail(call, 500, wrong, "from", ".");
    else if (!read_date(call, "to_date", &to))
        call_fail(call, 500, wrong, "to", "");
    else
        list_jobs(call, from, to);
}
