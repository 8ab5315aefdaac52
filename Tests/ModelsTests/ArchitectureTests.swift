import Base
import Graph
import Models
import Testing

@Suite("Architecture")
struct ArchitectureTests {
  static let networks: [(golden: String, architecture: String, component: Architecture.Component)] = [
    ("sdxl_unet", "sdxl", .unet), ("ssd1b_unet", "ssd1b", .unet), ("vega_unet", "vega", .unet),
    ("vae", "ssd1b", .vae), ("clip_l", "ssd1b", .textEncoder), ("open_clip_bigg", "ssd1b", .textEncoder2),
  ]

  @Test(
    "each built-in network has exactly the reference's tensors, name by name and shape by shape",
    arguments: networks)
  func tensors(golden: String, architecture: String, component: Architecture.Component) throws {
    let expected = try ArchitectureGolden(golden)
    let graph = try Architecture(named: architecture).graph(component, width: 512, height: 512, batch: 1)
    let found = Dictionary(graph.tensors.map { ($0.key, $0.shape) }) { first, _ in first }
    #expect(found.count == graph.tensors.count, "a key twice")
    #expect(Set(found.keys).symmetricDifference(expected.tensors.keys).sorted() == [])
    #expect(expected.tensors.filter { found[$0.key] != $0.value }.keys.sorted() == [])
    #expect(graph.parameterCount == expected.parameters)
  }

  @Test("each built-in network is what the reference's own config describes", arguments: networks)
  func publishedConfigs(golden: String, architecture: String, component: Architecture.Component) throws {
    let config = try ArchitectureGolden(golden).config
    let built = try Architecture(named: architecture)
    switch component {
    case .unet: #expect(try UNetConfig(config: config, at: golden) == built.unet.config)
    case .vae: #expect(try VAE(config: config, at: golden) == built.vae)
    case .textEncoder: #expect(try CLIPTextModel(config: config, at: golden) == built.textEncoder)
    case .textEncoder2: #expect(try CLIPTextModel(config: config, at: golden) == built.textEncoder2)
    }
  }

  @Test(
    "a UNet's multiply-adds equal the reference's to the last digit", arguments: ["sdxl", "ssd1b", "vega"])
  func unetCost(name: String) throws {
    let expected = try ArchitectureGolden.multiplyAdds("\(name)_unet")
    #expect(expected.count == 3)
    for (size, count) in expected {
      let edges = size.split(separator: "x").compactMap { Int($0) }
      let graph = try Architecture(named: name).graph(.unet, width: edges[0], height: edges[1], batch: 1)
      #expect(graph.multiplyAdds == count, "at \(size)")
    }
  }

  @Test(
    "what it costs to decode or to encode is counted apart from the other half of the autoencoder",
    arguments: [("vae_decode", "decoded"), ("vae_encode", "moments")])
  func vaeCost(golden: String, output: String) throws {
    let expected = try ArchitectureGolden.multiplyAdds(golden)
    #expect(!expected.isEmpty)
    for (size, count) in expected {
      let edges = size.split(separator: "x").compactMap { Int($0) }
      let graph = try Architecture(named: "ssd1b").graph(.vae, width: edges[0], height: edges[1], batch: 1)
      let value = try #require(graph.outputs[output])
      #expect(graph.multiplyAdds(reaching: [value]) == count, "at \(size)")
    }
  }

  @Test(
    "the text encoders' multiply-adds equal the reference's",
    arguments: [("clip_l", Architecture.Component.textEncoder), ("open_clip_bigg", .textEncoder2)])
  func textCost(golden: String, component: Architecture.Component) throws {
    let graph = try Architecture(named: "sdxl").graph(component, width: 512, height: 512, batch: 1)
    #expect(try ArchitectureGolden.multiplyAdds(golden)["77"] == graph.multiplyAdds)
  }

  @Test("twice the batch costs twice as much")
  func batch() throws {
    let model = try Architecture(named: "vega")
    let one = try model.graph(.unet, width: 256, height: 512, batch: 1)
    let two = try model.graph(.unet, width: 256, height: 512, batch: 2)
    #expect(two.multiplyAdds == 2 * one.multiplyAdds)
    #expect(two.parameterCount == one.parameterCount)
    #expect(two.outputs["noise_pred"]?.shape == [2, 64, 32, 4])
  }

