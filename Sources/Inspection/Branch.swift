import Graph

/// A part of a model with what is below it.
struct Branch: Sendable {
  var path: String
  var name: String
  var kind: String?
  var output: Shape
  var children: [Branch]
  var layerCount: Int
  var parameters: Int
  var bytes: Int?
  var multiplyAdds: Int

  private struct Layer {
    let parts: [String]
    let node: Node
    let bytes: Int?
  }

  init(component: String, graph: Graph, weights: StoredWeight.Lookup?) {
    let returned = Dictionary(graph.modules.map { ($0.path, $0.value.shape) }) { _, last in last }
    let layers = graph.nodes.filter(\.isLayer).map { node in
      Layer(
        parts: Self.parts(of: node.path), node: node,
        bytes: weights.map { weights in
          node.parameters.reduce(0) { $0 + (weights(component, node.key(of: $1))?.bytes ?? 0) }
        })
    }
    self.init(
      path: component, name: component,
      children: Self.children(of: layers[...], level: 0, in: component, returned))
    if let last = graph.nodes.last { output = last.output.shape }
  }

  private init(layer: Layer, path: String, name: String) {
    self.path = path
    self.name = name
    kind = layer.node.op.kind
    output = layer.node.output.shape
    children = []
    layerCount = 1
    parameters = layer.node.parameterCount
    bytes = layer.bytes
    multiplyAdds = layer.node.multiplyAdds
  }

  private init(path: String, name: String, children: [Branch]) {
    self.path = path
    self.name = name
    kind = nil
    output = children.last?.output ?? []
    self.children = children
    (layerCount, parameters, multiplyAdds) = (0, 0, 0)
    sum()
  }

  private mutating func sum() {
    layerCount = children.reduce(0) { $0 + $1.layerCount }
    parameters = children.reduce(0) { $0 + $1.parameters }
    multiplyAdds = children.reduce(0) { $0 + $1.multiplyAdds }
    bytes = children.contains { $0.bytes != nil } ? children.reduce(0) { $0 + ($1.bytes ?? 0) } : nil
  }

  /// A path's parts, each number with the name before it.
  private static func parts(of path: String) -> [String] {
    path.split(separator: ".").reduce(into: []) { parts, part in
      if let last = parts.last, Int(part) != nil {
        parts[parts.count - 1] = "\(last).\(part)"
      } else {
        parts.append(String(part))
      }
    }
  }

  private static func children(
    of layers: ArraySlice<Layer>, level: Int, in parent: String, _ returned: [String: Shape]
  ) -> [Branch] {
    var order: [String] = []
    var groups: [String: [Layer]] = [:]
    for layer in layers {
      let name = layer.parts[level]
      if groups[name] == nil { order.append(name) }
      groups[name, default: []].append(layer)
    }
    return order.map { name in
      let group = groups[name] ?? []
      let path = "\(parent).\(name)"
      if group.count == 1, group[0].parts.count == level + 1 {
        return Branch(layer: group[0], path: path, name: name)
      }
      var branch = Branch(
        path: path, name: name, children: children(of: group[...], level: level + 1, in: path, returned))
      if branch.children.count == 1 {
        branch = branch.children[0]
        branch.name = "\(name).\(branch.name)"
        return branch
      }
      if let output = returned[group[0].parts[...level].joined(separator: ".")] { branch.output = output }
      return branch
    }
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
    return Branch(path: wanted, name: wanted, children: inside)
  }

  /// What remains with only the layers that the pattern fits; nil when none does.
  func filtered(_ pattern: PathPattern) -> Branch? {
    if children.isEmpty { return pattern.matches(path) ? self : nil }
    var result = self
    result.children = children.compactMap { $0.filtered(pattern) }
    guard !result.children.isEmpty else { return nil }
    result.sum()
    return result
  }

  private func row(name: String, depth: Int) -> LayerTree.Row {
    LayerTree.Row(
      path: path, name: name, depth: depth, kind: kind, layerCount: layerCount, output: output,
      parameters: parameters, bytes: bytes, multiplyAdds: multiplyAdds)
  }

  func append(to rows: inout [LayerTree.Row], depth: Int, indentation: Int) {
    rows.append(row(name: name, depth: indentation))
    guard depth > 0 else { return }
    for child in children { child.append(to: &rows, depth: depth - 1, indentation: indentation + 1) }
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
