/// How a matrix product's output [rows, columns] is cut into the tasks of a run.
///
/// The cut depends on the extents and on the machine's processors, never on how many threads take the tasks: each
/// element is computed by the same calls whoever makes them.
struct MatrixTiling: Sendable {
  let rows: Int
  let columns: Int
  let depth: Int
  /// Extents of a whole tile; those at the far edges may be smaller.
  let tileRows: Int
  let tileColumns: Int
  private let rowTiles: Int
  private let columnTiles: Int

  /// - Parameters:
  ///   - unit: tiles have a multiple of so many columns.
  ///   - cost: what a tile costs beside its products.
  init(
    rows: Int, columns: Int, depth: Int, unit: Int = 16, cost: TileCost,
    processors: Int = ThreadPool.processors
  ) {
    self.rows = rows
    self.columns = columns
    self.depth = depth
    let best = Self.best(
      rows: rows, columns: columns, depth: depth, unit: min(unit, 64), cost: cost, processors: processors)
    (tileRows, tileColumns) = best
    rowTiles = Self.parts(rows, best.rows)
    columnTiles = Self.parts(columns, best.columns)
  }

  /// How many tasks.
  var count: Int { rowTiles * columnTiles }
  /// The rows of the tiles at the far edge.
  var lastRows: Int { rows - (rowTiles - 1) * tileRows }

  /// Tasks that follow each other share their columns, hence their weights.
  func tile(_ task: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (column, row) = (task / rowTiles * tileColumns, task % rowTiles * tileRows)
    return (row..<min(rows, row + tileRows), column..<min(columns, column + tileColumns))
  }

  /// The elements of the depth that a gathering product is summed over at a time, so that a tile's patches stay in cache.
  static func depthStep(_ depth: Int, gathers: Bool) -> Int {
    guard gathers, depth > maximumDepth else { return max(1, depth) }
    return parts(depth, parts(depth, maximumDepth) * 32) * 32
  }

  private static let maximumDepth = 2048
  /// Multiply-adds of a task at the most, some 55 ms of a fast core: a cancelled run waits for one.
  private static let maximumWork = 4 << 30

  /// The cut that takes least time, were every task as fast as the others.
  private static func best(
    rows: Int, columns: Int, depth: Int, unit: Int, cost: TileCost, processors: Int
  ) -> (rows: Int, columns: Int) {
    var best = (rows: rows, columns: columns)
    var least = Double.infinity
    let fewestColumnTiles = parts(columns, cost.maximumColumns)
    for columnTiles in fewestColumnTiles...max(fewestColumnTiles, parts(columns, 64)) {
      let width = min(columns, roundedUp(parts(columns, columnTiles), to: unit))
      let tallest = max(16, maximumWork / (width * max(1, depth)))
      let fewest = parts(rows, min(cost.maximumRows, tallest))
      // Four tasks a processor are even enough: more only cost.
      let most = min(parts(rows, 32), parts(4 * processors, columnTiles))
      for rowTiles in fewest...max(fewest, most) {
        let height = min(rows, roundedUp(parts(rows, rowTiles), to: 8))
        let turns = parts(parts(rows, height) * parts(columns, width), processors)
        let time = Double(turns) * (Double(height) + cost.column) * (Double(width) + cost.row)
        if time < least * 0.999 {
          least = time
          best = (height, width)
        }
      }
    }
    return best
  }

  private static func parts(_ whole: Int, _ part: Int) -> Int { max(1, (whole + part - 1) / max(1, part)) }
  private static func roundedUp(_ value: Int, to multiple: Int) -> Int { parts(value, multiple) * multiple }
}
