import Base
import Foundation

/// A picture of rectangles, pictures and labels, written as SVG or drawn into pixels: the same either way but for the lettering.
public struct Drawing: Sendable {
  /// 8-bit red, green and blue.
  public struct Color: Hashable, Sendable {
    public let red, green, blue: UInt8

    /// From `0xRRGGBB`.
    public init(_ code: Int) {
      (red, green, blue) = (UInt8(code >> 16 & 255), UInt8(code >> 8 & 255), UInt8(code & 255))
    }

    var hex: String {
      "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  /// Where a label stands in relation to its point.
  public enum Anchor: String, Sendable { case start, middle, end }

  private enum Shape: Sendable {
    case rectangle(x: Int, y: Int, width: Int, height: Int, fill: Color?, stroke: Color?)
    case label(String, x: Int, y: Int, Color, Anchor, scale: Int)
    case image(Image, x: Int, y: Int, scale: Int)
  }

  public let width: Int
  public let height: Int
  private let background: Color
  private var shapes: [Shape] = []

  public init(width: Int, height: Int, background: Color) {
    precondition(width > 0 && height > 0, "a drawing of no size")
    self.width = width
    self.height = height
    self.background = background
  }

  public mutating func rectangle(
    x: Int, y: Int, width: Int, height: Int, fill: Color? = nil, stroke: Color? = nil
  ) {
    shapes.append(.rectangle(x: x, y: y, width: width, height: height, fill: fill, stroke: stroke))
  }

  /// Writes a line of text whose base line is at `y`; a character is `advance(scale)` wide.
  public mutating func label(
    _ text: String, x: Int, y: Int, color: Color, anchor: Anchor = .start, scale: Int = 1
  ) {
    shapes.append(.label(text.escapingInvisibles, x: x, y: y, color, anchor, scale: scale))
  }

  /// Places a picture with its upper left corner at a point, each of its pixels as a square of `scale`.
  public mutating func image(_ image: Image, x: Int, y: Int, scale: Int = 1) {
    shapes.append(.image(image, x: x, y: y, scale: scale))
  }

  /// Pixels from one character of a label to the next.
  public static func advance(_ scale: Int = 1) -> Int { BitmapFont.advance * scale }

  /// The drawing in pixels.
  public var raster: Image {
    var canvas = Canvas(width: width, height: height, background)
    for shape in shapes {
      switch shape {
      case .rectangle(let x, let y, let width, let height, let fill, let stroke):
        if let fill { canvas.fill(x, y, width, height, fill) }
        guard let stroke else { continue }
        canvas.fill(x, y, width, 1, stroke)
        canvas.fill(x, y + height - 1, width, 1, stroke)
        canvas.fill(x, y, 1, height, stroke)
        canvas.fill(x + width - 1, y, 1, height, stroke)
      case .label(let text, let x, let y, let color, let anchor, let scale):
        canvas.write(text, Self.left(of: text, x, anchor, scale), y, color, scale)
      case .image(let image, let x, let y, let scale):
        for row in 0..<image.height {
          for column in 0..<image.width {
            let at = (row * image.width + column) * 3
            let p = image.pixels
            let color = Color(Int(p[at]) << 16 | Int(p[at + 1]) << 8 | Int(p[at + 2]))
            canvas.fill(x + column * scale, y + row * scale, scale, scale, color)
          }
        }
      }
    }
    return Image(width: width, height: height, pixels: canvas.pixels)
  }

  private static func left(of text: String, _ x: Int, _ anchor: Anchor, _ scale: Int) -> Int {
    let width = text.count * advance(scale) - scale
    return switch anchor {
    case .start: x
    case .middle: x - width / 2
    case .end: x - width
    }
  }

  /// The drawing as an SVG 1.1 document.
  public func svg() throws -> String {
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
        + "width=\"\(width)\" height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\">",
      "<rect width=\"\(width)\" height=\"\(height)\" fill=\"\(background.hex)\"/>",
    ]
    for shape in shapes {
      switch shape {
      case .rectangle(let x, let y, let width, let height, let fill, let stroke):
        // A border lies within the rectangle, as in pixels.
        let inset = stroke == nil ? 0.0 : 0.5
        lines.append(
          "<rect x=\"\(Double(x) + inset)\" y=\"\(Double(y) + inset)\" width=\"\(Double(width) - 2 * inset)\" "
            + "height=\"\(Double(height) - 2 * inset)\" fill=\"\(fill?.hex ?? "none")\""
            + (stroke.map { " stroke=\"\($0.hex)\"" } ?? "") + "/>")
      case .label(let text, let x, let y, let color, let anchor, let scale):
        lines.append(
          "<text x=\"\(x)\" y=\"\(y)\" fill=\"\(color.hex)\" text-anchor=\"\(anchor.rawValue)\" "
            + "font-family=\"monospace\" font-size=\"\(10 * scale)\">\(Self.escaped(text))</text>")
      case .image(let image, let x, let y, let scale):
        let data = try PNG.encode(image).base64EncodedString()
        lines.append(
          "<image x=\"\(x)\" y=\"\(y)\" width=\"\(image.width * scale)\" height=\"\(image.height * scale)\" "
            + "style=\"image-rendering:pixelated\" xlink:href=\"data:image/png;base64,\(data)\"/>")
      }
    }
    return (lines + ["</svg>", ""]).joined(separator: "\n")
  }

  /// How it is written to a file.
  public enum Format: Sendable {
    case svg, png

    /// By the ending of the file's name. Throws a `Diagnostic` for another ending.
    public init(ofFile path: String) throws {
      switch PathName(path).ending.lowercased() {
      case "svg": self = .svg
      case "png": self = .png
      case let other:
        throw Diagnostic(
          .value, at: path,
          "expected a name that ends in .png or .svg, found \(other.isEmpty ? "neither" : ".\(other)")",
          hint: "the ending says which of the two is written")
      }
    }
  }

  /// Writes it as SVG or PNG, by the ending of the file's name. Throws a `Diagnostic` for another ending.
  public func write(to path: String) throws {
    switch try Format(ofFile: path) {
    case .svg: try AtomicFile.write(Data(svg().utf8), to: path)
    case .png: try PNG.write(raster, to: path)
    }
  }

  private static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}

/// Pixels being drawn on; what lies outside is left out.
private struct Canvas {
  let width: Int
  let height: Int
  private(set) var pixels: [UInt8]

  init(width: Int, height: Int, _ color: Drawing.Color) {
    self.width = width
    self.height = height
    pixels = [UInt8](repeating: 0, count: width * height * 3)
    fill(0, 0, width, height, color)
  }

  mutating func fill(_ x: Int, _ y: Int, _ w: Int, _ h: Int, _ color: Drawing.Color) {
    let columns = max(0, x)..<max(max(0, x), min(width, x + w))
    for row in max(0, y)..<max(max(0, y), min(height, y + h)) {
      for column in columns {
        let at = (row * width + column) * 3
        (pixels[at], pixels[at + 1], pixels[at + 2]) = (color.red, color.green, color.blue)
      }
    }
  }

  mutating func write(_ text: String, _ x: Int, _ y: Int, _ color: Drawing.Color, _ scale: Int) {
    for (index, character) in text.enumerated() {
      for (row, dots) in BitmapFont.rows(of: character).enumerated() where dots != 0 {
        for column in 0..<BitmapFont.width where dots >> (BitmapFont.width - 1 - column) & 1 == 1 {
          fill(
            x + (index * BitmapFont.advance + column) * scale, y + (row - BitmapFont.height) * scale, scale,
            scale, color)
        }
      }
    }
  }
}
