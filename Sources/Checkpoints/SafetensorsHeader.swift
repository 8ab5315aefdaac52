import Base

/// The JSON object at the head of a safetensors file, as it is: names, and what each says of its tensor.
///
/// The general JSON reader would pass over a name that stands twice, so this one reads what the format allows and nothing
/// else, in one pass over the bytes.
struct SafetensorsHeader {
  struct Tensor {
    let name: String
    let dtype: String
    let shape: [Int]
    let dataOffsets: [Int]
  }

  /// Why it cannot be read.
  struct Fault: Error { let text: String }

  private(set) var tensors: [Tensor] = []
  private(set) var metadata: [String: String] = [:]

  /// Throws a `Fault` that says what was found instead of a header.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    var scanner = JSONScanner(bytes)
    var names = Set<String>()
    try scanner.object(at: "") { name, scanner in
      guard names.insert(name).inserted else {
        throw Fault(text: "the name \(Self.shown(name)) twice")
      }
      if name == "__metadata__" {
        metadata = try Self.metadata(&scanner)
      } else {
        tensors.append(try Self.tensor(name, &scanner))
      }
    }
    try scanner.end()
  }

  /// A name as messages have it: a hostile one is cut, and what is invisible in it escaped.
  static func shown(_ name: String) -> String {
    let limit = 200
    return (name.utf8.count <= limit ? name : String(name.unicodeScalars.prefix(limit)) + "…")
      .escapingInvisibles
  }

  /// The format allows strings alone; writers have also left null, numbers and objects, which change no tensor.
  private static func metadata(_ scanner: inout JSONScanner) throws -> [String: String] {
    if scanner.takesNull() { return [:] }
    var texts: [String: String] = [:]
    try scanner.object(at: "__metadata__") { key, scanner in
      texts[key] = try scanner.anyValue(at: "__metadata__.\(shown(key))")
    }
    return texts
  }

  private static func tensor(_ name: String, _ scanner: inout JSONScanner) throws -> Tensor {
    var (dtype, shape, offsets): (String?, [Int]?, [Int]?)
    let place = shown(name)
    try scanner.object(at: place) { key, scanner in
      switch key {
      case "dtype": dtype = try scanner.string(at: "\(place).dtype")
      case "shape": shape = try scanner.integers(at: "\(place).shape")
      case "data_offsets": offsets = try scanner.integers(at: "\(place).data_offsets")
      default: throw Fault(text: "the unknown field \(shown(key)) of \(place)")
      }
    }
    guard let dtype else { throw Fault(text: "no dtype for \(place)") }
    guard let shape else { throw Fault(text: "no shape for \(place)") }
    guard let offsets else { throw Fault(text: "no data_offsets for \(place)") }
    return Tensor(name: name, dtype: dtype, shape: shape, dataOffsets: offsets)
  }
}

