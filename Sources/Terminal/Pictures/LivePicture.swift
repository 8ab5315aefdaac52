import Glibc
import Imaging

/// A picture in half blocks that is drawn again in its place while a run goes on, above the line of the cursor.
public struct LivePicture {
  /// The least time between two pictures.
  private static let interval = Duration.milliseconds(80)

  private let descriptor: Int32
  private let depth: ColorDepth
  private var drawnRows = 0
  private var drawnColumns = 0
  private var last: ContinuousClock.Instant?

  public init(descriptor: Int32 = 2, depth: ColorDepth) {
    self.descriptor = descriptor
    self.depth = depth
  }

  /// Whether enough time has passed since the last picture; the last one of a run always is.
  public func isDue(isLast: Bool) -> Bool {
    isLast || (last.map { ContinuousClock.now - $0 >= Self.interval } ?? true)
  }

  /// Draws a picture in place of the one before; the cursor stands at the start of the line below it, as it does before.
  public mutating func show(_ image: Image) {
    last = .now
    let (columns, rows) = (TerminalInfo.columns(descriptor, environment: [:]), TerminalInfo.rows(descriptor))
    // Enough is left for the line below and for what was asked.
    let room = TerminalPicture.Cells(columns: min(columns - 1, 64), rows: min(16, rows - 4))
    guard room.columns >= 8, room.rows >= 4 else { return }
    let cells = room.fitting(image, cellWidth: 1, cellHeight: 2, enlargement: 2)
    let small = image.resized(width: cells.columns, height: 2 * cells.rows)
    // In a window of another width the lines lie otherwise: the new picture goes below.
    let up = drawnRows > 0 && drawnColumns == columns ? "\u{1B}[\(drawnRows)A" : ""
    write("\r" + up + TerminalPicture.halfBlocks(small, depth: depth))
    (drawnRows, drawnColumns) = (cells.rows, columns)
  }

  /// Takes the picture away.
  public mutating func finish() {
    guard drawnRows > 0 else { return }
    if drawnColumns == TerminalInfo.columns(descriptor, environment: [:]) {
      write("\r\u{1B}[\(drawnRows)A\u{1B}[J")
    }
    drawnRows = 0
  }

  private func write(_ text: String) { Terminal.write(text, to: descriptor) }
}
