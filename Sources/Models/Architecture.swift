import Base
import Foundation
import Graph

/// The four networks of an SDXL-family pipeline, as their configs describe them, known to fit together.
public struct Architecture: Hashable, Sendable {
  /// A network of the pipeline; the raw value is its folder in the diffusers layout.
  public enum Component: String, Hashable, Sendable, CaseIterable {
    case textEncoder = "text_encoder"
    case textEncoder2 = "text_encoder_2"
    case unet
    case vae
  }

  public let name: String
  public let unet: UNet
  public let vae: VAE
  public let textEncoder: CLIPTextModel
  public let textEncoder2: CLIPTextModel

  /// The built-in architectures, which need no files.
  public static let names = ["sdxl", "ssd1b", "vega"]

  /// The published `config.json` of a built-in architecture's component; nil when there is none of that name.
  public static func publishedConfig(_ component: Component, of name: String) -> String? {
    switch component {
    case .unet:
      ["sdxl": PublishedConfig.sdxl, "ssd1b": PublishedConfig.ssd1b, "vega": PublishedConfig.vega][name]
    case .vae: PublishedConfig.vae
    case .textEncoder: PublishedConfig.clipL
    case .textEncoder2: PublishedConfig.openCLIPbigG
    }
  }

  /// A built-in architecture. Throws a `Diagnostic` of kind `.value` when there is none of that name.
  public init(named name: String) throws {
    guard Self.names.contains(name) else {
      throw Diagnostic(
        .value, at: name, "there is no built-in architecture of this name",
        hint: NearestNames.hint(
          for: name, among: Self.names,
          fallback: "the built-in architectures are \(Self.names.joined(separator: ", "))"))
    }
    try self.init(
      name: name,
      configs: { folder in
        let text = Component(rawValue: folder).flatMap { Self.publishedConfig($0, of: name) } ?? ""
        return try JSONValue(parsing: Data(text.utf8), at: "\(name)/\(folder)")
      },
      place: { "\(name)/\($0)" })
  }

  /// Reads the four configs that `configs` returns for a component's folder, such as `unet`.
  ///
  /// `place` says how a component's config is called in messages, and `hasProjection` what `CLIPTextModel.init` takes.
  /// Throws one `Diagnostic` with the faults of all components, or, when each is sound by itself, with all the ways in
  /// which they do not fit together. What `obstacles` lists is no fault.
  public init(
    name: String, configs: (String) throws -> JSONValue, place: (String) -> String,
    hasProjection: (Component) -> Bool? = { _ in nil }
  ) throws {
    var faults: [Diagnostic] = []
    func read<T>(_ component: Component, _ make: (JSONValue, String) throws -> T) throws -> T? {
      do {
        return try make(configs(component.rawValue), place(component.rawValue))
      } catch let fault as Diagnostic {
        faults.append(fault)
        return nil
      }
    }
    func textModel(_ component: Component) throws -> CLIPTextModel? {
      try read(component) {
        try CLIPTextModel(config: $0, at: $1, hasProjection: hasProjection(component))
      }
    }
    let textEncoder = try textModel(.textEncoder)
    let textEncoder2 = try textModel(.textEncoder2)
    let unet = try read(.unet) { UNet(config: try UNetConfig(config: $0, at: $1)) }
    let vae = try read(.vae) { try VAE(config: $0, at: $1) }
    guard let textEncoder, let textEncoder2, let unet, let vae else { throw Self.combined(faults, at: name) }
    self.name = name
    self.unet = unet
    self.vae = vae
    self.textEncoder = textEncoder
    self.textEncoder2 = textEncoder2
    tokenCount = textEncoder.maximumPositions
    let misfits = self.misfits.map { fault in
      Diagnostic(
        .model, at: place(fault.component.rawValue), fault.text,
        hint: "the components come from different models; take all four from one")
    }
    if !misfits.isEmpty { throw Self.combined(misfits, at: name) }
  }

