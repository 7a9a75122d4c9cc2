// SPDX-License-Identifier: Apache-2.0
//
// PodSpec: what is wanted. Fields that have a default are not optional: decoding fills them in (Defaults.swift).
// Levels and sources of each field: Schema. Only fields that have a behaviour here are typed; the rest stay in the
// object's Value and come back unchanged from `get -o yaml`.

/// A Pod: its metadata and spec, and the whole object as it was stored.
public struct Pod: Sendable, Equatable {
  public var metadata = ObjectMeta()
  public var spec = PodSpec()
  /// The object as stored, defaults filled in, without status.
  public var object: Value = .null
  public init() {}
}

public enum RestartPolicy: String, Sendable { case always = "Always", onFailure = "OnFailure", never = "Never" }

public struct PodSpec: Sendable, Equatable {
  public var initContainers: [Container] = []
  public var containers: [Container] = []
  public var ephemeralContainers: [Container] = []
  public var volumes: [Volume] = []
  public var restartPolicy = RestartPolicy.always
  public var terminationGracePeriodSeconds: Int64 = 30
  public var activeDeadlineSeconds: Int64?
  public var shareProcessNamespace = false
  public var hostNetwork = false
  public var hostPID = false
  public var hostIPC = false
  /// false: a user namespace of the Pod's own.
  public var hostUsers = true
  public var hostname: String?
  public var hostnameOverride: String?
  public var subdomain: String?
  public var setHostnameAsFQDN = false
  public var dnsPolicy = "ClusterFirst"
  public var dnsConfig: DNSConfig?
  public var hostAliases: [HostAlias] = []
  public var securityContext = PodSecurityContext()
  public var serviceAccountName = "default"
  public var automountServiceAccountToken: Bool?
  public var imagePullSecrets: [String] = []
  public var nodeName: String?
  public var nodeSelector: [String: String] = [:]
  public var tolerations: [Toleration] = []
  public var readinessGates: [String] = []
  public var schedulingGates: [String] = []
  public var resources = ResourceRequirements()
  public var enableServiceLinks = true
  public init() {}
}

public struct Container: Sendable, Equatable {
  public var name = ""
  public var image = ""
  public var imagePullPolicy = PullPolicy.ifNotPresent
  public var command: [String] = []
  public var args: [String] = []
  public var workingDir: String?
  public var env: [EnvVar] = []
  public var envFrom: [EnvFromSource] = []
  public var ports: [ContainerPort] = []
  public var volumeMounts: [VolumeMount] = []
  public var resources = ResourceRequirements()
  /// Resources by name that can't be changed in a running container: it is started again (resizePolicy RestartContainer).
  public var restartsOnResize: Set<String> = []
  public var livenessProbe: Probe?
  public var readinessProbe: Probe?
  public var startupProbe: Probe?
  public var lifecycle = Lifecycle()
  public var securityContext = SecurityContext()
  /// On an init container, Always makes it a sidecar (KEP-753); else the container's own policy (KEP-5307).
  public var restartPolicy: RestartPolicy?
  public var restartPolicyRules: [RestartRule] = []
  public var stdin = false
  public var stdinOnce = false
  public var tty = false
  public var terminationMessagePath = "/dev/termination-log"
  public var terminationMessagePolicy = TerminationMessagePolicy.file
  /// Ephemeral containers only: the container whose process namespace is joined.
  public var targetContainerName: String?
  public init() {}
}

public enum PullPolicy: String, Sendable { case always = "Always", ifNotPresent = "IfNotPresent", never = "Never" }
public enum TerminationMessagePolicy: String, Sendable { case file = "File", fallbackToLogsOnError = "FallbackToLogsOnError" }

/// One of a container's restartPolicyRules (KEP-5307).
public struct RestartRule: Sendable, Equatable {
  /// Restart, or `allContainers`.
  public var action = "Restart"
  public static let allContainers = "RestartAllContainers"
  /// In or NotIn.
  public var exitCodeOperator = "In"
  public var exitCodes: [Int64] = []
  public init() {}
}

public struct EnvVar: Sendable, Equatable {
  public enum Source: Sendable, Equatable {
    case value(String)
    case field(path: String)
    case resource(container: String?, resource: String, divisor: Quantity)
    case secretKey(name: String, key: String, optional: Bool)
    case configMapKey(name: String, key: String, optional: Bool)
    case fileKey(volume: String, path: String, key: String, optional: Bool)
  }
  public var name = ""
  public var source = Source.value("")
  public init() {}
}

public struct EnvFromSource: Sendable, Equatable {
  public enum Kind: Sendable, Equatable { case secret, configMap }
  public var kind = Kind.configMap
  public var name = ""
  public var optional = false
  public var prefix = ""
  public init() {}
}

