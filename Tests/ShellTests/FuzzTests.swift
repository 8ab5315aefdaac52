import Base
import Foundation
import RandomNumbers
import Shell
import Testing

@Suite("Fuzz", .timeLimit(.minutes(1)))
struct FuzzTests {
  /// Pieces that mean something to the language, and random bytes between them.
  private static func line(_ random: inout SplitMix64) -> [UInt8] {
    let pieces = [
      "'", "\"", "\"\"\"", "\\", "\\u{", "}", "=", "#", " ", "\t", "\r", "prompt ", "set ", "time ",
      "repeat 2 ", "dump ",
      "generate ", "out=", "steps=", "e9", "é", "\u{301}", "\u{FEFF}", "\0",
    ]
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0...12, using: &random) {
      if Int.random(in: 0..<4, using: &random) == 0 {
        // A quarter of the pieces are single bytes; those above 0x7F are seldom valid.
        bytes.append(UInt8.random(in: 0...255, using: &random))
      } else {
        bytes += Array(pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8)
      }
    }
    return bytes
  }

  @Test("Random lines are read, parsed and completed, or refused with a line of the script")
  func lines() throws {
    var random = SplitMix64(seed: 1)
    let lineCount = 20_000
    var data = Data()
    // A line feed among the random bytes would make more lines of one.
    for _ in 0..<lineCount { data.append(contentsOf: Self.line(&random).filter { $0 != 10 } + [10]) }
    let reader = ScriptReader(source: "s", grammar: SampleTable.table.grammar(), data: data)
    var last = 0
    var counts = (parsed: 0, refused: 0, unread: 0)
    while true {
      do {
        guard let statement = try reader.next() else { break }
        #expect(statement.location.line > last)
        last = statement.location.line
        check(statement, &counts)
      } catch {
        #expect(error.location.line > last && error.location.line <= lineCount)
        last = error.location.line
        counts.unread += 1
      }
    }
    // Each way is taken often, so that the test means something.
    #expect(counts.parsed > 100 && counts.refused > 1000 && counts.unread > 1000, "\(counts)")
  }

  private func check(_ statement: Statement, _ counts: inout (parsed: Int, refused: Int, unread: Int)) {
    let cursor = statement.text.utf8.count
    let completion = SampleTable.table.complete(line: statement.text, cursor: cursor) { _, beginning in
      [beginning + "x", beginning + " /"]
    }
    #expect(completion.replaceFrom <= cursor)
    do {
      let parsed = try SampleTable.table.parse(statement)
      #expect(parsed.invocation.command == parsed.command.declaration.name)
      counts.parsed += 1
    } catch {
      #expect(!error.diagnostic.message.isEmpty)
      #expect(error.location.line >= statement.location.line)
      counts.refused += 1
    }
  }

  @Test("Random lines one by one, as a terminal gives them")
  func single() {
    var random = SplitMix64(seed: 2)
    for _ in 0..<20_000 {
      let text = String(decoding: Self.line(&random), as: UTF8.self)
      var assembler = StatementAssembler(
        source: "s", grammar: SampleTable.table.grammar(allowAbbreviation: true))
      guard case .complete(let statement)? = try? assembler.append(text) else {
        _ = try? assembler.finish()
        #expect(!assembler.isIncomplete)
        continue
      }
      #expect(statement.text == text)
      _ = try? statement.words()
    }
  }
}
