import Checkpoints

/// How a checkpoint holds a tensor.
public struct StoredWeight: Hashable, Sendable {
  /// Its name in the file.
  public let name: String
  /// The element type as the file names it, such as `F16`.
  public let dtype: String
  public let shape: [Int]
  public let bytes: Int

  public init(name: String, dtype: String, shape: [Int], bytes: Int) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  public init(_ tensor: Checkpoint.Tensor) {
    self.init(
      name: tensor.name, dtype: tensor.entry.type.name, shape: tensor.entry.shape,
      bytes: tensor.entry.range.count)
  }

  /// How many elements; the header's reader has checked that the product fits.
  public var count: Int { shape.contains(0) ? 0 : shape.reduce(1, *) }

  /// Finds a tensor in a component's checkpoint by the graph's key; nil when the checkpoint has none.
  public typealias Lookup = (_ component: String, _ key: String) -> StoredWeight?
}
