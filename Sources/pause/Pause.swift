// SPDX-License-Identifier: Apache-2.0
//
// pause: the infra container's program. Holds the namespaces and the descriptors that it inherited, reaps what is left to it (it is PID 1 where the
// Pod shares its process namespace), and ends on SIGTERM or SIGINT. Sleeps otherwise. It also holds the node of an ordinary user's instance.
import CLinux

// SwiftPM links main to this name.
@_cdecl("pause_main")
func pause(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGCHLD)
  sigaddset(&signals, SIGTERM)
  sigaddset(&signals, SIGINT)
  sigprocmask(SIG_BLOCK, &signals, nil)
  while true {
    var number: Int32 = 0
    guard sigwait(&signals, &number) == 0 else { continue }
    if number != SIGCHLD { return 0 }
    while waitpid(-1, nil, WNOHANG) > 0 {}
  }
}
