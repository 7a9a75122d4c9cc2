// SPDX-License-Identifier: Apache-2.0
//
// Env files: which lines say what of a key. Kubernetes: pkg/kubelet/util/env (ParseEnv), KEP-3721.
import Supervisor
import Testing

@Suite struct EnvFiles {
  private static func value(_ text: String?, _ key: String = "A", optional: Bool = false) -> String? {
    do throws(ConfigError) { return try EnvFile.value(of: EnvFileKey(volume: "v", path: "p", key: key, optional: optional), in: text) } catch {
      return "error: \(error.message)"
    }
  }

  @Test(arguments: [
    ("A='one'", "one"), ("\n \t\n# A='no'\n  A='one'\n", "one"), ("B='x'\nA='one'  # said\n", "one"), ("A='a # b = \"c\" $d'", "a # b = \"c\" $d"),
    ("A='two\n  lines'\nB='x'", "two\n  lines"), ("B='A=\n'\nA='one'", "one"), ("A='first'\nA='second'", "first"), ("A='one'\r\n", "one"),
    // What comes behind it is not looked at.
    ("A='one'\nrubbish", "one"),
  ]) func says(_ text: String, _ value: String) { #expect(Self.value(text) == value) }

  @Test(arguments: ["", "B='x'", "A= 'one'", "A=''", "#A='one'"]) func saysNothing(_ text: String) { #expect(Self.value(text) == nil) }

  @Test(arguments: ["A=one", "A=\"one\"", "A ='one'", "='one'", "A", "A='one", "A='one' two", "A=", "rubbish\nA='one'"])
  func isNone(_ text: String) { #expect(Self.value(text) == "error: couldn't parse env file") }

  @Test func aFileThatIsNotThere() {
    #expect(Self.value(nil) == "error: couldn't parse env file")
    #expect(Self.value(nil, optional: true) == nil)
  }
}
