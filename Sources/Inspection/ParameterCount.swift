import Base
import Graph

/// How a model's parameters are spread over its components, blocks, kinds of layer or element types.
public struct ParameterCount: Sendable {
  public enum Grouping: String, Hashable, Sendable, CaseIterable { case component, block, kind, dtype }

  public struct Row: Hashable, Sendable {
    public let name: String
    public let tensors: Int
    public let parameters: Int
    /// Bytes in the checkpoint; nil without one.
    public let bytes: Int?
  }

  public let grouping: Grouping
  /// In the model's order, or for kinds and element types the largest first.
  public let rows: [Row]
  public let tensors: Int
  public let parameters: Int
  public let bytes: Int?

  /// Counts the parameters of `components`, in their order.
  ///
  /// A block is a component's uppermost part, such as `unet.down_blocks.1`. Throws a `Diagnostic` when element types
  /// are asked for without a checkpoint, which alone has them.
  public init(
    components: [(name: String, graph: Graph)], by grouping: Grouping, weights: StoredWeight.Lookup? = nil
  )
    throws
  {
    guard grouping != .dtype || weights != nil else {
      throw Diagnostic(
        .value, at: "by", "expected component, block or kind, found dtype where there is no checkpoint",
        hint: "an architecture has no element types: open a model with --model")
    }
    var order: [String] = []
    var found: [String: (tensors: Int, parameters: Int, bytes: Int)] = [:]
    for (component, graph) in components {
      for node in graph.nodes {
        for parameter in node.parameters {
          let weight = weights?(component, node.key(of: parameter))
          let name =
            switch grouping {
            case .component: component
            case .block: "\(component).\(Self.block(of: node.path))"
            case .kind: node.op.kind
            case .dtype: weight?.dtype ?? "missing"
            }
          if found[name] == nil { order.append(name) }
          found[name, default: (0, 0, 0)].tensors += 1
          found[name, default: (0, 0, 0)].parameters += parameter.shape.count
          found[name, default: (0, 0, 0)].bytes += weight?.bytes ?? 0
        }
      }
    }
    let rows = order.map { name in
      let sum = found[name] ?? (0, 0, 0)
      return Row(
        name: name, tensors: sum.tensors, parameters: sum.parameters, bytes: weights == nil ? nil : sum.bytes)
    }
    self.grouping = grouping
    self.rows =
      grouping == .kind || grouping == .dtype
      ? rows.sorted { ($1.parameters, $0.name) < ($0.parameters, $1.name) } : rows
    tensors = rows.reduce(0) { $0 + $1.tensors }
    parameters = rows.reduce(0) { $0 + $1.parameters }
    bytes = weights == nil ? nil : rows.reduce(0) { $0 + ($1.bytes ?? 0) }
  }

  private static func block(of path: String) -> String {
    let parts = path.split(separator: ".")
    guard parts.count > 1, Int(parts[1]) != nil else { return parts.first.map(String.init) ?? path }
    return "\(parts[0]).\(parts[1])"
  }

  public var table: Table {
    var columns: [Table.Column] = [
      .init(grouping.rawValue), .init("tensors", .right), .init("parameters", .right), .init("share", .right),
    ]
    if bytes != nil { columns.append(.init("bytes", .right)) }
    let lines = (rows + [Row(name: "total", tensors: tensors, parameters: parameters, bytes: bytes)]).map {
      row in
      var cells = [
        row.name, Number.grouped(row.tensors), Number.grouped(row.parameters),
        Number.share(row.parameters, of: parameters),
      ]
      if let bytes = row.bytes { cells.append(Number.bytes(bytes)) }
      return cells
    }
    return Table(columns: columns, rows: lines)
  }

  public var json: JSONValue {
    func fields(_ name: String, _ tensors: Int, _ count: Int, _ bytes: Int?) -> JSONValue {
      [
        "name": .string(name), "tensors": .integer(tensors), "parameters": .integer(count),
        "share": .number(parameters == 0 ? 0 : Double(count) / Double(parameters)),
        "bytes": bytes.map(JSONValue.integer) ?? .null,
      ]
    }
    return [
      "by": .string(grouping.rawValue),
      "rows": .array(rows.map { fields($0.name, $0.tensors, $0.parameters, $0.bytes) }),
      "total": fields("total", tensors, parameters, bytes),
    ]
  }
}
