// SPDX-License-Identifier: Apache-2.0
//
// The one Node of an instance, as `get node` shows it and as Pods are judged against it. Labels, annotations, taints and unschedulable are stored
// (DATA/objects/nodes/podlab.json) once somebody changes them; everything else is what the machine is now. Kubernetes pkg/kubelet/nodestatus.
import Glibc
import Kernel
import Manifest

extension Instance {
  /// metadata.name of the Node.
  public static let nodeName = "podlab"
  /// How many Pods the node takes (kubelet's maxPods, whose default of 110 is a setting): what the address range serves with room to spare.
  static let podLimit: Int64 = 1000

  private var nodePath: String { "\(data)/objects/nodes/\(Self.nodeName).json" }

  /// The Node with its status. Labels that kubelet gives are there whatever was stored without them.
  public func nodeObject() throws(SysError) -> Value {
    let stored = try Self.readValue(nodePath)
    let machine = Machine.read()
    var meta = stored?["metadata"] ?? .null
    var labels = meta["labels"]?.members ?? Value.Members()
    for (key, value) in Self.kubeletLabels(machine) where stored == nil || labels[key] == nil && key.hasPrefix("kubernetes.io/") {
      labels[key] = .string(value)
    }
    var ordered: [(String, Value)] = []
    if let annotations = meta["annotations"] { ordered.append(("annotations", annotations)) }
    ordered.append(("creationTimestamp", .string(WallTime(nanoseconds: made * 1_000_000_000).rfc3339)))
    ordered.append(("labels", .object(labels.entries.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 })))
    ordered.append(("name", .string(Self.nodeName)))
    ordered.append(("resourceVersion", meta["resourceVersion"] ?? .string("1")))
    ordered.append(("uid", meta["uid"] ?? .string(bornUID)))
    meta = .object(ordered)
    return .object([
      ("apiVersion", .string("v1")), ("kind", .string("Node")), ("metadata", meta), ("spec", stored?["spec"] ?? .object(Value.Members())),
      ("status", status(machine)),
    ])
  }

  /// Keeps what of the Node can be changed: labels, annotations and spec. The caller has judged them, and tells the living supervisors (`tellNodeChanged`).
  public func storeNode(_ node: Value) throws(SysError) {
    var meta: [(String, Value)] = [("name", .string(Self.nodeName))]
    for key in ["labels", "annotations"] { if let v = node["metadata"]?[key] { meta.append((key, v)) } }
    let version = Int64(node["metadata"]?["resourceVersion"]?.string ?? "") ?? 1
    meta.append(("resourceVersion", .string("\(version + 1)")))
    if let uid = node["metadata"]?["uid"] { meta.append(("uid", uid)) }
    let kept: Value = .object([
      ("apiVersion", .string("v1")), ("kind", .string("Node")), ("metadata", .object(meta)), ("spec", node["spec"] ?? .object(Value.Members())),
    ])
    do throws(SysError) {
      try FileSystem.makeFolders("\(data)/objects/nodes", mode: 0o700)
      try FileSystem.writeAtomically(nodePath, JSON.compactBytes(kept), mode: 0o600)
    } catch {
      throw error.during("storing node \(Self.nodeName)", hint: Self.remedy(error.errno))
    }
  }

  /// Has every living supervisor judge its Pod against the Node again.
  public func tellNodeChanged() { tellPods("node", namespace: nil) }

  /// An instance that is only looked at before it is made has no id yet, and its node a uid that nobody will hold it to.
  private var bornUID: String {
    let id = self.id.isEmpty ? "....." : self.id
    return Self.uuid(from: Array("\(id)node\(id)....".utf8))
  }

  /// metadata.uid of the Node.
  var nodeUID: String {
    let stored = optional { () throws(SysError) in try Self.readValue(nodePath) } ?? nil
    return stored?["metadata"]?["uid"]?.string ?? bornUID
  }

  /// Seconds since 1970: when this boot's instance was made; now, where there is none.
  var made: Int64 {
    optional { () throws(SysError) in try FileSystem.info("\(run)/instance.json").modified } ?? Clock.wall / 1_000_000_000
  }

  private static func kubeletLabels(_ m: Machine) -> [(String, String)] {
    [
      ("beta.kubernetes.io/arch", m.architecture), ("beta.kubernetes.io/os", "linux"), ("kubernetes.io/arch", m.architecture),
      ("kubernetes.io/hostname", nodeName), ("kubernetes.io/os", "linux"), ("node-role.kubernetes.io/worker", ""),
    ]
  }

  private func status(_ m: Machine) -> Value {
    let storage = FileSystem.size(of: FileSystem.exists(data) ? data : "/")
    // Nothing is held back for the system and nothing is evicted: all of the machine can be given to Pods.
    let amounts: Value = .object([
      ("cpu", .string("\(m.processors)")), ("ephemeral-storage", .string("\(storage / 1024)Ki")), ("memory", .string("\(m.memory / 1024)Ki")),
      ("pods", .string("\(Self.podLimit)")),
    ])
    let now = Value.string(WallTime(nanoseconds: Clock.wall).rfc3339)
    let since = Value.string(WallTime(nanoseconds: made * 1_000_000_000).rfc3339)
    let conditions: [Value] = [
      ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
      ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ].map { (type, state, reason, message) in
      .object([
        ("lastHeartbeatTime", now), ("lastTransitionTime", since), ("message", .string(message)), ("reason", .string(reason)), ("status", .string(state)),
        ("type", .string(type)),
      ])
    }
    let address = storedRange().map { "\(Network(bridge: 0, first: $0.first).gateway)" } ?? "127.0.0.1"
    let info: [(String, Value)] = [
      ("architecture", .string(m.architecture)), ("bootID", .string(Boot.id)), ("containerRuntimeVersion", .string("podlab://0.1.0")),
      ("kernelVersion", .string(m.kernel)), ("kubeProxyVersion", .string("")), ("kubeletVersion", .string("v1.37.0")),
      ("machineID", .string(m.id)), ("operatingSystem", .string("linux")), ("osImage", .string(m.system)), ("systemUUID", .string(m.id)),
    ]
    return .object([
      ("addresses", .array([
        .object([("address", .string(address)), ("type", .string("InternalIP"))]),
        .object([("address", .string(Self.nodeName)), ("type", .string("Hostname"))]),
      ])),
      ("allocatable", amounts), ("capacity", amounts), ("conditions", .array(conditions)), ("nodeInfo", .object(info)),
    ])
  }
}

