// SPDX-License-Identifier: Apache-2.0
//
// Objects on disk: Secrets, ConfigMaps and ServiceAccounts in DATA/objects, Pods in RUN/pods. Written whole: the old one or the new.
import Glibc
import Kernel
import Manifest

extension Instance {
  /// secrets, configmaps, serviceaccounts.
  public static func folder(of kind: String) -> String? { ["Secret": "secrets", "ConfigMap": "configmaps", "ServiceAccount": "serviceaccounts"][kind] }

  public func objectPath(_ kind: String, _ namespace: String, _ name: String) -> String {
    "\(data)/objects/\(Self.folder(of: kind) ?? kind)/\(namespace)/\(name).json"
  }

  /// nil where there is no such object.
  public func object(_ kind: String, _ namespace: String, _ name: String) throws(SysError) -> Value? {
    try Self.readValue(objectPath(kind, namespace, name)) ?? builtIn(kind, namespace, name)
  }

  public func objects(_ kind: String, namespace: String? = nil) throws(SysError) -> [Value] {
    let base = "\(data)/objects/\(Self.folder(of: kind) ?? kind)"
    var all: [Value] = []
    let namespaces: [String]
    if let namespace { namespaces = [namespace] } else { namespaces = Set(try FileSystem.list(base) + pods().map(\.namespace) + ["default"]).sorted() }
    for ns in namespaces {
      for file in try FileSystem.list("\(base)/\(ns)") where file.hasSuffix(".json") {
        if let v = try Self.readValue("\(base)/\(ns)/\(file)") { all.append(v) }
      }
    }
    return all + builtIns(kind, namespaces: namespaces, stored: all)
  }

