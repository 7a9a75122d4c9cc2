// SPDX-License-Identifier: Apache-2.0
//
// explain's words: each field has some, none is left over, all are short.
import Manifest
import Testing

@Suite struct Explaining {
  @Test(arguments: Schema.types) func aTypeAndEachOfItsFieldsHasWords(_ type: String) throws {
    let words = try #require(Explain.words(on: type), "no words on \(type)")
    #expect(!words.type.isEmpty)
    let fields = Schema.fields(of: type)?.all ?? []
    #expect(words.fields.map(\.name) == fields.map(\.name), "\(type): the fields in the schema's order, each once")
    for f in fields {
      let text = Explain.field(f, of: type)
      #expect(text.hasSuffix("."), "\(type).\(f.name): \(text)")
      #expect(!text.hasPrefix("="), "\(type).\(f.name): \(text)")
      #expect(text.utf8.count <= 400, "\(type).\(f.name): \(text.utf8.count) bytes")
    }
  }

  @Test func noWordsAreLeftOver() {
    #expect(Set(Explain.types) == Set(Schema.types))
    #expect(Explain.types.count == Schema.types.count)
  }

  @Test func whatIsRefusedSaysSo() throws {
    let nfs = try #require(Schema.fields(of: "Volume")?["nfs"])
    #expect(Explain.field(nfs, of: "Volume").contains("refuses"))
    let priority = try #require(Schema.fields(of: "PodSpec")?["priority"])
    #expect(Explain.field(priority, of: "PodSpec").contains("warns"))
  }

  @Test func fixedValuesAreSortedAndBelongToAField() {
    var count = 0
    for type in Schema.types {
      for f in Schema.fields(of: type)?.all ?? [] {
        guard let values = Explain.values(f.name, of: type) else { continue }
        count += 1
        #expect(values == values.sorted() && values.count > 1 && f.type == .string, "\(type).\(f.name)")
      }
    }
    #expect(count == Explain.valuedFields)
  }
}
