/// A word of a statement, its quotes and escapes resolved.
public struct Word: Sendable, Equatable {
  /// The word's value; of `key="a b"` it is `key=a b`.
  public let text: String
  /// The name before the first `=`, where the word starts with an unquoted name and a `=`.
  public let key: String?
  /// What follows the `=` of a word with a key.
  public let value: String?
  /// Where the word stands in its statement, as UTF-8 offsets, quotes included.
  public let range: Range<Int>
  /// Whether the word, or the value of its key, was written between quotes.
  public let isQuoted: Bool
  /// The quote still open at the end of the input; only a tolerant lexer lets such a word pass.
  let openQuote: Lexer.Quote?
  /// Where that quote was opened; the start of the value where there is none.
  let valueStart: Int
}

/// Splits a statement into words.
///
/// Blanks (space, tab, line break) separate words. A quote opens a text only where a word or the value of a
/// `key=` starts, so that `don't` is a word, and a blank or the end must follow the closing one. `'…'` is
/// literal, `"…"` knows `\n \t \" \\ \u{…}`, and `"""…"""` is literal and may span lines: a line break right
/// after the opening and the one before a closing that stands alone on its line are not part of the text.
struct Lexer {
  enum Quote: Sendable { case single, double, triple }

  /// What is wrong with a statement's text, and at which UTF-8 offset.
  struct Fault: Error, Equatable {
    var offset: Int
    var message: String
    var hint: String
  }

  private let bytes: [UInt8]
  private(set) var position: Int
  /// Lets an open quote and a wrong escape pass, for a line that is still being typed.
  private let isTolerant: Bool

  init(_ text: some StringProtocol, from position: Int = 0, isTolerant: Bool = false) {
    bytes = Array(text.utf8)
    self.position = position
    self.isTolerant = isTolerant
  }

  var isAtEnd: Bool { position >= bytes.count }
  var isAtQuote: Bool { !isAtEnd && Self.isQuote(bytes[position]) }

  mutating func skipBlanks() {
    while !isAtEnd, Self.isBlank(bytes[position]) { position += 1 }
  }

  /// The rest of the statement as it stands, without its trailing blanks.
  func rest() -> String {
    var end = bytes.count
    while end > position, Self.isBlank(bytes[end - 1]) { end -= 1 }
    return String(decoding: bytes[position..<max(position, end)], as: UTF8.self)
  }

  /// The next word, or nil at the end.
  mutating func next() throws(Fault) -> Word? {
    skipBlanks()
    if isAtEnd { return nil }
    let start = position
    let key = scanKey()
    let valueStart = position
    let isQuoted = isAtQuote
    var openQuote: Quote?
    let value: String
    if isQuoted {
      (value, openQuote) = try quotedText()
      if openQuote == nil, !isAtEnd, !Self.isBlank(bytes[position]) {
        if !isTolerant {
          throw Fault(
            offset: position,
            message: "expected a blank after the closing quote, found \(ErrorText.shown(plainRun()))",
            hint: "quote the whole word, and write \\\" for a quote inside \"…\"")
        }
        _ = plainRun()
      }
    } else {
      value = plainRun()
    }
    return Word(
      text: key.map { "\($0)=\(value)" } ?? value, key: key, value: key == nil ? nil : value,
      range: start..<position, isQuoted: isQuoted, openQuote: openQuote, valueStart: valueStart)
  }

