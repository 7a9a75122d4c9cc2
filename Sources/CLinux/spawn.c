// SPDX-License-Identifier: Apache-2.0
// The interpreter of spawn plans (spawnplan.h). Everything below "in the child" runs between clone and exec, perhaps in the parent's memory.
#define _GNU_SOURCE 1
#include "clinux.h"
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sys/mman.h>

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

// One request, or several of which only the last is acknowledged: the first answer tells a failure of any.
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

static int open_tree_as(const char *path, const char *below, uint64_t resolve, unsigned flags, int as) {
  long fd;
  if (below) {
    // What the path leads to is taken up itself: nobody can put a link in its place meanwhile.
    int base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base < 0) return -1;
    struct lx_open_how h = {O_PATH | O_CLOEXEC, 0, resolve};
    int end = (int)syscall(437, base, below, &h, sizeof h);
    int code = errno;
    close(base);
    if (end < 0) return errno = code, -1;
    fd = lx_open_tree(end, "", flags | LX_AT_EMPTY_PATH);
    close(end);
  } else {
    fd = lx_open_tree(AT_FDCWD, path, flags);
  }
  if (fd < 0) return errno = (int)-fd, -1;
  int r = dup3((int)fd, as, O_CLOEXEC);
  close((int)fd);
  return r < 0 ? -1 : 0;
}

static int mount_point(int mount, const char *path, const char *folder) {
  struct stat st;
  if (fstat(mount, &st)) return -1;
  if (S_ISDIR(st.st_mode)) return mkdir_parents(path, 0755);
  // What is there is not opened: for writing, overlayfs would first copy it up.
  if (!stat(path, &st)) return 0;
  if (folder && mkdir_parents(folder, 0755)) return -1;
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
  if (fd >= 0) return close(fd);
  return errno == ENXIO || errno == EISDIR ? 0 : -1;
}

// Closes from `first` on, but not the descriptor through which a failure is told.
static int close_from(unsigned first, unsigned flags, int report) {
  unsigned keep = (unsigned)report;
  if (report < 0 || keep < first || flags) return (int)syscall(SYS_close_range, first, ~0u, flags);
  if (keep > first && syscall(SYS_close_range, first, keep - 1, 0)) return -1;
  return (int)syscall(SYS_close_range, keep + 1, ~0u, 0);
}

// A parent that died before the signal was asked for sends none: then it is sent here. In another process namespace the parent is 0: nothing to compare.
static int die_with_parent(int signal, pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)) return -1;
  pid_t now = getppid();
  return signal && now && now != parent ? kill(getpid(), signal) : 0;
}

