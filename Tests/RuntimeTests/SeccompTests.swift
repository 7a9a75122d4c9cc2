// SPDX-License-Identifier: Apache-2.0
//
// Seccomp profiles: read, refused, compiled, and tried on a process. The kernel says what a filter does.
import Glibc
import Kernel
import Runtime
import Seccomp
import Testing

@Suite struct SeccompProfiles {
  private func profile(_ text: String) throws -> SeccompProfile { try SeccompProfile(json: Array(text.utf8)) }

  @Test func areReadFromOCIJSON() throws {
    let p = try profile(
      """
      {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
       "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
         {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]}]}
      """)
    #expect(p.fallback == .fail(38) && p.flags == 2 && p.rules.count == 2)
    #expect(p.rules[0] == .init(["read", "write"], .allow) && p.rules[1].arguments == [.init(0, .equal, 8)])
  }

  @Test(arguments: [
    ("{}", "defaultAction"), ("{", ""), (#"{"defaultAction":"SCMP_ACT_MAYBE"}"#, "SCMP_ACT_MAYBE"), (#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#, "NOTIFY"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_ALLOW"}]}"#, "syscalls[0].names"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}"#, "index"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["X"]}"#, "flags[0]"),
  ])
  func orRefusedWithTheFieldsPath(_ text: String, _ part: String) throws {
    let why = #expect(throws: SeccompProfile.Malformed.self) { try profile(text) }
    #expect(why.map { part.isEmpty || $0.description.contains(part) } ?? false, "\(why?.description ?? "")")
  }

  @Test func becomeAFilterThatSurvivesItsFile() throws {
    let p = try profile(#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat","no_such_call"],"action":"SCMP_ACT_ERRNO"}]}"#)
    let filter = SeccompFilter(program: try p.compiled(), flags: 2)
    #expect(!filter.program.isEmpty && filter.program.count % 8 == 0)
    #expect(SeccompFilter(file: filter.file) == filter)
    #expect(SeccompFilter(file: Array(filter.file.dropLast())) == nil && SeccompFilter(file: []) == nil)
  }

  /// busybox does what its arguments say, under the filter.
  private func run(_ profile: SeccompProfile, _ arguments: [String]) throws -> Int32 {
    var plan = SpawnPlan(.paths(["/bin/busybox"]), ["busybox"] + arguments, environment: ["PATH=/bin"])
    plan.steps = [
      .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: 0, to: 2)), .init(.noNewPrivileges),
      .init(.seccomp(try profile.compiled(), flags: 0), for: "installing the filter"),
    ]
    return try plan.spawn().wait().code
  }

  @Test func refuseWhatTheyName() throws {
    let p = try profile(#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["kill"],"action":"SCMP_ACT_ERRNO"}]}"#)
    #expect(try run(p, ["true"]) == 0)
    #expect(try run(p, ["sh", "-c", "kill -0 $$"]) != 0)
    #expect(try run(try profile(#"{"defaultAction":"SCMP_ACT_ALLOW"}"#), ["sh", "-c", "kill -0 $$"]) == 0)
  }

  /// The owner is said to be another, and stays.
  @Test func answerChangesOfTheUserWithoutMakingThem() throws {
    let script = "f=$(mktemp) && chown 7:7 $f && chown :8 $f && chmod 600 $f && [ \"$(stat -c %u:%g $f)\" = \"$(id -u):$(id -g)\" ] && rm $f"
    var plan = SpawnPlan(.paths(["/bin/busybox"]), ["busybox", "sh", "-c", script], environment: ["PATH=/bin:/usr/bin"])
    let f = IgnoredUserChanges.filter
    plan.steps = [.init(.noNewPrivileges), .init(.seccomp(f.program, flags: f.flags), for: "installing the filter")]
    #expect(try plan.spawn().wait().code == 0)
  }

  @Test func theDefaultLetsProgramsWorkAndKeepsNamespacesAndMountsFromThem() throws {
    let p = SeccompProfile.runtimeDefault(.containerDefault)
    #expect(try run(p, ["sh", "-c", "ls / | grep -q . && cat /proc/self/status >/dev/null && (sleep 0.01 & wait)"]) == 0)
    #expect(try run(p, ["unshare", "-U", "true"]) != 0)
    #expect(try run(p, ["mount", "-t", "tmpfs", "none", "/mnt"]) != 0)
    // Who has CAP_SYS_ADMIN in the container is allowed the calls, though not by them the rights.
    let able = SeccompProfile.runtimeDefault(.all)
    #expect(able.rules.contains { $0.calls.contains("mount") } && !p.rules.contains { $0.calls.contains("mount") })
  }
}
