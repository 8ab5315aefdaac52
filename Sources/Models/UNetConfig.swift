import Base

/// The fields of diffusers' `UNet2DConditionModel` that an SDXL-family UNet varies.
public struct UNetConfig: Hashable, Sendable {
  public enum DownBlock: String, Sendable, CaseIterable {
    case plain = "DownBlock2D"
    case crossAttention = "CrossAttnDownBlock2D"
  }
  public enum UpBlock: String, Sendable, CaseIterable {
    case plain = "UpBlock2D"
    case crossAttention = "CrossAttnUpBlock2D"
  }
  public enum MidBlock: String, Sendable, CaseIterable {
    case plain = "UNetMidBlock2D"
    case crossAttention = "UNetMidBlock2DCrossAttn"
  }

  /// The latents' edge that the model was trained at.
  public var sampleSize: Int?
  public var inChannels: Int
  public var outChannels: Int
  public var flipSinToCos: Bool
  public var frequencyShift: Double
  public var downBlockTypes: [DownBlock]
  /// nil: the UNet has no middle block.
  public var midBlockType: MidBlock?
  public var upBlockTypes: [UpBlock]
  public var blockOutChannels: [Int]
  public var layersPerBlock: [Int]
  public var downsamplePadding: Int
  public var normGroups: Int
  public var normEpsilon: Double
  public var crossAttentionDim: [Int]
  /// Transformer blocks of each attention of each down block.
  public var downTransformerLayers: [[Int]]
  /// Transformer blocks of the middle block's attention.
  public var midTransformerLayers: Int
  /// Transformer blocks of each attention of each up block, in the order of computation.
  public var upTransformerLayers: [[Int]]
  /// Attention heads of each down block. (The configs call this `attention_head_dim`.)
  public var headCounts: [Int]
  public var usesLinearProjection: Bool
  public var additionTimeEmbedDim: Int
  public var additionEmbeddingInputDim: Int
  public var convInKernel: Int
  public var convOutKernel: Int
  public var timeEmbeddingDim: Int
  /// The width of an embedding of the guidance scale, which the UNets of latent consistency models take; nil without one.
  public var timeCondProjDim: Int?

