import Base
import Graph
import Kernels

/// Elements with an owner: freed when nothing refers to them any more.
public final class OwnedTensor: @unchecked Sendable {
  public let tensor: Tensor
  private let memory: UnsafeMutableRawBufferPointer

  /// Uninitialised elements, aligned to 64 bytes. Throws a `Diagnostic` when there is not enough memory.
  public init(_ shape: Shape, _ precision: Precision = .float32) throws {
    let bytes = max(64, shape.count * precision.width)
    guard Memory.canTake(bytes) else { throw Memory.shortage(at: "memory", needed: bytes) }
    memory = .allocate(byteCount: bytes, alignment: 64)
    tensor = Tensor(memory.baseAddress.unsafelyUnwrapped, precision, shape)
  }

  /// Elements of these values, rounded to `precision`.
  public convenience init(_ shape: Shape, _ values: [Float], _ precision: Precision = .float32) throws {
    precondition(values.count == shape.count, "\(values.count) values for \(shape)")
    try self.init(shape, precision)
    values.withUnsafeBufferPointer { buffer in
      if let base = buffer.baseAddress { tensor.assign(base) }
    }
  }

  /// A checkpoint's elements.
  convenience init(_ stored: StoredTensor, shape: Shape, _ precision: Precision = .float32) throws {
    try self.init(shape, precision)
    stored.convert(0..<stored.count, into: tensor.base, precision)
  }

  deinit { memory.deallocate() }

  public var bytes: Int { memory.count }
  public var values: [Float] { tensor.values }
}
