// SPDX-License-Identifier: Apache-2.0
// The interpreter of spawn plans (spawnplan.h). Everything below "in the child" runs between clone and exec, perhaps in the parent's memory.
#include "clinux.h"
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct clone_args_v2 {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

// --- in the child ------------------------------------------------------------------------------------------------

static int put(const char *path, const void *data, size_t n, int flags) {
  int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
  if (fd < 0) return -1;
  ssize_t r = write(fd, data, n);
  int e = errno;
  close(fd);
  errno = e;
  return r == (ssize_t)n ? 0 : -1;
}

static int netlink_request(const void *data, size_t n) {
  struct { struct nlmsghdr h; struct nlmsgerr e; char rest[512]; } in;
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), e = 0;
  if (s < 0) return -1;
  if (send(s, data, n, 0) < 0 || recv(s, &in, sizeof in, 0) < 0) e = errno;
  else if (in.h.nlmsg_type == NLMSG_ERROR) e = -in.e.error;
  close(s);
  errno = e;
  return e ? -1 : 0;
}

static int link_up(const char *name) {
  struct ifreq r;
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s < 0) return -1;
  memset(&r, 0, sizeof r);
  strncpy(r.ifr_name, name, sizeof r.ifr_name - 1);
  int e = 0;
  if (ioctl(s, SIOCGIFFLAGS, &r)) e = errno;
  else {
    r.ifr_flags |= IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &r)) e = errno;
  }
  close(s);
  errno = e;
  return e ? -1 : 0;
}

static int capset_raw(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct d[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
  return (int)syscall(SYS_capset, &h, d);
}

static int drop_bounding(uint64_t keep) {
  for (int c = 0; c < 64; c++) {
    if (keep >> c & 1) continue;
    if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) < 0) break;  // past the last capability
    if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0)) return -1;
  }
  return 0;
}

static int raise_ambient(uint64_t set) {
  for (int c = 0; c < 64; c++)
    if (set >> c & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0)) return -1;
  return 0;
}

// Folder by folder beneath the current root; a symbolic link on the way is followed inside the root only.
static int mkdir_parents(const char *path, mode_t mode) {
  char part[4096];
  size_t n = strlen(path);
  if (n >= sizeof part) return errno = ENAMETOOLONG, -1;
  int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) return -1;
  for (size_t i = 0; i <= n; i++) {
    part[i] = path[i];
    if (i == 0 || (path[i] != '/' && path[i] != 0)) continue;
    part[i] = 0;
    const char *p = part[0] == '/' ? part + 1 : part;
    if (*p) {
      struct lx_open_how h = {O_PATH | O_DIRECTORY | O_CLOEXEC, 0, LX_RESOLVE_IN_ROOT};
      int fd = (int)syscall(437, at, p, &h, sizeof h);
      if (fd < 0 && errno == ENOENT) {
        // the parent is there (it was made or found in the round before): make the last component in it
        char *slash = strrchr(part, '/');
        int dir = at;
        if (slash && slash != part) {
          *slash = 0;
          dir = (int)syscall(437, at, p, &h, sizeof h);
          *slash = '/';
        }
        int r = dir < 0 ? -1 : mkdirat(dir, slash ? slash + 1 : part, mode);
        int e = errno;
        if (dir >= 0 && dir != at) close(dir);
        if (r && e != EEXIST) return close(at), errno = e, -1;
        fd = (int)syscall(437, at, p, &h, sizeof h);
      }
      if (fd < 0) { int e = errno; close(at); errno = e; return -1; }
      close(fd);
    }
    part[i] = path[i];
  }
  close(at);
  return 0;
}

static int bind_mount(const char *from, const char *to, int recursive) {
  return mount(from, to, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL);
}

static int send_descriptors(int sock, const int *fds, int count) {
  char byte = 'f';
  long r = lx_send_fds(sock, &byte, 1, fds, count);
  return r < 0 ? (errno = (int)-r, -1) : 0;
}

static int send_socket(int sock, int domain, int type, int protocol) {
  int s = socket(domain, type | SOCK_CLOEXEC, protocol);
  if (s < 0) return -1;
  int r = send_descriptors(sock, &s, 1), e = errno;
  close(s);
  errno = e;
  return r;
}

static int read_byte(int fd) {
  char b;
  ssize_t r;
  do r = read(fd, &b, 1);
  while (r < 0 && errno == EINTR);
  if (r == 1) return 0;
  if (r == 0) errno = EPIPE;
  return -1;
}

