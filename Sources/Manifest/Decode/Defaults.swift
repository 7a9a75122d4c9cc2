// SPDX-License-Identifier: Apache-2.0
//
// What the API server fills in when an object is created. Kubernetes: pkg/apis/core/v1/defaults.go.

public enum Defaults {
  /// A Pod with its defaults; fields that are there stay as they are.
  public static func pod(_ object: Value) -> Value {
    var o = object
    var spec = o["spec"] ?? .null
    put(&spec, "dnsPolicy", .string("ClusterFirst"))
    put(&spec, "enableServiceLinks", .bool(true))
    put(&spec, "preemptionPolicy", .string("PreemptLowerPriority"))
    put(&spec, "priority", .int(0))
    put(&spec, "restartPolicy", .string("Always"))
    put(&spec, "schedulerName", .string("default-scheduler"))
    put(&spec, "securityContext", .object(Value.Members()))
    put(&spec, "serviceAccountName", spec["serviceAccount"] ?? .string("default"))
    put(&spec, "serviceAccount", spec["serviceAccountName"] ?? .string("default"))
    put(&spec, "terminationGracePeriodSeconds", .int(30))
    let hostNetwork = spec["hostNetwork"]?.bool ?? false
    for key in ["initContainers", "containers"] {
      if let list = spec[key]?.array { spec[key] = .array(list.map { container($0, hostNetwork: hostNetwork) }) }
    }
    if let list = spec["volumes"]?.array { spec["volumes"] = .array(list.map(volume)) }
    podLevelResources(&spec)
    canonicalResources(&spec, "resources")
    o["spec"] = spec
    return o
  }

  /// A Secret with its type; stringData, which is only ever written, has become data.
  public static func secret(_ object: Value) -> Value {
    var o = object
    put(&o, "type", .string("Opaque"))
    if let text = o["stringData"]?.members {
      var data = o["data"] ?? .null
      for e in text.entries { data[e.key] = .string(Base64.encode(Array((e.value.string ?? "").utf8))) }
      o["data"] = data
      o["stringData"] = nil
    }
    return o
  }

  /// An empty string is to the API server as if it were not there, where there is a default for it.
  private static func put(_ v: inout Value, _ key: String, _ d: Value) {
    if v[key] == nil || v[key] == .null || v[key] == .string("") { v[key] = d }
  }

  /// A count whose zero is as if it were not there.
  private static func putCount(_ v: inout Value, _ key: String, _ d: Int64) {
    if v[key] == .int(0) { v[key] = nil }
    put(&v, key, .int(d))
  }

  /// Quantities as the API server writes them back: 0.5Gi is 512Mi, 1 is "1".
  private static func canonical(_ v: inout Value, _ key: String) {
    if let q = v[key]?.quantity { v[key] = .string(q.canonical) }
  }
  private static func canonicalResources(_ v: inout Value, _ key: String) {
    guard var r = v[key], r != .null else { return }
    for kind in ["limits", "requests"] {
      guard var list = r[kind], list != .null else { continue }
      for name in list.members?.keys ?? [] {
        guard let q = list[name]?.quantity else { continue }
        // No finer than thousandths (SetDefaults_ResourceList).
        let isFiner = q.nano % 1_000_000 != 0
        list[name] = .string((isFiner ? Quantity(text: q.text, nano: Int128(q.milliValue) * 1_000_000) : q).canonical)
      }
      r[kind] = list
    }
    v[key] = r
  }

  /// A container's defaults; hostNetwork: that of its Pod.
  public static func container(_ value: Value, hostNetwork: Bool) -> Value {
    var c = value
    let image = c["image"]?.string ?? ""
    put(&c, "imagePullPolicy", .string(pullPolicy(image)))
    put(&c, "resources", .object(Value.Members()))
    put(&c, "terminationMessagePath", .string("/dev/termination-log"))
    put(&c, "terminationMessagePolicy", .string("File"))
    if let ports = c["ports"]?.array {
      c["ports"] = .array(
        ports.map {
          var p = $0
          put(&p, "protocol", .string("TCP"))
          if hostNetwork, let n = p["containerPort"] { put(&p, "hostPort", n) }
          return p
        })
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
      if let p = c[name], p != .null { c[name] = probe(p) }
    }
    if var life = c["lifecycle"], life != .null {
      for hook in ["postStart", "preStop"] { if let h = life[hook], h != .null { life[hook] = handler(h) } }
      c["lifecycle"] = life
    }
    if let env = c["env"]?.array { c["env"] = .array(env.map(variable)) }
    canonicalResources(&c, "resources")
    // A limit without a request is a request.
    if let limits = c["resources"]?["limits"]?.members, !limits.isEmpty {
      var r = c["resources"] ?? .null
      var requests = r["requests"] ?? .null
      for e in limits.entries { put(&requests, e.key, e.value) }
      r["requests"] = requests
      c["resources"] = r
    }
    return c
  }

