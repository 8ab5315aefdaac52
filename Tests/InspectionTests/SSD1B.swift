import Graph
import Inspection
import Models

/// SSD-1B at 1024x1024, and tables as text.
enum SSD1B {
  static func components() throws -> [(name: String, graph: Graph)] {
    let model = try Architecture(named: "ssd1b")
    return try Architecture.Component.allCases.map {
      (name: $0.rawValue, graph: try model.graph($0, width: 1024, height: 1024, batch: 1))
    }
  }

  static func tree() throws -> LayerTree { LayerTree(components: try components()) }
}

extension LayerTree {
  /// The tree of networks alone.
  init(components: [(name: String, graph: Graph)], weights: StoredWeight.Lookup? = nil) {
    self.init(components.map { .network($0.name, $0.graph) }, weights: weights)
  }
}

extension ParameterCount {
  /// The count of networks alone.
  init(
    components: [(name: String, graph: Graph)], by grouping: Grouping, weights: StoredWeight.Lookup? = nil
  ) throws {
    try self.init(components.map { .network($0.name, $0.graph) }, by: grouping, weights: weights)
  }
}

extension Table {
  /// Columns two blanks apart, without blanks at a line's end.
  var text: String {
    let lines = [columns.map(\.title)] + rows
    let widths = columns.indices.map { column in lines.reduce(0) { max($0, $1[column].count) } }
    let padded = lines.map { cells in
      var line = columns.indices.map { column in
        let blanks = String(repeating: " ", count: widths[column] - cells[column].count)
        return columns[column].alignment == .left ? cells[column] + blanks : blanks + cells[column]
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
    return (padded + footer).joined(separator: "\n")
  }
}
