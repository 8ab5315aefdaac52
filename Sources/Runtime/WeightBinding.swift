import Base
import Checkpoints
import Graph
import Kernels

/// The tensors of a checkpoint under the keys that a graph declares. Made from headers alone; no weight is read.
public struct WeightBinding: Sendable {
  /// By the graph's keys.
  public let tensors: [String: StoredTensor]

  /// Finds a tensor for every parameter of `graph`.
  ///
  /// Strict both ways: throws one `Diagnostic` that lists every tensor that is missing, has another shape, cannot be
  /// read as numbers, or is not part of the model.
  public init(graph: Graph, checkpoint: Checkpoint) throws {
    var bound: [String: StoredTensor] = [:]
    var faults: [String] = []
    var claimed = Set<String>()
    for (key, shape) in graph.tensors {
      guard let tensor = checkpoint.tensor(for: key) else {
        faults.append("\(key): missing, expected shape \(shape.extents)")
        continue
      }
      let name = tensor.name
      claimed.insert(name)
      guard tensor.entry.shape == shape.extents else {
        faults.append("\(name): expected shape \(shape.extents), found \(tensor.entry.shape)")
        continue
      }
      guard let type = StorageType(rawValue: tensor.entry.dtype.rawValue) else {
        faults.append("\(name): expected F16, BF16 or F32, found \(tensor.entry.dtype.rawValue)")
        continue
      }
      bound[key] = StoredTensor(
        type: type, shape: shape.extents, bytes: tensor.bytes, owner: tensor.file.owner,
        isMapped: tensor.file.isMapped)
    }
    for name in checkpoint.tensors.keys.sorted() where !claimed.contains(name) && !KeyLayout.isIgnorable(name)
    {
      faults.append("\(name): not part of the model that the config describes")
    }
    guard faults.isEmpty else {
      throw Diagnostic(
        .model, at: checkpoint.place, faults: faults,
        hint: "config.json and the weights do not belong together, or the checkpoint has another key layout: "
          + "fetch both from the same repository and revision")
    }
    tensors = bound
  }

  /// Lets go of the checkpoint's mapped pages; they are read again when next touched.
  public func releasePages() {
    for tensor in tensors.values { tensor.releasePages() }
  }
}
