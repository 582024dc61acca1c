/* The head of a request, line by line. */
#include "rest/head.h"
#include <string.h>

enum { TOKEN = 1, TARGET = 2, VALUE = 4, HOST = 8 };

/* What each byte may stand in. */
static uint8_t class_of(unsigned char c)
{
    uint8_t class = 0;

    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        class = TOKEN | HOST;
    else if (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL)
        class = TOKEN;
    if (c != 0 && strchr("-._~%!$&'()*+;=:[]", c) != NULL)
        class |= HOST;
    if (c > 0x20 && c < 0x7f && c != '#')
        class |= TARGET;
    if (c == '\t' || (c >= 0x20 && c != 0x7f))
        class |= VALUE;
    return class;
}

static uint8_t classes[256];

__attribute__((constructor)) static void fill_classes(void)
{
    for (unsigned c = 0; c < 256; c++)
        classes[c] = class_of((unsigned char)c);
}

static bool is_all(struct slice text, uint8_t class)
{
    for (size_t k = 0; k < text.len; k++)
        if ((classes[(unsigned char)text.data[k]] & class) == 0)
            return false;
    return true;
}

bool head_is_token(struct slice text)
{
    return text.len > 0 && is_all(text, TOKEN);
}

bool head_is_field_value(struct slice text)
{
    return is_all(text, VALUE);
}

static bool refuse(struct head *head, int status, const char *detail)
{
    head->status = status;
    head->detail = detail;
    return false;
}

/* ---- the request line ---- */

static bool read_version(struct head *head, struct slice text)
{
    if (slice_is(text, "HTTP/1.1"))
        return true;
    if (slice_is(text, "HTTP/1.0")) {
        head->is_1_0 = true;
        return true;
    }
    if (text.len == 8 && memcmp(text.data, "HTTP/", 5) == 0 && text.data[6] == '.' &&
        text.data[5] >= '0' && text.data[5] <= '9' && text.data[7] >= '0' && text.data[7] <= '9')
        return refuse(head, 505, "this server speaks HTTP/1.1 and HTTP/1.0");
    return refuse(head, 400, "the request line does not end with a version");
}

/* A name or an address in brackets, then perhaps a colon and digits. */
static bool is_host(struct slice text)
{
    const char *bracket = text.len == 0 ? NULL : memchr(text.data, ']', text.len), *colon;
    size_t len;

    if (!is_all(text, HOST))
        return false;
    if (text.len > 0 && text.data[0] == '[') {
        if (bracket == NULL)
            return false;
        len = (size_t)(bracket - text.data) + 1;
    } else {
        colon = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
        len = colon == NULL ? text.len : (size_t)(colon - text.data);
        if (len == 0 || bracket != NULL)
            return false;
    }
    if (len == text.len)
        return true;
    for (size_t k = len + 1; k < text.len; k++)
        if (text.data[k] < '0' || text.data[k] > '9')
            return false;
    return text.data[len] == ':';
}

/* What stands behind the scheme of a whole URL. */
static bool read_authority(struct head *head, struct slice rest)
{
    size_t len = 0;

    while (len < rest.len && rest.data[len] != '/' && rest.data[len] != '?')
        len++;
    return is_host(slice_of(rest.data, len)) ||
           refuse(head, 400, "the host of the request's target is malformed");
}

static bool read_target(struct head *head, struct slice method, struct slice target)
{
    if (target.len > HEAD_TARGET_BYTES_MAX)
        return refuse(head, 414, "the request's target is too long");
    if (slice_is(method, "CONNECT"))
        return refuse(head, 501, "CONNECT is not supported");
    if (!is_all(target, TARGET))
        return refuse(head, 400, "the request's target has a byte that must be percent-encoded");
    if (target.len > 0 && target.data[0] == '/')
        return true;
    if (slice_is(target, "*") && slice_is(method, "OPTIONS"))
        return true;
    if (target.len > 7 && slice_equal_nocase(slice_of(target.data, 7), slice_text("http://")))
        return read_authority(head, slice_of(target.data + 7, target.len - 7));
    if (target.len > 8 && slice_equal_nocase(slice_of(target.data, 8), slice_text("https://")))
        return read_authority(head, slice_of(target.data + 8, target.len - 8));
    return refuse(head, 400, "the request's target must begin with a slash");
}

static bool read_request_line(struct head *head, struct slice line, size_t line_at)
{
    const char *end = line.data + line.len;
    const char *blank = memchr(line.data, ' ', line.len), *second;
    struct slice method, target;

    if (blank == NULL)
        return refuse(head, 400, "the request line must be: method, target, version");
    method = slice_of(line.data, (size_t)(blank - line.data));
    second = memchr(blank + 1, ' ', (size_t)(end - blank - 1));
    if (second == NULL)
        return refuse(head, 400, "the request line must be: method, target, version");
    target = slice_of(blank + 1, (size_t)(second - blank - 1));
    if (!head_is_token(method) || method.len > HEAD_METHOD_BYTES_MAX)
        return refuse(head, 400, "the method is not a token");
    if (!read_target(head, method, target))
        return false;
    head->target_at = line_at + (size_t)(target.data - line.data);
    head->target_bytes = target.len;
    head->has_request_line = true;
    return read_version(head, slice_of(second + 1, (size_t)(end - second - 1)));
}

/* ---- fields ---- */

