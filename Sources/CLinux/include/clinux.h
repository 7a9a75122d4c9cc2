// SPDX-License-Identifier: Apache-2.0
// What Swift's Glibc module lacks of the kernel's interface, as static inline functions: each returns what the call returns, or -errno.
// The interpreter of spawn plans is in spawnplan.h. Usable from Embedded Swift.
// Without _GNU_SOURCE: Swift reads Glibc's headers without it, and two readings of one header do not go into one program.
#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef O_PATH
#define O_PATH 010000000
#endif
extern int dup3(int from, int to, int flags);
extern int pipe2(int ends[2], int flags);
extern const char *strerrorname_np(int code);
extern const char *strerrordesc_np(int code);

static inline long lx_ret(long r) { return r < 0 ? -errno : r; }
#define LX(call) (lx_ret((long)(call)))

// --- processes
static inline long lx_pidfd_open(pid_t pid) { return LX(syscall(SYS_pidfd_open, pid, 0)); }
static inline long lx_pidfd_send_signal(int pidfd, int sig) { return LX(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0)); }
static inline long lx_pidfd_getfd(int pidfd, int fd) { return LX(syscall(SYS_pidfd_getfd, pidfd, fd, 0)); }
static inline long lx_setns(int fd, int flags) { return LX(syscall(SYS_setns, fd, flags)); }
static inline long lx_unshare(int flags) { return LX(syscall(SYS_unshare, flags)); }
static inline long lx_close_range(unsigned from, unsigned to, unsigned flags) { return LX(syscall(SYS_close_range, from, to, flags)); }

static inline pid_t lx_gettid(void) { return (pid_t)syscall(SYS_gettid); }
static inline pid_t lx_fork(void) { return fork(); }  // Swift hides fork

// waitid on a pidfd. code: CLD_EXITED, CLD_KILLED, CLD_DUMPED …; status: exit code or signal. 1 when it ended, 0 when not yet.
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
static inline long lx_wait_pidfd(int pidfd, int options, int *code, int *status) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  long r = LX(waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, options));
  if (r < 0) return r;
  if (info.si_pid == 0) return 0;
  *code = info.si_code, *status = info.si_status;
  return 1;
}
static inline long lx_wait_pid(pid_t pid, int options, int *wstatus) { return LX(waitpid(pid, wstatus, options)); }

// PIDFD_GET_INFO (6.13), exit information since 6.15: linux/pidfd.h of newer headers than Debian 12's.
struct lx_pidfd_info {
  uint64_t mask, cgroupid;
  uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
#define LX_PIDFD_INFO_EXIT (1ULL << 3)
static inline long lx_pidfd_info(int pidfd, struct lx_pidfd_info *info) {
  return LX(ioctl(pidfd, _IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, sizeof *info), info));
}

static inline long lx_set_dumpable(int on) { return LX(prctl(PR_SET_DUMPABLE, on, 0, 0, 0)); }
static inline long lx_set_death_signal(int n) { return LX(prctl(PR_SET_PDEATHSIG, n, 0, 0, 0)); }

// --- mounts
static inline long lx_mount(const char *src, const char *dst, const char *type, unsigned long flags, const char *data) {
  return LX(mount(src, dst, type, flags, data));
}
static inline long lx_umount(const char *dst, int flags) { return LX(umount2(dst, flags)); }
static inline long lx_pivot_root(const char *root, const char *old) { return LX(syscall(SYS_pivot_root, root, old)); }
struct lx_mount_attr { uint64_t attr_set, attr_clr, propagation, userns_fd; };
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define LX_OPEN_TREE_CLONE 1
#define LX_MOVE_MOUNT_F_EMPTY_PATH 0x4
#define LX_MOUNT_ATTR_RDONLY 0x1
#define LX_MOUNT_ATTR_NOSUID 0x2
#define LX_MOUNT_ATTR_NODEV 0x4
#define LX_MOUNT_ATTR_NOEXEC 0x8
#define LX_AT_EMPTY_PATH 0x1000
static inline long lx_open_tree(int dfd, const char *path, unsigned flags) { return LX(syscall(428, dfd, path, flags)); }
static inline long lx_move_mount(int fd, int dfd, const char *path) { return LX(syscall(429, fd, "", dfd, path, LX_MOVE_MOUNT_F_EMPTY_PATH)); }
static inline long lx_fsopen(const char *type) { return LX(syscall(430, type, 1)); }
static inline long lx_fsconfig(int fd, unsigned cmd, const char *key, const char *value) { return LX(syscall(431, fd, cmd, key, value, 0)); }
static inline long lx_fsmount(int fd, unsigned attr) { return LX(syscall(432, fd, 1, attr)); }
static inline long lx_mount_setattr(int dfd, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation) {
  struct lx_mount_attr a = {set, clear, propagation, 0};
  return LX(syscall(442, dfd, path, flags, &a, sizeof a));
}

