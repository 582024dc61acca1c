/* Rows to text, in the modes that .mode names. List and the text modes stream; aligned ones keep
 * their rows. */
#include "shell/shell.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

const char *const mode_names[MODE_COUNT] = {"list", "box",  "table", "column", "markdown", "line",
                                            "csv",  "tabs", "json",  "ndjson", "quote",    "html"};

struct cell {
    char *text;
    size_t width;
    bool is_number;
};

struct renderer {
    struct shell *shell;
    FILE *out;
    enum output_mode mode;
    int column_count;
    size_t row_count;
    char **names;
    size_t *widths; /* aligned modes: widest cell per column */
    struct cell *cells;
    size_t cell_count, cell_capacity;
};

bool render_is_kept(enum output_mode mode)
{
    return mode == MODE_BOX || mode == MODE_TABLE || mode == MODE_COLUMN || mode == MODE_MARKDOWN;
}

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("harper: out of memory\n", stderr);
        exit(70);
    }
    return memory;
}

size_t display_width(const char *text, size_t bytes)
{
    mbstate_t state = {0};
    size_t width = 0;

    while (bytes > 0) {
        wchar_t wide;
        size_t used = mbrtowc(&wide, text, bytes, &state);
        int cells;

        if (used == 0 || used > bytes) { /* NUL or not UTF-8: a cell a byte */
            memset(&state, 0, sizeof state);
            used = 1;
            cells = 1;
        } else {
            cells = wcwidth(wide);
        }
        width += cells < 0 ? 1 : (size_t)cells;
        text += used;
        bytes -= used;
    }
    return width;
}

/* ---- pieces ---- */

