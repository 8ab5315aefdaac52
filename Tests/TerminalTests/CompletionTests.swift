import Terminal
import Testing

@Suite struct CompletionTests {
  typealias Edit = LineEditor.CompletionEdit

  struct Case: CustomTestStringConvertible, Sendable {
    var line: String
    /// Nil means the line's end.
    var cursor: Int?
    var from: Int
    var candidates: [String]
    var suffix = " "
    var expected: Edit
    var testDescription: String { "\(line)|\(candidates)" }
  }

  @Test(
    "Tab inserts what is certain and lists the rest",
    arguments: [
      Case(line: "gen", from: 0, candidates: ["generate"], expected: Edit(insertion: "erate ")),
      Case(line: "generate", from: 0, candidates: ["generate"], expected: Edit(insertion: " ")),
      Case(line: "g ste", from: 2, candidates: ["steps"], suffix: "=", expected: Edit(insertion: "ps=")),
      Case(line: "ge 5", cursor: 2, from: 0, candidates: ["generate"], expected: Edit(insertion: "nerate")),
      Case(
        line: "s", from: 0, candidates: ["seed", "steps"], expected: Edit(list: ["seed", "steps"])),
      Case(
        line: "", from: 0, candidates: ["seed", "select"],
        expected: Edit(insertion: "se", list: ["seed", "select"])),
      Case(line: "x", from: 0, candidates: [], expected: Edit()),
      // By offsets in UTF-8: 狐 is three bytes, é two.
      Case(line: "狐 né", from: 4, candidates: ["négatif"], expected: Edit(insertion: "gatif ")),
      // A prefix ends between clusters: e and é (e, U+0301) have nothing in common.
      Case(line: "", from: 0, candidates: ["e\u{301}a", "ea"], expected: Edit(list: ["e\u{301}a", "ea"])),
      // Another spelling replaces the word, counted in code points.
      Case(line: "狐é", from: 0, candidates: ["Fox"], expected: Edit(deletedScalars: 2, insertion: "Fox ")),
      Case(line: "ab", from: 0, candidates: ["xaby", "zab"], expected: Edit(list: ["xaby", "zab"])),
      Case(line: "ab", from: 3, candidates: ["abc"], expected: Edit()),
      Case(line: "ab", cursor: 9, from: 0, candidates: ["abc"], expected: Edit()),
    ])
  func edits(_ each: Case) {
    let completion = LineEditor.Completion(
      candidates: each.candidates, replaceFrom: each.from, suffix: each.suffix)
    #expect(completion.edit(line: each.line, cursor: each.cursor ?? each.line.utf8.count) == each.expected)
  }

  @Test(
    "a list fills columns downwards, by display width",
    arguments: [
      (20, "a      dddd   日本\nbb     eeeee\n"), (8, "a\nbb\ndddd\neeeee\n日本\n"),
      (100, "a      bb     dddd   eeeee  日本\n"),
      (3, "a\nbb\ndd…\nee…\n日…\n"),
    ])
  func columns(width: Int, expected: String) {
    #expect(LineEditor.Completion.columns(["a", "bb", "dddd", "eeeee", "日本"], width: width) == expected)
  }

  @Test("a long list ends with how many more there are, and names are sanitized")
  func limit() {
    let text = LineEditor.Completion.columns(["a\u{1B}b", "c", "d"], width: 4, limit: 1)
    #expect(text == "a\\u…\nand 2 more\n")
  }
}
