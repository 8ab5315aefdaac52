import Inspection
import Terminal

extension Inspection.Table {
  /// As aligned text with its footer.
  func text(maximumWidth: Int?) -> String {
    var table = TextTable(
      columns: columns.map { column in
        // Wide enough for what tells layers apart; other texts may be cut shorter.
        let leastWidth = column.role == .other ? 8 : column.role == .path ? 48 : 28
        return .init(
          column.title, column.alignment == .right ? .right : .left, isPath: column.role == .path,
          leastWidth: leastWidth)
      })
    for row in rows { table.append(row) }
    let hidden = table.hiddenColumns(maximumWidth: maximumWidth)
    let note =
      hidden == 0
      ? []
      : [
        "\(Number.counted(hidden, "column")) more in a wider terminal: \(columns.suffix(hidden).map(\.title).joined(separator: ", "))"
      ]
    return table.rendered(maximumWidth: maximumWidth) + (note + footer).joined(separator: "\n")
  }
}
