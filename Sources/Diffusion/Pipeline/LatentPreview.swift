import Base
import Graph

/// A quick look at latents: the linear map from their channels to red, green and blue that fits the loaded autoencoder best.
///
/// The map is fitted by least squares to synthetic pictures: what the encoder makes of them against their mean colour over
/// each latent's square. It shows colours and places, an eighth as fine as the picture, without running the decoder.
public struct LatentPreview: Sendable {
  /// [C + 1][3]: a row for each channel of the scaled latents, then the offset.
  public let matrix: [[Double]]

  public init(matrix: [[Double]]) {
    precondition(!matrix.isEmpty && matrix.allSatisfy { $0.count == 3 }, "rows of red, green and blue")
    self.matrix = matrix
  }

  /// The picture of latents [C, H, W] in the diffusion model's space: [H, W, 3] in about -1...1, a value a latent.
  public func picture(of latents: [Float]) -> [Float] {
    let channels = matrix.count - 1
    precondition(latents.count.isMultiple(of: channels), "latents of another number of channels")
    let area = latents.count / channels
    var picture = [Float](repeating: 0, count: area * 3)
    for position in 0..<area {
      for color in 0..<3 {
        var sum = matrix[channels][color]
        for channel in 0..<channels { sum += Double(latents[channel * area + position]) * matrix[channel][color] }
        picture[position * 3 + color] = Float(sum)
      }
    }
    return picture
  }
}

extension DiffusionModel {
  /// Fits the preview to this model's autoencoder; takes about as long as encoding a picture of 256x256 pixels.
  public func fittedPreview() throws -> LatentPreview {
    let (edge, scale) = (32, architecture.vae.scaleFactor)
    let channels = architecture.vae.latentChannels
    let image = Self.patches(edge: edge, scale: scale)
    // [H, W, 2C]: means, then log-variances.
    let moments = try encodeMoments(image: image, height: edge, width: edge)
    var normal = Array(repeating: [Double](repeating: 0, count: channels + 1), count: channels + 1)
    var right = Array(repeating: [Double](repeating: 0, count: 3), count: channels + 1)
    for position in 0..<(edge * edge) {
      let means = moments[(position * 2 * channels)..<(position * 2 * channels + channels)]
      let row = means.map { Double($0) * architecture.vae.scalingFactor } + [1]
      let color = Self.meanColor(of: image, at: position, edge: edge, scale: scale)
      for i in 0...channels {
        for j in 0...channels { normal[i][j] += row[i] * row[j] }
        for c in 0..<3 { right[i][c] += row[i] * color[c] }
      }
    }
    return LatentPreview(matrix: solve(normal, right))
  }

  /// Squares of random colours, four latents wide, each running into another colour: [H, W, 3] in -1...1.
  private static func patches(edge: Int, scale: Int) -> [Float] {
    let (side, count) = (4 * scale, edge / 4)
    var generator = TorchGenerator(seed: 0)
    let colors = generator.normal(count: count * count * 6).map { max(-1, min(1, $0 * 0.6)) }
    let width = edge * scale
    var image = [Float](repeating: 0, count: width * width * 3)
    for y in 0..<width {
      for x in 0..<width {
        let patch = (y / side * count + x / side) * 6
        let share = Float(x % side + y % side) / Float(2 * side)
        for c in 0..<3 {
          image[(y * width + x) * 3 + c] = colors[patch + c] * (1 - share) + colors[patch + 3 + c] * share
        }
      }
    }
    return image
  }

  private static func meanColor(of image: [Float], at position: Int, edge: Int, scale: Int) -> [Double] {
    let (top, left) = (position / edge * scale, position % edge * scale)
    var sums = [0.0, 0.0, 0.0]
    for y in top..<(top + scale) {
      for x in left..<(left + scale) {
        for c in 0..<3 { sums[c] += Double(image[(y * edge * scale + x) * 3 + c]) }
      }
    }
    return sums.map { $0 / Double(scale * scale) }
  }
}

/// X of A X = B, by elimination with row exchanges. What A does not determine is 0.
private func solve(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
  var (a, b) = (a, b)
  let largest = a.flatMap { $0 }.reduce(0) { max($0, abs($1)) }
  for column in a.indices {
    guard let pivot = (column..<a.count).max(by: { abs(a[$0][column]) < abs(a[$1][column]) }) else { continue }
    a.swapAt(column, pivot)
    b.swapAt(column, pivot)
    guard abs(a[column][column]) > largest * 1e-12 else { continue }
    for row in a.indices where row != column {
      let factor = a[row][column] / a[column][column]
      for j in a.indices { a[row][j] -= factor * a[column][j] }
      for j in b[row].indices { b[row][j] -= factor * b[column][j] }
    }
  }
  return a.indices.map { row in
    b[row].map { abs(a[row][row]) > largest * 1e-12 ? $0 / a[row][row] : 0 }
  }
}
