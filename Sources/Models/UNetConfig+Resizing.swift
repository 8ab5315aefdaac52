import Base

extension UNetConfig {
  /// The width of the pooled prompt, which is concatenated with six embedded sizes.
  public var pooledPromptDim: Int { additionEmbeddingInputDim - 6 * additionTimeEmbedDim }

  /// This config's topology at another model's widths.
  ///
  /// Blocks, their layers and the depths of their transformers stay this config's; channels, heads, groups, embedding
  /// widths and everything else become `other`'s. It answers what a small model would be, had it not been pruned.
  /// Throws a `Diagnostic` when the two have different numbers of resolutions.
  public func resized(like other: UNetConfig) throws -> UNetConfig {
    guard blockOutChannels.count == other.blockOutChannels.count else {
      throw Diagnostic(
        .value, at: "block_out_channels",
        "expected \(blockOutChannels.count) resolutions, found \(other.blockOutChannels.count)",
        hint: "only models with as many resolutions have corresponding blocks")
    }
    var result = other
    result.downBlockTypes = downBlockTypes
    result.midBlockType = midBlockType
    result.upBlockTypes = upBlockTypes
    result.layersPerBlock = layersPerBlock
    result.downTransformerLayers = downTransformerLayers
    result.midTransformerLayers = midTransformerLayers
    result.upTransformerLayers = upTransformerLayers
    return result
  }
}
