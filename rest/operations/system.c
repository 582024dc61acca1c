/* What the machine and the process are doing: system_information, registration_info. */
#include "rest/operations/operations_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void put_int(struct call *call, const char *name, int64_t i)
{
    put_value(&call->builder, name, value_int(i));
}

/* The number behind "Name:" in a file of /proc; -1: there is none. */
static int64_t proc_number(const char *path, const char *name)
{
    FILE *in = fopen(path, "r");
    char line[256];
    int64_t found = -1;
    size_t len = strlen(name);

    while (in != NULL && found < 0 && fgets(line, sizeof line, in) != NULL)
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            found = strtoll(line + len + 1, NULL, 10);
    if (in != NULL)
        fclose(in);
    return found;
}

/* NAME="value" of /etc/os-release. */
static void put_release(struct call *call, const char *member, const char *name)
{
    FILE *in = fopen("/etc/os-release", "r");
    char line[256];
    size_t len = strlen(name);

    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        char *value = line + len + 1;

        if (strncmp(line, name, len) != 0 || line[len] != '=')
            continue;
        value += *value == '"';
        put_text(&call->builder, member, slice_of(value, strcspn(value, "\"\n")));
        break;
    }
    if (in != NULL)
        fclose(in);
}

/* ---- sections ---- */

static void put_system(struct call *call)
{
    struct utsname facts;

    if (uname(&facts) != 0)
        return;
    put_text(&call->builder, "platform", slice_text("linux"));
    put_release(call, "distro", "NAME");
    put_release(call, "release", "VERSION_ID");
    put_release(call, "codename", "VERSION_CODENAME");
    put_text(&call->builder, "kernel", slice_text(facts.release));
    put_text(&call->builder, "arch", slice_text(facts.machine));
    put_text(&call->builder, "hostname", slice_text(facts.nodename));
    put_text(&call->builder, "fqdn", slice_text(facts.nodename));
    put_text(&call->builder, "harper_version", slice_text(harper_version()));
}

static void put_time(struct call *call)
{
    struct timespec up;
    time_t now = time(NULL);
    struct tm local;
    char text[64];

    put_int(call, "current", clock_wall_us() / 1000);
    if (clock_gettime(CLOCK_BOOTTIME, &up) == 0)
        put_int(call, "uptime", up.tv_sec);
    if (localtime_r(&now, &local) == NULL)
        return;
    put_text(&call->builder, "timezone",
             slice_of(text, strftime(text, sizeof text, "GMT%z", &local)));
    put_text(&call->builder, "timezoneName",
             slice_of(text, strftime(text, sizeof text, "%Z", &local)));
}

static void put_cpu(struct call *call)
{
    double load[3] = {0};
    FILE *in = fopen("/proc/cpuinfo", "r");
    char line[256];

    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        put_text(&call->builder, "brand", slice_of(colon + 2, strcspn(colon + 2, "\n")));
        break;
    }
    if (in != NULL)
        fclose(in);
    put_int(call, "cores", sysconf(_SC_NPROCESSORS_ONLN));
    put_int(call, "physicalCores", sysconf(_SC_NPROCESSORS_CONF));
    put_int(call, "processors", 1);
    if (getloadavg(load, 3) < 1)
        return;
    document_name(&call->builder, slice_text("current_load"));
    document_open_object(&call->builder);
    put_value(&call->builder, "avgLoad", value_real(load[0]));
    document_close(&call->builder);
}

static void put_memory(struct call *call)
{
    static const struct {
        const char *member, *name;
    } numbers[] = {{"total", "MemTotal"}, {"free", "MemFree"},        {"available", "MemAvailable"},
                   {"active", "Active"},  {"swaptotal", "SwapTotal"}, {"swapfree", "SwapFree"}};
    int64_t total = proc_number("/proc/meminfo", "MemTotal");
    int64_t available = proc_number("/proc/meminfo", "MemAvailable");

    for (size_t k = 0; k < COUNT_OF(numbers); k++) {
        int64_t kib = proc_number("/proc/meminfo", numbers[k].name);

        if (kib >= 0)
            put_int(call, numbers[k].member, kib * 1024);
    }
    put_int(call, "used", (total - available) * 1024);
    put_int(call, "rss", proc_number("/proc/self/status", "VmRSS") * 1024);
}

static void put_table_sizes(struct call *call)
{
    struct document_builder described = {0};
    harper_error error;
    struct value tables;

    document_begin(&described);
    if (database_describe(call->request->session, slice_text("data"), slice_empty(), 0, &described,
                          &error) == HARPER_OK &&
        document_end(&described, &tables) == ST_OK) {
        for (size_t k = 0; k < document_count(tables); k++) {
            struct slice name;
            struct value table = document_member_at(tables, k, &name);

            document_open_object(&call->builder);
            put_text(&call->builder, "schema", slice_text("data"));
            put_text(&call->builder, "table", name);
            put_value(&call->builder, "table_size",
                      document_member(table, slice_text("table_size")));
            put_value(&call->builder, "record_count",
                      document_member(table, slice_text("record_count")));
            document_close(&call->builder);
        }
    }
    document_deinit(&described);
}

static void put_processes(struct call *call)
{
    struct rusage usage;

    document_name(&call->builder, slice_text("core"));
    document_open_array(&call->builder);
    document_open_object(&call->builder);
    put_int(call, "pid", getpid());
    put_text(&call->builder, "name", slice_text("harper"));
    put_int(call, "memRss", proc_number("/proc/self/status", "VmRSS"));
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        put_value(&call->builder, "cpu_seconds",
                  value_real((double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec));
    document_close(&call->builder);
    document_close(&call->builder);
}

static void put_threads(struct call *call)
{
    document_open_object(&call->builder);
    put_int(call, "threads", proc_number("/proc/self/status", "Threads"));
    document_close(&call->builder);
}

struct section {
    const char *name;
    void (*put)(struct call *call);
    bool is_array;
};

static bool is_wanted(const struct call *call, const char *name)
{
    struct value wanted = call_field(call, "attributes", NULL);

    if (wanted.kind != VALUE_ARRAY)
        return true;
    for (size_t k = 0; k < document_count(wanted); k++) {
        struct value v = document_element(wanted, k);

        if (v.kind == VALUE_TEXT && slice_is(value_slice(v), name))
            return true;
    }
    return false;
}

void operation_system_information(struct call *call)
{
    static const struct section sections[] = {{"system", put_system, false},
                                              {"time", put_time, false},
                                              {"cpu", put_cpu, false},
                                              {"memory", put_memory, false},
                                              {"harperdb_processes", put_processes, false},
                                              {"table_size", put_table_sizes, true},
                                              {"threads", put_threads, true}};

    document_begin(&call->builder);
    document_open_object(&call->builder);
    for (size_t k = 0; k < COUNT_OF(sections); k++) {
        if (!is_wanted(call, sections[k].name))
            continue;
        document_name(&call->builder, slice_text(sections[k].name));
        if (sections[k].is_array)
            document_open_array(&call->builder);
        else
            document_open_object(&call->builder);
        sections[k].put(call);
        document_close(&call->builder);
    }
    document_close(&call->builder);
    call_built(call);
}

void operation_registration_info(struct call *call)
{
    document_begin(&call->builder);
    document_open_object(&call->builder);
    put_value(&call->builder, "registered", value_bool(false));
    put_text(&call->builder, "version", slice_text(harper_version()));
    put_value(&call->builder, "ram_allocation", value_null());
    put_value(&call->builder, "license_expiration_date", value_null());
    document_close(&call->builder);
    call_built(call);
}
