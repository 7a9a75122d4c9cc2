// SPDX-License-Identifier: Apache-2.0
// libcurl's options take any type by varargs, which Swift cannot call: one function for each type that is used.
#pragma once
#include <curl/curl.h>

typedef size_t (*ccurl_bytes)(char *, size_t, size_t, void *);

static inline void ccurl_start(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }
static inline CURLcode ccurl_number(CURL *h, CURLoption o, long v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode ccurl_size(CURL *h, CURLoption o, curl_off_t v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode ccurl_text(CURL *h, CURLoption o, const char *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode ccurl_list(CURL *h, CURLoption o, struct curl_slist *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode ccurl_blob(CURL *h, CURLoption o, const void *bytes, size_t n) {
  struct curl_blob b = {(void *)bytes, n, CURL_BLOB_COPY};
  return curl_easy_setopt(h, o, &b);
}

// What arrives: the body, and each line of the head.
static inline void ccurl_receive(CURL *h, ccurl_bytes body, ccurl_bytes head, void *context) {
  curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, body);
  curl_easy_setopt(h, CURLOPT_WRITEDATA, context);
  curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, head);
  curl_easy_setopt(h, CURLOPT_HEADERDATA, context);
}

// What is sent, of a known length.
static inline void ccurl_send(CURL *h, ccurl_bytes read, void *context, curl_off_t length) {
  curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(h, CURLOPT_READFUNCTION, read);
  curl_easy_setopt(h, CURLOPT_READDATA, context);
  curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, length);
}

// Asked about once a second, also when nothing moves; another answer than 0 gives the transfer up.
typedef int (*ccurl_watcher)(void *, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
static inline void ccurl_watch(CURL *h, ccurl_watcher watch, void *context) {
  curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, watch);
  curl_easy_setopt(h, CURLOPT_XFERINFODATA, context);
}

static inline void ccurl_errors(CURL *h, char *buffer) { curl_easy_setopt(h, CURLOPT_ERRORBUFFER, buffer); }

static inline long ccurl_status(CURL *h) {
  long v = 0;
  curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &v);
  return v;
}
static inline long ccurl_errno(CURL *h) {
  long v = 0;
  curl_easy_getinfo(h, CURLINFO_OS_ERRNO, &v);
  return v;
}
static inline const char *ccurl_address(CURL *h) {
  char *v = NULL;
  curl_easy_getinfo(h, CURLINFO_PRIMARY_IP, &v);
  return v;
}
