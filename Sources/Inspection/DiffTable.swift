import Base
import Graph

/// A `GraphDiff` as rows, with what the removal saves and how far what was kept has moved.
public struct DiffTable: Sendable {
  /// A difference, or consecutive siblings that differ in the same way.
  public struct Row: Hashable, Sendable {
    /// The path, or the first of several and the number of the last: `….transformer_blocks.4…9`.
    public let path: String
    public let kind: String
    public let status: GraphDiff.Status
    /// How many blocks it stands for.
    public let count: Int
    public let parametersSaved: Int
    public let bytesSaved: Int
    public let multiplyAddsSaved: Int
    /// nil where neither side's time was measured.
    public let timeSaved: Duration?
    /// What it takes in the new model, or in the old one when it is removed.
    public let cost: GraphDiff.Cost
    public let oldShape: Shape?
    public let newShape: Shape?
    /// How far its kept tensors have moved; nil when values were not compared, or none was kept.
    public let values: WeightComparison.Sums?
  }

  public let oldName: String
  public let newName: String
  public let level: GraphDiff.Level
  public let rows: [Row]
  /// The same with every block by itself.
  public let unfoldedRows: [Row]
  public let diff: GraphDiff
  public let values: WeightComparison?
  /// How the layers of shortened stacks relate to those of the full ones; empty when values were not compared.
  public let provenance: [StackProvenance]

  /// Lists the differences at a level; `only` keeps rows of these statuses.
  public init(
    _ diff: GraphDiff, from oldName: String, to newName: String, level: GraphDiff.Level = .block,
    only: Set<GraphDiff.Status> = Set(GraphDiff.Status.allCases), values: WeightComparison? = nil,
    provenance: [StackProvenance] = []
  ) {
    self.diff = diff
    self.oldName = oldName
    self.newName = newName
    self.level = level
    self.values = values
    self.provenance = provenance
    let kept = diff.rows(at: level).filter { only.contains($0.status) }
    // Each block that was kept has moved in its own way.
    unfoldedRows = kept.map { Self.row([$0], values) }
    rows = (level == .block && values == nil ? Self.folded(kept) : kept.map { [$0] }).map {
      Self.row($0, values)
    }
  }

  /// Runs of siblings with consecutive numbers and one status become one row.
  private static func folded(_ rows: [GraphDiff.Row]) -> [[GraphDiff.Row]] {
    var runs: [[GraphDiff.Row]] = []
    for row in rows {
      if let last = runs.last?.last, last.status == row.status, row.status != .changed,
        let (container, number) = LayerListing.numbered(row.path),
        let (lastContainer, lastNumber) = LayerListing.numbered(last.path),
        container == lastContainer, number == lastNumber + 1
      {
        runs[runs.count - 1].append(row)
      } else {
        runs.append([row])
      }
    }
    return runs
  }

  private static func row(_ run: [GraphDiff.Row], _ values: WeightComparison?) -> Row {
    let (first, last) = (run[0], run[run.count - 1])
    let range = LayerListing.numbered(last.path).map { "…\($0.number)" } ?? ""
    let cost = run.reduce(into: GraphDiff.Cost()) { $0 += $1.status == .removed ? $1.old : $1.new }
    let times = run.compactMap(\.timeSaved)
    return Row(
      path: run.count == 1 ? first.path : first.path + range, kind: first.kind, status: first.status,
      count: run.count, parametersSaved: run.reduce(0) { $0 + $1.parametersSaved },
      bytesSaved: run.reduce(0) { $0 + $1.bytesSaved },
      multiplyAddsSaved: run.reduce(0) { $0 + $1.multiplyAddsSaved },
      timeSaved: times.isEmpty ? nil : times.reduce(.zero, +), cost: cost, oldShape: first.oldShape,
      newShape: first.newShape,
      // Of a changed block only some tensors can be compared: their figure would pass for the block's.
      values: first.status == .same ? values?.sums(of: run.flatMap(\.keptKeys)) : nil)
  }

  private var hasBytes: Bool { diff.old.bytes > 0 && diff.new.bytes > 0 }
  private var hasTimes: Bool { diff.old.time != nil }

  public var table: Table {
    var columns: [Table.Column] = [.init(""), .init(level.rawValue, role: .path)]
    columns += level == .tensor ? [.init(oldName), .init(newName)] : [.init("kind")]
    columns.append(.init("parameters", .right))
    if level != .tensor { columns.append(.init("saved", .right)) }
    if hasBytes { columns.append(.init("bytes saved", .right)) }
    if level != .tensor { columns.append(.init("multiply-adds saved", .right)) }
    if level != .tensor, hasTimes { columns.append(.init("time saved", .right)) }
    if values != nil { columns += [.init("moved", .right), .init("cosine", .right)] }
    return Table(columns: columns, rows: rows.map(cells), footer: footer)
  }

