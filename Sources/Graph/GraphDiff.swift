/// What tells two graphs apart, by the paths of their layers and the keys of their tensors.
///
/// A layer here is a node that has parameters or multiply-adds; a block is what a network is pruned by: a resnet, a
/// transformer block, a sampler. Rows are in the order of computation, added ones where the new graph has them.
public struct GraphDiff: Sendable {
  public enum Status: String, Hashable, Sendable, CaseIterable {
    case removed, added, changed, same

    /// The mark that a listing gives it.
    public var mark: String {
      switch self {
      case .removed: "-"
      case .added: "+"
      case .changed: "~"
      case .same: "="
      }
    }
  }

  public enum Level: String, Hashable, Sendable, CaseIterable { case block, layer, tensor }

  /// What a part of a graph takes.
  public struct Cost: Hashable, Sendable {
    public var tensors = 0
    public var parameters = 0
    /// As checkpoints hold it; 0 where that is not told.
    public var bytes = 0
    public var multiplyAdds = 0
    /// Time of one run; nil where none of it was measured.
    public var time: Duration?

    public init() {}

    public static func += (a: inout Cost, b: Cost) {
      a.tensors += b.tensors
      a.parameters += b.parameters
      a.bytes += b.bytes
      a.multiplyAdds += b.multiplyAdds
      if let time = b.time { a.time = (a.time ?? .zero) + time }
    }
  }

  /// A block, a layer or a tensor in either graph or in both.
  public struct Row: Hashable, Sendable {
    /// The path of a block or a layer, or the key of a tensor.
    public let path: String
    /// `resnet`, `transformer_block` and the like for a block, the op's for a lone layer, the parameter's name for a tensor.
    public let kind: String
    public let status: Status
    /// What it takes in the old graph; nothing when it is added.
    public let old: Cost
    /// What it takes in the new graph; nothing when it is removed.
    public let new: Cost
    /// A tensor's shape in the old graph.
    public let oldShape: Shape?
    /// A tensor's shape in the new graph.
    public let newShape: Shape?
    /// The keys of its tensors that both graphs have in the same shape.
    public let keptKeys: [String]

    public var parametersSaved: Int { old.parameters - new.parameters }
    public var bytesSaved: Int { old.bytes - new.bytes }
    public var multiplyAddsSaved: Int { old.multiplyAdds - new.multiplyAdds }
    /// nil where neither was measured.
    public var timeSaved: Duration? {
      guard old.time != nil || new.time != nil else { return nil }
      return (old.time ?? .zero) - (new.time ?? .zero)
    }
  }

  public let blocks: [Row]
  public let layers: [Row]
  public let tensors: [Row]
  /// What the whole of the old graph takes.
  public let old: Cost
  /// What the whole of the new graph takes.
  public let new: Cost

  /// The bytes in which a model holds the parameter of a key and a shape.
  public typealias ByteCount = (_ key: String, _ shape: Shape) -> Int

  /// Compares two graphs, which should be built for one batch and size, so that the multiply-adds compare.
  ///
  /// - Parameters:
  ///   - oldBytes, newBytes: what the models hold each parameter in, where that is known.
  ///   - time: how long a node takes, where that was measured.
  public init(
    from oldGraph: Graph, to newGraph: Graph, oldBytes: ByteCount? = nil, newBytes: ByteCount? = nil,
    time: ((Node) -> Duration?)? = nil
  ) {
    let before = Side(oldGraph, oldBytes, time)
    let after = Side(newGraph, newBytes, time)
    layers = Self.layerRows(before, after)
    blocks = Self.blockRows(before, after, layers: layers)
    tensors = Self.tensorRows(before, after)
    old = before.total
    new = after.total
  }

  public func rows(at level: Level) -> [Row] {
    switch level {
    case .block: blocks
    case .layer: layers
    case .tensor: tensors
    }
  }

  public func count(of status: Status, at level: Level) -> Int {
    rows(at: level).count { $0.status == status }
  }

  /// How many blocks of a kind, such as `transformer_block`, each graph has.
  public func blockCounts(kind: String) -> (old: Int, new: Int) {
    let found = blocks.filter { $0.kind == kind }
    return (found.count { $0.status != .added }, found.count { $0.status != .removed })
  }

  public var parametersSaved: Int { old.parameters - new.parameters }
  public var multiplyAddsSaved: Int { old.multiplyAdds - new.multiplyAdds }

