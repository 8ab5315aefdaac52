/// The 256 letters in which a byte-level vocabulary spells bytes.
///
/// Visible Latin-1 characters stand for themselves; every other byte gets the next free character from U+0100
/// on, so that no token's spelling holds a blank or a control character (Radford et al. 2019, "Language
/// Models are Unsupervised Multitask Learners", section 2.2).
enum ByteAlphabet {
  /// The letter of each byte.
  static let letters: [Unicode.Scalar] = {
    var letters: [Unicode.Scalar] = []
    var next: Unicode.Scalar = "\u{100}"
    for byte in UInt8.min...UInt8.max {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: letters.append(Unicode.Scalar(byte))
      default:
        letters.append(next)
        next = Unicode.Scalar(next.value + 1) ?? next
      }
    }
    return letters
  }()

  /// The byte of each letter.
  private static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
    uniqueKeysWithValues: letters.enumerated().map { ($1, UInt8($0)) })

  /// The bytes that `spelling` stands for, or nil where it has a character outside the alphabet.
  static func bytes(of spelling: some StringProtocol) -> [UInt8]? {
    var result: [UInt8] = []
    for letter in spelling.unicodeScalars {
      guard let byte = bytes[letter] else { return nil }
      result.append(byte)
    }
    return result
  }
}
