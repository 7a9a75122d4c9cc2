// SPDX-License-Identifier: Apache-2.0
// What podlab-tls needs of OpenSSL: its macros as functions, and its failures in the words of Go's crypto/tls.
#pragma once
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int cssl_errno(void) { return errno; }

// A client on a connected socket. Any certificate will do; TLS 1.2 at least, as Go.
static inline SSL *cssl_new(int fd, const char *name) {
  // The machine's openssl.cnf says nothing about probes.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
  SSL_CTX *c = SSL_CTX_new(TLS_client_method());
  if (!c) return NULL;
  SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_security_level(c, 0);
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A read that finds a session ticket alone must not wait for more: the request may not be out yet.
  SSL_CTX_clear_mode(c, SSL_MODE_AUTO_RETRY);
  SSL *s = SSL_new(c);
  if (!s || SSL_set_fd(s, fd) != 1) return NULL;
  // Nothing to read until cssl_listen: the server's first bytes are looked at before the library takes them.
  BIO *empty = BIO_new(BIO_s_mem());
  if (!empty) return NULL;
  BIO_set_mem_eof_return(empty, -1);
  SSL_set0_rbio(s, empty);
  if (*name) SSL_set_tlsext_host_name(s, name);
  return s;
}

// From here on the library reads from the socket.
static inline void cssl_listen(SSL *s, int fd) { SSL_set_rfd(s, fd); }

static inline int cssl_write(SSL *s, const void *bytes, long at, int n) { return SSL_write(s, (const char *)bytes + at, n); }

// The server's first bytes, when they are no TLS; else NULL.
static inline const char *cssl_stranger(int fd) {
  unsigned char b[5];
  long n = recv(fd, b, sizeof b, MSG_PEEK | MSG_DONTWAIT);
  if (n >= 5 && !memcmp(b, "HTTP/", 5)) return "http: server gave HTTP response to HTTPS client";
  if (n >= 1 && b[0] != 22 && b[0] != 21) return "tls: first record does not look like a TLS handshake";
  return NULL;
}

static inline const char *cssl_alert(int n) {
  switch (n) {
    case 10: return "unexpected message";
    case 20: return "bad record MAC";
    case 40: return "handshake failure";
    case 42: return "bad certificate";
    case 43: return "unsupported certificate";
    case 47: return "invalid parameter";
    case 48: return "unknown certificate authority";
    case 49: return "access denied";
    case 50: return "error decoding message";
    case 51: return "error decrypting message";
    case 70: return "protocol version not supported";
    case 71: return "insufficient security level";
    case 80: return "internal error";
    case 112: return "unrecognized name";
    case 116: return "certificate required";
    case 120: return "no application protocol";
  }
  return NULL;
}

// Why a handshake failed.
static inline void cssl_failure(int why, char *to, size_t n) {
  int code = errno;
  unsigned long e = ERR_peek_last_error();
  int reason = ERR_GET_REASON(e);
  if (why == SSL_ERROR_ZERO_RETURN || (why == SSL_ERROR_SYSCALL && !code) || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    snprintf(to, n, "EOF");
  else if (why == SSL_ERROR_SYSCALL) snprintf(to, n, "read tcp: %s", code == ECONNRESET ? "read: connection reset by peer" : strerror(code));
  else if (reason > 1000 && reason < 1256) {
    const char *known = cssl_alert(reason - 1000);
    if (known) snprintf(to, n, "remote error: tls: %s", known);
    else snprintf(to, n, "remote error: tls: alert(%d)", reason - 1000);
  } else {
    const char *text = ERR_reason_error_string(e);
    snprintf(to, n, "tls: %s", text ? text : "handshake failed");
  }
}
