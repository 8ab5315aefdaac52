import Inspection
import Terminal

extension Inspection.Table {
  /// As aligned text with its footer.
  func text(maximumWidth: Int?) -> String {
    var table = TextTable(columns: columns.map { .init($0.title, $0.alignment == .right ? .right : .left) })
    for row in rows { table.append(row) }
    return table.rendered(maximumWidth: maximumWidth) + footer.joined(separator: "\n")
  }
}