  private func cells(_ row: Row) -> [String] {
    var cells = [row.status.mark, row.path]
    cells +=
      level == .tensor
      ? [row.oldShape?.description ?? "", row.newShape?.description ?? ""]
      : [row.count == 1 ? row.kind : "\(row.count) x \(row.kind)"]
    cells.append(Number.grouped(row.cost.parameters))
    if level != .tensor { cells.append(row.parametersSaved == 0 ? "" : Number.grouped(row.parametersSaved)) }
    if hasBytes { cells.append(row.bytesSaved == 0 ? "" : Number.bytes(row.bytesSaved)) }
    if level != .tensor {
      cells.append(row.multiplyAddsSaved == 0 ? "" : Number.multiplyAdds(row.multiplyAddsSaved))
      if hasTimes { cells.append(row.timeSaved.map { $0 == .zero ? "" : Number.time($0) } ?? "") }
    }
    if values != nil {
      cells.append(row.values?.relativeL2.map { Number.significant($0, 3) } ?? "")
      cells.append(row.values?.cosine.map { Number.fixed($0, 3) } ?? "")
    }
    return cells
  }

  private var footer: [String] {
    let counts = [GraphDiff.Status.removed, .added, .changed, .same].map { status in
      "\(Number.grouped(diff.count(of: status, at: .tensor))) \(status == .same ? "the same" : status.rawValue)"
    }
    func line(_ what: String, _ old: Int, _ new: Int, _ text: (Int) -> String) -> String {
      guard old != new else { return "\(what): \(text(new)) in both" }
      let change = old > new ? "\(text(old - new)) saved" : "\(text(new - old)) more"
      return "\(what): \(text(old)) in \(oldName), \(text(new)) in \(newName): \(change) "
        + "(\(Number.share(abs(old - new), of: old)))"
    }
    let blocks = diff.blockCounts(kind: "transformer_block")
    var lines = [
      "tensors: " + counts.joined(separator: ", "),
      line("parameters", diff.old.parameters, diff.new.parameters, Number.grouped),
      line("multiply-adds", diff.old.multiplyAdds, diff.new.multiplyAdds, Number.multiplyAdds),
    ]
    if hasBytes { lines.insert(line("bytes", diff.old.bytes, diff.new.bytes, Number.bytes), at: 2) }
    if let old = diff.old.time, let new = diff.new.time {
      lines.append(
        "time: \(Number.time(new)) in \(newName)'s layers in the last run; \(oldName)'s would have taken \(Number.time(old)), "
          + "by layers of the same kind and shape")
    }
    if blocks.old + blocks.new > 0 {
      lines.append(line("transformer blocks", blocks.old, blocks.new, Number.grouped))
    }
    return lines
  }

  /// A row a difference, in plain numbers.
  public var data: DataTable {
    var fields = ["status", "path", "kind"]
    if level == .tensor { fields += ["old_shape", "new_shape"] }
    fields += ["parameters", "parameters_saved", "bytes_saved", "multiply_adds_saved", "seconds_saved"]
    if values != nil { fields += ["relative_l2", "cosine"] }
    var data = DataTable(fields)
    func shape(_ shape: Shape?) -> JSONValue {
      shape.map { .array($0.extents.map(JSONValue.integer)) } ?? .null
    }
    for row in unfoldedRows {
      var cells: [JSONValue] = [.string(row.status.rawValue), .string(row.path), .string(row.kind)]
      if level == .tensor { cells += [shape(row.oldShape), shape(row.newShape)] }
      cells += [
        .integer(row.cost.parameters), .integer(row.parametersSaved),
        hasBytes ? .integer(row.bytesSaved) : .null,
        .integer(row.multiplyAddsSaved), row.timeSaved.map { .number($0.seconds) } ?? .null,
      ]
      if values != nil {
        cells += [
          row.values?.relativeL2.map(JSONValue.number) ?? .null,
          row.values?.cosine.map(JSONValue.number) ?? .null,
        ]
      }
      data.append(cells)
    }
    return data
  }

  public var json: JSONValue {
    func cost(_ cost: GraphDiff.Cost) -> JSONValue {
      [
        "tensors": .integer(cost.tensors), "parameters": .integer(cost.parameters),
        "bytes": hasBytes ? .integer(cost.bytes) : .null, "multiply_adds": .integer(cost.multiplyAdds),
        "seconds": cost.time.map { .number($0.seconds) } ?? .null,
      ]
    }
    let blocks = diff.blockCounts(kind: "transformer_block")
    var fields: [String: JSONValue] = [
      "old": .string(oldName), "new": .string(newName), "level": .string(level.rawValue), "rows": data.json,
      "tensors": .object(
        Dictionary(
          GraphDiff.Status.allCases.map { ($0.rawValue, .integer(diff.count(of: $0, at: .tensor))) }
        ) { first, _ in first }),
      "transformer_blocks": ["old": .integer(blocks.old), "new": .integer(blocks.new)],
      "total": [
        "old": cost(diff.old), "new": cost(diff.new), "parameters_saved": .integer(diff.parametersSaved),
        "multiply_adds_saved": .integer(diff.multiplyAddsSaved),
      ],
    ]
    if values != nil { fields["provenance"] = .array(provenance.map(\.json)) }
    return .object(fields)
  }
}