public struct ContainerPort: Sendable, Equatable {
  public var name: String?
  public var containerPort: Int64 = 0
  public var hostPort: Int64?
  public var hostIP: String?
  /// TCP, UDP or SCTP.
  public var protocolName = "TCP"
  public init() {}
}

public struct VolumeMount: Sendable, Equatable {
  public var name = ""
  public var mountPath = ""
  public var readOnly = false
  /// Disabled, IfPossible or Enabled.
  public var recursiveReadOnly: String?
  public var subPath: String?
  public var subPathExpr: String?
  /// None, HostToContainer or Bidirectional.
  public var mountPropagation = "None"
  public init() {}
}

/// Amounts by resource name (cpu, memory, ephemeral-storage, hugepages-…).
public struct ResourceRequirements: Sendable, Equatable {
  public var limits: [String: Quantity] = [:]
  public var requests: [String: Quantity] = [:]
  public init() {}
}

/// What a probe or a hook does.
public enum Handler: Sendable, Equatable {
  case exec(command: [String])
  case httpGet(HTTPGet)
  case tcpSocket(port: IntOrString, host: String?)
  case grpc(port: Int64, service: String)
  /// Hooks only.
  case sleep(seconds: Int64)
}

public struct HTTPGet: Sendable, Equatable {
  public var path = "/"
  public var port = IntOrString.int(80)
  public var host: String?
  /// HTTP or HTTPS.
  public var scheme = "HTTP"
  /// In order, names may repeat.
  public var headers: [Header] = []
  public struct Header: Sendable, Equatable {
    public var name: String
    public var value: String
    public init(name: String, value: String) { (self.name, self.value) = (name, value) }
  }
  public init() {}
}

/// A probe; times in seconds.
public struct Probe: Sendable, Equatable {
  public var handler = Handler.exec(command: [])
  public var initialDelaySeconds: Int64 = 0
  public var periodSeconds: Int64 = 10
  public var timeoutSeconds: Int64 = 1
  public var successThreshold: Int64 = 1
  public var failureThreshold: Int64 = 3
  public var terminationGracePeriodSeconds: Int64?
  public init() {}
}

public struct Lifecycle: Sendable, Equatable {
  public var postStart: Handler?
  public var preStop: Handler?
  /// A signal's name, as SIGUSR1.
  public var stopSignal: String?
  public init() {}
}

public struct Capabilities: Sendable, Equatable {
  /// Names without CAP_, or ALL.
  public var add: [String] = []
  public var drop: [String] = []
  public init() {}
}

/// seccompProfile or appArmorProfile.
public struct SecurityProfile: Sendable, Equatable {
  /// RuntimeDefault, Unconfined or Localhost.
  public var type = "Unconfined"
  public var localhostProfile: String?
  public init() {}
}

public struct SecurityContext: Sendable, Equatable {
  public var privileged = false
  public var allowPrivilegeEscalation: Bool?
  public var capabilities = Capabilities()
  public var runAsUser: Int64?
  public var runAsGroup: Int64?
  public var runAsNonRoot: Bool?
  public var readOnlyRootFilesystem = false
  /// Default or Unmasked.
  public var procMount = "Default"
  public var seccompProfile: SecurityProfile?
  public var appArmorProfile: SecurityProfile?
  public init() {}
}

public struct PodSecurityContext: Sendable, Equatable {
  public var runAsUser: Int64?
  public var runAsGroup: Int64?
  public var runAsNonRoot: Bool?
  public var supplementalGroups: [Int64] = []
  /// Merge or Strict.
  public var supplementalGroupsPolicy = "Merge"
  public var fsGroup: Int64?
  /// Always or OnRootMismatch.
  public var fsGroupChangePolicy = "Always"
  public var sysctls: [Sysctl] = []
  public var seccompProfile: SecurityProfile?
  public var appArmorProfile: SecurityProfile?
  public struct Sysctl: Sendable, Equatable {
    public var name: String
    public var value: String
    public init(name: String, value: String) { (self.name, self.value) = (name, value) }
  }
  public init() {}
}

public struct DNSConfig: Sendable, Equatable {
  public var nameservers: [String] = []
  public var searches: [String] = []
  public var options: [Option] = []
  public struct Option: Sendable, Equatable {
    public var name: String
    public var value: String?
    public init(name: String, value: String?) { (self.name, self.value) = (name, value) }
  }
  public init() {}
}

public struct HostAlias: Sendable, Equatable {
  public var ip = ""
  public var hostnames: [String] = []
  public init() {}
}

public struct Toleration: Sendable, Equatable {
  public var key: String?
  /// Equal, Exists, Lt or Gt.
  public var op = "Equal"
  public var value: String?
  public var effect: String?
  public var tolerationSeconds: Int64?
  public init() {}
}