  @Test("a size whose latents are odd on the way down is brought back to each skip's size")
  func oddSizes() throws {
    let graph = try Architecture(named: "ssd1b").graph(.unet, width: 104, height: 72, batch: 1)
    #expect(graph.inputs["sample"]?.shape == [1, 9, 13, 4])
    #expect(graph.outputs["noise_pred"]?.shape == [1, 9, 13, 4])
    // 9x13 is halved to 5x7 and to 3x4.
    let modules = Dictionary(graph.modules.map { ($0.path, $0.value.shape) }) { first, _ in first }
    #expect(modules["down_blocks.0.downsamplers.0"] == [1, 5, 7, 320])
    #expect(modules["down_blocks.1.downsamplers.0"] == [1, 3, 4, 640])
    #expect(modules["up_blocks.0.upsamplers.0"] == [1, 5, 7, 1280])
    #expect(modules["up_blocks.1.upsamplers.0"] == [1, 9, 13, 640])
  }

  @Test("a size that is no multiple of eight is refused with the nearest that is")
  func sizes() throws {
    let model = try Architecture(named: "ssd1b")
    let fault = #expect(throws: Diagnostic.self) { try model.graph(.unet, width: 1020, height: 1, batch: 1) }
    #expect(fault?.kind == .value)
    #expect(fault?.message == "expected positive multiples of 8 pixels, found 1020x1")
    #expect(fault?.hint == "the nearest such size is 1024x8")
  }

  @Test("the built-in architectures draw 1024x1024 from 77 tokens", arguments: Architecture.names)
  func defaults(name: String) throws {
    let model = try Architecture(named: name)
    #expect(model.defaultSize == 1024)
    #expect(model.tokenCount == 77)
    #expect(model.name == name)
  }

  @Test("an unknown name is refused with those there are")
  func unknownName() {
    let fault = #expect(throws: Diagnostic.self) { try Architecture(named: "sd15") }
    #expect(fault?.place == "sd15")
    #expect(fault?.hint == "the built-in architectures are sdxl, ssd1b, vega")
  }

  private func model(_ changes: [String: [String: JSONValue?]]) throws -> Architecture {
    let goldens = [
      "unet": "ssd1b_unet", "vae": "vae", "text_encoder": "clip_l", "text_encoder_2": "open_clip_bigg",
    ]
    return try Architecture(
      name: "m",
      configs: { try ArchitectureGolden(goldens[$0] ?? $0).config(replacing: changes[$0] ?? [:]) },
      place: { "m/\($0)/config.json" })
  }

  @Test("the faults of all components are reported at once")
  func faultsOfAll() throws {
    #expect(try model([:]).unet.config.blockOutChannels == [320, 640, 1280])
    let fault = #expect(throws: Diagnostic.self) {
      try model([
        "unet": ["in_channels": "four", "surprise": 1], "vae": ["latent_channels": "4"],
        "text_encoder": ["hidden_act": "relu"],
      ])
    }
    #expect(fault?.place == "m")
    let text = fault?.message ?? ""
    #expect(text.hasPrefix("3 faults in its components:"))
    for part in [
      "m/unet/config.json: 2 faults:", "in_channels must be",
      "surprise is an unknown field, with the integer 1",
      "m/vae/config.json: latent_channels must be", "m/text_encoder/config.json: hidden_act must be",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test(
    "components that do not fit together are refused with the fields that say so",
    arguments: [
      ("unet", "cross_attention_dim", 2049, "m/unet/config.json: cross_attention_dim is 2049, but the sum"),
      ("unet", "out_channels", 8, "out_channels is 8, but vae's latent_channels is 4"),
      (
        "unet", "projection_class_embeddings_input_dim", 2817,
        "m/text_encoder_2/config.json: projection_dim is 1280, but"
      ),
      ("text_encoder_2", "projection_dim", 768, "projection_dim is 768, but"),
      (
        "text_encoder_2", "max_position_embeddings", 64,
        "max_position_embeddings is 64, but text_encoder's is 77"
      ),
    ])
  func misfits(component: String, field: String, value: Int, expected: String) {
    let fault = #expect(throws: Diagnostic.self) { try model([component: [field: .integer(value)]]) }
    #expect(fault?.description.contains(expected) == true, "\(fault?.description ?? "none")")
  }

  @Test("a second text encoder without a projection does not fit")
  func noProjection() {
    let fault = #expect(throws: Diagnostic.self) {
      try model(["text_encoder_2": ["_class_name": "CLIPTextModel"]])
    }
    #expect(fault?.description.contains("projection_dim is absent, but") == true)
  }
}
