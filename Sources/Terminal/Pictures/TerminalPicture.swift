import Base
import Foundation
import Imaging

/// Pictures as the text that shows them on a terminal. Pure functions: they look at no terminal.
public enum TerminalPicture {
  /// Character cells.
  public struct Cells: Equatable, Sendable {
    public var columns: Int
    public var rows: Int

    public init(columns: Int, rows: Int) {
      self.columns = columns
      self.rows = rows
    }

    /// The largest room within `self` for a picture, in the shape of its pixels, whose own size it does not exceed by more
    /// than `enlargement`. A cell is `cellWidth` by `cellHeight` pixels.
    public func fitting(_ image: Image, cellWidth: Int, cellHeight: Int, enlargement: Double = 4) -> Cells {
      let scale = min(
        Double(columns * cellWidth) / Double(image.width), Double(rows * cellHeight) / Double(image.height),
        enlargement)
      func cells(_ pixels: Int, _ cell: Int, _ most: Int) -> Int {
        min(most, max(1, Int((Double(pixels) * scale / Double(cell)).rounded())))
      }
      return Cells(
        columns: cells(image.width, cellWidth, columns), rows: cells(image.height, cellHeight, rows))
    }
  }

  /// The text that shows a picture in a room, each row of it ended by a newline.
  ///
  /// Throws a `Diagnostic` when the picture cannot be encoded.
  public static func text(
    _ image: Image, by kind: PictureProtocol, in room: Cells, on support: PictureSupport
  ) throws
    -> String
  {
    let cells = room.fitting(image, cellWidth: support.cellWidth, cellHeight: support.cellHeight)
    switch kind {
    case .kitty:
      return kitty(
        png: try PNG.encode(image), in: cells, isInsideTmux: support.isInsideTmux, id: id(of: image))
    case .iterm2:
      return iterm2(png: try PNG.encode(image), in: cells, isInsideTmux: support.isInsideTmux)
    case .sixel:
      return Sixel.text(
        image.resized(width: cells.columns * support.cellWidth, height: cells.rows * support.cellHeight))
        + "\n"
    case .blocks:
      // A block cell is one pixel wide and two high, whatever the font.
      let blocks = room.fitting(image, cellWidth: 1, cellHeight: 2, enlargement: 1)
      return halfBlocks(image.resized(width: blocks.columns, height: 2 * blocks.rows), depth: support.depth)
    }
  }

  /// A number for kitty to know a picture by: of 24 bits, as placeholders carry it in a colour; never 0.
  private static func id(of image: Image) -> UInt32 {
    let hash = image.pixels.withUnsafeBytes { SHA256(of: $0) }.bytes
    return max(1, UInt32(hash[0]) << 16 | UInt32(hash[1]) << 8 | UInt32(hash[2]))
  }

  /// Wrapped so that tmux passes it on (`allow-passthrough` must be on).
  private static func passedThroughTmux(_ sequence: String) -> String {
    "\u{1B}Ptmux;" + sequence.replacing("\u{1B}", with: "\u{1B}\u{1B}") + "\u{1B}\\"
  }

  /// kitty's protocol: the PNG in pieces of 4096 base64 digits.
  ///
  /// Inside tmux the picture stands behind placeholder characters, which move with the text as tmux draws it.
  static func kitty(png: Data, in cells: Cells, isInsideTmux: Bool, id: UInt32) -> String {
    var cells = cells
    if isInsideTmux, cells.rows > rowMarks.count {
      // No more rows can be numbered; the columns shrink with them.
      cells = Cells(columns: max(1, cells.columns * rowMarks.count / cells.rows), rows: rowMarks.count)
    }
    let digits = png.base64EncodedString()
    var pieces: [Substring] = []
    var start = digits.startIndex
    while start < digits.endIndex {
      let end = digits.index(start, offsetBy: 4096, limitedBy: digits.endIndex) ?? digits.endIndex
      pieces.append(digits[start..<end])
      start = end
    }
    let placement = isInsideTmux ? ",U=1,i=\(id)" : ""
    var text = ""
    for (index, piece) in pieces.enumerated() {
      let more = index < pieces.count - 1 ? 1 : 0
      let keys =
        index == 0
        ? "f=100,a=T,q=2,c=\(cells.columns),r=\(cells.rows)\(placement),m=\(more)" : "q=2,m=\(more)"
      let sequence = "\u{1B}_G\(keys);\(piece)\u{1B}\\"
      text += isInsideTmux ? passedThroughTmux(sequence) : sequence
    }
    guard isInsideTmux else { return text + "\n" }
    let color = "\u{1B}[38;2;\(id >> 16 & 255);\(id >> 8 & 255);\(id & 255)m"
    for row in 0..<cells.rows {
      // The first cell says its row and column 0; the others go on from there.
      let marks = String(String.UnicodeScalarView([placeholder, rowMarks[row], rowMarks[0]]))
      text +=
        color + marks + String(repeating: String(placeholder), count: cells.columns - 1) + "\u{1B}[39m\n"
    }
    return text
  }

