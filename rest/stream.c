/*
 * Collections. A result up to STREAM_BYTES is written at once; what is longer is written row by row
 * as the client takes it, from the statement that stands where it stopped. Closing the stream ends
 * the statement and with it the snapshot.
 */
#include "rest/rest_internal.h"
#include "vdbe/ir/ir.h"
#include <stdlib.h>

struct stream {
    struct worker *worker;
    struct seat *seat; /* NULL: still the worker's */
    harper_statement *statement;
    enum media media;
    struct csv csv;
    bool is_done;
    size_t rows;
    struct buf pending;
    size_t pending_at;
    struct encoder *encoder; /* NULL: the rows go out as they are */
    struct buf raw;          /* rows that the encoder has not had */
};

static struct slice column_name(const void *context, size_t column)
{
    return statement_column_name(context, column);
}

void row_write(const harper_statement *statement, enum media media, struct buf *out)
{
    struct codec_row row = {.values = statement_row(statement),
                            .count = statement_shown_columns(statement),
                            .name = column_name,
                            .context = statement};

    if (media == MEDIA_JSON) {
        statement_write_row_json(statement, out);
        return;
    }
    switch ((enum ir_row_form)statement_row_form(statement)) {
    case IR_ROW_SCALAR:
        row.form = CODEC_SCALAR;
        break;
    case IR_ROW_ARRAY:
        row.form = CODEC_ARRAY;
        break;
    case IR_ROW_COLUMNS:
    case IR_ROW_OBJECT:
        row.form = CODEC_OBJECT;
        break;
    }
    codec_write_row(media, out, &row);
}

static void finish(struct stream *stream)
{
    codec_end_rows(stream->media, &stream->pending, stream->rows == 0);
    stream->is_done = true;
    harper_finalize(stream->statement);
    stream->statement = NULL;
}

static struct slice error_name(const void *context, size_t column)
{
    (void)context, (void)column;
    return slice_text("error");
}

/* What went out cannot be taken back: the array ends with the failure. */
static void finish_failed(struct stream *stream, const harper_error *error)
{
    const struct value message = value_text(slice_text(error->message));
    const struct codec_row row = {CODEC_OBJECT, &message, 1, error_name, NULL};

    if (stream->media != MEDIA_CSV) {
        if (stream->rows++ > 0)
            codec_between_rows(stream->media, &stream->pending);
        codec_write_row(stream->media, &stream->pending, &row);
    }
    finish(stream);
}

/* An element of a YAML list is indented below its dash, so it is written as a list of one. */
static void write_yaml_row(struct stream *stream)
{
    struct buf row = {0};
    size_t at = 0;

    row_write(stream->statement, MEDIA_YAML, &row);
    while (at < row.len) {
        const char *stop = memchr(row.data + at, '\n', row.len - at);
        size_t len = stop == NULL ? row.len - at : (size_t)(stop - row.data) + 1 - at;

        buf_append_text(&stream->pending, at == 0 ? "- " : "  ");
        buf_append(&stream->pending, row.data + at, len);
        at += len;
    }
    stream->pending.failed |= row.failed;
    buf_free(&row);
}

static void write_row(struct stream *stream)
{
    if (stream->media == MEDIA_CSV) {
        csv_write_row(&stream->csv, stream->statement, &stream->pending);
    } else if (stream->media == MEDIA_YAML) {
        write_yaml_row(stream);
    } else {
        if (stream->rows > 0)
            codec_between_rows(stream->media, &stream->pending);
        row_write(stream->statement, stream->media, &stream->pending);
    }
    stream->rows++;
}

/* Rows until `bytes` are pending. HARPER_ROW: there may be more; HARPER_DONE; or a failure. */
static int fill(struct stream *stream, size_t bytes)
{
    int st = HARPER_ROW;

    while (st == HARPER_ROW && stream->pending.len < bytes) {
        st = harper_step(stream->statement);
        if (st != HARPER_ROW)
            break;
        write_row(stream);
        if (stream->pending.failed)
            return HARPER_NO_MEMORY;
    }
    return st;
}

void stream_begin(struct request *request, struct answer *answer, harper_statement *statement,
                  enum media media, const struct route *route)
{
    struct stream first = {
        .worker = request->worker, .statement = statement, .media = media, .pending = answer->body};
    struct stream *stream;
    int st;

    if (media == MEDIA_CSV) {
        csv_begin(&first.csv, statement, route, false, &request->worker->seat->arena);
        csv_write_head(&first.csv, statement, &first.pending);
    } else {
        codec_begin_rows(media, &first.pending);
    }
    st = fill(&first, STREAM_BYTES);
    if (st == HARPER_DONE) {
        finish(&first);
        answer->body = first.pending;
        return;
    }
    stream = st == HARPER_ROW ? malloc(sizeof *stream) : NULL;
    if (stream == NULL) {
        harper_error error = *harper_session_error(request->worker->seat->session);

        if (st == HARPER_ROW || st == HARPER_NO_MEMORY)
            error = (harper_error){.status = HARPER_NO_MEMORY, .offset = -1};
        harper_finalize(statement);
        answer->body = first.pending;
        problem_of(request, answer, &error);
        return;
    }
    *stream = first;
    stream->seat = request->worker->seat;
    worker_keep_seat(request->worker);
    answer->body = (struct buf){0};
    answer->stream = stream;
}

bool stream_compress(struct stream *stream, enum coding coding)
{
    struct encoder *encoder = encoder_new(coding, true);

    if (encoder == NULL)
        return false;
    stream->encoder = encoder;
    stream->raw = stream->pending;
    stream->pending = (struct buf){0};
    return true;
}

/* What was pending has been sent: more of it, unless the rows have ended. */
static void refill(struct stream *stream, size_t bytes)
{
    int st;

    buf_clear(&stream->pending);
    stream->pending_at = 0;
    st = fill(stream, bytes);
    if (st == HARPER_DONE)
        finish(stream);
    else if (st != HARPER_ROW)
        finish_failed(stream, harper_session_error(stream->seat->session));
}

/* As refill, through the encoder, which may keep to itself what it is given. */
static void refill_encoded(struct stream *stream)
{
    struct buf coded = stream->pending;

    buf_clear(&coded);
    stream->pending_at = 0;
    while (coded.len == 0 && stream->encoder != NULL) {
        stream->pending = stream->raw;
        if (stream->pending.len == 0 && !stream->is_done)
            refill(stream, STREAM_BYTES);
        stream->raw = stream->pending;
        if (!encoder_run(stream->encoder, buf_slice(&stream->raw), stream->is_done, &coded) ||
            stream->is_done) {
            encoder_free(stream->encoder);
            stream->encoder = NULL;
            stream->is_done = true;
        }
        stream->raw.len = 0;
    }
    stream->pending = coded;
}

size_t stream_read(struct stream *stream, char *out, size_t room)
{
    size_t len = stream->pending.len - stream->pending_at;

    if (len == 0 && stream->encoder != NULL)
        refill_encoded(stream);
    else if (len == 0 && !stream->is_done)
        refill(stream, room);
    len = stream->pending.len - stream->pending_at;
    if (len > room)
        len = room;
    if (len > 0)
        memcpy(out, stream->pending.data + stream->pending_at, len);
    stream->pending_at += len;
    return len;
}

void stream_close(struct stream *stream)
{
    if (stream == NULL)
        return;
    harper_finalize(stream->statement);
    if (stream->seat != NULL)
        worker_return_seat(stream->worker, stream->seat);
    buf_free(&stream->pending);
    buf_free(&stream->raw);
    encoder_free(stream->encoder);
    free(stream);
}