/// Reads objects, strings and lists of integers off UTF-8 bytes.
private struct JSONScanner {
  typealias Fault = SafetensorsHeader.Fault

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B && byte != 0x0C {
      position += 1
    }
  }

  private mutating func take(_ byte: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard next == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  private func something(at place: String) -> Fault {
    guard next != nil else { return Fault(text: "its end at byte \(position)") }
    return Fault(text: place.isEmpty ? "something else at byte \(position)" : "another type at \(place)")
  }

  /// Reads `{"key": …}`; `body` reads each value.
  mutating func object(at place: String, _ body: (String, inout JSONScanner) throws -> Void) throws {
    guard take("{") else { throw something(at: place) }
    if take("}") { return }
    repeat {
      let key = try string(at: place)
      guard take(":") else { throw something(at: place) }
      try body(key, &self)
    } while take(",")
    guard take("}") else { throw something(at: place) }
  }

  mutating func integers(at place: String) throws -> [Int] {
    guard take("[") else { throw something(at: place) }
    var values: [Int] = []
    if take("]") { return values }
    repeat { values.append(try integer(at: place)) } while take(",")
    guard take("]") else { throw something(at: place) }
    return values
  }

  private mutating func integer(at place: String) throws -> Int {
    skipBlanks()
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    let digits = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<min(position, start + 40)], as: UTF8.self)
    // A fraction or an exponent is no integer, and JSON's integers begin with no zero.
    let isOther = next == UInt8(ascii: ".") || next == UInt8(ascii: "e") || next == UInt8(ascii: "E")
    let isPadded = position - digits > 1 && bytes[digits] == UInt8(ascii: "0")
    guard position > digits, !isOther, !isPadded else { throw something(at: place) }
    guard let value = Int(text) else { throw Fault(text: "a number beyond 64 bits at \(place)") }
    return value
  }

  mutating func string(at place: String) throws -> String {
    guard take("\"") else { throw something(at: place) }
    let start = position
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if next == UInt8(ascii: "\"") {
      defer { position += 1 }
      return try text(bytes[start..<position])
    }
    var units = Array(bytes[start..<position])
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return try units.withUnsafeBytes { try text($0[...]) }
      case UInt8(ascii: "\\"): try escape(into: &units)
      case 0..<0x20: throw Fault(text: "a raw control character at byte \(position - 1)")
      default: units.append(byte)
      }
    }
    throw something(at: place)
  }

  private func text(_ units: Slice<UnsafeRawBufferPointer>) throws -> String {
    guard let text = String(validating: units, as: UTF8.self) else {
      throw Fault(text: "a text that is no UTF-8 before byte \(position)")
    }
    return text
  }

  private mutating func escape(into units: inout [UInt8]) throws {
    guard let byte = next else { throw something(at: "") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
    case UInt8(ascii: "b"): units.append(0x08)
    case UInt8(ascii: "f"): units.append(0x0C)
    case UInt8(ascii: "n"): units.append(0x0A)
    case UInt8(ascii: "r"): units.append(0x0D)
    case UInt8(ascii: "t"): units.append(0x09)
    case UInt8(ascii: "u"):
      var codes = [try hexadecimal()]
      if UTF16.isLeadSurrogate(codes[0]), next == UInt8(ascii: "\\"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "u")
      {
        position += 2
        codes.append(try hexadecimal())
      }
      guard let text = String(validating: codes, as: UTF16.self) else {
        throw Fault(text: "half a surrogate pair before byte \(position)")
      }
      units += text.utf8
    default: throw Fault(text: "an unknown escape at byte \(position - 1)")
    }
  }

  private mutating func hexadecimal() throws -> UInt16 {
    guard position + 4 <= bytes.count,
      let code = UInt16(String(decoding: bytes[position..<(position + 4)], as: UTF8.self), radix: 16),
      bytes[position] != UInt8(ascii: "+")
    else { throw Fault(text: "an unfinished escape at byte \(position)") }
    position += 4
    return code
  }

  /// Takes a null, if one is next.
  mutating func takesNull() -> Bool {
    skipBlanks()
    let word = Array("null".utf8)
    guard position + word.count <= bytes.count, bytes[position..<(position + word.count)].elementsEqual(word)
    else { return false }
    position += word.count
    return true
  }

  /// A string's text, or any other value as it is written.
  mutating func anyValue(at place: String) throws -> String {
    skipBlanks()
    if next == UInt8(ascii: "\"") { return try string(at: place) }
    let start = position
    var depth = 0
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""): _ = try string(at: place)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
        if depth == 0 { return try text(bytes[start..<position]) }
        if byte != UInt8(ascii: ",") { depth -= 1 }
        position += 1
      default: position += 1
      }
    }
    throw something(at: place)
  }

  /// Requires that nothing but blanks is left: the format pads with spaces.
  mutating func end() throws {
    skipBlanks()
    if next != nil { throw Fault(text: "more after its end, at byte \(position)") }
  }
}
