// SPDX-License-Identifier: Apache-2.0
//
// Probes, hooks, the handlers of both, and stop signals.

extension Validation {
  enum ProbeKind: String { case liveness = "livenessProbe", readiness = "readinessProbe", startup = "startupProbe" }

  static func probe(_ v: Value, _ path: String, _ kind: ProbeKind) -> [Problem] {
    var p = handler(v, path, ["exec", "httpGet", "tcpSocket", "grpc"], grace: nil)
    for key in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] { p += nonNegative("\(path).\(key)", v.number(key)) }
    if let g = v.number("terminationGracePeriodSeconds") {
      if g <= 0 { p.append(.invalid("\(path).terminationGracePeriodSeconds", g, "must be greater than 0")) }
      if kind == .readiness { p.append(.invalid("\(path).terminationGracePeriodSeconds", g, "must not be set for readinessProbes")) }
    }
    if kind != .readiness, let n = v.number("successThreshold"), n != 1 { p.append(.invalid("\(path).successThreshold", n, "must be 1")) }
    return p
  }

  /// grace: the Pod's, as written. os: spec.os.name.
  static func lifecycle(_ v: Value, _ path: String, grace: Int64, os: String?) -> [Problem] {
    var p: [Problem] = []
    for hook in ["postStart", "preStop"] {
      if let h = v.part(hook) { p += handler(h, "\(path).\(hook)", ["exec", "httpGet", "tcpSocket", "sleep"], grace: grace) }
    }
    if let signal = v.text("stopSignal") {
      if os == nil {
        p.append(.forbidden("\(path).stopSignal", "may not be set for containers with empty `spec.os.name`"))
      } else if os == "linux" {
        p += oneOf("\(path).stopSignal", signal, stopSignals)
      }
    }
    return p
  }

  private static let stopSignals: [String] =
    ([
      "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "RTMAX", "RTMIN",
      "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
    ] + (1...14).map { "RTMAX-\($0)" } + (1...15).map { "RTMIN+\($0)" }).map { "SIG\($0)" }.sorted()

  private static func handler(_ v: Value, _ path: String, _ kinds: [String], grace: Int64?) -> [Problem] {
    var p: [Problem] = []
    var count = 0
    for kind in kinds {
      guard let h = v.part(kind) else { continue }
      count += 1
      let here = "\(path).\(kind)"
      if count > 1 {
        p.append(.forbidden(here, "may not specify more than 1 handler type"))
        continue
      }
      switch kind {
      case "exec": if h.list("command").isEmpty { p.append(.required("\(here).command")) }
      case "httpGet": p += httpGet(h, here)
      case "sleep":
        let n = h.number("seconds") ?? 0
        if let grace, n < 0 || n > grace {
          p.append(.invalid(here, n, "must be non-negative and less than terminationGracePeriodSeconds (\(grace))", at: "\(here).seconds"))
        }
      default: p += port(h, "\(here).port")
      }
    }
    if count == 0 { p.append(.required(path, "must specify a handler type")) }
    return p
  }

  private static func httpGet(_ v: Value, _ path: String) -> [Problem] {
    var p: [Problem] = (v.text("path") ?? "").isEmpty ? [.required("\(path).path")] : []
    p += port(v, "\(path).port") + oneOf("\(path).scheme", v.text("scheme"), ["HTTP", "HTTPS"])
    for (i, h) in v.list("httpHeaders").enumerated() {
      let name = h.text("name") ?? ""
      p += Problem.each("\(path).httpHeaders", name, Names.header(name), at: "\(path).httpHeaders[\(i)].name")
    }
    return p
  }

  private static func port(_ v: Value, _ path: String) -> [Problem] {
    switch v.intOrString("port") {
    case .string(let s): Problem.each(path, s, Names.port(s))
    case .int(let n): between(path, n, 1, 65535)
    case nil: between(path, 0, 1, 65535)
    }
  }
}