  /// Moves past `name=` and returns the name, or stays where it is.
  private mutating func scanKey() -> String? {
    var end = position
    while end < bytes.count, Self.isKeyByte(bytes[end], isFirst: end == position) { end += 1 }
    guard end > position, end < bytes.count, bytes[end] == UInt8(ascii: "=") else { return nil }
    defer { position = end + 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  /// Moves past everything up to the next blank.
  private mutating func plainRun() -> String {
    let start = position
    while !isAtEnd, !Self.isBlank(bytes[position]) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func quotedText() throws(Fault) -> (text: String, open: Quote?) {
    if bytes[position] == UInt8(ascii: "'") { return try literalText() }
    return isAtTriple(position) ? try multilineText() : try escapedText()
  }

  private mutating func literalText() throws(Fault) -> (text: String, open: Quote?) {
    let start = position
    position += 1
    while !isAtEnd, bytes[position] != UInt8(ascii: "\n") {
      if bytes[position] == UInt8(ascii: "'") {
        position += 1
        return (String(decoding: bytes[(start + 1)..<(position - 1)], as: UTF8.self), nil)
      }
      position += 1
    }
    if isTolerant { return (String(decoding: bytes[(start + 1)..<position], as: UTF8.self), .single) }
    throw Fault(
      offset: start, message: "the ' that opens here is never closed",
      hint: "close it on the same line; a text with ' in it goes between double quotes")
  }

  private mutating func escapedText() throws(Fault) -> (text: String, open: Quote?) {
    let start = position
    var text: [UInt8] = []
    position += 1
    while !isAtEnd, bytes[position] != UInt8(ascii: "\n") {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return (String(decoding: text, as: UTF8.self), nil)
      case UInt8(ascii: "\\"):
        try escape(into: &text)
      default:
        text.append(bytes[position])
        position += 1
      }
    }
    if isTolerant { return (String(decoding: text, as: UTF8.self), .double) }
    throw Fault(
      offset: start, message: "the \" that opens here is never closed",
      hint: "close it on the same line; \"\"\" opens a text of several lines")
  }

  private mutating func multilineText() throws(Fault) -> (text: String, open: Quote?) {
    let opening = position
    position += 3
    let start = position
    while !isAtEnd {
      if isAtTriple(position) {
        let text = Self.trimmedLines(bytes[start..<position])
        position += 3
        return (text, nil)
      }
      position += 1
    }
    if isTolerant { return (String(decoding: bytes[start...], as: UTF8.self), .triple) }
    throw Fault(
      offset: opening, message: "the \"\"\" that opens here is never closed",
      hint: "end the text with \"\"\"")
  }

  /// Moves past an escape and appends what it stands for.
  private mutating func escape(into text: inout [UInt8]) throws(Fault) {
    let start = position
    position += 1
    // The text that ends here is never closed, and is reported as such.
    if isAtEnd { return }
    switch bytes[position] {
    case UInt8(ascii: "n"): text.append(UInt8(ascii: "\n"))
    case UInt8(ascii: "t"): text.append(UInt8(ascii: "\t"))
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(bytes[position])
    case UInt8(ascii: "u"):
      position += 1
      return try unicodeEscape(from: start, into: &text)
    default:
      if isTolerant {
        text.append(UInt8(ascii: "\\"))
        return
      }
      let found = String(decoding: bytes[position...].prefix(4), as: UTF8.self).prefix(1)
      throw Fault(
        offset: start, message: "unknown escape \\\(found) in a \"…\" text",
        hint:
          "known are \\n \\t \\\" \\\\ \\u{…}; write \\\\ for a backslash, or use '…', which has no escapes")
    }
    position += 1
  }

  private mutating func unicodeEscape(from start: Int, into text: inout [UInt8]) throws(Fault) {
    let digits = bytes[position...].dropFirst().prefix { $0.isHexDigit }
    let isBraced =
      !isAtEnd && bytes[position] == UInt8(ascii: "{") && digits.endIndex < bytes.count
      && bytes[digits.endIndex] == UInt8(ascii: "}")
    let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    if isBraced, let scalar = number.flatMap(Unicode.Scalar.init), scalar.value != 0 {
      text.append(contentsOf: String(Character(scalar)).utf8)
      position = digits.endIndex + 1
      return
    }
    if isTolerant {
      text.append(contentsOf: bytes[start..<position])
      return
    }
    var end = isBraced ? digits.endIndex + 1 : digits.endIndex
    while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
    let found = String(decoding: bytes[start..<end], as: UTF8.self)
    throw Fault(
      offset: start,
      message: "expected \\u{…} with the hexadecimal number of a Unicode character, found \(found)",
      hint: "for example \\u{e9} is é; the character 0 is not allowed")
  }

  private func isAtTriple(_ offset: Int) -> Bool {
    offset + 2 < bytes.count && bytes[offset..<(offset + 3)].allSatisfy { $0 == UInt8(ascii: "\"") }
  }

  /// A multi-line text without the line break after its opening and without a blank last line.
  private static func trimmedLines(_ bytes: ArraySlice<UInt8>) -> String {
    var text = bytes
    let opening = text.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    let isOpeningAlone = opening.endIndex < text.endIndex && text[opening.endIndex] == UInt8(ascii: "\n")
    if let lineBreak = text.lastIndex(of: UInt8(ascii: "\n")), text[lineBreak...].allSatisfy(isBlank) {
      text = text[..<lineBreak]
    }
    // The only line break may be both the opening's and the closing's.
    if isOpeningAlone { text = text.dropFirst(opening.count + 1) }
    return String(decoding: text, as: UTF8.self)
  }

  static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n")
  }

  static func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") }

  static func isKeyByte(_ byte: UInt8, isFirst: Bool) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      !isFirst
    default: false
    }
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool { Unicode.Scalar(self).properties.isASCIIHexDigit }
}
