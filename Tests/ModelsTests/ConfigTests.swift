import Base
import Graph
import Models
import Testing

@Suite("UNetConfig, VAE and CLIPTextModel")
struct ConfigTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let changes: [String: JSONValue?]
    let faults: [String]

    init(_ changes: [String: JSONValue?], _ faults: String...) {
      self.changes = changes
      self.faults = faults
    }
    var testDescription: String { faults.joined(separator: "; ") }
  }

  private func expectFaults(_ golden: String, _ test: Case, _ read: (JSONValue) throws -> Void) throws {
    let config = try ArchitectureGolden(golden).config(replacing: test.changes)
    let fault = #expect(throws: Diagnostic.self) { try read(config) }
    #expect(fault?.kind == .model)
    #expect(fault?.place == "config.json")
    let text = fault?.message ?? ""
    if test.faults.count > 1 { #expect(text.hasPrefix("\(test.faults.count) faults:")) }
    for part in test.faults { #expect(text.contains(part), "\(text)") }
  }

  static let unetCases: [Case] = [
    Case(["new_field": 3], "new_field is an unknown field, with the integer 3"),
    Case(["in_channels": "4"], "in_channels must be an integer from 1 to 1048576, not the string \"4\""),
    Case(["in_channels": 4.5], "in_channels must be an integer from 1 to 1048576, not the number 4.5"),
    Case(["in_channels": true], "not the boolean true"),
    Case(["in_channels": 0], "not the integer 0"),
    Case(
      ["addition_time_embed_dim": nil],
      "addition_time_embed_dim is missing; it must be an integer from 1 to 1048576"),
    Case(
      ["norm_num_groups": .some(.null)], "norm_num_groups is null; it must be an integer from 1 to 1048576"),
    Case(
      ["block_out_channels": [320, 640]],
      "block_out_channels has 2 items, but there are 3 down blocks"),
    Case(
      ["down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"]],
      "down_block_types has the string \"AttnDownBlock2D\"; it must be a list of"),
    Case(["mid_block_type": "UNetMidBlock2DSimpleCrossAttn"], "mid_block_type must be one of"),
    Case(
      ["attention_head_dim": [5, 10, 21]],
      "attention_head_dim is 21, which does not divide the block's 1280 channels"),
    Case(
      ["norm_num_groups": 33], "does not divide block_out_channels 320",
      "does not divide block_out_channels 640",
      "does not divide block_out_channels 1280"),
    Case(
      ["transformer_layers_per_block": [1, [2, 2], [4]]],
      "transformer_layers_per_block[2] must be a positive integer or a list of 2 of them, not [4]"),
    Case(
      ["transformer_layers_per_block": [1, [2, 2]]],
      "transformer_layers_per_block must be a positive integer, or"),
    Case(
      ["reverse_transformer_layers_per_block": [[4, 4], [2, 1, 1], 1]],
      "reverse_transformer_layers_per_block[0] must be a positive integer or a list of 3 of them, not [4,4]"
    ),
    Case(
      ["reverse_transformer_layers_per_block": .some(.null)],
      "required, since transformer_layers_per_block has lists"),
    Case(
      ["reverse_transformer_layers_per_block": [[4, 4, "10"], [2, 1, 1], 1]],
      "reverse_transformer_layers_per_block[0] must be a positive integer or a list of 3 of them"),
    Case(
      ["only_cross_attention": true], "only_cross_attention is the boolean true; only false is supported"),
    Case(
      ["class_embed_type": "timestep"], "class_embed_type is the string \"timestep\"; only null is supported"),
    Case(["_class_name": "UNet2DModel"], "only \"UNet2DConditionModel\" is supported"),
    Case(
      ["addition_embed_type": nil], "addition_embed_type is missing; it must be \"text_time\""),
    Case(
      ["in_channels": "4", "act_fn": "gelu", "zeta": 0, "cross_attention_dim": [2048, 2048]],
      "in_channels must be", "act_fn must be one of silu, swish",
      "zeta is an unknown field, with the integer 0",
      "cross_attention_dim must be a positive integer or a list of 3"),
  ]

  @Test("a UNet's config is read strictly, all its faults at once", arguments: unetCases)
  func unet(test: Case) throws {
    try expectFaults("ssd1b_unet", test) { _ = try UNetConfig(config: $0, at: "config.json") }
  }

  static let vaeCases: [Case] = [
    Case(["latents_mean": [0, 0, "0", 0]], "latents_mean must be null or a list of numbers"),
    Case(["scaling_factor": "0.13"], "scaling_factor must be a number"),
    Case(["scaling_factor": -1], "scaling_factor must be above 0, not -1"),
    Case(
      ["up_block_types": ["UpDecoderBlock2D"]],
      "up_block_types has 1 items, but block_out_channels has 4"),
    Case(
      ["layers_per_block": [2, 2, 2, 2], "extra": "x"], "layers_per_block must be an integer",
      "extra is an unknown field, with the string \"x\""),
  ]

  @Test("an autoencoder's config is read strictly, all its faults at once", arguments: vaeCases)
  func vae(test: Case) throws {
    try expectFaults("vae", test) { _ = try VAE(config: $0, at: "config.json") }
  }

  static let textCases: [Case] = [
    Case(["hidden_act": "relu"], "hidden_act must be one of quick_gelu, gelu, not the string \"relu\""),
    Case(["num_attention_heads": 7], "num_attention_heads is 7, which does not divide hidden_size 768"),
    Case(["num_hidden_layers": 0], "num_hidden_layers must be an integer from 2 to 1024"),
    Case(
      ["model_type": "t5", "rope_theta": 1.5], "model_type must be one of clip_text_model, clip",
      "rope_theta is an unknown field, with the number 1.5"),
  ]

  @Test("a text encoder's config is read strictly, all its faults at once", arguments: textCases)
  func text(test: Case) throws {
    try expectFaults("clip_l", test) { _ = try CLIPTextModel(config: $0, at: "config.json") }
  }

  @Test("a config that is no object is refused")
  func noObject() {
    let fault = #expect(throws: Diagnostic.self) { try UNetConfig(config: [1, 2], at: "config.json") }
    #expect(fault?.message == "must be a JSON object, not a list of 2")
  }

  @Test(
    "the nested lists give each attention its own depth, and without them the up path mirrors the down path")
  func depths() throws {
    let pruned = try UNetConfig(config: ArchitectureGolden("ssd1b_unet").config, at: "config.json")
    #expect(pruned.downTransformerLayers.dropFirst() == [[2, 2], [4, 4]])
    #expect(pruned.upTransformerLayers.dropLast() == [[4, 4, 10], [2, 1, 1]])
    #expect(pruned.midBlockType == .plain)
    let whole = try UNetConfig(config: ArchitectureGolden("sdxl_unet").config, at: "config.json")
    #expect(whole.downTransformerLayers.dropFirst() == [[2, 2], [10, 10]])
    #expect(whole.upTransformerLayers.dropLast() == [[10, 10, 10], [2, 2, 2]])
    #expect(whole.midTransformerLayers == 10)
  }

  @Test("a topology at another model's widths is what that model would be without its pruning")
  func resizing() throws {
    let whole = try UNetConfig(config: ArchitectureGolden("sdxl_unet").config, at: "config.json")
    let golden = try ArchitectureGolden("ssd1b_unet")
    let small = try UNetConfig(
      config: golden.config(replacing: [
        "block_out_channels": [32, 64, 128], "attention_head_dim": [1, 2, 4], "norm_num_groups": 8,
        "cross_attention_dim": 48, "addition_time_embed_dim": 16,
        "projection_class_embeddings_input_dim": 120,
      ]), at: "config.json")
    let resized = try whole.resized(like: small)
    #expect(resized.upTransformerLayers == whole.upTransformerLayers)
    #expect(resized.midBlockType == .crossAttention)
    #expect(resized.blockOutChannels == [32, 64, 128])
    #expect(resized.pooledPromptDim == 24)
    let diff = GraphDiff(
      from: try UNet(config: resized).graph(batch: 1, height: 16, width: 16),
      to: try UNet(config: small).graph(batch: 1, height: 16, width: 16))
    // The names that SSD-1B's pruning removed, at other widths.
    #expect(diff.count(of: .removed, at: .tensor) == 736)
    #expect(diff.count(of: .changed, at: .tensor) == 0)
    #expect(try whole.resized(like: whole) == whole)
  }

  @Test("a config whose tensors could not be held is refused, not overflowed")
  func hugeWidths() throws {
    let config = try UNetConfig(
      config: ArchitectureGolden("ssd1b_unet").config(replacing: [
        "block_out_channels": [1_048_576, 1_048_576, 1_048_576], "attention_head_dim": 1,
      ]), at: "config.json")
    let fault = #expect(throws: Diagnostic.self) {
      try UNet(config: config).graph(batch: 1, height: 8, width: 8)
    }
    #expect(fault?.message.contains("expected a tensor of at most 2^34 elements") == true)
  }
}
