import Base
import Shell
import Testing

@Suite("Statement")
struct LexingTests {
  @Test(
    "Words are split on blanks, and quotes and escapes are resolved",
    arguments: [
      ("", []),
      (" \t ", []),
      ("generate", ["generate"]),
      ("  a\t b  ", ["a", "b"]),
      ("'a b' c", ["a b", "c"]),
      ("''", [""]),
      ("\"\" x", ["", "x"]),
      (#"'a \n "b"'"#, [#"a \n "b""#]),
      (#""a\nb\tc\"d\\e""#, ["a\nb\tc\"d\\e"]),
      (#""\u{e9}\u{1F98A}""#, ["é🦊"]),
      (#""it's""#, ["it's"]),
      ("don't stop", ["don't", "stop"]),
      (#"a"b"#, [#"a"b"#]),
      (#"C:\dir"#, [#"C:\dir"#]),
      ("a # b", ["a", "#", "b"]),
      (#"out="a b.png" n=2"#, ["out=a b.png", "n=2"]),
      ("out='a b'", ["out=a b"]),
      ("out=", ["out="]),
      ("a=b=c", ["a=b=c"]),
      ("\"\"\"a\"b \"\"c\"\"\"", ["a\"b \"\"c"]),
      ("\"\"\"\"\"\"", [""]),
      ("\"\"\"\na\n  b\n\"\"\" c", ["a\n  b", "c"]),
      ("\"\"\"a\n\nb\n   \"\"\"", ["a\n\nb"]),
      ("\"\"\"\n\"\"\"", [""]),
      (#""""\n \ '""""#, [#"\n \ '"#]),
      ("é 狐\u{301} 🦊", ["é", "狐\u{301}", "🦊"]),
      ("a\u{A0}b", ["a\u{A0}b"]),
    ] as [(String, [String])])
  func words(text: String, expected: [String]) throws {
    let words = try Statement(text, at: Location(source: "s", line: 1)).words()
    #expect(words.map(\.text) == expected)
  }

  @Test(
    "A word is a key with a value where it starts with an unquoted name and =",
    arguments: [
      ("steps=8", "steps", "8"), ("out=\"a b\"", "out", "a b"), ("a=b=c", "a", "b=c"),
      ("x.y-z_1=", "x.y-z_1", ""),
      ("'a=b'", nil, nil), ("=b", nil, nil), ("/x=y/", nil, nil), ("1a=b", nil, nil), ("é=b", nil, nil),
      ("a", nil, nil),
    ] as [(String, String?, String?)])
  func keys(text: String, key: String?, value: String?) throws {
    let words = try Statement(text, at: Location(source: "s", line: 1)).words()
    #expect(words.map(\.key) == [key])
    #expect(words.map(\.value) == [value])
  }

  @Test("A word's range covers its quotes, in UTF-8 offsets")
  func ranges() throws {
    let words = try Statement("é 'a b' x=\"c\"", at: Location(source: "s", line: 1)).words()
    #expect(words.map(\.range) == [0..<2, 3..<8, 9..<14])
  }

  @Test(
    "A text that cannot be read is refused with its reason",
    arguments: [
      (
        "a 'b", "the ' that opens here is never closed",
        "close it on the same line; a text with ' in it goes between double quotes"
      ),
      (
        "a \"b", "the \" that opens here is never closed",
        "close it on the same line; \"\"\" opens a text of several lines"
      ),
      (
        "a \"b\\", "the \" that opens here is never closed",
        "close it on the same line; \"\"\" opens a text of several lines"
      ),
      (
        "a \"b\nc\"", "the \" that opens here is never closed",
        "close it on the same line; \"\"\" opens a text of several lines"
      ),
      ("a \"\"\"b\"", "the \"\"\" that opens here is never closed", "end the text with \"\"\""),
      (
        "'a'b", "expected a blank after the closing quote, found \"b\"",
        "quote the whole word, and write \\\" for a quote inside \"…\""
      ),
      (
        "k=\"a\"\"b\"", "expected a blank after the closing quote, found \"\"b\"\"",
        "quote the whole word, and write \\\" for a quote inside \"…\""
      ),
      (
        #""\(red)""#, #"unknown escape \( in a "…" text"#,
        #"known are \n \t \" \\ \u{…}; write \\ for a backslash, or use '…', which has no escapes"#
      ),
      (
        #""\é""#, #"unknown escape \é in a "…" text"#,
        #"known are \n \t \" \\ \u{…}; write \\ for a backslash, or use '…', which has no escapes"#
      ),
      (
        #""\u{110000}""#,
        #"expected \u{…} with the hexadecimal number of a Unicode character, found \u{110000}"#,
        #"for example \u{e9} is é; the character 0 is not allowed"#
      ),
      (
        #""\u{0}""#, #"expected \u{…} with the hexadecimal number of a Unicode character, found \u{0}"#,
        #"for example \u{e9} is é; the character 0 is not allowed"#
      ),
      (
        #""\u{d800}""#, #"expected \u{…} with the hexadecimal number of a Unicode character, found \u{d800}"#,
        #"for example \u{e9} is é; the character 0 is not allowed"#
      ),
      (
        #""\u{}""#, #"expected \u{…} with the hexadecimal number of a Unicode character, found \u{}"#,
        #"for example \u{e9} is é; the character 0 is not allowed"#
      ),
      (
        #""\u00e9""#, #"expected \u{…} with the hexadecimal number of a Unicode character, found \u00e9"#,
        #"for example \u{e9} is é; the character 0 is not allowed"#
      ),
    ])
  func faults(text: String, message: String, hint: String) {
    let location = Location(source: "s", line: 7)
    let error = #expect(throws: LocatedDiagnostic.self) { try Statement(text, at: location).words() }
    #expect(error == LocatedDiagnostic(Diagnostic(.usage, message, hint: hint), at: location))
  }
}
