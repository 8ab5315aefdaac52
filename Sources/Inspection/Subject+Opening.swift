import Base
import Checkpoints
import Foundation
import Models

extension Subject {
  /// Opens anything that holds safetensors: a pipeline's folder, one network's, a file. Headers and configs alone are read.
  ///
  /// What is no network of the SDXL family is not refused: its tensors are there, and its identity says what it is or why
  /// that is not known. Throws a `Diagnostic` for what holds no readable safetensors at all.
  public init(path: String, variant: String? = nil) throws {
    let path = ModelLocation.resolved(path)
    let name = PathName(path).last
    guard let isFolder = ModelLocation.isFolder(path) else {
      throw Diagnostic(
        .model, at: path, "there is no such file or folder",
        hint: "check the path; the built-in architectures are \(Architecture.names.joined(separator: ", "))")
    }
    guard isFolder else {
      let folder = try ModelFolder(path: PathName(path).folder)
      let part = Part(
        checkpoint: try Checkpoint(folder, file: name), config: Config(in: folder, "config.json"),
        called: PathName(name).withoutEnding)
      self.init(name: name, parts: [part])
      return
    }
    let folder = try ModelFolder(path: path, variant: variant)
    let components = Architecture.Component.allCases.map(\.rawValue)
    if folder.has("model_index.json") || components.contains(where: { !folder.list($0).isEmpty }) {
      try self.init(pipeline: folder, name: name)
    } else {
      self.init(
        name: name,
        parts: [
          Part(
            checkpoint: try Checkpoint(folder, folder: ""), config: Config(in: folder, "config.json"),
            called: name)
        ])
    }
  }

  private init(pipeline folder: ModelFolder, name: String) throws {
    var parts: [Part] = []
    var faults: [Diagnostic] = []
    for component in Architecture.Component.allCases where !folder.list(component.rawValue).isEmpty {
      do {
        parts.append(
          Part(
            checkpoint: try Checkpoint(folder, folder: component.rawValue),
            config: Config(in: folder, "\(component.rawValue)/config.json"), called: component.rawValue,
            isPlaced: true))
      } catch let fault as Diagnostic {
        faults.append(fault)
      }
    }
    try Diagnostic.throwAll(faults, at: folder.name)
    guard !parts.isEmpty else {
      throw Diagnostic(
        .model, at: folder.name, "it holds no weights in folders such as unet and vae",
        hint: "fetch the whole pipeline, or name a safetensors file")
    }
    try Checkpoint.requireVariant(folder.variant, among: parts.compactMap(\.checkpoint), at: folder.name)
    self.init(name: name, parts: parts)
  }
}

/// What a `config.json` beside a checkpoint says.
private enum Config {
  case absent
  case network(Network)
  case fault(Diagnostic)

  init(in folder: ModelFolder, _ path: String) {
    guard folder.has(path) else {
      self = .absent
      return
    }
    do {
      let json = try folder.json(path)
      // A second text encoder has a projection, whether or not its config says so.
      var hasProjection: Bool?
      if case .object(let fields) = json, fields["architectures"] == nil, path.hasPrefix("text_encoder_2/") {
        hasProjection = true
      }
      self = .network(try Network(config: json, at: folder.place(path), hasProjection: hasProjection))
    } catch let fault as Diagnostic {
      self = .fault(fault)
    } catch {
      self = .absent
    }
  }
}

extension Subject.Part {
  /// A checkpoint with the network that its config describes, if the two fit, else the one that its tensors tell.
  ///
  /// - Parameter isPlaced: whether its place in a pipeline says what it is, so that no identity is needed when all is well.
  fileprivate init(checkpoint: Checkpoint, config: Config, called name: String, isPlaced: Bool = false) {
    var reason: String?
    switch config {
    case .network(let network):
      guard let misfit = CheckpointIdentity.misfit(of: checkpoint, with: network) else {
        let found = isPlaced ? nil : CheckpointIdentity(of: checkpoint)
        let identity = found.map { found in
          found.network == network
            ? found
            : CheckpointIdentity(
              title: network.title, explanation: "as config.json beside it says", network: network)
        }
        self.init(
          name: isPlaced ? name : network.folder, network: network, checkpoint: checkpoint, identity: identity
        )
        return
      }
      reason = "config.json beside it describes another network: \(misfit)"
    case .fault(let fault): reason = fault.description.replacing("\n", with: " ")
    case .absent: break
    }
    let found = CheckpointIdentity(of: checkpoint)
    let identity = CheckpointIdentity(
      title: found.title,
      explanation: ([found.explanation] + [reason].compactMap { $0 }).joined(separator: "; "),
      network: found.network)
    self.init(
      name: isPlaced ? name : found.network?.folder ?? name, network: found.network, checkpoint: checkpoint,
      identity: identity)
  }
}

extension Network {
  fileprivate var title: String {
    switch self {
    case .unet: "a UNet of the SDXL family"
    case .vae: "an autoencoder"
    case .textEncoder(let model): "a CLIP text encoder of width \(model.hiddenSize)"
    }
  }
}
