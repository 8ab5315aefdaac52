import CKernels
import Graph

/// A view of elements that somebody else owns: a place in the arena, an input, a kept result.
///
/// It is unchecked: whoever makes one keeps the memory alive and lets no two threads write one element.
public struct Tensor: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let precision: Precision
  public let shape: Shape

  public init(_ base: UnsafeMutableRawPointer, _ precision: Precision, _ shape: Shape) {
    self.base = base
    self.precision = precision
    self.shape = shape
  }

  public init(_ elements: UnsafeMutablePointer<Float>, _ shape: Shape) {
    self.init(UnsafeMutableRawPointer(elements), .float32, shape)
  }

  public var count: Int { shape.count }
  public var bytes: Int { count * precision.width }

  /// Where the element of this row-major index lies.
  public func address(_ index: Int) -> UnsafeMutableRawPointer { base + index * precision.width }

  /// The elements of a float32 tensor.
  public var elements: UnsafeMutablePointer<Float> {
    precondition(precision == .float32, "the elements are \(precision.rawValue)")
    return base.assumingMemoryBound(to: Float.self)
  }

  /// The elements of a float32 tensor.
  public var buffer: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: elements, count: count)
  }

  /// A copy of the elements as float32, whatever they are.
  public var values: [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      if let target = buffer.baseAddress { ck_convert(precision.native, base, CK_F32, target, count) }
      filled = count
    }
  }

  /// Writes float32 values, rounded to this tensor's type.
  public func assign(_ values: UnsafePointer<Float>) {
    ck_convert(CK_F32, values, precision.native, base, count)
  }

  /// Whether no element is infinite or NaN.
  public var isFinite: Bool { ck_is_finite(precision.native, base, count) != 0 }

  /// The same elements under another shape.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == count, "reshaping \(self.shape) to \(shape)")
    return Tensor(base, precision, shape)
  }

  /// `count` of the outermost extent's parts, from part `first` on.
  public func slice(_ first: Int, _ count: Int) -> Tensor {
    let part = self.count / max(1, shape.extents[0])
    return Tensor(address(first * part), precision, Shape([count] + shape.extents.dropFirst()))
  }
}
