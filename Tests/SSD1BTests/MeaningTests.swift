import Foundation
import Imaging
import Testing

/// Whether the embedded model's pictures show what their prompts ask for, by renderings of the font that it learnt from.
@Suite struct MeaningTests {
  /// What the subjects look like: `Scripts/goldens/make_subject_goldens.py`.
  private struct Subjects {
    let side: Int
    let names: [String]
    let backgrounds: [String: [Double]]
    /// For each name [side, side, 4]: colours times opacity, and opacity, of 255.
    let cells: [[UInt8]]

    init() throws {
      struct Facts: Decodable {
        let side: Int
        let names: [String]
        let backgrounds: [String: [Double]]
      }
      let folder = URL(fileURLWithPath: Program.repository + "/Tests/Goldens/subjects")
      let facts = try JSONDecoder().decode(
        Facts.self, from: Data(contentsOf: folder.appending(path: "subjects.json")))
      (side, names, backgrounds) = (facts.side, facts.names, facts.backgrounds)
      let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "subjects.rgba")))
      let size = side * side * 4
      try #require(bytes.count == names.count * size)
      cells = names.indices.map { Array(bytes[$0 * size..<($0 + 1) * size]) }
    }

    /// The picture's cells, [side, side, 3]: means over squares of it.
    func shrunk(_ image: Image) -> [Double] {
      let edge = image.width / side
      var means = [Double](repeating: 0, count: side * side * 3)
      for y in 0..<edge * side {
        for x in 0..<edge * side {
          for channel in 0..<3 {
            means[((y / edge) * side + x / edge) * 3 + channel] +=
              Double(image.pixels[(y * image.width + x) * 3 + channel]) / Double(edge * edge)
          }
        }
      }
      return means
    }

    /// Which subject, rendered on the background, the picture is nearest to after shifts of at most a cell.
    func nearest(to image: Image, on background: [Double]) -> String {
      let picture = shrunk(image)
      func distance(_ cells: [UInt8], _ right: Int, _ down: Int) -> Double {
        var sum = 0.0
        for y in 0..<side {
          for x in 0..<side {
            let (row, column) = ((y + down + side) % side, (x + right + side) % side)
            let cell = (y * side + x) * 4
            let clear = 1 - Double(cells[cell + 3]) / 255
            for channel in 0..<3 {
              let wanted = Double(cells[cell + channel]) + clear * background[channel]
              let difference = wanted - picture[(row * side + column) * 3 + channel]
              sum += difference * difference
            }
          }
        }
        return sum
      }
      let shifts = (-1...1).flatMap { right in (-1...1).map { (right, $0) } }
      let distances = cells.map { cells in
        shifts.map { distance(cells, $0.0, $0.1) }.reduce(.infinity, min)
      }
      return names[distances.indices.min { distances[$0] < distances[$1] }!]
    }
  }

  private static let subjects = Result { try Subjects() }

  /// The colours, of 255, of four pixels near the corners.
  private static func corners(_ image: Image) -> [[Double]] {
    let (right, bottom) = (image.width - 4, image.height - 4)
    return [(3, 3), (right, 3), (3, bottom), (right, bottom)].map { x, y in
      (0..<3).map { Double(image.pixels[(y * image.width + x) * 3 + $0]) }
    }
  }

  /// The limit is the one that Scripts/demo-model/evaluation.py measures by.
  private static func hasBackground(_ image: Image, _ colour: [Double]) -> Bool {
    corners(image).allSatisfy { distance($0, colour) < 40 }
  }

  private static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).map { abs($0 - $1) }.reduce(0, max)
  }

  @Test("The README's sheet shows what its script asks for")
  func sheet() throws {
    let subjects = try Self.subjects.get()
    try Program.withFolder { folder in
      let script = Program.repository + "/Scripts/contact-sheet.ssd1b"
      let result = try Program.run(["--json", "-f", script], in: folder)
      #expect(result.code == 0, "\(result.errors)")
      struct Record: Decodable {
        struct Result: Decodable {
          struct Picture: Decodable { let path: String, label: String }
          let sheet: String
          let images: [Picture]
        }
        let result: Result
      }
      let sweep = try JSONDecoder().decode(Record.self, from: Data(result.output.utf8)).result
      #expect(sweep.images.count == 24)
      var mistaken: [String] = []
      for picture in sweep.images {
        let words = picture.label.split(separator: " ").map(String.init)
        let colour = try #require(subjects.backgrounds[words.last ?? ""], "\(picture.label)")
        let image = try PNG.read(path: folder + "/" + picture.path).image
        #expect(Self.hasBackground(image, colour), "\(picture.label): corners \(Self.corners(image))")
        // "a fox on blue", and a size before the fox where there is one.
        let name = words.dropFirst().dropLast(2).joined(separator: " ")
        if name.hasPrefix("small ") || name.hasPrefix("large ") { continue }
        let seen = subjects.nearest(to: image, on: colour)
        if seen != name { mistaken.append("\(picture.label): \(seen)") }
      }
      #expect(mistaken.isEmpty, "\(mistaken)")
      // Six in each row, with room for labels.
      let sheet = try PNG.read(path: folder + "/" + sweep.sheet).image
      #expect(sheet.width == 6 + 6 * 134 && sheet.height == 6 + 4 * (128 + 14 + 6))
      // The picture in the repository is this one: in bfloat16 it is 46 dB or more from it, with another seed 20.
      let shown = try PNG.read(path: Program.repository + "/Sources/CEmbeddedModel/contact-sheet.png").image
      try #require(shown.pixels.count == sheet.pixels.count)
      let squares = zip(shown.pixels, sheet.pixels).reduce(0.0) {
        $0 + pow((Double($1.0) - Double($1.1)) / 255, 2)
      }
      #expect(squares < 1e-3 * Double(sheet.pixels.count), "the README's sheet is of another model or script")
    }
  }

  @Test("A size in the prompt is the subject's size, and a negative prompt drives its colour away")
  func sizeAndNegative() throws {
    try Program.withFolder { folder in
      let script = """
        generate prompt="a small fox on a blue background" seed=7 out=small.png
        generate prompt="a fox on a blue background" seed=7 out=normal.png
        generate prompt="a large fox on a blue background" seed=7 out=large.png
        """
      #expect(try Program.run(script: script, in: folder).code == 0)
      let shares = try ["small", "normal", "large"].map { name in
        let image = try PNG.read(path: "\(folder)/\(name).png").image
        let ground = Self.corners(image)[0]
        let covered = (0..<image.width * image.height).filter { pixel in
          Self.distance((0..<3).map { Double(image.pixels[pixel * 3 + $0]) }, ground) > 60
        }
        return Double(covered.count) / Double(image.width * image.height)
      }
      // Scripts/demo-model/emoji.py draws them 0.42, 0.72 and 0.94 of the picture long: 2.9 and 1.7 times the area.
      #expect(shares[0] < shares[1] / 1.8 && shares[1] < shares[2] / 1.3, "\(shares)")

      // No background is asked for, so the seed chooses; what it chose is then named as not wanted.
      let subjects = try Self.subjects.get()
      var left = 0
      for seed in 1...4 {
        func picture(_ settings: String) throws -> Image {
          let command = "generate prompt=\"a fox\" seed=\(seed) \(settings) out=\(folder)/fox.png"
          #expect(try Program.run(["-c", command], in: folder).code == 0)
          return try PNG.read(path: folder + "/fox.png").image
        }
        let before = try picture("")
        let chosen = try #require(
          subjects.backgrounds.first { Self.hasBackground(before, $0.value) },
          "seed \(seed): no colour of the ten")
        if !Self.hasBackground(try picture("negative=\"a \(chosen.key) background\""), chosen.value) {
          left += 1
        }
      }
      // All four do; in another precision one may look otherwise.
      #expect(left >= 3, "\(left) of 4 left the colour")
    }
  }
}
