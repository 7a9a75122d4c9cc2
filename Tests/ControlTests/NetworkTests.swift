// SPDX-License-Identifier: Apache-2.0
//
// The pure parts of the Pod's network and of its probes: names and resolv.conf, HTTP answers as they come in pieces, DNS messages, grpc.
import Control
import Kernel
import Manifest
import Supervisor
import Testing

@Suite struct PodNames {
  private func pod(_ spec: String, name: String = "web") -> Pod {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: \(name), namespace: ns}\nspec: {containers: [{name: a, image: busybox}], \(spec)}\n"
    return Pod(stored: Loader.load(Array(text.utf8), file: "x").objects[0].value)
  }

  @Test func hostnames() {
    #expect(PodFiles.hostname(pod("subdomain: sub"), machine: "m") == "web")
    #expect(PodFiles.hostname(pod("subdomain: sub, setHostnameAsFQDN: true"), machine: "m") == "web.sub.ns.svc.cluster.local")
    #expect(PodFiles.hostname(pod("setHostnameAsFQDN: true"), machine: "m") == "web")
    #expect(PodFiles.hostname(pod("hostNetwork: true"), machine: "m") == "m")
    #expect(PodFiles.hostname(pod("hostnameOverride: a.b.example"), machine: "m") == "a.b.example")
    #expect(PodFiles.hosts(pod("hostnameOverride: a.b.example, subdomain: sub"), podIPs: ["10.1.2.3"], nodeHosts: "").hasSuffix("\n10.1.2.3\ta.b.example\n"))
    // 63 bytes, and no dash at the end
    let long = String(repeating: "a", count: 62) + "-" + String(repeating: "b", count: 20)
    #expect(PodFiles.hostname(pod("", name: long), machine: "m") == String(repeating: "a", count: 62))
  }

  @Test func aWholeNameHas64BytesAtMost() {
    let name = String(repeating: "a", count: 40)
    let fits = pod("subdomain: b, setHostnameAsFQDN: true", name: name)  // 40 + .b.ns.svc.cluster.local (23)
    #expect(PodFiles.hostnameProblem(fits) == nil)
    let long = pod("subdomain: bcd, setHostnameAsFQDN: true", name: name)
    #expect(
      PodFiles.hostnameProblem(long)
        == "failed to construct FQDN from pod hostname and cluster domain, FQDN \(name).bcd.ns.svc.cluster.local is too long (64 characters is the max, 65 characters requested)")
    #expect(PodFiles.hostnameProblem(pod("subdomain: bcd", name: name)) == nil)
  }

  private let node = "# comment\nnameserver 192.0.2.1\nsearch one.example two.example.\noptions ndots:2 timeout:1\noptions rotate\n"

  @Test func policiesOfDNS() {
    let plain = PodDNS(pod("dnsPolicy: Default"), node: node)
    #expect(plain.text == "search one.example two.example\nnameserver 192.0.2.1\noptions ndots:2 timeout:1 rotate\n" && plain.warnings.isEmpty)
    let cluster = PodDNS(pod(""), node: node)
    #expect(cluster.text == plain.text && cluster.warnings.isEmpty)
    #expect(PodDNS(pod("hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet"), node: node).text == plain.text)
    #expect(PodDNS(pod("dnsPolicy: None, dnsConfig: {nameservers: [\"192.0.2.9\"]}"), node: node).text == "nameserver 192.0.2.9\n")
  }

  @Test func dnsConfigIsMergedIn() {
    let spec = "dnsPolicy: Default, dnsConfig: {nameservers: [\"192.0.2.1\", \"192.0.2.2\"], searches: [two.example, three.example], options: [{name: ndots, value: \"5\"}, {name: edns0}]}"
    #expect(
      PodDNS(pod(spec), node: node).text
        == "search one.example two.example three.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions ndots:5 timeout:1 rotate edns0\n")
  }

  @Test func whatIsTooMuchIsLeftOutAndTold() {
    let four = (1...4).map { "nameserver 192.0.2.\($0)\n" }.joined()
    let servers = PodDNS(pod("dnsPolicy: Default"), node: four)
    #expect(servers.servers == ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
    #expect(
      servers.warnings.map(\.message)
        == ["Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3"])
    let many = PodDNS(pod("dnsPolicy: Default"), node: "search " + (1...33).map { "s\($0).example" }.joined(separator: " "))
    #expect(many.searches.count == 32 && many.warnings.map(\.reason) == ["DNSConfigForming"])
    let long = String(repeating: "x", count: 200)
    let wide = PodDNS(pod("dnsPolicy: Default"), node: "search " + (1...12).map { "\(long)\($0)" }.joined(separator: " "))
    #expect(wide.searches.joined(separator: " ").utf8.count <= 2048 && wide.searches.count == 10)
  }

  @Test func aStubOnTheLoopbackIsNotForPods() {
    #expect(PodDNS.nodeFile("nameserver 127.0.0.53\n", resolved: "nameserver 192.0.2.1\n") == "nameserver 192.0.2.1\n")
    #expect(PodDNS.nodeFile("nameserver 127.0.0.53\nnameserver 192.0.2.2\n", resolved: "x").hasPrefix("nameserver 127"))
    #expect(PodDNS.nodeFile("nameserver 127.0.0.53\n", resolved: nil).hasPrefix("nameserver 127"))
  }
}

