/// The tensor that a node computes.
public struct Value: Hashable, Sendable {
  /// The index of its node in `Graph.nodes`.
  public let id: Int
  public let shape: Shape

  public var channels: Int { shape.channels }
}

/// One op at its place in the model.
public struct Node: Sendable {
  public let id: Int
  /// The checkpoint's key without its last part, such as `down_blocks.1.resnets.0.conv1`; an op that no checkpoint
  /// names has its scope's path and its kind.
  public let path: String
  public let op: Op
  public let inputs: [Value]
  public let output: Value
  public let parameters: [Parameter]
  public let multiplyAdds: Int

  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.count } }
  /// The full key of one of its parameters.
  public func key(of parameter: Parameter) -> String { "\(path).\(parameter.name)" }
}

/// A model's computation at one batch and one size: an immutable list of nodes, each after those it reads.
public struct Graph: Sendable {
  public let nodes: [Node]
  /// The values given from outside, by name.
  public let inputs: [String: Value]
  /// The values it was built for, by name.
  public let outputs: [String: Value]
  /// What each module of the checkpoint's tree returns, by path, in the order of computation.
  public let modules: [(path: String, value: Value)]

  public var parameterCount: Int { nodes.reduce(0) { $0 + $1.parameterCount } }
  public var multiplyAdds: Int { nodes.reduce(0) { $0 + $1.multiplyAdds } }

  /// Every tensor that a checkpoint must hold: key and shape, in the order of computation.
  public var tensors: [(key: String, shape: Shape)] {
    nodes.flatMap { node in node.parameters.map { (node.key(of: $0), $0.shape) } }
  }

  /// The nodes that `values` need, in order, going no further back than `given`.
  public func nodes(reaching values: [Value], from given: Set<Value> = []) -> [Node] {
    var needed = Set(values.filter { !given.contains($0) }.map(\.id))
    var result: [Node] = []
    for node in nodes.reversed() where needed.contains(node.id) {
      result.append(node)
      for input in node.inputs where !given.contains(input) { needed.insert(input.id) }
    }
    return result.reversed()
  }

  /// The multiply-adds of `nodes(reaching:)`: what it costs to compute `values` alone.
  public func multiplyAdds(reaching values: [Value]) -> Int {
    nodes(reaching: values).reduce(0) { $0 + $1.multiplyAdds }
  }

  /// The values that depend on none of the inputs named `varying` but are read by nodes that do.
  ///
  /// They can be computed once and kept while those inputs change: for a UNet whose latents and timestep vary, the
  /// keys and values of its cross-attentions among others.
  public func invariants(whenVarying varying: Set<String>) -> [Value] {
    var varies = Set<Int>()
    var found: [Value] = []
    var seen = Set<Int>()
    for node in nodes {
      if case .input(let name) = node.op {
        if varying.contains(name) { varies.insert(node.id) }
        continue
      }
      guard node.inputs.contains(where: { varies.contains($0.id) }) else { continue }
      varies.insert(node.id)
      for input in node.inputs where !varies.contains(input.id) && seen.insert(input.id).inserted {
        found.append(input)
      }
    }
    return found
  }
}
