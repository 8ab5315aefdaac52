import Base
import Graph
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
      hiddenStates: Array(repeating: 0, count: hiddenStates.count), pooled: Array(repeating: 0, count: pooled.count))
  }
}

extension DiffusionModel {
  /// Runs both text encoders on one text.
  func encode(_ text: String) throws -> PromptEmbedding {
    let first = try run(.textEncoder, architecture.textEncoder, on: text)
    let second = try run(.textEncoder2, architecture.textEncoder2, on: text)
    let (a, b) = (architecture.textEncoder.hiddenSize, architecture.textEncoder2.hiddenSize)
    var joined: [Float] = []
    joined.reserveCapacity(first.hidden.count + second.hidden.count)
    for token in 0..<(first.hidden.count / a) {
      joined += first.hidden[(token * a)..<((token + 1) * a)]
      joined += second.hidden[(token * b)..<((token + 1) * b)]
    }
    return PromptEmbedding(hiddenStates: joined, pooled: second.pooled)
  }

  private func run(
    _ component: Architecture.Component, _ encoder: CLIPTextModel, on text: String
  ) throws -> (hidden: [Float], pooled: [Float]) {
    let ids = try tokenizer(of: component).encodePadded(text).ids
    if let id = ids.first(where: { $0 >= encoder.vocabularySize }) {
      throw Diagnostic(
        .model, at: files.place(component.rawValue),
        "expected a vocabulary of more than \(id) tokens, as the tokenizer has, found \(encoder.vocabularySize)",
        hint: "tokenizer and text encoder come from different models")
    }
    let graph = try encoder.graph(batch: 1, tokens: ids.count)
    guard let hidden = graph.outputs["hidden_states"] else { preconditionFailure("a text encoder without output") }
    let pooled = graph.outputs["pooled"]
    var inputs: [String: OwnedTensor] = ["input_ids": OwnedTensor([1, ids.count], ids.map(Float.init))]
    if pooled != nil { inputs["end_positions"] = OwnedTensor([1], [Float(encoder.endPosition(in: ids))]) }
    let outputs = [hidden] + [pooled].compactMap { $0 }
    let executor = Executor(plan: Plan(graph, outputs: outputs), weights: try weights(of: component), backend: backend)
    let given = Dictionary(uniqueKeysWithValues: inputs.compactMap { name, tensor in
      graph.inputs[name].map { ($0, tensor.tensor) }
    })
    try executor.run(given)
    if outputs.contains(where: { !executor.tensor(of: $0).isFinite }) {
      let all = Plan(graph, outputs: outputs, observed: Set(graph.nodes.map(\.output)))
      let step = try Executor(plan: all, weights: weights(of: component), backend: backend).firstNonFinite(given)
      throw Diagnostic.notFinite(component, step)
    }
    return (Array(executor.tensor(of: hidden).buffer), pooled.map { Array(executor.tensor(of: $0).buffer) } ?? [])
  }
}

extension CLIPTextModel {
  /// Where the text ends, as transformers finds it: at the largest id for configs that still say 2, else at `endTokenID`.
  func endPosition(in ids: [Int]) -> Int {
    let id = endTokenID == 2 ? (ids.max() ?? 0) : endTokenID
    return ids.firstIndex(of: id) ?? 0
  }
}

extension Diagnostic {
  static func notFinite(_ component: Architecture.Component, _ step: Plan.Step?) -> Diagnostic {
    Diagnostic(
      .numeric, at: "\(component.rawValue).\(step?.node.path ?? "output")",
      "expected finite numbers, found NaN or infinity; this is the first layer that gave one",
      hint: "the checkpoint may be damaged: fetch it again, or look at this layer's tensors")
  }
}
