import Base
import Graph

/// The autoencoder between pictures and latents (Rombach et al. 2022), as diffusers' `AutoencoderKL` describes it.
public struct VAE: Hashable, Sendable {
  public var inChannels: Int
  public var outChannels: Int
  public var latentChannels: Int
  public var blockOutChannels: [Int]
  public var layersPerBlock: Int
  public var normGroups: Int
  public var hasMidAttention: Bool
  public var usesQuantConv: Bool
  public var usesPostQuantConv: Bool
  /// Diffusion latents are the autoencoder's times this.
  public var scalingFactor: Double
  /// Mean and standard deviation of each channel of the latents, by which EDM pipelines scale them; nil in SDXL's own.
  public var latentsMean: [Double]?
  public var latentsStd: [Double]?
  /// diffusers fixes the epsilon of every norm here.
  private static let epsilon = 1e-6

  /// Reads a `config.json`. Throws a `Diagnostic` listing all its faults.
  public init(config: JSONValue, at place: String) throws {
    var fields = try FieldReader(config, at: place)
    fields.require("_class_name", "AutoencoderKL")
    _ = fields.string("act_fn", oneOf: ["silu", "swish"], default: "silu")
    inChannels = fields.count("in_channels", default: 3)
    outChannels = fields.count("out_channels", default: 3)
    latentChannels = fields.count("latent_channels", default: 4)
    blockOutChannels = fields.counts("block_out_channels", default: [64])
    layersPerBlock = fields.layerCount("layers_per_block", default: 1)
    normGroups = fields.count("norm_num_groups", default: 32)
    hasMidAttention = fields.boolean("mid_block_add_attention", default: true)
    usesQuantConv = fields.boolean("use_quant_conv", default: true)
    usesPostQuantConv = fields.boolean("use_post_quant_conv", default: true)
    scalingFactor = fields.number("scaling_factor", default: 0.18215)
    latentsMean = fields.optionalNumbers("latents_mean")
    latentsStd = fields.optionalNumbers("latents_std")
    for (key, type) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
      let count = fields.strings(key, oneOf: [type], default: [type]).count
      // Of a list whose items could not be read, the length that it has.
      let found = fields.listCount(key) ?? count
      if found != blockOutChannels.count {
        fields.note("\(key) has \(found) items, but block_out_channels has \(blockOutChannels.count)")
      }
    }
    for channels in blockOutChannels where channels % normGroups != 0 {
      fields.note("norm_num_groups is \(normGroups), which does not divide block_out_channels \(channels)")
    }
    if blockOutChannels.isEmpty { fields.note("block_out_channels is empty") }
    if scalingFactor <= 0 { fields.note("scaling_factor must be above 0, not \(scalingFactor)") }
    try fields.finish(
      ignoring: InertFields.training.union([
        "sample_size", "force_upcast", "shift_factor", "use_tiling", "use_slicing",
      ]))
  }

  /// Picture pixels an edge of a latent's position: 8 for four blocks.
  public var scaleFactor: Int { 1 << (blockOutChannels.count - 1) }

  /// Encoder and decoder for latents of `height` x `width`.
  ///
  /// Inputs: `image` [N, 8H, 8W, 3] in -1...1, `latents` [N, H, W, C] in the autoencoder's own space. Outputs:
  /// `moments` [N, H, W, 2C], means and then log-variances; `decoded` [N, 8H, 8W, 3] in about -1...1.
  public func graph(batch: Int, height: Int, width: Int) throws -> Graph {
    let builder = GraphBuilder()
    let root = builder.root
    let image = builder.input("image", [batch, height * scaleFactor, width * scaleFactor, inChannels])
    let latents = builder.input("latents", [batch, height, width, latentChannels])

    var moments = try root.module("encoder") { try encoder($0, image) }
    if usesQuantConv { moments = try root.conv2d("quant_conv", moments, out: 2 * latentChannels, kernel: 1) }

    let inner =
      usesPostQuantConv
      ? try root.conv2d("post_quant_conv", latents, out: latentChannels, kernel: 1) : latents
    let decoded = try root.module("decoder") { try decoder($0, inner) }
    return builder.graph(outputs: ["moments": moments, "decoded": decoded])
  }

  private func encoder(_ g: Scope, _ image: Value) throws -> Value {
    var h = try g.conv2d("conv_in", image, out: blockOutChannels[0], kernel: 3)
    for (index, channels) in blockOutChannels.enumerated() {
      h = try g.module("down_blocks.\(index)") { b in
        for layer in 0..<layersPerBlock {
          h = try b.module("resnets.\(layer)") { try resnet($0, h, out: channels) }
        }
        guard index < blockOutChannels.count - 1 else { return h }
        // One row and column of zeros after, none before.
        return try b.module("downsamplers.0") {
          try $0.conv2d("conv", h, out: channels, kernel: 3, stride: 2, padBefore: 0, padAfter: 1)
        }
      }
    }
    h = try g.module("mid_block") { try midBlock($0, h) }
    return try g.conv2d("conv_out", norm(g, "conv_norm_out", h), out: 2 * latentChannels, kernel: 3)
  }

  private func decoder(_ g: Scope, _ latents: Value) throws -> Value {
    var h = try g.conv2d("conv_in", latents, out: blockOutChannels[blockOutChannels.count - 1], kernel: 3)
    h = try g.module("mid_block") { try midBlock($0, h) }
    for (index, channels) in blockOutChannels.reversed().enumerated() {
      h = try g.module("up_blocks.\(index)") { b in
        for layer in 0...layersPerBlock {
          h = try b.module("resnets.\(layer)") { try resnet($0, h, out: channels) }
        }
        guard index < blockOutChannels.count - 1 else { return h }
        return try b.module("upsamplers.0") { u in
          let larger = try u.upsample(h, height: 2 * h.shape.height, width: 2 * h.shape.width)
          return try u.conv2d("conv", larger, out: channels, kernel: 3)
        }
      }
    }
    return try g.conv2d("conv_out", norm(g, "conv_norm_out", h), out: outChannels, kernel: 3)
  }

  private func norm(_ g: Scope, _ name: String, _ x: Value) throws -> Value {
    try g.silu(g.groupNorm(name, x, groups: normGroups, epsilon: Self.epsilon))
  }

  private func midBlock(_ g: Scope, _ x: Value) throws -> Value {
    var h = try g.module("resnets.0") { try resnet($0, x, out: x.channels) }
    if hasMidAttention { h = try g.module("attentions.0") { try attention($0, h) } }
    return try g.module("resnets.1") { try resnet($0, h, out: x.channels) }
  }

  private func resnet(_ g: Scope, _ x: Value, out: Int) throws -> Value {
    var h = try g.conv2d("conv1", norm(g, "norm1", x), out: out, kernel: 3)
    h = try g.conv2d("conv2", norm(g, "norm2", h), out: out, kernel: 3)
    return try g.add(h, x.channels == out ? x : g.conv2d("conv_shortcut", x, out: out, kernel: 1))
  }

  /// Attention with one head over all positions.
  private func attention(_ g: Scope, _ x: Value) throws -> Value {
    let h = try g.tokens(g.groupNorm("group_norm", x, groups: normGroups, epsilon: Self.epsilon))
    let q = try g.linear("to_q", h, out: x.channels)
    let k = try g.linear("to_k", h, out: x.channels)
    let v = try g.linear("to_v", h, out: x.channels)
    let attended = try g.linear("to_out.0", g.attention(q, k, v, heads: 1), out: x.channels)
    return try g.add(g.featureMap(attended, like: x), x)
  }
}
