// SPDX-License-Identifier: Apache-2.0
//
// What is decided about registries without one: whose credentials are shown, what a challenge says, which image of an index runs here.
import Images
import Manifest
import Testing

private func reference(_ text: String) throws -> ImageReference { try ImageReference(parsing: text) }

@Suite struct Credentials {
  private func read(_ text: String) throws -> RegistryCredentials {
    var all = RegistryCredentials()
    try all.add(file: Array(text.utf8))
    return all
  }

  @Test func theLongestKeyComesFirst() throws {
    let all = try read(
      #"{"auths": {"reg.example": {"auth": "YTox"}, "reg.example/team": {"auth": "YjoyOjM="}, "other.example": {"auth": "YzozCg=="}}}"#)
    #expect(all.matching(try reference("reg.example/team/app:1")) == [.init(user: "b", password: "2:3"), .init(user: "a", password: "1")])
    #expect(all.matching(try reference("reg.example/teams/app:1")) == [.init(user: "a", password: "1")])
    #expect(all.matching(try reference("reg.example:5000/app")).isEmpty)
    #expect(all.matching(try reference("app")).isEmpty)
  }

  @Test(arguments: ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "https://registry-1.docker.io/v2/"])
  func dockerHubHasManyNames(_ key: String) throws {
    #expect(try read("{\"auths\": {\"\(key)\": {\"username\": \"u\", \"password\": \"p\"}}}").matching(try reference("nginx")).count == 1)
  }

  @Test func starsMatchOnePartOfAName() throws {
    let all = try read(#"{"*.example:5000": {"auth": "YTox"}}"#)
    #expect(all.matching(try reference("a.example:5000/x")).count == 1)
    #expect(all.matching(try reference("a.b.example:5000/x")).isEmpty)
    #expect(all.matching(try reference("a.example/x")).isEmpty)
  }

  @Test func tokensAndHelpers() throws {
    let all = try read(#"{"auths": {"r.example": {"identitytoken": "t"}, "empty.example": {}}, "credsStore": "pass"}"#)
    #expect(all.matching(try reference("r.example/x")) == [.init(user: "", password: "", identityToken: "t")])
    #expect(all.matching(try reference("empty.example/x")).isEmpty)
    #expect(try read(#"{"credsStore": "pass"}"#) == RegistryCredentials())
  }

  @Test(arguments: ["", "[]", "{", #"{"auths": {"r": {"auth": "%%%"}}}"#, #"{"auths": {"r": {"auth": "YWJj"}}}"#])
  func nonsenseIsToldAsSuch(_ text: String) {
    #expect(throws: RegistryCredentials.Malformed.self) { try read(text) }
  }

  @Test func theyReachTheHelperAsTheyWere() throws {
    let all = try read(#"{"auths": {"a.example/x": {"auth": "YTox"}, "b.example": {"identitytoken": "t"}}}"#)
    #expect(RegistryCredentials(handed: all.value) == all)
  }
}

@Suite struct Challenges {
  @Test func bearerWithQuotedParameters() {
    let c = AuthChallenge.parse(#"Bearer realm="https://auth.example/token",service="reg, \"one\"",scope="repository:a/b:pull,push""#)
    #expect(c.map(\.scheme) == ["bearer"])
    #expect(c.first?.parameters == ["realm": "https://auth.example/token", "service": "reg, \"one\"", "scope": "repository:a/b:pull,push"])
  }

  @Test func severalInOneLine() {
    let c = AuthChallenge.parse(#"Negotiate, Basic realm="r", charset=UTF-8, Bearer error="insufficient_scope""#)
    #expect(c.map(\.scheme) == ["negotiate", "basic", "bearer"] && c[1].parameters == ["realm": "r", "charset": "UTF-8"])
    #expect(c[2].parameters["error"] == "insufficient_scope")
  }

  @Test(arguments: ["", ",,", "=", "\"", "Bearer realm=\"open"]) func nonsenseEnds(_ text: String) { #expect(AuthChallenge.parse(text).count < 2) }
}

@Suite struct Platforms {
  private func entry(_ os: String, _ arch: String, _ variant: String?, _ digest: String) -> Value {
    var p: [(String, Value)] = [("os", .string(os)), ("architecture", .string(arch))]
    if let variant { p.append(("variant", .string(variant))) }
    return .object([("digest", .string(digest)), ("platform", .object(p))])
  }

  @Test func theMachinesOwnIsChosen() {
    let all = [entry("windows", "amd64", nil, "w"), entry("linux", "arm64", "v8", "a"), entry("linux", "amd64", nil, "x"), entry("unknown", "unknown", nil, "n")]
    #expect(Platform(os: "linux", architecture: "amd64").choose(from: all)?["digest"]?.string == "x")
    #expect(Platform(parsing: "linux/aarch64")?.choose(from: all)?["digest"]?.string == "a")
    #expect(Platform(os: "linux", architecture: "s390x").choose(from: all) == nil)
  }

  @Test func anArmRunsLowerVersions() {
    let all = [entry("linux", "arm", "v5", "5"), entry("linux", "arm", "v6", "6"), entry("linux", "arm", "v8", "8")]
    #expect(Platform(parsing: "linux/arm/v7")?.choose(from: all)?["digest"]?.string == "6")
    #expect(Platform(parsing: "linux/arm/v6")?.choose(from: all)?["digest"]?.string == "6")
    #expect(Platform(parsing: "linux/arm/v4")?.choose(from: all) == nil)
  }

  @Test(arguments: ["", "linux", "linux/", "/amd64", "a/b/c/d"]) func noPlatform(_ text: String) { #expect(Platform(parsing: text) == nil) }
}
