import Base
import Foundation

/// Cuts bytes that come in pieces into lines of UTF-8 text.
struct LineReader {
  /// A line without its line break; `fault` says why it could not be read as it stands, `text` being a
  /// repaired version of it.
  struct Line {
    var text: String
    var fault: Diagnostic?
  }

  private let nextChunk: () throws -> Data?
  private var buffer: [UInt8] = []
  /// The start of the line being read, and how far it was searched for its end.
  private var start = 0
  private var searched = 0
  private var isFirst = true
  private var isEnded = false
  /// Bytes of the current line that were discarded.
  private var dropped = 0
  /// A line longer than this is not waited for: what gives it, a device for one, may never end it.
  private static let endlessBytes = 64 << 20

  /// `nextChunk` gives the bytes as they come, and nil or no bytes at the end.
  init(nextChunk: @escaping () throws -> Data?) { self.nextChunk = nextChunk }

  /// The next line as soon as its end was read, or nil at the end. Throws what `nextChunk` throws, once.
  mutating func next() throws -> Line? {
    var isCut = false
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { (start, searched, dropped) = (end + 1, end + 1, 0) }
        return line(buffer[start..<end], isCut: isCut)
      }
      searched = buffer.count
      // A line without an end must not fill the memory; its beginning is enough to say so.
      if searched - start > StatementAssembler.limitBytes + 2 {
        isCut = true
        searched = start + StatementAssembler.limitBytes + 2
        dropped += buffer.count - searched
        buffer.removeLast(buffer.count - searched)
        guard dropped <= Self.endlessBytes else {
          isEnded = true
          defer { start = buffer.count }
          return line(buffer[start...], isCut: true)
        }
      }
      guard !isEnded, let chunk = try read(), !chunk.isEmpty else {
        isEnded = true
        defer { start = buffer.count }
        return start < buffer.count ? line(buffer[start...], isCut: isCut) : nil
      }
      buffer.removeFirst(start)
      searched -= start
      start = 0
      buffer.append(contentsOf: chunk)
    }
  }

  private mutating func read() throws -> Data? {
    do {
      return try nextChunk()
    } catch {
      // What was read of an unfinished line is not to be run.
      isEnded = true
      (buffer, start, searched) = ([], 0, 0)
      throw error
    }
  }

  private mutating func line(_ bytes: ArraySlice<UInt8>, isCut: Bool) -> Line {
    var bytes = bytes
    if isFirst, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    isFirst = false
    if bytes.last == UInt8(ascii: "\r") { bytes = bytes.dropLast() }
    if isCut || bytes.count > StatementAssembler.limitBytes {
      return Line(
        text: String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self),
        fault: Diagnostic(
          .usage, "a line of more than \(StatementAssembler.limitBytes) bytes",
          hint: "check that this is a script"))
    }
    if let index = bytes.firstIndex(of: 0) {
      return Line(
        text: String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self),
        fault: Diagnostic(
          .usage, "a NUL byte at byte \(index - bytes.startIndex + 1) of the line, which no text holds",
          hint: "check that this is a script, and save it as UTF-8"))
    }
    if let text = String(validating: bytes, as: UTF8.self) { return Line(text: text) }
    return Line(
      text: String(decoding: bytes, as: UTF8.self),
      fault: Diagnostic(
        .usage, "expected UTF-8 text, found \(Self.invalidPart(of: bytes))", hint: "save the script as UTF-8")
    )
  }

  /// The first byte that is not UTF-8, and its place.
  private static func invalidPart(of bytes: ArraySlice<UInt8>) -> String {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var valid = bytes.startIndex
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { valid += UTF8.width(scalar) }
    let digits = (bytes[valid] < 0x10 ? "0" : "") + String(bytes[valid], radix: 16, uppercase: true)
    return
      "the byte 0x\(digits) at byte \(valid - bytes.startIndex + 1) of the line"
  }
}
