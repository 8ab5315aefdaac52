/// Reads a config's fields, strict about what changes a computation and lenient about the rest.
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
        .model, at: place, "must be a JSON object, not \(document.kindName)",
        hint: "a config is an object of named fields: fetch the file again")
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

  /// Whether the field is there and null.
  public func isNull(_ key: String) -> Bool { fields[key] == .null }

  /// How many items the field's list has; nil when it is no list.
  public func listCount(_ key: String) -> Int? {
    if case .array(let items)? = fields[key] { return items.count }
    return nil
  }

  public mutating func note(_ fault: String) { faults.append(fault) }

  /// Reads one field by `convert`; `fallback` stands in for a field that is absent, and where `allowsNull` for null.
  ///
  /// Elsewhere null is a fault: in Python it is None, not the default, and stops what expects something else.
  /// - Parameter standIn: what a faulty field is read as, for want of a value.
  public mutating func read<T>(
    _ key: String, _ wanted: String, default fallback: T?, allowsNull: Bool = false, standIn: T,
    _ convert: (JSONValue) -> T?
  ) -> T {
    guard let value = value(key) else {
      if let fallback, allowsNull || !isNull(key) { return fallback }
      note("\(key) \(isNull(key) ? "is null" : "is missing"); it must be \(wanted)")
      return standIn
    }
    guard let converted = convert(value) else {
      note("\(key) must be \(wanted), not \(value.kindName)")
      return standIn
    }
    return converted
  }

  public mutating func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) -> Int
  {
    let wanted =
      range.upperBound == .max
      ? "an integer of \(range.lowerBound) or more"
      : "an integer from \(range.lowerBound) to \(range.upperBound)"
    return read(key, wanted, default: fallback, standIn: fallback ?? range.lowerBound) {
      $0.wholeNumber.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A positive integer: a width, a count, a number of channels (at most 2^20, so that products stay in range).
  public mutating func count(_ key: String, default fallback: Int? = nil) -> Int {
    integer(key, in: 1...(1 << 20), default: fallback)
  }

  /// The maximum number of layers in a block: far more than any network has, and few enough to be listed at once.
  public static let mostLayers = 256

  /// A number of layers.
  public mutating func layerCount(_ key: String, default fallback: Int? = nil) -> Int {
    integer(key, in: 1...Self.mostLayers, default: fallback)
  }

  public mutating func number(_ key: String, default fallback: Double? = nil) -> Double {
    read(key, "a number", default: fallback, standIn: fallback ?? 1) { $0.finiteNumber }
  }

  /// A number, or nil where the field is absent or null.
  public mutating func optionalNumber(_ key: String) -> Double? {
    value(key) == nil ? nil : number(key)
  }

  /// True or false; null is false, as None is in Python.
  public mutating func boolean(_ key: String, default fallback: Bool? = nil) -> Bool {
    read(key, "true or false", default: isNull(key) ? false : fallback, allowsNull: true, standIn: false) {
      if case .bool(let value) = $0 { return value }
      return nil
    }
  }

  public mutating func string(_ key: String, oneOf choices: [String], default fallback: String? = nil)
    -> String
  {
    let wanted =
      choices.count == 1
      ? "\"\(choices[0])\"" : choices.isEmpty ? "a string" : "one of \(choices.joined(separator: ", "))"
    return read(key, wanted, default: fallback, standIn: choices.first ?? "") {
      if case .string(let value) = $0, choices.isEmpty || choices.contains(value) { return value }
      return nil
    }
  }

  public mutating func strings(_ key: String, oneOf choices: [String], default fallback: [String]? = nil)
    -> [String]
  {
    let wanted = "a list of \(choices.joined(separator: " or "))"
    let items = read(key, wanted, default: fallback?.map(JSONValue.string), standIn: []) { value in
      if case .array(let items) = value { return items }
      return nil
    }
    let texts = items.compactMap { item -> String? in
      if case .string(let text) = item, choices.contains(text) { return text }
      return nil
    }
    if let wrong = items.first(where: { item in !choices.contains { item == .string($0) } }) {
      note("\(key) has \(wrong.kindName); it must be \(wanted)")
    }
    return texts
  }

  /// A list of finite numbers, or nil where the field is absent or null.
  public mutating func optionalNumbers(_ key: String) -> [Double]? {
    guard value(key) != nil else { return nil }
    let numbers: [Double] = read(key, "null or a list of numbers", default: nil, standIn: []) { value in
      guard case .array(let items) = value else { return nil }
      let numbers = items.compactMap(\.finiteNumber)
      return numbers.count == items.count ? numbers : nil
    }
    return numbers
  }

  /// At most 16 of them, for no network has more resolutions and each doubles a size.
  public mutating func counts(_ key: String, default fallback: [Int]? = nil) -> [Int] {
    if let count = listCount(key), count > 16 {
      asked.insert(key)
      note("\(key) has \(count) numbers; at most 16 are read")
      return []
    }
    return read(key, "a list of positive integers", default: fallback, standIn: []) { value in
      guard case .array(let items) = value else { return nil }
      let numbers = items.compactMap { $0.positiveInteger }
      return numbers.count == items.count ? numbers : nil
    }
  }

  /// One positive integer for all of `count` blocks, or a list with one for each.
  public mutating func countPerBlock(_ key: String, blocks: Int, default fallback: Int? = nil) -> [Int] {
    read(
      key, "a positive integer or a list of \(blocks)",
      default: fallback.map { Array(repeating: $0, count: blocks) },
      standIn: Array(repeating: 1, count: blocks)
    ) {
      if let number = $0.positiveInteger { return Array(repeating: number, count: blocks) }
      guard case .array(let items) = $0, items.count == blocks else { return nil }
      let numbers = items.compactMap { $0.positiveInteger }
      return numbers.count == blocks ? numbers : nil
    }
  }

  /// Requires a field of which one value alone is supported to have that value, or to be absent.
  ///
  /// Where that value is false or null, so may be whatever else Python takes for false.
  public mutating func require(_ key: String, _ supported: JSONValue) {
    asked.insert(key)
    guard let found = fields[key], found != supported else { return }
    if supported.saysNothing, found.saysNothing { return }
    // 1 and 1.0 are the same setting, however it was written.
    if let a = supported.finiteNumber, a == found.finiteNumber { return }
    note("\(key) is \(found.kindName); only \(supported.text()) is supported")
  }

  /// Throws everything noted, unknown fields included.
  ///
  /// An unknown field could change what is computed, so it is refused unless it says nothing (null, false, empty), is the
  /// writer's own note (its key begins with `_`), or is in `inert`: fields known to change nothing.
  public mutating func finish(ignoring inert: Set<String> = []) throws {
    for (key, value) in fields.sorted(by: { $0.key < $1.key })
    where !asked.contains(key) && !inert.contains(key) && !key.hasPrefix("_") && !value.saysNothing {
      note("\(key) is an unknown field, with \(value.kindName)")
    }
    guard !faults.isEmpty else { return }
    throw Diagnostic(
      .model, at: place, faults: faults,
      hint:
        "compare the file with the one its publisher serves; an unknown field is refused where its value could change "
        + "what the model computes")
  }
}

extension JSONValue {
  /// The value as an integer from 1 to 2^20, if it is one.
  public var positiveInteger: Int? { wholeNumber.flatMap { (1...(1 << 20)).contains($0) ? $0 : nil } }

  /// The value as an integer, if it is one, be it written as 4.0.
  public var wholeNumber: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The value as a finite number, if it is one.
  public var finiteNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value) where value.isFinite: value
    default: nil
    }
  }

  /// Whether the value is null, false or empty, as a field is that sets nothing; so is a list of nothing else.
  public var saysNothing: Bool {
    switch self {
    case .null, .bool(false): true
    case .string(let text): text.isEmpty
    case .array(let items): items.allSatisfy(\.saysNothing)
    case .object(let fields): fields.isEmpty
    case .bool(true), .integer, .number: false
    }
  }
}
