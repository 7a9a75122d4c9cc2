// SPDX-License-Identifier: Apache-2.0
//
// From a Pod's container and its image to the Runtime's ContainerSpec: program, environment, mounts, rights. Kubernetes
// pkg/kubelet/kuberuntime/kuberuntime_container.go (generateContainerConfig).
import Control
import Kernel
import Manifest
import Runtime

/// What a container needs of its image.
struct ImageFacts: Sendable {
  var id = ""
  /// Unpacked, topmost first.
  var layers: [String] = []
  var entrypoint: [String] = []
  var command: [String] = []
  /// NAME=value.
  var environment: [String] = []
  var workingFolder = ""
  var user = ""
  var stopSignal = ""
}

/// The container's place on the node.
struct ContainerPlace {
  /// containers/NAME.
  let folder: String
  let restart: Int64

  var log: String { "\(folder)/\(restart).log" }
  var run: String { "\(folder)/\(restart)" }
  var upper: String { run + "/upper" }
  var work: String { run + "/work" }
  var message: String { run + "/termination-log" }

  func make() throws(SysError) {
    try FileSystem.makeFolders(run, mode: 0o755)
    for f in [upper, work] { if !FileSystem.exists(f) { try FileSystem.makeFolder(f, mode: 0o755) } }
    try FileSystem.write(message, [], mode: 0o666)
    try FileSystem.chmod(message, 0o666)
  }
}

struct ContainerSetup {
  let facts: PodFacts
  let container: Container
  let image: ImageFacts
  let hostname: String
  let volumes: Volumes
  let place: ContainerPlace
  let mountPoints: MountPoints
  /// /dev/shm of the sandbox; nil on the host's ipc namespace.
  let sharedMemory: String?
  /// The Pod has a user namespace of its own.
  let hasUserNamespace: Bool

  /// Everything but cgroup, seccomp and streams, which the caller adds.
  func spec(_ objects: some ObjectSource) throws(ConfigError) -> (ContainerSpec, Environment) {
    let pod = facts.pod
    let env = try Environment.of(container, facts: facts, objects: objects) { (key) throws(ConfigError) in try envFile(key) }
    let users = { UserDatabase(layers: image.layers) }
    let identity = try SecurityRules.identity(container, pod, imageUser: image.user, users: users)

    let root = RootFileSystem(layers: image.layers, upper: place.upper, work: place.work, mountPoint: mountPoints.container)
    var spec = ContainerSpec(arguments: arguments(env), environment: full(env, identity, users), root: root, streams: .descriptors(-1, -1, -1))
    spec.root.isReadOnly = container.securityContext.readOnlyRootFilesystem
    let folder = container.workingDir ?? image.workingFolder
    spec.workingFolder = folder.isEmpty ? "/" : folder
    spec.identity = identity
    spec.isPrivileged = container.securityContext.privileged
    spec.capabilities = SecurityRules.capabilities(container.securityContext)
    spec.noNewPrivileges = SecurityRules.noNewPrivileges(container.securityContext)
    spec.hasUserNamespace = hasUserNamespace
    spec.masksProc = container.securityContext.procMount != "Unmasked"
    spec.sharesHostNetwork = pod.spec.hostNetwork
    spec.sharesHostIPC = pod.spec.hostIPC
    if pod.spec.hostPID {
      spec.processes = .host
    } else if pod.spec.shareProcessNamespace {
      spec.processes = .sandbox
    }
    if spec.arguments.isEmpty { throw ConfigError("no command specified") }
    spec.mounts = try mounts(env)
    // Where owners are mapped each layer would have to be mapped too, at a higher price than what it saves.
    if !hasUserNamespace, let lowest = MountPointLayer(spec.mounts, above: image.layers).folder(in: mountPoints.layers) { spec.root.layers.append(lowest) }
    spec.sharedMemory = container.volumeMounts.contains { $0.mountPath == "/dev/shm" } ? nil : sharedMemory
    return (spec, env)
  }

  /// command replaces the image's entrypoint and its arguments; args replaces only those.
  private func arguments(_ env: Environment) -> [String] {
    let expand = { (words: [String]) in words.map { Expansion.expand($0) { env[$0] } } }
    if !container.command.isEmpty { return expand(container.command) + expand(container.args) }
    return image.entrypoint + (container.args.isEmpty ? image.command : expand(container.args))
  }

  /// The image's variables, those of the runtime, the spec's.
  private func full(_ env: Environment, _ identity: ContainerIdentity, _ users: () -> UserDatabase) -> [String] {
    var all = Environment()
    all["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    all["HOSTNAME"] = hostname
    if container.tty { all["TERM"] = "xterm" }
    for entry in image.environment {
      guard let eq = entry.firstIndex(of: "=") else { continue }
      all[String(entry[..<eq])] = String(entry[entry.index(after: eq)...])
    }
    for name in env.names { all[name] = env[name] }
    if all["HOME"] == nil { all["HOME"] = identity.user == 0 && image.user.isEmpty ? "/root" : users().home(of: identity.user) ?? "/" }
    return all.list
  }

  private func mounts(_ env: Environment) throws(ConfigError) -> [ContainerMount] {
    var all: [ContainerMount] = []
    let own = Set(container.volumeMounts.map(\.mountPath))
    for (file, target) in [("hosts", "/etc/hosts"), ("hostname", "/etc/hostname"), ("resolv.conf", "/etc/resolv.conf")] where !own.contains(target) {
      var m = ContainerMount(source: volumes.etc + "/" + file, target: target)
      m.isReadOnly = container.securityContext.readOnlyRootFilesystem
      m.isFolder = false
      all.append(m)
    }
    for mount in container.volumeMounts { all.append(try volumes.containerMount(mount, container, facts.pod, env)) }
    all.append(ContainerMount(source: place.message, target: container.terminationMessagePath))
    // What lies deeper is mounted later.
    return all.enumerated().sorted { a, b in
      let (x, y) = (a.element.target.split(separator: "/").count, b.element.target.split(separator: "/").count)
      return x == y ? a.offset < b.offset : x < y
    }.map(\.element)
  }

  /// A key of an env file in a volume (KEP-3721).
  private func envFile(_ key: EnvFileKey) throws(ConfigError) -> String? {
    guard let base = volumes.view(key.volume, of: facts.pod) else { throw ConfigError("volume \"\(key.volume)\" not found") }
    let text = optional { () throws(SysError) -> String in
      let dir = try FileDescriptor.open(base, FileDescriptor.pathOnly)
      let fd = try FileDescriptor.open2(key.path, at: dir, 0, resolve: [.beneath, .noMagicLinks])
      return String(decoding: try FileSystem.read(fd.raw, key.path, limit: 64 << 10), as: UTF8.self)
    }
    return try EnvFile.value(of: key, in: text)
  }
}
