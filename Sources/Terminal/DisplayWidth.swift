/// Columns that text takes on a terminal, and text made to fit and safe to show.
///
/// A grapheme cluster takes 0, 1 or 2 columns: the sum over its scalars, but never more than 2, as a terminal
/// that knows clusters draws it. East Asian wide and full-width scalars (UAX #11) and emoji take 2, combining
/// marks and invisible format characters 0; ambiguous ones take 1.
public enum DisplayWidth {
  public enum Alignment: Sendable { case left, right }

  /// The columns of `text`, which should be `sanitized`: a control character counts as 0.
  public static func of(_ text: String) -> Int {
    // Printable ASCII, which most text is, has a column a byte.
    if text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) { return text.utf8.count }
    return text.reduce(0) { $0 + of($1) }
  }

  /// The columns of one grapheme cluster.
  public static func of(_ character: Character) -> Int {
    var width = 0
    var previous: Unicode.Scalar?
    for scalar in character.unicodeScalars {
      switch scalar.value {
      case 0xFE0F:
        // Variation selector 16 asks for the emoji's picture, which is wide: U+2764 is 1, U+2764 U+FE0F is 2.
        if previous?.properties.isEmoji == true { width = 2 }
      case _ where previous?.value == 0x200D && width > 0 && scalar.properties.isEmoji:
        // A sequence joined by U+200D is one picture.
        break
      case _ where scalar.properties.generalCategory == .spacingMark:
        width += previous == nil ? 0 : 1
      default:
        width += of(scalar)
      }
      previous = scalar
    }
    return min(width, 2)
  }

  /// The columns of one scalar by itself, as wcwidth(3) has it, but 0 for a control character.
  public static func of(_ scalar: Unicode.Scalar) -> Int {
    let value = scalar.value
    if value < 0x300 { return value < 0x20 || (0x7F..<0xA0).contains(value) ? 0 : 1 }
    if isZeroWidth(scalar) { return 0 }
    return isWide(scalar) ? 2 : 1
  }

  private static func isZeroWidth(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .spacingMark, .lineSeparator, .paragraphSeparator: return true
    // Signs that enclose the number after them (U+0600 …) are format characters too, but visible.
    case .format:
      return properties.isDefaultIgnorableCodePoint || (0xFFF9...0xFFFB).contains(scalar.value)
        || (0x13430...0x1343F).contains(scalar.value)
    default:
      // Hangul vowels and final consonants join the syllable's first consonant; the rest are invisible
      // fillers.
      return (0x1160...0x11FF).contains(scalar.value) || (0xD7B0...0xD7FF).contains(scalar.value)
        || (properties.isDefaultIgnorableCodePoint && scalar.value != 0x115F)
    }
  }

  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    let value = scalar.value
    guard value >= 0x1100 else { return false }
    if scalar.properties.isEmojiPresentation { return true }
    var low = 0
    var high = wideRanges.count
    while low < high {
      let middle = (low + high) / 2
      if value > wideRanges[middle].upperBound { low = middle + 1 } else { high = middle }
    }
    return low < wideRanges.count && wideRanges[low].contains(value)
  }

  /// East_Asian_Width W and F of Unicode 17 (EastAsianWidth.txt), but for the emoji, which a property tells.
  /// Gaps of unassigned code points inside a block are closed.
  private static let wideRanges: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2329...0x232A, 0x2630...0x2637, 0x268A...0x268F, 0x2E80...0x303E, 0x3041...0x3247,
    0x3250...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
    0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1D300...0x1D356,
    0x1D360...0x1D376, 0x1F1E6...0x1F265, 0x20000...0x2FFFD, 0x30000...0x3FFFD,
  ]
}

extension DisplayWidth {
  /// `text` cut to at most `columns` columns, the cut marked by `ellipsis`.
  public static func truncated(_ text: String, to columns: Int, ellipsis: Character = "…") -> String {
    guard of(text) > columns else { return text }
    let room = columns - of(ellipsis)
    guard room >= 0 else { return "" }
    var result = ""
    var used = 0
    for character in text {
      used += of(character)
      if used > room { break }
      result.append(character)
    }
    return result + String(ellipsis)
  }

  /// `text` cut at its start to at most `columns` columns, the cut marked by `ellipsis`.
  public static func truncatedAtStart(_ text: String, to columns: Int, ellipsis: Character = "…") -> String {
    guard of(text) > columns else { return text }
    let room = columns - of(ellipsis)
    guard room >= 0 else { return "" }
    var kept: [Character] = []
    var used = 0
    for character in text.reversed() {
      used += of(character)
      if used > room { break }
      kept.append(character)
    }
    return String(ellipsis) + String(kept.reversed())
  }

  /// `text` filled up with blanks to `columns` columns; a wider one is unchanged.
  public static func padded(_ text: String, to columns: Int, alignment: Alignment = .left) -> String {
    let blanks = String(repeating: " ", count: max(0, columns - of(text)))
    return alignment == .left ? text + blanks : blanks + text
  }

  /// `text` with everything that could steer a terminal or reorder the line written as an escape.
  ///
  /// Control characters become `\n`, `\t`, `\r` or `\u{1B}`; so do line separators, the controls of
  /// bidirectional text, and invisible format characters except the two joiners and the tags that emoji and
  /// scripts need.
  public static func sanitized(_ text: String) -> String {
    if text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) { return text }
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      result.append(
        contentsOf: isUnsafe(scalar) ? escape(scalar).unicodeScalars : String(scalar).unicodeScalars)
    }
    return String(result)
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\t": "\\t"
    case "\r": "\\r"
    default: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    if (0x20...0x7E).contains(scalar.value) { return false }
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return true
    case .format:
      let isNeeded = (0x200C...0x200D).contains(scalar.value) || (0xE0020...0xE007F).contains(scalar.value)
      return isZeroWidth(scalar) && !isNeeded
    default: return false
    }
  }
}
