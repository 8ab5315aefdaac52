import Base
import Graph
import Kernels
import Models
import Runtime

/// What the UNet reads of one text.
public struct PromptEmbedding: Equatable, Sendable {
  /// Both encoders' hidden states side by side, [77, D] row-major.
  public var hiddenStates: [Float]
  /// The second encoder's projected end-of-text vector, [P].
  public var pooled: [Float]

  /// The embedding of no text: zeros of the same counts.
  public var zeroed: PromptEmbedding {
    PromptEmbedding(
      hiddenStates: Array(repeating: 0, count: hiddenStates.count),
      pooled: Array(repeating: 0, count: pooled.count))
  }
}

extension DiffusionModel {
  /// Runs both text encoders on each of some texts alone: the last bits of a product's rows may depend on how many rows
  /// there are (with OpenBLAS and oneDNN they do on AVX2), and a text's embedding shall not depend on what else is encoded.
  func encode(_ texts: [String], _ observers: [any RunObserver]) throws -> [PromptEmbedding] {
    let first = try run(.textEncoder, architecture.textEncoder, on: texts, observers)
    let second = try run(.textEncoder2, architecture.textEncoder2, on: texts, observers)
    let (a, b) = (architecture.textEncoder.hiddenSize, architecture.textEncoder2.hiddenSize)
    return texts.indices.map { text in
      let (left, right) = (first.hidden[text], second.hidden[text])
      var joined: [Float] = []
      joined.reserveCapacity(left.count + right.count)
      for token in 0..<(left.count / a) {
        joined += left[(token * a)..<((token + 1) * a)]
        joined += right[(token * b)..<((token + 1) * b)]
      }
      return PromptEmbedding(hiddenStates: joined, pooled: second.pooled[text])
    }
  }

  /// Hidden states [T, D] and pooled vectors [P], if it makes any, of each text.
  private func run(
    _ component: Architecture.Component, _ encoder: CLIPTextModel, on texts: [String],
    _ observers: [any RunObserver]
  ) throws -> (hidden: [[Float]], pooled: [[Float]]) {
    let tokenizer = try tokenizer(of: component)
    let ids = texts.map { tokenizer.encodePadded($0).ids }
    if let id = ids.joined().first(where: { $0 >= encoder.vocabularySize }) {
      throw Diagnostic(
        .model, at: files.place(component.rawValue),
        "expected a vocabulary of more than \(id) tokens, as the tokenizer has, found \(encoder.vocabularySize)",
        hint: "tokenizer and text encoder come from different models")
    }
    let graph = try encoder.graph(batch: 1, tokens: ids[0].count).takingTokensEarly(for: [
      "hidden_states", "pooled",
    ])
    guard let hidden = graph.outputs["hidden_states"] else {
      preconditionFailure("a text encoder without output")
    }
    let pooled = graph.outputs["pooled"]
    let outputs = [hidden] + [pooled].compactMap { $0 }
    let weights = try weights(of: component)
    let executor = Executor(
      plan: Plan(graph, outputs: outputs, precision: backend.precision), weights: weights, backend: backend,
      memory: memory)
    var result: (hidden: [[Float]], pooled: [[Float]]) = ([], [])
    for text in ids {
      let inputs = try encoder.inputs([text], of: graph)
      defer { withExtendedLifetime(inputs) {} }
      let given = graph.given(inputs)
      try executor.run(given)
      if outputs.contains(where: { !executor.tensor(of: $0).isFinite }) {
        let all = Plan(
          graph, outputs: outputs, observed: Set(graph.nodes.map(\.output)), precision: backend.precision)
        let node = try Executor(plan: all, weights: weights, backend: backend, memory: memory)
          .firstNonFinite(given)
        throw Diagnostic.notFinite(component, node)
      }
      result.hidden.append(executor.tensor(of: hidden).values)
      if let pooled { result.pooled.append(executor.tensor(of: pooled).values) }
    }
    lastRuns[component] = (executor.profile, executor.plan.arenaBytes)
    try observe(component, encoder, ids, weights, observers)
    return result
  }

  /// Runs a whole text encoder, last layers and all tokens too, on all texts' ids for observers to see, if there are any.
  private func observe(
    _ component: Architecture.Component, _ encoder: CLIPTextModel, _ ids: [[Int]], _ weights: Weights,
    _ observers: [any RunObserver]
  ) throws {
    guard !observers.paths(of: component).isEmpty else { return }
    let graph = try encoder.graph(batch: ids.count, tokens: ids[0].count)
    guard let observer = observers.observer(of: component, in: graph, batch: ids.count) else { return }
    let plan = Plan(
      graph, outputs: Array(graph.outputs.values), observed: graph.values(at: observers.paths(of: component)),
      precision: backend.precision)
    let inputs = try encoder.inputs(ids, of: graph)
    defer { withExtendedLifetime(inputs) {} }
    try Executor(plan: plan, weights: weights, backend: backend, memory: memory).run(
      graph.given(inputs), observer: observer)
  }
}

extension Graph {
  /// The values of this graph's inputs, by name: views of memory that `tensors` own.
  fileprivate func given(_ tensors: [String: OwnedTensor]) -> [Value: Tensor] {
    let pairs = inputs.compactMap { name, value in tensors[name].map { (value, $0.tensor) } }
    return Dictionary(pairs) { first, _ in first }
  }
}

extension CLIPTextModel {
  /// What its graph is given for texts' ids, by name.
  fileprivate func inputs(_ ids: [[Int]], of graph: Graph) throws -> [String: OwnedTensor] {
    let given = [
      "input_ids": ids.joined().map(Float.init), "end_positions": ids.map { Float(endPosition(in: $0)) },
    ]
    let pairs = try given.compactMap { name, values in
      try graph.inputs[name].map { (name, try OwnedTensor($0.shape, values)) }
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  /// Where the text ends, as transformers finds it: at the largest id for configs that still say 2, else at `endTokenID`.
  func endPosition(in ids: [Int]) -> Int {
    let id = endTokenID == 2 ? (ids.max() ?? 0) : endTokenID
    return ids.firstIndex(of: id) ?? 0
  }
}

extension Diagnostic {
  static func notFinite(_ component: Architecture.Component, _ node: Node?) -> Diagnostic {
    Diagnostic(
      .numeric, at: "\(component.rawValue).\(node?.path ?? "output")",
      "expected finite numbers, found NaN or infinity; this is the first layer that gave one",
      hint: "the checkpoint may be damaged: fetch it again, or look at this layer's tensors")
  }
}
