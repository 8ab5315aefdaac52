import Base
import Shell
import Testing

@Suite("StatementAssembler")
struct StatementAssemblerTests {
  private func assembler() -> StatementAssembler {
    StatementAssembler(source: "s", grammar: SampleTable.table.grammar())
  }

  private static func name(_ outcome: StatementAssembler.Outcome) -> String {
    switch outcome {
    case .complete(let statement): "\(statement.location.line):\(statement.text)"
    case .incomplete: "…"
    case .empty: ""
    case .comment(let comment): comment.text
    }
  }

  @Test(
    "Lines become statements, comments and parts of statements",
    arguments: [
      (["generate", "", " \t"], ["1:generate", "", ""]),
      (["# a \\", "  #= b  ", "quit"], ["# a \\", "#= b", "3:quit"]),
      (["prompt a # b"], ["1:prompt a # b"]),
      (["generate \\", "  n=2 \\", "\tout=x"], ["…", "…", "1:generate n=2 out=x"]),
      (["\\", "\\", "quit"], ["…", "…", "1: quit"]),
      (["prompt a\\", "# b"], ["…", "1:prompt a # b"]),
      ([#"prompt a\\"#, "quit"], [#"1:prompt a\\"#, "2:quit"]),
      ([#"prompt a\\\"#, "b"], ["…", #"1:prompt a\\ b"#]),
      (["save 'a\\", "b'"], ["…", "1:save 'a b'"]),
      (
        ["prompt \"\"\"", "a \\", "# b", "", "\"\"\"", "quit"],
        ["…", "…", "…", "…", "1:prompt \"\"\"\na \\\n# b\n\n\"\"\"", "6:quit"]
      ),
      (["prompt a \"\"\" b", "quit"], ["1:prompt a \"\"\" b", "2:quit"]),
      (["prompt x=\"\"\"", "quit"], ["1:prompt x=\"\"\"", "2:quit"]),
      (["prompt it's \"", "quit"], ["1:prompt it's \"", "2:quit"]),
      (["p \"\"\"a", "b\"\"\""], ["…", "1:p \"\"\"a\nb\"\"\""]),
      (["prompt \\", "\"\"\"", "a\"\"\""], ["…", "…", "1:prompt \"\"\"\na\"\"\""]),
      (["save \"\"\"a", "b\"\"\" \\", "c"], ["…", "…", "1:save \"\"\"a\nb\"\"\" c"]),
      (["generate out=\"\"\"a", "b\"\"\""], ["…", "1:generate out=\"\"\"a\nb\"\"\""]),
      (["tokens \"\"\"a\"\"\" \"\"\"b", "\"\"\""], ["…", "1:tokens \"\"\"a\"\"\" \"\"\"b\n\"\"\""]),
      (["set prompt \"\"\"", "a\"\"\""], ["…", "1:set prompt \"\"\"\na\"\"\""]),
      (["set prompt a \"\"\"", "quit"], ["1:set prompt a \"\"\"", "2:quit"]),
      (["time repeat 2 prompt \"\"\"", "a\"\"\""], ["…", "1:time repeat 2 prompt \"\"\"\na\"\"\""]),
      (["time prompt a \"\"\"", "quit"], ["1:time prompt a \"\"\"", "2:quit"]),
      (["nonsense \"\"\"", "a\"\"\""], ["…", "1:nonsense \"\"\"\na\"\"\""]),
      (["save \"a", "quit"], ["1:save \"a", "2:quit"]),
      // The combining mark makes one character with what stands before it, but the language goes by scalars.
      (
        ["#\u{301}", "prompt \"\"\"\u{301}", "a\"\"\""], ["#\u{301}", "…", "2:prompt \"\"\"\u{301}\na\"\"\""]
      ),
    ] as [([String], [String])])
  func lines(lines: [String], expected: [String]) throws {
    var assembler = assembler()
    var outcomes: [String] = []
    for line in lines { outcomes.append(Self.name(try assembler.append(line))) }
    #expect(outcomes == expected)
    #expect(!assembler.isIncomplete)
    #expect(assembler.lineCount == lines.count)
    try assembler.finish()
  }

  @Test("An abbreviated command takes raw text only where abbreviations are allowed")
  func abbreviation() throws {
    var terminal = StatementAssembler(
      source: "s", grammar: SampleTable.table.grammar(allowAbbreviation: true))
    #expect(Self.name(try terminal.append("pro a \"\"\" b")) == "1:pro a \"\"\" b")
    var script = assembler()
    #expect(try script.append("pro a \"\"\" b") == .incomplete)
  }

  @Test(
    "A statement that waits for a line at the end is an error where it opened",
    arguments: [
      (["prompt \"\"\"", "a"], 1, "the \"\"\" that opens here is never closed", "end the text with \"\"\""),
      (
        ["", "save \\", "\"\"\"a", ""], 3, "the \"\"\" that opens here is never closed",
        "end the text with \"\"\""
      ),
      (
        ["save \"\"\"a", "b\"\"\" \"\"\"", ""], 2, "the \"\"\" that opens here is never closed",
        "end the text with \"\"\""
      ),
      (
        ["quit", "generate \\"], 2, "the last line ends in \\ and there is no line to join",
        "remove the \\, or quote a text that ends in one"
      ),
    ] as [([String], Int, String, String)])
  func unfinished(lines: [String], line: Int, message: String, hint: String) throws {
    var assembler = assembler()
    for line in lines { _ = try assembler.append(line) }
    let error = #expect(throws: LocatedDiagnostic.self) { try assembler.finish() }
    #expect(
      error
        == LocatedDiagnostic(Diagnostic(.usage, message, hint: hint), at: Location(source: "s", line: line)))
    try assembler.finish()
  }

  @Test("A reset forgets what has begun")
  func reset() throws {
    var assembler = assembler()
    #expect(try assembler.append("prompt \"\"\"") == .incomplete)
    #expect(assembler.isIncomplete)
    assembler.reset()
    #expect(Self.name(try assembler.append("quit")) == "2:quit")
  }

  @Test("A fault within a multi-line text refuses the whole text, and what follows it is a command again")
  func fault() throws {
    var assembler = assembler()
    let fault = Diagnostic(.usage, "broken")
    #expect(try assembler.append("prompt \"\"\"") == .incomplete)
    #expect(try assembler.append("generate", fault: fault) == .incomplete)
    #expect(try assembler.append("generate") == .incomplete)
    let error = #expect(throws: LocatedDiagnostic.self) { try assembler.append("\"\"\"") }
    #expect(error == LocatedDiagnostic(fault, at: Location(source: "s", line: 2)))
    #expect(Self.name(try assembler.append("quit")) == "5:quit")
  }

  @Test("A statement of the greatest length passes and one longer is refused as a whole")
  func length() throws {
    let limit = StatementAssembler.limitBytes
    var assembler = assembler()
    let longest = "prompt " + String(repeating: "a", count: limit - 7)
    #expect(Self.name(try assembler.append(longest)) == "1:\(longest)")
    let error = #expect(throws: LocatedDiagnostic.self) { try assembler.append(longest + "a") }
    #expect(error?.description == "s:2: a command of more than 65536 bytes")
    #expect(try assembler.append("prompt \"\"\"") == .incomplete)
    for _ in 0..<9 { #expect(try assembler.append(String(repeating: "a ", count: 5_000)) == .incomplete) }
    let second = #expect(throws: LocatedDiagnostic.self) { try assembler.append("\"\"\"") }
    #expect(second?.location.line == 3)
    #expect(Self.name(try assembler.append("quit")) == "14:quit")
  }
}
