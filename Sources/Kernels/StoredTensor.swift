import CKernels

/// How a checkpoint stores the elements that kernels widen to float32.
public enum StorageType: Sendable, Hashable {
  case float16, bfloat16, float32

  /// Bytes of one element.
  public var width: Int { self == .float32 ? 4 : 2 }
}

/// A parameter as a checkpoint holds it: row-major, in the checkpoint's layout, possibly unaligned, kept alive by `owner`.
public struct StoredTensor: @unchecked Sendable {
  public let type: StorageType
  public let shape: [Int]
  public let bytes: UnsafeRawBufferPointer
  /// What keeps `bytes` in memory.
  public let owner: AnyObject?

  public init(type: StorageType, shape: [Int], bytes: UnsafeRawBufferPointer, owner: AnyObject?) {
    precondition(bytes.count == shape.reduce(1, *) * type.width, "bytes do not fit the shape \(shape)")
    self.type = type
    self.shape = shape
    self.bytes = bytes
    self.owner = owner
  }

  public var count: Int { shape.reduce(1, *) }

  /// Writes the elements of `range`, counted row-major, as float32.
  public func widen(_ range: Range<Int>, into out: UnsafeMutablePointer<Float>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements outside the tensor")
    guard let base = bytes.baseAddress, !range.isEmpty else { return }
    let source = base + range.lowerBound * type.width
    switch type {
    case .float16: ck_widen_f16(source, out, range.count)
    case .bfloat16: ck_widen_bf16(source, out, range.count)
    case .float32: ck_widen_f32(source, out, range.count)
    }
  }
}
