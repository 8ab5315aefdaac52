import Base
import Checkpoints
import Graph
import Models

/// What inspection looks at: a built-in architecture, a pipeline, one network, or tensors that no network is known for.
public struct Subject: Sendable {
  /// A network with its checkpoint, either of which may be missing.
  public struct Part: Sendable {
    /// Its folder in the pipeline, or what a lone file is called.
    public let name: String
    /// nil where the tensors are all that is known.
    public let network: Network?
    public let checkpoint: Checkpoint?
    /// What a lone checkpoint is, or why that is not known; nil for what came with a config that it fits.
    public let identity: CheckpointIdentity?
  }

  public let name: String
  public let parts: [Part]
  /// Tokens of a prompt.
  public let tokens: Int
  /// Picture pixels a latent's position.
  public let scaleFactor: Int
  /// Pixels of an edge of the square pictures that it was trained for.
  public let defaultSize: Int

  /// An architecture with the checkpoints of its components, if it has any.
  public init(
    name: String, _ architecture: Architecture, checkpoints: [Architecture.Component: Checkpoint] = [:]
  ) {
    self.name = name
    parts = Architecture.Component.allCases.map {
      Part(
        name: $0.rawValue, network: Network($0, of: architecture), checkpoint: checkpoints[$0], identity: nil)
    }
    tokens = architecture.tokenCount
    scaleFactor = architecture.vae.scaleFactor
    defaultSize = architecture.defaultSize
  }

  /// The built-in architecture of a name. Throws when there is none.
  public init(builtIn name: String) throws { self.init(name: name, try Architecture(named: name)) }

  init(name: String, parts: [Part]) {
    self.name = name
    self.parts = parts
    var (tokens, scaleFactor, edge) = (77, 8, 128)
    for part in parts {
      switch part.network {
      case .unet(let unet): edge = unet.config.sampleSize ?? edge
      case .vae(let vae): scaleFactor = vae.scaleFactor
      case .textEncoder(let model): tokens = model.maximumPositions
      case nil: break
      }
    }
    self.tokens = tokens
    self.scaleFactor = scaleFactor
    defaultSize = edge * scaleFactor
  }

  /// Its parts as a tree lists them, networks at pictures of `width` x `height` pixels and batch 1.
  public func components(width: Int, height: Int) throws -> [LayerTree.Component] {
    try parts.map { part in
      if let network = part.network {
        return .network(
          part.name, try network.graph(width: width, height: height, scaleFactor: scaleFactor, tokens: tokens)
        )
      }
      // In the file's order, which is that of computation for most writers.
      let tensors = (part.checkpoint?.tensors.values.map { $0 } ?? []).sorted {
        ($0.file.place, $0.entry.range.lowerBound, $0.name) < (
          $1.file.place, $1.entry.range.lowerBound, $1.name
        )
      }
      return .tensors(part.name, tensors.map { StoredWeight($0) })
    }
  }

  /// How the checkpoints hold each tensor; nil when there are none.
  public var weights: StoredWeight.Lookup? {
    guard parts.contains(where: { $0.checkpoint != nil }) else { return nil }
    let checkpoints = Dictionary(parts.map { ($0.name, $0.checkpoint) }) { first, _ in first }
    return { component, key in checkpoints[component]??.tensor(for: key).map { StoredWeight($0) } }
  }

  /// The UNet among its parts. Throws a `Diagnostic` that says what there is instead.
  public func unet() throws -> (unet: UNet, part: Part) {
    for part in parts {
      if case .unet(let unet)? = part.network { return (unet, part) }
    }
    let found = parts.map { $0.identity?.title ?? $0.name }
    throw Diagnostic(
      .value, at: name, "expected a UNet of the SDXL family, found \(found.joined(separator: ", "))",
      hint: parts.lazy.compactMap(\.identity).first?.explanation)
  }

  /// Where its lone checkpoints came from and what they are, a line each.
  public var notes: [String] {
    parts.compactMap { part in
      part.identity.map { "\(part.name): \($0.title): \($0.explanation)".escapingInvisibles }
    }
  }
}
