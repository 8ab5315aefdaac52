import Foundation
import Graph
import Kernels

/// Float32 elements with an owner: freed when nothing refers to them any more.
public final class OwnedTensor: @unchecked Sendable {
  public let tensor: Tensor
  private let memory: UnsafeMutableRawBufferPointer

  /// Uninitialised elements, aligned to 64 bytes.
  public init(_ shape: Shape) {
    memory = .allocate(byteCount: max(64, shape.count * MemoryLayout<Float>.size), alignment: 64)
    tensor = Tensor(memory.bindMemory(to: Float.self).baseAddress.unsafelyUnwrapped, shape)
  }

  public convenience init(_ shape: Shape, _ values: [Float]) {
    precondition(values.count == shape.count, "\(values.count) values for \(shape)")
    self.init(shape)
    tensor.elements.initialize(from: values, count: values.count)
  }

  /// A checkpoint's elements as float32.
  convenience init(widening stored: StoredTensor, shape: Shape) {
    self.init(shape)
    stored.widen(0..<stored.count, into: tensor.elements)
  }

  deinit { memory.deallocate() }

  public var bytes: Int { memory.count }
  public var values: [Float] { Array(tensor.buffer) }
}