  /// One fault as it is, several as one that lists them.
  private static func combined(_ faults: [Diagnostic], at name: String) -> Diagnostic {
    guard faults.count > 1 else { return faults[0] }
    let lines = faults.map { "\n" + $0.description }.joined().split(separator: "\n").joined(separator: "\n  ")
    return Diagnostic(
      .model, at: name, "\(faults.count) faults in its components:\n  \(lines)", hint: faults[0].hint)
  }

  private var misfits: [(component: Component, text: String)] {
    var found: [(component: Component, text: String)] = []
    func check(_ component: Component, _ field: String, _ value: Int?, _ expected: Int?, _ other: String) {
      guard value == nil || value != expected else { return }
      found.append(
        (
          component,
          "\(field) is \(value.map { "\($0)" } ?? "absent"), but \(other) is \(expected.map { "\($0)" } ?? "absent")"
        ))
    }
    let config = unet.config
    for width in Set(config.crossAttentionDim).sorted() {
      check(
        .unet, "cross_attention_dim", width, textEncoder.hiddenSize + textEncoder2.hiddenSize,
        "the sum of text_encoder's hidden_size \(textEncoder.hiddenSize) and text_encoder_2's \(textEncoder2.hiddenSize)"
      )
    }
    check(
      .textEncoder2, "projection_dim", textEncoder2.projectionSize, config.pooledPromptDim,
      "unet's projection_class_embeddings_input_dim less six times its addition_time_embed_dim")
    check(.unet, "out_channels", config.outChannels, vae.latentChannels, "vae's latent_channels")
    check(
      .textEncoder2, "max_position_embeddings", textEncoder2.maximumPositions, textEncoder.maximumPositions,
      "text_encoder's")
    return found
  }

  /// What keeps these networks from making pictures from text here though they fit together, a clause each.
  public var obstacles: [String] {
    var found: [String] = []
    let channels = unet.config.inChannels
    if channels != vae.latentChannels {
      let purpose =
        channels == 2 * vae.latentChannels + 1
        ? ": it was trained for inpainting"
        : channels == 2 * vae.latentChannels ? ": it was trained to edit pictures" : ""
      found.append(
        "its UNet takes \(channels) input channels, not the \(vae.latentChannels) of the latents\(purpose)")
    }
    if let width = unet.config.timeCondProjDim {
      found.append(
        "its UNet takes the guidance scale as an embedding (time_cond_proj_dim \(width)), as latent consistency models do"
      )
    }
    if textEncoder.projectionSize != nil {
      found.append("its text_encoder has a projection, from which the pooled text would be taken")
    }
    if vae.latentsMean != nil, vae.latentsStd != nil {
      found.append(
        "its autoencoder's latents have a mean and a standard deviation of their own (latents_mean, latents_std)"
      )
    }
    return found
  }

  /// Tokens of a prompt, begin, end and padding included: at most the text encoders' positions, and as many unless the
  /// tokenizers give fewer.
  public var tokenCount: Int

  /// Pixels of an edge of the square pictures that the model was trained for.
  ///
  /// Without a `sample_size` in the UNet's config it is what diffusers takes then, 128 positions of latents.
  public var defaultSize: Int { (unet.config.sampleSize ?? 128) * vae.scaleFactor }

  /// A component's graph for pictures of `width` x `height` pixels; for a text encoder they make no difference.
  ///
  /// Throws a `Diagnostic` when an edge is no multiple of the autoencoder's scale factor, or when the config's
  /// widths do not fit together.
  public func graph(_ component: Component, width: Int, height: Int, batch: Int) throws -> Graph {
    let scale = vae.scaleFactor
    guard width > 0, height > 0, width % scale == 0, height % scale == 0 else {
      throw Diagnostic(
        .value, at: "size", "expected positive multiples of \(scale) pixels, found \(width)x\(height)",
        hint: "the nearest such size is \(Self.nearest(width, scale))x\(Self.nearest(height, scale))")
    }
    return try Network(component, of: self).graph(
      width: width, height: height, scaleFactor: scale, tokens: tokenCount, batch: batch)
  }

  private static func nearest(_ extent: Int, _ scale: Int) -> Int {
    max(1, (extent + scale / 2) / scale) * scale
  }
}
