/// Pictures with labels in a grid, as one picture.
public struct ContactSheet: Sendable {
  private static let margin = 6
  private static let labelHeight = 14

  public let image: Image

  /// The largest side that `count` pictures may have for the sheet to be no larger than a PNG, nor than some 100 million
  /// pixels.
  public static func largestSide(of count: Int, columns: Int? = nil) -> Int {
    let columns = min(count, max(1, columns ?? Int(Double(count).squareRoot().rounded(.up))))
    let rows = (count + columns - 1) / columns
    let fitting = (PNG.maximumSide - 2 * margin) / max(columns, rows) - margin - labelHeight
    return max(16, min(fitting, Int((1e8 / Double(count)).squareRoot())))
  }

  /// Lays `tiles` out row by row, `columns` of them in each; without it the sheet comes out about as high as wide.
  ///
  /// Small pictures are enlarged by whole factors: the widest until it has at least `leastSide` pixels, the others as far as
  /// they then fit.
  public init(_ tiles: [(image: Image, label: String)], columns: Int? = nil, leastSide: Int = 96) {
    precondition(!tiles.isEmpty, "a sheet of no pictures")
    let widest = tiles.reduce(0) { max($0, $1.image.width) }
    let highest = tiles.reduce(0) { max($0, $1.image.height) }
    let scale = max(1, (leastSide + widest - 1) / widest)
    let (cellWidth, cellHeight) = (
      widest * scale + Self.margin, highest * scale + Self.labelHeight + Self.margin
    )
    let fitting = (Double(tiles.count * cellHeight) / Double(cellWidth)).squareRoot()
    let count = min(tiles.count, max(1, columns ?? Int(fitting.rounded(.up))))
    let rows = (tiles.count + count - 1) / count
    var drawing = Drawing(
      width: count * cellWidth + Self.margin, height: rows * cellHeight + Self.margin,
      background: Drawing.Color(0xFFFFFF))
    for (index, tile) in tiles.enumerated() {
      let x = Self.margin + index % count * cellWidth
      let y = Self.margin + index / count * cellHeight
      let fit = min(widest * scale / tile.image.width, highest * scale / tile.image.height)
      drawing.image(tile.image, x: x, y: y, scale: max(1, fit))
      let room = (cellWidth - Self.margin + 1) / Drawing.advance()
      let label = tile.label.count <= room ? tile.label : String(tile.label.suffix(room))
      drawing.label(label, x: x, y: y + highest * scale + 11, color: Drawing.Color(0x333333))
    }
    image = drawing.raster
  }
}