  private static func layerRows(_ old: Side, _ new: Side) -> [Row] {
    merged(old.order, new.order).map { path in
      let (a, b) = (old.layers[path], new.layers[path])
      let isSame = a?.op == b?.op && a?.parameters == b?.parameters
      return Row(
        path: path, kind: (a ?? b)?.op.kind ?? "", status: status(a, b, isSame: isSame),
        old: old.costs[path] ?? Cost(), new: new.costs[path] ?? Cost(), oldShape: nil, newShape: nil,
        keptKeys: keptKeys(a, b))
    }
  }

  private static func keptKeys(_ old: Node?, _ new: Node?) -> [String] {
    guard let old, let new else { return [] }
    return old.parameters.filter(new.parameters.contains).map(old.key(of:))
  }

  private static func blockRows(_ before: Side, _ after: Side, layers: [Row]) -> [Row] {
    var order: [String] = []
    var members: [String: [Row]] = [:]
    for row in layers {
      let path = before.blocks[row.path] ?? after.blocks[row.path] ?? row.path
      if members[path] == nil { order.append(path) }
      members[path, default: []].append(row)
    }
    return order.map { path in
      let rows = members[path] ?? []
      let statuses = Set(rows.map(\.status))
      return Row(
        path: path, kind: rows.first?.path == path ? rows[0].kind : BlockPath.kind(of: path),
        status: statuses.count == 1 ? rows[0].status : .changed,
        old: rows.reduce(into: Cost()) { $0 += $1.old }, new: rows.reduce(into: Cost()) { $0 += $1.new },
        oldShape: nil, newShape: nil, keptKeys: rows.flatMap(\.keptKeys))
    }
  }

  private static func tensorRows(_ before: Side, _ after: Side) -> [Row] {
    let old = Dictionary(before.tensors.map { ($0.key, $0.shape) }) { first, _ in first }
    let new = Dictionary(after.tensors.map { ($0.key, $0.shape) }) { first, _ in first }
    func cost(_ key: String, _ shape: Shape?, _ bytes: ByteCount?) -> Cost {
      var cost = Cost()
      if let shape { (cost.tensors, cost.parameters, cost.bytes) = (1, shape.count, bytes?(key, shape) ?? 0) }
      return cost
    }
    return merged(before.tensors.map(\.key), after.tensors.map(\.key)).map { key in
      let (a, b) = (old[key], new[key])
      return Row(
        path: key, kind: key.split(separator: ".").last.map(String.init) ?? key,
        status: status(a, b, isSame: a == b), old: cost(key, a, before.bytes), new: cost(key, b, after.bytes),
        oldShape: a, newShape: b, keptKeys: a != nil && a == b ? [key] : [])
    }
  }

  private static func status(_ old: (some Any)?, _ new: (some Any)?, isSame: Bool) -> Status {
    if old == nil { return .added }
    if new == nil { return .removed }
    return isSame ? .same : .changed
  }

  /// The old names in their order, and after each the new ones that follow it in the new order.
  private static func merged(_ old: [String], _ new: [String]) -> [String] {
    let known = Set(old)
    var following: [String: [String]] = [:]
    var anchor = ""
    for name in new {
      if known.contains(name) { anchor = name } else { following[anchor, default: []].append(name) }
    }
    return (following[""] ?? []) + old.flatMap { [$0] + (following[$0] ?? []) }
  }
}

/// The layers of one graph, by path.
private struct Side {
  var order: [String] = []
  var layers: [String: Node] = [:]
  /// The block that each layer belongs to.
  var blocks: [String: String] = [:]
  var costs: [String: GraphDiff.Cost] = [:]
  var total = GraphDiff.Cost()
  let tensors: [(key: String, shape: Shape)]
  let bytes: GraphDiff.ByteCount?

  init(_ graph: Graph, _ bytes: GraphDiff.ByteCount?, _ time: ((Node) -> Duration?)?) {
    self.bytes = bytes
    tensors = graph.tensors
    let paths = BlockPath(graph)
    for node in graph.nodes where node.isLayer {
      var cost = GraphDiff.Cost()
      (cost.tensors, cost.parameters, cost.multiplyAdds) = (
        node.parameters.count, node.parameterCount, node.multiplyAdds
      )
      if let bytes { cost.bytes = node.parameters.reduce(0) { $0 + bytes(node.key(of: $1), $1.shape) } }
      cost.time = time?(node)
      order.append(node.path)
      layers[node.path] = node
      blocks[node.path] = paths.block(of: node.path)
      costs[node.path] = cost
      total += cost
    }
  }
}

extension Node {
  /// Whether it has parameters or multiply-adds, and so is worth a row in a listing.
  public var isLayer: Bool { !parameters.isEmpty || multiplyAdds > 0 }
}
