import Base
import Graph

/// A CLIP text encoder (Radford et al. 2021) as transformers' `CLIPTextModel` and `CLIPTextModelWithProjection` describe it.
public struct CLIPTextModel: Hashable, Sendable {
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  public var maximumPositions: Int
  public var epsilon: Double
  public var activation: Activation
  /// The width of the pooled vector; nil without a projection.
  public var projectionSize: Int?
  /// How the end of a text is found: transformers takes the largest id where the config says 2, else the first of this id.
  public var endTokenID: Int

  /// Reads a `config.json`. Throws a `Diagnostic` listing all its faults.
  public init(config: JSONValue, at place: String) throws {
    var fields = try FieldReader(config, at: place)
    fields.require("model_type", "clip_text_model")
    let architecture = Self.architecture(in: &fields)
    vocabularySize = fields.count("vocab_size")
    hiddenSize = fields.count("hidden_size")
    intermediateSize = fields.count("intermediate_size")
    layerCount = fields.integer("num_hidden_layers", in: 2...1024)
    headCount = fields.count("num_attention_heads")
    maximumPositions = fields.count("max_position_embeddings")
    epsilon = fields.number("layer_norm_eps", default: 1e-5)
    let names = [Activation.quickGELU, .gelu].map(\.rawValue)
    activation = Activation(rawValue: fields.string("hidden_act", oneOf: names)) ?? .gelu
    let projection = fields.count("projection_dim", default: 512)
    projectionSize = architecture == "CLIPTextModelWithProjection" ? projection : nil
    endTokenID = fields.integer("eos_token_id", in: 0...Int.max, default: 49407)
    // Training's and tokenizing's business, and what every transformers config carries.
    try fields.finish(ignoring: [
      "attention_dropout", "dropout", "initializer_factor", "initializer_range", "bos_token_id",
      "pad_token_id",
      "dtype", "torch_dtype", "transformers_version", "use_cache", "output_attentions",
      "output_hidden_states",
      "return_dict", "torchscript", "use_bfloat16", "pruned_heads", "tie_word_embeddings", "is_decoder",
    ])
    try checkHeads(place)
  }

  private static func architecture(in fields: inout FieldReader) -> String {
    let known = ["CLIPTextModel", "CLIPTextModelWithProjection"]
    // Our own list of built-in architectures names the class like diffusers does.
    if fields.has("architectures") {
      return fields.strings("architectures", oneOf: known).first ?? known[0]
    }
    return fields.string("_class_name", oneOf: known)
  }

  private func checkHeads(_ place: String) throws {
    guard hiddenSize % headCount == 0 else {
      throw Diagnostic(
        .model, at: place,
        "num_attention_heads: expected a divisor of hidden_size \(hiddenSize), found \(headCount)",
        hint: "the two fields come from different models")
    }
  }

  /// The encoder's graph. Inputs: `input_ids` [N, T], and `end_positions` [N] with a projection.
  ///
  /// Outputs: `hidden_states`, the last layer's input [N, T, D], which is transformers' `hidden_states[-2]` and what
  /// the UNet reads; `last_hidden_state` after all layers and the final norm; `pooled` [N, P] with a projection.
  public func graph(batch: Int, tokens: Int) throws -> Graph {
    let builder = GraphBuilder()
    let ids = builder.input("input_ids", [batch, tokens])
    let root = builder.root
    var outputs: [String: Value] = [:]
    let last = try root.module("text_model") { g in
      var h = try g.module("embeddings") { g in
        let h = try g.tokenEmbedding("token_embedding", ids, count: vocabularySize, features: hiddenSize)
        return try g.add(h, g.positionEmbedding("position_embedding", h, count: maximumPositions))
      }
      let encoder = g.scope("encoder")
      for layer in 0..<layerCount {
        if layer == layerCount - 1 { outputs["hidden_states"] = h }
        h = try encoder.module("layers.\(layer)") { try encoderLayer($0, h) }
      }
      return try g.layerNorm("final_layer_norm", h, epsilon: epsilon)
    }
    outputs["last_hidden_state"] = last
    if let projectionSize {
      let positions = builder.input("end_positions", [batch])
      let end = try root.takeToken(last, at: positions)
      outputs["pooled"] = try root.linear("text_projection", end, out: projectionSize, bias: false)
    }
    return builder.graph(outputs: outputs)
  }

  private func encoderLayer(_ g: Scope, _ x: Value) throws -> Value {
    let attended = try g.module("self_attn") { a in
      let h = try g.layerNorm("layer_norm1", x, epsilon: epsilon)
      let k = try a.linear("k_proj", h, out: hiddenSize)
      let v = try a.linear("v_proj", h, out: hiddenSize)
      let q = try a.linear("q_proj", h, out: hiddenSize)
      return try a.linear("out_proj", a.attention(q, k, v, heads: headCount, isCausal: true), out: hiddenSize)
    }
    let x = try g.add(attended, x)
    let expanded = try g.module("mlp") { m in
      let h = try m.linear("fc1", g.layerNorm("layer_norm2", x, epsilon: epsilon), out: intermediateSize)
      return try m.linear("fc2", m.activation(activation, h), out: hiddenSize)
    }
    return try g.add(expanded, x)
  }
}
