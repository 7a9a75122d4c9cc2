// SPDX-License-Identifier: Apache-2.0
//
// Facts, read from the kernel by the observer: every number is this machine's own account of a process in the arena. What
// differs from run to run is marked, so that it becomes evidence and never a finding.
import Kernel
import Manifest

extension ArenaScene {
  public func read(_ question: Question) throws(SceneError) -> Reading {
    look()
    var reading: Reading
    switch question.source {
    case .manifest(let path): reading = document(manifest, path)
    case .starter(let path): reading = document(starter, path)
    case .pod(let path): reading = document(pod.status ?? .null, path)
    case .namespace(let container, let kind): reading = namespace(container, kind)
    case .mount(let container, let path): reading = mount(container, path)
    case .status(let container): reading = status(container)
    case .file(let container, let path): reading = file(container, path, wantsText: question.fields.contains("text"))
    case .process(let container): reading = process(container)
    case .log(let container, let lines): reading = log(container, lines)
    case .timeline(let names): reading = timeline(names)
    case .left: reading = left()
    case .atStart(let inner): reading = try read(inner)
    }
    return select(question, from: reading)
  }

  private func select(_ question: Question, from reading: Reading) -> Reading {
    guard let value = reading.value else { return reading }
    var out = reading
    if !question.join.isEmpty {
      out.value = .array(question.join.flatMap { value[$0]?.array ?? [] })
    } else if question.fields.count == 1, let name = question.fields.first, !reading.masked.contains(name) {
      out.value = value[name]
      if out.value == nil { out.absence = Text(en: "no \(name)", zh: "没有 \(name)") }
    } else if !question.fields.isEmpty {
      out.value = .object(Value.Members(question.fields.compactMap { name in value[name].map { (name, $0) } }))
    }
    return out
  }

  private func document(_ value: Value, _ path: String) -> Reading {
    Reading(ObjectPath.find(path, in: value), absence: Text(en: "no \(path)", zh: "没有 \(path)"))
  }

  /// A reading of a container that does not run.
  private func absent(_ container: String) -> Reading {
    let failure = missing(container)
    return Reading(nil, absence: failure.found, evidence: failure.evidence)
  }

  private func namespace(_ container: String, _ kind: String) -> Reading {
    guard let resident = resident(container) else { return absent(container) }
    let pid = resident.identity.pid
    guard let inode = Proc.namespace(pid, kind), resident.identity.isAlive else { return absent(container) }
    return Reading(
      .object([("inode", .int(Int64(bitPattern: inode)))]), masked: ["inode"],
      evidence: [Clue(container, "pid \(pid)  \(kind):[\(inode)]")])
  }

  private func mount(_ container: String, _ path: String) -> Reading {
    guard let resident = resident(container) else { return absent(container) }
    let pid = resident.identity.pid, wanted = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
    let mounts = optional { () throws(SysError) in try MountInfo.of(pid) } ?? []
    guard let mount = mounts.last(where: { $0.mountPoint == wanted }) else {
      return Reading(nil, absence: Text(en: "no mount at \(path) in \(container)", zh: "\(container) 里 \(path) 处没有挂载"))
    }
    let value = Value.object([
      ("device", .string(mount.device)), ("root", .string(mount.root)), ("type", .string(mount.type)),
      ("readOnly", .bool(mount.options.contains("ro"))), ("options", .strings(mount.options)),
    ])
    let words = "pid \(pid)  \(mount.device) \(mount.root) \(mount.mountPoint) \(mount.options.joined(separator: ","))"
    return Reading(value, masked: ["device", "root"], evidence: [Clue(container, Sanitise.line(words))])
  }

  private func status(_ container: String) -> Reading {
    guard let resident = resident(container) else { return absent(container) }
    let pid = resident.identity.pid
    func field(_ name: String) -> String { Proc.status(pid, name) ?? "" }
    func first(_ name: String) -> Int64? { field(name).split { $0 == "\t" || $0 == " " }.first.flatMap { Int64($0) } }
    var value: [(String, Value)] = []
    if let uid = first("Uid").flatMap({ inside($0, pid, "uid") }) { value.append(("uid", .int(uid))) }
    if let gid = first("Gid").flatMap({ inside($0, pid, "gid") }) { value.append(("gid", .int(gid))) }
    for (name, key) in [("CapEff", "capEff"), ("CapBnd", "capBnd")] { value.append((key, .string(field(name)))) }
    for (name, key) in [("NoNewPrivs", "noNewPrivs"), ("Seccomp", "seccomp")] { value.append((key, .int(first(name) ?? -1))) }
    guard resident.identity.isAlive else { return absent(container) }
    return Reading(.object(value), evidence: [Clue(container, "pid \(pid)  " + value.map { "\($0.0) \(Matcher.show($0.1))" }.joined(separator: " "))])
  }

