import Base
import Checkpoints
import Graph
import Kernels

/// Which layers of a deep stack the layers of a shortened one are nearest to: where pruned models took theirs from.
///
/// A stack is a container of numbered modules, such as `down_blocks.2.attentions.0.transformer_blocks`. Two layers are
/// compared by the cosine of all their weights, taken as one vector each.
public struct StackProvenance: Sendable {
  public let stack: String
  /// The numbers of the old stack's layers, and of the new one's.
  public let oldNumbers: [Int]
  public let newNumbers: [Int]
  /// [new][old]; nil where the two have no tensors of one shape, or only zeros.
  public let cosines: [[Double?]]

  /// For each new layer the old number that it is nearest to.
  public var nearest: [Int?] {
    cosines.map { row in
      row.indices.filter { row[$0] != nil }.max { (row[$0] ?? 0) < (row[$1] ?? 0) }.map { oldNumbers[$0] }
    }
  }

  /// The stacks of which the new graph has fewer layers than the old.
  public static func shortened(from old: Graph, to new: Graph) -> [(stack: String, old: [Int], new: [Int])] {
    let (before, after) = (numbers(old), numbers(new))
    return before.order.compactMap { stack in
      guard let had = before.members[stack], let has = after.members[stack], has.count < had.count else {
        return nil
      }
      return (stack, had, has)
    }
  }

  /// Compares each layer of a shortened stack with each of the full one.
  public init(
    _ stack: (stack: String, old: [Int], new: [Int]), of graph: Graph, old: Checkpoint, new: Checkpoint,
    on pool: ThreadPool
  ) throws {
    self.stack = stack.stack
    (oldNumbers, newNumbers) = (stack.old, stack.new)
    let first = "\(stack.stack).\(stack.old[0])."
    let suffixes = graph.tensors.map(\.key).filter { $0.hasPrefix(first) }.map {
      String($0.dropFirst(first.count))
    }
    let products = try pool.map(suffixes.count) { index in
      func tensors(_ numbers: [Int], _ checkpoint: Checkpoint) -> [Checkpoint.Tensor?] {
        numbers.map { checkpoint.tensor(for: "\(stack.stack).\($0).\(suffixes[index])") }
      }
      return try Products(old: tensors(stack.old, old), new: tensors(stack.new, new))
    }
    let sum = products.reduce(into: Products(old: stack.old.count, new: stack.new.count)) { $0 += $1 }
    cosines = sum.cosines
  }

  /// Containers of numbered modules in the order of computation, with the numbers in each.
  private static func numbers(_ graph: Graph) -> (order: [String], members: [String: [Int]]) {
    var order: [String] = []
    var members: [String: [Int]] = [:]
    for (path, _) in graph.modules {
      guard let number = BlockPath.number(of: path), let dot = path.lastIndex(of: ".") else { continue }
      let container = String(path[..<dot])
      if members[container] == nil { order.append(container) }
      members[container, default: []].append(number)
    }
    return (order, members.mapValues { $0.sorted() })
  }

  /// The matrix as rows: a new layer, what it is nearest to, its cosines.
  public var table: Table {
    Table(
      columns: [.init("layer"), .init("nearest", .right)] + oldNumbers.map { .init("\($0)", .right) },
      rows: newNumbers.indices.map { index in
        ["\(newNumbers[index])", nearest[index].map { "\($0)" } ?? ""]
          + cosines[index].map { $0.map { Number.fixed($0, 3) } ?? "" }
      })
  }

  /// A row for each pair of layers, of several stacks.
  public static func data(_ stacks: [StackProvenance]) -> DataTable {
    var data = DataTable(["stack", "new", "old", "cosine", "is_nearest"])
    for stack in stacks {
      for (row, new) in stack.newNumbers.enumerated() {
        for (column, old) in stack.oldNumbers.enumerated() {
          data.append([
            .string(stack.stack), .integer(new), .integer(old),
            stack.cosines[row][column].map(JSONValue.number) ?? .null,
            .bool(stack.nearest[row] == old),
          ])
        }
      }
    }
    return data
  }

  public var json: JSONValue {
    [
      "stack": .string(stack), "old": .array(oldNumbers.map(JSONValue.integer)),
      "new": .array(newNumbers.map(JSONValue.integer)),
      "nearest": .array(nearest.map { $0.map(JSONValue.integer) ?? .null }),
      "cosines": .array(cosines.map { .array($0.map { $0.map(JSONValue.number) ?? .null }) }),
    ]
  }
}

/// Scalar products between some old and some new vectors, and the squares of each.
private struct Products: Sendable {
  private var products: [[Double]]
  private var squares: [[(old: Double, new: Double)]]

  init(old: Int, new: Int) {
    products = Array(repeating: Array(repeating: 0, count: old), count: new)
    squares = Array(repeating: Array(repeating: (0, 0), count: old), count: new)
  }

  /// Of tensors at one place in each layer; pairs of another shape count as nothing.
  init(old: [Checkpoint.Tensor?], new: [Checkpoint.Tensor?]) throws {
    self.init(old: old.count, new: new.count)
    guard let shape = new.lazy.compactMap({ $0?.entry.shape }).first else { return }
    // The old layers first, then the new.
    let all = old + new
    let readable = all.map { $0.map { StoredElements($0) }.flatMap { $0.areReadable ? $0 : nil } }
    let fitting = all.indices.filter { readable[$0] != nil && all[$0]?.entry.shape == shape }
    let elements = fitting.compactMap { readable[$0] }
    try StoredElements.forEachChunk(of: elements) { chunks in
      let norms = chunks.map { $0.product(with: $0) }
      for (b, newIndex) in fitting.enumerated() where newIndex >= old.count {
        for (a, oldIndex) in fitting.enumerated() where oldIndex < old.count {
          products[newIndex - old.count][oldIndex] += chunks[a].product(with: chunks[b])
          squares[newIndex - old.count][oldIndex].old += norms[a]
          squares[newIndex - old.count][oldIndex].new += norms[b]
        }
      }
    }
  }

  static func += (a: inout Products, b: Products) {
    for row in a.products.indices {
      for column in a.products[row].indices {
        a.products[row][column] += b.products[row][column]
        a.squares[row][column].old += b.squares[row][column].old
        a.squares[row][column].new += b.squares[row][column].new
      }
    }
  }

  var cosines: [[Double?]] {
    zip(products, squares).map { row, squares in
      zip(row, squares).map { product, square in
        let norms = square.old.squareRoot() * square.new.squareRoot()
        return norms == 0 ? nil : product / norms
      }
    }
  }
}
