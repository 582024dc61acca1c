/* Reading CSV (RFC 4180, with what is found in the wild: bare line feeds, a byte order mark, text
 * behind a closing quote) and tab-separated text. */
#include "shell/csv.h"
#include <stdlib.h>
#include <string.h>

static int next_byte(struct csv_reader *csv)
{
    int c = getc_unlocked(csv->in);

    if (c != EOF)
        csv->bytes++;
    if (c == '\n')
        csv->next_line++;
    return c;
}

static void put(struct csv_reader *csv, int c)
{
    if (csv->len == csv->capacity) {
        size_t capacity = csv->capacity == 0 ? 4096 : csv->capacity * 2;
        char *more = realloc(csv->text, capacity);

        if (more == NULL) {
            csv->problem = "out of memory";
            return;
        }
        csv->text = more;
        csv->capacity = capacity;
    }
    csv->text[csv->len++] = (char)c;
}

static void end_field(struct csv_reader *csv, bool is_quoted)
{
    if (csv->count == CSV_COLUMNS_MAX) {
        csv->problem = "too many columns";
        return;
    }
    csv->quoted[csv->count] = is_quoted;
    csv->ends[csv->count++] = csv->len;
    put(csv, '\0');
}

void csv_reader_begin(struct csv_reader *csv, FILE *in, char separator)
{
    static const int mark[] = {0xef, 0xbb, 0xbf};
    int c = 0;

    memset(csv, 0, sizeof *csv);
    csv->in = in;
    csv->separator = separator;
    csv->next_line = 1;
    for (int k = 0; k < 3; k++) {
        c = getc_unlocked(in);
        if (c != mark[k]) {
            if (k == 0 && c != EOF)
                ungetc(c, in);
            else if (k > 0)
                csv->problem = "not UTF-8 text";
            return;
        }
    }
    csv->bytes = 3;
}

void csv_reader_free(struct csv_reader *csv)
{
    free(csv->text);
    csv->text = NULL;
}

/* Behind the opening quote. Returns the byte behind the closing one. */
static int read_quoted(struct csv_reader *csv)
{
    for (;;) {
        int c = next_byte(csv);

        if (c == EOF) {
            csv->problem = "a quoted field is not closed";
            return EOF;
        }
        if (c == '"' && (c = next_byte(csv)) != '"')
            return c;
        put(csv, c);
    }
}

/* Up to the separator or the end of the line, which is returned. CR LF and LF end a line, a CR
 * alone does not. */
static int read_plain(struct csv_reader *csv, int c)
{
    while (c != EOF && c != csv->separator && c != '\n') {
        int next = next_byte(csv);

        if (c == '\r' && (next == '\n' || next == EOF))
            return next;
        put(csv, c);
        c = next;
    }
    return c;
}

bool csv_reader_next(struct csv_reader *csv)
{
    int c;

    csv->len = 0;
    csv->count = 0;
    do {
        csv->line = csv->next_line;
        c = next_byte(csv);
        if (c == '\r' && (c = next_byte(csv)) != '\n' && c != EOF) { /* a CR that ends no line */
            put(csv, '\r');
            break;
        }
    } while (c == '\n');
    if (c == EOF || csv->problem != NULL)
        return false;
    for (;;) {
        size_t start = csv->count == 0 ? 0 : csv->ends[csv->count - 1] + 1;
        bool is_quoted = c == '"' && csv->separator != '\t' && csv->len == start;

        if (is_quoted)
            c = read_quoted(csv);
        c = read_plain(csv, c);
        end_field(csv, is_quoted);
        if (csv->problem != NULL)
            return false;
        if (c != csv->separator)
            return true;
        c = next_byte(csv);
    }
}

const char *csv_reader_field(const struct csv_reader *csv, int k, size_t *len)
{
    size_t start = k == 0 ? 0 : csv->ends[k - 1] + 1;

    *len = csv->ends[k] - start;
    return csv->text + start;
}
