import Base
import Models

extension DiffusionModel {
  /// A preview for latents of which no picture is there yet, fitted to this model's own autoencoder: some pictures of discs
  /// on plain and graded backgrounds are encoded, and their latents are set against their colours.
  public func latentPreview() throws -> LatentPreview {
    // What was measured of the last run's decoder stays.
    let measured = lastRuns[.vae]
    defer { lastRuns[.vae] = measured }
    let edge = 12
    let (scale, channels) = (architecture.vae.scaleFactor, architecture.vae.latentChannels)
    let area = edge * edge
    let pairs = try (0..<Self.drawnPictures).map { index in
      let picture = Self.drawnPicture(index, edge: edge * scale)
      let moments = try encodeMoments(image: picture, height: edge, width: edge)
      // Means alone, which come first of the 2C values at each place; [C, H, W], scaled as the diffusion model has them.
      var latents = [Float](repeating: 0, count: channels * area)
      for position in 0..<area {
        for channel in 0..<channels {
          latents[channel * area + position] =
            moments[position * 2 * channels + channel] * Float(architecture.vae.scalingFactor)
        }
      }
      return LatentPreview.Pair(latents: latents, height: edge, width: edge, picture: picture)
    }
    // The encoder is wanted for nothing else.
    dropWeights(of: .vae, for: "moments")
    return LatentPreview(pairs)
  }

  private static let drawnPictures = 6

  /// [edge, edge, 3] in -1...1, the same for the same index.
  private static func drawnPicture(_ index: Int, edge: Int) -> [Float] {
    var generator = TorchGenerator(seed: UInt64(index))
    let numbers = generator.normal(count: 64)
    var next = 0
    func color() -> [Float] {
      next += 3
      return numbers[(next - 3)..<next].map { max(-1, min(1, 1.2 * $0)) }
    }
    let (top, bottom) = (color(), index.isMultiple(of: 2) ? color() : nil)
    let discs = (0..<6).map { disc in
      let place = numbers[(40 + 3 * disc)..<(43 + 3 * disc)].map { max(0, min(1, 0.5 + 0.3 * $0)) }
      return (x: place[0], y: place[1], radius: 0.08 + 0.22 * place[2], color: color())
    }
    var picture: [Float] = []
    picture.reserveCapacity(edge * edge * 3)
    for row in 0..<edge {
      for column in 0..<edge {
        let (x, y) = (Float(column) / Float(edge), Float(row) / Float(edge))
        let over = discs.last { ($0.x - x) * ($0.x - x) + ($0.y - y) * ($0.y - y) < $0.radius * $0.radius }
        for c in 0..<3 {
          let ground = bottom.map { top[c] + ($0[c] - top[c]) * y } ?? top[c]
          picture.append(over?.color[c] ?? ground)
        }
      }
    }
    return picture
  }
}
