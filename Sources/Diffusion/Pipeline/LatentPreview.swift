/// A quick look at latents: the linear map from their channels to red, green and blue that fits a decoded picture best.
///
/// It is fitted by least squares to latents and their pictures: each latent against the mean colour of its square. An
/// autoencoder is no linear map, so one fitted to a run's own picture shows the run's other latents best; before there is
/// one, `DiffusionModel.latentPreview` fits to pictures that are drawn for it.
public struct LatentPreview: Sendable {
  /// [C + 1][3]: a row for each channel of the scaled latents, then the offset.
  public let matrix: [[Double]]

  /// Latents [C, h, w] and their picture [H, W, 3] in -1...1, which is a whole number of times as large.
  public struct Pair {
    public let latents: [Float]
    public let height: Int
    public let width: Int
    public let picture: [Float]

    public init(latents: [Float], height: Int, width: Int, picture: [Float]) {
      (self.latents, self.height, self.width, self.picture) = (latents, height, width, picture)
    }
  }

  /// Fits latents to their picture.
  public init(latents: [Float], height: Int, width: Int, picture: [Float]) {
    self.init([Pair(latents: latents, height: height, width: width, picture: picture)])
  }

  /// Fits some latents, all of as many channels, to their pictures.
  public init(_ pairs: [Pair]) {
    precondition(!pairs.isEmpty, "something to fit to")
    let channels = pairs[0].latents.count / (pairs[0].height * pairs[0].width)
    var normal = Array(repeating: [Double](repeating: 0, count: channels + 1), count: channels + 1)
    var right = Array(repeating: [Double](repeating: 0, count: 3), count: channels + 1)
    for pair in pairs { Self.add(pair, channels, &normal, &right) }
    matrix = solve(normal, right)
  }

  private static func add(
    _ pair: Pair, _ channels: Int, _ normal: inout [[Double]], _ right: inout [[Double]]
  ) {
    let (latents, picture, width) = (pair.latents, pair.picture, pair.width)
    let area = pair.height * width
    let side = Int((Double(picture.count / 3) / Double(area)).squareRoot())
    precondition(
      latents.count == channels * area && picture.count == area * side * side * 3, "latents and their picture"
    )
    for position in 0..<area {
      let row = (0..<channels).map { Double(latents[$0 * area + position]) } + [1]
      var color = [0.0, 0.0, 0.0]
      for y in 0..<side {
        for x in 0..<side {
          let pixel = (position / width * side + y) * width * side + position % width * side + x
          for c in 0..<3 { color[c] += Double(picture[pixel * 3 + c]) / Double(side * side) }
        }
      }
      for i in 0...channels {
        for j in 0...channels { normal[i][j] += row[i] * row[j] }
        for c in 0..<3 { right[i][c] += row[i] * color[c] }
      }
    }
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
        for channel in 0..<channels {
          sum += Double(latents[channel * area + position]) * matrix[channel][color]
        }
        picture[position * 3 + color] = Float(sum)
      }
    }
    return picture
  }
}

/// X of A X = B, by elimination with row exchanges. What A does not determine is 0.
private func solve(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
  var (a, b) = (a, b)
  let largest = a.flatMap { $0 }.reduce(0) { max($0, abs($1)) }
  for column in a.indices {
    guard let pivot = (column..<a.count).max(by: { abs(a[$0][column]) < abs(a[$1][column]) }) else {
      continue
    }
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
