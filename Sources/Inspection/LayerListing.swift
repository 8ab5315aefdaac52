import Base
import Graph

/// Rows chosen from a `LayerTree`, with the totals of all that was chosen from.
public struct LayerListing: Sendable {
  public let rows: [LayerTree.Row]
  /// How many rows there would be with nothing folded, filtered or cut.
  public let available: Int
  public let isSorted: Bool
  public let hasBytes: Bool
  /// Over everything that passed the filter, shown or folded.
  public let parameters: Int
  public let multiplyAdds: Int
  public let bytes: Int?

  /// The listing for people; like blocks in a row, such as a stack of transformer blocks, are one line.
  public var table: Table {
    var columns: [Table.Column] = [
      .init("layer"), .init("kind"), .init("output"), .init("parameters", .right),
    ]
    if hasBytes { columns.append(.init("bytes", .right)) }
    columns.append(.init("multiply-adds", .right))
    let lines = (isSorted ? rows.map { Line($0) } : Self.folded(rows)).map { line in
      var cells = [
        String(repeating: "  ", count: line.row.depth) + line.name, line.kind, line.row.output.description,
        Self.count(line.parameters),
      ]
      if hasBytes { cells.append(line.bytes == 0 ? "" : Number.bytes(line.bytes)) }
      cells.append(line.multiplyAdds == 0 ? "" : Number.multiplyAdds(line.multiplyAdds))
      return cells
    }
    var total = "total: \(Number.grouped(parameters)) parameters"
    if let bytes { total += ", \(Number.bytes(bytes))" }
    total += ", \(Number.multiplyAdds(multiplyAdds))"
    return Table(
      columns: columns, rows: lines,
      footer: ["\(Number.grouped(rows.count)) of \(Number.counted(available, "row"))", total])
  }

  /// The listing for programs: every row by itself, in plain numbers.
  public var json: JSONValue {
    [
      "rows": .array(
        rows.map { row in
          [
            "path": .string(row.path), "depth": .integer(row.depth),
            "kind": row.kind.map(JSONValue.string) ?? .null,
            "layers": .integer(row.layerCount), "output": .array(row.output.extents.map(JSONValue.integer)),
            "parameters": .integer(row.parameters), "bytes": row.bytes.map(JSONValue.integer) ?? .null,
            "multiply_adds": .integer(row.multiplyAdds),
          ]
        }),
      "shown": .integer(rows.count), "available": .integer(available),
      "total": [
        "parameters": .integer(parameters), "bytes": bytes.map(JSONValue.integer) ?? .null,
        "multiply_adds": .integer(multiplyAdds),
      ],
    ]
  }

  private static func count(_ value: Int) -> String { value == 0 ? "" : Number.grouped(value) }

  /// A row, or a run of alike ones.
  struct Line {
    let row: LayerTree.Row
    var last: LayerTree.Row
    var count = 1

    init(_ row: LayerTree.Row) {
      self.row = row
      last = row
    }

    var name: String {
      count == 1 ? row.name : "\(row.name)…\(last.name.split(separator: ".").last ?? "")"
    }
    var kind: String {
      if let kind = row.kind { return kind }
      return count == 1
        ? Number.counted(row.layerCount, "layer") : "\(count) x \(Number.counted(row.layerCount, "layer"))"
    }
    var parameters: Int { count * row.parameters }
    var bytes: Int { count * (row.bytes ?? 0) }
    var multiplyAdds: Int { count * row.multiplyAdds }
  }

  /// Folds neighbours that are alike but for consecutive numbers and show nothing below them.
  static func folded(_ rows: [LayerTree.Row]) -> [Line] {
    var lines: [Line] = []
    for (index, row) in rows.enumerated() {
      // The row before is the run's last, so it showed nothing below it; this one must not either.
      let showsMore = index + 1 < rows.count && rows[index + 1].depth > row.depth
      if let line = lines.last, !showsMore, line.last.depth == row.depth, isNext(row, after: line.last) {
        lines[lines.count - 1].last = row
        lines[lines.count - 1].count += 1
      } else {
        lines.append(Line(row))
      }
    }
    return lines
  }

  private static func isNext(_ row: LayerTree.Row, after last: LayerTree.Row) -> Bool {
    guard row.kind == nil, last.kind == nil, let (container, number) = numbered(row.path),
      let (lastContainer, lastNumber) = numbered(last.path)
    else { return false }
    return container == lastContainer && number == lastNumber + 1 && row.output == last.output
      && (row.layerCount, row.parameters, row.multiplyAdds) == (
        last.layerCount, last.parameters, last.multiplyAdds
      )
      && row.bytes == last.bytes
  }

  /// A path that ends in a number, taken apart.
  static func numbered(_ path: String) -> (container: Substring, number: Int)? {
    guard let dot = path.lastIndex(of: "."), let number = Int(path[path.index(after: dot)...]) else {
      return nil
    }
    return (path[..<dot], number)
  }
}
