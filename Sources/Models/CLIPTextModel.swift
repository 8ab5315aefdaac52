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

  /// Reads a `config.json`, also that of a whole CLIP model, which has the text encoder's under `text_config`.
  ///
  /// Throws a `Diagnostic` listing all its faults.
  /// - Parameter hasProjection: whether the pipeline wants a `CLIPTextModelWithProjection`; the config's own
  ///   `architectures` say so by default.
  public init(config: JSONValue, at place: String, hasProjection: Bool? = nil) throws {
    var fields = try FieldReader(Self.textConfig(config), at: place)
    _ = fields.string("model_type", oneOf: ["clip_text_model", "clip"], default: "clip_text_model")
    vocabularySize = fields.count("vocab_size", default: 49408)
    hiddenSize = fields.count("hidden_size", default: 512)
    intermediateSize = fields.count("intermediate_size", default: 2048)
    layerCount = fields.integer("num_hidden_layers", in: 2...1024, default: 12)
    headCount = fields.count("num_attention_heads", default: 8)
    maximumPositions = fields.count("max_position_embeddings", default: 77)
    epsilon = fields.number("layer_norm_eps", default: 1e-5)
    let names = [Activation.quickGELU, .gelu].map(\.rawValue)
    activation =
      Activation(rawValue: fields.string("hidden_act", oneOf: names, default: Activation.quickGELU.rawValue))
      ?? .gelu
    let projects = hasProjection ?? Self.namesProjection(&fields)
    projectionSize = projects ? fields.count("projection_dim", default: 512) : nil
    endTokenID = fields.integer("eos_token_id", in: 0...Int.max, default: 49407)
    if hiddenSize % headCount != 0 {
      fields.note("num_attention_heads is \(headCount), which does not divide hidden_size \(hiddenSize)")
    }
    try fields.finish(ignoring: InertFields.transformers.union(["projection_dim"]))
  }

  private static func textConfig(_ config: JSONValue) -> JSONValue {
    if case .object(let fields) = config, fields["model_type"] == "clip", let text = fields["text_config"] {
      return text
    }
    return config
  }

  /// Whether the config names the class with a projection, as transformers' `architectures` or, in the built-in configs,
  /// like diffusers.
  private static func namesProjection(_ fields: inout FieldReader) -> Bool {
    let name: JSONValue = "CLIPTextModelWithProjection"
    if case .array(let names)? = fields.value("architectures") { return names.contains(name) }
    return fields.value("_class_name") == name
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
