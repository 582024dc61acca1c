/*
 * Files of requests:
 *
 *     request STATUS METHOD /target
 *     > Field: value                 sent
 *     < Field: value                 expected; * for any; "< -Field" must be missing
 *     the body, if any
 *     ----
 *     the body that is expected; a line that begins with ~ : must contain the rest of the line
 *
 * Records are separated by blank lines, # begins a comment line. Without ---- the body is not
 * looked at; with nothing behind it, it must be empty. A body sent or expected may be `hex:` and
 * its bytes, and one sent `raw:` and text in which \r, \n and \0 stand for those bytes. `< ETag:
 * {name}` remembers the value,
 * `{name}` in a sent field stands for it.
 */
#include "http.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record {
    unsigned line;
    int status;
    char method[32];
    struct text target, sent, wanted, body, expected;
    bool has_expected;
};

static char saved_name[64], saved_value[256];

static void add_line(struct text *text, const char *line)
{
    if (text->len > 0)
        text_puts(text, "\n");
    text_puts(text, line);
}

/* A sent field, with {name} replaced. */
static void add_sent(struct text *sent, const char *field)
{
    const char *brace = strchr(field, '{');

    if (brace != NULL && strncmp(brace + 1, saved_name, strlen(saved_name)) == 0 &&
        saved_name[0] != '\0') {
        text_add(sent, field, (size_t)(brace - field));
        text_puts(sent, saved_value);
    } else {
        text_puts(sent, field);
    }
    text_puts(sent, "\r\n");
}

static void begin_record(struct record *record, const char *line, unsigned number)
{
    int used = 0;

    record->line = number;
    record->has_expected = false;
    text_clear(&record->target);
    text_clear(&record->sent);
    text_clear(&record->wanted);
    text_clear(&record->body);
    text_clear(&record->expected);
    if (sscanf(line, "request %d %31s %n", &record->status, record->method, &used) == 2)
        text_puts(&record->target, line + used);
}

static bool check_fields(const struct response *response, const char *wanted, struct text *why)
{
    bool ok = true;

    for (const char *at = wanted; *at != '\0'; at += *at == '\n') {
        size_t len = strcspn(at, "\n");
        char line[512], *colon;
        const char *got;

        snprintf(line, sizeof line, "%.*s", (int)len, at);
        at += len;
        if (line[0] == '-') {
            if (response_field(response, line + 1) != NULL) {
                text_puts(why, "unexpected field ");
                add_line(why, line + 1);
                ok = false;
            }
            continue;
        }
        colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        *colon = '\0';
        colon += 1 + strspn(colon + 1, " ");
        got = response_field(response, line);
        if (got != NULL && *colon == '{') {
            snprintf(saved_name, sizeof saved_name, "%.*s", (int)strcspn(colon + 1, "}"),
                     colon + 1);
            snprintf(saved_value, sizeof saved_value, "%s", got);
        } else if (got == NULL || (strcmp(colon, "*") != 0 && strcmp(colon, got) != 0)) {
            add_line(why, line);
            text_puts(why, ": ");
            text_puts(why, got == NULL ? "(missing)" : got);
            ok = false;
        }
    }
    return ok;
}

static void add_hex(struct text *out, const char *hex)
{
    for (unsigned byte; sscanf(hex, "%2x", &byte) == 1 && hex[1] != '\0'; hex += 2) {
        const char c = (char)byte;

        text_add(out, &c, 1);
    }
}

static void add_raw(struct text *out, const char *raw)
{
    for (; *raw != '\0'; raw++) {
        char c = *raw;

        if (c == '\\' && raw[1] != '\0') {
            raw++;
            c = *raw == 'r' ? '\r' : *raw == 'n' ? '\n' : *raw == '0' ? '\0' : *raw;
        }
        text_add(out, &c, 1);
    }
}

static bool is_hex(const struct text *got, const char *hex)
{
    struct text wanted = {0};
    bool same;

    add_hex(&wanted, hex);
    same = wanted.len == got->len && memcmp(wanted.data, got->data, got->len) == 0;
    free(wanted.data);
    return same;
}

