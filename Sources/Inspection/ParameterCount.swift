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
  /// `weights` tells how a checkpoint holds each tensor of a network. A block is a component's uppermost part, such as `unet.down_blocks.1`. Throws a `Diagnostic` when element types
  /// are asked for without a checkpoint, which alone has them.
  public init(_ components: [LayerTree.Component], by grouping: Grouping, weights: StoredWeight.Lookup? = nil)
    throws
  {
    let isStored = weights != nil || components.contains { if case .tensors = $0 { true } else { false } }
    guard grouping != .dtype || isStored else {
      throw Diagnostic(
        .value, at: "by", "expected component, block or kind, found dtype where there is no checkpoint",
        hint: "an architecture has no element types: open a model with --model")
    }
    var order: [String] = []
    var found: [String: (tensors: Int, parameters: Int, bytes: Int)] = [:]
    func add(_ name: String, _ parameters: Int, _ bytes: Int) {
      if found[name] == nil { order.append(name) }
      found[name, default: (0, 0, 0)].tensors += 1
      found[name, default: (0, 0, 0)].parameters += parameters
      found[name, default: (0, 0, 0)].bytes += bytes
    }
    for component in components {
      switch component {
      case .network(let component, let graph):
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
            add(name, parameter.shape.count, weight?.bytes ?? 0)
          }
        }
      case .tensors(let component, let tensors):
        for tensor in tensors {
          let name =
            switch grouping {
            case .component: component
            case .block: "\(component).\(Self.block(of: tensor.name))"
            case .kind: tensor.name.split(separator: ".").last.map(String.init) ?? tensor.name
            case .dtype: tensor.dtype
            }
          add(name, tensor.count, tensor.bytes)
        }
      }
    }
    let rows = order.map { name in
      let sum = found[name] ?? (0, 0, 0)
      return Row(
        name: name, tensors: sum.tensors, parameters: sum.parameters, bytes: isStored ? sum.bytes : nil)
    }
    self.grouping = grouping
    self.rows =
      grouping == .kind || grouping == .dtype
      ? rows.sorted { ($1.parameters, $0.name) < ($0.parameters, $1.name) } : rows
    tensors = rows.reduce(0) { $0 + $1.tensors }
    parameters = rows.reduce(0) { $0 + $1.parameters }
    bytes = isStored ? rows.reduce(0) { $0 + ($1.bytes ?? 0) } : nil
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

  /// A row a group, in plain numbers.
  public var data: DataTable {
    var data = DataTable(["name", "tensors", "parameters", "share", "bytes"])
    for row in rows { data.append(values(row)) }
    return data
  }

  private func values(_ row: Row) -> [JSONValue] {
    [
      .string(row.name), .integer(row.tensors), .integer(row.parameters),
      .number(parameters == 0 ? 0 : Double(row.parameters) / Double(parameters)),
      row.bytes.map(JSONValue.integer) ?? .null,
    ]
  }

  public var json: JSONValue {
    let total = values(Row(name: "total", tensors: tensors, parameters: parameters, bytes: bytes))
    return [
      "by": .string(grouping.rawValue), "rows": data.json,
      "total": .object(Dictionary(zip(data.fields, total)) { first, _ in first }),
    ]
  }
}
