import Base
import Foundation
import Shell
import Testing

@Suite("ScriptReader", .timeLimit(.minutes(1)))
struct ScriptReaderTests {
  /// Everything that a script gives, one line each.
  private static func read(_ bytes: [UInt8], chunk: Int = Int.max) -> [String] {
    var rest = bytes[...]
    let reader = ScriptReader(source: "s", grammar: SampleTable.table.grammar()) {
      let piece = rest.prefix(chunk)
      rest = rest.dropFirst(chunk)
      return piece.isEmpty ? nil : Data(piece)
    }
    var items: [String] = []
    while true {
      do {
        guard let item = try reader.nextItem() else { return items }
        switch item {
        case .statement(let statement): items.append("\(statement.location.line):\(statement.text)")
        case .comment(let comment): items.append("\(comment.location.line)#\(comment.text)")
        }
      } catch {
        items.append(ErrorText.render(error))
      }
    }
  }

  private static let save = "hint: save the script as UTF-8"
  private static let check = "hint: check that this is a script, and save it as UTF-8"

  @Test(
    "Bytes become statements with their lines, however they are cut into pieces",
    arguments: [
      (Array("".utf8), []),
      (Array("\n\n".utf8), []),
      (Array("quit".utf8), ["1:quit"]),
      (Array("#!ssd1b 1\r\n\r\nseed 42\r\nquit\r\n".utf8), ["1##!ssd1b 1", "3:seed 42", "4:quit"]),
      (Array("\u{FEFF}quit\n".utf8), ["1:quit"]),
      (Array("\u{FEFF}# x\n\u{FEFF}quit".utf8), ["1## x", "2:\u{FEFF}quit"]),
      (Array("prompt a\\\r\n  b\r\nquit".utf8), ["1:prompt a b", "3:quit"]),
      (Array("prompt \"\"\"\r\na\r\n\"\"\"\r\nquit".utf8), ["1:prompt \"\"\"\na\n\"\"\"", "4:quit"]),
      (
        Array("quit\nprompt é".utf8) + [0xE9] + Array(" x\nquit".utf8),
        [
          "1:quit", "s:2: error: expected UTF-8 text, found the byte 0xE9 at byte 10 of the line\n\(save)",
          "3:quit",
        ]
      ),
      (
        [0xFF, 0xFE, 0x71, 0x0A],
        ["s:1: error: expected UTF-8 text, found the byte 0xFF at byte 1 of the line\n\(save)"]
      ),
      (
        Array("# ".utf8) + [0xC3] + Array("\nquit".utf8),
        ["s:1: error: expected UTF-8 text, found the byte 0xC3 at byte 3 of the line\n\(save)", "2:quit"]
      ),
      (
        Array("prompt \"\"\"\na".utf8) + [0x80] + Array("\ngenerate\n\"\"\"\nquit".utf8),
        ["s:2: error: expected UTF-8 text, found the byte 0x80 at byte 2 of the line\n\(save)", "5:quit"]
      ),
      (
        Array("a\0b\nquit".utf8),
        ["s:1: error: a NUL byte at byte 2 of the line, which no text holds\n\(check)", "2:quit"]
      ),
      (
        Array("quit\n\nprompt \"\"\"a\nb\n".utf8),
        ["1:quit", "s:3: error: the \"\"\" that opens here is never closed\nhint: end the text with \"\"\""]
      ),
      (
        Array("quit\nsave a \\\n".utf8),
        [
          "1:quit",
          "s:2: error: the last line ends in \\ and there is no line to join\n"
            + "hint: remove the \\, or quote a text that ends in one",
        ]
      ),
    ] as [([UInt8], [String])])
  func scripts(bytes: [UInt8], expected: [String]) {
    #expect(Self.read(bytes) == expected)
    #expect(Self.read(bytes, chunk: 7) == expected)
    #expect(Self.read(bytes, chunk: 1) == expected)
  }

