import Base
import Foundation

extension JSONValue {
  /// Parses a document whose long integers are kept as texts of their digits: seeds have 64 bits, and an integer here
  /// has 63. Throws a `Diagnostic` of kind `.file` that names `place` when it is no JSON.
  init(keepingDigitsOf text: String, at place: String) throws {
    try self.init(parsing: Self.quotingLongIntegers(Data(text.utf8)), at: place, kind: .file)
  }

  /// An integer of this many digits may be more than an `Int` holds.
  private static let longDigits = 19

  /// The document with quotes around each long integer that stands outside of strings.
  private static func quotingLongIntegers(_ text: Data) -> Data {
    var (quoted, copied) = (Data(), text.startIndex)
    var (isInString, index) = (false, text.startIndex)
    while index < text.endIndex {
      let byte = text[index]
      if isInString || byte == UInt8(ascii: "\"") {
        if byte == UInt8(ascii: "\\") {
          index += 1
        } else if byte == UInt8(ascii: "\"") {
          isInString.toggle()
        }
        index += 1
        continue
      }
      let end = text[index...].firstIndex { !numberBytes.contains($0) } ?? text.endIndex
      if end - index >= longDigits, text[index..<end].allSatisfy({ (0x30...0x39).contains($0) }) {
        quoted += text[copied..<index] + Data("\"".utf8) + text[index..<end] + Data("\"".utf8)
        copied = end
      }
      index = max(end, index + 1)
    }
    return copied == text.startIndex ? text : quoted + text[copied...]
  }

  private static let numberBytes = Set("0123456789+-.eE".utf8)
}

extension JSONValue {
  var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  var fields: [String: JSONValue]? {
    if case .object(let fields) = self { fields } else { nil }
  }

  var items: [JSONValue]? {
    if case .array(let items) = self { items } else { nil }
  }

  /// The number, be it written as one or as a text; nil for anything else.
  var number: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .number(let number): number
    case .string: digits.flatMap(Double.init)
    default: nil
    }
  }

  /// A number's digits, without a fraction that is zero; nil for what is no number.
  var digits: String? {
    switch self {
    case .integer(let number): return "\(number)"
    case .number(let number):
      let isWhole = number == number.rounded() && abs(number) < 0x1p53
      return isWhole ? "\(Int(number))" : "\(number)"
    case .string(let text):
      let text = text.trimmingCharacters(in: .whitespaces)
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard !text.hasPrefix("+"), Double(text) != nil, let whole = parts.first else { return nil }
      let isWhole = parts.count == 2 && !whole.isEmpty && parts[1].allSatisfy { $0 == "0" }
      return isWhole ? String(whole) : text
    default: return nil
    }
  }

  /// Whether it stands for nothing: null, false, zero, and what is empty or says so.
  var isNothing: Bool {
    switch self {
    case .null: true
    case .bool(let value): !value
    case .integer(let number): number == 0
    case .number(let number): number == 0
    case .string(let text): Self.nothing.contains(text.lowercased()) || number == 0
    case .array(let items): items.isEmpty
    case .object(let fields): fields.isEmpty
    }
  }

  private static let nothing: Set = ["", "none", "null", "false", "off", "no", "[]", "{}", "disabled"]
}
