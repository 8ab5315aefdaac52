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
    /// Vectors in float32: `bias`, a norm's `weight`. Positions, which activations are added to, in their precision.
    var vectors: [String: OwnedTensor] = [:]
  }

  private let layers: [String: Layer]
  /// Bytes in memory beside the mapped checkpoint.
  public let extraBytes: Int

  /// Lays out the parameters that `graph` declares, as `binding` found them, for `backend`.
  ///
  /// Mapped pages that a weight was laid out from are let go of as it goes: there is no second full copy in memory.
  /// Throws a `Diagnostic` when it was cancelled or memory is out.
  /// - Parameter nodes: those whose parameters are wanted; default: all.
  public init(graph: Graph, nodes: [Node]? = nil, binding: WeightBinding, backend: any Backend) throws {
    let bound = binding.tensors
    let uses = WeightUses(graph)
    let expected = Self.packedBytes(graph: graph, nodes: nodes, binding: binding, backend: backend)
    let storage = WeightStorage(expected: expected + (1 << 20))
    var layers: [String: Layer] = [:]
    var extraBytes = 0
    for node in nodes ?? graph.nodes where !node.parameters.isEmpty {
      var layer = Layer()
      for parameter in node.parameters {
        guard let stored = bound[node.key(of: parameter)] else { continue }
        switch node.op {
        case .conv2d where parameter.name == "weight", .linear where parameter.name == "weight":
          let prepared = try backend.prepare(stored, for: node.op, uses.use(of: node, in: storage))
          extraBytes += prepared.extraBytes
          layer.weight = prepared
          if !prepared.readsCheckpoint { stored.releasePages() }
        case .tokenEmbedding:
          layer.table = stored
        case .positionEmbedding:
          let table = try OwnedTensor(stored, shape: parameter.shape, backend.precision)
          extraBytes += table.bytes
          layer.vectors[parameter.name] = table
        default:
          let vector = try OwnedTensor(stored, shape: parameter.shape)
          extraBytes += vector.bytes
          layer.vectors[parameter.name] = vector
        }
      }
      layers[node.path] = layer
    }
    self.layers = layers
    self.extraBytes = extraBytes
  }

  /// Bytes that the packed weights of some nodes will take beside the mapped checkpoint, but for rounding; vectors aside.
  /// - Parameter nodes: default: all.
  public static func packedBytes(
    graph: Graph, nodes: [Node]? = nil, binding: WeightBinding, backend: any Backend
  ) -> Int {
    let uses = WeightUses(graph)
    return (nodes ?? graph.nodes).reduce(0) { sum, node in
      guard node.isProduct, let weight = node.parameters.first(where: { $0.name == "weight" }),
        let stored = binding.tensors[node.key(of: weight)]
      else { return sum }
      return sum + backend.packedBytes(stored.shape, stored.type, for: node.op, uses.use(of: node)) + 4096
    }
  }

  func layer(of node: Node) -> Layer {
    guard let layer = layers[node.path] else { preconditionFailure("no weights for \(node.path)") }
    return layer
  }
}

/// How a graph uses its weights.
private struct WeightUses {
  private let doubled: Set<Int>
  private let gated: Set<Int>

  init(_ graph: Graph) {
    var gated: Set<Int> = []
    var doubled: Set<Int> = []
    for node in graph.nodes {
      if case .gatedGELU = node.op { gated.insert(node.inputs[0].id) }
      if node.isDoubling { doubled.insert(node.id) }
    }
    self.gated = gated
    self.doubled = doubled
  }

  func use(of node: Node, in storage: WeightStorage? = nil) -> WeightUse {
    WeightUse(
      isGated: gated.contains(node.id), followsDoubling: node.folds(doubling: { doubled.contains($0.id) }),
      storage: storage ?? WeightStorage())
  }
}

extension Node {
  /// Whether its weight is a matrix or a convolution's.
  var isProduct: Bool {
    switch op {
    case .conv2d, .linear: true
    default: false
    }
  }

  /// Whether it is an upsampling to exactly twice the height and width.
  var isDoubling: Bool {
    guard case .upsample(let height, let width) = op else { return false }
    return height == 2 * inputs[0].shape.height && width == 2 * inputs[0].shape.width
  }

  /// Whether it is a convolution that backends can do together with the doubling before it.
  func folds(doubling isDoubling: (Value) -> Bool) -> Bool {
    guard case .conv2d(let convolution) = op, isDoubling(inputs[0]) else { return false }
    return convolution == Convolution(out: convolution.out, kernel: 3, padBefore: 1, padAfter: 1)
  }
}