// The terminal of the container's own devpts.
static int new_terminal(int sock, long size) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), no = 0;
  if (master < 0) return -1;
  if (ioctl(master, TIOCSPTLCK, &no)) return -1;
  int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  if (slave < 0) return -1;
  if (size) {
    struct winsize w = {.ws_row = (unsigned short)(size >> 16), .ws_col = (unsigned short)size};
    if (ioctl(slave, TIOCSWINSZ, &w)) return -1;
  }
  if (send_descriptors(sock, &master, 1)) return -1;
  for (int i = 0; i < 3; i++)
    if (dup2(slave, i) < 0) return -1;
  if (slave > 2) close(slave);
  close(master);
  return ioctl(0, TIOCSCTTY, 0);
}

static int open_tree_as(const char *path, unsigned flags, int as) {
  long fd = lx_open_tree(AT_FDCWD, path, flags);
  if (fd < 0) return errno = (int)-fd, -1;
  int r = dup3((int)fd, as, O_CLOEXEC);
  close((int)fd);
  return r < 0 ? -1 : 0;
}

static int step(const struct spawn_step *p) {
  switch (p->op) {
    case SPAWN_SETNS: return (int)syscall(SYS_setns, (int)p->a, (int)p->b);
    case SPAWN_MOUNT: return mount(p->s, p->t, p->u, (unsigned long)p->a, p->data);
    case SPAWN_UMOUNT: return umount2(p->s, (int)p->a);
    case SPAWN_PIVOT_ROOT: return (int)syscall(SYS_pivot_root, p->s, p->t);
    case SPAWN_CHDIR: return chdir(p->s);
    case SPAWN_CHROOT: return chroot(p->s);
    case SPAWN_MKDIR: return mkdir(p->s, (mode_t)p->a) && !(p->b && errno == EEXIST) ? -1 : 0;
    case SPAWN_MKDIR_PARENTS: return mkdir_parents(p->s, (mode_t)p->a);
    case SPAWN_MKNOD: return mknod(p->s, (mode_t)p->a, (dev_t)p->b);
    case SPAWN_SYMLINK: return symlink(p->s, p->t);
    case SPAWN_TOUCH: {
      int fd = open(p->s, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, (mode_t)p->a);
      if (fd >= 0) return close(fd);
      return errno == ENXIO || errno == EISDIR ? 0 : -1;
    }
    case SPAWN_WRITE: return put(p->s, p->data, p->n, (int)p->a);
    case SPAWN_HOSTNAME: return sethostname(p->data, p->n);
    case SPAWN_SETSID: return setsid() < 0 ? -1 : 0;
    case SPAWN_SETPGID: return setpgid(0, 0);
    case SPAWN_DUP2:
      if (p->a == p->b) return fcntl((int)p->a, F_SETFD, 0);
      return dup2((int)p->a, (int)p->b) < 0 ? -1 : 0;
    case SPAWN_OPEN: {
      int fd = open(p->s, (int)p->a, 0);
      if (fd < 0) return -1;
      if (fd == (int)p->b) return 0;
      int r = dup2(fd, (int)p->b);
      close(fd);
      return r < 0 ? -1 : 0;
    }
    case SPAWN_CLOSE_RANGE: return (int)syscall(SYS_close_range, (unsigned)p->a, ~0u, (unsigned)p->b);
    case SPAWN_SETGROUPS: return (int)syscall(SYS_setgroups, (size_t)p->n, p->data);
    case SPAWN_SETRESGID: return (int)syscall(SYS_setresgid, (gid_t)p->a, (gid_t)p->a, (gid_t)p->a);
    case SPAWN_SETRESUID: return (int)syscall(SYS_setresuid, (uid_t)p->a, (uid_t)p->a, (uid_t)p->a);
    case SPAWN_BOUNDING: return drop_bounding((uint64_t)p->a);
    case SPAWN_CAPSET: return capset_raw((uint64_t)p->a, (uint64_t)p->b, (uint64_t)p->c);
    case SPAWN_AMBIENT: return raise_ambient((uint64_t)p->a);
    case SPAWN_KEEPCAPS: return prctl(PR_SET_KEEPCAPS, p->a, 0, 0, 0);
    case SPAWN_NO_NEW_PRIVS: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case SPAWN_SECCOMP: {
      struct sock_fprog f = {(unsigned short)p->n, (struct sock_filter *)(uintptr_t)p->data};
      return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f);
    }
    case SPAWN_RLIMIT: {
      struct rlimit l = {(rlim_t)p->b, (rlim_t)p->c};
      return (int)syscall(SYS_prlimit64, 0, (int)p->a, &l, NULL);
    }
    case SPAWN_UMASK: return umask((mode_t)p->a), 0;
    case SPAWN_DEATH_SIGNAL: return prctl(PR_SET_PDEATHSIG, p->a, 0, 0, 0);
    case SPAWN_DUMPABLE: return prctl(PR_SET_DUMPABLE, p->a, 0, 0, 0);
    case SPAWN_CTTY: return ioctl((int)p->a, TIOCSCTTY, 0);
    case SPAWN_READ_BYTE: return read_byte((int)p->a);
    case SPAWN_WRITE_BYTE: return write((int)p->a, "g", 1) == 1 ? 0 : -1;
    case SPAWN_MOVE_MOUNT: {
      long r = lx_move_mount((int)p->a, AT_FDCWD, p->s);
      return r < 0 ? (errno = (int)-r, -1) : 0;
    }
    case SPAWN_BIND: return bind_mount(p->s, p->t, (int)p->a);
    case SPAWN_MOUNT_SETATTR: {
      long r = lx_mount_setattr(AT_FDCWD, p->s, (unsigned)p->c, (uint64_t)p->a, (uint64_t)p->b, p->n);
      return r < 0 ? (errno = (int)-r, -1) : 0;
    }
    case SPAWN_LINK_UP: return link_up(p->s);
    case SPAWN_NETLINK: return netlink_request(p->data, p->n);
    case SPAWN_SEND_FDS: return send_descriptors((int)p->a, p->data, (int)p->n);
    case SPAWN_SEND_SOCKET: return send_socket((int)p->a, (int)p->b, (int)p->c, (int)p->n);
    case SPAWN_OOM_SCORE_ADJ:
      if (put("/proc/self/oom_score_adj", p->s, strlen(p->s), 0) && errno != EACCES && errno != EPERM) return -1;
      return 0;
    case SPAWN_CHOWN: return chown(p->s, (uid_t)p->a, (gid_t)p->b);
    case SPAWN_CHMOD: return chmod(p->s, (mode_t)p->a);
    case SPAWN_UNSHARE: return (int)syscall(SYS_unshare, (int)p->a);
    case SPAWN_OPEN_TREE: return open_tree_as(p->s, (unsigned)p->a, (int)p->b);
    case SPAWN_WRITE_FD: return write((int)p->a, p->data, p->n) == (ssize_t)p->n ? 0 : -1;
    case SPAWN_PTY: return new_terminal((int)p->a, (long)p->b);
    case SPAWN_SIGNAL_SELF: return kill(getpid(), (int)p->a);
  }
  return errno = ENOSYS, -1;
}

