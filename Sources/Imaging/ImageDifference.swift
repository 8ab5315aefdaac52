import Foundation

/// Where and by how much two pictures of one size differ.
public struct ImageDifference: Sendable {
  /// Pixels of which any channel differs.
  public let pixels: Int
  /// The first of them, row by row.
  public let first: (x: Int, y: Int)?
  /// The largest difference of a channel, in 8-bit steps.
  public let largest: Int
  /// The mean difference of all channels, in 8-bit steps.
  public let mean: Double
  /// Peak signal-to-noise ratio in decibels: 10 log10(255² / mean squared error); infinite for equal pictures.
  public let psnr: Double
  /// The difference of each channel, enlarged by a whole factor so that the largest one can be seen.
  public let image: Image
  public let factor: Int

  /// Nil for pictures of different sizes.
  public init?(_ a: Image, _ b: Image) {
    guard a.width == b.width, a.height == b.height else { return nil }
    var (pixels, largest, sum, squares) = (0, 0, 0, 0)
    var first: (Int, Int)?
    var values = [UInt8](repeating: 0, count: a.pixels.count)
    for pixel in 0..<a.width * a.height {
      var differs = false
      for index in 3 * pixel..<3 * pixel + 3 {
        let distance = abs(Int(a.pixels[index]) - Int(b.pixels[index]))
        values[index] = UInt8(distance)
        largest = max(largest, distance)
        sum += distance
        squares += distance * distance
        differs = differs || distance > 0
      }
      guard differs else { continue }
      pixels += 1
      if first == nil { first = (pixel % a.width, pixel / a.width) }
    }
    (self.pixels, self.first, self.largest) = (pixels, first, largest)
    mean = Double(sum) / Double(a.pixels.count)
    psnr =
      squares == 0
      ? .infinity : 10 * log10(255 * 255 * Double(a.pixels.count) / Double(squares))
    let factor = max(1, 255 / max(1, largest))
    self.factor = factor
    image = Image(width: a.width, height: a.height, pixels: values.map { UInt8(min(255, Int($0) * factor)) })
  }

  /// Two pictures of one size and their difference side by side, labelled.
  public func sheet(_ a: Image, _ b: Image, labels: (String, String)) -> Image {
    ContactSheet(
      [(a, labels.0), (b, labels.1), (image, "difference x\(factor)")], columns: 3, leastSide: 192
    ).image
  }
}
