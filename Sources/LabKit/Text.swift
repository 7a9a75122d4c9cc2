// SPDX-License-Identifier: Apache-2.0
//
// What a person reads exists twice, in English and in Chinese. The two are kept together, so that neither can be forgotten.
import Kernel

/// The languages a learner can choose.
public enum Language: String, Sendable, CaseIterable { case en, zh }

/// One text in both languages.
public struct Text: Sendable, Equatable {
  public var en: String
  public var zh: String
  public init(en: String, zh: String) { (self.en, self.zh) = (en, zh) }
  /// What is the same in both, because nobody here wrote it: names of the kernel's and of Kubernetes, paths, numbers, what a program printed.
  public static func data(_ same: String) -> Text { Text(en: same, zh: same) }
  public subscript(language: Language) -> String { language == .en ? en : zh }
  /// Why a user has one id only.
  public init(_ reason: OneID) {
    en = reason.description
    switch reason {
    case .noHelper: zh = "没有安装 newuidmap（Debian：以 root 运行 \(reason.remedy)）"
    case .noRange: zh = "/etc/subuid 和 /etc/subgid 里没有分配给本用户的 ID 范围（以 root 运行 \(reason.remedy)）"
    }
  }
  public func map(_ change: (String) -> String) -> Text { Text(en: change(en), zh: change(zh)) }
  public static func + (a: Text, b: Text) -> Text { Text(en: a.en + b.en, zh: a.zh + b.zh) }
}
