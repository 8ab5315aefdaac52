extension Image {
  /// The picture, made smaller where a side of it is longer than `side`.
  public func fitting(side: Int) -> Image {
    let longest = max(width, height)
    guard longest > side else { return self }
    return resized(width: max(1, width * side / longest), height: max(1, height * side / longest))
  }

  /// The picture at another size: each pixel is the mean of what it covers, in sRGB values.
  ///
  /// Enlarged, a pixel covers part of one or two others, so that edges stay where they are.
  public func resized(width newWidth: Int, height newHeight: Int) -> Image {
    precondition(newWidth > 0 && newHeight > 0, "a picture of some size")
    if newWidth == width && newHeight == height { return self }
    let columns = Self.coverage(of: newWidth, from: width)
    let rows = Self.coverage(of: newHeight, from: height)
    // Rows first: [new height, width, 3].
    var middle = [Float](repeating: 0, count: newHeight * width * 3)
    for (y, parts) in rows.enumerated() {
      for part in parts {
        let (source, target) = (part.index * width * 3, y * width * 3)
        for i in 0..<width * 3 { middle[target + i] += Float(pixels[source + i]) * part.weight }
      }
    }
    var result = [UInt8](repeating: 0, count: newHeight * newWidth * 3)
    for y in 0..<newHeight {
      for (x, parts) in columns.enumerated() {
        for c in 0..<3 {
          var sum: Float = 0
          for part in parts { sum += middle[(y * width + part.index) * 3 + c] * part.weight }
          result[(y * newWidth + x) * 3 + c] = UInt8(min(255, max(0, sum.rounded())))
        }
      }
    }
    return Image(width: newWidth, height: newHeight, pixels: result)
  }

  /// What each of `count` equal stretches covers of `from` unit ones; the weights of a stretch add up to 1.
  private static func coverage(of count: Int, from: Int) -> [[(index: Int, weight: Float)]] {
    let width = Double(from) / Double(count)
    return (0..<count).map { stretch in
      let (start, end) = (Double(stretch) * width, Double(stretch + 1) * width)
      return (Int(start)..<min(from, Int(end.rounded(.up)))).compactMap { index in
        let weight = (min(end, Double(index + 1)) - max(start, Double(index))) / width
        return weight > 1e-9 ? (index, Float(weight)) : nil
      }
    }
  }
}
