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
  /// Products are summed over this many elements of the depth at a time.
  let tileDepth: Int
  private let rowTiles: Int
  private let columnTiles: Int

  /// - Parameter gathers: whether the rows' elements are collected anew for each tile, as a convolution's are.
  init(rows: Int, columns: Int, depth: Int, gathers: Bool, processors: Int = ThreadPool.processors) {
    self.rows = rows
    self.columns = columns
    self.depth = depth
    let best = Self.best(rows: rows, columns: columns, depth: depth, gathers: gathers, processors: processors)
    (tileRows, tileColumns) = best
    rowTiles = Self.parts(rows, best.rows)
    columnTiles = Self.parts(columns, best.columns)
    let chunks = Self.parts(depth, Self.maximumDepth)
    tileDepth = min(depth, Self.parts(depth, chunks * 16) * 16)
  }

  /// How many tasks.
  var count: Int { rowTiles * columnTiles }

  /// Tasks that follow each other share their columns, hence their weights.
  func tile(_ task: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (column, row) = (task / rowTiles * tileColumns, task % rowTiles * tileRows)
    return (row..<min(rows, row + tileRows), column..<min(columns, column + tileColumns))
  }

  private static let maximumDepth = 2048
  private static let maximumRows = 1024
  private static let maximumColumns = 640
  /// Multiply-adds of a task at the most, some 55 ms of a fast core: a cancelled run waits for one.
  private static let maximumWork = 4 << 30

  /// The cut that takes least time, were every task as fast as the others.
  ///
  /// Beside its products a tile costs the widening and packing of its weights, which more rows share, and the
  /// gathering and packing of its rows, which more columns share: each as dear as some tens of rows or columns of
  /// products (measured on AVX-512, where the products are fastest).
  private static func best(
    rows: Int, columns: Int, depth: Int, gathers: Bool, processors: Int
  ) -> (rows: Int, columns: Int) {
    var best = (rows: rows, columns: columns)
    var least = Double.infinity
    let (weightCost, rowCost) = (40.0, gathers ? 40.0 : 20.0)
    let fewestColumnTiles = parts(columns, maximumColumns)
    for columnTiles in fewestColumnTiles...max(fewestColumnTiles, parts(columns, 64)) {
      let width = min(columns, roundedUp(parts(columns, columnTiles), to: 16))
      let tallest = max(16, maximumWork / (width * max(1, depth)))
      let fewest = parts(rows, min(maximumRows, tallest))
      // Four tasks a processor are even enough: more only cost.
      let most = min(parts(rows, 32), parts(4 * processors, columnTiles))
      for rowTiles in fewest...max(fewest, most) {
        let height = min(rows, roundedUp(parts(rows, rowTiles), to: 8))
        let turns = parts(parts(rows, height) * parts(columns, width), processors)
        let time = Double(turns) * (Double(height) + weightCost) * (Double(width) + rowCost)
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