// Default dispositions and an empty mask: exec would inherit ignored signals and the mask.
static void reset_signals(void) {
  struct sigaction d;
  memset(&d, 0, sizeof d);
  d.sa_handler = SIG_DFL;
  for (int s = 1; s < 65; s++)
    if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33) sigaction(s, &d, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void perform(const struct spawn_plan *plan, int *failed, int *error) {
  reset_signals();
  for (uint32_t i = 0; i < plan->step_count; i++)
    if (step(&plan->steps[i])) {
      int may = plan->steps[i].may_fail;
      if (may == 1 || (may == 2 && (errno == ENOENT || errno == ENOTDIR))) continue;
      *error = errno, *failed = (int)i;
      return;
    }
  int e = ENOENT;
  if (plan->exec_fd >= 0) {
    syscall(SYS_execveat, plan->exec_fd, "", plan->argv, plan->envp, AT_EMPTY_PATH);
    e = errno;
  } else {
    for (const char *const *p = plan->paths; *p; p++) {
      execve(*p, plan->argv, plan->envp);
      if (errno != ENOENT && errno != ENOTDIR && !(errno == EACCES && p[1])) {
        e = errno;
        break;
      }
      if (errno == EACCES) e = EACCES;
    }
  }
  *error = e, *failed = (int)plan->step_count;
}

// --- in the parent ------------------------------------------------------------------------------------------------

struct run {
  const struct spawn_plan *plan;
  struct spawn_result *result;
  char *stack;  // of the second phase
  uint64_t flags;
};

enum { STACK = 64 << 10 };

static int child(void *arg) {
  struct run *r = arg;
  perform(r->plan, &r->result->failed_step, &r->result->error);
  _exit(127);
}

static int join_then_clone(void *arg) {
  struct run *r = arg;
  for (uint32_t i = 0; i < r->plan->join_count; i++)
    if (syscall(SYS_setns, r->plan->joins[i].fd, r->plan->joins[i].flags)) {
      r->result->failed_step = -3, r->result->error = errno;
      _exit(127);
    }
  pid_t pid = clone(child, r->stack + STACK, (int)(r->flags | CLONE_VM | CLONE_VFORK | CLONE_PARENT) | SIGCHLD, r);
  if (pid < 0) r->result->failed_step = -2, r->result->error = errno;
  else r->result->pid = pid;
  _exit(0);
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) {}
}

