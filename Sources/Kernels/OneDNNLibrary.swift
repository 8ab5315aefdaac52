import Base
import CKernels
import COneDNN
import Graph
import Synchronization

/// float32 or bfloat16 by oneDNN's matrix products, its weights laid out for it once.
///
/// The library is given one tile at a time on one thread (its "brgemm" kernels, which reach the processor's peak on
/// tiles of some hundred rows by 64 columns), so that threads, order and cancelling are this program's own.
public final class OneDNNLibrary: MatrixLibrary {
  public let name = "onednn"
  public let precision: Precision
  public let isDense = true
  public let blockColumns = 64
  private let threads: Int
  private let made = Mutex(Made())

  /// What was compiled so far; a model needs a few dozen.
  private struct Made: ~Copyable {
    var layouts: [LayoutKey: Layout] = [:]
    var products: [ProductKey: Product] = [:]
    var packings: [PackingKey: Packing] = [:]

    deinit {
      for product in products.values { cod_product_destroy(product.pointer) }
      for packing in packings.values { cod_packing_destroy(packing.pointer) }
      for layout in layouts.values { cod_layout_destroy(layout.pointer) }
    }
  }

  private struct LayoutKey: Hashable { let depth, columns: Int }
  private struct ProductKey: Hashable {
    let layout: LayoutKey
    let rows: Int
    let accumulates: Bool
  }
  private struct PackingKey: Hashable {
    let layout: LayoutKey
    let depthStride, columnStride: Int
  }
  // The library's objects may be used by any thread.
  private struct Layout: @unchecked Sendable {
    let pointer: OpaquePointer
    let bytes: Int
  }
  private struct Product: @unchecked Sendable {
    let pointer: OpaquePointer
    let scratchBytes: Int
  }
  private struct Packing: @unchecked Sendable { let pointer: OpaquePointer }

  /// The precisions that this processor has instructions for.
  public static var precisions: [Precision] {
    ck_simd_level() == CK_AVX512_BF16 ? [.float32, .bfloat16] : [.float32]
  }

  /// Why oneDNN cannot be used here; nil when it can.
  public static var absence: String? { cod_load().map { String(cString: $0) } }

  static func absent(_ reason: String, at place: String) -> Diagnostic {
    Diagnostic(
      .value, at: place, "expected the oneDNN library, found: \(reason)",
      hint: "apt-get install libdnnl-dev and build again, or choose the openblas backend and precision f32")
  }

  static func check(_ precision: Precision) throws {
    guard !precisions.contains(precision) else { return }
    throw Diagnostic(
      .value, at: "precision", "expected a processor with AVX512-BF16 for bf16, found one without",
      hint: "choose precision f32")
  }

  /// Throws a `Diagnostic` when the library cannot be loaded, or the processor lacks the precision.
  public init(_ precision: Precision, threads: Int) throws {
    if let reason = Self.absence { throw Self.absent(reason, at: "backend") }
    try Self.check(precision)
    self.precision = precision
    self.threads = threads
  }

  public var description: String { "onednn \(version)" }

  /// The library's version: `2.6.3`.
  public var version: String { String(cString: cod_version()) }

  /// What the library runs for a product of these extents, as it names it.
  public func implementation(rows: Int, columns: Int, depth: Int) throws -> String {
    let product = try product(
      ProductKey(layout: LayoutKey(depth: depth, columns: columns), rows: rows, accumulates: false))
    return String(cString: cod_product_implementation(product.pointer))
  }

  /// The library does not survive an allocation that fails while it compiles a kernel.
  private static func checkMemory() throws {
    guard Memory.canTake(Memory.smallBytes) else {
      throw Memory.shortage(at: "oneDNN", needed: Memory.smallBytes)
    }
  }

  private static func failure(_ what: String) -> Diagnostic {
    Diagnostic(
      .memory, at: "oneDNN", "the library failed to \(what)",
      hint: "memory may be short; set backend openblas computes without it")
  }

  private var type: cod_type { precision == .float32 ? COD_F32 : COD_BF16 }

  private func layout(_ key: LayoutKey) throws -> Layout {
    try made.withLock { made in try layout(key, &made) }
  }

  private func layout(_ key: LayoutKey, _ made: inout Made) throws -> Layout {
    if let known = made.layouts[key] { return known }
    try Self.checkMemory()
    guard let pointer = cod_layout_create(type, Int64(key.depth), Int64(key.columns)) else {
      throw Self.failure("pack an operand [\(key.depth), \(key.columns)]")
    }
    let layout = Layout(pointer: pointer, bytes: cod_layout_bytes(pointer))
    made.layouts[key] = layout
    return layout
  }