/// What the machine says of itself.
private struct Machine {
  /// As Kubernetes names it: amd64, arm64.
  var architecture = ""
  var kernel = ""
  /// /etc/machine-id; empty where there is none.
  var id = ""
  /// PRETTY_NAME of os-release(5).
  var system = ""
  var processors: Int64 = 1
  /// Bytes.
  var memory: Int64 = 0

  static func read() -> Machine {
    var m = Machine()
    var names = utsname()
    if uname(&names) == 0 {
      let machine = text(&names.machine)
      m.architecture = ["x86_64": "amd64", "aarch64": "arm64"][machine] ?? machine
      m.kernel = text(&names.release)
    }
    m.processors = Int64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    m.memory = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    m.id = String((optional { () throws(SysError) in try FileSystem.readText("/etc/machine-id") } ?? "").prefix { $0 != "\n" })
    for line in (optional { () throws(SysError) in try FileSystem.readText("/etc/os-release") } ?? "").split(separator: "\n") where line.hasPrefix("PRETTY_NAME=") {
      m.system = String(line.dropFirst(12).filter { $0 != "\"" && $0 != "'" })
    }
    return m
  }

  private static func text<T>(_ field: inout T) -> String {
    withUnsafeBytes(of: &field) { b in String(decoding: b.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
