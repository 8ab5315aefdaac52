/// Aligned columns of plain text with a header row and no borders.
public struct TextTable: Sendable {
  public struct Column: Sendable {
    public var title: String
    public var alignment: DisplayWidth.Alignment
    /// Cut at its start where it has to be, since paths differ at their ends.
    public var isPath: Bool
    /// A column of text is not cut below this while there are columns to leave out.
    public var leastWidth: Int

    public init(
      _ title: String, _ alignment: DisplayWidth.Alignment = .left, isPath: Bool = false, leastWidth: Int = 8
    ) {
      self.title = title
      self.alignment = alignment
      self.isPath = isPath
      self.leastWidth = leastWidth
    }
  }

  private struct Row: Sendable {
    var cells: [String]
    var style: TextStyle?
  }

  /// Blanks between two columns.
  private static let gap = 2

  private let columns: [Column]
  private var rows: [Row] = []

  public init(columns: [Column]) {
    self.columns = columns.map { column in
      var column = column
      column.title = DisplayWidth.sanitized(column.title)
      return column
    }
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
  /// of text give way first, each cut marked by "…", then the last columns are left out, and only then are
  /// numbers cut. No columns or no titles: no header.
  public func rendered(maximumWidth: Int? = nil, isColored: Bool = false) -> String {
    let widths = fittedWidths(maximumWidth)

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

  /// How many of the last columns are left out in a width.
  public func hiddenColumns(maximumWidth: Int?) -> Int { columns.count - fittedWidths(maximumWidth).count }

  /// The widths of the columns that are shown.
  private func fittedWidths(_ maximumWidth: Int?) -> [Int] {
    var widths = columns.indices.map { column in
      rows.reduce(DisplayWidth.of(columns[column].title)) { max($0, DisplayWidth.of($1.cells[column])) }
    }
    guard let maximumWidth else { return widths }
    let natural = widths
    while true {
      fit(&widths, into: maximumWidth - Self.gap * max(0, widths.count - 1))
      let isFitting = widths.reduce(Self.gap * max(0, widths.count - 1), +) <= maximumWidth
      // Two columns stay: what a row is, and something of it.
      guard !isFitting, widths.count > 2 else { break }
      widths = Array(natural[..<(widths.count - 1)])
    }
    shrink(
      &widths, Array(widths.indices), least: { _ in 1 },
      into: maximumWidth - Self.gap * max(0, widths.count - 1))
    return widths
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = ""
    for (index, cell) in cells.prefix(widths.count).enumerated() {
      if index > 0 { line += String(repeating: " ", count: Self.gap) }
      let text =
        columns[index].isPath
        ? DisplayWidth.truncatedAtStart(cell, to: widths[index])
        : DisplayWidth.truncated(cell, to: widths[index])
      line += DisplayWidth.padded(text, to: widths[index], alignment: columns[index].alignment)
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  private func fit(_ widths: inout [Int], into room: Int) {
    let text = widths.indices.filter { columns[$0].alignment == .left }
    shrink(&widths, text, least: { columns[$0].leastWidth }, into: room)
  }

  /// Makes the widest of some columns narrower, one by one, none below its least.
  private func shrink(_ widths: inout [Int], _ candidates: [Int], least: (Int) -> Int, into room: Int) {
    while widths.reduce(0, +) > room {
      guard let widest = candidates.filter({ widths[$0] > least($0) }).max(by: { widths[$0] < widths[$1] })
      else { return }
      widths[widest] -= 1
    }
  }
}