static void put_csv(FILE *out, const char *text, const char *separator)
{
    if (text[0] != '\0' && strpbrk(text, "\"\r\n") == NULL && strstr(text, separator) == NULL) {
        fputs(text, out);
        return;
    }
    if (text[0] == '\0') {
        fputs("\"\"", out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void put_json_text(FILE *out, const char *text, size_t bytes)
{
    fputc('"', out);
    for (size_t k = 0; k < bytes; k++) {
        unsigned char c = (unsigned char)text[k];

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void put_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void put_quoted(FILE *out, harper_statement *statement, int column)
{
    size_t bytes;
    const char *text;

    switch (harper_column_type(statement, column)) {
    case HARPER_NULL:
        fputs("NULL", out);
        return;
    case HARPER_BOOL:
        fputs(harper_column_bool(statement, column) ? "TRUE" : "FALSE", out);
        return;
    case HARPER_INT:
    case HARPER_DOUBLE:
        fputs(harper_column_text(statement, column, NULL), out);
        return;
    case HARPER_BYTES:
        text = harper_column_bytes(statement, column, &bytes);
        fputs("X'", out);
        for (size_t i = 0; i < bytes; i++)
            fprintf(out, "%02x", (unsigned char)text[i]);
        fputc('\'', out);
        return;
    default:
        text = harper_column_text(statement, column, &bytes);
        fputc('\'', out);
        for (size_t i = 0; i < bytes; i++) {
            if (text[i] == '\'')
                fputc('\'', out);
            fputc(text[i], out);
        }
        fputc('\'', out);
    }
}

static const char *cell_text(struct renderer *renderer, harper_statement *statement, int column)
{
    if (harper_column_type(statement, column) == HARPER_NULL)
        return renderer->shell->null_text;
    if (harper_column_type(statement, column) == HARPER_BOOL)
        return harper_column_bool(statement, column) ? "true" : "false";
    return harper_column_text(statement, column, NULL);
}

static void put_header_line(struct renderer *renderer)
{
    const char *separator = renderer->mode == MODE_TABS  ? "\t"
                            : renderer->mode == MODE_CSV ? ","
                                                         : renderer->shell->separator;

    for (int c = 0; c < renderer->column_count; c++) {
        if (c > 0)
            fputs(separator, renderer->out);
        if (renderer->mode == MODE_CSV)
            put_csv(renderer->out, renderer->names[c], ",");
        else
            fputs(renderer->names[c], renderer->out);
    }
    fputs(renderer->mode == MODE_LIST ? renderer->shell->row_separator : "\n", renderer->out);
}

struct renderer *render_begin(struct shell *shell, harper_statement *statement)
{
    struct renderer *renderer = must(calloc(1, sizeof *renderer));

    renderer->shell = shell;
    renderer->out = shell->out;
    renderer->mode = shell->mode;
    renderer->column_count = harper_column_count(statement);
    renderer->names = must(calloc((size_t)renderer->column_count + 1, sizeof *renderer->names));
    renderer->widths = must(calloc((size_t)renderer->column_count + 1, sizeof *renderer->widths));
    for (int c = 0; c < renderer->column_count; c++) {
        renderer->names[c] = must(strdup(harper_column_name(statement, c)));
        renderer->widths[c] = display_width(renderer->names[c], strlen(renderer->names[c]));
    }
    return renderer;
}

static void keep_row(struct renderer *renderer, harper_statement *statement)
{
    for (int c = 0; c < renderer->column_count; c++) {
        struct cell *cell;
        const char *text = cell_text(renderer, statement, c);
        int type = harper_column_type(statement, c);

        if (renderer->cell_count == renderer->cell_capacity) {
            renderer->cell_capacity =
                renderer->cell_capacity == 0 ? 256 : renderer->cell_capacity * 2;
            renderer->cells =
                must(realloc(renderer->cells, renderer->cell_capacity * sizeof *renderer->cells));
        }
        cell = &renderer->cells[renderer->cell_count++];
        cell->text = must(strdup(text));
        for (char *at = cell->text; *at != '\0'; at++)
            if (*at == '\n' || *at == '\r' || *at == '\t')
                *at = ' ';
        cell->width = display_width(cell->text, strlen(cell->text));
        cell->is_number = type == HARPER_INT || type == HARPER_DOUBLE;
        if (cell->width > renderer->widths[c])
            renderer->widths[c] = cell->width;
    }
}

/* A request for whole records answers with one document a row, which no column can hold. */
static bool is_document(const struct renderer *renderer, const harper_statement *statement)
{
    return renderer->column_count == 1 && harper_column_type(statement, 0) == HARPER_OBJECT &&
           strcmp(renderer->names[0], "column1") == 0;
}

void render_row(struct renderer *renderer, harper_statement *statement)
{
    FILE *out = renderer->out;
    size_t number = renderer->row_count++;
    size_t widest = 0;

    if (number == 0 && render_is_kept(renderer->mode) && is_document(renderer, statement))
        renderer->mode = MODE_NDJSON;
    if (render_is_kept(renderer->mode)) {
        keep_row(renderer, statement);
        return;
    }
    switch (renderer->mode) {
    case MODE_LIST:
    case MODE_TABS:
    case MODE_CSV:
        if (number == 0 && renderer->shell->has_headers)
            put_header_line(renderer);
        for (int c = 0; c < renderer->column_count; c++) {
            if (c > 0)
                fputs(renderer->mode == MODE_TABS  ? "\t"
                      : renderer->mode == MODE_CSV ? ","
                                                   : renderer->shell->separator,
                      out);
            if (renderer->mode == MODE_CSV && harper_column_type(statement, c) == HARPER_NULL)
                fputs(renderer->shell->null_text, out);
            else if (renderer->mode == MODE_CSV)
                put_csv(out, cell_text(renderer, statement, c), ",");
            else
                fputs(renderer->mode == MODE_LIST && harper_column_type(statement, c) == HARPER_BOOL
                          ? harper_column_text(statement, c, NULL)
                          : cell_text(renderer, statement, c),
                      out);
        }
        fputs(renderer->mode == MODE_LIST ? renderer->shell->row_separator : "\n", out);
        break;
    case MODE_LINE:
        for (int c = 0; c < renderer->column_count; c++)
            if (renderer->widths[c] > widest)
                widest = renderer->widths[c];
        if (number > 0)
            fputc('\n', out);
        for (int c = 0; c < renderer->column_count; c++)
            fprintf(out, "%*s%s = %s\n",
                    (int)(widest - display_width(renderer->names[c], strlen(renderer->names[c]))),
                    "", renderer->names[c], cell_text(renderer, statement, c));
        break;
    case MODE_JSON:
    case MODE_NDJSON:
        if (renderer->mode == MODE_JSON)
            fputs(number == 0 ? "[" : ",\n", out);
        fputs(harper_row_json(statement, NULL), out); /* requests: as the server answers */
        if (renderer->mode == MODE_NDJSON)
            fputc('\n', out);
        break;
    case MODE_QUOTE:
        for (int c = 0; number == 0 && renderer->shell->has_headers && c < renderer->column_count;
             c++)
            fprintf(out, "%s'%s'%s", c > 0 ? "," : "", renderer->names[c],
                    c + 1 < renderer->column_count ? "" : "\n");
        for (int c = 0; c < renderer->column_count; c++) {
            if (c > 0)
                fputc(',', out);
            put_quoted(out, statement, c);
        }
        fputc('\n', out);
        break;
    case MODE_HTML:
        if (number == 0 && renderer->shell->has_headers) {
            fputs("<tr>", out);
            for (int c = 0; c < renderer->column_count; c++) {
                fputs("<th>", out);
                put_html(out, renderer->names[c]);
                fputs("</th>", out);
            }
            fputs("</tr>\n", out);
        }
        fputs("<tr>", out);
        for (int c = 0; c < renderer->column_count; c++) {
            fputs("<td>", out);
            put_html(out, cell_text(renderer, statement, c));
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
        break;
    case MODE_BOX:
    case MODE_TABLE:
    case MODE_COLUMN:
    case MODE_MARKDOWN:
    case MODE_COUNT:
        break;
    }
}

/* ---- aligned modes ---- */

struct frame {
    const char *left, *fill, *cross, *right;
};

static void put_rule(struct renderer *renderer, struct frame frame, bool marks_numbers)
{
    FILE *out = renderer->out;

    fputs(frame.left, out);
    for (int c = 0; c < renderer->column_count; c++) {
        bool is_number = marks_numbers && renderer->cell_count > 0 && renderer->cells[c].is_number;

        if (c > 0)
            fputs(frame.cross, out);
        for (size_t k = 0; k < renderer->widths[c] + 2; k++)
            fputs(is_number && k == renderer->widths[c] + 1 ? ":" : frame.fill, out);
    }
    fputs(frame.right, out);
    fputc('\n', out);
}

static void put_cell(struct renderer *renderer, const char *text, size_t width, size_t column,
                     bool at_right, const char *edge)
{
    FILE *out = renderer->out;
    int pad = (int)(renderer->widths[column] - width);

    fputs(edge, out);
    if (at_right)
        fprintf(out, "%*s", pad, "");
    fputs(text, out);
    if (!at_right)
        fprintf(out, "%*s", pad, "");
}

static void put_aligned_row(struct renderer *renderer, const struct cell *cells, const char *first,
                            const char *between, const char *last)
{
    for (int c = 0; c < renderer->column_count; c++)
        put_cell(renderer, cells[c].text, cells[c].width, (size_t)c, cells[c].is_number,
                 c == 0 ? first : between);
    fputs(last, renderer->out);
    fputc('\n', renderer->out);
}

static void put_header_row(struct renderer *renderer, const char *first, const char *between,
                           const char *last)
{
    for (int c = 0; c < renderer->column_count; c++)
        put_cell(renderer, renderer->names[c],
                 display_width(renderer->names[c], strlen(renderer->names[c])), (size_t)c, false,
                 c == 0 ? first : between);
    fputs(last, renderer->out);
    fputc('\n', renderer->out);
}

static void put_aligned(struct renderer *renderer)
{
    static const struct frame box_top = {"┌", "─", "┬", "┐"}, box_middle = {"├", "─", "┼", "┤"},
                              box_bottom = {"└", "─", "┴", "┘"};
    static const struct frame plain = {"+", "-", "+", "+"}, markdown = {"|", "-", "|", "|"};
    const char *first = "| ", *between = " | ", *last = " |";
    size_t step = (size_t)renderer->column_count;

    switch (renderer->mode) {
    case MODE_BOX:
        first = "│ ", between = " │ ", last = " │";
        put_rule(renderer, box_top, false);
        put_header_row(renderer, first, between, last);
        put_rule(renderer, box_middle, false);
        break;
    case MODE_TABLE:
        put_rule(renderer, plain, false);
        put_header_row(renderer, first, between, last);
        put_rule(renderer, plain, false);
        break;
    case MODE_MARKDOWN:
        put_header_row(renderer, first, between, last);
        put_rule(renderer, markdown, true);
        break;
    default: /* column */
        first = "", between = "  ", last = "";
        if (renderer->shell->has_headers) {
            put_header_row(renderer, first, between, last);
            for (int c = 0; c < renderer->column_count; c++) {
                for (size_t k = 0; k < renderer->widths[c]; k++)
                    fputc('-', renderer->out);
                fputs(c + 1 < renderer->column_count ? "  " : "\n", renderer->out);
            }
        }
    }
    for (size_t i = 0; i < renderer->cell_count; i += step)
        put_aligned_row(renderer, renderer->cells + i, first, between, last);
    if (renderer->mode == MODE_BOX)
        put_rule(renderer, box_bottom, false);
    else if (renderer->mode == MODE_TABLE)
        put_rule(renderer, plain, false);
}

/* Cut a cell's text to `width` cells of the terminal, the last an ellipsis. */
static void cut(char **text, size_t *width, size_t wanted)
{
    size_t bytes = strlen(*text);
    char *shorter = NULL;

    while (bytes > 0 && display_width(*text, bytes) > wanted - 1)
        do
            bytes--;
        while (bytes > 0 && ((unsigned char)(*text)[bytes] & 0xc0) == 0x80);
    if (asprintf(&shorter, "%.*s…", (int)bytes, *text) < 0)
        must(NULL);
    free(*text);
    *text = shorter;
    *width = display_width(shorter, strlen(shorter));
}

/* What is wider than the terminal loses from its widest columns. */
static void fit_terminal(struct renderer *renderer)
{
    enum { NARROWEST = 8 };
    size_t columns = (size_t)renderer->column_count, total = 1;
    struct winsize size;

    if (!renderer->shell->is_terminal_out || renderer->out != stdout ||
        renderer->mode == MODE_MARKDOWN || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
        size.ws_col == 0)
        return;
    for (size_t c = 0; c < columns; c++)
        total += renderer->widths[c] + 3;
    while (total > size.ws_col) {
        size_t widest = 0;

        for (size_t c = 1; c < columns; c++)
            if (renderer->widths[c] > renderer->widths[widest])
                widest = c;
        if (renderer->widths[widest] <= NARROWEST)
            break;
        renderer->widths[widest]--;
        total--;
    }
    for (size_t c = 0; c < columns; c++) {
        size_t width = display_width(renderer->names[c], strlen(renderer->names[c]));

        if (width > renderer->widths[c])
            cut(&renderer->names[c], &width, renderer->widths[c]);
        for (size_t i = c; i < renderer->cell_count; i += columns)
            if (renderer->cells[i].width > renderer->widths[c])
                cut(&renderer->cells[i].text, &renderer->cells[i].width, renderer->widths[c]);
    }
}

void render_end(struct renderer *renderer)
{
    if (render_is_kept(renderer->mode) && renderer->row_count > 0)
        fit_terminal(renderer);
    if (render_is_kept(renderer->mode) && renderer->row_count > 0)
        put_aligned(renderer);
    if (renderer->mode == MODE_JSON && renderer->row_count > 0)
        fputs("]\n", renderer->out);
    fflush(renderer->out);
    for (size_t i = 0; i < renderer->cell_count; i++)
        free(renderer->cells[i].text);
    for (int c = 0; c < renderer->column_count; c++)
        free(renderer->names[c]);
    free(renderer->cells);
    free(renderer->names);
    free(renderer->widths);
    free(renderer);
}
