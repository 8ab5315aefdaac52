/// UTF-8 that a single-byte encoding's detour has damaged: blanks where byte A0 was, bytes lost, surrogates
/// encoded apart.
enum DamagedUTF8 {
  /// Byte A0 again where a program made a blank of it, this being a space in Latin-1, and where the sequence
  /// that it completes is a likely character.
  static func restoringNoBreakSpaces(_ bytes: [UInt8]) -> [UInt8] {
    // "à" alone is a word in several languages, and its own blank was merged with the one after it; Portuguese
    // also writes it at the front of a few words.
    let contractions = [" ", "quele", "quela", "quilo", "s "].map { Array($0.utf8) }
    guard matches(in: bytes, of: alteredLength).first != nil else { return bytes }
    let separated = replacing(in: bytes, with: [0xC3, 0xA0, 0x20]) { rest in
      let after = rest.dropFirst(2)
      return rest.starts(with: [0xC3, 0x20]) && !contractions.contains { after.starts(with: $0) } ? 2 : nil
    }
    var result = separated
    for range in matches(in: separated, of: alteredLength) {
      for index in range where result[index] == 0x20 { result[index] = 0xA0 }
    }
    return result
  }

  /// U+FFFD for each sequence of which a byte is lost, byte 1A or at most one "?" being in its place.
  static func replacingLosses(_ bytes: [UInt8]) -> [UInt8] {
    replacing(in: bytes, with: Array("\u{FFFD}".utf8), of: lossyLength)
  }

  /// The text that bytes encode in UTF-8, or in the variants that encode U+0000 in two bytes (Java) and
  /// surrogates one by one (CESU-8); nil where they do not.
  static func decoded(_ bytes: [UInt8]) -> [Unicode.Scalar]? {
    var standard: [UInt8] = []
    standard.reserveCapacity(bytes.count)
    var rest = bytes[...]
    while let first = rest.first {
      if rest.starts(with: [0xC0, 0x80]) {
        standard.append(0)
        rest = rest.dropFirst(2)
      } else if first == 0xED, let scalar = surrogatePair(Array(rest.prefix(6))) {
        standard += Array(String(Character(scalar)).utf8)
        rest = rest.dropFirst(6)
      } else {
        standard.append(first)
        rest = rest.dropFirst()
      }
    }
    return String(validating: standard, as: UTF8.self).map { Array($0.unicodeScalars) }
  }

  /// The character whose two surrogates are encoded in three bytes each.
  private static func surrogatePair(_ bytes: [UInt8]) -> Unicode.Scalar? {
    guard bytes.count == 6, bytes[0] == 0xED, (0xA0...0xAF).contains(bytes[1]), isContinuation(bytes[2]),
      bytes[3] == 0xED, (0xB0...0xBF).contains(bytes[4]), isContinuation(bytes[5])
    else { return nil }
    let high = UInt32(bytes[1] & 0x0F) << 6 | UInt32(bytes[2] & 0x3F)
    let low = UInt32(bytes[4] & 0x0F) << 6 | UInt32(bytes[5] & 0x3F)
    return Unicode.Scalar(0x10000 + high << 10 + low)
  }

  private static func isContinuation(_ byte: UInt8) -> Bool { 0x80...0xBF ~= byte }

  /// The length of the sequence at the front that one A0 in the place of its blank makes a likely character.
  private static func alteredLength(_ rest: ArraySlice<UInt8>) -> Int? {
    guard let lead = rest.first else { return nil }
    func tail(_ count: Int) -> [UInt8]? {
      let tail = rest.dropFirst().prefix(count)
      let blanks = tail.count { $0 == 0x20 }
      return tail.count == count && blanks == 1 && tail.allSatisfy { $0 == 0x20 || isContinuation($0) }
        ? Array(tail) : nil
    }
    switch lead {
    // The no-break space; à, Š, Π, Р and the Arabic zero.
    case 0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9: return tail(1).map { _ in 2 }
    case 0xE0...0xE3:
      // Bytes 85 and A0 would themselves be blanks in Latin-1. After E0 and E1, A0 leads to rare scripts.
      guard let tail = tail(2), !tail.contains(0x85), !tail.contains(0xA0),
        tail[0] != 0x20 || lead >= 0xE2
      else { return nil }
      return 3
    case 0xF0: return tail(3).map { _ in 4 }
    default: return nil
    }
  }

  /// The length of the sequence at the front that lost bytes.
  private static func lossyLength(_ rest: ArraySlice<UInt8>) -> Int? {
    let question = UInt8(ascii: "?")
    let lost = SingleByteEncoding.substitute
    guard let lead = rest.first else { return nil }
    if lead == lost { return 1 }

    let pair = Array(rest.prefix(6))
    if lead == 0xED, pair.count == 6, 0xA0...0xAF ~= pair[1], pair[3] == 0xED, 0xB0...0xBF ~= pair[4] {
      let ends = [pair[2], pair[5]]
      let gone = ends.count { $0 == lost || $0 == question }
      if gone > 0, gone + ends.count(where: isContinuation) == 2 { return 6 }
    }
    let count: Int
    switch lead {
    case 0xC2...0xDF: count = 1
    case 0xE0...0xEF: count = 2
    case 0xF0...0xF4: count = 3
    default: return nil
    }
    let tail = rest.dropFirst().prefix(count)
    let questions = tail.count { $0 == question }
    let losses = questions + tail.count { $0 == lost }
    guard tail.count == count, losses > 0, questions <= 1,
      losses + tail.count(where: isContinuation) == count
    else { return nil }
    // Of two bytes, "?" is one only after C2 and C3, the leads of Latin-1's characters.
    return questions == 1 && count == 1 && lead > 0xC3 ? nil : count + 1
  }

  /// The sequences that `length` finds, from left to right, none in another.
  private static func matches(
    in bytes: [UInt8], of length: (ArraySlice<UInt8>) -> Int?
  ) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var position = 0
    while position < bytes.count {
      if let length = length(bytes[position...]) {
        ranges.append(position..<position + length)
        position += length
      } else {
        position += 1
      }
    }
    return ranges
  }

  private static func replacing(
    in bytes: [UInt8], with replacement: [UInt8], of length: (ArraySlice<UInt8>) -> Int?
  ) -> [UInt8] {
    var result: [UInt8] = []
    var position = 0
    for range in matches(in: bytes, of: length) {
      result += bytes[position..<range.lowerBound] + replacement
      position = range.upperBound
    }
    return result + bytes[position...]
  }
}
