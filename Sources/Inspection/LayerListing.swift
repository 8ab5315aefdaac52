import Base
import Graph

/// Rows chosen from a `LayerTree`, with the totals of all that was chosen from.
public struct LayerListing: Sendable {
  /// What a listing can tell of a layer beside its name.
  public enum Column: String, Hashable, Sendable, CaseIterable {
    case key, kind, output, params, share, bytes, dtype, macs, time
  }

  public let rows: [LayerTree.Row]
  /// How many rows there would be with nothing folded, filtered or cut.
  public let available: Int
  public let isSorted: Bool
  public let hasBytes: Bool
  public let hasTimes: Bool
  /// Whether shapes are those of stored tensors rather than outputs.
  public let isOfTensors: Bool
  /// Over everything that passed the filter, shown or folded.
  public let total: LayerSums

  public var parameters: Int { total.parameters }
  public var multiplyAdds: Int { total.multiplyAdds }
  public var bytes: Int? { hasBytes ? total.bytes : nil }

  /// The columns that have something to say here.
  public var defaultColumns: [Column] {
    if isOfTensors { return [.kind, .output, .params, .share, .bytes, .dtype] }
    return [.kind, .output, .params] + (hasBytes ? [.bytes] : []) + [.macs] + (hasTimes ? [.time] : [])
  }

  /// The listing for people; like blocks in a row, such as a stack of transformer blocks, are one line.
  public var table: Table { table(columns: defaultColumns) }

  public func table(columns: [Column]) -> Table {
    let lines = (isSorted ? rows.map { Line($0) } : Self.folded(rows)).map { line in
      [String(repeating: "  ", count: line.row.depth) + line.name] + columns.map { cell(line, $0) }
    }
    var sums = "total: \(Number.grouped(parameters)) parameters"
    if let bytes { sums += ", \(Number.bytes(bytes))" }
    if !isOfTensors { sums += ", \(Number.multiplyAdds(multiplyAdds))" }
    if let time = total.time { sums += ", \(Number.time(time)) in the last run" }
    return Table(
      columns: [.init(isOfTensors ? "tensor" : "layer", role: isSorted ? .path : .name)] + columns.map(title),
      rows: lines,
      footer: ["\(Number.grouped(rows.count)) of \(Number.counted(available, "row"))", sums])
  }

  private func title(_ column: Column) -> Table.Column {
    switch column {
    case .key: .init("key")
    case .kind: .init("kind")
    case .output: .init(isOfTensors ? "shape" : "output")
    case .params: .init("parameters", .right)
    case .share: .init("share", .right)
    case .bytes: .init("bytes", .right)
    case .dtype: .init("dtype")
    case .macs: .init("multiply-adds", .right)
    case .time: .init("time", .right)
    }
  }

  private func cell(_ line: Line, _ column: Column) -> String {
    let (row, sums) = (line.row, line.sums)
    switch column {
    case .key: return row.key
    case .kind: return line.kind(of: isOfTensors && row.kind == nil ? "tensor" : "layer")
    // A group of tensors returns nothing.
    case .output: return isOfTensors && row.kind == nil ? "" : row.shape?.description ?? ""
    case .params: return sums.parameters == 0 ? "" : Number.grouped(sums.parameters)
    case .share: return sums.parameters == 0 ? "" : Number.share(sums.parameters, of: total.parameters)
    case .bytes: return sums.bytes == 0 ? "" : Number.bytes(sums.bytes)
    case .dtype:
      guard sums.types.count > 1 else { return sums.types.first ?? "" }
      return sums.types.map { "\($0) \(Number.bytes(sums.bytesByType[$0] ?? 0))" }.joined(separator: ", ")
    case .macs: return sums.multiplyAdds == 0 ? "" : Number.multiplyAdds(sums.multiplyAdds)
    case .time: return sums.time.map(Number.time) ?? ""
    }
  }

  /// The listing for programs: every row by itself, in plain numbers.
  public var data: DataTable {
    var data = DataTable([
      "path", "key", "depth", "kind", "layers", isOfTensors ? "shape" : "output", "parameters", "share",
      "bytes", "dtype",
      "multiply_adds", "seconds",
    ])
    for row in rows {
      data.append([
        .string(row.path), .string(row.key), .integer(row.depth), row.kind.map(JSONValue.string) ?? .null,
        .integer(row.layerCount),
        row.shape.map { .array($0.extents.map(JSONValue.integer)) } ?? .null, .integer(row.parameters),
        .number(total.parameters == 0 ? 0 : Double(row.parameters) / Double(total.parameters)),
        hasBytes ? .integer(row.bytes) : .null,
        hasBytes ? .string(row.sums.types.joined(separator: "+")) : .null,
        .integer(row.multiplyAdds), row.sums.time.map { .number($0.seconds) } ?? .null,
      ])
    }
    return data
  }

  public var json: JSONValue {
    [
      "rows": data.json, "shown": .integer(rows.count), "available": .integer(available),
      "total": [
        "parameters": .integer(parameters), "bytes": bytes.map(JSONValue.integer) ?? .null,
        "bytes_by_dtype": .object(total.bytesByType.mapValues(JSONValue.integer)),
        "multiply_adds": .integer(multiplyAdds), "seconds": total.time.map { .number($0.seconds) } ?? .null,
      ],
    ]
  }

  /// A row, or a run of alike ones.
  struct Line {
    let row: LayerTree.Row
    var last: LayerTree.Row
    var count = 1
    var sums: LayerSums

    init(_ row: LayerTree.Row) {
      self.row = row
      last = row
      sums = row.sums
    }

    mutating func add(_ next: LayerTree.Row) {
      last = next
      count += 1
      sums += next.sums
    }

    var name: String {
      count == 1 ? row.name : "\(row.name)…\(last.name.split(separator: ".").last ?? "")"
    }
    /// The kind of a layer, or how many layers or tensors it sums.
    func kind(of noun: String) -> String {
      if let kind = row.kind { return kind }
      let each = Number.counted(row.layerCount, noun)
      return count == 1 ? each : "\(count) x \(each)"
    }
  }

  /// Folds neighbours that are alike but for consecutive numbers and show nothing below them.
  static func folded(_ rows: [LayerTree.Row]) -> [Line] {
    var lines: [Line] = []
    for (index, row) in rows.enumerated() {
      // The row before is the run's last, so it showed nothing below it; this one must not either.
      let showsMore = index + 1 < rows.count && rows[index + 1].depth > row.depth
      if let line = lines.last, !showsMore, line.last.depth == row.depth, isNext(row, after: line.last) {
        lines[lines.count - 1].add(row)
      } else {
        lines.append(Line(row))
      }
    }
    return lines
  }

  private static func isNext(_ row: LayerTree.Row, after last: LayerTree.Row) -> Bool {
    guard row.kind == nil, last.kind == nil, let (container, number) = numbered(row.path),
      let (lastContainer, lastNumber) = numbered(last.path)
    else { return false }
    return container == lastContainer && number == lastNumber + 1 && row.shape == last.shape
      && (row.layerCount, row.parameters, row.multiplyAdds) == (
        last.layerCount, last.parameters, last.multiplyAdds
      )
      && row.sums.bytesByType == last.sums.bytesByType
  }

  /// A path that ends in a number, taken apart.
  static func numbered(_ path: String) -> (container: Substring, number: Int)? {
    guard let dot = path.lastIndex(of: "."), let number = Int(path[path.index(after: dot)...]) else {
      return nil
    }
    return (path[..<dot], number)
  }
}
