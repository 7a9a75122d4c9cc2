// SPDX-License-Identifier: Apache-2.0
// Spawn plans: a process is made by running a list of steps between clone and exec. The list is data; only raw, async-signal-safe calls run
// in the child (no malloc, no stdio). A step that fails is reported as its index and errno.
#pragma once
#include <stdint.h>
#include <sys/types.h>

enum spawn_op {
  SPAWN_SETNS = 1,       // a: descriptor, b: CLONE_NEW… or 0
  SPAWN_MOUNT,           // s: source, t: target, u: type, a: flags, data: options (NUL-terminated) or NULL
  SPAWN_UMOUNT,          // s: target, a: flags
  SPAWN_PIVOT_ROOT,      // s: new root, t: where the old one goes
  SPAWN_CHDIR,           // s
  SPAWN_CHROOT,          // s
  SPAWN_MKDIR,           // s, a: mode, b: 1 if it may exist
  SPAWN_MKNOD,           // s, a: mode with type, b: device
  SPAWN_SYMLINK,         // s: text, t: link
  SPAWN_TOUCH,           // s, a: mode: a file that is there afterwards
  SPAWN_WRITE,           // s, data, n, a: extra open flags
  SPAWN_HOSTNAME,        // data, n
  SPAWN_SETSID,
  SPAWN_DUP2,            // a: from, b: to
  SPAWN_OPEN,            // s, a: open flags, b: becomes this descriptor
  SPAWN_CLOSE_RANGE,     // a: first, b: flags (CLOSE_RANGE_CLOEXEC)
  SPAWN_SETGROUPS,       // data: gid_t array, n: how many
  SPAWN_SETRESGID,       // a
  SPAWN_SETRESUID,       // a
  SPAWN_BOUNDING,        // a: the set that stays
  SPAWN_CAPSET,          // a: effective, b: permitted, c: inheritable
  SPAWN_AMBIENT,         // a: the set to raise
  SPAWN_KEEPCAPS,        // a: 0 or 1
  SPAWN_NO_NEW_PRIVS,
  SPAWN_SECCOMP,         // data: struct sock_filter array, n: how many, a: flags
  SPAWN_RLIMIT,          // a: resource, b: soft, c: hard
  SPAWN_UMASK,           // a
  SPAWN_DEATH_SIGNAL,    // a: signal, b: process id of the maker, who may have died before
  SPAWN_DUMPABLE,        // a
  SPAWN_CTTY,            // a: descriptor of a terminal
  SPAWN_READ_BYTE,       // a: read end, b: its write end, closed first: waits for one byte (end of file is an error: EPIPE)
  SPAWN_WRITE_BYTE,      // a: descriptor
  SPAWN_MOVE_MOUNT,      // a: descriptor of a detached mount, s: target
  SPAWN_BIND,            // s: source, t: target, a: 1 recursive
  SPAWN_MOUNT_SETATTR,   // s, a: set, b: clear, c: flags (AT_RECURSIVE), n: propagation
  SPAWN_LINK_UP,         // s: interface, in this network namespace
  SPAWN_NETLINK,         // data, n: one request with NLM_F_ACK, to NETLINK_ROUTE of this network namespace
  SPAWN_SEND_FDS,        // a: unix socket, data: int array, n: how many
  SPAWN_SEND_SOCKET,     // a: unix socket; a new socket of domain b, type c, protocol n, made in this network namespace, is sent over it
  SPAWN_OOM_SCORE_ADJ,   // s: text; EACCES and EPERM are passed over (no CAP_SYS_RESOURCE)
  SPAWN_CHOWN,           // s, a: uid, b: gid
  SPAWN_CHMOD,           // s, a: mode
  SPAWN_SIGNAL_SELF,     // a: signal
  SPAWN_SETPGID,
  SPAWN_MKDIR_PARENTS,   // s, a: mode: every missing folder of the path, never through a symbolic link out of the current root
  SPAWN_UNSHARE,         // a: CLONE_NEW…
  SPAWN_OPEN_TREE,       // s, a: flags (OPEN_TREE_CLONE, AT_RECURSIVE), b: becomes this descriptor; t: a path below s or NULL, c: its RESOLVE_… flags
  SPAWN_WRITE_FD,        // a: descriptor, data, n
  SPAWN_MOUNT_POINT,     // a: descriptor of a mount, s: where it is to go, t: the folder that is in: a folder or a file, as the mount is
  SPAWN_PTY,             // a: unix socket that gets the master; the new terminal becomes 0, 1, 2 and controls this session; b: rows << 16 | columns
};

struct spawn_step {
  int32_t op;
  int32_t may_fail;  // 1: a failure is passed over; 2: only ENOENT and ENOTDIR
  int64_t a, b, c;
  const char *s, *t, *u;
  const void *data;
  uint64_t n;
};

struct spawn_join { int fd, flags; };

struct spawn_plan {
  uint64_t namespaces;           // CLONE_NEW…
  int cgroup;                    // descriptor of a cgroup v2 folder to be born in, or -1
  const struct spawn_join *joins;  // entered by an intermediate process, whose child the new process is; it becomes the caller's child
  uint32_t join_count, step_count;
  const struct spawn_step *steps;
  int exec_fd;                   // -1: by path
  const char *const *paths;      // tried in turn, NULL-terminated
  char *const *argv, *const *envp;
};

struct spawn_result {
  pid_t pid;
  int pidfd;
  int report;         // spawn_begin: where the child's failure comes from; -1 with spawn_now
  int failed_step;    // index; step_count is the exec; -1 none; -2 clone; -3 join
  int error;          // errno of it
  int failed_join;    // with -3: which of the joins
};

// With CLONE_VM|CLONE_VFORK: returns when the program runs or a step has failed. 0, or -1 with failed_step and error set (the child is reaped).
int spawn_now(const struct spawn_plan *plan, struct spawn_result *result);
// With memory of its own: returns at once; the plan's memory may go. For steps that wait for the caller.
int spawn_begin(const struct spawn_plan *plan, struct spawn_result *result);
// Waits until the program runs or a step has failed, as spawn_now.
int spawn_finish(struct spawn_result *result);
