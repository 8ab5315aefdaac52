import Base
import Foundation

/// The settings line of an infotext, read as Python's `re.findall` reads it with
/// `\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)`, in time linear in the line.
enum InfotextScanner {
  typealias Scalars = ArraySlice<Unicode.Scalar>

  /// The pairs found in a line, with JSON strings undone.
  static func pairs(in line: String) -> [Infotext.Pair] {
    let scalars = Array(line.unicodeScalars)
    var pairs: [Infotext.Pair] = []
    var position = 0
    while position < scalars.count {
      let start = skippingBlanks(scalars[position...])
      guard start < scalars.count, let end = keyEnd(in: scalars[start...]) else {
        position = start + 1
        continue
      }
      guard end < scalars.count, scalars[end] == ":" else {
        // Every later start inside this run of key characters ends at the same place and fails as well.
        position = end
        continue
      }
      let valueStart = skippingBlanks(scalars[(end + 1)...])
      let valueEnd =
        quotedEnd(in: scalars[valueStart...])
        ?? scalars[valueStart...].firstIndex(of: ",") ?? scalars.count
      pairs.append((text(scalars[start..<end]), unquoted(text(scalars[valueStart..<valueEnd]))))
      // A comma, or the end.
      position = valueEnd + 1
    }
    return pairs
  }

  /// Where the key ends that starts with these scalars, or nil if none does.
  static func keyEnd(in scalars: Scalars) -> Int? {
    guard let first = scalars.first, isWord(first) else { return nil }
    let rest = scalars.dropFirst()
    let end = rest.firstIndex { !isWord($0) && $0 != " " && $0 != "-" && $0 != "/" } ?? scalars.endIndex
    return end > rest.startIndex ? end : nil
  }

  /// Where a string in quotes ends that starts here and is followed by a comma or the end, or nil.
  private static func quotedEnd(in scalars: Scalars) -> Int? {
    guard scalars.first == "\"" else { return nil }
    var index = scalars.startIndex + 1
    while index < scalars.endIndex, scalars[index] != "\"" { index += scalars[index] == "\\" ? 2 : 1 }
    guard index < scalars.endIndex, index > scalars.startIndex + 1 else { return nil }
    let end = index + 1
    return end == scalars.endIndex || scalars[end] == "," ? end : nil
  }

  /// The string a JSON string stands for; anything else unchanged.
  private static func unquoted(_ value: String) -> String {
    guard value.unicodeScalars.count >= 2, value.unicodeScalars.first == "\"",
      value.unicodeScalars.last == "\"",
      case .string(let text)? = try? JSONValue(parsing: Data(value.utf8), at: "infotext")
    else { return value }
    return text
  }

  /// The text without blanks at its ends, as Python's `str.strip` takes them.
  static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !isBlank($0) }),
      let last = scalars.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(scalars[first...last])
  }

  private static func skippingBlanks(_ scalars: Scalars) -> Int {
    scalars.firstIndex { !isBlank($0) } ?? scalars.endIndex
  }

  private static func text(_ scalars: Scalars) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// Python's `\s`: Unicode's white space and the four separators U+001C to U+001F.
  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  /// Python's `\w`: letters, whatever has a numeric value, and the underscore.
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: scalar == "_" || scalar.properties.numericType != nil
    }
  }
}
