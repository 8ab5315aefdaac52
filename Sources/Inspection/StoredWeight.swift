/// How a checkpoint holds a tensor.
public struct StoredWeight: Hashable, Sendable {
  /// The element type as the file names it, such as `F16`.
  public let dtype: String
  public let bytes: Int

  public init(dtype: String, bytes: Int) {
    self.dtype = dtype
    self.bytes = bytes
  }

  /// Finds a tensor in a component's checkpoint by its key; nil when the checkpoint has none.
  public typealias Lookup = (_ component: String, _ key: String) -> StoredWeight?
}
