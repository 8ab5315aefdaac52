/// HTML's character references, such as `&eacute;` and `&#233;`, where a semicolon ends them.
enum CharacterReferences {
  /// The text with each reference replaced by its characters; what only resembles one stays.
  static func resolved(in text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    guard text.contains("&"), text.contains(";") else { return text }
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      if text[position] == "&", let end = end(ofReferenceAt: position, in: text),
        let characters = characters(of: text[(position + 1)..<(end - 1)])
      {
        result += characters
        position = end
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  /// The position after the semicolon of what is written as a reference.
  private static func end(ofReferenceAt start: Int, in text: [Unicode.Scalar]) -> Int? {
    var position = start + 1
    if position < text.count, text[position] == "#" { position += 1 }
    let first = position
    while position < text.count, position - first < maximumLength, isLetterOrDigit(text[position]) {
      position += 1
    }
    return position > first && position < text.count && text[position] == ";" ? position + 1 : nil
  }

  private static let maximumLength = 24

  private static func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
  }

  /// What a reference stands for, without its ampersand and semicolon.
  private static func characters(of reference: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar]? {
    let name = String(String.UnicodeScalarView(reference))
    guard name.hasPrefix("#") else { return named[name] }
    let isHexadecimal = name.dropFirst().first.map { "xX".contains($0) } ?? false
    let digits = name.dropFirst(isHexadecimal ? 2 : 1)
    guard !digits.isEmpty, digits.allSatisfy({ isHexadecimal ? $0.isHexDigit : ("0"..."9").contains($0) })
    else { return nil }
    return numbered(UInt32(digits, radix: isHexadecimal ? 16 : 10) ?? .max)
  }

  /// The character with a number, as HTML reads numbers that are none (HTML Standard, section 13.2.5.80).
  private static func numbered(_ number: UInt32) -> [Unicode.Scalar]? {
    switch number {
    // A semicolon counts as an unfinished reference.
    case 0x3B: nil
    case 0: ["\u{FFFD}"]
    case 0x0D: ["\r"]
    case 0x80...0x9F: [SingleByteEncoding.windows1252.decoded(UInt8(number))]
    case 1...8, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: []
    default:
      if let scalar = Unicode.Scalar(number) {
        // The last two code points of each plane are no characters.
        number & 0xFFFE == 0xFFFE ? [] : [scalar]
      } else {
        ["\u{FFFD}"]
      }
    }
  }

  /// The named references, and the capitals of those in small letters: shouted text has `&EACUTE;`.
  private static let named: [String: [Unicode.Scalar]] = {
    var named: [String: [Unicode.Scalar]] = [:]
    for entry in NamedCharacterReferences.table.split(whereSeparator: \.isWhitespace) {
      let parts = entry.split(separator: "=")
      named[String(parts[0])] = parts[1].split(separator: "+").compactMap {
        UInt32($0, radix: 16).flatMap(Unicode.Scalar.init)
      }
    }
    for (name, characters) in named where name == name.lowercased() {
      let capitals = name.uppercased()
      // A browser takes these few without a semicolon, so that they end a reference early.
      let isCut = ["AMP", "COPY", "ETH", "GT", "LT", "QUOT", "REG", "THORN"].contains {
        capitals.hasPrefix($0)
      }
      if !isCut, named[capitals] == nil {
        named[capitals] = characters.flatMap(\.properties.uppercaseMapping.unicodeScalars)
      }
    }
    return named
  }()
}
