/// Text that was UTF-8 but was decoded with a single-byte encoding ("mojibake"), decoded rightly.
enum EncodingRepair {
  /// The text with all mojibake undone, also where the mistake was made several times.
  static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var text = text
    while let better = improved(text), better != text { text = better }
    return text
  }

  /// The encodings that UTF-8 is mistaken for, the most usual first.
  private static let encodings: [SingleByteEncoding] = [
    .latin1, .windows1252, .windows1251, .windows1250, .windows1253, .windows1254, .windows1257,
    .isoLatin2, .macOSRoman, .codePage437,
  ]

  /// The text with one mistake undone; nil where none is found.
  private static func improved(_ text: [Unicode.Scalar]) -> [Unicode.Scalar]? {
    guard MojibakeSigns.occur(in: text) else { return nil }
    for encoding in encodings {
      if let bytes = encoding.encoded(text), let decoded = decoded(bytes, from: encoding) { return decoded }
    }
    let separate = EmbeddedUTF8.replaced(in: text) { part in
      // A part that is the whole has just been tried.
      part.count < text.count && MojibakeSigns.occur(in: part) ? repaired(part) : part
    }
    if separate != text { return separate }

    // The controls of Latin-1 are what Windows has in their places.
    return text.map {
      0x80...0x9F ~= $0.value ? SingleByteEncoding.windows1252.decoded(UInt8($0.value)) : $0
    }
  }

  private static func decoded(_ bytes: [UInt8], from encoding: SingleByteEncoding) -> [Unicode.Scalar]? {
    var bytes = bytes
    if encoding.losesNoBreakSpaces { bytes = DamagedUTF8.restoringNoBreakSpaces(bytes) }
    if encoding.isWindows { bytes = DamagedUTF8.replacingLosses(bytes) }
    return DamagedUTF8.decoded(bytes)
  }
}