  /// An id as the process itself sees it.
  private func inside(_ id: Int64, _ pid: Int32, _ kind: String) -> Int64? {
    guard let map = optional({ () throws(SysError) in try FileSystem.readText("/proc/\(pid)/\(kind)_map") }) else { return nil }
    for line in map.split(separator: "\n") {
      let f = line.split(separator: " ").compactMap { Int64($0) }
      if f.count == 3, id >= f[1], id < f[1] + f[2] { return id - f[1] + f[0] }
    }
    return nil
  }

  private func file(_ container: String, _ path: String, wantsText: Bool) -> Reading {
    guard let resident = resident(container) else { return absent(container) }
    let pid = resident.identity.pid
    let info: FileSystem.Info
    do throws(SysError) {
      let fd = try resident.open(path, Arena.pathOnly)
      info = try FileSystem.info(fd.raw)
    } catch {
      let reason = error.isLink ? Text(en: "a link at \(path) in \(container)", zh: "\(container) 里 \(path) 是链接") : Text(en: "no such file \(path) in \(container)", zh: "\(container) 里没有文件 \(path)")
      return Reading(nil, absence: reason, evidence: [Clue(container, "pid \(pid)  \(path)  \(errnoName(error.errno))")])
    }
    let device = info.identity.device
    let name = "\((device >> 8) & 0xfff):\((device & 0xff) | ((device >> 12) & 0xfff00))"
    let kinds: [UInt32: String] = [0o100000: "file", 0o040000: "folder", 0o010000: "fifo", 0o120000: "link", 0o140000: "socket", 0o020000: "device", 0o060000: "device"]
    var value: [(String, Value)] = [
      ("device", .int(Int64(bitPattern: device))), ("inode", .int(Int64(bitPattern: info.identity.inode))), ("size", .int(info.size)),
      ("mode", .string(String(info.mode & 0o7777, radix: 8))), ("kind", .string(kinds[info.mode & 0o170000] ?? "unknown")),
    ]
    if wantsText, info.isRegular, let text = optional({ () throws(SysError) in
      let open = try resident.open(path, 0)
      return try FileSystem.read(open.raw, path, limit: 65536)
    }) { value.append(("text", .string(String(decoding: text, as: UTF8.self)))) }
    return Reading(
      .object(value), masked: ["device", "inode"],
      evidence: [Clue(container, "pid \(pid)  \(path)  device \(name)  inode \(info.identity.inode)")])
  }

  private func process(_ container: String) -> Reading {
    guard let resident = resident(container) else { return absent(container) }
    let pid = resident.identity.pid
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read("/proc/\(pid)/cmdline") }), let stat = Proc.stat(pid), resident.identity.isAlive
    else { return absent(container) }
    let arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { String(decoding: $0, as: UTF8.self) }
    let value = Value.object([
      ("arguments", .strings(arguments)), ("pid", .int(Int64(pid))), ("started", .int(Int64(bitPattern: stat.startTime))), ("state", .string(stat.state)),
    ])
    return Reading(value, masked: ["pid", "started"], evidence: [Clue(container, "pid \(pid)  started at tick \(stat.startTime)")])
  }

  /// The lines of a container's standard output, over all its runs; part: only those that hold this text.
  private func log(_ container: String, _ part: String) -> Reading {
    let all = logs.lines[container] ?? []
    let chosen = part.isEmpty ? all : all.filter { $0.contains(part) }
    var reading = Reading(.strings(chosen))
    if chosen.isEmpty { reading.absence = Text(en: "nothing of it in the log of \(container)", zh: "\(container) 的日志里没有这样的内容") }
    reading.evidence = [Clue(container, "\(all.count) lines in its log, \(chosen.count) of these")]
    return reading
  }

  private func timeline(_ names: [String]) -> Reading {
    // A container that was restarted has several ends: its last one counts.
    var last: [String: Int64] = [:]
    for entry in ended { last[entry.container] = entry.at }
    let order = ended.indices.filter { i in names.contains(ended[i].container) && !ended[(i + 1)...].contains { $0.container == ended[i].container } }
    let first = order.first.map { ended[$0].at } ?? 0
    let evidence = order.map { Clue(ended[$0].container, "ended after \((ended[$0].at - first) / 1_000_000) ms") }
    return Reading(.strings(order.map { ended[$0].container }), evidence: evidence)
  }

  private func left() -> Reading {
    // PID 1 and what it holds open are the arena itself.
    let strangers = people.all.filter { $0 != arena.pid && Proc.stat($0)?.parent != arena.pid || Proc.arguments($0)?.first?.hasSuffix("/pause") == false }
    let evidence = strangers.prefix(5).map { Clue("pid \($0)", Sanitise.line((Proc.arguments($0) ?? []).joined(separator: " "))) }
    return Reading(.object([("processes", .int(Int64(strangers.count)))]), evidence: Array(evidence))
  }
}
