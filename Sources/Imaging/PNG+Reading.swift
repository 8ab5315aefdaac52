import Base
import CLibPNG
import Foundation

extension PNG {
  /// The largest file that is read.
  public static let maximumFileBytes = 1 << 30

  /// Reads a picture and its texts (tEXt, zTXt, iTXt) from before and after the pixels.
  ///
  /// Any colour type and bit depth becomes 8-bit RGB: 16 bits are rounded to 8, alpha is dropped, colours are
  /// not managed. Throws a `Diagnostic` of kind `.file` that names the file when it cannot be read, is no
  /// PNG, is cut off or corrupt, or is larger than `maximumSide` or `maximumFileBytes`.
  public static func read(path: String) throws -> (image: Image, text: [Text]) {
    try decode(contents(of: path), named: path)
  }

  /// Reads the texts alone, from before and after the pixels, whatever state those are in.
  ///
  /// Throws a `Diagnostic` of kind `.file` that names the file when it cannot be read or is no PNG, and when it is
  /// damaged and no text was found in it.
  public static func readText(path: String) throws -> [Text] {
    try texts(in: contents(of: path), named: path)
  }

  /// Reads the texts in a file's bytes. Throws as `readText(path:)` does.
  public static func texts(in data: Data, named name: String) throws -> [Text] {
    try checkSignature(data, named: name)
    let (picture, end) = try textChunks(in: data)
    let texts = try withReader(of: picture, named: name) { reader, _, _ in reader.texts }
    if texts.isEmpty, let fault = end.fault { throw damaged(name, fault) }
    return texts
  }

  /// Decodes a file's bytes; `name` is what a `Diagnostic` calls them. Throws as `read(path:)` does.
  public static func decode(_ data: Data, named name: String) throws -> (image: Image, text: [Text]) {
    try withReader(of: data, named: name) { reader, width, height in
      try Memory.ensure(3 * width * height, for: name)
      let pixels = try [UInt8](unsafeUninitializedCapacity: width * height * 3) { bytes, count in
        try reader.check(clibpng_read_pixels(reader.pointer, bytes.baseAddress, InterruptFlag.pointer))
        count = width * height * 3
      }
      return (Image(width: width, height: height, pixels: pixels), reader.texts)
    }
  }

  /// Whether a file's bytes begin as a PNG's do.
  public static func isPNG(_ data: Data) -> Bool { data.starts(with: signature) }

  private static func checkSignature(_ data: Data, named name: String) throws {
    guard !isPNG(data) else { return }
    throw Diagnostic(
      .file, at: name,
      "this is \(ForeignContent.name(of: data) ?? "a file of another kind"), not a PNG picture",
      hint: "convert it: another name does not make it a PNG")
  }

  private static func damaged(_ name: String, _ reason: String) -> Diagnostic {
    Diagnostic(
      .file, at: name, "expected a whole PNG picture, found: \(reason)",
      hint: "the file may be cut off, larger than \(maximumSide)x\(maximumSide), or not what its name says")
  }

  private static func withReader<Result>(
    of data: Data, named name: String, _ body: (Reader, _ width: Int, _ height: Int) throws -> Result
  ) throws -> Result {
    try checkSignature(data, named: name)
    return try data.withUnsafeBytes { bytes in
      let start = bytes.bindMemory(to: UInt8.self).baseAddress
      guard let pointer = clibpng_reader_create(start, bytes.count) else {
        throw Diagnostic(.file, at: name, "cannot be read: out of memory", hint: "close other programs")
      }
      defer { clibpng_reader_destroy(pointer) }
      let reader = Reader(pointer: pointer, name: name)
      var width: UInt32 = 0
      var height: UInt32 = 0
      try reader.check(clibpng_read_header(pointer, &width, &height))
      return try body(reader, Int(width), Int(height))
    }
  }

  private struct Reader {
    let pointer: OpaquePointer
    let name: String

    func check(_ done: Bool) throws {
      guard !done else { return }
      try InterruptFlag.check()
      let reason = String(cString: clibpng_reader_message(pointer))
      throw damaged(name, reason.isEmpty ? "out of memory" : reason)
    }

    var texts: [Text] {
      (0..<clibpng_text_count(pointer)).map { index in
        let chunk = clibpng_text_at(pointer, index)
        let bytes = UnsafeRawBufferPointer(start: chunk.text, count: chunk.length)
        let text = chunk.is_utf8 ? String(decoding: bytes, as: UTF8.self) : byteText(bytes)
        return (latin1(UnsafeRawBufferPointer(start: chunk.keyword, count: strlen(chunk.keyword))), text)
      }
    }

    /// The text of a tEXt or zTXt chunk: Latin-1 by the specification, but some programs put UTF-8 there, which Latin-1
    /// is not by chance.
    private func byteText(_ bytes: UnsafeRawBufferPointer) -> String {
      if let text = String(validating: bytes, as: UTF8.self) { return text }
      return latin1(bytes)
    }

    private func latin1(_ bytes: UnsafeRawBufferPointer) -> String {
      // By way of UTF-8, since appending scalars one by one takes seconds where a hostile file holds megabytes.
      if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
      var utf8: [UInt8] = []
      utf8.reserveCapacity(bytes.count * 2)
      for byte in bytes {
        if byte < 0x80 {
          utf8.append(byte)
        } else {
          utf8.append(0xC0 | byte >> 6)
          utf8.append(0x80 | byte & 0x3F)
        }
      }
      return String(decoding: utf8, as: UTF8.self)
    }
  }

  private static func contents(of path: String) throws -> Data {
    try RegularFile(path).contents(limit: maximumFileBytes)
  }
}
