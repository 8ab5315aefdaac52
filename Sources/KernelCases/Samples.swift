import Graph
import Kernels

/// Owns the elements of tensors that a case makes.
public final class Samples {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var state: UInt64
  /// The element type of activations.
  private let precision: Precision
  /// Whether numbers are such that bfloat16 can hold them, so that both precisions are given the same.
  private let isRounded: Bool

  public init(seed: UInt64 = 1, _ precision: Precision = .float32, isRounded: Bool = false) {
    state = seed
    self.precision = precision
    self.isRounded = isRounded
  }

  deinit { for block in blocks { block.deallocate() } }

  /// Uniform on -1 ..< 1 (Knuth's MMIX generator, the high bits).
  public func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: Int64(bitPattern: state) >> 33)) / 1_073_741_824
  }

  private func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, bytes), alignment: 64)
    blocks.append(memory)
    return memory
  }

  /// float32 elements.
  public func tensor(_ shape: Shape, _ value: () -> Float) -> Tensor {
    let tensor = Tensor(memory(shape.count * 4), .float32, shape)
    for i in 0..<shape.count { tensor.elements[i] = value() }
    return tensor
  }

  private func number(_ scale: Float, _ offset: Float) -> Float {
    let value = next() * scale + offset
    return isRounded ? Float(bitPattern: value.bitPattern & 0xffff_0000) : value
  }

  /// float32 elements: biases, norms' scales and shifts.
  public func parameters(_ shape: Shape) -> Tensor { tensor(shape) { number(1, 0) } }

  /// Activations.
  public func random(_ shape: Shape, scale: Float = 1, offset: Float = 0) -> Tensor {
    let floats = tensor(shape) { number(scale, offset) }
    guard precision != .float32 else { return floats }
    let tensor = Tensor(memory(shape.count * precision.width), precision, shape)
    tensor.assign(floats.elements)
    return tensor
  }

  /// Room for an output, filled with NaN, and what lies on both sides of it.
  public func room(_ shape: Shape, _ precision: Precision) -> Room {
    Room(memory(shape.count * precision.width + 2 * Room.edge), precision, shape)
  }

  /// `values` as a checkpoint holds them, `misalignment` bytes from an aligned place.
  public func stored(_ values: [Float], _ shape: [Int], _ type: StorageType, misalignment: Int = 0)
    -> StoredTensor
  {
    let count = values.count * type.width
    let start = memory(count + 64) + misalignment
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

  public func weight(_ shape: [Int], _ type: StorageType, misalignment: Int = 0) -> StoredTensor {
    stored((0..<shape.reduce(1, *)).map { _ in number(1, 0) }, shape, type, misalignment: misalignment)
  }
}

/// An output's memory between two edges that nobody may write.
public struct Room {
  static let edge = 128
  private static let mark: UInt8 = 0x5a
  public let tensor: Tensor
  private let base: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer, _ precision: Precision, _ shape: Shape) {
    self.base = base
    let bytes = shape.count * precision.width
    base.initializeMemory(as: UInt8.self, repeating: Self.mark, count: bytes + 2 * Self.edge)
    // All bits set are a NaN in either precision.
    (base + Self.edge).initializeMemory(as: UInt8.self, repeating: 0xff, count: bytes)
    tensor = Tensor(base + Self.edge, precision, shape)
  }

  /// Whether both edges are as they were.
  public var isUnharmed: Bool {
    (0..<Self.edge).allSatisfy {
      base.load(fromByteOffset: $0, as: UInt8.self) == Self.mark
        && base.load(fromByteOffset: Self.edge + tensor.bytes + $0, as: UInt8.self) == Self.mark
    }
  }
}

/// How far two results are apart at the most, as a share of the greatest magnitude expected; NaN counts as infinitely far.
public func distance(_ found: [Float], _ expected: [Float]) -> Double {
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
