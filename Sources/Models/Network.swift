import Base
import Graph

/// One network of the SDXL family by itself.
public enum Network: Hashable, Sendable {
  case unet(UNet)
  case vae(VAE)
  case textEncoder(CLIPTextModel)

  /// Reads a `config.json`, whichever network it describes.
  ///
  /// Throws a `Diagnostic` that lists all its faults, or says that it describes none of these networks.
  /// - Parameter hasProjection: what `CLIPTextModel.init` takes.
  public init(config: JSONValue, at place: String, hasProjection: Bool? = nil) throws {
    guard case .object(let fields) = config else {
      throw Diagnostic(.model, at: place, "must be a JSON object, not \(config.kindName)", hint: nil)
    }
    switch fields["_class_name"] ?? fields["model_type"] {
    case "UNet2DConditionModel": self = .unet(UNet(config: try UNetConfig(config: config, at: place)))
    case "AutoencoderKL": self = .vae(try VAE(config: config, at: place))
    case "clip_text_model", "clip", "CLIPTextModel", "CLIPTextModelWithProjection":
      self = .textEncoder(try CLIPTextModel(config: config, at: place, hasProjection: hasProjection))
    case let other:
      throw Diagnostic(
        .model, at: place,
        "it describes "
          + (other.map { "a network of class \($0.text())" } ?? "no network: it has no _class_name")
          + ", not a UNet2DConditionModel, an AutoencoderKL or a CLIP text model",
        hint: "only networks of the SDXL family are known here")
    }
  }

  /// The network's part of a pipeline.
  public init(_ component: Architecture.Component, of architecture: Architecture) {
    switch component {
    case .textEncoder: self = .textEncoder(architecture.textEncoder)
    case .textEncoder2: self = .textEncoder(architecture.textEncoder2)
    case .unet: self = .unet(architecture.unet)
    case .vae: self = .vae(architecture.vae)
    }
  }

  /// What its folder in a pipeline is called: `unet`, `vae`, `text_encoder` or, with a projection, `text_encoder_2`.
  public var folder: String {
    switch self {
    case .unet: Architecture.Component.unet.rawValue
    case .vae: Architecture.Component.vae.rawValue
    case .textEncoder(let model):
      (model.projectionSize == nil ? Architecture.Component.textEncoder : .textEncoder2).rawValue
    }
  }

  /// Its graph for pictures of `width` x `height` pixels at `scaleFactor` pixels a latent, and prompts of `tokens` tokens.
  public func graph(width: Int, height: Int, scaleFactor: Int, tokens: Int, batch: Int = 1) throws -> Graph {
    let (h, w) = (height / scaleFactor, width / scaleFactor)
    switch self {
    case .unet(let unet): return try unet.graph(batch: batch, height: h, width: w, tokens: tokens)
    case .vae(let vae): return try vae.graph(batch: batch, height: h, width: w)
    case .textEncoder(let model):
      return try model.graph(batch: batch, tokens: min(tokens, model.maximumPositions))
    }
  }
}
