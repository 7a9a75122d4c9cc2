// SPDX-License-Identifier: Apache-2.0
//
// The logs of a pod's containers, followed from outside. The files are held open from the first look on, so that what was
// written last can be read when the pod, and its files, are gone.
import Glibc
import Kernel

final class LogFollower {
  private final class File {
    let fd: FileDescriptor
    var offset: off_t = 0
    var partial: [UInt8] = []
    init(_ fd: consuming FileDescriptor) { self.fd = fd }
  }
  /// Bytes of one container's log that are looked at.
  private static let limit = 1 << 20

  private var files: [String: File] = [:]
  private(set) var lines: [String: [String]] = [:]
  private(set) var bytes: [String: [UInt8]] = [:]

  /// Looks for new files in the folder (as seen from outside) of a container's logs, and for new lines in all of them.
  func look(_ container: String, in folder: String) {
    for name in optional({ () throws(SysError) in try FileSystem.list(folder) }) ?? [] where name.hasSuffix(".log") {
      let path = "\(folder)/\(name)"
      guard files[path] == nil, let fd = optional({ () throws(SysError) in try FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) }) else { continue }
      files[path] = File(fd)
    }
    drain(container, folder)
  }

  /// Reads on in what is open.
  func drain(_ container: String, _ folder: String) {
    for path in files.keys.filter({ $0.hasPrefix(folder + "/") }).sorted(by: Self.byNumber) {
      guard let file = files[path] else { continue }
      var buffer = [UInt8](repeating: 0, count: 65536)
      while true {
        let n = pread(file.fd.raw, &buffer, buffer.count, file.offset)
        guard n > 0 else { break }
        file.offset += off_t(n)
        take(container, file, buffer[..<n])
      }
    }
  }

  /// CRI's format: TIME stream F|P text. A P piece goes on in the next entry.
  private func take(_ container: String, _ file: File, _ chunk: ArraySlice<UInt8>) {
    guard bytes[container, default: []].count < Self.limit else { return }
    bytes[container, default: []] += chunk
    file.partial += chunk
    while let end = file.partial.firstIndex(of: 0x0A) {
      let entry = file.partial[..<end]
      file.partial.removeFirst(end + 1)
      let fields = entry.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count == 4, Array(fields[1]) == Array("stdout".utf8) else { continue }
      let text = String(decoding: fields[3], as: UTF8.self)
      let goesOn = open[container] ?? false
      if goesOn, let last = lines[container]?.indices.last { lines[container]?[last] += text } else { lines[container, default: []].append(text) }
      open[container] = Array(fields[2]) == Array("P".utf8)
    }
  }
  private var open: [String: Bool] = [:]

  /// 10.log comes after 9.log.
  private static func byNumber(_ a: String, _ b: String) -> Bool { (a.utf8.count, a) < (b.utf8.count, b) }

  func forget() { (files, lines, bytes, open) = ([:], [:], [:], [:]) }
}
