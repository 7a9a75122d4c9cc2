// SPDX-License-Identifier: Apache-2.0
//
// Debian's packages by this machine's apt: its sources, keys, pins and proxies. apt resolves, fetches and proves; nothing is installed, and nothing of
// the machine's own apt is written to, so an ordinary user may do it.
import Glibc
import Kernel

final class Apt {
  /// A package's file, as apt names it.
  struct Archive {
    /// NAME_VERSION_ARCH.deb, with the colon of an epoch as %3a.
    var file: String
    var size: Int64
    var sha256: String
    var package: String { String(file.prefix { $0 != "_" }) }
  }

  /// Keeps archives, package lists and apt's cache: one for all images of a user.
  let folder: String
  private let lock: FileLock
  private var usesOwnLists: Bool

  private var archives: String { folder + "/archives" }
  private var ownLists: String { folder + "/lists" }

  func path(_ a: Archive) -> String { "\(archives)/\(a.file)" }

  /// Waits while another build fetches.
  init(folder: String) throws(Failure) {
    self.folder = folder
    guard Self.program("apt-get") != nil else {
      throw Failure("there is no apt-get here: recipes are built from Debian's packages. Import an image instead: podctl image import FILE.tar")
    }
    do throws(SysError) {
      for f in ["archives/partial", "lists/partial", "none/partial"] { try FileSystem.makeFolders("\(folder)/\(f)") }
      lock = try FileLock(folder + "/lock")
      usesOwnLists = try Self.date(of: folder + "/lists") > (try Self.date(of: "/var/lib/apt/lists"))
    } catch { throw Failure(error.during("opening the packages' folder")) }
  }

  /// Of the newest package list in a folder, nanoseconds since 1970; 0 where there is none.
  private static func date(of folder: String) throws(SysError) -> Int64 {
    guard FileSystem.isFolder(folder) else { return 0 }
    var newest: Int64 = 0
    for name in try FileSystem.list(folder) where name.contains("_Packages") { newest = max(newest, try FileSystem.info("\(folder)/\(name)").modified) }
    return newest
  }

  private static func program(_ name: String) -> String? { ["/usr/bin/\(name)", "/bin/\(name)"].first(where: FileSystem.exists) }

  /// What is missing of packages and what they need, given the packages that are there (a dpkg status file), fetched and proved. Where this machine's
  /// lists are missing or older than the archive, it is done once again with fresh lists of our own.
  func fetch(_ packages: [String], status: [UInt8], progress: BuildProgress) throws(Failure) -> [Archive] {
    do throws(Failure) { return try attempt(packages, status, progress) } catch {
      progress.phase(said("reading package lists", "读取软件包列表"))
      do throws(Failure) { try update() } catch let second { throw Failure("\(error)\nand the package lists cannot be renewed: \(second)") }
    }
    return try attempt(packages, status, progress)
  }

  private func attempt(_ packages: [String], _ status: [UInt8], _ progress: BuildProgress) throws(Failure) -> [Archive] {
    progress.phase(said("resolving packages", "确定需要的软件包"))
    let list = try resolve(packages, status)
    let missing = list.filter { a in
      do throws(SysError) { return try FileSystem.info(path(a)).size != a.size } catch { return true }
    }
    if !missing.isEmpty { try download(packages, count: missing.count, size: missing.reduce(0) { $0 + $1.size }, progress) }
    for a in list { try prove(a) }
    removeOlder(list)
    return list
  }

  /// Other versions of what was fetched: the archive has them no more.
  private func removeOlder(_ list: [Archive]) {
    func kind(_ file: String) -> String {
      let parts = file.split(separator: "_")
      return "\(parts.first ?? "") \(parts.last ?? "")"
    }
    let now = Dictionary(list.map { (kind($0.file), $0.file) }, uniquingKeysWith: { $1 })
    let names = optional { () throws(SysError) in try FileSystem.list(archives) } ?? []
    for name in names where name.hasSuffix(".deb") && now[kind(name)] != nil && now[kind(name)] != name { _ = unlink("\(archives)/\(name)") }
  }

  private func prove(_ a: Archive) throws(Failure) {
    let digest = try Digest()
    do throws(SysError) {
      let fd = try FileDescriptor.open(path(a), O_RDONLY)
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
      defer { room.deallocate() }
      while let n = try readSome(fd.raw, into: room), n > 0 { digest.add(UnsafeRawBufferPointer(rebasing: room[..<n])) }
    } catch { throw Failure(error.during("reading a package")) }
    if digest.finish() == a.sha256 { return }
    _ = unlink(path(a))
    throw Failure("\(a.file): not the SHA-256 that the package list gives; it was removed, try again")
  }

  private func resolve(_ packages: [String], _ status: [UInt8]) throws(Failure) -> [Archive] {
    do throws(SysError) { try FileSystem.write(folder + "/status", status) } catch { throw Failure(error) }
    let said = try run(
      ["--print-uris", "-o", "Acquire::ForceHash=SHA256", "-o", "Dir::Cache::archives=\(folder)/none/", "install", "--"] + packages, during: "resolving packages")
    var out: [Archive] = []
    for line in said.split(separator: "\n") where line.hasPrefix("'") {
      let w = line.split(separator: " ").map(String.init)
      guard w.count >= 4, let size = Int64(w[w.count - 2]), w[w.count - 1].hasPrefix("SHA256:"), !w[w.count - 3].contains("/") else {
        throw Failure("apt-get gives no size and SHA-256 for a package: \(line)")
      }
      out.append(Archive(file: w[w.count - 3], size: size, sha256: String(w[w.count - 1].dropFirst(7))))
    }
    return out.sorted { Array($0.file.utf8).lexicographicallyPrecedes(Array($1.file.utf8)) }
  }