@Suite struct NetworkBytes {
  @Test func onlyTheLastOfABatchIsAcknowledged() {
    let up = NetlinkMessage.setUp(2)
    let both = NetlinkMessage.batch([up, up])
    #expect(both.count == 2 * up.count && both[6] & 4 == 0 && both[up.count + 6] & 4 == 4)
    #expect(NetlinkMessage.batch([up]) == up)
  }

  @Test func bothAddressesOfAPodHaveTheSameNumber() throws {
    let network = Instance.Network(bridge: 1, first: 10 << 24 | 200 << 16, six: [0xfd, 1, 2, 3, 4, 5, 6, 7])
    #expect(network.gateway6?.description == "fd01:203:405:607::1")
    #expect(network.address6(of: IPAddress(v4: network.first + 258))?.description == "fd01:203:405:607::102")
    #expect(Instance.Network(bridge: 1, first: 0).address6(of: IPAddress(v4: 5)) == nil)
  }
}

@Suite struct ProbeBytes {
  /// Feeds it byte by byte, as a slow server would send it.
  private func read(_ text: String) -> (HTTPAnswer, [HTTPAnswer.Step]) {
    var answer = HTTPAnswer()
    var steps: [HTTPAnswer.Step] = []
    for byte in text.utf8 {
      var step = answer.receive([byte])
      if step == .head {
        steps.append(step)
        step = answer.proceed()
      }
      if step != .more {
        steps.append(step)
        break
      }
    }
    return (answer, steps)
  }

  @Test func answersComeInPieces() {
    let (a, s) = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, more")
    #expect(s == [.head, .complete] && a.status == 200 && a.body == Array("hello".utf8))
    let (c, t) = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
    #expect(t == [.head, .complete] && c.status == 302 && c.location == "/x" && c.body == Array("abcde".utf8))
    let (e, u) = read("HTTP/1.0 204 No Content\n\n")
    #expect(u == [.head, .complete] && e.status == 204)
    let (g, v) = read("HTTP/1.0 200 OK\r\n\r\nuntil the end")
    #expect(v == [.head] && g.whyIncomplete() == nil && g.body == Array("until the end".utf8))
  }

