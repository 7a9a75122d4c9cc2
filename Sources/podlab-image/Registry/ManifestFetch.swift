// SPDX-License-Identifier: Apache-2.0
//
// From a name to the one manifest that this machine wants: by tag or digest, through an index. Every byte is checked against the digest that led to it.
import Images
import Kernel
import Manifest

/// A manifest as it came.
struct FetchedManifest {
  var bytes: [UInt8]
  var mediaType: String
  var value: Value
  /// Of these bytes.
  var digest: String
  /// What the registry knows the name by: the index's, where there is one.
  var knownDigest: String
  /// The platform that the index names; nil where there was no index.
  var platform: Platform?
}

struct ManifestFetch {
  let registry: Registry
  let platform: Platform
  private static let accept = [MediaType.manifest, MediaType.index, MediaType.dockerManifest, MediaType.dockerIndex].map { "Accept: \($0)" } + ["Accept: */*"]
  /// containerd's limit.
  private static let limit = 4 << 20

  private var reference: ImageReference { registry.reference }

  /// What the name stands for in the registry.
  func digest() throws(RegistryError) -> String {
    if let digest = reference.digest { return digest }
    let what = "manifests/\(reference.tag ?? "latest")"
    do throws(RegistryError) {
      let head = try registry.send("HEAD", what, headers: Self.accept, accepts: [200])
      // Registries that keep it to themselves: the digest of what they give.
      guard let digest = head.header("docker-content-digest"), ImageStore.isDigest(digest) else { return try get(what, expecting: nil).digest }
      return digest
    } catch { throw resolving(error) }
  }

  private func resolving(_ e: RegistryError) -> RegistryError {
    var e = e
    e.description = "failed to resolve reference \"\(reference)\": " + (e.status == 404 ? "\(reference): not found" : e.description)
    return e
  }

  /// The manifest of an image that runs here.
  func manifest(of digest: String) throws(RegistryError) -> FetchedManifest {
    var fetched: FetchedManifest
    do throws(RegistryError) { fetched = try get("manifests/\(digest)", expecting: digest) } catch { throw resolving(error) }
    var seen = [digest]
    while MediaType.isIndex(fetched.mediaType) {
      let entries = fetched.value["manifests"]?.array ?? []
      guard let entry = platform.choose(from: entries), let next = entry["digest"]?.string else {
        let there = entries.compactMap { Platform($0["platform"]).map { "\($0)" } }.filter { !$0.hasPrefix("unknown") }
        throw RegistryError(
          description: "no match for platform in manifest: not found (this is \(platform); there is \(there.isEmpty ? "none" : there.joined(separator: ", ")))")
      }
      guard ImageStore.isDigest(next) else { throw RegistryError(description: "the index \(seen.last ?? "") names the digest \(next), which is no SHA-256") }
      if seen.contains(next) { throw RegistryError(description: "the index \(next) leads back to itself") }
      if seen.count > 4 { throw RegistryError(description: "the index \(digest) leads from index to index, more than 4 deep") }
      seen.append(next)
      fetched = try get("manifests/\(next)", expecting: next, size: entry["size"]?.int)
      fetched.platform = Platform(entry["platform"])
    }
    fetched.knownDigest = digest
    guard MediaType.isManifest(fetched.mediaType) else {
      throw RegistryError(description: "\(reference) is no container image: its manifest is of type \(fetched.mediaType)")
    }
    return fetched
  }

  private func get(_ what: String, expecting digest: String?, size: Int64? = nil) throws(RegistryError) -> FetchedManifest {
    let answer = try registry.send("GET", what, headers: Self.accept, accepts: [200])
    let found: String
    do throws(Failure) { found = "sha256:" + (try Digest.of(answer.body)) } catch { throw RegistryError(description: error.description) }
    if let digest, found != digest { throw RegistryError(description: "the registry answered for \(digest) with content of digest \(found)") }
    if let size, size != Int64(answer.body.count) {
      throw RegistryError(description: "the manifest \(found) has \(answer.body.count) bytes, its index says \(size)")
    }
    guard let value = Registry.json(answer.body), value.members != nil else {
      throw RegistryError(description: "the manifest \(found) of \(reference) is not a JSON object")
    }
    let said = answer.header("content-type").map { String($0.prefix { $0 != ";" && $0 != " " }) } ?? ""
    let type = value["mediaType"]?.string ?? (MediaType.isIndex(said) || MediaType.isManifest(said) ? said : Self.guess(value) ?? said)
    if value["schemaVersion"]?.int == 1 {
      throw RegistryError(description: "\(reference) has a manifest of Docker's schema 1, which no runtime takes any more: push the image anew")
    }
    return FetchedManifest(bytes: answer.body, mediaType: type, value: value, digest: found, knownDigest: found, platform: nil)
  }

  private static func guess(_ v: Value) -> String? { v["manifests"] != nil ? MediaType.index : v["layers"] != nil && v["config"] != nil ? MediaType.manifest : nil }

  /// A small blob into memory, checked.
  func blob(_ d: Value?, _ what: String, limit: Int64) throws(RegistryError) -> [UInt8] {
    guard let digest = d?["digest"]?.string, ImageStore.isDigest(digest), let size = d?["size"]?.int, size >= 0 else {
      throw RegistryError(description: "the manifest names no \(what)")
    }
    if size > limit { throw RegistryError(description: "the \(what) has \(size) bytes, more than the \(limit) that are read") }
    do throws(RegistryError) {
      let answer = try registry.send("GET", "blobs/\(digest)", accepts: [200])
      let found: String
      do throws(Failure) { found = "sha256:" + (try Digest.of(answer.body)) } catch { throw RegistryError(description: error.description) }
      guard found == digest, Int64(answer.body.count) == size else {
        throw RegistryError(description: "the registry answered for \(digest) with \(answer.body.count) bytes of digest \(found)")
      }
      return answer.body
    } catch {
      var e = error
      e.description = "failed to copy the \(what): " + (e.status == 404 ? "\(digest): not found" : e.description)
      throw e
    }
  }
}
