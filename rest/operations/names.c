/* Operations of what is not part of this server: a name is answered with the reason. */
#include "rest/operations/operations_internal.h"
#include <unistd.h>

void operation_no_platform(struct call *call)
{
    call_fail(call, 501,
              "Operation '%.*s' belongs to application hosting, which this server does not have",
              (int)call->name.len, call->name.data);
}

void operation_no_replication(struct call *call)
{
    call_fail(call, 501, "Replication not implemented.");
}

void operation_no_s3(struct call *call)
{
    call_fail(call, 501,
              "Operation '%.*s' needs a client of S3, which this server does not have; use "
              "csv_file_load and export_local",
              (int)call->name.len, call->name.data);
}

void operation_empty_list(struct call *call)
{
    document_begin(&call->builder);
    document_open_array(&call->builder);
    document_close(&call->builder);
    call_built(call);
}

void operation_cluster_status(struct call *call)
{
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    document_begin(&call->builder);
    document_open_object(&call->builder);
    put_text(&call->builder, "type", slice_text("cluster-status"));
    put_text(&call->builder, "node_name", slice_text(host));
    put_value(&call->builder, "is_enabled", value_bool(false));
    document_name(&call->builder, slice_text("connections"));
    document_open_array(&call->builder);
    document_close(&call->builder);
    document_close(&call->builder);
    call_built(call);
}
