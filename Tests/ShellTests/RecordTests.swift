import Base
import Shell
import Testing

@Suite("Record")
struct RecordTests {
  @Test("A success holds the result")
  func success() {
    let record = Record.success(seq: 3, command: "generate", result: ["seed": 42])
    #expect(record.text() == #"{"command":"generate","ok":true,"result":{"seed":42},"seq":3,"v":1}"#)
  }

  @Test("A failure holds code, message, place and hint, null where there is none")
  func failure() {
    let located = Record.failure(
      seq: 4, command: "save",
      diagnostic: Diagnostic(.file, at: "x", "cannot be\u{1b} written", hint: "try y"),
      location: Location(source: "a.ssd", line: 2))
    #expect(
      located.text()
        == #"{"command":"save","error":{"code":"file","file":"a.ssd","hint":"try y","line":2,"#
        + #""message":"x: cannot be\u001b written"},"ok":false,"seq":4,"v":1}"#)
    let bare = Record.failure(seq: 1, command: nil, diagnostic: Diagnostic(.usage, "no"), location: nil)
    #expect(
      bare.text()
        == #"{"command":null,"error":{"code":"usage","file":null,"hint":null,"line":null,"message":"no"},"#
        + #""ok":false,"seq":1,"v":1}"#)
  }
}

@Suite("ErrorText")
struct ErrorTextTests {
  @Test("An error is a line with its place, and its hint another")
  func lines() {
    let diagnostic = Diagnostic(.value, at: "steps", "expected 1, found 2", hint: "write 1")
    #expect(
      ErrorText.render(diagnostic, at: Location(source: "a.ssd", line: 3))
        == "a.ssd:3: error: steps: expected 1, found 2\nhint: write 1")
    #expect(ErrorText.render(Diagnostic(.value, "no")) == "error: no")
  }

  @Test(
    "Characters that act on a terminal are escaped, others stay",
    arguments: [
      ("plain é 狐 🦊", "plain é 狐 🦊"), ("a\tb", #"a\tb"#), ("\u{1b}[31m", #"\u{1b}[31m"#),
      ("\u{7f}\u{9b}\u{0}", #"\u{7f}\u{9b}\u{0}"#), ("a\u{202E}b\u{2028}", #"a\u{202e}b\u{2028}"#),
      ("\r\n", #"\u{d}\n"#), ("👩\u{200D}🚀", "👩\u{200D}🚀"),
    ])
  func escapes(text: String, expected: String) {
    #expect(ErrorText.escaped(text) == expected)
    let rendered = ErrorText.render(
      Diagnostic(.usage, text, hint: text), at: Location(source: text, line: 1))
    #expect(rendered == "\(expected):1: error: \(expected)\nhint: \(expected)")
  }
}