// On the mount that a descriptor stands for; userns_fd -1: no MOUNT_ATTR_IDMAP in set.
static inline long lx_mount_setattr_fd(int fd, unsigned flags, uint64_t set, uint64_t propagation, int userns_fd) {
  struct lx_mount_attr a = {set, 0, propagation, userns_fd < 0 ? 0 : (uint64_t)userns_fd};
  return LX(syscall(442, fd, "", flags | 0x1000 /* AT_EMPTY_PATH */, &a, sizeof a));
}

// --- files
struct lx_open_how { uint64_t flags, mode, resolve; };
#define LX_RESOLVE_NO_XDEV 1
#define LX_RESOLVE_NO_MAGICLINKS 2
#define LX_RESOLVE_NO_SYMLINKS 4
#define LX_RESOLVE_BENEATH 8
#define LX_RESOLVE_IN_ROOT 16
static inline long lx_openat2(int dfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct lx_open_how h = {flags, mode, resolve};
  return LX(syscall(437, dfd, path, &h, sizeof h));
}
static inline long lx_open(const char *path, int flags, unsigned mode) { return LX(open(path, flags | O_CLOEXEC, mode)); }
static inline long lx_lsetxattr(const char *path, const char *name, const void *value, size_t size) { return LX(lsetxattr(path, name, value, size, 0)); }
static inline long lx_fsetxattr(int fd, const char *name, const void *value, size_t size) { return LX(fsetxattr(fd, name, value, size, 0)); }
static inline long lx_openat(int dfd, const char *path, int flags, unsigned mode) { return LX(openat(dfd, path, flags | O_CLOEXEC, mode)); }
static inline long lx_syncfs(int fd) { return LX(syscall(SYS_syncfs, fd)); }
static inline long lx_fcntl(int fd, int cmd, long arg) { return LX(fcntl(fd, cmd, arg)); }
static inline long lx_ioctl(int fd, unsigned long request, void *arg) { return LX(ioctl(fd, request, arg)); }
static inline unsigned long lx_makedev(unsigned major, unsigned minor) { return makedev(major, minor); }
static inline unsigned lx_major(unsigned long dev) { return major(dev); }
static inline unsigned lx_minor(unsigned long dev) { return minor(dev); }

