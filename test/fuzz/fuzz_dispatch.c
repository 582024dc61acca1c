/*
 * The operations API: any JSON document is answered with a status and a value. The database has a
 * few tables; jobs, which touch files and addresses, are left out.
 */
#include "rest/operations/operations.h"
#include "storage/value/document.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_options(void);

/* The database lives from run to run, and the nodes of a memory store hold their pointers wherever
 * there is room. */
const char *__lsan_default_options(void)
{
    return "use_unaligned=1";
}

static harper *db, *system_db;
static harper_session *session;
static struct operations *operations;

static void open_all(void)
{
    static const char schema[] =
        "type Dog @table { id: Long @primaryKey, name: String @indexed, age: Int, tags: [String] }";
    struct operations_options options = {0};
    harper_error error;

    if (harper_open(":memory:", NULL, &db, &error) != HARPER_OK ||
        harper_open(":memory:", NULL, &system_db, &error) != HARPER_OK ||
        harper_session_open(db, &session, &error) != HARPER_OK ||
        harper_apply_schema(session, schema, -1, 0, NULL, NULL, &error) != HARPER_OK)
        abort();
    options.db = db;
    options.system = system_db;
    harper_limit(session, HARPER_LIMIT_TIME_MS, 1000);
    if (operations_open(&options, &operations, &error) != HARPER_OK)
        abort();
}

static bool leaves_the_process(struct value body)
{
    static const char *const names[] = {"export_local",          "csv_file_load",
                                        "csv_data_load",         "csv_url_load",
                                        "delete_records_before", "delete_files_before"};
    struct value name = document_member(body, slice_text("operation"));
    struct value sql = document_member(body, slice_text("sql"));

    for (size_t k = 0; name.kind == VALUE_TEXT && k < COUNT_OF(names); k++)
        if (slice_is(value_slice(name), names[k]))
            return true;
    /* ATTACH, VACUUM INTO. */
    return sql.kind == VALUE_TEXT && (memchr(sql.as.data, '\'', sql.len) != NULL ||
                                      memchr(sql.as.data, '"', sql.len) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct error err = {0};
    struct operation_request request = {.arena = &arena, .caller = {slice_text("fuzz"), true}};
    struct operation_reply reply;
    struct buf text = {0};

    if (operations == NULL)
        open_all();
    arena_init(&arena, 64 << 20);
    request.session = session;
    request.text = slice_of((const char *)data, size);
    if (json_read(request.text, &arena, &request.body, &err) == ST_OK &&
        !leaves_the_process(request.body)) {
        operations_answer(operations, &request, &reply);
        if (reply.status < 200 || reply.status > 511)
            abort();
        if (reply.rows == NULL)
            json_write(&text, reply.result);
        for (int k = 0; reply.rows != NULL && k < 100 && harper_step(reply.rows) == HARPER_ROW; k++)
            statement_write_row_json(reply.rows, &text);
        harper_finalize(reply.rows);
    }
    buf_free(&text);
    arena_deinit(&arena);
    return 0;
}
