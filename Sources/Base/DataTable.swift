/// A table for programs: every row, every number whole and plain, under field names.
public struct DataTable: Sendable, Equatable {
  public let fields: [String]
  /// A value a field.
  public private(set) var rows: [[JSONValue]] = []

  public init(_ fields: [String]) { self.fields = fields }

  public mutating func append(_ row: [JSONValue]) {
    precondition(row.count == fields.count, "a row of \(row.count) values for \(fields.count) fields")
    rows.append(row)
  }

  /// An object a row.
  public var json: JSONValue {
    .array(rows.map { row in .object(Dictionary(zip(fields, row)) { first, _ in first }) })
  }

  /// Comma-separated values with a header line (RFC 4180). Null is empty; a list is its items parted by `x`, as shapes are
  /// written; control characters are escaped.
  public var csv: String {
    let lines = [fields] + rows.map { $0.map(Self.cell) }
    return lines.map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  /// A table as GitHub's Markdown has them.
  public var markdown: String {
    let numeric = fields.indices.map { field in
      !rows.isEmpty && rows.allSatisfy { $0[field].isNumber || $0[field] == .null }
    }
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    return line(fields.map(Self.marked)) + line(numeric.map { $0 ? "---:" : "---" })
      + rows.map { line($0.map { Self.marked(Self.cell($0)) }) }.joined()
  }

  private static func cell(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .string(let text): text.escapingInvisibles
    case .array(let items): items.map(cell).joined(separator: "x")
    case .number(let number) where !number.isFinite: number.isNaN ? "nan" : number < 0 ? "-inf" : "inf"
    default: value.text()
    }
  }

  private static func quoted(_ cell: String) -> String {
    // By scalars: a mark that follows would make one character of a comma and itself.
    guard cell.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return cell }
    return "\"" + cell.escaping(["\""], by: "\"") + "\""
  }

  private static func marked(_ cell: String) -> String {
    cell.escaping(["\\", "|"], by: "\\")
  }
}

extension String {
  /// The text with `mark` before each of some scalars.
  fileprivate func escaping(_ scalars: Set<Unicode.Scalar>, by mark: Unicode.Scalar) -> String {
    var result = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if scalars.contains(scalar) { result.append(mark) }
      result.append(scalar)
    }
    return String(result)
  }
}

extension JSONValue {
  fileprivate var isNumber: Bool {
    switch self {
    case .integer, .number: true
    default: false
    }
  }
}
