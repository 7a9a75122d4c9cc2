// SPDX-License-Identifier: Apache-2.0
//
// Signals by name and number. signal(7).
import CLinux
import Glibc

public enum Signals {
  private static let names: [(String, Int32)] = [
    ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8), ("KILL", 9), ("USR1", 10), ("SEGV", 11),
    ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15), ("STKFLT", 16), ("CHLD", 17), ("CONT", 18), ("STOP", 19), ("TSTP", 20), ("TTIN", 21),
    ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25), ("VTALRM", 26), ("PROF", 27), ("WINCH", 28), ("IO", 29), ("PWR", 30), ("SYS", 31),
  ]

  /// SIGTERM for 15; SIGRTMIN+2 …; the number where it has no name.
  public static func name(_ number: Int32) -> String {
    if let n = names.first(where: { $0.1 == number }) { return "SIG" + n.0 }
    let low = lx_sigrtmin()
    if number >= low && number <= lx_sigrtmax() { return number == low ? "SIGRTMIN" : "SIGRTMIN+\(number - low)" }
    return "signal \(number)"
  }

  /// From SIGTERM, TERM, 15, SIGRTMIN+2, SIGRTMAX-1.
  public static func number(_ name: String) -> Int32? {
    if let n = Int32(name) { return n > 0 && n <= lx_sigrtmax() ? n : nil }
    let bare = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
    if let n = names.first(where: { $0.0 == bare }) { return n.1 }
    if bare == "POLL" { return 29 }
    let (low, high) = (lx_sigrtmin(), lx_sigrtmax())
    var number: Int32?
    if bare.hasPrefix("RTMIN") { number = offset(bare.dropFirst(5), sign: "+").map { low + $0 } }
    if bare.hasPrefix("RTMAX") { number = offset(bare.dropFirst(5), sign: "-").map { high - $0 } }
    if let number, (low...high).contains(number) { return number }
    return nil
  }

  /// The 3 in RTMIN+3; 0 for nothing.
  private static func offset(_ text: Substring, sign: Character) -> Int32? {
    if text.isEmpty { return 0 }
    guard text.first == sign, let n = Int32(text.dropFirst()), (0...30).contains(n) else { return nil }
    return n
  }

  /// Blocks signals in this process (they come through the event loop, or stay pending).
  public static func block(_ list: [Int32]) { _ = lx_block_signals(list, Int32(list.count), nil) }
  public static func ignore(_ number: Int32) { _ = signal(number, SIG_IGN) }
}
