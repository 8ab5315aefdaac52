import Inspection
import Terminal

extension Inspection.Table {
  /// As aligned text with its footer.
  func text(maximumWidth: Int?) -> String {
    var table = TextTable(
      columns: columns.map { .init($0.title, $0.alignment == .right ? .right : .left, isPath: $0.isPath) })
    for row in rows { table.append(row) }
    let hidden = table.hiddenColumns(maximumWidth: maximumWidth)
    let note =
      hidden == 0 ? [] : ["\(Number.counted(hidden, "column")) more in a wider terminal: \(columns.suffix(hidden).map(\.title).joined(separator: ", "))"]
    return table.rendered(maximumWidth: maximumWidth) + (note + footer).joined(separator: "\n")
  }
}
