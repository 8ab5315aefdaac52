import Base
import Checkpoints
import Graph
import Kernels

/// The tensors of a checkpoint under the keys that a graph declares. Made from headers alone; no weight is read.
public struct WeightBinding: Sendable {
  /// By the graph's keys.
  public let tensors: [String: StoredTensor]
  /// Names of tensors that are no weights of the model, such as buffers that older versions saved.
  public let unused: [String]

  /// Finds a tensor for every parameter of `graph`.
  ///
  /// Strict both ways: throws one `Diagnostic` that lists every tensor that is missing, has another shape, is of an element
  /// type that cannot be computed with, or could be a weight of another model.
  public init(graph: Graph, checkpoint: Checkpoint) throws {
    var bound: [String: StoredTensor] = [:]
    var faults: [String] = []
    var claimed = Set<String>()
    for (key, shape) in graph.tensors {
      guard let tensor = checkpoint.tensor(for: key) else {
        faults.append("\(key) is missing (shape \(shape.extents))")
        continue
      }
      let name = tensor.name
      claimed.insert(name)
      guard tensor.entry.holds(shape.extents) else {
        faults.append("\(name) has shape \(tensor.entry.shape), not \(shape.extents)")
        continue
      }
      guard let type = StorageType(rawValue: tensor.entry.type.name) else {
        faults.append(
          "\(name) has elements of type \(tensor.entry.type.name); F16, BF16 and F32 are supported")
        continue
      }
      bound[key] = StoredTensor(
        type: type, shape: shape.extents, bytes: tensor.bytes, owner: tensor.file.owner,
        isMapped: tensor.file.isMapped)
    }
    let others = checkpoint.tensors.keys.filter { !claimed.contains($0) }.sorted()
    for name in others where !KeyLayout.isUnused(name) {
      faults.append("\(name) is not part of the model that the config describes")
    }
    guard faults.isEmpty else {
      throw Diagnostic(
        .model, at: checkpoint.place, faults: faults,
        hint: "config.json and the weights do not belong together, or the checkpoint has another key layout: "
          + "fetch both from the same repository and revision")
    }
    tensors = bound
    unused = others
  }

  /// Lets go of the checkpoint's mapped pages; they are read again when next touched.
  public func releasePages() {
    for tensor in tensors.values { tensor.releasePages() }
  }
}
