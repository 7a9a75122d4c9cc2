// SPDX-License-Identifier: Apache-2.0
//
// The recipes beside this file, as they are in the program.

public enum Recipes {
  /// The text of NAME.yaml.
  public static func text(_ name: String) -> [UInt8]? {
    switch name {
    case "busybox": PackageResources.busybox_yaml
    case "debian": PackageResources.debian_yaml
    case "nginx": PackageResources.nginx_yaml
    case "tomcat": PackageResources.tomcat_yaml
    case "rsyslog": PackageResources.rsyslog_yaml
    case "registry": PackageResources.registry_yaml
    default: nil
    }
  }
}