  @Test func answersThatAreNone() {
    #expect(read("SSH-2.0-x\r\n\r\n").1 == [.malformed("malformed HTTP response \"SSH-2\"")])
    #expect(read("HTTP/1.1 abc\r\n\r\n").1 == [.malformed("malformed HTTP status code \"abc\"")])
    #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort").0.whyIncomplete() == "unexpected EOF")
    #expect(read("HTTP/1.1 200").0.whyIncomplete() == "EOF")
    let big = read("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 20000))
    #expect(big.1 == [.head, .complete] && big.0.body.count == HTTPAnswer.bodyLimit)
  }

  @Test func questionsAndAnswersOfNames() throws {
    let q = try #require(DNSMessage.question("web.example", .a, id: 0x1234))
    #expect(Array(q[..<29]) == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3] + Array("web".utf8) + [7] + Array("example".utf8) + [0, 0, 1, 0, 1])
    let head: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0] + q[12..<29]
    let alias: [UInt8] = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 16]
    let address: [UInt8] = [0xc0, 16, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]
    #expect(DNSMessage.answer(head + alias + address, to: q) == .init(code: 0, addresses: [IPAddress(v4: 0xc000_0207)]))
    var cut = head
    cut[2] |= 2
    #expect(DNSMessage.answer(cut, to: q)?.isCut == true && DNSMessage.answer(head + alias + address, to: q)?.isCut == false)
    #expect(DNSMessage.unframed(DNSMessage.framed(head)) == head && DNSMessage.unframed(DNSMessage.framed(head) + [1, 2]) == head)
    #expect(DNSMessage.unframed(Array(DNSMessage.framed(head).dropLast())) == nil && DNSMessage.unframed([0]) == nil)
    var other = head
    other[1] = 0x35
    #expect(DNSMessage.answer(other + alias + address, to: q) == nil, "another question's")
    #expect(DNSMessage.answer(Array(head.prefix(20)), to: q) == nil)
    for cut in 0..<(head + alias + address).count { _ = DNSMessage.answer(Array((head + alias + address).prefix(cut)), to: q) }
    #expect(DNSMessage.question("a..b", .a, id: 1) == nil && DNSMessage.question(String(repeating: "x", count: 64), .a, id: 1) == nil)
  }

  @Test func resolversAskInOrder() {
    let c = ResolverConfig("nameserver 192.0.2.1\nnameserver ::1\nsearch a.example b.example.\noptions ndots:2 timeout:3 attempts:4\n")
    #expect(c.servers.map(\.description) == ["192.0.2.1", "::1"] && c.timeout == 3 && c.attempts == 4)
    #expect(c.candidates("web") == ["web.a.example", "web.b.example", "web"])
    #expect(c.candidates("x.y.z") == ["x.y.z", "x.y.z.a.example", "x.y.z.b.example"])
    #expect(c.candidates("web.") == ["web"])
    #expect(ResolverConfig("").servers.map(\.description) == ["127.0.0.1"])
    #expect(HostsFile.addresses("WEB", in: "::2 web\n192.0.2.5 other web # web2\n").map(\.description) == ["192.0.2.5", "::2"])
    #expect(HostsFile.addresses("localhost", in: "").map(\.description) == ["127.0.0.1"])
  }

  @Test func aHealthCallWithoutASpeakerOfHTTP2() throws {
    let call = try GRPCHealth(authority: "192.0.2.1:5000", service: "x")
    #expect(call.outgoing().starts(with: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)))
    guard case .broken = call.receive(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) else {
      Issue.record("plain HTTP was taken for HTTP/2")
      return
    }
    #expect(!call.hasGreeting)
  }

  @Test func aHealthCallEndsWithItsTrailers() throws {
    let call = try GRPCHealth(authority: "192.0.2.1:5000", service: "")
    _ = call.outgoing()
    #expect(call.receive([0, 0, 0, 4, 0, 0, 0, 0, 0]) == .more && call.hasGreeting)
    // :status 200 by index; then the message SERVING; then grpc-status 0, Huffman-coded as real servers do ("grpc-status": 9a ca c8 b2 12 34 da 8f)
    #expect(call.receive([0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]) == .more)
    #expect(call.receive([0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 8, 1]) == .more)
    let trailers: [UInt8] = [0x40, 0x88, 0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f, 0x01, 0x30]
    #expect(call.receive([0, 0, UInt8(trailers.count), 1, 5, 0, 0, 0, 1] + trailers) == .status(1))
  }
}
