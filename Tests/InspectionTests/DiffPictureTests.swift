import Foundation
import FoundationXML
import Graph
import HollowCheckpoint
import Imaging
import Inspection
import Models
import Testing

@Suite("DiffPicture")
struct DiffPictureTests {
  private static func diff() throws -> GraphDiff {
    func unet(_ name: String) throws -> Graph {
      try Architecture(named: name).graph(.unet, width: 1024, height: 1024, batch: 1)
    }
    return GraphDiff(from: try unet("sdxl"), to: try unet("ssd1b"))
  }

  /// The rectangles and texts of an SVG.
  private final class Reader: NSObject, XMLParserDelegate {
    var rectangles: [[String: String]] = []
    var texts: [String] = []
    private var isText = false

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      if name == "rect" { rectangles.append(attributes) }
      isText = name == "text"
      if isText { texts.append("") }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
      if isText { texts[texts.count - 1] += string }
    }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
      isText = false
    }
  }

  @Test("Each column has a block for every block of its model, as high as its parameters are many")
  func proportions() throws {
    let diff = try Self.diff()
    let reader = Reader()
    let parser = XMLParser(data: Data(try DiffPicture(diff, from: "sdxl", to: "ssd1b").svg.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    #expect(
      reader.texts.contains("2,567,463,684 parameters")
        && reader.texts.contains("34 transformer blocks, 2.10 TMAC"))
    // Blocks are the only rectangles of a column's width.
    let blocks = reader.rectangles.filter {
      $0["width"].flatMap(Double.init).map { $0 > 200 && $0 < 400 } ?? false
    }
    let filled = blocks.filter { $0["fill"] != "none" }
    let columns = Dictionary(grouping: filled) { $0["x"] ?? "" }
    #expect(columns.count == 2)
    let counts = columns.sorted { (Double($0.key) ?? 0) < (Double($1.key) ?? 0) }.map(\.value.count)
    #expect(counts == [diff.blocks.count, diff.blocks.count { $0.status == .same }])
    #expect(blocks.count - filled.count == diff.blocks.count { $0.status == .removed })
    let red = try #require(
      columns.min { (Double($0.key) ?? 0) < (Double($1.key) ?? 0) }?.value.filter { $0["fill"] == "#d1495b" })
    let redHeight = red.compactMap { $0["height"].flatMap(Double.init) }.reduce(0, +)
    let height = filled.filter { $0["x"] == red[0]["x"] }.compactMap { $0["height"].flatMap(Double.init) }
      .reduce(0, +)
    // Removed are 48.1 % of the parameters; small blocks are drawn two pixels high, and all heights are whole.
    // Measured: 0.006 apart.
    #expect(abs(redHeight / height - 0.481) < 0.02, "\(redHeight / height)")
  }

  @Test("Pixels and SVG are the same drawing, by the file's ending")
  func files() throws {
    let picture = DiffPicture(try Self.diff(), from: "sdxl", to: "ssd1b")
    try withTemporaryFolder { folder in
      try picture.write(to: folder + "/a.png")
      try picture.write(to: folder + "/a.svg")
      let (image, _) = try PNG.read(path: folder + "/a.png")
      let svg = try String(contentsOfFile: folder + "/a.svg", encoding: .utf8)
      #expect(svg.hasPrefix("<svg ") && svg.contains("width=\"\(image.width)\" height=\"\(image.height)\""))
      // Rows of removed blocks are red at the left and paper at the right: 48 % of 1400, less gaps and what rounding
      // takes of each. Measured: 640.
      var rows = 0
      for y in 0..<image.height {
        func pixel(_ x: Int) -> [UInt8] {
          Array(image.pixels[((y * image.width + x) * 3)..<((y * image.width + x) * 3 + 3)])
        }
        if pixel(440) == [0xD1, 0x49, 0x5B] { rows += 1 }
      }
      #expect(rows > 600, "\(rows)")
      #expect(throws: (any Error).self) { try picture.write(to: folder + "/a.gif") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a.png", "a.svg"])
    }
  }
}
