/*
 * What a user writes: one header, one library, nothing else of the project. It prints `ok` and ends
 * with 0, or says what went wrong and ends with 1. Compiled as C17 and as C++17, against the shared
 * and the static library.
 */
#include <harper.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_PER_THREAD = 200 };

static int failed(const char *what, const char *message)
{
    fprintf(stderr, "%s: %s\n", what, message);
    return 1;
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return failed(#condition, harper_session_error(session)->message);                     \
    } while (0)

static int run_sql(harper_session *session, const char *sql)
{
    harper_error error;

    if (harper_execute(session, sql, NULL, NULL, &error) == HARPER_OK)
        return 0;
    return failed(sql, error.message);
}

/* The first column of the first row, as an integer; -1 when there is none. */
static int64_t ask_int(harper_session *session, const char *sql)
{
    harper_statement *statement;
    int64_t value = -1;

    if (harper_prepare(session, HARPER_SQL, sql, -1, &statement, NULL, NULL) != HARPER_OK)
        return -1;
    if (harper_step(statement) == HARPER_ROW)
        value = harper_column_int(statement, 0);
    harper_finalize(statement);
    return value;
}

static int use_statements(harper_session *session)
{
    harper_statement *statement;
    const char *tail;

    if (run_sql(session, "CREATE TABLE dog (id INTEGER PRIMARY KEY, name TEXT, weight REAL)") != 0)
        return 1;
    EXPECT(harper_prepare(session, HARPER_SQL, "INSERT INTO dog VALUES (?, :name, ?); SELECT 1", -1,
                          &statement, &tail, NULL) == HARPER_OK);
    EXPECT(strcmp(tail, " SELECT 1") == 0);
    EXPECT(harper_parameter_count(statement) == 3);
    EXPECT(harper_parameter_index(statement, ":name") == 2);
    for (int i = 1; i <= 3; i++) {
        EXPECT(harper_bind_int(statement, 1, i) == HARPER_OK);
        EXPECT(harper_bind_text(statement, 2,
                                i == 1   ? "Ada"
                                : i == 2 ? "Bo"
                                         : "Cid",
                                -1) == HARPER_OK);
        EXPECT(harper_bind_double(statement, 3, i + 0.5) == HARPER_OK);
        EXPECT(harper_step(statement) == HARPER_DONE);
        EXPECT(harper_reset(statement) == HARPER_OK);
    }
    harper_finalize(statement);
    EXPECT(harper_total_changes(session) == 3);

    EXPECT(harper_prepare(session, HARPER_SQL,
                          "SELECT id, name, weight FROM dog WHERE id > ? ORDER BY id", -1,
                          &statement, NULL, NULL) == HARPER_OK);
    EXPECT(harper_bind_int(statement, 1, 1) == HARPER_OK);
    EXPECT(harper_step(statement) == HARPER_ROW);
    EXPECT(harper_column_count(statement) == 3);
    EXPECT(strcmp(harper_column_name(statement, 1), "name") == 0);
    EXPECT(harper_column_type(statement, 0) == HARPER_INT && harper_column_int(statement, 0) == 2);
    EXPECT(strcmp(harper_column_text(statement, 1, NULL), "Bo") == 0);
    EXPECT(harper_column_double(statement, 2) == 2.5);
    EXPECT(harper_step(statement) == HARPER_ROW);
    EXPECT(harper_step(statement) == HARPER_DONE);
    harper_finalize(statement);

    /* The same question as a URL. */
    EXPECT(harper_prepare(session, HARPER_URL, "GET /dog/?id=gt=2&select(id,name)", -1, &statement,
                          NULL, NULL) == HARPER_OK);
    EXPECT(harper_step(statement) == HARPER_ROW);
    EXPECT(strcmp(harper_row_json(statement, NULL), "{\"id\":3,\"name\":\"Cid\"}") == 0);
    harper_finalize(statement);

    /* A failure says where. */
    EXPECT(harper_prepare(session, HARPER_SQL, "SELECT nme FROM dog", -1, &statement, NULL, NULL) ==
           HARPER_NO_COLUMN);
    EXPECT(harper_session_error(session)->offset == 7);
    return 0;
}

static bool count_document(void *context, const char *key, const char *json, size_t bytes)
{
    (void)key;
    *(int *)context += bytes == strlen(json) && json[0] == '{';
    return true;
}

static int use_documents(harper_session *session)
{
    char *json = NULL, *key = NULL;
    int count = 0;

    EXPECT(harper_put(session, "dog", "7", "{\"name\": \"Eve\", \"weight\": 9.5}", -1) ==
           HARPER_OK);
    EXPECT(harper_patch(session, "dog", "7", "{\"weight\": 10.5}", -1) == HARPER_OK);
    EXPECT(harper_get(session, "dog", "7", &json, NULL) == HARPER_OK);
    EXPECT(strcmp(json, "{\"name\":\"Eve\",\"weight\":10.5,\"id\":7}") == 0);
    harper_free(json);
    EXPECT(harper_insert(session, "dog", "{\"name\": \"Flo\"}", -1, &key) == HARPER_OK);
    EXPECT(strcmp(key, "8") == 0);
    EXPECT(harper_scan(session, "dog", "7", count_document, &count) == HARPER_OK);
    EXPECT(count == 2);
    EXPECT(harper_delete(session, "dog", key) == HARPER_OK);
    EXPECT(harper_delete(session, "dog", key) == HARPER_NOT_FOUND);
    EXPECT(harper_get(session, "dog", key, &json, NULL) == HARPER_NOT_FOUND);
    harper_free(key);
    return 0;
}

struct worker {
    harper *db;
    int first;
    int result;
    pthread_t thread;
};

/* Each thread has its own session on the shared handle. */
static void *work(void *argument)
{
    struct worker *worker = (struct worker *)argument;
    harper_session *session;
    harper_statement *statement;
    harper_error error;

    worker->result = 1;
    if (harper_session_open(worker->db, &session, &error) != HARPER_OK)
        return NULL;
    if (harper_prepare(session, HARPER_SQL, "INSERT INTO hit VALUES (?)", -1, &statement, NULL,
                       &error) == HARPER_OK) {
        worker->result = 0;
        for (int i = 0; i < ROWS_PER_THREAD; i++) {
            harper_bind_int(statement, 1, worker->first + i);
            if (harper_step(statement) != HARPER_DONE)
                worker->result = failed("insert", harper_session_error(session)->message);
            harper_reset(statement);
        }
        harper_finalize(statement);
    }
    harper_session_close(session);
    return NULL;
}

static int use_threads(harper *db, harper_session *session)
{
    struct worker workers[2];

    for (int i = 0; i < 2; i++) {
        workers[i].db = db;
        workers[i].first = i * ROWS_PER_THREAD;
    }
    if (run_sql(session, "CREATE TABLE hit (n INTEGER PRIMARY KEY)") != 0)
        return 1;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return failed("pthread_create", "no thread");
    for (int i = 0; i < 2; i++)
        pthread_join(workers[i].thread, NULL);
    EXPECT(workers[0].result == 0 && workers[1].result == 0);
    EXPECT(ask_int(session, "SELECT count(*) FROM hit") == 2 * ROWS_PER_THREAD);
    return 0;
}

static int run(const char *path)
{
    harper *db;
    harper_session *session;
    harper_options options;
    harper_error error;
    int result;

    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.durability = HARPER_DURABILITY_OFF; /* nothing here outlives the test */
    if (harper_open(path, &options, &db, &error) != HARPER_OK)
        return failed(path, error.message);
    if (harper_session_open(db, &session, &error) != HARPER_OK)
        return failed("session", error.message);
    result = use_statements(session) != 0 || use_documents(session) != 0 ||
             use_threads(db, session) != 0;
    harper_session_close(session);
    harper_close(db);
    return result;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (run(argv[i]) != 0)
            return 1;
    if (run(":memory:") != 0)
        return 1;
    printf("ok %s\n", harper_version());
    return 0;
}
