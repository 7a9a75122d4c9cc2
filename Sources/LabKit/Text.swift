// SPDX-License-Identifier: Apache-2.0
//
// What a person reads exists twice, in English and in Chinese. The two are kept together, so that neither can be forgotten.

/// The languages a learner can choose.
public enum Language: String, Sendable, CaseIterable { case en, zh }

/// One text in both languages.
public struct Text: Sendable, Equatable {
  public var en: String
  public var zh: String
  public init(en: String, zh: String) { (self.en, self.zh) = (en, zh) }
  /// The same in both: names, paths, numbers.
  public init(_ same: String) { (en, zh) = (same, same) }
  public subscript(language: Language) -> String { language == .en ? en : zh }
  public func map(_ change: (String) -> String) -> Text { Text(en: change(en), zh: change(zh)) }
}
