// SPDX-License-Identifier: Apache-2.0
//
// What a supervisor needs of the machine and the instance it belongs to. podd fills it from Control's Instance; tests fill it themselves.
import Kernel
import Manifest
import Runtime

/// The node of one instance.
public struct NodeContext {
  /// metadata.name of the one node.
  public var name: String
  /// The node's address as pods see it.
  public var hostIPs: [String]
  /// Group of the instance: podlab-ID. Pods' groups are below.
  public var cgroupRoot: String
  /// What stands before hostPath volumes' paths; empty for the machine's own /.
  public var nodeRoot: String
  /// The programs beside ours: pause, podlab-image, podlab-forward, podlab-tls.
  public var programs: String
  public var allocatable: [String: Quantity]
  /// Memory of the machine, in bytes.
  public var memory: Int64
  public var host: Host
  /// What oom_score_adj can be set to at least: our own value, unless CAP_SYS_RESOURCE allows less.
  public var lowestOOMScore = -1000

  public init(
    name: String, hostIPs: [String], cgroupRoot: String, nodeRoot: String, programs: String, allocatable: [String: Quantity], memory: Int64, host: Host
  ) {
    self.name = name
    self.hostIPs = hostIPs
    self.cgroupRoot = cgroupRoot
    self.nodeRoot = nodeRoot
    self.programs = programs
    self.allocatable = allocatable
    self.memory = memory
    self.host = host
  }
}
