import CKernels

/// A library's matrix products, each small enough for one thread and computed on the thread that asks for it.
///
/// Methods that allocate, or that may fail in the library, throw a `Diagnostic` when they do.
///
/// Two kinds of right-hand operands: weights, laid out once, and activations. Left-hand operands and what is laid out
/// have the library's precision; sums are float32.
public protocol MatrixLibrary: Sendable {
  /// A weight [columns, depth] as this library reads it.
  associatedtype Weight: Sendable
  /// How activations [depth, columns] lie that shall be a right-hand operand.
  associatedtype Operand: Sendable

  var name: String { get }
  /// Its name and version.
  var description: String { get }
  var precision: Precision { get }
  /// Whether left-hand operands and sums must be dense, their strides being their columns.
  var isDense: Bool { get }
  /// Columns of weights that are multiplied at once; a tile's are a multiple of it where they do not end the weight.
  var blockColumns: Int { get }
  /// Allocates what products on this many threads need, once. Throws a `Diagnostic` when memory is short.
  func makeReady(threads: Int) throws
  /// Bytes that it allocates for itself on its first computation on this many threads.
  func startBytes(threads: Int) -> Int
  /// What a tile costs beside its products, as so many more of its rows or columns.
  func tileCost(of weight: Weight, gathers: Bool) -> TileCost

  /// Lays out `rows`, [columns, depth], for products over `depthStep` of the depth at a time.
  func layOut(_ rows: WeightRows, depthStep: Int, in storage: WeightStorage, on pool: ThreadPool) throws
    -> Weight
  func extraBytes(of weight: Weight) -> Int
  /// What `extraBytes` will be for a weight [columns, depth] of `type`; `isTransposed` as `WeightRows` has it.
  func packedBytes(columns: Int, depth: Int, _ type: StorageType, isTransposed: Bool) -> Int
  /// Whether activations that are a right-hand operand are packed.
  var packsOperands: Bool { get }
  func readsCheckpoint(_ weight: Weight) -> Bool

  /// Bytes of memory that `multiply` needs for itself.
  func scratchBytes(rows: Int, columns: Int, depth: Int, of weight: Weight) throws -> Int
  /// sums[r, j] = Σ a[r, d] · w[columns.lowerBound + j, depth.lowerBound + d], or += with `accumulates`.
  ///
  /// `depth` is a step of those the weight was laid out for, and `columns` at most `blockColumns` of them.
  func multiply(
    _ a: UnsafeRawPointer, stride: Int, rows: Int, _ weight: Weight, columns: Range<Int>, depth: Range<Int>,
    accumulates: Bool, into sums: UnsafeMutablePointer<Float>, stride sumsStride: Int,
    scratch: UnsafeMutableRawPointer,
    thread: Int) throws

  /// Describes activations [depth, columns] whose elements are so far apart.
  func operand(depth: Int, columns: Int, depthStride: Int, columnStride: Int) throws -> Operand
  /// Bytes of memory to lay one out in; 0 when it is read where it lies.
  func bytes(of operand: Operand) -> Int
  func layOut(
    _ operand: Operand, from source: UnsafeRawPointer, into memory: UnsafeMutableRawPointer, thread: Int)
    throws
  func scratchBytes(rows: Int, of operand: Operand) throws -> Int
  /// sums[r, j] = Σ a[r, d] · b[d, j], where b is as `layOut` left it, or the source itself when it is read where it lies.
  func multiply(
    _ a: UnsafeRawPointer, stride: Int, rows: Int, _ operand: Operand, at b: UnsafeRawPointer,
    accumulates: Bool,
    into sums: UnsafeMutablePointer<Float>, stride sumsStride: Int, scratch: UnsafeMutableRawPointer,
    thread: Int) throws
}

/// Costs of a tile beside its products: each row's, in columns of products, and each column's, in rows of products.
public struct TileCost: Sendable {
  var row: Double
  var column: Double
  var maximumRows: Int
  var maximumColumns: Int
}

/// A weight [columns, depth] in a checkpoint, or a convolution's [columns, depth/taps, taps], whose depth is then read
/// with the taps outermost.
public struct WeightRows: Sendable {
  let stored: StoredTensor
  let columns: Int
  let depth: Int
  let taps: Int
  /// Whether the taps are innermost in `stored` and have yet to be brought outermost.
  let isTransposed: Bool

  /// A matrix [columns, depth].
  init(_ stored: StoredTensor) {
    self.stored = stored
    columns = stored.shape[0]
    depth = columns == 0 ? 0 : stored.count / columns
    taps = 1
    isTransposed = false
  }

  /// Some rows of a matrix [columns, depth].
  init(_ stored: StoredTensor, _ range: Range<Int>) {
    let row = stored.shape[0] == 0 ? 0 : stored.bytes.count / stored.shape[0]
    let bytes = UnsafeRawBufferPointer(
      rebasing: stored.bytes[range.lowerBound * row..<range.upperBound * row])
    self.init(
      StoredTensor(
        type: stored.type, shape: [range.count] + stored.shape.dropFirst(), bytes: bytes, owner: stored.owner,
        isMapped: stored.isMapped))
  }

  /// A convolution's weight [columns, channels, kernel, kernel].
  init(filters stored: StoredTensor) {
    self.stored = stored
    columns = stored.shape[0]
    depth = columns == 0 ? 0 : stored.count / columns
    taps = stored.shape[2] * stored.shape[3]
    isTransposed = taps > 1
  }

  /// Bytes of memory that `read` needs for itself.
  func scratchBytes(columns: Int) -> Int { isTransposed ? columns * depth * stored.type.width : 0 }

  /// Whole rows of the stored type, in the order in which they are multiplied; in `scratch` unless they lie so already.
  func read(_ columns: Range<Int>, scratch: UnsafeMutableRawPointer) -> UnsafeRawPointer {
    guard let base = stored.bytes.baseAddress else { return UnsafeRawPointer(scratch) }
    let source = base + columns.lowerBound * depth * stored.type.width
    guard isTransposed else { return source }
    ck_relayout_filters(source, scratch, columns.count, depth / taps, taps, stored.type.width)
    return UnsafeRawPointer(scratch)
  }
}
