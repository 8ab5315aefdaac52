import Graph

/// A part of a model with what is below it.
struct Branch: Sendable {
  var path: String
  var name: String
  var kind: String?
  /// What it returns, or for a tensor how it is stored; nil where that is not known.
  var shape: Shape?
  var children: [Branch]
  var sums: LayerSums
  /// The component that it is part of.
  let component: String
  /// The whole name of a tensor, which its path may not tell: a name may hold empty parts.
  var tensorName: String?

  /// What a tree is made of: a layer of a graph, a tensor of a checkpoint, or what only takes time.
  private struct Leaf {
    let parts: [String]
    /// nil for what is no row of its own.
    let kind: String?
    let shape: Shape
    var sums: LayerSums
    var tensorName: String?
  }

  /// The tree of a network, with what a checkpoint and a run know of it.
  init(
    component: String, graph: Graph, weights: StoredWeight.Lookup?, time: ((String, String) -> Duration?)?
  ) {
    let returned = Dictionary(graph.modules.map { ($0.path, $0.value.shape) }) { _, last in last }
    let leaves = graph.nodes.compactMap { node -> Leaf? in
      var sums = LayerSums()
      sums.time = time?(component, node.path)
      guard node.isLayer else {
        return sums.time.map { _ in Leaf(parts: Self.parts(of: node.path), kind: nil, shape: [], sums: sums) }
      }
      (sums.layerCount, sums.parameters, sums.multiplyAdds) = (1, node.parameterCount, node.multiplyAdds)
      for parameter in node.parameters {
        guard let weight = weights?(component, node.key(of: parameter)) else { continue }
        sums.bytesByType[weight.dtype, default: 0] += weight.bytes
      }
      return Leaf(parts: Self.parts(of: node.path), kind: node.op.kind, shape: node.output.shape, sums: sums)
    }
    self.init(component, path: component, name: component, leaves: leaves[...], level: 0, returned)
    if let last = graph.nodes.last { shape = last.output.shape }
  }

  /// The tree of tensors that no network is known for.
  init(component: String, tensors: [StoredWeight]) {
    let leaves = tensors.map { tensor in
      let sums = LayerSums(
        layerCount: 1, parameters: tensor.count, bytesByType: [tensor.dtype: tensor.bytes], multiplyAdds: 0,
        time: nil)
      return Leaf(
        parts: Self.parts(of: tensor.name), kind: "tensor", shape: Shape(tensor.shape), sums: sums,
        tensorName: tensor.name)
    }
    self.init(component, path: component, name: component, leaves: leaves[...], level: 0, [:])
  }

  private init(
    _ component: String, path: String, name: String, leaves: ArraySlice<Leaf>, level: Int,
    _ returned: [String: Shape]
  ) {
    self.component = component
    self.path = path
    self.name = name
    children = []
    sums = LayerSums()
    var order: [String] = []
    var groups: [String: [Leaf]] = [:]
    for leaf in leaves {
      sums += leaf.sums
      guard leaf.kind != nil || leaf.parts.count > level + 1 else { continue }
      let name = leaf.parts[level]
      if groups[name] == nil { order.append(name) }
      groups[name, default: []].append(leaf)
    }
    // What takes time alone belongs to this part.
    children = order.compactMap { name in
      let group = groups[name] ?? []
      return group.contains { $0.kind != nil }
        ? Self.child(component, name: name, of: group[...], level: level, in: path, returned) : nil
    }
    shape = children.last?.shape
  }

  private init(_ component: String, path: String, name: String, _ leaf: Leaf) {
    self.init(component, path: path, name: name, leaves: [], level: 0, [:])
    (kind, shape, sums, tensorName) = (leaf.kind, leaf.shape, leaf.sums, leaf.tensorName)
  }

