import Base
import Foundation
import Shell
import Testing

@Suite("Quoting")
struct QuotingTests {
  private static let texts = [
    "", "a", "a fox", " a", "a ", "\ta\t", "#1", "'tis", "\"x\"", "it's", "a\\", "\\", "a\nb", "\"\"\"",
    "a=b", "steps=8",
    "é 狐 🦊", "\u{1b}[0m", "\u{FEFF}a", "\r", "C:\\n", "a\u{301}", "\"\u{301}", "\u{301}", "$x `y` ;",
    "a\u{2028}b", "#\u{301}",
  ]

  @Test("A text needs quotes only where it would be read as something else")
  func plain() {
    #expect(Quoting.word("fox.png") == "fox.png")
    #expect(Quoting.word("a b") == "\"a b\"")
    #expect(Quoting.word("a=b") == "\"a=b\"")
    #expect(Quoting.option("out", "a=b") == "out=a=b")
    #expect(Quoting.option("out", "a b") == "out=\"a b\"")
    #expect(Quoting.rawText("a \"fox\" # x=1") == "a \"fox\" # x=1")
    #expect(Quoting.rawText("") == "\"\"")
    #expect(Quoting.rawText("a\n\"b\"\\") == #""a\n\"b\"\\""#)
  }

  /// What a script with this one line gives.
  private func read(_ line: String) throws -> Invocation {
    let table = SampleTable.table
    let reader = ScriptReader(source: "s", grammar: table.grammar(), data: Data("\(line)\nquit\n".utf8))
    let statement = try #require(try reader.next())
    let invocation = try table.parse(statement).invocation
    #expect(try reader.next()?.text == "quit")
    return invocation
  }

  @Test("Whatever is written is read back", arguments: texts)
  func roundTrip(text: String) throws {
    func bytes(_ text: String?) -> [UInt8]? { text.map { Array($0.utf8) } }
    #expect(bytes(try read("prompt \(Quoting.rawText(text))").rawText) == bytes(text))
    #expect(bytes(try read("tokens x \(Quoting.word(text))").arguments.last) == bytes(text))
    #expect(bytes(try read("tokens x \(Quoting.quoted(text)) y").arguments[1]) == bytes(text))
    #expect(bytes(try read("generate \(Quoting.option("seed", text)) n=1").text("seed")) == bytes(text))
    #expect(bytes(try read("view \(Quoting.word("x" + text))").text("picture")) == bytes("x" + text))
  }
}