  /// Always for :latest or no tag, IfNotPresent otherwise.
  static func pullPolicy(_ image: String) -> String {
    if image.contains("@") { return "IfNotPresent" }
    let last = image.split(separator: "/").last ?? ""
    guard let colon = last.lastIndex(of: ":") else { return "Always" }
    return last[last.index(after: colon)...] == "latest" ? "Always" : "IfNotPresent"
  }

  private static func variable(_ value: Value) -> Value {
    var v = value
    guard var from = v["valueFrom"], from != .null else { return v }
    if var f = from["fieldRef"], f != .null {
      put(&f, "apiVersion", .string("v1"))
      from["fieldRef"] = f
    }
    if var r = from["resourceFieldRef"], r != .null {
      put(&r, "divisor", .string("0"))
      canonical(&r, "divisor")
      from["resourceFieldRef"] = r
    }
    v["valueFrom"] = from
    return v
  }

  private static func probe(_ value: Value) -> Value {
    var p = handler(value)
    putCount(&p, "failureThreshold", 3)
    putCount(&p, "periodSeconds", 10)
    putCount(&p, "successThreshold", 1)
    putCount(&p, "timeoutSeconds", 1)
    return p
  }

  private static func handler(_ value: Value) -> Value {
    var h = value
    if var g = h["httpGet"], g != .null {
      put(&g, "path", .string("/"))
      put(&g, "scheme", .string("HTTP"))
      h["httpGet"] = g
    }
    if var g = h["grpc"], g != .null {
      put(&g, "service", .string(""))
      h["grpc"] = g
    }
    return h
  }

  private static func volume(_ value: Value) -> Value {
    var v = value
    let sources = (v.members?.keys ?? []).filter { $0 != "name" }
    if sources.isEmpty { v["emptyDir"] = .object(Value.Members()) }
    if var e = v["emptyDir"], e != .null {
      canonical(&e, "sizeLimit")
      v["emptyDir"] = e
    }
    for kind in ["secret", "configMap", "downwardAPI", "projected"] {
      if var s = v[kind], s != .null {
        put(&s, "defaultMode", .int(420))
        if let items = s["items"]?.array, kind == "downwardAPI" { s["items"] = .array(items.map(downward)) }
        if let list = s["sources"]?.array {
          s["sources"] = .array(
            list.map {
              var p = $0
              if var t = p["serviceAccountToken"], t != .null {
                put(&t, "expirationSeconds", .int(3600))
                p["serviceAccountToken"] = t
              }
              if var d = p["downwardAPI"], let items = d["items"]?.array {
                d["items"] = .array(items.map(downward))
                p["downwardAPI"] = d
              }
              return p
            })
        }
        v[kind] = s
      }
    }
    if var h = v["hostPath"], h != .null {
      put(&h, "type", .string(""))
      v["hostPath"] = h
    }
    if var i = v["image"], i != .null {
      put(&i, "pullPolicy", .string(pullPolicy(i["reference"]?.string ?? "")))
      v["image"] = i
    }
    return v
  }

  private static func downward(_ value: Value) -> Value {
    var v = value
    if var f = v["fieldRef"], f != .null {
      put(&f, "apiVersion", .string("v1"))
      v["fieldRef"] = f
    }
    if var r = v["resourceFieldRef"], r != .null {
      put(&r, "divisor", .string("0"))
      canonical(&r, "divisor")
      v["resourceFieldRef"] = r
    }
    return v
  }
}
