// SPDX-License-Identifier: Apache-2.0
//
// One run of the helper podlab-image for somebody who cannot wait: a request goes into a socket as one line of JSON (so that no password stands on a
// command line), the answer comes back as lines of JSON, the last of which tells how it ended.
//
//   → {"verb": "pull", "reference": R, "store": DIR, "certificates": [DIR…], "credentials": [{…}…], "isThere": BOOL}
//   → {"verb": "build", "recipe": NAME, "store": DIR}
//   ← {"waiting": true}                                  somebody else is at the same image
//   ← {"done": true, "took": NS, "tookWithWaiting": NS}  or {"error": TEXT}
import Glibc
import Kernel
import Manifest

/// How the helper is reached: started from here, or by the process that has the user's own network (podlab-outside), at its socket.
public enum ImageHelper: Sendable, Equatable {
  case program(String)
  case socket(String)
}

/// What a pull may use.
public struct ImageSources: Sendable, Equatable {
  /// Folders with registries' certificates: HOST[:PORT]/ca.crt and so on.
  public var certificates: [String]
  public var credentials: RegistryCredentials
  public init(certificates: [String] = [], credentials: RegistryCredentials = .init()) { (self.certificates, self.credentials) = (certificates, credentials) }
}

public struct ImageJob: Sendable {
  public enum Work: Sendable, Equatable {
    case build(Recipe)
    case pull
  }
  public let store: ImageStore
  public let reference: ImageReference
  public let work: Work
  /// An image of this name is here: what the registry has now is wanted.
  let isThere: Bool
  /// False where the image counts as one that is there.
  public var isPull = true
  /// What helps where the pull fails.
  var remedy = ""
  let started: Int64

  /// No answer is longer.
  public static let limit = 1 << 16

  /// The helper at work: read `answer` to its end, reap the child, then ask `outcome`. Who closes the socket early gives the work up.
  public struct Run: ~Copyable {
    public let answer: FileDescriptor
    /// pidfd; nil where another process is the parent.
    public let child: Int32?

    /// Both, owned by the caller from now on.
    public consuming func ends() -> (answer: Int32, child: Int32?) {
      let c = child
      return (answer.release(), c)
    }
  }

  public func start(_ helper: ImageHelper, _ sources: ImageSources) throws(SysError) -> Run {
    let request = JSON.compactBytes(value(sources)) + [10]
    switch helper {
    case .socket(let path):
      do throws(SysError) {
        let socket = try UnixSocket.connect(path)
        try Self.send(request, socket.raw)
        return Run(answer: socket, child: nil)
      } catch {
        throw error.during(
          "reaching the user's own network", hint: "the process that serves it for this instance has ended: any podctl verb on a pod starts it again")
      }
    case .program(let path):
      let ends = try UnixSocket.pair().ends()
      let ours = FileDescriptor(owning: ends.0)
      let theirs = FileDescriptor(owning: ends.1)
      var plan = SpawnPlan(.paths([path]), ["podlab-image", "serve"], environment: Self.environment())
      plan.steps = [
        .init(.duplicate(from: theirs.raw, to: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: 0, to: 2)),
        .init(.closeFrom(3, atExec: true)), .init(.umask(0o022)),
      ]
      do throws(SysError) {
        let child = try plan.spawn()
        try Self.send(request, ours.raw)
        return Run(answer: ours, child: child.release())
      } catch { throw error.during("starting the image helper") }
    }
  }

  /// Without SIGPIPE where the helper has ended already: its answer, or the lack of one, tells why.
  private static func send(_ bytes: [UInt8], _ socket: Int32) throws(SysError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let n = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if n >= 0 { rest = rest.dropFirst(n) } else if errno == EPIPE { return } else if errno != EINTR {
        throw SysError(call: "send", object: "podlab-image", errno: errno)
      }
    }
  }

  /// What came so far; nil: nothing more will. The socket is ready to be read.
  public static func read(_ answer: Int32) throws(SysError) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    do throws(SysError) {
      var failure: SysError?
      let n = buffer.withUnsafeMutableBytes { b -> Int? in
        do throws(SysError) { return try readSome(answer, into: b) } catch {
          failure = error
          return nil
        }
      }
      if let failure { throw failure }
      return n == 0 ? nil : Array(buffer[..<(n ?? 0)])
    } catch where error.errno == ECONNRESET { return nil }
  }

  /// What the helper needs of ours: where programs are, and how the world outside is reached.
  public static func environment() -> [String] {
    ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"] + passedVariables
  }

  /// Proxies and certificates, as libcurl and OpenSSL know them, and where recipes keep packages. NAME=value.
  public static var passedVariables: [String] {
    let names = ["PODLAB_PACKAGES", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE"]
    return names.compactMap { (name: String) -> String? in getenv(name).map { "\(name)=\(String(cString: $0))" } }
  }

  private func value(_ sources: ImageSources) -> Value {
    switch work {
    case .build(let recipe): return .object([("verb", .string("build")), ("recipe", .string(recipe.rawValue)), ("store", .string(store.root))])
    case .pull:
      return .object([
        ("verb", .string("pull")), ("reference", .string("\(reference)")), ("store", .string(store.root)), ("certificates", .strings(sources.certificates)),
        ("credentials", sources.credentials.value), ("isThere", .bool(isThere)),
      ])
    }
  }

  /// What came of it, from the whole answer.
  public func outcome(_ answer: [UInt8]) -> ImageOutcome {
    var said: [String] = []
    for line in answer.split(separator: 10) {
      guard let v = Self.json(Array(line)) else {
        said.append(String(decoding: line, as: UTF8.self))
        continue
      }
      if let text = v["error"]?.string { return failed(text) }
      guard v["done"]?.bool == true else { continue }
      do throws(ImageError) {
        guard let image = try store.resolve(reference) else { return failed("the image helper left nothing in \(store.root)") }
        if !isPull { return .present(image) }
        let all = Clock.monotonic - started
        return .pulled(image, took: v["took"]?.int ?? all, tookWithWaiting: max(all, v["took"]?.int ?? 0))
      } catch { return failed("\(error)") }
    }
    return failed(said.isEmpty ? "the image helper ended without an answer" : said.joined(separator: "; "))
  }

  private static func json(_ bytes: [UInt8]) -> Value? {
    do throws(JSON.Malformed) { return try JSON.parse(bytes) } catch { return nil }
  }

  public func failed(_ why: String) -> ImageOutcome {
    .failed(reason: "ErrImagePull", message: "failed to pull and unpack image \"\(reference)\": \(why)\(remedy)")
  }
}
