/*
 * shell: the interactive program. This header is private to shell/.
 *
 * One struct shell holds the state; there is one thread of input, and a signal handler that only
 * asks the session to stop.
 */
#ifndef HARPER_SHELL_SHELL_H
#define HARPER_SHELL_SHELL_H

#include "api/harper.h"
#include <stdio.h>

enum output_mode {
    MODE_LIST,
    MODE_BOX,
    MODE_TABLE,
    MODE_COLUMN,
    MODE_MARKDOWN,
    MODE_LINE,
    MODE_CSV,
    MODE_TABS,
    MODE_JSON,
    MODE_NDJSON,
    MODE_QUOTE,
    MODE_HTML,
    MODE_COUNT
};

struct rest_server;
struct patience;

struct shell {
    harper *db;
    harper_session *session;
    struct rest_server *server; /* of .serve, NULL: none */
    struct patience *patience;  /* at the prompt only */
    char *path;
    FILE *out;            /* where rows go: stdout or .output's file */
    bool is_interactive;  /* standard input is a terminal */
    bool is_terminal_out; /* standard output is one: colours, progress, box */
    bool has_headers, headers_chosen;
    bool stop_on_error, had_error, echo, quit;
    bool timer, show_changes;
    int exit_code;
    int explain; /* -1 off, else enum harper_explain, shown before each statement runs */
    enum output_mode mode;
    char null_text[64];
    char separator[32], row_separator[32];
    unsigned read_depth;
    unsigned input_line; /* of the script being read, for messages */
    const char *input_name;
    const char *running; /* the whole input that is being run: lines are counted from its start */
};

/* ---- render.c: rows to text ---- */

extern const char *const mode_names[MODE_COUNT];

struct renderer;
/* Columns are known before the first row; a renderer that aligns keeps rows until the end. */
struct renderer *render_begin(struct shell *shell, harper_statement *statement);
void render_row(struct renderer *renderer, harper_statement *statement);
void render_end(struct renderer *renderer); /* frees */
/* Modes that align: rows appear at the end. */
bool render_is_kept(enum output_mode mode);
size_t display_width(const char *text, size_t bytes); /* terminal cells, for UTF-8 text */
void put_json_text(FILE *out, const char *text, size_t bytes);

/* ---- run.c: statements ---- */

/* Run a whole input: SQL statements, a request line (GET /…), a JSON operation or a dot command. */
void shell_run(struct shell *shell, const char *text);
void shell_error(struct shell *shell, const char *text,
                 const harper_error *error); /* with a caret */
bool shell_is_request(const char *text);
bool shell_is_graphql(const char *text); /* begins with a method and a path */
bool shell_open(struct shell *shell, const char *path, const harper_options *options);
void shell_close(struct shell *shell);
/* Was Ctrl-C pressed since shell_forget_interrupt? */
bool shell_interrupted(void);
void shell_forget_interrupt(void);
/* Read statements from a file or pipe. */
void shell_read(struct shell *shell, FILE *in, const char *name);

/* ---- commands.c: dot commands ---- */

void command_run(struct shell *shell, const char *line);
/* Command k's name with its dot, or NULL: completion. */
const char *command_name(size_t index);
void shell_each_text(struct shell *shell, const char *sql,
                     void (*each)(void *context, const char *text), void *context);

/* ---- import.c, export.c ---- */

struct import {
    const char *path, *table;
    const char *format; /* csv, tabs, json, ndjson; NULL: by the file's name */
    unsigned skip;      /* records of a CSV file before the first that counts */
    bool is_verbose;    /* say at the end what was done, also without a terminal */
};
/* Progress on a terminal. A CSV file's rows are committed in pieces. */
void import_file(struct shell *shell, const struct import *import);
/* A table's rows, or a query's, into a file: CSV, tab-separated, JSON or NDJSON by its name. */
void export_file(struct shell *shell, const char *path, const char *source);
const char *format_of(const char *path);
void put_name(FILE *out, const char *name); /* "a ""name""" */

/* ---- subcommands.c: harper inspect, check, copy, serve ---- */

/* -1: argv[0] is no subcommand; else the exit code. */
int subcommand_run(int argc, char **argv);

/* ---- serve.c: .serve ---- */

/* Port 0 is a free one. The address is printed. */
void serve_start(struct shell *shell, unsigned port, bool exports_all);
void serve_stop(struct shell *shell);
void serve_show(struct shell *shell);

/* ---- patience.c: a sign of life while a statement runs long ---- */

/* NULL (also when standard error is no terminal) is allowed in all calls. */
struct patience *patience_new(void);
void patience_begin(struct patience *patience);
void patience_end(struct patience *patience); /* also when the first row comes */
void patience_free(struct patience *patience);

/* ---- input.c: the terminal ---- */

void input_loop(struct shell *shell);
bool input_wants_more(const char *text); /* is a statement still open at its end? */

#endif