  private func product(_ key: ProductKey) throws -> Product {
    try made.withLock { made in
      if let known = made.products[key] { return known }
      try Self.checkMemory()
      let layout = try layout(key.layout, &made)
      guard
        let pointer = cod_product_create(
          layout.pointer, Int64(key.rows), key.accumulates ? 1 : 0, Int32(threads))
      else {
        throw Self.failure("multiply \(key.rows) rows with [\(key.layout.depth), \(key.layout.columns)]")
      }
      let product = Product(pointer: pointer, scratchBytes: cod_product_scratch_bytes(pointer))
      made.products[key] = product
      return product
    }
  }

  private func packing(_ key: PackingKey) throws -> Packing {
    try made.withLock { made in
      if let known = made.packings[key] { return known }
      try Self.checkMemory()
      let layout = try layout(key.layout, &made)
      guard
        let pointer = cod_packing_create(
          layout.pointer, type, Int64(key.depthStride), Int64(key.columnStride), Int32(threads))
      else { throw Self.failure("pack [\(key.layout.depth), \(key.layout.columns)]") }
      made.packings[key] = Packing(pointer: pointer)
      return Packing(pointer: pointer)
    }
  }

  private func pack(
    _ key: PackingKey, from source: UnsafeRawPointer, into memory: UnsafeMutableRawPointer, thread: Int
  ) throws {
    guard cod_pack(try packing(key).pointer, source, memory, Int32(thread)) != 0 else {
      throw Self.failure("pack an operand")
    }
  }

  private func multiply(
    _ key: ProductKey, _ a: UnsafeRawPointer, _ packed: UnsafeRawPointer, _ sums: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutableRawPointer, _ thread: Int
  ) throws {
    guard cod_multiply(try product(key).pointer, a, packed, sums, scratch, Int32(thread)) != 0 else {
      throw Self.failure("multiply")
    }
  }

  // Weights.

  public struct Weight: Sendable {
    fileprivate let columns: Int
    fileprivate let depth: Int
    fileprivate let depthStep: Int
    /// The blocks of each step of the depth after each other.
    fileprivate let memory: WeightStorage.Place
    /// Where each block begins, by step and then by block.
    fileprivate let offsets: [Int]
  }

  public func makeReady(threads: Int) {}
  /// Compiled kernels and what goes with them; measured with the embedded model: 30 MB.
  public func startBytes(threads: Int) -> Int { made.withLock { $0.products.isEmpty } ? 32 << 20 : 0 }

  public func tileCost(of weight: Weight, gathers: Bool) -> TileCost {
    let rowBytes = (gathers ? weight.depthStep : weight.depth) * precision.width
    // A tile's rows shall stay in a core's cache of a megabyte while its blocks pass by.
    let rows = max(64, min(256, (1 << 20) / max(1, rowBytes) / 32 * 32))
    return TileCost(
      row: gathers ? 12 : 2, column: 2, maximumRows: rows, maximumColumns: 1280)
  }

  private func steps(_ depth: Int, _ step: Int) -> [Range<Int>] {
    stride(from: 0, to: depth, by: step).map { $0..<min(depth, $0 + step) }
  }

  public func layOut(_ rows: WeightRows, depthStep: Int, in storage: WeightStorage, on pool: ThreadPool)
    throws -> Weight
  {
    var offsets: [Int] = []
    var bytes = 0
    for step in steps(rows.depth, depthStep) {
      for first in stride(from: 0, to: rows.columns, by: blockColumns) {
        offsets.append(bytes)
        let key = LayoutKey(depth: step.count, columns: min(blockColumns, rows.columns - first))
        bytes += roundedToLine(try layout(key).bytes)
      }
    }
    let weight = Weight(
      columns: rows.columns, depth: rows.depth, depthStep: depthStep, memory: try storage.take(bytes),
      offsets: offsets)
    try pool.run(blockCount(of: weight)) { block, thread in
      let scratch = try pool.scratch(self.blockScratchBytes(of: rows), thread: thread)
      try self.fill(weight, block: block, from: rows, scratch: scratch, thread: thread)
    }
    return weight
  }

  public func extraBytes(of weight: Weight) -> Int { weight.memory.bytes }
  public let packsOperands = true

  public func packedBytes(columns: Int, depth: Int, _ type: StorageType, isTransposed: Bool) -> Int {
    (columns + blockColumns - 1) / blockColumns * blockColumns * depth * precision.width
  }
  public func readsCheckpoint(_ weight: Weight) -> Bool { false }

  private func blockCount(of weight: Weight) -> Int { (weight.columns + blockColumns - 1) / blockColumns }

