// SPDX-License-Identifier: Apache-2.0
//
// A WAR, and an image that holds nothing else: made here byte by byte, so that one sees what they are. A WAR is a zip file with a web application in it;
// an image is a tar with layers (tars themselves), a configuration, and a list that names both (docker save's form, which `podctl image import` takes).
import LabKit
import Manifest

enum WarImage {
  // MARK: the web application

  /// The page: a program in Java, compiled by Tomcat when it is first asked for.
  static func page(_ version: String) -> String {
    """
    <%@ page contentType="text/plain" %><%! static final long compiled = System.currentTimeMillis(); %>sample \(version)
    compiled <%= new java.util.Date(compiled).toInstant() %>
    as <%= getClass().getName() %>
    by <%= application.getServerInfo() %>

    """
  }

  /// Files → zip, stored and not compressed (APPNOTE.TXT, 4.3).
  static func zip(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    func little(_ n: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: n >> ($0 * 8)) } }
    var out: [UInt8] = [], directory: [UInt8] = []
    for f in files {
      let name = Array(f.name.utf8)
      // Version 1.0, no flags, stored, 1 January 2026.
      let common = little(10, 2) + little(0, 2) + little(0, 2) + little(0, 2) + little((46 << 9) | (1 << 5) | 1, 2)
        + little(Int(crc32(f.bytes)), 4) + little(f.bytes.count, 4) + little(f.bytes.count, 4) + little(name.count, 2) + little(0, 2)
      directory += little(0x0201_4b50, 4) + little(10, 2) + common + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(out.count, 4) + name
      out += little(0x0403_4b50, 4) + common + name + f.bytes
    }
    let start = out.count
    return out + directory + little(0x0605_4b50, 4) + little(0, 4) + little(files.count, 2) + little(files.count, 2) + little(directory.count, 4)
      + little(start, 4) + little(0, 2)
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var c: UInt32 = 0xFFFF_FFFF
    for b in bytes {
      c ^= UInt32(b)
      for _ in 0..<8 { c = c & 1 == 1 ? c >> 1 ^ 0xEDB8_8320 : c >> 1 }
    }
    return ~c
  }

  // MARK: the image

  /// Files → tar (ustar, POSIX.1-1988).
  static func tar(_ files: [(name: String, bytes: [UInt8], mode: Int)]) -> [UInt8] {
    var out: [UInt8] = []
    for f in files {
      var head = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, _ at: Int) { for (i, b) in text.utf8.enumerated() { head[at + i] = b } }
      func octal(_ n: Int, _ digits: Int) -> String {
        let text = String(n, radix: 8)
        return String(repeating: "0", count: digits - text.count) + text
      }
      put(f.name, 0)
      put(octal(f.mode, 7), 100)
      put(octal(0, 7), 108)
      put(octal(0, 7), 116)
      put(octal(f.bytes.count, 11), 124)
      put(octal(0, 11), 136)
      put("        ", 148)
      put("0", 156)
      put("ustar", 257)
      put("00", 263)
      put(octal(head.reduce(0) { $0 + Int($1) }, 6), 148)
      head[154] = 0
      out += head + f.bytes + [UInt8](repeating: 0, count: (512 - f.bytes.count % 512) % 512)
    }
    return out + [UInt8](repeating: 0, count: 1024)
  }

  /// An image by its name, as `docker save` would write it: the WAR, and a program that can copy it.
  static func archive(_ name: String, _ version: String, copier: [UInt8]) -> [UInt8] {
    let war = zip([("index.jsp", Array(page(version).utf8)), ("WEB-INF/web.xml", Array("<web-app version=\"6.0\" xmlns=\"https://jakarta.ee/xml/ns/jakartaee\"/>".utf8))])
    let layer = tar([("bin/cp", copier, 0o755), ("bin/sh", copier, 0o755), ("sample.war", war, 0o644)])
    let digest = TokenProof.sha256(layer).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #if arch(arm64)
      let architecture = "arm64"
    #else
      let architecture = "amd64"
    #endif
    let config = Value.object([
      ("architecture", .string(architecture)), ("os", .string("linux")),
      ("config", .object([("Cmd", .strings(["/bin/cp", "/sample.war", "/app"])), ("Env", .strings(["PATH=/bin"]))])),
      ("rootfs", .object([("type", .string("layers")), ("diff_ids", .strings(["sha256:" + digest]))])),
    ])
    let list = Value.array([.object([("Config", .string("config.json")), ("RepoTags", .strings([name])), ("Layers", .strings(["layer.tar"]))])])
    return tar([
      ("manifest.json", JSON.compactBytes(list), 0o644), ("config.json", JSON.compactBytes(config), 0o644), ("layer.tar", layer, 0o644),
    ])
  }
}
