// SPDX-License-Identifier: Apache-2.0
//
// JSONPath as kubectl reads and prints it.
import Manifest
import Testing

@Suite struct JSONPathTemplates {
  private func object() throws -> Value {
    try JSON.parse(
      Array(
        #"""
        {"kind": "List", "n": [0, 1, 2, 3, 4], "f": [1.5, 2], "t": [true, false], "h": "a<b&c",
         "items": [{"name": "a", "v": 1, "ok": true, "labels": {"x.y/z": "one", "b": "2", "a": "1"}, "addresses": [{"ip": "1"}]},
                   {"name": "b", "v": 2, "ok": false, "labels": {}, "addresses": [{"ip": "2"}, {"ip": "3", "extra": "yes"}]}]}
        """#.utf8))
  }

  @Test(arguments: [
    ("plain", "plain"), (".kind", ".kind"), ("{.kind}", "List"), ("{ .kind }", "List"), ("{$.kind}", "List"), ("{@.kind}", "List"), ("{kind}s", "!unrecognized identifier kind"),
    // fields
    ("{.items[0].labels.x\\.y/z}", "one"), ("{.items[0].labels['x\\.y/z']}", "one"), ("{.items[0]['name']}", "a"), ("{['items'][1].name}", "b"),
    ("{.none}", ""), ("{.none.deeper[3].x}", ""), ("{.items[*].none}", ""),
    // indices and slices
    ("{.n[0]}", "0"), ("{.n[-1]}", "4"), ("{.n[1:3]}", "1 2"), ("{.n[:2]}", "0 1"), ("{.n[3:]}", "3 4"), ("{.n[-2:]}", "3 4"), ("{.n[::2]}", "0 2 4"), ("{.n[1:4:2]}", "1 3"),
    ("{.n[0,2,-1]}", "0 2 4"), ("{.n[*]}", "0 1 2 3 4"), ("{.n[2:2]}", ""),
    ("{.n[7]}", "!array index out of bounds: index 7, length 5"), ("{.n[0:9]}", "!array index out of bounds: index 8, length 5"),
    ("{.n[3:1]}", "!starting index 3 is greater than ending index 1"), ("{.n[::0]}", "!step must be > 0"),
    ("{.kind[0]}", "!string is not array or slice"), ("{.items[0].labels[0]}", "!map[string]interface {} is not array or slice"),
    // unions, wildcards, descent
    ("{.items[*]['name','v']}", "a b 1 2"), ("{.items[*]['name', 'v']}", "a b 1 2"), ("{.items[0].addresses.*.ip}", "1"), ("{..ip}", "1 2 3"), ("{.items..ip}", "1 2 3"),
    ("{...ip}", "1 2 3"), ("{....ip}", "!invalid multiple recursive descent"), ("{..addresses[0].ip}", "1 2"), ("{.items[*].*.ip}", ""),
    // filters
    ("{.items[?(@.name==\"b\")].v}", "2"), ("{.items[?(@.name=='b')].v}", "2"), ("{.items[?(@.name != 'b')].v}", "1"), ("{.items[?(@.v>1)].name}", "b"),
    ("{.items[?(@.v>=1)].name}", "a b"), ("{.items[?(@.v<2)].name}", "a"), ("{.items[?(@.v<=1)].name}", "a"), ("{.items[?(@.ok==true)].name}", "a"),
    ("{.items[?(@.none)].name}", ""), ("{.items[?(@.labels.a)].name}", "a"), ("{.items[?(@.labels.a=='1')].name}", "a"), ("{.items[?(@.addresses[0].ip=='2')].name}", "b"),
    ("{.items[*].addresses[?(@.extra)].ip}", "3"), ("{.n[?(@<2)]}", "0 1"), ("{.items[?(@.labels.x\\.y/z==\"one\")].name}", "a"), ("{.items[?(@..ip==\"1\")].name}", "!can only compare one element at a time"),
    ("{.items[?(@.v=='1')].name}", "!incompatible types for comparison"), ("{.items[?(@.labels=='1')].name}", "!invalid type for comparison"),
    ("{.items[?(@.v<>1)].name}", "!unrecognized filter operator <>"), ("{.kind[?(@.a)]}", "!List is not array or slice and cannot be filtered"),
    // printing
    ("{.items[0].labels}", #"{"a":"1","b":"2","x.y/z":"one"}"#), ("{.items[0].addresses}", #"[{"ip":"1"}]"#), ("{.t}", "[true,false]"), ("{.t[0]}", "true"), ("{.f[0]}", "1.5"),
    ("{.items[*].ok}", "true false"), ("{.h}", "a<b&c"), ("{['h']}{\"\\t\"}{.n[0]}{\"\\n\"}", "a<b&c\t0\n"), ("{\"{\"}", "{"), ("{'it\\'s'}", "it's"), ("{\"\\u00e9\"}", "é"),
    // ranges
    ("{range .items[*]}{.name}={.v}{\"\\n\"}{end}", "a=1\nb=2\n"), ("{range .items[*]}{.name}, {end}{.kind}", "a, b, List"),
    ("{range .items[*]}{.name}:{range .addresses[*]}{.ip},{end};{end}", "a:1,;b:2,3,;"), ("{range .none[*]}{.x}{range .y[*]}{.z}{end}{end}done", "done"),
    ("{range .items[?(@.v>1)]}[{.name}, {.labels}]{end}", "[b, {}]"), ("{range .n[1:3]}{@}{\" \"}{end}", "1 2 "),
  ])
  func text(_ template: String, _ expected: String) throws {
    let v = try object()
    do throws(JSONPath.Invalid) {
      let out = try JSONPath(template).text(in: v)
      #expect(out == expected)
    } catch { #expect(expected.hasPrefix("!") && error.description.contains(expected.dropFirst()), "\(error)") }
  }

  @Test(arguments: [
    ("{.a", "error parsing jsonpath {.a, unclosed action"), ("{.a[0}", "error parsing jsonpath {.a[0}, unterminated array"), ("{.a[x]}", "error parsing jsonpath {.a[x]}, invalid array index x"),
    ("{end}", "error parsing jsonpath {end}, not in range, nothing to end"), ("{\"a}", "error parsing jsonpath {\"a}, unterminated quoted string"),
    ("{.a[?(@.b==\"c]}", "error parsing jsonpath {.a[?(@.b==\"c]}, unterminated filter"), ("{.a[?(@.b)}", "error parsing jsonpath {.a[?(@.b)}, unclosed array expect ]"),
    ("{&}", "error parsing jsonpath {&}, unrecognized character in action: U+0026 '&'"), ("{range .a[*]}x", "error parsing jsonpath {range .a[*]}x, unclosed range: {end} is missing"),
    ("{'\\q'}", "error parsing jsonpath {'\\q'}, unquote string '\\q' error invalid syntax"),
  ])
  func whatCannotBeRead(_ template: String, _ said: String) {
    do throws(JSONPath.Invalid) {
      _ = try JSONPath(template)
      Issue.record("read")
    } catch { #expect(error.description == said) }
  }

  @Test func whatFailsNamesTheTemplate() throws {
    let path = try JSONPath("{.kind[0]}")
    do throws(JSONPath.Invalid) { _ = try path.text(in: .object([("kind", .string("x"))])) } catch {
      #expect(
        error.description == "error executing jsonpath \"{.kind[0]}\": Error executing template: string is not array or slice. "
          + "Printing more information for debugging the template:\n\ttemplate was:\n\t\t{.kind[0]}")
    }
  }

  @Test func aMissingFieldIsAnErrorWhereItIsAskedFor() throws {
    let path = try JSONPath("{.none}")
    #expect(throws: JSONPath.Invalid.self) { try path.text(in: object(), allowMissing: false) }
  }

  @Test(arguments: ["kind", ".kind", "{kind}", "{.kind}"])
  func theRelaxedForm(_ text: String) throws { #expect(try JSONPath(relaxed: text).values(in: object()) == [.string("List")]) }

  @Test(arguments: ["", "{.a}{.b}", "{.a", "a}"])
  func whatIsNotRelaxed(_ text: String) { #expect(throws: JSONPath.Invalid.self) { try JSONPath(relaxed: text) } }
}