  /// Reads a `config.json`. Throws a `Diagnostic` listing all its faults.
  public init(config: JSONValue, at place: String) throws {
    var fields = try FieldReader(config, at: place)
    fields.require("_class_name", "UNet2DConditionModel")
    let downTypes = fields.strings(
      "down_block_types", oneOf: DownBlock.allCases.map(\.rawValue),
      default: Array(repeating: DownBlock.crossAttention.rawValue, count: 3) + [DownBlock.plain.rawValue])
    let upTypes = fields.strings(
      "up_block_types", oneOf: UpBlock.allCases.map(\.rawValue),
      default: [UpBlock.plain.rawValue] + Array(repeating: UpBlock.crossAttention.rawValue, count: 3))
    downBlockTypes = downTypes.compactMap(DownBlock.init)
    upBlockTypes = upTypes.compactMap(UpBlock.init)
    // The list's own length: a wrong name in it must not make faults of all the other lists.
    let blocks = max(1, fields.listCount("down_block_types") ?? downBlockTypes.count)
    if fields.isNull("mid_block_type") {
      _ = fields.value("mid_block_type")
      midBlockType = nil
    } else {
      midBlockType = MidBlock(
        rawValue: fields.string(
          "mid_block_type", oneOf: MidBlock.allCases.map(\.rawValue),
          default: MidBlock.crossAttention.rawValue))
    }
    sampleSize = Self.sampleSize(in: &fields)
    inChannels = fields.count("in_channels", default: 4)
    outChannels = fields.count("out_channels", default: 4)
    flipSinToCos = fields.boolean("flip_sin_to_cos", default: true)
    frequencyShift = fields.number("freq_shift", default: 0)
    blockOutChannels = fields.counts("block_out_channels", default: [320, 640, 1280, 1280])
    layersPerBlock = fields.countPerBlock("layers_per_block", blocks: blocks, default: 2)
    downsamplePadding = fields.integer("downsample_padding", in: 1...1, default: 1)
    normGroups = fields.count("norm_num_groups", default: 32)
    normEpsilon = fields.number("norm_eps", default: 1e-5)
    crossAttentionDim = fields.countPerBlock("cross_attention_dim", blocks: blocks, default: 1280)
    headCounts = fields.countPerBlock("attention_head_dim", blocks: blocks, default: 8)
    usesLinearProjection = fields.boolean("use_linear_projection", default: false)
    additionTimeEmbedDim = fields.count("addition_time_embed_dim")
    additionEmbeddingInputDim = fields.count("projection_class_embeddings_input_dim")
    convInKernel = fields.integer("conv_in_kernel", in: 1...15, default: 3)
    convOutKernel = fields.integer("conv_out_kernel", in: 1...15, default: 3)
    // Nothing and zero mean the usual width.
    let embeddingDim = fields.value("time_embedding_dim")
    timeEmbeddingDim =
      embeddingDim == nil || embeddingDim == 0
      ? 4 * (blockOutChannels.first ?? 1) : fields.count("time_embedding_dim")
    timeCondProjDim = fields.value("time_cond_proj_dim") == nil ? nil : fields.count("time_cond_proj_dim")

    if let most = layersPerBlock.max(), most > FieldReader.mostLayers {
      fields.note("layers_per_block is \(most); at most \(FieldReader.mostLayers) are read")
      layersPerBlock = layersPerBlock.map { _ in 1 }
    }
    let layers = TransformerLayers(
      reading: &fields, layersPerBlock: layersPerBlock,
      downAttends: downBlockTypes.map { $0 == .crossAttention },
      upAttends: upBlockTypes.map { $0 == .crossAttention })
    downTransformerLayers = layers.down
    midTransformerLayers = layers.mid
    upTransformerLayers = layers.up

    Self.requireWhatIsNotVaried(in: &fields)
    noteMisfits(in: &fields, blocks: blocks)
    try fields.finish(
      ignoring: InertFields.training.union([
        "addition_embed_type_num_heads", "upcast_attention",
        // Of kinds of blocks that none of these are.
        "cross_attention_norm", "mid_block_only_cross_attention", "resnet_out_scale_factor",
        "resnet_skip_time_act",
      ]))
  }

  /// The latents' edge; of a height and a width, the height.
  private static func sampleSize(in fields: inout FieldReader) -> Int? {
    guard let value = fields.value("sample_size") else { return nil }
    if case .array(let edges) = value, edges.count == 2, let height = edges[0].positiveInteger,
      edges[1].positiveInteger != nil
    {
      return height
    }
    return fields.count("sample_size")
  }

  private func noteMisfits(in fields: inout FieldReader, blocks: Int) {
    for (key, count) in [
      ("block_out_channels", blockOutChannels.count), ("up_block_types", upBlockTypes.count),
    ] {
      // Of a list whose items could not be read, the length that it has.
      let count = fields.listCount(key) ?? count
      guard count != blocks else { continue }
      fields.note("\(key) has \(count) items, but there are \(blocks) down blocks")
    }
    for (channels, heads) in zip(blockOutChannels, headCounts) where channels % heads != 0 {
      fields.note("attention_head_dim is \(heads), which does not divide the block's \(channels) channels")
    }
    for channels in blockOutChannels where channels % normGroups != 0 {
      fields.note("norm_num_groups is \(normGroups), which does not divide block_out_channels \(channels)")
    }
  }

  /// Options of diffusers' class that no SDXL-family model uses: a value that would change the computation is an error.
  private static func requireWhatIsNotVaried(in fields: inout FieldReader) {
    let fixed: [(String, JSONValue)] = [
      ("addition_embed_type", "text_time"), ("center_input_sample", false),
      ("only_cross_attention", false), ("mid_block_scale_factor", 1), ("dual_cross_attention", false),
      ("num_attention_heads", .null), ("class_embed_type", .null),
      ("class_embeddings_concat", false), ("num_class_embeds", .null), ("encoder_hid_dim", .null),
      ("encoder_hid_dim_type", .null), ("resnet_time_scale_shift", "default"),
      ("time_embedding_type", "positional"), ("time_embedding_act_fn", .null),
      ("timestep_post_act", .null),
    ]
    for (key, value) in fixed { fields.require(key, value) }
    if fields.value("attention_type") != nil { fields.require("attention_type", "default") }
    // Two names of one function.
    _ = fields.string("act_fn", oneOf: ["silu", "swish"], default: "silu")
    if !fields.has("addition_embed_type") {
      fields.note("addition_embed_type is missing; it must be \"text_time\", as in every SDXL model")
    }
  }
}

