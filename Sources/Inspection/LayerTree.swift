import Base
import Graph

/// The layers of a model as a tree by component and path, to be folded, filtered and sorted.
///
/// A layer is a node with parameters or multiply-adds; what only moves or adds numbers is left out. A number in a
/// path stays with the name before it (`resnets.0`), and a part with one child only is written as one (`net.0.proj`).
public struct LayerTree: Sendable {
  /// A component, a part of one, or a layer.
  public struct Row: Hashable, Sendable {
    /// The component and the path in it, such as `unet.down_blocks.0.resnets.0.conv1`.
    public let path: String
    /// The path without what the row is listed under.
    public let name: String
    /// How far to the right it is listed.
    public let depth: Int
    /// The op of a layer, `tensor` for one that no network is known for; nil for a part that has several.
    public let kind: String?
    /// What it returns, or how a tensor is stored; nil where that is not known.
    public let shape: Shape?
    public let sums: LayerSums
    /// The path without the component: what the checkpoint's keys begin with; empty for a component.
    public let key: String

    public var parameters: Int { sums.parameters }
    public var multiplyAdds: Int { sums.multiplyAdds }
    public var layerCount: Int { sums.layerCount }
    public var bytes: Int { sums.bytes }
  }

  public enum SortKey: String, Hashable, Sendable, CaseIterable { case params, bytes, macs, time }

  /// What of the tree to list; as it starts, all of it at a depth that fits a screen.
  public struct Options: Hashable, Sendable {
    /// A component, or a path in one, with or without the component's name.
    public var path: String?
    /// Levels below the top row; nil chooses what fits, or every layer when the list is sorted.
    public var depth: Int?
    /// Only layers that this fits; parts then sum only these.
    public var filter: PathPattern?
    /// Lists the unfolded rows by falling size, under their whole paths.
    public var sort: SortKey?
    /// Only so many rows of the sorted list; by parameters unless `sort` says otherwise.
    public var top: Int?

    public init(
      path: String? = nil, depth: Int? = nil, filter: PathPattern? = nil, sort: SortKey? = nil,
      top: Int? = nil
    ) {
      self.path = path
      self.depth = depth
      self.filter = filter
      self.sort = sort
      self.top = top
    }
  }

  /// A part of what is listed: a network, or tensors that none is known for.
  public enum Component: Sendable {
    case network(String, Graph)
    case tensors(String, [StoredWeight])
  }

  let roots: [Branch]
  private let hasWeights: Bool
  private let hasTimes: Bool
  /// Whether its leaves are tensors that no network is known for.
  public let isOfTensors: Bool

  /// Makes the tree of `components`, in their order.
  ///
  /// `weights` tells how a checkpoint holds each tensor; without it the rows have no bytes. `time` tells how long the
  /// node at a path of a component took in the last run.
  public init(
    _ components: [Component], weights: StoredWeight.Lookup? = nil,
    time: ((_ component: String, _ path: String) -> Duration?)? = nil
  ) {
    roots = components.map { component in
      switch component {
      case .network(let name, let graph): Branch(component: name, graph: graph, weights: weights, time: time)
      case .tensors(let name, let tensors): Branch(component: name, tensors: tensors)
      }
    }
    isOfTensors = components.contains { if case .tensors = $0 { true } else { false } }
    hasWeights = weights != nil || isOfTensors
    hasTimes = roots.contains { $0.sums.time != nil }
  }

