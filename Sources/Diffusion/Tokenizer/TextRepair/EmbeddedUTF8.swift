/// Runs of characters that look like UTF-8 decoded with a single-byte encoding, in text of which the rest
/// does not.
enum EmbeddedUTF8 {
  /// The text with each such run replaced.
  static func replaced(
    in text: [Unicode.Scalar], by repair: ([Unicode.Scalar]) -> [Unicode.Scalar]
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      // A run in the middle of a garble is left alone: a half of it would come out worse.
      let isInside = position > 0 && closeContinuations.contains(text[position - 1])
      let end = isInside ? position : end(ofRunAt: position, in: text)
      if end > position {
        result += repair(Array(text[position..<end]))
        position = end
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  private static func end(ofRunAt start: Int, in text: [Unicode.Scalar]) -> Int {
    var end = start
    while end < text.count, let length = lengths[text[end]], end + length <= text.count,
      text[(end + 1)..<(end + length)].allSatisfy(continuations.contains)
    {
      end += length
    }
    return end
  }

  private static let encodings: [SingleByteEncoding] = [
    .latin1, .windows1250, .windows1251, .windows1252, .windows1253, .windows1254, .windows1257,
  ]

  private static func characters(of bytes: ClosedRange<UInt8>) -> Set<Unicode.Scalar> {
    Set(encodings.flatMap { encoding in bytes.map(encoding.decoded) })
  }

  /// The length of the sequence that a character begins.
  ///
  /// Of the leads of four, only those of the planes in use: emoji, and tags.
  private static let lengths: [Unicode.Scalar: Int] = {
    let leads: [(ClosedRange<UInt8>, Int)] = [
      (0xC2...0xDF, 2), (0xE0...0xEF, 3), (0xF0...0xF0, 4), (0xF3...0xF3, 4),
    ]
    let pairs = leads.flatMap { bytes, length in characters(of: bytes).map { ($0, length) } }
    return Dictionary(pairs) { first, _ in first }
  }()

  /// What can follow, with the blank that may have been a no-break space.
  private static let continuations = characters(of: 0x80...0xBF).union([" "])

  /// What can follow and rarely stands for itself, as the punctuation of Windows does.
  private static let closeContinuations = characters(of: 0x80...0xBF).subtracting(
    "–—―‘’‚“”„•…".unicodeScalars)
}
