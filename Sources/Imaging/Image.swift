/// A picture of 8-bit RGB pixels.
public struct Image: Equatable, Sendable {
  /// Pixels per row, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// `height * width * 3` bytes: rows from the top, pixels from the left, red, green, blue.
  public let pixels: [UInt8]

  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0 && pixels.count == width * height * 3, "[H, W, 3] bytes")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// The picture of a decoded `[H, W, 3]` buffer in -1...1.
  ///
  /// `round(clamp(x * 0.5 + 0.5, 0, 1) * 255)` in float32, halves to even: what diffusers'
  /// `VaeImageProcessor.postprocess` computes, bit for bit. NaN, which it leaves to the C compiler, becomes
  /// 0.
  public init(width: Int, height: Int, decoded values: UnsafeBufferPointer<Float>) {
    precondition(values.count == width * height * 3, "[H, W, 3] values")
    let pixels = [UInt8](unsafeUninitializedCapacity: values.count) { bytes, count in
      for index in 0..<values.count {
        let unit = values[index] * 0.5 + 0.5
        // False for NaN as well.
        let clamped = unit > 0 ? min(unit, 1) : 0
        bytes[index] = UInt8((clamped * 255).rounded(.toNearestOrEven))
      }
      count = values.count
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// The picture of a decoded `[H, W, 3]` array in -1...1.
  public init(width: Int, height: Int, decoded values: [Float]) {
    self = values.withUnsafeBufferPointer { Image(width: width, height: height, decoded: $0) }
  }
}
