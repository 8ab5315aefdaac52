import Base
import Graph

/// The denoising UNet of the SDXL family (Podell et al. 2023; pruned by Gupta et al. 2024), as its config describes it.
public struct UNet: Hashable, Sendable {
  public let config: UNetConfig

  public init(config: UNetConfig) { self.config = config }

  /// The UNet's graph for latents of `height` x `width`.
  ///
  /// Inputs: `sample` [N, H, W, C], `timestep` [N, 1], `encoder_hidden_states` [N, T, D], `text_embeds` [N, P],
  /// `time_ids` [N, 6], and `timestep_cond` [N, G] where the config has a `time_cond_proj_dim` G. Output: `noise_pred`
  /// [N, H, W, C].
  public func graph(batch: Int, height: Int, width: Int, tokens: Int = 77) throws -> Graph {
    let builder = GraphBuilder()
    let root = builder.root
    let sample = builder.input("sample", [batch, height, width, config.inChannels])
    let timestep = builder.input("timestep", [batch, 1])
    let text = builder.input("encoder_hidden_states", [batch, tokens, config.crossAttentionDim[0]])
    let pooledWidth = config.pooledPromptDim
    guard pooledWidth > 0, Set(config.crossAttentionDim).count == 1 else {
      throw Diagnostic(
        .model, at: "unet",
        "its conditioning is not SDXL's: that needs one cross_attention_dim, not \(config.crossAttentionDim), and a "
          + "projection_class_embeddings_input_dim above 6 x addition_time_embed_dim, not "
          + "\(config.additionEmbeddingInputDim)",
        hint: "only UNets with SDXL's conditioning are supported")
    }
    let pooled = builder.input("text_embeds", [batch, pooledWidth])
    let timeIDs = builder.input("time_ids", [batch, 6])

    let guidance = config.timeCondProjDim.map { builder.input("timestep_cond", [batch, $0]) }

    let embedding = try conditioning(
      root, timestep: timestep, pooled: pooled, timeIDs: timeIDs, guidance: guidance)
    // Every resnet begins with this activation of the one embedding: computed once, read by all.
    let temb = try root.scope("time_embedding").silu(embedding)

    let channels = config.blockOutChannels
    var h = try root.conv2d("conv_in", sample, out: channels[0], kernel: config.convInKernel)
    var skips = [h]

    for index in channels.indices {
      h = try root.module("down_blocks.\(index)") { g in
        for layer in 0..<config.layersPerBlock[index] {
          h = try g.module("resnets.\(layer)") { try resnet($0, h, temb: temb, out: channels[index]) }
          if config.downBlockTypes[index] == .crossAttention {
            let depth = config.downTransformerLayers[index][layer]
            h = try g.module("attentions.\(layer)") {
              try transformer($0, h, text: text, depth: depth, heads: config.headCounts[index])
            }
          }
          skips.append(h)
        }
        if index < channels.count - 1 {
          h = try g.module("downsamplers.0") {
            try $0.conv2d("conv", h, out: channels[index], kernel: 3, stride: 2)
          }
          skips.append(h)
        }
        return h
      }
    }

    if let midBlock = config.midBlockType {
      let out = channels[channels.count - 1]
      h = try root.module("mid_block") { g in
        h = try g.module("resnets.0") { try resnet($0, h, temb: temb, out: out) }
        if midBlock == .crossAttention {
          let heads = config.headCounts[config.headCounts.count - 1]
          h = try g.module("attentions.0") {
            try transformer($0, h, text: text, depth: config.midTransformerLayers, heads: heads)
          }
          h = try g.module("resnets.1") { try resnet($0, h, temb: temb, out: out) }
        }
        return h
      }
    }

    for (index, level) in channels.indices.reversed().enumerated() {
      h = try root.module("up_blocks.\(index)") { g in
        for layer in 0...config.layersPerBlock[level] {
          let joined = try g.concatenate(h, skips.removeLast())
          h = try g.module("resnets.\(layer)") { try resnet($0, joined, temb: temb, out: channels[level]) }
          if config.upBlockTypes[index] == .crossAttention {
            let depth = config.upTransformerLayers[index][layer]
            h = try g.module("attentions.\(layer)") {
              try transformer($0, h, text: text, depth: depth, heads: config.headCounts[level])
            }
          }
        }
        // To the size of the next skip, which is twice this one's unless a size on the way down was odd.
        if let skip = skips.last, index < channels.count - 1 {
          h = try g.module("upsamplers.0") { u in
            let larger = try u.upsample(h, height: skip.shape.height, width: skip.shape.width)
            return try u.conv2d("conv", larger, out: channels[level], kernel: 3)
          }
        }
        return h
      }
    }

    h = try root.groupNorm("conv_norm_out", h, groups: config.normGroups, epsilon: config.normEpsilon)
    h = try root.conv2d("conv_out", root.silu(h), out: config.outChannels, kernel: config.convOutKernel)
    return builder.graph(outputs: ["noise_pred": h])
  }