  private func download(_ packages: [String], count: Int, size: Int64, _ progress: BuildProgress) throws(Failure) {
    progress.begin(said("fetching", "下载"), packages: count, bytes: size)
    _ = try run(["--download-only", "-o", "Dir::Cache::archives=\(archives)/", "-o", "APT::Status-Fd=3", "install", "--"] + packages, during: "fetching packages") { line in
      // dlstatus:ITEM:PERCENT:WORDS
      let f = line.split(separator: ":", maxSplits: 3)
      guard f.count >= 3, f[0] == "dlstatus", let item = Int(f[1]), let percent = Double(f[2]) else { return }
      progress.at(packages: item, bytes: Int64(Double(size) * percent / 100))
    }
    progress.at(packages: count, bytes: size)
  }

  private func update() throws(Failure) {
    usesOwnLists = true
    _ = try run(["-o", "APT::Update::Error-Mode=any", "update"], during: "reading package lists")
  }

  // MARK: running apt-get

  private func settings() throws(Failure) -> String {
    var text = """
      #clear APT::Update::Pre-Invoke;
      #clear APT::Update::Post-Invoke;
      #clear APT::Update::Post-Invoke-Success;
      #clear APT::Architectures;
      APT::Architectures { "\(RecipeBuilder.architecture)"; };
      #clear DPkg::Pre-Install-Pkgs;
      #clear DPkg::Post-Invoke;
      Dir::State::status "\(folder)/status";
      Dir::State::extended_states "\(folder)/extended_states";
      Dir::Cache "\(folder)";
      Dir::Cache::pkgcache "\(folder)/pkgcache.bin";
      Dir::Cache::srcpkgcache "";
      Dir::Log "\(folder)";
      APT::Install-Recommends "false";
      APT::Install-Suggests "false";
      APT::Get::Assume-Yes "true";
      APT::Get::List-Cleanup "true";
      APT::Sandbox::User "";
      Acquire::Languages "none";
      Acquire::Retries "3";
      Debug::NoLocking "true";
      quiet "2";

      """
    if usesOwnLists { text += "Dir::State::lists \"\(ownLists)\";\n" }
    let path = folder + "/apt.conf"
    do throws(SysError) { try FileSystem.write(path, text) } catch { throw Failure(error) }
    return path
  }

  /// Returns what it printed. status: called with each line of descriptor 3.
  private func run(_ arguments: [String], during step: String, status: ((Substring) -> Void)? = nil) throws(Failure) -> String {
    let settings = try settings()
    let (out, err) = (folder + "/apt.out", folder + "/apt.err")
    do throws(SysError) {
      let pipe = try FileDescriptor.pipe()
      var environment = ["LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
      for name in ["HOME", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "APT_CONFIG"] {
        if let value = getenv(name) { environment.append("\(name)=\(String(cString: value))") }
      }
      var plan = SpawnPlan(.paths([Self.program("apt-get") ?? "/usr/bin/apt-get"]), ["apt-get", "-c", settings] + arguments, environment: environment)
      plan.steps = [
        .init(.deathSignal(SIGTERM)), .init(.open("/dev/null", flags: O_RDONLY, as: 0)),
        .init(.open(out, flags: O_WRONLY | O_CREAT | O_TRUNC, as: 1)), .init(.open(err, flags: O_WRONLY | O_CREAT | O_TRUNC, as: 2)),
        .init(.duplicate(from: pipe.write.raw, to: 3)), .init(.closeFrom(4, atExec: true)), .init(.umask(0o022)),
      ]
      let child = try plan.spawn()
      let (readEnd, writeEnd) = pipe.ends()
      _ = close(writeEnd)
      let reader = FileDescriptor(owning: readEnd)
      var line = ""
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
      defer { room.deallocate() }
      while let n = try readSome(reader.raw, into: room), n > 0 {
        line += String(decoding: UnsafeRawBufferPointer(rebasing: room[..<n]), as: UTF8.self)
        while let end = line.firstIndex(of: "\n") {
          status?(line[..<end])
          line = String(line[line.index(after: end)...])
        }
      }
      let code = try child.wait()
      if code.code == 0 { return try FileSystem.readText(out) }
      throw SysError(step: step, call: "execve", object: "apt-get", errno: EIO, hint: Self.reason(try FileSystem.readText(err), code.code))
    } catch {
      if error.errno == EIO, let hint = error.hint { throw Failure("\(step): \(hint)") }
      throw Failure(error.during(step))
    }
  }

  /// apt's own errors, without their mark; the first three of many.
  private static func reason(_ text: String, _ code: Int32) -> String {
    let errors = text.split(separator: "\n").filter { $0.hasPrefix("E: ") }.map { $0.dropFirst(3) }
    if errors.isEmpty { return "apt-get ended with \(code)" }
    let more = errors.count > 3 ? " (and \(errors.count - 3) more errors)" : ""
    return "apt-get: " + errors.prefix(3).joined(separator: "; ") + more
  }
}