// --- signals, timers, events
static inline long lx_block_signals(const int *list, int count, sigset_t *old) {
  sigset_t s;
  sigemptyset(&s);
  for (int i = 0; i < count; i++) sigaddset(&s, list[i]);
  return LX(sigprocmask(SIG_BLOCK, &s, old));
}
static inline long lx_signalfd(const int *list, int count) {
  sigset_t s;
  sigemptyset(&s);
  for (int i = 0; i < count; i++) sigaddset(&s, list[i]);
  return LX(signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK));
}
static inline long lx_timerfd(void) { return LX(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }
// Arms for an absolute instant in nanoseconds of CLOCK_MONOTONIC; 0 disarms.
static inline long lx_timerfd_arm(int fd, int64_t at) {
  struct itimerspec t = {{0, 0}, {at / 1000000000, at % 1000000000}};
  return LX(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL));
}
static inline int64_t lx_clock(int clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static inline long lx_getrandom(void *to, size_t n) { return LX(syscall(SYS_getrandom, to, n, 0)); }
static inline int lx_sigrtmin(void) { return SIGRTMIN; }
static inline int lx_sigrtmax(void) { return SIGRTMAX; }

// --- descriptors over a unix socket: sends bytes with up to 16 descriptors; receives likewise. Returns bytes, or -errno.
static inline long lx_send_fds(int sock, const void *data, size_t n, const int *fds, int count) {
  struct iovec v = {(void *)(uintptr_t)data, n};
  union { char b[CMSG_SPACE(16 * sizeof(int))]; struct cmsghdr align; } u;
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
  memset(&u, 0, sizeof u);
  if (count > 16) return -EINVAL;
  if (count > 0) {
    m.msg_control = u.b, m.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
  }
  return LX(sendmsg(sock, &m, MSG_NOSIGNAL));
}
static inline long lx_recv_fds(int sock, void *data, size_t n, int *fds, int max, int *count, int flags) {
  struct iovec v = {data, n};
  union { char b[CMSG_SPACE(16 * sizeof(int))]; struct cmsghdr align; } u;
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = u.b, .msg_controllen = sizeof u.b};
  *count = 0;
  long r = LX(recvmsg(sock, &m, MSG_CMSG_CLOEXEC | flags));
  if (r < 0) return r;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    int k = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < k; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + (size_t)i * sizeof fd, sizeof fd);
      if (*count < max) fds[(*count)++] = fd;
      else close(fd);
    }
  }
  return r;
}
static inline long lx_peer_cred(int sock, pid_t *pid, uid_t *uid, gid_t *gid) {
  struct { pid_t pid; uid_t uid; gid_t gid; } c;  // struct ucred
  socklen_t n = sizeof c;
  long r = LX(getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &n));
  if (r >= 0) *pid = c.pid, *uid = c.uid, *gid = c.gid;
  return r;
}
static inline long lx_unix_address(struct sockaddr_un *a, const char *path, size_t n) {
  if (n >= sizeof a->sun_path) return -ENAMETOOLONG;
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  memcpy(a->sun_path, path, n);
  return 0;
}
static inline long lx_unix_bind(int s, const char *path, size_t n) {
  struct sockaddr_un a;
  long r = lx_unix_address(&a, path, n);
  return r ? r : LX(bind(s, (struct sockaddr *)&a, sizeof a));
}
static inline long lx_unix_connect(int s, const char *path, size_t n) {
  struct sockaddr_un a;
  long r = lx_unix_address(&a, path, n);
  return r ? r : LX(connect(s, (struct sockaddr *)&a, sizeof a));
}

static inline long lx_accept(int s, int nonblocking) {
  return LX(syscall(SYS_accept4, s, NULL, NULL, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0)));
}

// --- device rules of a cgroup v2: a program, and a group that it is for. linux/bpf.h: BPF_PROG_LOAD, BPF_PROG_ATTACH.
static inline long lx_bpf_load_device(const uint64_t *code, uint32_t count) {
  struct { uint32_t type, count; uint64_t code, license; uint32_t level, size; uint64_t log; uint32_t version, flags; char rest[64]; } a;
  static const char license[] = "Apache-2.0";
  memset(&a, 0, sizeof a);
  a.type = 15, a.count = count, a.code = (uint64_t)(uintptr_t)code, a.license = (uint64_t)(uintptr_t)license;  // BPF_PROG_TYPE_CGROUP_DEVICE
  return LX(syscall(SYS_bpf, 5, &a, sizeof a));
}
static inline long lx_bpf_attach_device(int program, int cgroup) {
  struct { uint32_t target, program, type, flags; char rest[112]; } a;
  memset(&a, 0, sizeof a);
  a.target = (uint32_t)cgroup, a.program = (uint32_t)program, a.type = 6, a.flags = 2;  // BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI
  return LX(syscall(SYS_bpf, 8, &a, sizeof a));
}

// --- capabilities of this process, 64 bits each
static inline long lx_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
  struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct d[2];
  long r = LX(syscall(SYS_capget, &h, d));
  if (r < 0) return r;
  *effective = d[0].effective | (uint64_t)d[1].effective << 32;
  *permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
  *inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
  return 0;
}

// Raw: glibc's own signal every thread. For processes of one thread.
static inline long lx_become(uid_t user, gid_t group) {
  long r = LX(syscall(SYS_setresgid, group, group, group));
  return r ? r : LX(syscall(SYS_setresuid, user, user, user));
}
static inline long lx_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct d[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
  return LX(syscall(SYS_capset, &h, d));
}

// memory.c: free heap and the mapped pages of the program's code go back to the kernel.
void lx_give_back_memory(void);

#include "internet.h"
#include "spawnplan.h"
