import Foundation

/// Plain characters in the place of their typographic and control variants.
enum CharacterRepair {
  static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    guard text.contains(where: { $0.value < 0x20 || $0.value >= 0x7F }) else { return text }
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    for scalar in withLineFeeds(text) { result += plain(scalar) }
    return withoutTerminalEscapes(result).filter { !isControl($0) }
  }

  /// A character without ligature, unusual width, curled quotation marks.
  private static func plain(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
    switch scalar.value {
    case 0..<0x80: [scalar]
    // Controls of Latin-1, nearly always the characters that Windows has in their places.
    case 0x80...0x9F: plain(windows: scalar)
    case 0x02BC, 0x2018...0x201B: ["'"]
    case 0x201C...0x201F: ["\""]
    case 0x3000: [" "]
    case 0xFF01...0xFFEF: widths[scalar] ?? [scalar]
    default: ligatures[scalar] ?? [scalar]
    }
  }

  private static func plain(windows control: Unicode.Scalar) -> [Unicode.Scalar] {
    let scalar = SingleByteEncoding.windows1252.decoded(UInt8(control.value))
    return scalar == control ? [control] : plain(scalar)
  }

  private static let ligatures: [Unicode.Scalar: [Unicode.Scalar]] = [
    "Ĳ": "IJ", "ĳ": "ij", "ŉ": "'n", "Ǳ": "DZ", "ǲ": "Dz", "ǳ": "dz", "Ǆ": "DŽ", "ǅ": "Dž", "ǆ": "dž",
    "Ǉ": "LJ", "ǈ": "Lj", "ǉ": "lj", "Ǌ": "NJ", "ǋ": "Nj", "ǌ": "nj", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl",
    "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st",
  ].mapValues { Array($0.unicodeScalars) }

  /// The usual forms of half-width and full-width characters, which Unicode gives as compatible ones.
  private static let widths: [Unicode.Scalar: [Unicode.Scalar]] = {
    let pairs = (0xFF01...0xFFEF).compactMap { Unicode.Scalar(UInt32($0)) }.map {
      ($0, Array(String($0).precomposedStringWithCompatibilityMapping.unicodeScalars))
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }()

  /// One line feed for each kind of line's end.
  private static func withLineFeeds(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    for (index, scalar) in text.enumerated() {
      switch scalar {
      case "\r" where index + 1 < text.count && text[index + 1] == "\n": continue
      case "\r", "\u{2028}", "\u{2029}": result.append("\n")
      default: result.append(scalar)
      }
    }
    return result
  }

  /// Without the sequences that colour a terminal's text: escape, "[", numbers, a letter.
  private static func withoutTerminalEscapes(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    guard text.contains("\u{1B}") else { return text }
    var result: [Unicode.Scalar] = []
    var rest = text[...]
    while let first = rest.first {
      if first == "\u{1B}", rest.dropFirst().first == "[" {
        let end = rest.dropFirst(2).drop { $0 == ";" || $0.properties.generalCategory == .decimalNumber }
        if let last = end.first, last.isASCII, last.properties.isAlphabetic {
          rest = end.dropFirst()
          continue
        }
      }
      result.append(first)
      rest = rest.dropFirst()
    }
    return result
  }

  /// Whether a character controls what no text here has: devices, byte order, annotations, obsolete shaping.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0...8, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
    default: false
    }
  }
}
