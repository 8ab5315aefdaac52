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

  /// Reads a `config.json`. Throws a `Diagnostic` listing all its faults.
  public init(config: JSONValue, at place: String) throws {
    var fields = try FieldReader(config, at: place)
    fields.require("_class_name", "UNet2DConditionModel")
    let downTypes = fields.strings("down_block_types", oneOf: DownBlock.allCases.map(\.rawValue))
    let upTypes = fields.strings("up_block_types", oneOf: UpBlock.allCases.map(\.rawValue))
    downBlockTypes = downTypes.compactMap(DownBlock.init)
    upBlockTypes = upTypes.compactMap(UpBlock.init)
    // The list's own length: a wrong name in it must not make faults of all the other lists.
    let blocks = max(1, fields.listCount("down_block_types") ?? downBlockTypes.count)
    if fields.has("mid_block_type"), fields.value("mid_block_type") == nil {
      midBlockType = nil
    } else {
      midBlockType = MidBlock(
        rawValue: fields.string(
          "mid_block_type", oneOf: MidBlock.allCases.map(\.rawValue),
          default: MidBlock.crossAttention.rawValue))
    }
    sampleSize = fields.value("sample_size") == nil ? nil : fields.count("sample_size")
    inChannels = fields.count("in_channels")
    outChannels = fields.count("out_channels")
    flipSinToCos = fields.boolean("flip_sin_to_cos", default: true)
    frequencyShift = fields.number("freq_shift", default: 0)
    blockOutChannels = fields.counts("block_out_channels")
    layersPerBlock = fields.countPerBlock("layers_per_block", blocks: blocks)
    downsamplePadding = fields.integer("downsample_padding", in: 1...1, default: 1)
    normGroups = fields.count("norm_num_groups", default: 32)
    normEpsilon = fields.number("norm_eps", default: 1e-5)
    crossAttentionDim = fields.countPerBlock("cross_attention_dim", blocks: blocks)
    headCounts = fields.countPerBlock("attention_head_dim", blocks: blocks)
    usesLinearProjection = fields.boolean("use_linear_projection", default: false)
    additionTimeEmbedDim = fields.count("addition_time_embed_dim")
    additionEmbeddingInputDim = fields.count("projection_class_embeddings_input_dim")
    convInKernel = fields.integer("conv_in_kernel", in: 1...15, default: 3)
    convOutKernel = fields.integer("conv_out_kernel", in: 1...15, default: 3)
    timeEmbeddingDim =
      fields.value("time_embedding_dim") == nil
      ? 4 * (blockOutChannels.first ?? 1) : fields.count("time_embedding_dim")

    if let most = layersPerBlock.max(), most > FieldReader.mostLayers {
      fields.note("layers_per_block: expected at most \(FieldReader.mostLayers), found \(most)")
      layersPerBlock = layersPerBlock.map { _ in 1 }
    }
    let layers = TransformerLayers(reading: &fields, layersPerBlock: layersPerBlock)
    downTransformerLayers = layers.down
    midTransformerLayers = layers.mid
    upTransformerLayers = layers.up

    Self.requireWhatIsNotVaried(in: &fields)
    for key in ["block_out_channels", "up_block_types"] {
      guard let count = fields.listCount(key), count != blocks else { continue }
      fields.note("\(key): expected one for each of the \(blocks) down blocks, found \(count)")
    }
    for (channels, heads) in zip(blockOutChannels, headCounts) where channels % heads != 0 {
      fields.note(
        "attention_head_dim: expected a divisor of the block's \(channels) channels, found \(heads)")
    }
    for channels in blockOutChannels where channels % normGroups != 0 {
      fields.note(
        "norm_num_groups: expected a divisor of block_out_channels \(channels), found \(normGroups)")
    }
    try fields.finish(ignoring: ["dropout", "addition_embed_type_num_heads"])
  }

  /// Options of diffusers' class that no SDXL-family model uses: a value that would change the computation is an error.
  private static func requireWhatIsNotVaried(in fields: inout FieldReader) {
    let fixed: [(String, JSONValue)] = [
      ("addition_embed_type", "text_time"), ("act_fn", "silu"), ("center_input_sample", false),
      ("only_cross_attention", false), ("mid_block_only_cross_attention", .null),
      ("mid_block_scale_factor", 1),
      ("dual_cross_attention", false), ("cross_attention_norm", .null), ("attention_type", "default"),
      ("upcast_attention", false), ("num_attention_heads", .null), ("class_embed_type", .null),
      ("class_embeddings_concat", false), ("num_class_embeds", .null), ("encoder_hid_dim", .null),
      ("encoder_hid_dim_type", .null), ("resnet_time_scale_shift", "default"),
      ("resnet_skip_time_act", false),
      ("resnet_out_scale_factor", 1), ("time_embedding_type", "positional"), ("time_embedding_act_fn", .null),
      ("timestep_post_act", .null), ("time_cond_proj_dim", .null),
    ]
    for (key, value) in fixed { fields.require(key, value) }
    if !fields.has("addition_embed_type") {
      fields.note("addition_embed_type: expected \"text_time\", found no such field")
    }
  }
}