  /// The embedding of timestep, sizes and pooled prompt that all resnets share, [N, timeEmbeddingDim].
  ///
  /// - Parameter guidance: an embedding of the guidance scale, which is added to the timestep's before its linear layers.
  private func conditioning(
    _ g: Scope, timestep: Value, pooled: Value, timeIDs: Value, guidance: Value?
  ) throws -> Value {
    func sinusoid(_ features: Int) -> Sinusoid {
      Sinusoid(features: features, cosineFirst: config.flipSinToCos, shift: config.frequencyShift)
    }
    func embed(_ name: String, _ x: Value, guidance: Value? = nil) throws -> Value {
      try g.module(name) { e in
        var h = x
        if let guidance { h = try e.add(h, e.linear("cond_proj", guidance, out: x.channels, bias: false)) }
        h = try e.linear("linear_1", h, out: config.timeEmbeddingDim)
        return try e.linear("linear_2", e.silu(h), out: config.timeEmbeddingDim)
      }
    }
    let time = try embed(
      "time_embedding", g.scope("time_proj").sinusoid(timestep, sinusoid(config.blockOutChannels[0])),
      guidance: guidance)
    let sizes = try g.scope("add_time_proj").sinusoid(timeIDs, sinusoid(config.additionTimeEmbedDim))
    let added = try embed("add_embedding", g.scope("add_embedding").concatenate(pooled, sizes))
    return try g.add(time, added)
  }

  private func resnet(_ g: Scope, _ x: Value, temb: Value, out: Int) throws -> Value {
    func norm(_ name: String, _ x: Value) throws -> Value {
      try g.silu(g.groupNorm(name, x, groups: config.normGroups, epsilon: config.normEpsilon))
    }
    var h = try g.conv2d("conv1", norm("norm1", x), out: out, kernel: 3)
    h = try g.addPerChannel(h, g.linear("time_emb_proj", temb, out: out))
    h = try g.conv2d("conv2", norm("norm2", h), out: out, kernel: 3)
    return try g.add(h, x.channels == out ? x : g.conv2d("conv_shortcut", x, out: out, kernel: 1))
  }

  /// A stack of transformer blocks over the positions of a feature map, with cross-attention to the prompt.
  private func transformer(_ g: Scope, _ x: Value, text: Value, depth: Int, heads: Int) throws -> Value {
    let width = x.channels
    // diffusers fixes this norm's epsilon and the layer norms' below, whatever the config's norm_eps.
    let normed = try g.groupNorm("norm", x, groups: config.normGroups, epsilon: 1e-6)
    func project(_ name: String, _ h: Value) throws -> Value {
      config.usesLinearProjection
        ? try g.linear(name, h, out: width)
        : try g.tokens(g.conv2d(name, g.featureMap(h, like: x), out: width, kernel: 1))
    }
    var h = try project("proj_in", g.tokens(normed))
    for block in 0..<depth {
      h = try g.module("transformer_blocks.\(block)") {
        try transformerBlock($0, h, text: text, heads: heads)
      }
    }
    return try g.add(g.featureMap(project("proj_out", h), like: x), x)
  }

  private func transformerBlock(_ g: Scope, _ x: Value, text: Value, heads: Int) throws -> Value {
    let width = x.channels
    func attend(_ name: String, _ h: Value, to context: Value) throws -> Value {
      try g.module(name) { a in
        let q = try a.linear("to_q", h, out: width, bias: false)
        let k = try a.linear("to_k", context, out: width, bias: false)
        let v = try a.linear("to_v", context, out: width, bias: false)
        return try a.linear("to_out.0", a.attention(q, k, v, heads: heads), out: width)
      }
    }
    var h = try g.layerNorm("norm1", x, epsilon: 1e-5)
    let x1 = try g.add(attend("attn1", h, to: h), x)
    h = try g.layerNorm("norm2", x1, epsilon: 1e-5)
    let x2 = try g.add(attend("attn2", h, to: text), x1)
    h = try g.layerNorm("norm3", x2, epsilon: 1e-5)
    let expanded = try g.module("ff") { f in
      let gated = try f.gatedGELU(f.linear("net.0.proj", h, out: 8 * width))
      return try f.linear("net.2", gated, out: width)
    }
    return try g.add(expanded, x2)
  }
}