static bool read_length(struct head *head, struct slice value, uint64_t body_bytes_max)
{
    uint64_t length = 0;

    if (head->has_length)
        return refuse(head, 400, "Content-Length is given twice");
    if (value.len == 0 || value.len > 18)
        return refuse(head, 400, "Content-Length is not a number");
    for (size_t k = 0; k < value.len; k++) {
        if (value.data[k] < '0' || value.data[k] > '9')
            return refuse(head, 400, "Content-Length is not a number");
        length = length * 10 + (uint64_t)(value.data[k] - '0');
    }
    head->has_length = true;
    head->content_length = length;
    /* Said at the end of the head, after what is malformed. */
    if (length > body_bytes_max && head->status == 0) {
        head->status = 413;
        head->detail = "the body is larger than this server accepts";
    }
    return true;
}

static bool ends_with_chunked(struct slice value)
{
    return value.len > 8 && (value.data[value.len - 8] == ' ' || value.data[value.len - 8] == ',' ||
                             value.data[value.len - 8] == '\t')
               ? slice_is_nocase(slice_of(value.data + value.len - 7, 7), "chunked")
               : false;
}

static bool read_coding(struct head *head, struct slice value)
{
    if (head->is_1_0)
        return refuse(head, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (head->is_chunked)
        return refuse(head, 400, "Transfer-Encoding is given twice");
    if (!slice_is_nocase(value, "chunked")) {
        if (ends_with_chunked(value) && memchr(value.data, ',', value.len) != NULL &&
            !slice_is_nocase(slice_of(value.data, 7), "chunked"))
            return refuse(head, 501, "chunked is the only transfer coding this server knows");
        return refuse(head, 400, "the final transfer coding must be chunked");
    }
    head->is_chunked = true;
    return true;
}

/* libmicrohttpd makes a field of each, out of a small pool. */
static bool count_cookies(struct head *head, struct slice value)
{
    for (size_t k = 0; k < value.len; k++)
        head->fields += value.data[k] == ';';
    return head->fields <= HEAD_FIELDS_MAX || refuse(head, 431, "there are too many cookies");
}

static bool read_field(struct head *head, struct slice line, uint64_t body_bytes_max)
{
    const char *colon;
    struct slice name, value;
    size_t blanks = 0;

    if (line.data[0] == ' ' || line.data[0] == '\t')
        return refuse(head, 400, "a field must not be folded over lines");
    colon = memchr(line.data, ':', line.len);
    if (colon == NULL)
        return refuse(head, 400, "a field must be: name, colon, value");
    name = slice_of(line.data, (size_t)(colon - line.data));
    value = slice_of(colon + 1, line.len - name.len - 1);
    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
        value = slice_of(value.data + 1, value.len - 1);
    while (value.len > 0 && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t'))
        value.len--, blanks++;
    if (!head_is_token(name))
        return refuse(head, 400, "a field's name must be a token, right before its colon");
    if (!is_all(value, VALUE))
        return refuse(head, 400, "a field's value has a control byte");
    if (++head->fields > HEAD_FIELDS_MAX)
        return refuse(head, 431, "there are too many fields");
    switch (name.len) {
    case 4:
        if (!slice_is_nocase(name, "host"))
            return true;
        if (head->has_host)
            return refuse(head, 400, "Host is given twice");
        head->has_host = true;
        return value.len == 0 || is_host(value) || refuse(head, 400, "Host is malformed");
    case 6:
        if (slice_is_nocase(name, "cookie"))
            return count_cookies(head, value);
        if (!slice_is_nocase(name, "expect"))
            return true;
        head->expects_continue = slice_is_nocase(value, "100-continue");
        return head->expects_continue ||
               refuse(head, 417, "100-continue is the only expectation this server knows");
    case 14:
        if (!slice_is_nocase(name, "content-length"))
            return true;
        break;
    case 17:
        if (!slice_is_nocase(name, "transfer-encoding"))
            return true;
        break;
    default:
        return true;
    }
    head->framing_at = head->at + (size_t)(value.data - line.data);
    head->framing_blanks = blanks;
    return name.len == 14 ? read_length(head, value, body_bytes_max) : read_coding(head, value);
}

static bool finish(struct head *head)
{
    if (head->has_length && head->is_chunked)
        return refuse(head, 400, "Content-Length and Transfer-Encoding exclude each other");
    if (!head->has_host && !head->is_1_0)
        return refuse(head, 400, "Host is missing");
    return head->status == 0;
}

enum head_result head_read(struct head *head, struct slice bytes, uint64_t body_bytes_max)
{
    while (head->at < bytes.len) {
        const char *start = bytes.data + head->at;
        const char *newline = memchr(start, '\n', bytes.len - head->at);
        struct slice line;
        bool ok;

        if (newline == NULL)
            break;
        if (newline == start || newline[-1] != '\r') {
            refuse(head, 400, "a line must end with CR LF");
            return HEAD_REFUSED;
        }
        line = slice_of(start, (size_t)(newline - start) - 1);
        if (head->at + line.len + 2 > HEAD_BYTES_MAX)
            break;
        if (line.len == 0 && !head->has_request_line) {
            ok = !head->has_blank || refuse(head, 400, "the request begins with empty lines");
            head->has_blank = true;
        } else if (line.len == 0) {
            head->bytes = head->at + 2;
            return finish(head) ? HEAD_COMPLETE : HEAD_REFUSED;
        } else if (!head->has_request_line) {
            ok = read_request_line(head, line, head->at);
        } else {
            ok = read_field(head, line, body_bytes_max);
        }
        if (!ok)
            return HEAD_REFUSED;
        head->at += line.len + 2;
    }
    if (bytes.len < HEAD_BYTES_MAX)
        return HEAD_INCOMPLETE;
    if (head->has_request_line)
        refuse(head, 431, "the fields are too long");
    else
        refuse(head, 414, "the request line is too long");
    return HEAD_REFUSED;
}
