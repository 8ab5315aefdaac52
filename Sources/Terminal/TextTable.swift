/// Aligned columns of plain text with a header row and no borders.
public struct TextTable: Sendable {
  public struct Column: Sendable {
    public var title: String
    public var alignment: DisplayWidth.Alignment

    public init(_ title: String, _ alignment: DisplayWidth.Alignment = .left) {
      self.title = title
      self.alignment = alignment
    }
  }

  private struct Row: Sendable {
    var cells: [String]
    var style: TextStyle?
  }

  /// Blanks between two columns.
  private static let gap = 2
  /// No column of text is cut below this unless numbers alone are too wide.
  private static let leastTextWidth = 8

  private let columns: [Column]
  private var rows: [Row] = []

  public init(columns: [Column]) {
    self.columns = columns.map { Column(DisplayWidth.sanitized($0.title), $0.alignment) }
  }

  public var rowCount: Int { rows.count }

  /// Adds a row of one cell a column; cells are sanitized, so a hostile name is harmless.
  public mutating func append(_ cells: [String], style: TextStyle? = nil) {
    precondition(cells.count == columns.count, "a row of \(cells.count) cells in \(columns.count) columns")
    rows.append(Row(cells: cells.map(DisplayWidth.sanitized), style: style))
  }

  /// The table as lines that each end in a newline, without blanks at their ends.
  ///
  /// Nothing is cut without `maximumWidth`; with it, no line takes more columns than that: the widest columns
  /// of text give way first, then those of numbers, each cut marked by "…". No columns or no titles: no
  /// header.
  public func rendered(maximumWidth: Int? = nil, isColored: Bool = false) -> String {
    var widths = columns.indices.map { column in
      rows.reduce(DisplayWidth.of(columns[column].title)) { max($0, DisplayWidth.of($1.cells[column])) }
    }
    if let maximumWidth { fit(&widths, into: maximumWidth - Self.gap * max(0, columns.count - 1)) }

    var lines: [Row] = rows
    if columns.contains(where: { !$0.title.isEmpty }) {
      lines.insert(Row(cells: columns.map(\.title), style: .bold), at: 0)
    }
    return lines.reduce(into: "") { text, row in
      var line = line(row.cells, widths)
      if let maximumWidth { line = DisplayWidth.truncated(line, to: maximumWidth) }
      text += (row.style?.applied(to: line, isEnabled: isColored) ?? line) + "\n"
    }
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      if index > 0 { line += String(repeating: " ", count: Self.gap) }
      let text = DisplayWidth.truncated(cell, to: widths[index])
      line += DisplayWidth.padded(text, to: widths[index], alignment: columns[index].alignment)
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  private func fit(_ widths: inout [Int], into room: Int) {
    let text = columns.indices.filter { columns[$0].alignment == .left }
    for (candidates, least) in [(text, Self.leastTextWidth), (Array(columns.indices), 1)] {
      while widths.reduce(0, +) > room {
        guard let widest = candidates.max(by: { widths[$0] < widths[$1] }), widths[widest] > least else {
          break
        }
        widths[widest] -= 1
      }
    }
  }
}
