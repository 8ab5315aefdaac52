import Foundation
import Terminal
import Testing

@Suite struct HistoryTests {
  /// Runs `body` with a folder of its own, which is removed.
  static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "history-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  static func text(of path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  static func permissions(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test(
    "newline and backslash are escaped, and any line can be read",
    arguments: [
      ("plain", "plain"), ("a\nb", "a\\nb"), ("a\\nb", "a\\\\nb"), ("\\", "\\\\"), ("é 🦊\t", "é 🦊\t"),
    ])
  func escapes(entry: String, line: String) {
    #expect(History.encoded(entry) == line)
    #expect(History.decoded(line) == entry)
  }

  @Test("a backslash that another program left stands for itself", arguments: ["C:\\temp", "end\\"])
  func foreign(line: String) { #expect(History.decoded(line) == line) }

  @Test("entries are in the file at once, in a folder and a file that only the user may read")
  func append() throws {
    try Self.withFolder { (folder: String) throws in
      let path = folder + "/state/ssd1b/history"
      var history = History(path: path)
      #expect(history.entries.isEmpty && history.warning == nil)
      history.add("prompt \"a\nb\"")
      #expect(try Self.text(of: path) == "prompt \"a\\nb\"\n")
      history.add("seed 1")
      #expect(try Self.text(of: path) == "prompt \"a\\nb\"\nseed 1\n")
      #expect(try Self.permissions(path) == 0o600)
      #expect(try Self.permissions(folder + "/state/ssd1b") == 0o700)
      #expect(History(path: path).entries == ["prompt \"a\nb\"", "seed 1"])
    }
  }

  @Test("empty lines, leading blanks and repetitions are left out")
  func leftOut() throws {
    try Self.withFolder { (folder: String) throws in
      let path = folder + "/history"
      var history = History(path: path)
      let added = ["a", "a", "", " secret", "\tsecret", "b", "a"].map { history.add($0) }
      #expect(added == [true, false, false, false, false, true, true])
      #expect(history.entries == ["a", "b", "a"])
      #expect(try Self.text(of: path) == "a\nb\na\n")
      try "x\nx\ny\n\nx\n".write(toFile: path, atomically: true, encoding: .utf8)
      #expect(History(path: path).entries == ["x", "y", "x"])
    }
  }

  @Test("two sessions on one file lose no line")
  func sessions() throws {
    try Self.withFolder { (folder: String) throws in
      let path = folder + "/history"
      var (first, second) = (History(path: path), History(path: path))
      first.add("one")
      second.add("two")
      first.add("three")
      #expect(first.entries == ["one", "three"])
      #expect(History(path: path).entries == ["one", "two", "three"])
    }
  }

  @Test("the newest 10,000 entries are loaded")
  func capacity() throws {
    try Self.withFolder { (folder: String) throws in
      let path = folder + "/history"
      try (0..<10_003).map { "seed \($0)\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
      let entries = History(path: path).entries
      #expect(entries.count == 10_000)
      #expect(entries.first == "seed 3" && entries.last == "seed 10002")
    }
  }

  @Test("a file's lines that are no text are left out with a warning, and a torn last line stays apart")
  func corrupt() throws {
    try Self.withFolder { (folder: String) throws in
      let path = folder + "/history"
      try Data("good\n".utf8 + [0xFF, 0xFE, 0x0A, 0x00, 0x0A] + "torn".utf8).write(to: URL(filePath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
      var history = History(path: path)
      #expect(history.entries == ["good", "torn"])
      #expect(history.warning == "\(path): 2 lines of the history left out: no UTF-8 text")
      history.add("next")
      #expect(History(path: path).entries == ["good", "torn", "next"])
      #expect(try Self.permissions(path) == 0o600)
    }
  }

  @Test(
    "a path that is no file gives a warning and a history in memory",
    arguments: ["folder", "pipe", "below/file"])
  func unusable(name: String) throws {
    try Self.withFolder { (folder: String) throws in
      let path = folder + "/" + name
      switch name {
      case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      case "pipe": #expect(mkfifo(path, 0o600) == 0)
      default: try "".write(toFile: folder + "/below", atomically: true, encoding: .utf8)
      }
      var history = History(path: path)
      let isAdded = history.add("seed 1")
      #expect(isAdded && history.entries == ["seed 1"])
      #expect(history.warning?.hasPrefix("\(path): the history cannot be") == true)
    }
  }

  @Test("/dev/null and no path keep entries in memory without a warning", arguments: ["/dev/null", nil])
  func memory(path: String?) {
    var history = History(path: path)
    history.add("seed 1")
    #expect(history.entries == ["seed 1"] && history.warning == nil)
  }
}
