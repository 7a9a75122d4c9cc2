// SPDX-License-Identifier: Apache-2.0
//
// cp: files and folders into containers and out of them. A copy of podctl enters the container's mount namespace, becomes the container's user and
// reads or writes there; what is copied goes between the two as a stream of entries (Runtime/TreeStream.swift). No program of the image takes part.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest
import Runtime

struct CopyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp", abstract: "Copy files and folders to and from containers.",
    discussion: "Example: podctl cp notes.txt web:/tmp/notes.txt    podctl cp lab/web:/var/log logs -c app")

  @Argument(help: "From and to; the one in a container as [NAMESPACE/]POD:PATH.") var paths: [String] = []
  @Option(name: .shortAndLong, help: "The container (default: the first).") var container: String?
  @Flag(name: .long, help: "Into a container: neither owner nor permissions are kept.") var noPreserve = false
  @OptionGroup var common: CommonOptions

  /// One side of the copy.
  private struct Spec {
    var namespace: String?
    var pod: String?
    var path: String

    init(_ text: String) throws {
      let wrong = Failure.error("filespec must match the canonical format: [[namespace/]pod:]file/path")
      guard let colon = text.firstIndex(of: ":") else {
        path = text
        return
      }
      if colon == text.startIndex { throw wrong }
      path = String(text[text.index(after: colon)...])
      let parts = text[..<colon].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      switch parts.count {
      case 1: pod = parts[0]
      case 2: (namespace, pod) = (parts[0], parts[1])
      default: throw wrong
      }
    }
  }

  func run() throws {
    guard paths.count == 2 else { throw Failure.error("source and destination are required") }
    let (from, to) = (try Spec(paths[0]), try Spec(paths[1]))
    if from.pod != nil && to.pod != nil { throw Failure.error("one of src or dest must be a local file specification") }
    if from.path.isEmpty || to.path.isEmpty { throw Failure.error("filepath can not be empty") }
    guard let pod = from.pod ?? to.pod else { throw Failure.error("one of src or dest must be a remote file specification") }
    if to.pod != nil, access(from.path, F_OK) != 0 { throw Failure.error("\(from.path) doesn't exist in local filesystem") }
    let session = try common.open()
    let target = try RunningContainer(session, from.namespace ?? to.namespace ?? common.ns, pod, container)
    Signals.ignore(SIGPIPE)
    if from.pod != nil { try out(target, from.path, to.path) } else { try into(target, from.path, to.path) }
  }

  // MARK: in the container

  /// Puts this process, a copy, on the container's side, with its rights. Returns the whole path.
  private func inside(_ target: RunningContainer, _ path: String) throws(SysError) -> String {
    let exec = target.entry.exec
    let which: Namespaces = exec.hasUserNamespace ? [.user, .mount] : .mount
    try which.enter(target.process.raw)
    let host = CapabilitySet.effective
    try Fork.become(
      user: exec.identity.user, group: exec.identity.group, supplementary: exec.identity.supplementary,
      capabilities: exec.isPrivileged ? host : exec.capabilities.intersection(host))
    umask(0o022)
    return path.hasPrefix("/") ? path : exec.workingFolder + "/" + path
  }

  private func beside(_ target: RunningContainer, _ body: (Int32) throws(SysError) -> Void) throws(SysError) -> (child: Int32, socket: Int32) {
    let (ours, theirs) = try UnixSocket.pair().ends()
    let child = try Fork.run {
      _ = close(ours)
      let sender = TreeSender(to: theirs)
      do throws(SysError) { try body(theirs) } catch {
        // Paths in there are looked up from the root.
        let object = error.call.hasPrefix("open") && !error.object.hasPrefix("/") && !error.object.hasPrefix("can't") ? "/" + error.object : error.object
        _ = optional { () throws(SysError) in try sender.say(.failure, "\(object): \(errnoText(error.errno))") }
        return 1
      }
      return 0
    }.release()
    _ = close(theirs)
    return (child, ours)
  }

  private func failed(_ target: RunningContainer, _ text: String) -> Failure {
    Failure(text: "error: \(text) (container \(target.entry.name) of pod \(target.pod))\n")
  }

  // MARK: into the container

  private func into(_ target: RunningContainer, _ source: String, _ destination: String) throws {
    var options = TreeReceiver.Options()
    options.keepsModes = !noPreserve
    options.keepsOwners = !noPreserve && target.entry.exec.identity.user == 0
    var base = absolutePath(source)
    base = source.hasSuffix("/.") || source == "." || source == ".." ? "" : String(base[base.index(after: base.lastIndex(of: "/") ?? base.startIndex)...])
    let (child, socket) = try beside(target) { (theirs) throws(SysError) in
      var path = try inside(target, destination)
      let root = try FileDescriptor.open("/", FileDescriptor.pathOnly | O_DIRECTORY)
      while path.hasSuffix("/") && path.utf8.count > 1 { path.removeLast() }
      let isFolder = optional { () throws(SysError) in
        try FileDescriptor.open2(path, at: root, FileDescriptor.pathOnly | O_DIRECTORY, resolve: .inRoot).raw } != nil
      if isFolder, !base.isEmpty { path += (path == "/" ? "" : "/") + base }
      path = String(path.drop { $0 == "/" })
      let sender = TreeSender(to: theirs)
      var receiver = TreeReceiver(root: root, top: path, options: options) { text in
        _ = optional { () throws(SysError) in try sender.say(.warning, text) }
      }
      try receiver.receive(TreeReader(theirs), shown: "/" + path)
      try sender.say(.end)
    }
    defer { for fd in [child, socket] { _ = close(fd) } }
    var cause: SysError?
    do throws(SysError) {
      let root = try FileDescriptor.open("/", FileDescriptor.pathOnly | O_DIRECTORY)
      // The last part of a local path is followed where it is a link to a folder and says so.
      try TreeSender(to: socket).send(absolutePath(source) + (source.hasSuffix("/") ? "/." : ""), in: root)
    } catch { cause = error }
    if let cause, cause.errno != EPIPE, cause.errno != ECONNRESET { throw Failure.error("\(cause.object): \(errnoText(cause.errno))") }
    let reader = TreeReader(socket)
    while true {
      let e = try reader.next()
      switch e.kind {
      case .end: return
      case .failure: throw failed(target, e.name)
      default: say(2, "warning: \(e.name)\n")
      }
    }
  }

  // MARK: out of the container

  private func out(_ target: RunningContainer, _ source: String, _ destination: String) throws {
    let (child, socket) = try beside(target) { (theirs) throws(SysError) in
      let path = try inside(target, source)
      let root = try FileDescriptor.open("/", FileDescriptor.pathOnly | O_DIRECTORY)
      do throws(SysError) { try TreeSender(to: theirs).send(path, in: root) } catch {
        throw SysError(call: error.call, object: "can't open '\(source)'", errno: error.errno)
      }
    }
    defer { for fd in [child, socket] { _ = close(fd) } }
    let reader = TreeReader(socket)
    let top = try reader.next()
    let path = absolutePath(destination)
    var options = TreeReceiver.Options()
    options.refusesOutwardLinks = true
    options.resolve = .beneath
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    let parent = slash == path.startIndex ? "/" : String(path[..<slash])
    switch top.kind {
    case .failure: throw failed(target, top.name)
    case .warning, .end: return say(2, "warning: \(top.name)\n")
    case .symlink: return say(2, "warning: skipping symlink: \"\(destination)\" -> \"\(top.link)\"\n")
    case .folder:
      // The user's own path is followed wherever it leads; what comes from the container stays beneath it.
      let isNew = !FileSystem.exists(path)
      try FileSystem.makeFolders(path)
      try receive(reader, FileDescriptor.open(path, FileDescriptor.pathOnly | O_DIRECTORY), destination, options, target)
      if isNew { _ = chmod(path, top.mode & 0o777) }
    case .file:
      try FileSystem.makeFolders(parent)
      let fd = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
      try reader.content(top.size) { (b) throws(SysError) in try writeAll(fd.raw, b) }
      _ = fchmod(fd.raw, top.mode & 0o777)
      var times = TreeReceiver.times(top)
      _ = futimens(fd.raw, &times)
      try receive(reader, FileDescriptor.open(parent, FileDescriptor.pathOnly | O_DIRECTORY), destination, options, target)
    }
  }

  private func receive(
    _ reader: TreeReader, _ root: consuming FileDescriptor, _ shown: String, _ options: TreeReceiver.Options, _ target: RunningContainer
  ) throws {
    var receiver = TreeReceiver(root: root, top: "", options: options) { say(2, "warning: \($0)\n") }
    do throws(SysError) { try receiver.receive(reader, shown: shown) } catch {
      if error.errno == ECANCELED, error.call.isEmpty { throw failed(target, error.object) }
      throw error
    }
  }
}