  public func store(_ object: Value) throws(SysError) {
    let meta = ObjectMeta(object["metadata"] ?? .null)
    let path = objectPath(object["kind"]?.string ?? "", meta.namespace, meta.name)
    try FileSystem.makeFolders(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), mode: 0o700)
    try FileSystem.writeAtomically(path, JSON.compactBytes(object), mode: 0o600)
    tellPods("objects", namespace: meta.namespace)
  }

  public func removeObject(_ kind: String, _ namespace: String, _ name: String) throws(SysError) {
    do throws(SysError) { try FileSystem.remove(objectPath(kind, namespace, name)) } catch {
      // What is in every namespace is there again at once.
      if error.errno != ENOENT || builtIn(kind, namespace, name) == nil { throw error }
    }
    tellPods("objects", namespace: namespace)
  }

  /// verb: objects: every living podd of the namespace looks at the objects again: their files may be in its volumes, or it may have waited for one;
  /// node: all of them judge their Pods against the Node again. Nobody waits
  /// for its answer; one that is dead looks when it is started again.
  func tellPods(_ verb: String, namespace: String?) {
    for (ns, name) in pods(namespace: namespace) where Podd.isAlive(place(ns, name)) {
      _ = optional { () throws(SysError) in
        let socket = try UnixSocket.connect(place(ns, name).socket)
        try writeAll(socket.raw, Array("{\"verb\":\"\(verb)\"}\n".utf8))
      }
    }
  }

  /// Identity and times that the API server gives a new object; of an old one those are kept.
  public static func stamped(_ object: Value, old: Value?, wall: WallTime) -> Value {
    var v = object
    var meta = v["metadata"] ?? .null
    let before = old?["metadata"]
    meta["uid"] = before?["uid"] ?? .string(uuid())
    meta["creationTimestamp"] = before?["creationTimestamp"] ?? .string(wall.rfc3339)
    let version = Int64(before?["resourceVersion"]?.string ?? "") ?? 0
    meta["resourceVersion"] = .string(String(version + 1))
    if object["kind"]?.string == "Pod" {
      let generation = before?["generation"]?.int ?? 0
      let changed = old.map { $0["spec"] != v["spec"] } ?? true
      meta["generation"] = .int(changed ? generation + 1 : max(1, generation))
    }
    v["metadata"] = meta
    return v
  }

  /// Version 4, RFC 9562.
  public static func uuid() -> String { uuid(from: randomBytes(16)) }

  /// The first 16 of bytes, written as a UUID.
  static func uuid(from bytes: [UInt8]) -> String {
    var b = Array(bytes.prefix(16))
    b[6] = b[6] & 0x0f | 0x40
    b[8] = b[8] & 0x3f | 0x80
    let hex = b.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    var out = ""
    for (i, c) in hex.enumerated() {
      if [8, 12, 16, 20].contains(i) { out += "-" }
      out.append(c)
    }
    return out
  }

  // MARK: Pods

  /// The Pod as `get` shows it: with its status as the last podd wrote it; of a Pod that no podd has touched yet, as it was applied.
  public func pod(_ namespace: String, _ name: String) throws(SysError) -> Value? {
    let place = place(namespace, name)
    if let v = try Self.readValue(place.status) { return v }
    return try Self.readValue(place.object)
  }

  static func readValue(_ path: String) throws(SysError) -> Value? {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read(path) } catch {
      if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
      throw error
    }
    do throws(JSON.Malformed) { return try JSON.parse(bytes) } catch {
      throw SysError(step: "reading \(path): \(error)", call: "read", object: path, errno: EBADMSG, hint: "remove the file and apply the object again")
    }
  }

  /// Makes the Pod's folder with the object in it.
  public func createPod(_ object: Value) throws(SysError) -> PodPlace {
    let meta = ObjectMeta(object["metadata"] ?? .null)
    let place = place(meta.namespace, meta.name)
    do throws(SysError) {
      // A folder without an object is what a crash left.
      if FileSystem.exists(place.folder) { try FileSystem.removeTree(place.folder) }
      try FileSystem.makeFolders(place.folder, mode: 0o755)
      try FileSystem.writeAtomically(place.object, JSON.compactBytes(object), mode: 0o600)
    } catch {
      _ = rmdir(place.folder)
      throw error.during("storing pod \(meta.namespace)/\(meta.name)", hint: Self.remedy(error.errno))
    }
    return place
  }

  /// The Pod as it was applied; nil where there is none.
  public func readPodObject(_ namespace: String, _ name: String) throws(SysError) -> Value? { try Self.readValue(place(namespace, name).object) }

  /// Takes back a Pod that could not be started.
  public func forgetPod(_ namespace: String, _ name: String) {
    _ = optional { () throws(SysError) in try FileSystem.removeTree(place(namespace, name).folder) }
    _ = rmdir("\(run)/pods/\(namespace)")
  }

  // MARK: events of Pods that are gone

  public func keepEvents(_ list: Value, _ namespace: String, _ name: String, uid: String) throws(SysError) {
    let folder = "\(run)/events/\(namespace)"
    try FileSystem.makeFolders(folder, mode: 0o755)
    try FileSystem.writeAtomically("\(folder)/\(name).\(uid).json", JSON.compactBytes(list), mode: 0o600)
    // Somebody has to sweep: whoever adds one looks at the oldest few.
    for old in try FileSystem.list(folder).prefix(8) where Self.isOld("\(folder)/\(old)") { _ = unlink("\(folder)/\(old)") }
  }

  private static func isOld(_ path: String) -> Bool {
    guard let info = optional({ () throws(SysError) in try FileSystem.info(path) }) else { return false }
    return Clock.wall / 1_000_000_000 - info.modified > 3600
  }

  /// Event objects of Pods that are gone, not older than an hour.
  public func keptEvents(namespace: String?) -> [Value] {
    let names = { (path: String) in optional { () throws(SysError) in try FileSystem.list(path) } ?? [] }
    var all: [Value] = []
    for ns in namespace.map({ [$0] }) ?? names("\(run)/events") {
      for file in names("\(run)/events/\(ns)") where !Self.isOld("\(run)/events/\(ns)/\(file)") {
        let list = optional { () throws(SysError) in try Self.readValue("\(run)/events/\(ns)/\(file)") } ?? nil
        all += list?["items"]?.array ?? []
      }
    }
    return all
  }
}
