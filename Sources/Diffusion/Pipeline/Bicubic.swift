/// Bicubic interpolation by convolution (Keys 1981) with a = -0.75, pixel centres at halves and edges repeated: what torch's
/// `interpolate(mode="bicubic", align_corners=False)` computes.
public enum Bicubic {
  /// A map's values, row by row, at another size.
  public static func resized(
    _ values: [Float], from: (height: Int, width: Int), to: (height: Int, width: Int)
  ) -> [Float] {
    precondition(values.count == from.height * from.width, "a value a place")
    if from == to { return values }
    let columns = (0..<to.width).map { taps(at: $0, from.width, to.width) }
    let rows = (0..<to.height).map { taps(at: $0, from.height, to.height) }
    var wide = [Float](repeating: 0, count: from.height * to.width)
    for y in 0..<from.height {
      for x in 0..<to.width {
        wide[y * to.width + x] = columns[x].reduce(0) { $0 + values[y * from.width + $1.index] * $1.weight }
      }
    }
    var result = [Float](repeating: 0, count: to.height * to.width)
    for y in 0..<to.height {
      for x in 0..<to.width {
        result[y * to.width + x] = rows[y].reduce(0) { $0 + wide[$1.index * to.width + x] * $1.weight }
      }
    }
    return result
  }

  /// The four places that one place is made of, with their weights.
  private static func taps(at target: Int, _ from: Int, _ to: Int) -> [(index: Int, weight: Float)] {
    let position = (Float(target) + 0.5) * Float(from) / Float(to) - 0.5
    let first = position.rounded(.down)
    return (-1...2).map { offset in
      (min(max(Int(first) + offset, 0), from - 1), weight((position - first) - Float(offset)))
    }
  }

  private static func weight(_ distance: Float) -> Float {
    let (a, x) = (Float(-0.75), abs(distance))
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0
  }
}