  /// How far apart the rows of a block lie while it is laid out: a cache line more than a row, since rows whole
  /// pages apart would share a few places of the cache.
  private func rowStride(of rows: WeightRows) -> Int { rows.depth + 64 / precision.width }

  /// Bytes that laying out one block needs.
  private func blockScratchBytes(of rows: WeightRows) -> Int {
    roundedToLine(rows.scratchBytes(columns: blockColumns))
      + roundedToLine(blockColumns * rowStride(of: rows) * precision.width)
  }

  /// Fills in a block of a weight, for all steps of its depth.
  private func fill(
    _ weight: Weight, block: Int, from rows: WeightRows, scratch: UnsafeMutableRawPointer, thread: Int
  ) throws {
    let columns = block * blockColumns..<min(rows.columns, (block + 1) * blockColumns)
    let source = rows.read(columns, scratch: scratch)
    let converted = scratch + roundedToLine(rows.scratchBytes(columns: blockColumns))
    let (stride, type) = (rowStride(of: rows), rows.stored.type)
    for row in 0..<columns.count {
      ck_convert(
        type.native, source + row * rows.depth * type.width, precision.native,
        converted + row * stride * precision.width,
        rows.depth)
    }
    for (index, step) in steps(rows.depth, weight.depthStep).enumerated() {
      let key = PackingKey(
        layout: LayoutKey(depth: step.count, columns: columns.count), depthStride: 1, columnStride: stride)
      let offset = weight.offsets[index * blockCount(of: weight) + block]
      try pack(
        key, from: converted + step.lowerBound * precision.width, into: weight.memory.base + offset,
        thread: thread)
    }
  }

  public func scratchBytes(rows: Int, columns: Int, depth: Int, of weight: Weight) throws -> Int {
    try scratchBytes(rows, LayoutKey(depth: depth, columns: min(columns, blockColumns)))
  }

  private func scratchBytes(_ rows: Int, _ layout: LayoutKey) throws -> Int {
    max(
      try product(ProductKey(layout: layout, rows: rows, accumulates: false)).scratchBytes,
      try product(ProductKey(layout: layout, rows: rows, accumulates: true)).scratchBytes)
  }

  public func multiply(
    _ a: UnsafeRawPointer, stride: Int, rows: Int, _ weight: Weight, columns: Range<Int>, depth: Range<Int>,
    accumulates: Bool, into sums: UnsafeMutablePointer<Float>, stride sumsStride: Int,
    scratch: UnsafeMutableRawPointer,
    thread: Int
  ) throws {
    let layout = LayoutKey(depth: depth.count, columns: columns.count)
    let key = ProductKey(layout: layout, rows: rows, accumulates: accumulates)
    let block = columns.lowerBound / blockColumns
    let offset = weight.offsets[depth.lowerBound / weight.depthStep * blockCount(of: weight) + block]
    try multiply(key, a, weight.memory.base + offset, sums, scratch, thread)
  }

  // Activations.

  public struct Operand: Sendable {
    fileprivate let depth, columns, depthStride, columnStride: Int
    fileprivate let bytes: Int
  }

  public func operand(depth: Int, columns: Int, depthStride: Int, columnStride: Int) throws -> Operand {
    let bytes = try layout(LayoutKey(depth: depth, columns: columns)).bytes
    return Operand(
      depth: depth, columns: columns, depthStride: depthStride, columnStride: columnStride,
      bytes: roundedToLine(bytes))
  }

  public func bytes(of operand: Operand) -> Int { operand.bytes }

  public func layOut(
    _ operand: Operand, from source: UnsafeRawPointer, into memory: UnsafeMutableRawPointer, thread: Int
  ) throws {
    let layout = LayoutKey(depth: operand.depth, columns: operand.columns)
    try pack(
      PackingKey(layout: layout, depthStride: operand.depthStride, columnStride: operand.columnStride),
      from: source,
      into: memory, thread: thread)
  }

  public func scratchBytes(rows: Int, of operand: Operand) throws -> Int {
    try scratchBytes(rows, LayoutKey(depth: operand.depth, columns: operand.columns))
  }

  public func multiply(
    _ a: UnsafeRawPointer, stride: Int, rows: Int, _ operand: Operand, at b: UnsafeRawPointer,
    accumulates: Bool,
    into sums: UnsafeMutablePointer<Float>, stride sumsStride: Int, scratch: UnsafeMutableRawPointer,
    thread: Int
  ) throws {
    let layout = LayoutKey(depth: operand.depth, columns: operand.columns)
    try multiply(
      ProductKey(layout: layout, rows: rows, accumulates: accumulates), a, b, sums, scratch, thread)
  }
}
