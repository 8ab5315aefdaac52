import Imaging

/// Sixel graphics: bands of six rows, one colour after another (DEC STD 070, chapter 9).
enum Sixel {
  /// The sequence that shows a picture pixel by pixel, in at most 255 colours that fit it.
  static func text(_ image: Image) -> String {
    let palette = MedianCut(image, count: 255)
    // Pixels that no colour sets keep the background's; the size is told so that the terminal makes room.
    var text = "\u{1B}P0;1;0q\"1;1;\(image.width);\(image.height)"
    for (index, color) in palette.colors.enumerated() {
      // In percent, as the format has it.
      func percent(_ value: UInt8) -> Int { (Int(value) * 100 + 127) / 255 }
      text += "#\(index);2;\(percent(color.0));\(percent(color.1));\(percent(color.2))"
    }
    let indices = palette.indices
    for top in stride(from: 0, to: image.height, by: 6) {
      let rows = min(6, image.height - top)
      var bits: [Int: [UInt8]] = [:]
      for row in 0..<rows {
        for x in 0..<image.width {
          bits[indices[(top + row) * image.width + x], default: [UInt8](repeating: 0, count: image.width)][
            x] |=
            1 << UInt8(row)
        }
      }
      text += bits.keys.sorted().map { "#\($0)" + runs(of: bits[$0] ?? []) }.joined(separator: "$")
      text += "-"
    }
    return text + "\u{1B}\\"
  }

  /// Six-row columns as characters, equal ones in a row as `!N`.
  private static func runs(of bits: [UInt8]) -> String {
    var text = ""
    var start = 0
    while start < bits.count {
      let end = bits[start...].firstIndex { $0 != bits[start] } ?? bits.count
      let character = String(UnicodeScalar(63 + bits[start]))
      text +=
        end - start > 3 ? "!\(end - start)\(character)" : String(repeating: character, count: end - start)
      start = end
    }
    return text
  }
}

/// Colours that fit a picture (Heckbert 1982): boxes of its colours are split at the median of their longest side.
struct MedianCut {
  let colors: [(UInt8, UInt8, UInt8)]
  /// The colour of each pixel.
  let indices: [Int]

  init(_ image: Image, count: Int) {
    // Five bits a channel are enough to choose by.
    func key(_ pixel: Int) -> Int {
      let start = 3 * pixel
      return Int(image.pixels[start] >> 3) << 10 | Int(image.pixels[start + 1] >> 3) << 5
        | Int(image.pixels[start + 2] >> 3)
    }
    let pixelCount = image.width * image.height
    var counts = [Int](repeating: 0, count: 1 << 15)
    var sums = [(Int, Int, Int)](repeating: (0, 0, 0), count: 1 << 15)
    for pixel in 0..<pixelCount {
      let key = key(pixel)
      counts[key] += 1
      sums[key].0 += Int(image.pixels[3 * pixel])
      sums[key].1 += Int(image.pixels[3 * pixel + 1])
      sums[key].2 += Int(image.pixels[3 * pixel + 2])
    }
    func channel(_ key: Int, _ c: Int) -> Int { key >> (10 - 5 * c) & 31 }
    func longest(_ box: [Int]) -> (channel: Int, length: Int) {
      (0..<3).map { c -> (channel: Int, length: Int) in
        let values = box.map { channel($0, c) }
        return (c, (values.max() ?? 0) - (values.min() ?? 0))
      }.max { $0.length < $1.length } ?? (0, 0)
    }
    var boxes = [counts.indices.filter { counts[$0] > 0 }]
    while boxes.count < count {
      // The box that most pixels and the longest side speak for.
      let weights = boxes.map { box in
        box.count < 2 ? 0 : longest(box).length * box.reduce(0) { $0 + counts[$1] }
      }
      guard let chosen = weights.indices.max(by: { weights[$0] < weights[$1] }), weights[chosen] > 0 else {
        break
      }
      let side = longest(boxes[chosen]).channel
      let box = boxes[chosen].sorted { channel($0, side) < channel($1, side) }
      let half = box.reduce(0) { $0 + counts[$1] } / 2
      var (cut, seen) = (0, 0)
      while cut < box.count - 1, seen < half || cut == 0 {
        seen += counts[box[cut]]
        cut += 1
      }
      boxes[chosen] = Array(box[..<cut])
      boxes.append(Array(box[cut...]))
    }
    var colorOf = [Int](repeating: 0, count: 1 << 15)
    colors = boxes.enumerated().map { index, box in
      var (r, g, b, total) = (0, 0, 0, 0)
      for key in box {
        colorOf[key] = index
        (r, g, b, total) = (r + sums[key].0, g + sums[key].1, b + sums[key].2, total + counts[key])
      }
      total = max(1, total)
      return (UInt8(r / total), UInt8(g / total), UInt8(b / total))
    }
    indices = (0..<pixelCount).map { colorOf[key($0)] }
  }
}
