// SPDX-License-Identifier: Apache-2.0
//
// RuntimeDefault: the calls that ordinary programs make are allowed, by what they are for; all others fail with EPERM. What a capability guards is
// allowed to who has that capability, as container runtimes do (containerd contrib/seccomp, moby profiles/seccomp).
import Kernel

extension SeccompProfile {
  /// For a container with these capabilities.
  public static func runtimeDefault(_ capabilities: CapabilitySet) -> SeccompProfile {
    let permission: UInt16 = 1
    let absent: UInt16 = 38  // ENOSYS
    var rules = [Rule(words(everyday), .allow)]
    // Linux, Linux32 and their READ_IMPLIES_EXEC-free forms, and the question which one it is.
    for persona: UInt64 in [0x0, 0x8, 0x20000, 0x20008, 0xffff_ffff] { rules.append(Rule(["personality"], .allow, [Argument(0, .equal, persona)])) }
    // Every family but AF_VSOCK, which reaches past all network namespaces.
    rules.append(Rule(["socket"], .allow, [Argument(0, .notEqual, 40)]))
    let has = { (name: String) in CapabilitySet(name: name).map { capabilities.contains($0) } ?? false }
    for (name, calls) in guarded where has(name) { rules.append(Rule(words(calls), .allow)) }
    if !has("SYS_ADMIN") {
      // Processes and threads, but no new namespaces. clone3 hides its flags in memory: programs fall back to clone where there is none.
      rules.append(Rule(["clone"], .allow, [Argument(0, .maskedEqual, 0x7E02_0000, 0)]))
      rules.append(Rule(["clone3"], .fail(absent)))
    }
    #if arch(x86_64)
      rules.append(Rule(["arch_prctl", "modify_ldt"], .allow))
      let family = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    #else
      rules.append(Rule(["arm_fadvise64_64", "arm_sync_file_range", "sync_file_range2", "breakpoint", "cacheflush", "set_tls"], .allow))
      let family = ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    #endif
    return SeccompProfile(fallback: .fail(permission), rules: rules, architectures: family)
  }

  private static func words(_ text: String) -> [String] { text.split { $0 == " " || $0 == "\n" }.map(String.init) }

  private static let guarded: [(capability: String, calls: String)] = [
    ("DAC_READ_SEARCH", "open_by_handle_at"),
    ("SYS_ADMIN", """
      bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree perf_event_open quotactl
      quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
      """),
    ("SYS_BOOT", "reboot"), ("SYS_CHROOT", "chroot"), ("SYS_MODULE", "delete_module init_module finit_module"), ("SYS_PACCT", "acct"),
    ("SYS_PTRACE", "kcmp process_madvise"), ("SYS_RAWIO", "iopl ioperm"), ("SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
    ("SYS_TTY_CONFIG", "vhangup"), ("SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"), ("SYSLOG", "syslog"), ("BPF", "bpf"),
    ("PERFMON", "perf_event_open"),
  ]

  private static let everyday = """
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek sendfile sendfile64 splice tee vmsplice copy_file_range
    open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl pipe pipe2 memfd_create memfd_secret eventfd eventfd2
    access faccessat faccessat2 chdir fchdir getcwd chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32 umask
    stat stat64 fstat fstat64 fstatat64 newfstatat lstat lstat64 statx statfs statfs64 fstatfs fstatfs64 getdents getdents64 name_to_handle_at
    link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat
    truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 readahead sync syncfs fsync fdatasync sync_file_range
    utime utimes utimensat utimensat_time64 futimesat
    getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
    getxattrat setxattrat listxattrat removexattrat statmount listmount
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark
    landlock_create_ruleset landlock_add_rule landlock_restrict_self
    select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
    io_setup io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64 io_destroy
    socketcall socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown
    send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64
    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall remap_file_pages membarrier map_shadow_stack
    mseal pkey_alloc pkey_free pkey_mprotect process_mrelease cachestat
    shmget shmat shmdt shmctl semget semop semtimedop semtimedop_time64 semctl msgget msgsnd msgrcv msgctl ipc
    mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64
    futex futex_time64 futex_wait futex_wake futex_waitv futex_requeue get_robust_list set_robust_list rseq
    get_thread_area set_thread_area set_tid_address
    execve execveat exit exit_group fork vfork wait4 waitid waitpid kill tkill tgkill pidfd_open pidfd_send_signal pidfd_getfd pause
    ptrace process_vm_readv process_vm_writev prctl seccomp restart_syscall
    getpid getppid gettid getpgid getpgrp getsid setpgid setsid times uname sysinfo getcpu getrandom
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32 getgroups getgroups32
    setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32
    setfsgid setfsgid32 setgroups setgroups32 capget capset
    getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage
    sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler sched_setscheduler
    sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64
    rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn
    sigaltstack sigprocmask sigreturn signalfd signalfd4
    time gettimeofday nanosleep clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64
    adjtimex clock_adjtime clock_adjtime64 alarm getitimer setitimer
    timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
    """
}
