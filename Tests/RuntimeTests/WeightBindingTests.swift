import Base
import Checkpoints
import Foundation
import Graph
import HollowCheckpoint
import Models
import Runtime
import Testing

/// Which checkpoints fit a network, at widths at which their headers are small.
@Suite("WeightBinding")
struct WeightBindingTests {
  private static func unet(_ name: String) throws -> Graph {
    let text = try #require(Architecture.publishedConfig(.unet, of: name))
    var json = try JSONValue(parsing: Data(text.utf8), at: name)
    if case .object(var fields) = json {
      fields.merge([
        "block_out_channels": [8, 16, 32], "norm_num_groups": 4, "attention_head_dim": [1, 2, 4],
        "cross_attention_dim": 48, "addition_time_embed_dim": 16,
        "projection_class_embeddings_input_dim": 120,
      ]) { $1 }
      json = .object(fields)
    }
    return try UNet(config: UNetConfig(config: json, at: name)).graph(batch: 1, height: 16, width: 16)
  }

  /// Binds `tensors`, which are written as a hollow checkpoint, to a network.
  private func bind(_ tensors: [(name: String, shape: [Int])], to graph: Graph) throws -> WeightBinding {
    var binding: WeightBinding?
    try withTemporaryFolder { folder in
      try HollowCheckpoint.write(tensors, to: "\(folder)/x.safetensors")
      binding = try WeightBinding(
        graph: graph, checkpoint: Checkpoint(ModelFolder(path: folder), file: "x.safetensors"))
    }
    return try #require(binding)
  }

  private func tensors(_ graph: Graph) -> [(name: String, shape: [Int])] {
    graph.tensors.map { ($0.key, $0.shape.extents) }
  }

  @Test(
    "one model's tensors never load under another's config",
    arguments: [("sdxl", "ssd1b"), ("ssd1b", "vega"), ("sdxl", "vega"), ("ssd1b", "sdxl")])
  func otherModel(stored: String, config: String) throws {
    let (from, to) = (try Self.unet(stored), try Self.unet(config))
    let own = try bind(tensors(to), to: to)
    #expect(own.tensors.count == to.tensors.count && own.unused.isEmpty)
    let fault = #expect(throws: Diagnostic.self) { try bind(tensors(from), to: to) }
    let missing = Set(to.tensors.map(\.key)).subtracting(from.tensors.map(\.key))
    let foreign = Set(from.tensors.map(\.key)).subtracting(to.tensors.map(\.key))
    #expect(fault?.message.hasPrefix("\(missing.count + foreign.count) faults:") == true)
    for name in foreign.sorted().prefix(3) {
      #expect(fault?.message.contains("\(name) is not part of the model") == true)
    }
  }

  @Test("a weight that is left over is refused by its name, a buffer is not used and named")
  func leftovers() throws {
    let graph = try Self.unet("ssd1b")
    for name in [
      "time_embedding.cond_proj.weight", "mid_block.attentions.0.norm.weight", "encoder_hid_proj.weight",
      "down_blocks.1.attentions.0.processor.to_q_lora.down.weight", "surprise",
    ] {
      let fault = #expect(throws: Diagnostic.self) { try bind(tensors(graph) + [(name, [8])], to: graph) }
      #expect(fault?.message == "\(name) is not part of the model that the config describes")
    }
    let binding = try bind(tensors(graph) + [("betas", [1000]), ("logit_scale", [])], to: graph)
    #expect(binding.unused == ["betas", "logit_scale"])
  }

  @Test("an older autoencoder's names, and linear layers stored as 1x1 convolutions, are its weights")
  func olderNames() throws {
    let config: JSONValue = [
      "block_out_channels": [8, 8], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
      "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"], "norm_num_groups": 4,
    ]
    let graph = try VAE(config: config, at: "vae").graph(batch: 1, height: 4, width: 4)
    let older = ["to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"]
    let renamed = tensors(graph).map { name, shape in
      var (name, shape) = (name, shape)
      for (new, old) in older where name.contains("attentions.0.\(new).") {
        name = name.replacingOccurrences(of: ".\(new).", with: ".\(old).")
        if shape.count == 2 { shape += [1, 1] }
      }
      return (name, shape)
    }
    #expect(renamed.count { $0.0.contains("proj_attn") } == 4)
    let binding = try bind(renamed, to: graph)
    #expect(binding.tensors.count == graph.tensors.count && binding.unused.isEmpty)
    #expect(binding.tensors["encoder.mid_block.attentions.0.to_q.weight"]?.shape == [8, 8])
  }
}
