/* .export: a table's rows, or a query's, into a file. */
#include "shell/shell.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void complain(struct shell *shell, const char *path, const char *what)
{
    harper_error error = {.offset = -1};

    snprintf(error.message, sizeof error.message, "%s: %s", path, what);
    shell_error(shell, NULL, &error);
}

static enum output_mode mode_of(const char *path)
{
    const char *format = format_of(path);

    if (strcmp(format, "json") == 0)
        return MODE_JSON;
    if (strcmp(format, "ndjson") == 0)
        return MODE_NDJSON;
    return strcmp(format, "tabs") == 0 ? MODE_TABS : MODE_CSV;
}

/* A name alone is a table. */
static char *query_of(const char *source)
{
    char *sql = NULL;
    size_t len = 0;
    FILE *text;

    if (strpbrk(source, " \t\n") != NULL)
        return strdup(source);
    text = open_memstream(&sql, &len);
    fputs("SELECT * FROM ", text);
    put_name(text, source);
    fclose(text);
    return sql;
}

void export_file(struct shell *shell, const char *path, const char *source)
{
    struct shell other = *shell; /* the same session with another destination and form */
    char *sql = query_of(source);

    other.out = sql == NULL ? NULL : fopen(path, "w");
    if (other.out == NULL) {
        complain(shell, path, strerror(errno));
        free(sql);
        return;
    }
    other.mode = mode_of(path);
    other.has_headers = true;
    other.null_text[0] = '\0';
    other.timer = other.show_changes = other.echo = false;
    other.is_terminal_out = false;
    other.explain = -1;
    shell_run(&other, sql);
    if (ferror(other.out) != 0 || fclose(other.out) != 0)
        complain(shell, path, strerror(errno));
    shell->had_error = shell->had_error || other.had_error;
    if (other.exit_code != 0)
        shell->exit_code = other.exit_code;
    free(sql);
}