  /// Where a picture stands behind text.
  static let placeholder: Unicode.Scalar = "\u{10EEEE}"

  /// The marks that number rows and columns, the first 64 of kitty's rowcolumn-diacritics.txt.
  static let rowMarks: [Unicode.Scalar] = [
    0x305, 0x30D, 0x30E, 0x310, 0x312, 0x33D, 0x33E, 0x33F, 0x346, 0x34A, 0x34B, 0x34C, 0x350, 0x351, 0x352,
    0x357,
    0x35B, 0x363, 0x364, 0x365, 0x366, 0x367, 0x368, 0x369, 0x36A, 0x36B, 0x36C, 0x36D, 0x36E, 0x36F, 0x483,
    0x484,
    0x485, 0x486, 0x487, 0x592, 0x593, 0x594, 0x595, 0x597, 0x598, 0x599, 0x59C, 0x59D, 0x59E, 0x59F, 0x5A0,
    0x5A1,
    0x5A8, 0x5A9, 0x5AB, 0x5AC, 0x5AF, 0x5C4, 0x610, 0x611, 0x612, 0x613, 0x614, 0x615, 0x616, 0x617, 0x657,
    0x658,
  ].compactMap(Unicode.Scalar.init(_:))

  /// iTerm2's protocol: the PNG in one sequence; inside tmux in several, since it passes no more than a megabyte at once.
  static func iterm2(png: Data, in cells: Cells, isInsideTmux: Bool) -> String {
    let place = "inline=1;size=\(png.count);width=\(cells.columns);height=\(cells.rows);preserveAspectRatio=1"
    let digits = png.base64EncodedString()
    guard isInsideTmux else { return "\u{1B}]1337;File=\(place):\(digits)\u{07}\n" }
    var text = passedThroughTmux("\u{1B}]1337;MultipartFile=\(place)\u{07}")
    var start = digits.startIndex
    while start < digits.endIndex {
      let end = digits.index(start, offsetBy: 200_000, limitedBy: digits.endIndex) ?? digits.endIndex
      text += passedThroughTmux("\u{1B}]1337;FilePart=\(digits[start..<end])\u{07}")
      start = end
    }
    // tmux does not know that rows were taken; the text goes on below them.
    return text + passedThroughTmux("\u{1B}]1337;FileEnd\u{07}") + String(repeating: "\n", count: cells.rows)
  }

  /// A row of upper half blocks for every two rows of pixels, the upper one in the foreground's colour.
  static func halfBlocks(_ image: Image, depth: ColorDepth) -> String {
    precondition(image.height.isMultiple(of: 2), "two rows of pixels a row of cells")
    var text = ""
    for y in stride(from: 0, to: image.height, by: 2) {
      var (foreground, background) = ("", "")
      for x in 0..<image.width {
        let upper = color(image, x, y, depth)
        let lower = color(image, x, y + 1, depth)
        if upper != foreground { text += "\u{1B}[38;\(upper)m" }
        if lower != background { text += "\u{1B}[48;\(lower)m" }
        (foreground, background) = (upper, lower)
        text += "▀"
      }
      text += "\u{1B}[0m\n"
    }
    return text
  }

  private static func color(_ image: Image, _ x: Int, _ y: Int, _ depth: ColorDepth) -> String {
    let start = (y * image.width + x) * 3
    let (r, g, b) = (Int(image.pixels[start]), Int(image.pixels[start + 1]), Int(image.pixels[start + 2]))
    switch depth {
    case .trueColor: return "2;\(r);\(g);\(b)"
    case .palette256: return "5;\(Palette256.nearest(r, g, b))"
    }
  }
}

/// xterm's 256 colours: after the 16 of the system a cube of 6x6x6, then 24 greys.
enum Palette256 {
  static let levels = [0, 95, 135, 175, 215, 255]

  static func color(_ index: Int) -> (r: Int, g: Int, b: Int) {
    if index >= 232 {
      let grey = 8 + 10 * (index - 232)
      return (grey, grey, grey)
    }
    let cube = index - 16
    return (levels[cube / 36], levels[cube / 6 % 6], levels[cube % 6])
  }

  /// The colour of the cube or the greys that is nearest in RGB.
  static func nearest(_ r: Int, _ g: Int, _ b: Int) -> Int {
    func level(_ value: Int) -> Int {
      levels.indices.min { abs(levels[$0] - value) < abs(levels[$1] - value) } ?? 0
    }
    let cube = 16 + 36 * level(r) + 6 * level(g) + level(b)
    let grey = 232 + min(23, max(0, ((r + g + b) / 3 - 3) / 10))
    func distance(_ index: Int) -> Int {
      let color = color(index)
      return (color.r - r) * (color.r - r) + (color.g - g) * (color.g - g) + (color.b - b) * (color.b - b)
    }
    return distance(grey) < distance(cube) ? grey : cube
  }
}
