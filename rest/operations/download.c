#include "rest/operations/download.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

enum { CONNECT_S = 10, SILENCE_S = 30, REDIRECTIONS_MAX = 5 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialize(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool download_is_url(const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL;
    bool ok = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host != '\0' &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return ok;
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct download *download = context;

    if (download->body.len + size * count > download->bytes_max)
        return 0; /* ends the transfer */
    buf_append(&download->body, bytes, size * count);
    return download->body.failed ? 0 : size * count;
}

static int go_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct download *download = context;

    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(download->is_cancelled) ? 1 : 0;
}

static struct curl_slist *header_list(const char *const *headers)
{
    struct curl_slist *list = NULL;

    for (size_t k = 0; headers != NULL && headers[k] != NULL; k++) {
        struct curl_slist *longer = curl_slist_append(list, headers[k]);

        if (longer == NULL)
            break;
        list = longer;
    }
    return list;
}

static CURLcode run(CURL *curl, struct download *download, struct curl_slist *headers)
{
    const char *type = NULL;
    CURLcode result;

    curl_easy_setopt(curl, CURLOPT_URL, download->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTIONS_MAX);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, download);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, download);
    result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &download->status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    snprintf(download->content_type, sizeof download->content_type, "%s", type == NULL ? "" : type);
    return result;
}

bool download_run(struct download *download)
{
    struct curl_slist *headers;
    CURLcode result = CURLE_FAILED_INIT;
    CURL *curl;

    pthread_once(&once, initialize);
    curl = curl_easy_init();
    headers = header_list(download->headers);
    if (curl != NULL)
        result = run(curl, download, headers);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (result == CURLE_WRITE_ERROR)
        snprintf(download->error, sizeof download->error, "more than %llu bytes came",
                 (unsigned long long)download->bytes_max);
    else if (result != CURLE_OK)
        snprintf(download->error, sizeof download->error, "%s", curl_easy_strerror(result));
    return result == CURLE_OK;
}
