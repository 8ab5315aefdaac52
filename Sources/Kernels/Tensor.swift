import Graph

/// A view of float32 elements that somebody else owns: a place in the arena, an input, a kept result.
///
/// It is unchecked: whoever makes one keeps the memory alive and lets no two threads write one element.
public struct Tensor: @unchecked Sendable {
  public let elements: UnsafeMutablePointer<Float>
  public let shape: Shape

  public init(_ elements: UnsafeMutablePointer<Float>, _ shape: Shape) {
    self.elements = elements
    self.shape = shape
  }

  public var count: Int { shape.count }
  public var buffer: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: elements, count: count) }

  /// The same elements under another shape.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == count, "reshaping \(self.shape) to \(shape)")
    return Tensor(elements, shape)
  }
}