static int settle(struct spawn_result *result) {
  if (result->failed_step == -1) {
    if (result->pidfd < 0) result->pidfd = (int)syscall(SYS_pidfd_open, result->pid, 0);
    if (result->pidfd >= 0) return 0;
    result->failed_step = -2, result->error = errno;
    if (result->pid > 0) kill(result->pid, SIGKILL);
  }
  if (result->pid > 0) reap(result->pid);
  if (result->pidfd >= 0) close(result->pidfd);
  result->pid = result->pidfd = -1;
  return -1;
}

int spawn_now(const struct spawn_plan *plan, struct spawn_result *result) {
  *result = (struct spawn_result){-1, -1, -1, -1, 0};
  if (plan->cgroup >= 0 && !plan->join_count) return spawn_begin(plan, result) ? -1 : spawn_finish(result);
  static char stacks[2][STACK] __attribute__((aligned(16)));
  struct run r = {plan, result, stacks[1], plan->namespaces};
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);  // a handler must not run in the child while it has this memory
  if (plan->join_count) {
    pid_t between = clone(join_then_clone, stacks[0] + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &r);
    if (between < 0) result->failed_step = -2, result->error = errno;
    else reap(between);
  } else {
    pid_t pid = clone(child, stacks[0] + STACK, (int)r.flags | CLONE_VM | CLONE_VFORK | SIGCHLD, &r);
    if (pid < 0) result->failed_step = -2, result->error = errno;
    else result->pid = pid;
  }
  sigprocmask(SIG_SETMASK, &old, NULL);
  return settle(result);
}

int spawn_begin(const struct spawn_plan *plan, struct spawn_result *result) {
  *result = (struct spawn_result){-1, -1, -1, -1, 0};
  int report[2];
  if (pipe2(report, O_CLOEXEC)) return result->failed_step = -2, result->error = errno, -1;
  struct clone_args_v2 a = {.flags = plan->namespaces | CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uint64_t)(uintptr_t)&result->pidfd};
  size_t size = 64;  // before cgroup was added
  if (plan->cgroup >= 0) a.flags |= CLONE_INTO_CGROUP, a.cgroup = (uint64_t)plan->cgroup, size = sizeof a;
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);
  pid_t pid = (pid_t)syscall(SYS_clone3, &a, size);
  if (pid == 0) {
    int out = fcntl(report[1], F_DUPFD_CLOEXEC, 700), failed = -1, error = 0;  // out of the way of DUP2 steps
    if (out < 0) out = report[1];
    else close(report[1]);
    close(report[0]);
    perform(plan, &failed, &error);
    int words[2] = {failed, error};
    if (write(out, words, sizeof words) < 0) {}
    _exit(127);
  }
  int e = errno;
  sigprocmask(SIG_SETMASK, &old, NULL);
  close(report[1]);
  if (pid < 0) {
    close(report[0]);
    result->failed_step = -2, result->error = e;
    return -1;
  }
  result->pid = pid, result->report = report[0];
  return 0;
}

int spawn_finish(struct spawn_result *result) {
  if (result->report < 0) return settle(result);
  int words[2];
  ssize_t n;
  do n = read(result->report, words, sizeof words);
  while (n < 0 && errno == EINTR);
  close(result->report);
  result->report = -1;
  if (n == (ssize_t)sizeof words) result->failed_step = words[0], result->error = words[1];
  return settle(result);
}