static int step(const struct spawn_step *p, int report) {
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
      int r = dup3(fd, (int)p->b, (int)p->a & O_CLOEXEC);
      close(fd);
      return r < 0 ? -1 : 0;
    }
    case SPAWN_CLOSE_RANGE: return close_from((unsigned)p->a, (unsigned)p->b, report);
    case SPAWN_SETGROUPS: return (int)syscall(SYS_setgroups, (size_t)p->n, p->data);
    case SPAWN_SETRESGID: return (int)syscall(SYS_setresgid, (gid_t)p->a, (gid_t)p->a, (gid_t)p->a);
    case SPAWN_SETRESUID: return (int)syscall(SYS_setresuid, (uid_t)p->a, (uid_t)p->a, (uid_t)p->a);
    case SPAWN_BOUNDING: return drop_bounding((uint64_t)p->a);
    case SPAWN_CAPSET: {
      long r = lx_capset((uint64_t)p->a, (uint64_t)p->b, (uint64_t)p->c);
      return r < 0 ? (errno = (int)-r, -1) : 0;
    }
    case SPAWN_AMBIENT: return raise_ambient((uint64_t)p->a);
    case SPAWN_KEEPCAPS: return prctl(PR_SET_KEEPCAPS, p->a, 0, 0, 0);
    case SPAWN_NO_NEW_PRIVS: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case SPAWN_SECCOMP: {
      struct sock_fprog f = {(unsigned short)p->n, (struct sock_filter *)(uintptr_t)p->data};
      return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)p->a, &f);
    }
    case SPAWN_RLIMIT: {
      struct rlimit l = {(rlim_t)p->b, (rlim_t)p->c};
      return (int)syscall(SYS_prlimit64, 0, (int)p->a, &l, NULL);
    }
    case SPAWN_UMASK: return umask((mode_t)p->a), 0;
    case SPAWN_DEATH_SIGNAL: return die_with_parent((int)p->a, (pid_t)p->b);
    case SPAWN_DUMPABLE: return prctl(PR_SET_DUMPABLE, p->a, 0, 0, 0);
    case SPAWN_CTTY: return ioctl((int)p->a, TIOCSCTTY, 0);
    case SPAWN_READ_BYTE:
      close((int)p->b);
      return read_byte((int)p->a);
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
    case SPAWN_OPEN_TREE: return open_tree_as(p->s, p->t, (uint64_t)p->c, (unsigned)p->a, (int)p->b);
    case SPAWN_MOUNT_POINT: return mount_point((int)p->a, p->s, p->t);
    case SPAWN_WRITE_FD: return write((int)p->a, p->data, p->n) == (ssize_t)p->n ? 0 : -1;
    case SPAWN_PTY: return new_terminal((int)p->a, (long)p->b);
    case SPAWN_SIGNAL_SELF: return kill(getpid(), (int)p->a);
  }
  return errno = ENOSYS, -1;
}

// Default dispositions and an empty mask: exec would inherit ignored signals and the mask. Raw calls: glibc keeps 32 and 33 to itself, and
// somebody above us may have ignored them.
static void reset_signals(void) {
  uint64_t fresh[8] = {0}, none = 0;  // struct sigaction as the kernel has it: handler, flags, restorer, mask
  for (long s = 1; s <= 64; s++) syscall(SYS_rt_sigaction, s, fresh, NULL, sizeof none);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

static void perform(const struct spawn_plan *plan, int report, int *failed, int *error) {
  reset_signals();
  for (uint32_t i = 0; i < plan->step_count; i++)
    if (step(&plan->steps[i], report)) {
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

// --- making the process --------------------------------------------------------------------------------------------

enum { STACK = 128 << 10 };

struct run {
  const struct spawn_plan *plan;
  struct spawn_result *result;
  char *stacks;  // the child's, then the joining process's
  int shared;    // CLONE_VM|CLONE_VFORK: results are written where the parent reads them
  int report;    // otherwise: the write end of a pipe
};

// clone3 with a stack of the child's own: it calls fn there, which never returns. In assembly because the child must not come back into a frame
// whose memory the parent uses; glibc wraps clone only, which knows neither CLONE_INTO_CGROUP nor CLONE_CLEAR_SIGHAND. 0 is never returned.
#if defined(__x86_64__)
static long clone3_calling(struct clone_args *args, void (*fn)(void *), void *argument) {
  long ret;
  register void (*function)(void *) __asm__("r8") = fn;
  register void *data __asm__("r9") = argument;
  __asm__ volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "movq %%r9, %%rdi\n\t"
      "callq *%%r8\n\t"
      "hlt\n"
      "1:"
      : "=a"(ret)
      : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args), "r"(function), "r"(data)
      : "rcx", "r11", "memory");
  return ret;
}
#elif defined(__aarch64__)
static long clone3_calling(struct clone_args *args, void (*fn)(void *), void *argument) {
  register long number __asm__("x8") = SYS_clone3;
  register long x0 __asm__("x0") = (long)args;
  register long x1 __asm__("x1") = sizeof *args;
  register void (*function)(void *) __asm__("x9") = fn;
  register void *data __asm__("x10") = argument;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x10\n\t"
      "blr x9\n\t"
      "brk #1\n"
      "1:"
      : "+r"(x0)
      : "r"(number), "r"(x1), "r"(function), "r"(data)
      : "memory", "cc");
  return x0;
}
#else
#error "x86_64 or aarch64"
#endif

