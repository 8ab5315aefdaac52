import Base

/// As much of JSON Schema 2020-12 as `record.schema.json` uses; a keyword that it does not know is a fault of the schema.
struct JSONSchema {
  private let root: JSONValue

  init(_ root: JSONValue) { self.root = root }

  /// What is wrong with a value, empty when it fits.
  func faults(of value: JSONValue) -> [String] { faults(of: value, by: root, at: "$") }

  private func faults(of value: JSONValue, by schema: JSONValue, at place: String) -> [String] {
    guard case .object(let keywords) = schema else { return ["\(place): no schema"] }
    return keywords.flatMap { keyword, rule -> [String] in
      switch (keyword, rule) {
      case ("$schema", _), ("title", _), ("description", _), ("$defs", _): return []
      case ("$ref", .string(let path)): return faults(of: value, by: definition(path), at: place)
      case ("oneOf", .array(let choices)):
        let results = choices.map { faults(of: value, by: $0, at: place) }
        return results.filter(\.isEmpty).count == 1
          ? [] : ["\(place): fits none or several"] + results.flatMap { $0 }
      case ("const", let constant): return value == constant ? [] : ["\(place): not \(constant.text())"]
      case ("enum", .array(let values)):
        return values.contains(value) ? [] : ["\(place): none of \(rule.text())"]
      case ("type", .string(let type)): return isOf(type, value) ? [] : ["\(place): not a \(type)"]
      case ("type", .array(let types)):
        return types.contains { if case .string(let type) = $0 { isOf(type, value) } else { false } }
          ? [] : ["\(place): none of the types"]
      case ("minimum", .integer(let least)):
        guard case .integer(let number) = value else { return [] }
        return number >= least ? [] : ["\(place): below \(least)"]
      case ("pattern", .string(let pattern)):
        guard case .string(let text) = value else { return [] }
        return (try? Regex(pattern).firstMatch(in: text)) != nil ? [] : ["\(place): not \(pattern)"]
      case ("required", .array(let names)):
        guard case .object(let fields) = value else { return [] }
        return names.compactMap {
          guard case .string(let name) = $0, fields[name] == nil else { return nil }
          return "\(place): no \(name)"
        }
      case ("properties", .object(let schemas)):
        guard case .object(let fields) = value else { return [] }
        return fields.flatMap { name, field in
          schemas[name].map { faults(of: field, by: $0, at: "\(place).\(name)") } ?? []
        }
      case ("additionalProperties", .bool(false)):
        guard case .object(let fields) = value, case .object(let known)? = keywords["properties"] else {
          return []
        }
        return fields.keys.filter { known[$0] == nil }.map { "\(place): unknown \($0)" }
      default: return ["\(place): a keyword \(keyword) that is not known"]
      }
    }
  }

  private func definition(_ path: String) -> JSONValue {
    path.split(separator: "/").dropFirst().reduce(root) { value, name in
      if case .object(let fields) = value { fields[String(name)] ?? .null } else { .null }
    }
  }

  private func isOf(_ type: String, _ value: JSONValue) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer),
      ("number", .number),
      ("string", .string), ("array", .array), ("object", .object):
      true
    default: false
    }
  }
}