/// The depths of a UNet's transformer stacks, from the two fields that state them.
///
/// `transformer_layers_per_block` has for each block a number, or a list with one for each of its attentions; the up
/// path mirrors it unless `reverse_transformer_layers_per_block` says otherwise, as it must once a block has a list.
private struct TransformerLayers {
  var down: [[Int]] = []
  var mid = 1
  var up: [[Int]] = []

  init(reading fields: inout FieldReader, layersPerBlock: [Int]) {
    // Depths are counted against the layers: where those could not be read, every count would seem wrong.
    let canCount = !fields.faults.contains { $0.hasPrefix("layers_per_block") }
    let blocks = layersPerBlock.count
    let expected = "a positive integer, or for each of the \(blocks) blocks one or a list of them"
    let forward = fields.read(
      "transformer_layers_per_block", expected, default: Array(repeating: .integer(1), count: blocks),
      standIn: [],
      { Self.perBlock($0, blocks: blocks) })
    let hasLists = forward.contains { if case .array = $0 { true } else { false } }
    let reverseKey = "reverse_transformer_layers_per_block"
    let mirrored: [JSONValue]? = hasLists ? nil : forward.reversed()
    let backward = fields.read(
      reverseKey, expected + hasListsNote(hasLists), default: mirrored, standIn: [],
      { Self.perBlock($0, blocks: blocks) })
    for (block, value) in forward.enumerated() {
      down.append(
        Self.depths(
          value, attentions: layersPerBlock[block], canCount, "transformer_layers_per_block", block, &fields))
    }
    for (block, value) in backward.enumerated() {
      let attentions = layersPerBlock[blocks - 1 - block] + 1
      up.append(Self.depths(value, attentions: attentions, canCount, reverseKey, block, &fields))
    }
    if let last = down.last?.first { mid = last }
  }

  private func hasListsNote(_ hasLists: Bool) -> String {
    hasLists ? " (required, since transformer_layers_per_block has lists)" : ""
  }

  private static func perBlock(_ value: JSONValue, blocks: Int) -> [JSONValue]? {
    if value.positiveInteger != nil { return Array(repeating: value, count: blocks) }
    guard case .array(let items) = value, items.count == blocks else { return nil }
    return items
  }

  private static func depths(
    _ value: JSONValue, attentions: Int, _ canCount: Bool, _ key: String, _ block: Int,
    _ fields: inout FieldReader
  ) -> [Int] {
    if let depth = value.positiveInteger, depth <= FieldReader.mostLayers {
      return Array(repeating: depth, count: attentions)
    }
    if case .array(let items) = value {
      let depths = items.compactMap(\.positiveInteger).filter { $0 <= FieldReader.mostLayers }
      if depths.count == items.count, depths.count == attentions || !canCount { return depths }
    }
    fields.note(
      "\(key)[\(block)]: expected a positive integer or a list of \(attentions) of them, found \(value.text())"
    )
    return Array(repeating: 1, count: attentions)
  }
}
