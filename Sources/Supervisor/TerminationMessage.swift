// SPDX-License-Identifier: Apache-2.0
//
// What a container says of its end: its message file, or the tail of its log. Kubernetes pkg/kubelet/kuberuntime (getTerminationMessage).
import Kernel
import Glibc

enum TerminationMessage {
  static let maxBytes = 4096
  static let maxLogBytes = 2048
  static let maxLogLines = 80

  /// - Parameters:
  ///   - file: the message file on the node.
  ///   - log: the run's log; nil where the policy does not fall back to it, or the container ended well.
  static func read(file: String, log: String?) -> String? {
    if let bytes = tail(file, maxBytes), !bytes.isEmpty { return String(decoding: bytes, as: UTF8.self) }
    guard let log, let bytes = tail(log, maxLogBytes * 4) else { return nil }
    let text = lastLines(bytes)
    return text.isEmpty ? nil : text
  }

  /// The text of the last lines, CRI's heads taken off.
  static func lastLines(_ log: [UInt8]) -> String {
    var lines = log.split(separator: 10, omittingEmptySubsequences: true)
    if let first = lines.first, !isHead(first) { lines.removeFirst() }
    var out: [UInt8] = []
    for line in lines.suffix(maxLogLines) where line.count >= LogFormat.headLength {
      out += line.dropFirst(LogFormat.headLength)
      if line[line.startIndex + LogFormat.headLength - 2] == UInt8(ascii: "F") { out.append(10) }
    }
    return String(decoding: out.suffix(maxLogBytes), as: UTF8.self)
  }

  private static func isHead(_ line: ArraySlice<UInt8>) -> Bool {
    line.count >= LogFormat.headLength && line[line.startIndex + 29] == UInt8(ascii: "Z") && line[line.startIndex + 30] == 32
  }

  /// At most the last count bytes of a file; nil when it cannot be read. A link is not followed: the container may have put it there.
  private static func tail(_ path: String, _ count: Int) -> [UInt8]? {
    optional { () throws(SysError) in
      let fd = try FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      let info = try FileSystem.info(fd.raw)
      guard info.isRegular else { return [] }
      if info.size > count { lseek(fd.raw, off_t(info.size) - off_t(count), SEEK_SET) }
      return try FileSystem.read(fd.raw, path, limit: count)
    }
  }
}
