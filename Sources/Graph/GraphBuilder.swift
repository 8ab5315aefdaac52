import Base

/// Collects the nodes of a graph; layers are functions on its scopes that read like a forward pass.
public final class GraphBuilder {
  private var nodes: [Node] = []
  private var inputs: [String: Value] = [:]
  private var modules: [(path: String, value: Value)] = []
  private var paths: Set<String> = []

  public init() {}

  public func input(_ name: String, _ shape: Shape) -> Value {
    let value = Value(id: nodes.count, shape: shape)
    nodes.append(
      Node(
        id: value.id, path: name, op: .input(name), inputs: [], output: value, parameters: [], multiplyAdds: 0
      ))
    inputs[name] = value
    return value
  }

  /// The scope whose names begin with no prefix.
  public var root: Scope { Scope(builder: self, path: "") }

  public func graph(outputs: [String: Value]) -> Graph {
    Graph(nodes: nodes, inputs: inputs, outputs: outputs, modules: modules)
  }

  fileprivate func append(_ path: String, _ op: Op, _ inputs: [Value]) throws -> Value {
    let shapes = inputs.map(\.shape)
    let value = Value(id: nodes.count, shape: try op.outputShape(of: shapes, at: path))
    let parameters = op.parameters(inputs: shapes)
    for shape in [value.shape] + parameters.map(\.shape) { try Self.checkExtent(of: shape, at: path) }
    precondition(paths.insert(path).inserted, "two nodes are called \(path)")
    nodes.append(
      Node(
        id: value.id, path: path, op: op, inputs: inputs, output: value, parameters: parameters,
        multiplyAdds: op.multiplyAdds(inputs: shapes, output: value.shape)))
    return value
  }

  /// Throws a `Diagnostic` for a tensor so large that counting its cost could overflow; 2^34 floats are 64 GiB.
  private static func checkExtent(of shape: Shape, at path: String) throws {
    var count = 1
    for extent in shape.extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= 1 << 34 else {
        throw Diagnostic(
          .model, at: path, "expected a tensor of at most 2^34 elements, found \(shape)",
          hint: "check the config's widths, and the size of the picture")
      }
      count = product
    }
  }

  fileprivate func unusedPath(_ path: String) -> String {
    guard paths.contains(path) else { return path }
    return (2...).lazy.map { "\(path)_\($0)" }.first { !self.paths.contains($0) } ?? path
  }

  fileprivate func returns(_ value: Value, from path: String) { modules.append((path, value)) }
}

/// A place in the checkpoint's tree of names: what is built through it gets its path as a prefix.
public struct Scope {
  fileprivate let builder: GraphBuilder
  public let path: String

  private func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  public func scope(_ name: String) -> Scope { Scope(builder: builder, path: path(of: name)) }

  /// Builds a module: its names are under `name`, and what it returns is what an observer of that module sees.
  public func module(_ name: String, _ body: (Scope) throws -> Value) rethrows -> Value {
    let inner = scope(name)
    let value = try body(inner)
    builder.returns(value, from: inner.path)
    return value
  }

  private func named(_ name: String, _ op: Op, _ inputs: Value...) throws -> Value {
    try builder.append(path(of: name), op, inputs)
  }

  private func unnamed(_ op: Op, _ inputs: Value...) throws -> Value {
    try builder.append(builder.unusedPath(path(of: op.kind)), op, inputs)
  }

  // Layers that a checkpoint names.

  /// A square convolution; `padding` is (kernel - 1) / 2 on every side unless given.
  public func conv2d(
    _ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, padBefore: Int? = nil,
    padAfter: Int? = nil
  ) throws -> Value {
    let same = (kernel - 1) / 2
    let convolution = Convolution(
      out: out, kernel: kernel, stride: stride, padBefore: padBefore ?? same, padAfter: padAfter ?? same)
    return try named(name, .conv2d(convolution), x)
  }

  public func linear(_ name: String, _ x: Value, out: Int, bias: Bool = true) throws -> Value {
    try named(name, .linear(out: out, bias: bias), x)
  }

  public func groupNorm(_ name: String, _ x: Value, groups: Int, epsilon: Double) throws -> Value {
    try named(name, .groupNorm(groups: groups, epsilon: epsilon), x)
  }

  public func layerNorm(_ name: String, _ x: Value, epsilon: Double) throws -> Value {
    try named(name, .layerNorm(epsilon: epsilon), x)
  }

  public func tokenEmbedding(_ name: String, _ ids: Value, count: Int, features: Int) throws -> Value {
    try named(name, .tokenEmbedding(count: count, features: features), ids)
  }

  public func positionEmbedding(_ name: String, _ x: Value, count: Int) throws -> Value {
    try named(name, .positionEmbedding(count: count), x)
  }

  // Ops without parameters.

  public func activation(_ function: Activation, _ x: Value) throws -> Value {
    try unnamed(.activation(function), x)
  }
  public func silu(_ x: Value) throws -> Value { try activation(.silu, x) }
  public func gatedGELU(_ x: Value) throws -> Value { try unnamed(.gatedGELU, x) }
  public func add(_ a: Value, _ b: Value) throws -> Value { try unnamed(.add, a, b) }
  public func addPerChannel(_ x: Value, _ y: Value) throws -> Value { try unnamed(.addPerChannel, x, y) }
  public func concatenate(_ a: Value, _ b: Value) throws -> Value { try unnamed(.concatenate, a, b) }
  public func sinusoid(_ x: Value, _ sinusoid: Sinusoid) throws -> Value {
    try unnamed(.sinusoid(sinusoid), x)
  }
  public func takeToken(_ x: Value, at positions: Value) throws -> Value {
    try unnamed(.takeToken, x, positions)
  }

  public func attention(_ q: Value, _ k: Value, _ v: Value, heads: Int, isCausal: Bool = false) throws
    -> Value
  {
    try unnamed(.attention(heads: heads, isCausal: isCausal), q, k, v)
  }

  public func upsample(_ x: Value, height: Int, width: Int) throws -> Value {
    try unnamed(.upsample(height: height, width: width), x)
  }

  /// A feature map [N, H, W, C] as tokens [N, H*W, C]; with channels last, no element moves.
  public func tokens(_ x: Value) throws -> Value {
    try unnamed(.reshape([x.shape.batch, x.shape.height * x.shape.width, x.channels]), x)
  }

  /// Tokens as the feature map that they came from.
  public func featureMap(_ x: Value, like map: Value) throws -> Value {
    try unnamed(.reshape([x.shape.batch, map.shape.height, map.shape.width, x.channels]), x)
  }
}
