// SPDX-License-Identifier: Apache-2.0
// Sockets of the internet families, for the forwarder of host ports: static inline, each returns what the call returns, or -errno.
#pragma once
#include "clinux.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

// errno is a macro that Swift does not see where there is no Glibc module.
static inline int lx_errno(void) { return errno; }

// An address of either family with its port.
struct lx_endpoint {
  struct sockaddr_in6 address;
  socklen_t length;
};

// text: an IPv4 or IPv6 literal.
static inline long lx_endpoint_of(const char *text, unsigned port, struct lx_endpoint *to) {
  memset(to, 0, sizeof *to);
  struct sockaddr_in *four = (struct sockaddr_in *)(void *)&to->address;
  if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET, four->sin_port = htons((uint16_t)port), to->length = sizeof *four;
    return 0;
  }
  if (inet_pton(AF_INET6, text, &to->address.sin6_addr) != 1) return -EINVAL;
  to->address.sin6_family = AF_INET6, to->address.sin6_port = htons((uint16_t)port), to->length = sizeof to->address;
  return 0;
}

// A non-blocking socket on its way to the endpoint; type SOCK_STREAM or SOCK_DGRAM.
static inline long lx_connect_to(int type, const struct lx_endpoint *to) {
  int fd = socket(to->address.sin6_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (const struct sockaddr *)(const void *)&to->address, to->length) && errno != EINPROGRESS) {
    int e = errno;
    close(fd);
    return -e;
  }
  return fd;
}

static inline int lx_socket_error(int fd) {
  int code = 0;
  socklen_t n = sizeof code;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) ? errno : code;
}

static inline void lx_socket_flag(int fd, int level, int name) {
  int on = 1;
  setsockopt(fd, level, name, &on, sizeof on);
}

// What is closed next is reset instead of ended in good order.
static inline void lx_reset_at_close(int fd) {
  struct linger l = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

// Where a datagram came from, and which of our addresses it was sent to: an answer must come from there.
struct lx_origin {
  struct lx_endpoint from;
  unsigned char local[16];
};

// <netinet/in.h> has this one under _GNU_SOURCE only.
struct lx_pktinfo6 {
  unsigned char address[16];
  unsigned link;
};

static inline void lx_want_local_address(int fd) {
  lx_socket_flag(fd, IPPROTO_IP, IP_PKTINFO);
  lx_socket_flag(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

static inline long lx_receive_datagram(int fd, void *data, size_t n, struct lx_origin *o) {
  struct iovec v = {data, n};
  union { char b[256]; struct cmsghdr align; } u;
  struct msghdr m = {.msg_name = &o->from.address, .msg_namelen = sizeof o->from.address, .msg_iov = &v, .msg_iovlen = 1,
                     .msg_control = u.b, .msg_controllen = sizeof u.b};
  memset(o, 0, sizeof *o);
  long r = LX(recvmsg(fd, &m, 0));
  if (r < 0) return r;
  o->from.length = m.msg_namelen;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo i;
      memcpy(&i, CMSG_DATA(c), sizeof i);
      memcpy(o->local, &i.ipi_addr, 4);
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) memcpy(o->local, CMSG_DATA(c), 16);
  }
  return r;
}

// Back to where it came from, from the address that was asked.
static inline long lx_answer_datagram(int fd, const void *data, size_t n, const struct lx_origin *o) {
  struct iovec v = {(void *)(uintptr_t)data, n};
  union { char b[256]; struct cmsghdr align; } u;
  memset(&u, 0, sizeof u);
  struct msghdr m = {.msg_name = (void *)(uintptr_t)&o->from.address, .msg_namelen = o->from.length, .msg_iov = &v, .msg_iovlen = 1,
                     .msg_control = u.b};
  struct cmsghdr *c = &u.align;
  if (o->from.address.sin6_family == AF_INET) {
    struct in_pktinfo i = {0};
    memcpy(&i.ipi_spec_dst, o->local, 4);
    c->cmsg_level = IPPROTO_IP, c->cmsg_type = IP_PKTINFO, c->cmsg_len = CMSG_LEN(sizeof i);
    m.msg_controllen = CMSG_SPACE(sizeof i);
    memcpy(CMSG_DATA(c), &i, sizeof i);
  } else {
    struct lx_pktinfo6 i = {{0}, 0};
    memcpy(i.address, o->local, 16);
    c->cmsg_level = IPPROTO_IPV6, c->cmsg_type = IPV6_PKTINFO, c->cmsg_len = CMSG_LEN(sizeof i);
    m.msg_controllen = CMSG_SPACE(sizeof i);
    memcpy(CMSG_DATA(c), &i, sizeof i);
  }
  return LX(sendmsg(fd, &m, MSG_NOSIGNAL));
}

static inline int lx_same_endpoint(const struct lx_endpoint *a, const struct lx_endpoint *b) {
  return a->length == b->length && !memcmp(&a->address, &b->address, a->length);
}

// As many descriptors as this process may have.
static inline void lx_raise_descriptor_limit(void) {
  struct rlimit r;
  if (!getrlimit(RLIMIT_NOFILE, &r)) r.rlim_cur = r.rlim_max, setrlimit(RLIMIT_NOFILE, &r);
}
