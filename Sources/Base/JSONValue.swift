import Foundation

/// A JSON document as a value, for configs whose every field must be accounted for.
///
/// Integers and other numbers are kept apart, and a boolean is never a number.
public enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Parses a document, also with the NaN and ±Infinity that Python writes.
  ///
  /// Throws a `Diagnostic` of `kind` that names `place` and says what is there instead of JSON.
  public init(parsing data: Data, at place: String, kind: Diagnostic.Kind = .model) throws {
    do {
      self = try JSONValue(decoding: data)
    } catch {
      // That JSON is a text says nothing.
      let other = data.withUnsafeBytes {
        ForeignContent.mistake(
          for: $0, at: place, kind: kind, wanted: "a JSON document", accepting: [.text])
      }
      if let other { throw other }
      throw Diagnostic(
        kind, at: place, "this is no JSON document: \(Self.reason(error))",
        hint: "the file may be cut off or not what its name says: fetch it again")
    }
  }

  /// Parses a file of a model; of a server's error reply in its place it says so. Throws as `init(parsing:at:kind:)` does.
  public init(parsingFile data: Data, at place: String) throws {
    try self.init(parsing: data, at: place)
    if let reply = ForeignContent.errorReply(in: self) {
      throw Diagnostic(
        .model, at: place, "this is a JSON error reply: \(reply)",
        hint: "fetch it again, and look at what was downloaded")
    }
  }

  /// Throws what `JSONDecoder` throws.
  init(decoding data: Data) throws {
    do {
      self = try JSONDecoder().decode(JSONValue.self, from: data)
    } catch {
      // JSON5 has these numbers; nothing else of it is asked for.
      guard ["NaN", "Infinity"].contains(where: { data.range(of: Data($0.utf8)) != nil }) else { throw error }
      let decoder = JSONDecoder()
      decoder.allowsJSON5 = true
      self = try decoder.decode(JSONValue.self, from: data)
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard case DecodingError.dataCorrupted(let context) = error else { return "\(error)" }
    let cause = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey] as? String
    return cause ?? context.debugDescription
  }

  /// The kind of value, as an error message names it.
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool(let value): "the boolean \(value)"
    case .integer(let value): "the integer \(value)"
    case .number(let value): "the number \(value)"
    case .string(let value): "the string \"\(value.prefix(60))\""
    case .array(let values): "a list of \(values.count)"
    case .object(let fields): "an object of \(fields.count) fields"
    }
  }

  /// The document as text with sorted keys, the same for equal values; no control character stands in it raw.
  public func text(pretty: Bool = false) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    // A JSONValue holds only what JSON can say, so encoding it cannot fail.
    guard let data = try? encoder.encode(self) else { preconditionFailure("unencodable JSON value") }
    return Self.escapingInvisibles(String(decoding: data, as: UTF8.self), keepingLines: pretty)
  }

  /// The encoder escapes ASCII's controls only; others stand within strings, where an escape says the same.
  private static func escapingInvisibles(_ text: String, keepingLines: Bool) -> String {
    func isBare(_ scalar: Unicode.Scalar) -> Bool { scalar.isInvisible && !(keepingLines && scalar == "\n") }
    guard text.unicodeScalars.contains(where: isBare) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard isBare(scalar) else {
        result.append(scalar)
        continue
      }
      for unit in UTF16.encode(scalar).map(Array.init) ?? [] {
        let digits = String(unit, radix: 16)
        result.append(
          contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
      }
    }
    return String(result)
  }
}

extension JSONValue: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { _, last in last })
  }
}
