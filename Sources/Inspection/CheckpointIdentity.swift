import Base
import Checkpoints
import Graph
import Models

/// What a checkpoint is, as far as its tensors' names and shapes tell.
public struct CheckpointIdentity: Hashable, Sendable {
  /// In a few words: `the UNet of ssd1b`, `a LoRA`, `not known`.
  public let title: String
  /// What that was told from, or why it is not known.
  public let explanation: String
  /// The network, where every tensor is one of its own.
  public let network: Network?

  init(title: String, explanation: String, network: Network? = nil) {
    self.title = title
    self.explanation = explanation
    self.network = network
  }

  /// Compares the tensors with the built-in architectures', then with what other kinds of checkpoints are known by.
  public init(of checkpoint: Checkpoint) {
    if let known = Self.builtIn(checkpoint) {
      self = known
    } else {
      self = KeyEvidence(checkpoint).identity
    }
  }

  private static func builtIn(_ checkpoint: Checkpoint) -> CheckpointIdentity? {
    var tried = Set<Network>()
    for name in Architecture.names {
      guard let architecture = try? Architecture(named: name) else { continue }
      for component in Architecture.Component.allCases {
        let network = Network(component, of: architecture)
        guard tried.insert(network).inserted, misfit(of: checkpoint, with: network) == nil else { continue }
        let owners = component == .unet ? name : "SDXL, SSD-1B and Vega"
        return CheckpointIdentity(
          title: "the \(component.rawValue) of \(owners)",
          explanation: "all \(checkpoint.tensors.count) tensors have its names and shapes", network: network)
      }
    }
    return nil
  }

  /// How a checkpoint's tensors differ from those that a network wants; nil when they are the same.
  static func misfit(of checkpoint: Checkpoint, with network: Network) -> String? {
    // Any size will do: parameters do not depend on it.
    guard let graph = try? network.graph(width: 512, height: 512, scaleFactor: 8, tokens: 77) else {
      return "its sizes do not fit together"
    }
    var (missing, reshaped, claimed) = (0, 0, Set<String>())
    for (key, shape) in graph.tensors {
      guard let tensor = checkpoint.tensor(for: key) else {
        missing += 1
        continue
      }
      claimed.insert(tensor.name)
      if !tensor.entry.holds(shape.extents) { reshaped += 1 }
    }
    let foreign = checkpoint.tensors.keys.count { !claimed.contains($0) && !KeyLayout.isUnused($0) }
    guard missing + reshaped + foreign != 0 else { return nil }
    return "\(missing) of its \(graph.tensors.count) tensors are missing, \(reshaped) have another shape, "
      + "\(foreign) are not its own"
  }
}
