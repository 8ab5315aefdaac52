import CKernels

/// How a checkpoint stores the elements that kernels widen to float32; the raw value is safetensors' name for it.
public enum StorageType: String, Sendable, Hashable {
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float32 = "F32"

  /// Bytes of one element.
  public var width: Int { self == .float32 ? 4 : 2 }

  var native: ck_type {
    switch self {
    case .float16: CK_F16
    case .bfloat16: CK_BF16
    case .float32: CK_F32
    }
  }
}

/// A parameter as a checkpoint holds it: row-major, in the checkpoint's layout, possibly unaligned, kept alive by `owner`.
public struct StoredTensor: @unchecked Sendable {
  public let type: StorageType
  public let shape: [Int]
  public let bytes: UnsafeRawBufferPointer
  /// What keeps `bytes` in memory.
  public let owner: AnyObject?
  /// Whether `bytes` are part of a file's mapping, whose pages can be given back and read again.
  public let isMapped: Bool

  public init(
    type: StorageType, shape: [Int], bytes: UnsafeRawBufferPointer, owner: AnyObject?, isMapped: Bool = false
  ) {
    precondition(bytes.count == shape.reduce(1, *) * type.width, "bytes do not fit the shape \(shape)")
    self.type = type
    self.shape = shape
    self.bytes = bytes
    self.owner = owner
    self.isMapped = isMapped
  }

  /// float32 elements of its own.
  init(_ shape: [Int], _ memory: PageMemory) {
    let bytes = UnsafeRawBufferPointer(start: memory.base, count: shape.reduce(1, *) * 4)
    self.init(type: .float32, shape: shape, bytes: bytes, owner: memory)
  }

  /// Lets go of the mapped pages that it was read from; they come back when it is read again.
  public func releasePages() {
    if isMapped { PageMemory.release(bytes) }
  }

  public var count: Int { shape.reduce(1, *) }

  /// Writes the elements of `range`, counted row-major, as float32.
  public func widen(_ range: Range<Int>, into out: UnsafeMutablePointer<Float>) {
    convert(range, into: out, .float32)
  }

  /// Writes the elements of `range`, counted row-major, rounded to nearest where `precision` is less than theirs.
  public func convert(_ range: Range<Int>, into out: UnsafeMutableRawPointer, _ precision: Precision) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements outside the tensor")
    guard let base = bytes.baseAddress, !range.isEmpty else { return }
    ck_convert(type.native, base + range.lowerBound * type.width, precision.native, out, range.count)
  }
}