static void child(void *arg) {
  struct run *r = arg;
  if (r->shared) {
    perform(r->plan, -1, &r->result->failed_step, &r->result->error);
    _exit(127);
  }
  int out = fcntl(r->report, F_DUPFD_CLOEXEC, 700), words[2] = {-1, 0};  // out of the way of DUP2 steps
  if (out < 0) out = r->report;
  else close(r->report);
  perform(r->plan, out, &words[0], &words[1]);
  if (write(out, words, sizeof words) < 0) {}
  _exit(127);
}

static long clone_child(struct run *r, uint64_t extra) {
  struct clone_args a = {
      .flags = r->plan->namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | extra | (r->shared ? CLONE_VM | CLONE_VFORK : 0),
      .pidfd = (uint64_t)(uintptr_t)&r->result->pidfd,
      .exit_signal = extra & CLONE_PARENT ? 0 : SIGCHLD,  // with CLONE_PARENT the kernel takes the joining process's, SIGCHLD as well
      .stack = (uint64_t)(uintptr_t)r->stacks,
      .stack_size = STACK,
  };
  if (r->plan->cgroup >= 0) a.flags |= CLONE_INTO_CGROUP, a.cgroup = (uint64_t)r->plan->cgroup;
  long pid = clone3_calling(&a, child, r);
  if (pid < 0) r->result->failed_step = -2, r->result->error = (int)-pid;
  else r->result->pid = (pid_t)pid;
  return pid;
}

// The process between. It shares memory and descriptors with the caller, who sleeps until it is gone: pid and pidfd are simply there.
static void join_then_clone(void *arg) {
  struct run *r = arg;
  for (uint32_t i = 0; i < r->plan->join_count; i++)
    if (syscall(SYS_setns, r->plan->joins[i].fd, r->plan->joins[i].flags)) {
      r->result->failed_step = -3, r->result->error = errno, r->result->failed_join = (int)i;
      _exit(127);
    }
  clone_child(r, CLONE_PARENT);
  _exit(0);
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) {}
}

static int settle(struct spawn_result *result) {
  if (result->failed_step == -1) return 0;
  if (result->pid > 0) reap(result->pid);
  if (result->pidfd >= 0) close(result->pidfd);
  result->pid = result->pidfd = -1;
  return -1;
}

static void make(struct run *r) {
  size_t size = (size_t)STACK * (r->plan->join_count ? 2 : 1);
  r->stacks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (r->stacks == MAP_FAILED) {
    r->result->failed_step = -2, r->result->error = errno;
    return;
  }
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);  // a handler must not run in the child while it has this memory
  // A child that changes its user while it has our memory makes us undumpable, and /proc/self is then root's: put that back afterwards. And a
  // child that is born into a foreign pid namespace is seen there with our memory: nobody may trace it until exec.
  int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  if (r->plan->join_count && r->shared) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (r->plan->join_count) {
    struct clone_args a = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_CLEAR_SIGHAND,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)r->stacks + STACK,
        .stack_size = STACK,
    };
    long between = clone3_calling(&a, join_then_clone, r);
    if (between < 0) r->result->failed_step = -2, r->result->error = (int)-between;
    else reap((pid_t)between);
  } else {
    clone_child(r, 0);
  }
  if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  munmap(r->stacks, size);
}

int spawn_now(const struct spawn_plan *plan, struct spawn_result *result) {
  *result = (struct spawn_result){-1, -1, -1, -1, 0, -1};
  struct run r = {plan, result, NULL, 1, -1};
  make(&r);
  return settle(result);
}

int spawn_begin(const struct spawn_plan *plan, struct spawn_result *result) {
  *result = (struct spawn_result){-1, -1, -1, -1, 0, -1};
  int report[2];
  if (pipe2(report, O_CLOEXEC)) return result->failed_step = -2, result->error = errno, -1;
  struct run r = {plan, result, NULL, 0, report[1]};
  make(&r);
  close(report[1]);
  if (settle(result)) {
    close(report[0]);
    return -1;
  }
  result->report = report[0];
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
