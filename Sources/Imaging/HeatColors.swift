extension Image {
  /// Values row by row as colours from dark blue over green to yellow, the least darkest.
  ///
  /// The colours lie between nine of matplotlib's viridis (Smith & van der Walt 2015, in the public domain).
  public static func heat(_ values: [Float], width: Int, height: Int) -> Image {
    precondition(values.count == width * height, "a value a pixel")
    let finite = values.filter(\.isFinite)
    let (low, high) = (finite.min() ?? 0, finite.max() ?? 0)
    let range = high > low ? high - low : 1
    var pixels = [UInt8](repeating: 0, count: values.count * 3)
    for (index, value) in values.enumerated() where value.isFinite {
      let color = HeatScale.color(at: (value - low) / range)
      for c in 0..<3 { pixels[index * 3 + c] = color[c] }
    }
    return Image(width: width, height: height, pixels: pixels)
  }
}

/// The colours of heat maps.
public enum HeatScale {
  private static let stops: [[Float]] = [
    [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
    [170, 220, 50], [253, 231, 37],
  ]

  /// The colour of a share from 0 to 1.
  public static func color(at share: Float) -> [UInt8] {
    let position = max(0, min(1, share)) * Float(stops.count - 1)
    let stop = min(stops.count - 2, Int(position))
    let rest = position - Float(stop)
    return (0..<3).map { UInt8((stops[stop][$0] * (1 - rest) + stops[stop + 1][$0] * rest).rounded()) }
  }
}