/// The depths of a UNet's transformer stacks, from the two fields that state them.
///
/// `transformer_layers_per_block` has for each block a number, or a list with one for each of its attentions; the up
/// path mirrors it unless `reverse_transformer_layers_per_block` says otherwise, as it must once a block has a list.
/// What stands there for a block without attentions has no effect.
private struct TransformerLayers {
  var down: [[Int]] = []
  var mid = 1
  var up: [[Int]] = []

  init(
    reading fields: inout FieldReader, layersPerBlock: [Int], downAttends: [Bool], upAttends: [Bool]
  ) {
    // Depths are counted against the layers: where those could not be read, every count would seem wrong.
    let canCount = !fields.faults.contains { $0.hasPrefix("layers_per_block") }
    let blocks = layersPerBlock.count
    let wanted = "a positive integer, or for each of the \(blocks) blocks one or a list of them"
    let forwardKey = "transformer_layers_per_block"
    let forward = fields.read(
      forwardKey, wanted, default: Array(repeating: .integer(1), count: blocks),
      standIn: [], { Self.perBlock($0, blocks: blocks) })
    let hasLists = forward.contains { if case .array = $0 { true } else { false } }
    let reverseKey = "reverse_transformer_layers_per_block"
    let mirrored: [JSONValue]? = hasLists ? nil : forward.reversed()
    let backward = fields.read(
      reverseKey, wanted + (hasLists ? " (required, since \(forwardKey) has lists)" : ""),
      default: mirrored, allowsNull: true, standIn: [], { Self.perBlock($0, blocks: blocks) })
    func attends(_ flags: [Bool], _ block: Int) -> Bool { block >= flags.count || flags[block] }
    for (block, value) in forward.enumerated() {
      let attentions = layersPerBlock[block]
      down.append(
        attends(downAttends, block)
          ? Self.depths(value, attentions: attentions, canCount, forwardKey, block, &fields)
          : Array(repeating: 1, count: attentions))
    }
    for (block, value) in backward.enumerated() {
      let attentions = layersPerBlock[blocks - 1 - block] + 1
      up.append(
        attends(upAttends, block)
          ? Self.depths(value, attentions: attentions, canCount, reverseKey, block, &fields)
          : Array(repeating: 1, count: attentions))
    }
    // The last entry, whether or not the last down block attends.
    switch forward.last {
    case .array(let items)?: mid = items.first?.positiveInteger ?? mid
    case let value?: mid = value.positiveInteger ?? mid
    case nil: break
    }
    mid = min(mid, FieldReader.mostLayers)
  }

  private static func perBlock(_ value: JSONValue, blocks: Int) -> [JSONValue]? {
    if value.positiveInteger != nil { return Array(repeating: value, count: blocks) }
    guard case .array(let items) = value, items.count == blocks else { return nil }
    return items
  }

  /// One depth for each attention. A list may be longer: diffusers does not look at the rest.
  private static func depths(
    _ value: JSONValue, attentions: Int, _ canCount: Bool, _ key: String, _ block: Int,
    _ fields: inout FieldReader
  ) -> [Int] {
    if let depth = value.positiveInteger, depth <= FieldReader.mostLayers {
      return Array(repeating: depth, count: attentions)
    }
    if case .array(let items) = value {
      let depths = items.compactMap(\.positiveInteger).filter { $0 <= FieldReader.mostLayers }
      if depths.count == items.count, !depths.isEmpty, depths.count >= attentions || !canCount {
        return canCount ? Array(depths.prefix(attentions)) : depths
      }
    }
    fields.note(
      "\(key)[\(block)] must be a positive integer or a list of \(attentions) of them, not \(value.text())")
    return Array(repeating: 1, count: attentions)
  }
}
