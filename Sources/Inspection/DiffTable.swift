import Base
import Graph

/// A `GraphDiff` as rows, with what the removal saves.
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
    public let multiplyAddsSaved: Int
    /// What it takes in the new model, or in the old one when it is removed.
    public let cost: GraphDiff.Cost
    public let oldShape: Shape?
    public let newShape: Shape?
  }

  public let oldName: String
  public let newName: String
  public let level: GraphDiff.Level
  public let rows: [Row]
  public let diff: GraphDiff

  /// Lists the differences at a level; `only` keeps rows of these statuses.
  public init(
    _ diff: GraphDiff, from oldName: String, to newName: String, level: GraphDiff.Level = .block,
    only: Set<GraphDiff.Status> = Set(GraphDiff.Status.allCases)
  ) {
    self.diff = diff
    self.oldName = oldName
    self.newName = newName
    self.level = level
    let kept = diff.rows(at: level).filter { only.contains($0.status) }
    rows = level == .block ? Self.folded(kept) : kept.map { Self.row([$0]) }
  }

  /// Runs of siblings with consecutive numbers and one status become one row.
  private static func folded(_ rows: [GraphDiff.Row]) -> [Row] {
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
    return runs.map(row)
  }

  private static func row(_ run: [GraphDiff.Row]) -> Row {
    let (first, last) = (run[0], run[run.count - 1])
    let range = LayerListing.numbered(last.path).map { "…\($0.number)" } ?? ""
    let costs = run.map { $0.status == .removed ? $0.old : $0.new }
    var cost = GraphDiff.Cost()
    for part in costs {
      cost.tensors += part.tensors
      cost.parameters += part.parameters
      cost.multiplyAdds += part.multiplyAdds
    }
    return Row(
      path: run.count == 1 ? first.path : first.path + range, kind: first.kind, status: first.status,
      count: run.count, parametersSaved: run.reduce(0) { $0 + $1.parametersSaved },
      multiplyAddsSaved: run.reduce(0) { $0 + $1.multiplyAddsSaved }, cost: cost, oldShape: first.oldShape,
      newShape: first.newShape)
  }

  public var table: Table { level == .tensor ? tensorTable : costTable }

  private var tensorTable: Table {
    Table(
      columns: [
        .init(""), .init("tensor"), .init(oldName), .init(newName), .init("parameters", .right),
      ],
      rows: rows.map { row in
        [
          row.status.mark, row.path, row.oldShape?.description ?? "", row.newShape?.description ?? "",
          Number.grouped(row.cost.parameters),
        ]
      }, footer: footer)
  }

  private var costTable: Table {
    Table(
      columns: [
        .init(""), .init(level.rawValue), .init("kind"), .init("parameters", .right), .init("saved", .right),
        .init("multiply-adds saved", .right),
      ],
      rows: rows.map { row in
        [
          row.status.mark, row.path, row.count == 1 ? row.kind : "\(row.count) x \(row.kind)",
          Number.grouped(row.cost.parameters),
          row.parametersSaved == 0 ? "" : Number.grouped(row.parametersSaved),
          row.multiplyAddsSaved == 0 ? "" : Number.multiplyAdds(row.multiplyAddsSaved),
        ]
      }, footer: footer)
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
    if blocks.old + blocks.new > 0 {
      lines.append(line("transformer blocks", blocks.old, blocks.new, Number.grouped))
    }
    return lines
  }

  public var json: JSONValue {
    func cost(_ cost: GraphDiff.Cost) -> JSONValue {
      [
        "tensors": .integer(cost.tensors), "parameters": .integer(cost.parameters),
        "multiply_adds": .integer(cost.multiplyAdds),
      ]
    }
    func shape(_ shape: Shape?) -> JSONValue {
      shape.map { .array($0.extents.map(JSONValue.integer)) } ?? .null
    }
    let blocks = diff.blockCounts(kind: "transformer_block")
    return [
      "old": .string(oldName), "new": .string(newName), "level": .string(level.rawValue),
      "rows": .array(
        rows.map { row in
          var fields: [String: JSONValue] = [
            "status": .string(row.status.rawValue), "path": .string(row.path), "kind": .string(row.kind),
            "count": .integer(row.count), "parameters": .integer(row.cost.parameters),
            "parameters_saved": .integer(row.parametersSaved),
            "multiply_adds_saved": .integer(row.multiplyAddsSaved),
          ]
          if level == .tensor {
            fields["old_shape"] = shape(row.oldShape)
            fields["new_shape"] = shape(row.newShape)
          }
          return .object(fields)
        }),
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
  }
}