  private static func child(
    _ component: String, name: String, of group: ArraySlice<Leaf>, level: Int, in parent: String,
    _ returned: [String: Shape]
  ) -> Branch {
    let path = "\(parent).\(name)"
    if group.count == 1, let leaf = group.first, leaf.parts.count == level + 1 {
      return Branch(component, path: path, name: name, leaf)
    }
    // A name may be both a tensor and a folder of others; the tensor is then a part without a name of its own.
    let own = group.filter { $0.parts.count == level + 1 && $0.kind != nil }
    var branch = Branch(
      component, path: path, name: name, leaves: group.filter { $0.parts.count > level + 1 },
      level: level + 1, returned)
    for leaf in own {
      branch.children.insert(Branch(component, path: path, name: name, leaf), at: 0)
      branch.sums += leaf.sums
    }
    for leaf in group where leaf.parts.count == level + 1 && leaf.kind == nil { branch.sums += leaf.sums }
    if branch.children.count == 1, own.isEmpty {
      let time = branch.sums.time
      branch = branch.children[0]
      branch.sums.time = time
      branch.name = "\(name).\(branch.name)"
      return branch
    }
    if let first = group.first, let output = returned[first.parts[...level].joined(separator: ".")] {
      branch.shape = output
    }
    return branch
  }

  /// Levels that names are taken apart into; what is deeper stays one name.
  private static let deepest = 64

  /// A path's parts, each number with the name before it.
  private static func parts(of path: String) -> [String] {
    let parts = path.split(separator: ".", maxSplits: deepest).reduce(into: [String]()) { parts, part in
      if let last = parts.last, Int(part) != nil {
        parts[parts.count - 1] = "\(last).\(part)"
      } else {
        parts.append(String(part))
      }
    }
    // A name of dots alone is its own part.
    return parts.isEmpty ? [path] : parts
  }

  /// How many rows it takes with everything shown.
  var rowCount: Int { children.reduce(1) { $0 + $1.rowCount } }
  /// Levels below it.
  var height: Int { children.reduce(0) { max($0, $1.height + 1) } }
  var paths: [String] { [path] + children.flatMap(\.paths) }

  /// The part at a path that begins with this one's; nil when there is none.
  ///
  /// A container of numbered parts, such as `down_blocks`, is no row of its own but can be asked for.
  func descendant(_ wanted: String) -> Branch? {
    if path == wanted { return self }
    if let around = children.first(where: { wanted.hasPrefix($0.path + ".") || $0.path == wanted }) {
      return around.descendant(wanted)
    }
    guard wanted.hasPrefix(path + ".") else { return nil }
    let inside = children.filter { $0.path.hasPrefix(wanted + ".") }
    guard inside.count > 1 else { return inside.first }
    var container = self
    (container.path, container.name, container.children, container.shape) = (
      wanted, wanted, inside, inside.last?.shape
    )
    container.sum()
    return container
  }

  private mutating func sum() { sums = children.reduce(into: LayerSums()) { $0 += $1.sums } }

  /// What remains with only the layers that the pattern fits; nil when none does.
  func filtered(_ pattern: PathPattern) throws -> Branch? {
    if children.isEmpty { return try pattern.matches(path) ? self : nil }
    var result = self
    result.children = try children.compactMap { try $0.filtered(pattern) }
    guard !result.children.isEmpty else { return nil }
    result.sum()
    return result
  }

  private func row(name: String, depth: Int) -> LayerTree.Row {
    LayerTree.Row(
      path: path, name: name, depth: depth, kind: kind, shape: shape, sums: sums,
      key: tensorName ?? String(path.dropFirst(component.count + 1)))
  }

  func append(to rows: inout [LayerTree.Row], depth: Int, indentation: Int) {
    rows.append(row(name: name, depth: indentation))
    guard depth > 0 else { return }
    for child in children { child.append(to: &rows, depth: depth - 1, indentation: indentation + 1) }
  }

  /// How many rows `append` would add, counted no further than `limit`.
  func countedRows(depth: Int, limit: Int) -> Int {
    guard depth > 0, limit > 1 else { return 1 }
    var count = 1
    for child in children where count <= limit {
      count += child.countedRows(depth: depth - 1, limit: limit - count)
    }
    return count
  }

  /// The rows below which nothing is shown, under their whole paths.
  func appendLeaves(to rows: inout [LayerTree.Row], depth: Int) {
    guard depth > 0, !children.isEmpty else {
      rows.append(row(name: path, depth: 0))
      return
    }
    for child in children { child.appendLeaves(to: &rows, depth: depth - 1) }
  }
}
