/* Failures as RFC 9457 problem objects. */
#include "rest/rest_internal.h"
#include <stdio.h>

const char *status_title(int status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 418:
        return "I'm a teapot";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    case 507:
        return "Insufficient Storage";
    default:
        return "Internal Server Error";
    }
}

static void write_problem(const struct request *request, struct answer *answer, int status,
                          const char *detail, const char *more)
{
    struct buf *out = &answer->body;
    char target[64];

    buf_clear(out);
    answer->status = status;
    answer->type = media_type(MEDIA_JSON);
    answer->etag[0] = '\0';
    snprintf(target, sizeof target, "{\"type\":\"https://httpstatuses.com/%d\",\"title\":", status);
    buf_append_text(out, target);
    json_write_text(out, slice_text(status_title(status)));
    buf_printf(out, ",\"status\":%d,\"detail\":", status);
    json_write_text(out, slice_text(detail));
    if (request->instance.len > 0) {
        buf_append_text(out, ",\"instance\":");
        json_write_text(out, request->instance);
    }
    buf_append_text(out, more);
    buf_append_byte(out, '}');
}

void problem(const struct request *request, struct answer *answer, int status, const char *format,
             ...)
{
    char detail[ERROR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    write_problem(request, answer, status, detail, "");
}

void problem_of(const struct request *request, struct answer *answer, const harper_error *error)
{
    const char *message =
        error->message[0] == '\0' ? harper_status_text(error->status) : error->message;
    const char *more = "";

    switch (error->status) {
    case HARPER_EXISTS:
        message = "Record already exists";
        break;
    case HARPER_INDEX_BUILDING:
        more = ",\"code\":\"INDEX_REBUILDING\",\"retryable\":true";
        break;
    case HARPER_BUSY:
    case HARPER_SCHEMA:
        more = ",\"retryable\":true";
        answer->retries = true;
        break;
    default:
        break;
    }
    write_problem(request, answer, harper_status_http(error->status), message, more);
}