  /// Lists the tree. Throws a `Diagnostic` of kind `.value` when no path or no layer is as asked for.
  public func listing(_ options: Options = Options()) throws -> LayerListing {
    let selected = try options.path.map { [try branch(at: $0)] } ?? roots
    let available = selected.reduce(0) { $0 + $1.rowCount }
    let kept =
      try options.filter.map { filter in try selected.compactMap { try $0.filtered(filter) } } ?? selected
    guard !kept.isEmpty else {
      throw Diagnostic(
        .value, at: "filter",
        "expected a part of a layer's path, found \(options.filter?.text ?? "") in none",
        hint:
          "a filter is contained in a path, such as attn2, or fits all of it, such as unet.mid_block.*.conv?")
    }
    if options.sort == .time, !hasTimes {
      throw Diagnostic(
        .value, at: "sort", "expected a measured run at this size to sort by time, found none",
        hint: "generate a picture first")
    }
    let isSorted = options.sort != nil || options.top != nil
    var rows: [Row] = []
    if isSorted {
      for branch in kept { branch.appendLeaves(to: &rows, depth: options.depth ?? .max) }
      let key = options.sort ?? .params
      // Equal rows stay in the order of computation.
      let ranked = rows.enumerated().sorted {
        (Self.size($1.element, key), $0.offset) < (Self.size($0.element, key), $1.offset)
      }
      rows = ranked.prefix(options.top.map { max(0, $0) } ?? .max).map(\.element)
    } else {
      let depths = options.depth.map { depth in kept.map { _ in depth } } ?? Self.fittingDepths(kept)
      for (branch, depth) in zip(kept, depths) { branch.append(to: &rows, depth: depth, indentation: 0) }
    }
    let total = kept.reduce(into: LayerSums()) { $0 += $1.sums }
    return LayerListing(
      rows: rows, available: available, isSorted: isSorted, hasBytes: hasWeights, hasTimes: hasTimes,
      isOfTensors: isOfTensors, total: total)
  }

  /// How many rows there are with everything shown.
  public var rowCount: Int { roots.reduce(0) { $0 + $1.rowCount } }

  /// Every path that can be listed, for completion.
  public var paths: [String] { roots.flatMap(\.paths) }

  private static func size(_ row: Row, _ key: SortKey) -> Double {
    switch key {
    case .params: Double(row.parameters)
    case .bytes: Double(row.sums.bytesByType.isEmpty ? row.parameters : row.bytes)
    case .macs: Double(row.multiplyAdds)
    case .time: row.sums.time?.seconds ?? 0
    }
  }

  /// Rows that a list may have without being asked for a depth: those of several components, and of one.
  private static let comfortableRows = (several: 40, one: 60)

  /// The depth of each branch: all one level further while that fits, then those that add the fewest rows.
  private static func fittingDepths(_ branches: [Branch]) -> [Int] {
    let room = branches.count > 1 ? comfortableRows.several : comfortableRows.one
    func count(_ index: Int, _ depth: Int) -> Int {
      // What is far too much is not made to be counted.
      guard branches[index].countedRows(depth: depth, limit: 20_000) <= 20_000 else { return room + 1 }
      var rows: [Row] = []
      branches[index].append(to: &rows, depth: depth, indentation: 0)
      return LayerListing.folded(rows).count
    }
    var depths = branches.map { _ in 0 }
    var counts = branches.map { _ in 1 }
    let deepest = branches.map(\.height).max() ?? 0
    while let depth = depths.max(), depth < deepest {
      let next = branches.indices.map { count($0, depth + 1) }
      guard next.reduce(0, +) <= room else { break }
      (depths, counts) = (depths.map { _ in depth + 1 }, next)
    }
    for (added, index) in branches.indices.map({ (count($0, depths[$0] + 1) - counts[$0], $0) }).sorted(by: <)
    where counts.reduce(0, +) + added <= room && added > 0 {
      depths[index] += 1
      counts[index] += added
    }
    return depths
  }

  private func branch(at path: String) throws -> Branch {
    for root in roots {
      if var found = root.descendant(path) ?? root.descendant("\(root.path).\(path)") {
        found.name = found.path
        return found
      }
    }
    // What is there instead: the children of the deepest part that the path does reach.
    var around = path[...]
    var candidates = roots.map(\.path)
    while let dot = around.lastIndex(of: ".") {
      around = around[..<dot]
      if let found = try? branch(at: String(around)), !found.children.isEmpty {
        candidates = found.children.map(\.path)
        break
      }
    }
    throw Diagnostic(
      .value, at: path, "expected a component or a path in one, found no such layer",
      hint:
        "there are \(candidates.prefix(8).joined(separator: ", "))\(candidates.count > 8 ? " and more" : "")")
  }
}
