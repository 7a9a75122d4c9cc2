// SPDX-License-Identifier: Apache-2.0
//
// init: PID 1 of an arena. Runs its arguments as one child, reaps everything that is left to it, hands SIGTERM, SIGINT and SIGHUP on, and ends as
// the child did (128 + n for a signal), which takes all other processes of the namespace with it.
import CLinux

// SwiftPM links main to this name.
@_cdecl("init_main")
func initMain(_ count: Int32, _ all: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
  let arguments = all + 1
  guard let program = arguments[0] else { return 2 }
  var signals = sigset_t()
  sigemptyset(&signals)
  for s in [SIGCHLD, SIGTERM, SIGINT, SIGHUP] { sigaddset(&signals, s) }
  sigprocmask(SIG_BLOCK, &signals, nil)
  let child = lx_fork()
  if child < 0 { return 125 }
  if child == 0 {
    sigprocmask(SIG_UNBLOCK, &signals, nil)
    setsid()
    execv(program, arguments)
    _exit(127)
  }
  while true {
    var number: Int32 = 0
    guard sigwait(&signals, &number) == 0 else { continue }
    if number != SIGCHLD {
      kill(child, number)
      continue
    }
    while true {
      var status: Int32 = 0
      let pid = waitpid(-1, &status, WNOHANG)
      if pid <= 0 { break }
      if pid == child { return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f) }
    }
  }
}
