// SPDX-License-Identifier: Apache-2.0
//
// Names, numbers and texts: errors, signals, capabilities, addresses, mountinfo.
import Glibc
import Kernel
import Testing

@Suite struct Texts {
  @Test func anErrorSaysStepCallObjectNameTextAndRemedy() {
    let error = SysError(
      step: "joining the infra container's network namespace", call: "setns", object: "/proc/4711/ns/net", errno: EPERM, hint: "run it as root")
    #expect(
      "\(error)" == "joining the infra container's network namespace: setns(/proc/4711/ns/net): EPERM: Operation not permitted. run it as root")
    #expect("\(SysError(call: "open", object: "/x", errno: ENOENT))" == "open(/x): ENOENT: No such file or directory")
    #expect("\(SysError(call: "open", object: "/x", errno: ENOENT).during("reading x"))".hasPrefix("reading x: open(/x)"))
    #expect(errnoName(9999) == "errno 9999")
  }

  @Test(arguments: [("SIGTERM", 15), ("TERM", 15), ("9", 9), ("SIGCHLD", 17), ("POLL", 29), ("SIGRTMIN", 34), ("RTMIN+3", 37), ("SIGRTMAX-1", 63)])
  func signalsHaveNames(_ name: String, _ number: Int32) { #expect(Signals.number(name) == number) }

  @Test(arguments: ["", "0", "65", "-1", "SIG", "NOPE", "RTMIN+99", "RTMIN-1", "RTMAX+1", "RTMAX-99", "SIGRTMIN+"])
  func notEverythingIsASignal(_ name: String) { #expect(Signals.number(name) == nil) }

  @Test func everySignalNameReadsBack() {
    for number in Int32(1)...64 where number != 32 && number != 33 { #expect(Signals.number(Signals.name(number)) == number) }
  }

  @Test func capabilitiesHaveNames() throws {
    #expect(CapabilitySet(name: "CAP_SYS_ADMIN")?.rawValue == 1 << 21)
    #expect(CapabilitySet(name: "NET_ADMIN")?.rawValue == 1 << 12)
    #expect(CapabilitySet(name: "NONSENSE") == nil)
    #expect(CapabilitySet.containerDefault.labels.count == 14)
    // 0xa80425fb is what `capsh --print` and /proc/self/status show in a container of containerd.
    #expect(CapabilitySet.containerDefault.rawValue == 0xa804_25fb)
    #expect(CapabilitySet.all.labels.last == "CAP_CHECKPOINT_RESTORE")
    #expect(CapabilitySet.effective.rawValue == UInt64(try #require(Proc.status(getpid(), "CapEff")), radix: 16))
  }

  @Test func addressesReadAndWrite() throws {
    #expect(IPAddress("10.128.0.1")?.v4 == 0x0a80_0001)
    #expect("\(IPAddress(v4: 0xc0a8_01fe))" == "192.168.1.254")
    for bad in ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.x", "1..2.3"] { #expect(IPAddress(bad) == nil, "\(bad)") }
    for text in ["::1", "fe80::1", "2001:db8::8:800:200c:417a", "::", "1:0:0:2::3", "1:2:3:4:5:6:7:8"] {
      #expect("\(try #require(IPAddress(literal: text)))" == text)
    }
  }

  @Test func mountinfoReadsEveryField() throws {
    let text = """
      36 35 98:0 /mnt1 /mnt\\040with\\040spaces rw,noatime master:1 shared:7 - ext3 /dev/ro\\134ot rw,errors=continue
      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
      nonsense
      """
    let mounts = MountInfo.parse(text)
    #expect(mounts.count == 2)
    #expect(mounts[0].mountPoint == "/mnt with spaces")
    #expect(mounts[0].root == "/mnt1")
    #expect(mounts[0].propagation == ["master:1", "shared:7"])
    #expect(mounts[0].source == "/dev/ro\\ot")
    #expect(mounts[0].superOptions == ["rw", "errors=continue"])
    #expect(mounts[1].type == "cgroup2" && mounts[1].propagation.isEmpty && mounts[1].device == "0:38")
  }

  @Test func mountinfoOfThisProcessIsWhatFindmntSees() throws {
    try needProgram("/usr/bin/findmnt", package: "util-linux")
    let theirs = try shell("findmnt -rno TARGET | wc -l")
    #expect(Int(theirs.split(separator: "\n")[0]) == (try MountInfo.of()).count)
    #expect(try MountInfo.of().contains { $0.mountPoint == "/proc" && $0.type == "proc" })
  }

  @Test func statusWordsOfWait() {
    #expect(ExitStatus(waitStatus: 7 << 8) == ExitStatus(code: 7))
    #expect(ExitStatus(waitStatus: 9) == ExitStatus(code: 137, signal: 9))
    #expect(ExitStatus(waitStatus: 11 | 0x80) == ExitStatus(code: 139, signal: 11))
  }
}