  @Test("A line too long to be a command is refused, and the one after it is read")
  func longLine() {
    let bytes = Array(repeating: UInt8(ascii: "x"), count: 200_000) + Array("\nquit".utf8)
    let expected = [
      "s:1: error: a line of more than 65536 bytes\nhint: check that this is a script", "2:quit",
    ]
    #expect(Self.read(bytes) == expected)
    #expect(Self.read(bytes, chunk: 1000) == expected)
    #expect(Self.read(Array(bytes.prefix(200_000)), chunk: 1000) == [expected[0]])
  }

  @Test("A statement is given before the bytes after it are asked for")
  func incremental() throws {
    var pieces = ["quit\nsee", "d 1\n", "prompt \"\"\"\n", "a\n\"\"\"\n", "quit"]
    var asked = 0
    let reader = ScriptReader(source: "-", grammar: SampleTable.table.grammar()) {
      asked += 1
      return pieces.isEmpty ? nil : Data(pieces.removeFirst().utf8)
    }
    #expect(try reader.next()?.text == "quit")
    #expect(asked == 1)
    #expect(try reader.next()?.text == "seed 1")
    #expect(asked == 2)
    #expect(try reader.next()?.text == "prompt \"\"\"\na\n\"\"\"")
    #expect(asked == 4)
    #expect(try reader.next()?.text == "quit")
    #expect(try reader.next() == nil)
    #expect(try reader.next() == nil)
    // Nothing is asked for after the end: a terminal would wait for it.
    #expect(asked == 6)
  }

  @Test("A pipe that stays open gives its lines as they come")
  func pipe() throws {
    let pipe = Pipe()
    let reader = ScriptReader(
      source: "-", grammar: SampleTable.table.grammar(), descriptor: pipe.fileHandleForReading.fileDescriptor)
    try pipe.fileHandleForWriting.write(contentsOf: Data("seed 1\n".utf8))
    #expect(try reader.next()?.text == "seed 1")
    try pipe.fileHandleForWriting.write(contentsOf: Data("seed 2\nquit".utf8))
    #expect(try reader.next()?.text == "seed 2")
    try pipe.fileHandleForWriting.close()
    #expect(try reader.next() == Statement("quit", at: Location(source: "-", line: 3)))
    #expect(try reader.next() == nil)
  }

  @Test("An error while reading is told with the line, ends the script and drops what was unfinished")
  func readError() throws {
    var count = 0
    let reader = ScriptReader(source: "-", grammar: SampleTable.table.grammar()) {
      count += 1
      if count == 1 { return Data("quit\nsave a\\\nsave ".utf8) }
      throw Diagnostic(.file, "cannot be read: no luck")
    }
    #expect(try reader.next()?.text == "quit")
    let error = #expect(throws: LocatedDiagnostic.self) { try reader.next() }
    #expect(error?.description == "-:3: cannot be read: no luck")
    #expect(try reader.next() == nil)
    #expect(count == 2)
  }

  @Test("A file is read, and one that cannot be is an error that says why")
  func files() throws {
    let grammar = SampleTable.table.grammar()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("script-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("a.ssd").path
    try Data("\nquit\n".utf8).write(to: URL(fileURLWithPath: path))
    let reader = try ScriptReader(file: path, grammar: grammar)
    #expect(try reader.next() == Statement("quit", at: Location(source: path, line: 2)))
    #expect(try reader.next() == nil)
    #expect(
      throws: Diagnostic(
        .file, at: "\(path).no", "cannot be read: No such file or directory",
        hint: "check the path and that you may read it")
    ) { try ScriptReader(file: path + ".no", grammar: grammar) }
    #expect(
      throws: Diagnostic(
        .file, at: folder.path, "cannot be read: it is a folder, not a file", hint: "give a file's path")
    ) { try ScriptReader(file: folder.path, grammar: grammar) }
  }
}
