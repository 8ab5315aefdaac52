/// Reads a config's fields strictly: every key is asked for or on an explicit list, and all faults are reported at once.
///
/// A getter that fails notes the fault and returns a stand-in, so that reading goes on to the next one;
/// `finish(ignoring:)` throws what was noted. Nothing read may be used before it returned.
public struct FieldReader {
  public let place: String
  private let fields: [String: JSONValue]
  private var asked: Set<String> = []
  public private(set) var faults: [String] = []

  /// Throws a `Diagnostic` when `document` is no object.
  public init(_ document: JSONValue, at place: String) throws {
    guard case .object(let fields) = document else {
      throw Diagnostic(
        .model, at: place, "expected a JSON object, found \(document.kindName)",
        hint: "a diffusers config is an object of named fields")
    }
    self.place = place
    self.fields = fields
  }

  /// The field as it stands; nil when it is absent or null.
  public mutating func value(_ key: String) -> JSONValue? {
    asked.insert(key)
    return fields[key].flatMap { $0 == .null ? nil : $0 }
  }

  /// Whether the field is there, be it null.
  public func has(_ key: String) -> Bool { fields[key] != nil }

  /// How many items the field's list has; nil when it is no list.
  public func listCount(_ key: String) -> Int? {
    if case .array(let items)? = fields[key] { return items.count }
    return nil
  }

  public mutating func note(_ fault: String) { faults.append(fault) }

  /// Reads one field by `convert`; `fallback` stands in for an absent field, and a nil one makes it required.
  public mutating func read<T>(
    _ key: String, _ expected: String, default fallback: T?, standIn: T, _ convert: (JSONValue) -> T?
  ) -> T {
    guard let value = value(key) else {
      if let fallback { return fallback }
      note("\(key): expected \(expected), found \(fields[key] == nil ? "no such field" : "null")")
      return standIn
    }
    guard let converted = convert(value) else {
      note("\(key): expected \(expected), found \(value.kindName)")
      return standIn
    }
    return converted
  }

  public mutating func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) -> Int
  {
    let expected =
      range.upperBound == .max ? "an integer of \(range.lowerBound) or more" : "an integer in \(range)"
    return read(key, expected, default: fallback, standIn: range.lowerBound) {
      if case .integer(let value) = $0, range.contains(value) { return value }
      return nil
    }
  }

  /// A positive integer: a width, a count, a number of channels (at most 2^20, so that products stay in range).
  public mutating func count(_ key: String, default fallback: Int? = nil) -> Int {
    integer(key, in: 1...(1 << 20), default: fallback)
  }

  /// The most layers that a block may have: far more than any network's, and few enough to be listed at once.
  public static let mostLayers = 256

  /// A number of layers.
  public mutating func layerCount(_ key: String, default fallback: Int? = nil) -> Int {
    integer(key, in: 1...Self.mostLayers, default: fallback)
  }

  public mutating func number(_ key: String, default fallback: Double? = nil) -> Double {
    read(key, "a number", default: fallback, standIn: 1) { value in
      switch value {
      case .integer(let number): Double(number)
      case .number(let number) where number.isFinite: number
      default: nil
      }
    }
  }

  public mutating func boolean(_ key: String, default fallback: Bool? = nil) -> Bool {
    read(key, "true or false", default: fallback, standIn: false) {
      if case .bool(let value) = $0 { return value }
      return nil
    }
  }

  public mutating func string(_ key: String, oneOf choices: [String], default fallback: String? = nil)
    -> String
  {
    let expected = choices.count == 1 ? "\"\(choices[0])\"" : "one of \(choices.joined(separator: ", "))"
    return read(key, expected, default: fallback, standIn: choices.first ?? "") {
      if case .string(let value) = $0, choices.isEmpty || choices.contains(value) { return value }
      return nil
    }
  }

  public mutating func strings(_ key: String, oneOf choices: [String]) -> [String] {
    read(key, "a list of \(choices.joined(separator: " or "))", default: nil, standIn: []) { value in
      guard case .array(let items) = value else { return nil }
      let texts = items.compactMap { item -> String? in
        if case .string(let text) = item, choices.contains(text) { return text }
        return nil
      }
      return texts.count == items.count ? texts : nil
    }
  }

  /// At most 16 of them, for no network has more resolutions and each doubles a size.
  public mutating func counts(_ key: String, default fallback: [Int]? = nil) -> [Int] {
    if let count = listCount(key), count > 16 {
      asked.insert(key)
      note("\(key): expected at most 16 numbers, found \(count)")
      return []
    }
    return read(key, "a list of positive integers", default: fallback, standIn: []) { value in
      guard case .array(let items) = value else { return nil }
      let numbers = items.compactMap { $0.positiveInteger }
      return numbers.count == items.count ? numbers : nil
    }
  }

  /// One positive integer for all of `count` blocks, or a list with one for each.
  public mutating func countPerBlock(_ key: String, blocks: Int) -> [Int] {
    read(
      key, "a positive integer or a list of \(blocks)", default: nil,
      standIn: Array(repeating: 1, count: blocks)
    ) {
      if let number = $0.positiveInteger { return Array(repeating: number, count: blocks) }
      guard case .array(let items) = $0, items.count == blocks else { return nil }
      let numbers = items.compactMap { $0.positiveInteger }
      return numbers.count == blocks ? numbers : nil
    }
  }

  /// Requires a field that this program runs with one value only to have that value, or to be absent.
  public mutating func require(_ key: String, _ expected: JSONValue) {
    guard let found = fields[key] else {
      asked.insert(key)
      return
    }
    asked.insert(key)
    guard found != expected else { return }
    // 1 and 1.0 are the same setting, however it was written.
    if case .number(let a) = expected, case .integer(let b) = found, a == Double(b) { return }
    if case .integer(let a) = expected, case .number(let b) = found, Double(a) == b { return }
    note("\(key): only \(expected.text()) can be run, found \(found.kindName)")
  }

  /// Throws everything noted, unknown keys included. Keys that begin with `_` are the writer's own notes.
  public mutating func finish(ignoring ignored: Set<String> = []) throws {
    for key in fields.keys.sorted()
    where !asked.contains(key) && !ignored.contains(key) && !key.hasPrefix("_") {
      note("\(key): unknown field with \(fields[key]?.kindName ?? "no value")")
    }
    guard !faults.isEmpty else { return }
    throw Diagnostic(
      .model, at: place, faults: faults,
      hint: "compare the file with the one its publisher serves; a field this program does not know "
        + "could change what the model computes, so none is passed over")
  }
}

extension JSONValue {
  /// The value as an integer from 1 to 2^20, if it is one.
  public var positiveInteger: Int? {
    if case .integer(let value) = self, (1...(1 << 20)).contains(value) { return value }
    return nil
  }
}
