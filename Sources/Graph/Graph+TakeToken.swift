extension Graph {
  /// The part of the graph that computes some of its outputs, with each `takeToken` moved before the layers that nothing
  /// else reads and that treat every token alike: those then run on the one token that is wanted.
  ///
  /// In a CLIP text encoder asked for its pooled vector that is most of the last layer. Outputs are the same but for rounding.
  public func takingTokensEarly(for names: [String]) -> Graph {
    let wanted = outputs.filter { names.contains($0.key) }
    let needed = nodes(reaching: Array(wanted.values))
    var readers: [Int: [Node]] = [:]
    for node in needed { for input in Set(node.inputs) { readers[input.id, default: []].append(node) } }

    // For each layer that is moved, the `takeToken` that it then follows.
    var takes: [Int: Node] = [:]
    for take in needed where take.op == .takeToken {
      for node in needed.reversed() where node.op.isTokenwise && !wanted.values.contains(node.output) {
        let isOnlyRead = readers[node.id, default: []].allSatisfy {
          $0.id == take.id || takes[$0.id]?.id == take.id
        }
        if isOnlyRead { takes[node.id] = take }
      }
    }

    var rebuilt = Rebuilding()
    // Positions are read earlier than they were, so all inputs come first.
    for node in needed { if case .input = node.op { rebuilt.copy(node) } }
    for node in needed {
      if case .input = node.op { continue }
      if node.op == .takeToken, takes[node.inputs[0].id]?.id == node.id {
        rebuilt.values[node.id] = rebuilt.values[node.inputs[0].id]
      } else if let take = takes[node.id] {
        rebuilt.copy(node, onTokensOf: take, isMoved: { takes[$0.id]?.id == take.id })
      } else {
        rebuilt.copy(node)
      }
    }
    return Graph(
      nodes: rebuilt.nodes, inputs: inputs.compactMapValues { rebuilt.values[$0.id] },
      outputs: wanted.compactMapValues { rebuilt.values[$0.id] }, modules: [])
  }
}

/// Nodes of another graph under new numbers.
private struct Rebuilding {
  var nodes: [Node] = []
  /// By the number of the old value.
  var values: [Int: Value] = [:]
  /// The tokens taken of old values.
  private var taken: [Int: Value] = [:]

  private func value(_ old: Value) -> Value {
    guard let value = values[old.id] else { preconditionFailure("a node before what it reads") }
    return value
  }

  private mutating func append(
    _ path: String, _ op: Op, _ inputs: [Value], _ shape: Shape, _ parameters: [Parameter]
  ) -> Value {
    let output = Value(id: nodes.count, shape: shape)
    let isInput = if case .input = op { true } else { false }
    nodes.append(
      Node(
        id: output.id, path: path, op: op, inputs: inputs, output: output, parameters: parameters,
        multiplyAdds: isInput ? 0 : op.multiplyAdds(inputs: inputs.map(\.shape), output: shape)))
    return output
  }

  mutating func copy(_ node: Node) {
    values[node.id] = append(node.path, node.op, node.inputs.map(value), node.output.shape, node.parameters)
  }

  /// Copies a layer that shall see the tokens that `take` picks, where its inputs do not already.
  mutating func copy(_ node: Node, onTokensOf take: Node, isMoved: (Value) -> Bool) {
    let inputs = node.inputs.map { isMoved($0) ? value($0) : token(of: $0, take) }
    let shape: Shape = [node.output.shape.batch, node.output.channels]
    values[node.id] = append(node.path, node.op, inputs, shape, node.parameters)
  }

  private mutating func token(of old: Value, _ take: Node) -> Value {
    if let known = taken[old.id] { return known }
    let path = taken.isEmpty ? take.path : "\(take.path)_\(taken.count + 1)"
    let made = append(
      path, .takeToken, [value(old), value(take.inputs[1])], [old.shape.batch, old.channels], [])
    taken[old.id] = made
    return made
  }
}

extension Op {
  /// Whether it computes each token from that token alone.
  fileprivate var isTokenwise: Bool {
    switch self {
    case .linear, .layerNorm, .activation, .gatedGELU, .add: true
    case .input, .conv2d, .tokenEmbedding, .positionEmbedding, .groupNorm, .attention, .addPerChannel,
      .concatenate,
      .upsample, .reshape, .sinusoid, .takeToken:
      false
    }
  }
}
