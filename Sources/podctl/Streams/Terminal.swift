// SPDX-License-Identifier: Apache-2.0
//
// The user's own terminal: raw while a program in a container has it, as it was afterwards, whatever ends us. termios(3), ioctl_tty(2).
import Glibc
import Kernel

/// Standard input as a terminal, in raw mode from init to restore.
final class RawTerminal {
  private var old = termios()

  /// nil: standard input is no terminal.
  init?() {
    guard isatty(0) == 1, tcgetattr(0, &old) == 0 else { return nil }
    var bare = old
    cfmakeraw(&bare)
    guard tcsetattr(0, TCSANOW, &bare) == 0 else { return nil }
  }

  func restore() { tcsetattr(0, TCSADRAIN, &old) }

  /// Rows and columns; 24 by 80 where nobody has said.
  static var size: winsize {
    var size = winsize()
    if ioctl(0, UInt(TIOCGWINSZ), &size) != 0 || size.ws_row == 0 { (size.ws_row, size.ws_col) = (24, 80) }
    return size
  }

  /// Gives another terminal this one's size.
  static func resize(_ master: Int32) {
    var size = size
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  /// What the user's terminal tells us: a new size, or that we are to end (then it is restored first).
  func watch(_ loop: EventLoop, resized: @escaping () -> Void) throws(SysError) {
    try loop.watchSignals([SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT]) { [unowned self] number in
      if number == SIGWINCH { return resized() }
      restore()
      Glibc.exit(128 + number)
    }
  }
}
