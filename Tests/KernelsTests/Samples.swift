import Graph
import Kernels

/// Owns the elements of tensors that a test makes.
final class Samples {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var state: UInt64

  init(seed: UInt64 = 1) { state = seed }
  deinit { for block in blocks { block.deallocate() } }

  /// Uniform on -1 ..< 1 (Knuth's MMIX generator, the high bits).
  func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: Int64(bitPattern: state) >> 33)) / 1_073_741_824
  }

  func tensor(_ shape: Shape, _ value: () -> Float) -> Tensor {
    let elements = UnsafeMutablePointer<Float>.allocate(capacity: max(1, shape.count))
    blocks.append(UnsafeMutableRawPointer(elements))
    for i in 0..<shape.count { elements[i] = value() }
    return Tensor(elements, shape)
  }

  func random(_ shape: Shape, scale: Float = 1, offset: Float = 0) -> Tensor {
    tensor(shape) { next() * scale + offset }
  }

  /// `values` as a checkpoint holds them, `misalignment` bytes from an aligned place.
  func stored(_ values: [Float], _ shape: [Int], _ type: StorageType, misalignment: Int = 0) -> StoredTensor {
    let count = values.count * type.width
    let block = UnsafeMutableRawPointer.allocate(byteCount: count + 64, alignment: 64)
    blocks.append(block)
    let start = block + misalignment
    for (i, value) in values.enumerated() {
      switch type {
      case .float32: start.storeBytes(of: value.bitPattern, toByteOffset: 4 * i, as: UInt32.self)
      case .float16: start.storeBytes(of: halfBits(value), toByteOffset: 2 * i, as: UInt16.self)
      case .bfloat16:
        start.storeBytes(of: UInt16(value.bitPattern >> 16), toByteOffset: 2 * i, as: UInt16.self)
      }
    }
    return StoredTensor(
      type: type, shape: shape, bytes: UnsafeRawBufferPointer(start: start, count: count), owner: nil)
  }

  /// The bits of the half-precision number next to `value` towards zero, or 0 for a subnormal one.
  private func halfBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let exponent = Int(bits >> 23 & 0xff) - 112
    guard exponent > 0 else { return sign }
    return sign | UInt16(exponent << 10) | UInt16(truncatingIfNeeded: bits >> 13 & 0x3ff)
  }

  func weight(_ shape: [Int], _ type: StorageType, misalignment: Int = 0) -> StoredTensor {
    stored((0..<shape.reduce(1, *)).map { _ in next() }, shape, type, misalignment: misalignment)
  }
}

/// How far two results are apart at the most, as a share of the greatest magnitude expected; NaN counts as infinitely far.
func distance(_ found: [Float], _ expected: [Float]) -> Double {
  guard found.count == expected.count else { return .infinity }
  var (worst, greatest) = (0.0, 1e-30)
  for (a, b) in zip(found, expected) {
    let apart = abs(Double(a) - Double(b))
    guard apart.isFinite else { return .infinity }
    worst = max(worst, apart)
    greatest = max(greatest, abs(Double(b)))
  }
  return worst / greatest
}