static bool check_body(const struct text *body, const char *expected)
{
    const char *got = text_of(body);

    if (strncmp(expected, "hex:", 4) == 0)
        return is_hex(body, expected + 4);
    if (expected[0] != '~')
        return strcmp(got, expected) == 0;
    for (const char *at = expected; *at != '\0'; at += *at == '\n') {
        size_t len = strcspn(at, "\n");
        char line[1024];

        snprintf(line, sizeof line, "%.*s", (int)len, at);
        at += len;
        if (line[0] == '~' && strstr(got, line + 1) == NULL)
            return false;
    }
    return true;
}

static void run_record(const char *path, struct record *record, uint16_t port)
{
    struct client client;
    struct response response = {0};
    struct text text = {0}, why = {0};
    char line[256];
    bool ok;

    if (!client_open(&client, port)) {
        expect(false, path, "cannot connect");
        return;
    }
    text_puts(&text, record->method);
    text_puts(&text, " ");
    text_puts(&text, text_of(&record->target));
    text_puts(&text, " HTTP/1.1\r\nHost: test\r\n");
    text_puts(&text, text_of(&record->sent));
    if (record->body.len > 0) {
        if (strcasestr(text_of(&record->sent), "content-type:") == NULL)
            text_puts(&text, "Content-Type: application/json\r\n");
        snprintf(line, sizeof line, "Content-Length: %zu\r\n", record->body.len);
        text_puts(&text, line);
    }
    text_puts(&text, "\r\n");
    text_add(&text, record->body.data, record->body.len);
    client_send(&client, text.data, text.len);
    client_read(&client, &response, strcmp(record->method, "HEAD") == 0);
    ok = response.status == record->status;
    if (!check_fields(&response, text_of(&record->wanted), &why))
        ok = false;
    if (record->has_expected && !check_body(&response.body, text_of(&record->expected)))
        ok = false;
    snprintf(line, sizeof line, "%s:%u %s %.120s", path, record->line, record->method,
             text_of(&record->target));
    if (!ok) {
        struct text detail = {0};
        char status[32];

        snprintf(status, sizeof status, "status %d\n", response.status);
        text_puts(&detail, status);
        text_puts(&detail, text_of(&why));
        add_line(&detail, text_of(&response.body));
        expect(false, line, text_of(&detail));
        free(detail.data);
    } else {
        expect(true, line, NULL);
    }
    free(text.data);
    free(why.data);
    response_free(&response);
    client_close(&client);
}

void run_file(const char *path, uint16_t port)
{
    FILE *in = fopen(path, "r");
    struct record record = {0};
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    bool has_record = false;
    ssize_t n;

    if (in == NULL) {
        expect(false, path, "cannot be opened");
        return;
    }
    do {
        n = getline(&line, &room, in);
        number++;
        if (n > 0)
            line[strcspn(line, "\n")] = '\0';
        if (n <= 0 || line[0] == '\0') {
            if (has_record)
                run_record(path, &record, port);
            has_record = false;
        } else if (!has_record && line[0] == '#') {
            continue;
        } else if (!has_record) {
            begin_record(&record, line, number);
            has_record = true;
        } else if (record.has_expected) {
            add_line(&record.expected, line);
        } else if (strcmp(line, "----") == 0) {
            record.has_expected = true;
        } else if (strncmp(line, "> ", 2) == 0) {
            add_sent(&record.sent, line + 2);
        } else if (strncmp(line, "< ", 2) == 0) {
            add_line(&record.wanted, line + 2);
        } else if (strncmp(line, "hex:", 4) == 0) {
            add_hex(&record.body, line + 4);
        } else if (strncmp(line, "raw:", 4) == 0) {
            add_raw(&record.body, line + 4);
        } else {
            add_line(&record.body, line);
        }
    } while (n > 0);
    free(line);
    free(record.target.data);
    free(record.sent.data);
    free(record.wanted.data);
    free(record.body.data);
    free(record.expected.data);
    fclose(in);
}
