import Graph
import Kernels

/// A component's parameters, bound to the nodes that read them and laid out for one backend.
public final class Weights: Sendable {
  /// What one node reads.
  struct Layer: Sendable {
    /// A matrix or a convolution's kernel.
    var weight: (any PreparedWeight)?
    /// A table whose rows are looked up.
    var table: StoredTensor?
    /// Vectors, widened to float32: `bias`, a norm's `weight`, positions.
    var vectors: [String: OwnedTensor] = [:]
  }

  private let layers: [String: Layer]
  /// Bytes in memory beside the mapped checkpoint.
  public let extraBytes: Int

  /// Lays out the parameters that `graph` declares, as `binding` found them, for `backend`.
  public init(graph: Graph, binding: WeightBinding, backend: any Backend) {
    let bound = binding.tensors
    var layers: [String: Layer] = [:]
    var extraBytes = 0
    for node in graph.nodes where !node.parameters.isEmpty {
      var layer = Layer()
      for parameter in node.parameters {
        guard let stored = bound[node.key(of: parameter)] else { continue }
        switch node.op {
        case .conv2d where parameter.name == "weight", .linear where parameter.name == "weight":
          let prepared = backend.prepare(stored, for: node.op)
          extraBytes += prepared.extraBytes
          layer.weight = prepared
        case .tokenEmbedding:
          layer.table = stored
        default:
          let vector = OwnedTensor(widening: stored, shape: parameter.shape)
          extraBytes += vector.bytes
          layer.vectors[parameter.name] = vector
        }
      }
      layers[node.path] = layer
    }
    self.layers = layers
    self.extraBytes = extraBytes
  }

  func layer(of node: Node) -> Layer {
    guard let layer = layers[node.path] else { preconditionFailure("no weights for \(node.path)") }
    return layer
  }
}
