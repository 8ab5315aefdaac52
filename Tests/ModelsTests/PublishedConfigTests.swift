import Base
import Foundation
import Graph
import Models
import Testing

/// Configs as their authors published them, and what diffusers makes of them; Scripts/goldens/make_published_goldens.py.
@Suite("Published configs")
struct PublishedConfigTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/published")

  private static func json(_ path: String) throws -> JSONValue {
    try JSONValue(parsing: Data(contentsOf: folder.appending(path: path)), at: path)
  }

  static let networks: [(pipeline: String, component: String)] = {
    guard case .object(let pipelines)? = try? json("networks.json") else { return [] }
    return pipelines.sorted { $0.key < $1.key }.flatMap { name, components -> [(String, String)] in
      guard case .object(let fields) = components else { return [] }
      return fields.keys.sorted().map { (name, $0) }
    }
  }()

  @Test("each network has the tensors that diffusers gives it", arguments: networks)
  func tensors(pipeline: String, component: String) throws {
    let config = try Self.json("\(pipeline)/\(component)/config.json")
    let network = try Network(config: config, at: component)
    let graph = try network.graph(width: 512, height: 512, scaleFactor: 8, tokens: 77)
    guard case .object(let all) = try Self.json("networks.json"), case .object(let parts)? = all[pipeline],
      case .object(let expected)? = parts[component]
    else {
      Issue.record("no golden")
      return
    }
    let lines = graph.tensors.sorted { $0.key < $1.key }.map { key, shape in
      "\(key) \(shape.extents.map(String.init).joined(separator: "x"))\n"
    }
    let digest = Array(lines.joined().utf8).withUnsafeBytes { SHA256(of: $0).description }
    #expect(expected["tensors"] == .integer(graph.tensors.count))
    #expect(expected["parameters"] == .integer(graph.parameterCount))
    #expect(expected["sha256"] == .string(digest))
  }

  @Test("there is a golden for each network of the five pipelines")
  func counts() { #expect(Self.networks.count == 19) }

  private static func base(_ changes: [String: JSONValue?]) throws -> UNetConfig {
    guard case .object(var fields) = try json("sdxl-base/unet/config.json") else { throw CancellationError() }
    for (key, value) in changes { fields[key] = value }
    return try UNetConfig(config: .object(fields), at: "config.json")
  }

  @Test(
    "what changes nothing is passed over",
    arguments: [
      ["upcast_attention": true], ["upcast_attention": false],
      ["dropout": 0.1, "decay": 0.9999, "max_id": 7],
      ["unheard_of": .null], ["unheard_of": false], ["unheard_of": ""], ["unheard_of": [.null, .null]],
      ["unheard_of": .object([:])], ["_note": "anything"], ["only_cross_attention": [false, false, false]],
      ["cross_attention_norm": false], ["act_fn": "swish"], ["mid_block_scale_factor": 1.0],
      ["layers_per_block": 2.0],
      ["sample_size": [128, 128]], ["transformer_layers_per_block": [7, 2, 10]],
    ] as [[String: JSONValue]])
  func inert(changes: [String: JSONValue]) throws { #expect(try Self.base(changes) == Self.base([:])) }

  @Test("an absent field is diffusers' default, null what diffusers makes of None")
  func defaults() throws {
    let config = try UNetConfig(
      config: [
        "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816, "mid_block_type": .null,
      ], at: "config.json")
    #expect(config.blockOutChannels == [320, 640, 1280, 1280] && config.headCounts == [8, 8, 8, 8])
    #expect(config.downBlockTypes == [.crossAttention, .crossAttention, .crossAttention, .plain])
    #expect(config.upBlockTypes == [.plain, .crossAttention, .crossAttention, .crossAttention])
    #expect(config.crossAttentionDim == [1280, 1280, 1280, 1280] && config.midBlockType == nil)
    #expect(try Self.base(["flip_sin_to_cos": .some(.null)]).flipSinToCos == false)
    let vae = try VAE(config: .object([:]), at: "config.json")
    #expect(vae.blockOutChannels == [64] && vae.scalingFactor == 0.18215 && vae.latentChannels == 4)
    let text = try CLIPTextModel(config: .object([:]), at: "config.json")
    #expect(text.hiddenSize == 512 && text.activation == .quickGELU && text.endTokenID == 49407)
    #expect(text.projectionSize == nil)
  }

  @Test("lists nested one level deeper mean the same")
  func nesting() throws {
    func depths(_ down: JSONValue, _ up: JSONValue) throws -> UNetConfig {
      try Self.base([
        "transformer_layers_per_block": down, "reverse_transformer_layers_per_block": up,
        "mid_block_type": "UNetMidBlock2D",
      ])
    }
    let published = try depths([1, [2, 2], [4, 4]], [[4, 4, 10], [2, 1, 1], 1])
    #expect(try depths([[1], [2, 2], [4, 4]], [[4, 4, 10], [2, 1, 1], [1]]) == published)
    #expect(published.upTransformerLayers.dropLast() == [[4, 4, 10], [2, 1, 1]])
  }

  @Test("a whole CLIP model's config has the text encoder's; whether it projects is the pipeline's to say")
  func wholeCLIP() throws {
    let text = try Self.json("sdxl-base/text_encoder/config.json")
    let whole = try CLIPTextModel(config: ["model_type": "clip", "text_config": text], at: "config.json")
    #expect(try whole == CLIPTextModel(config: text, at: "config.json"))
    #expect(try CLIPTextModel(config: text, at: "", hasProjection: true).projectionSize == 768)
  }

  @Test("a UNet with an embedding of the guidance scale has its tensor, and an obstacle")
  func guidanceEmbedding() throws {
    let config = try Self.base(["time_cond_proj_dim": 256])
    let graph = try UNet(config: config).graph(batch: 1, height: 16, width: 16)
    let tensor = try #require(graph.tensors.first { $0.key == "time_embedding.cond_proj.weight" })
    #expect(tensor.shape == [320, 256])
    #expect(graph.inputs["timestep_cond"]?.shape == [1, 256])
    #expect(!graph.tensors.contains { $0.key == "time_embedding.cond_proj.bias" })
  }

  @Test("JSON as Python writes it is read")
  func pythonNumbers() throws {
    let json = try JSONValue(
      parsing: Data(#"{"a": -Infinity, "b": [NaN, Infinity, 1], "c": "NaN"}"#.utf8), at: "x")
    guard case .object(let fields) = json, case .array(let list)? = fields["b"],
      case .number(let nan) = list[0]
    else {
      Issue.record("\(json)")
      return
    }
    #expect(fields["a"] == .number(-.infinity) && list[1] == .number(.infinity) && list[2] == 1 && nan.isNaN)
    #expect(fields["c"] == "NaN")
    #expect(throws: Diagnostic.self) { try JSONValue(parsing: Data("{\"a\": NaN".utf8), at: "x") }
  }
}
