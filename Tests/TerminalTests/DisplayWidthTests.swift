import Foundation
import Terminal
import Testing

@Suite struct DisplayWidthTests {
  /// Rows of a committed table, made by Scripts/goldens/make_display_width_goldens.py with Python's wcwidth.
  static func rows(_ name: String) throws -> [[String]] {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Goldens/terminal/\(name)").standardizedFileURL
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
  }

  @Test("texts take the columns that Python's wcwidth gives them")
  func texts() throws {
    let rows = try Self.rows("text-width.tsv")
    #expect(rows.count == 60)
    for row in rows {
      let scalars = row[0].split(separator: " ").compactMap {
        UInt32($0, radix: 16).flatMap(Unicode.Scalar.init)
      }
      let text = String(String.UnicodeScalarView(scalars))
      #expect(DisplayWidth.of(text) == Int(row[1]), "\(text) \(row[0])")
    }
  }

  @Test("every scalar of Unicode 17 takes the columns that Python's wcwidth gives it")
  func scalars() throws {
    var expected: [UInt32: Int] = [:]
    for row in try Self.rows("scalar-width.tsv") {
      let (first, last) = (try #require(UInt32(row[0], radix: 16)), try #require(UInt32(row[1], radix: 16)))
      for value in first...last { expected[value] = Int(row[2]) }
    }
    var checked = 0
    var wrong: [String] = []
    for scalar in (UInt32(0)...0x10FFFF).lazy.compactMap(Unicode.Scalar.init) {
      // What Unicode 17 has not assigned has no width to agree upon.
      guard let age = scalar.properties.age, age.major <= 17 else { continue }
      checked += 1
      let width = DisplayWidth.of(scalar)
      if width != expected[scalar.value, default: 1] {
        wrong.append("U+\(String(scalar.value, radix: 16)): \(width)")
      }
    }
    #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(20))")
    // 159,801 characters, 137,468 private ones and 65 controls make up Unicode 17.
    #expect(checked >= 297_334)
  }

  @Test(
    "a text is cut between clusters, so that it and its ellipsis fit",
    arguments: [
      ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("abcdef", 1, "…"), ("abcdef", 0, ""), ("", 0, ""),
      ("日本語", 6, "日本語"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("日本語", 2, "…"),
      ("👩🏽‍🚀👩🏽‍🚀", 3, "👩🏽‍🚀…"), ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
    ])
  func truncation(text: String, columns: Int, expected: String) {
    #expect(DisplayWidth.truncated(text, to: columns) == expected)
  }

  @Test("padding counts columns and never cuts")
  func padding() {
    #expect(DisplayWidth.padded("日本", to: 6) == "日本  ")
    #expect(DisplayWidth.padded("日本", to: 6, alignment: .right) == "  日本")
    #expect(DisplayWidth.padded("日本", to: 3) == "日本")
  }

  @Test(
    "what could steer a terminal or reorder a line is written as an escape",
    arguments: [
      ("plain é 日本 👩🏽‍🚀 \\n", "plain é 日本 👩🏽‍🚀 \\n"),
      ("a\u{1B}[31mb", "a\\u{1B}[31mb"),
      ("a\r\nb\tc", "a\\r\\nb\\tc"),
      ("\0\u{7}\u{7F}\u{9B}2J", "\\u{0}\\u{7}\\u{7F}\\u{9B}2J"),
      ("user\u{202E}gnp.exe", "user\\u{202E}gnp.exe"),
      ("a\u{2066}b\u{2069}\u{200F}\u{61C}", "a\\u{2066}b\\u{2069}\\u{200F}\\u{61C}"),
      ("a\u{200B}b\u{FEFF}c\u{2028}d\u{2029}", "a\\u{200B}b\\u{FEFF}c\\u{2028}d\\u{2029}"),
      ("نمی\u{200C}خواهم", "نمی\u{200C}خواهم"),
    ])
  func sanitizing(text: String, expected: String) {
    #expect(DisplayWidth.sanitized(text) == expected)
  }

  @Test("nothing sanitized holds a control character")
  func noControl() {
    let all = String(String.UnicodeScalarView((UInt32(0)...0xFFFF).compactMap(Unicode.Scalar.init)))
    #expect(
      !DisplayWidth.sanitized(all).unicodeScalars.contains { $0.properties.generalCategory == .control })
  }
}
