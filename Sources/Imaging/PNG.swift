import Base
import CLibPNG
import Foundation

/// PNG pictures (ISO/IEC 15948) with their text chunks, by libpng.
public enum PNG {
  /// A text chunk: its keyword and its text.
  public typealias Text = (keyword: String, text: String)

  /// The largest width and the largest height that is written or read.
  public static let maximumSide = Int(CLIBPNG_MAX_SIDE)

  /// Writes a picture whole or not at all. Throws a `Diagnostic` as `encode` and `AtomicFile` do.
  public static func write(_ image: Image, text: [Text] = [], to path: String, replacing: Bool = true) throws
  {
    try AtomicFile.write(try encode(image, text: text), to: path, replacing: replacing)
  }

  /// The bytes of a PNG file: 8-bit RGB, not interlaced.
  ///
  /// A text is stored as tEXt when Latin-1 can say it and the bytes are not UTF-8 too, else as uncompressed iTXt in
  /// UTF-8; both stand before the pixels, in the order given. Filter and compression were chosen by measurement: see CLibPNG.c.
  ///
  /// Throws a `Diagnostic` of kind `.value` for a keyword PNG does not allow (1 to 79 printable Latin-1
  /// characters, no blank at either end nor two in a row), a text with a NUL character, and a picture beyond
  /// `maximumSide`. Stops with an error when `InterruptFlag` is raised.
  public static func encode(_ image: Image, text: [Text] = []) throws -> Data {
    guard image.width <= maximumSide, image.height <= maximumSide else {
      throw Diagnostic(
        .value, at: "PNG",
        "expected at most \(maximumSide)x\(maximumSide) pixels, found \(image.width)x\(image.height)",
        hint: "choose a smaller size")
    }
    // All the words in one buffer, each ended by a zero byte, so that one pointer serves them all.
    var words: [UInt8] = []
    var chunks: [(keyword: Int, text: Int, length: Int, isUTF8: Bool)] = []
    for (keyword, text) in text {
      let keywordStart = words.count
      words += try keywordBytes(keyword) + [0]
      let textStart = words.count
      let latin1 = latin1Bytes(text).flatMap { isReadAsUTF8($0) ? nil : $0 }
      words += latin1 ?? [UInt8](text.utf8)
      let length = words.count - textStart
      if words[textStart...].contains(0) {
        throw Diagnostic(
          .value, at: "PNG text \(keyword)", "expected a text without NUL characters, found one",
          hint: "remove the character U+0000")
      }
      words.append(0)
      chunks.append((keywordStart, textStart, length, latin1 == nil))
    }
    try Memory.ensure(4 * image.width * image.height, for: "PNG")
    var bytes: UnsafeMutablePointer<UInt8>?
    var size = 0
    var message = clibpng_message()
    let done = words.withUnsafeBytes { words in
      let base = words.baseAddress?.assumingMemoryBound(to: CChar.self)
      let texts = chunks.map { chunk in
        clibpng_text(
          keyword: base.map { $0 + chunk.keyword }, text: base.map { $0 + chunk.text },
          length: chunk.length, is_utf8: chunk.isUTF8)
      }
      return clibpng_encode(
        image.pixels, UInt32(image.width), UInt32(image.height), texts, Int32(texts.count), &bytes, &size,
        InterruptFlag.pointer, &message)
    }
    guard done, let bytes else {
      try InterruptFlag.check()
      let reason = withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw Diagnostic(
        .value, at: "PNG", "cannot be encoded: \(reason.isEmpty ? "out of memory" : reason)",
        hint: "choose a smaller size")
    }
    return Data(bytesNoCopy: bytes, count: size, deallocator: .free)
  }

  /// The text in Latin-1, or nil when it has other characters.
  private static func latin1Bytes(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// Whether a reader takes Latin-1 bytes for UTF-8, as this one does: `Ã¼` would come back as `ü`.
  private static func isReadAsUTF8(_ bytes: [UInt8]) -> Bool {
    !bytes.allSatisfy { $0 < 0x80 } && String(validating: bytes, as: UTF8.self) != nil
  }

  private static func keywordBytes(_ keyword: String) throws -> [UInt8] {
    let bytes = latin1Bytes(keyword) ?? []
    let blank = UInt8(ascii: " ")
    let isPrintable = bytes.allSatisfy { (32...126).contains($0) || $0 >= 161 }
    let isSpaced =
      bytes.first == blank || bytes.last == blank
      || zip(bytes, bytes.dropFirst()).contains { $0 == blank && $1 == blank }
    guard (1...79).contains(bytes.count), isPrintable, !isSpaced else {
      throw Diagnostic(
        .value, at: "PNG keyword",
        "expected 1 to 79 printable Latin-1 characters with single blanks between them, found \"\(keyword)\"",
        hint: "use a short keyword of ASCII letters")
    }
    return bytes
  }
}
