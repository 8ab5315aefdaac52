import Base
import CKernels
import COpenBLAS
import Graph

/// float32 on any processor, by OpenBLAS's single-threaded sgemm.
///
/// Weights stay in the checkpoint's element type and are widened a tile at a time while they are used, so that a model
/// needs no float32 copy; only convolutions over more than one position keep a copy, with channels last.
public struct OpenBLASLibrary: MatrixLibrary {
  public let name = "openblas"
  public let precision = Precision.float32
  public let isDense = false
  public let blockColumns = Int.max

  /// Loads OpenBLAS, once in a process; do so before other threads read the environment.
  ///
  /// Throws a `Diagnostic` when the library cannot be loaded.
  public init() throws {
    if let reason = cob_load() {
      guard Memory.canTake(80 << 20) else { throw Memory.shortage(at: "OpenBLAS", needed: 80 << 20) }
      throw Diagnostic(
        .file, at: "libopenblas.so.0", "expected the OpenBLAS library, found: \(String(cString: reason))",
        hint: "apt-get install libopenblas0")
    }
  }

  /// The kernels that OpenBLAS uses, as it names them: `SkylakeX`, `Haswell`.
  public var coreName: String { String(cString: cob_core_name()) }

  public var description: String {
    let version = configuration.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    return "openblas \(version) \(coreName)"
  }

  /// OpenBLAS's version and build options.
  public var configuration: String { String(cString: cob_config()) }

  public func makeReady(threads: Int) throws {
    guard cob_reserve(Int32(threads), { Memory.canTake(Int($0)) ? 1 : 0 }) != 0 else {
      throw Memory.shortage(at: "OpenBLAS", needed: threads * Self.bufferBytes)
    }
  }

  public func startBytes(threads: Int) -> Int { max(0, threads - Int(cob_reserved())) * Self.bufferBytes }

  /// Bytes that the library maps for each thread.
  static var bufferBytes: Int { Int(cob_buffer_bytes()) }

  /// Widening and packing a weight, and gathering and packing rows, are each as dear as some tens of rows or columns of
  /// products (measured on AVX-512, where the products are fastest).
  public func tileCost(of weight: Weight, gathers: Bool) -> TileCost {
    TileCost(row: gathers ? 40 : 20, column: 40, maximumRows: 1024, maximumColumns: 640)
  }

  public struct Weight: Sendable {
    fileprivate let stored: StoredTensor
    fileprivate let depth: Int
    fileprivate let extraBytes: Int
    /// The elements themselves, when they are float32 already and lie where those may.
    fileprivate let floats: Tensor?
  }

  public func layOut(_ rows: WeightRows, depthStep: Int, in storage: WeightStorage, on pool: ThreadPool)
    throws -> Weight
  {
    var stored = rows.stored
    var extraBytes = 0
    if rows.isTransposed, let source = stored.bytes.baseAddress {
      let copy = try storage.take(stored.bytes.count)
      let filter = rows.depth * stored.type.width
      // Parts of about a megabyte.
      let part = max(1, (1 << 20) / max(1, filter))
      let from = Bytes(start: source)
      try pool.run((rows.columns + part - 1) / part) { [stored] task in
        let first = task * part
        ck_relayout_filters(
          from.start + first * filter, copy.base + first * filter, min(part, rows.columns - first),
          rows.depth / rows.taps, rows.taps, stored.type.width)
      }
      extraBytes = stored.bytes.count
      stored = StoredTensor(
        type: stored.type, shape: [rows.columns, rows.depth],
        bytes: UnsafeRawBufferPointer(start: copy.base, count: extraBytes), owner: copy.owner)
    }
    return Weight(stored: stored, depth: rows.depth, extraBytes: extraBytes, floats: stored.floats)
  }

  public func extraBytes(of weight: Weight) -> Int { weight.extraBytes }
  public let packsOperands = false

  public func packedBytes(columns: Int, depth: Int, _ type: StorageType, isTransposed: Bool) -> Int {
    isTransposed ? columns * depth * type.width : 0
  }
  public func readsCheckpoint(_ weight: Weight) -> Bool { weight.extraBytes == 0 }

  public func scratchBytes(rows: Int, columns: Int, depth: Int, of weight: Weight) -> Int {
    weight.floats == nil ? columns * depth * 4 : 0
  }

  public func multiply(
    _ a: UnsafeRawPointer, stride: Int, rows: Int, _ weight: Weight, columns: Range<Int>, depth: Range<Int>,
    accumulates: Bool, into sums: UnsafeMutablePointer<Float>, stride sumsStride: Int,
    scratch: UnsafeMutableRawPointer,
    thread: Int
  ) {
    let widened = scratch.assumingMemoryBound(to: Float.self)
    var (b, bStride) = (UnsafePointer(widened), depth.count)
    if let floats = weight.floats {
      (b, bStride) = (
        UnsafePointer(floats.elements + columns.lowerBound * weight.depth + depth.lowerBound), weight.depth
      )
    } else {
      for (index, column) in columns.enumerated() {
        let start = column * weight.depth + depth.lowerBound
        weight.stored.widen(start..<start + depth.count, into: widened + index * depth.count)
      }
    }
    cob_sgemm(
      1, Int32(rows), Int32(columns.count), Int32(depth.count), 1, a.assumingMemoryBound(to: Float.self),
      Int32(stride),
      b, Int32(bStride), accumulates ? 1 : 0, sums, Int32(sumsStride))
  }

  public struct Operand: Sendable {
    let depth, columns, depthStride, columnStride: Int
  }

  public func operand(depth: Int, columns: Int, depthStride: Int, columnStride: Int) -> Operand {
    precondition(depthStride == 1 || columnStride == 1, "an operand with gaps both ways")
    return Operand(depth: depth, columns: columns, depthStride: depthStride, columnStride: columnStride)
  }

  public func bytes(of operand: Operand) -> Int { 0 }
  public func scratchBytes(rows: Int, of operand: Operand) -> Int { 0 }
  public func layOut(
    _ operand: Operand, from source: UnsafeRawPointer, into memory: UnsafeMutableRawPointer, thread: Int
  ) {}

  public func multiply(
    _ a: UnsafeRawPointer, stride: Int, rows: Int, _ operand: Operand, at b: UnsafeRawPointer,
    accumulates: Bool,
    into sums: UnsafeMutablePointer<Float>, stride sumsStride: Int, scratch: UnsafeMutableRawPointer,
    thread: Int
  ) {
    let isTransposed = operand.depthStride == 1
    cob_sgemm(
      isTransposed ? 1 : 0, Int32(rows), Int32(operand.columns), Int32(operand.depth), 1,
      a.assumingMemoryBound(to: Float.self), Int32(stride), b.assumingMemoryBound(to: Float.self),
      Int32(isTransposed ? operand.columnStride : operand.depthStride), accumulates ? 1 : 0, sums,
      Int32(sumsStride))
  }
}

/// An address that tasks may read from.
private struct Bytes: @unchecked Sendable { let start: UnsafeRawPointer }

extension StoredTensor {
  fileprivate var floats: Tensor? {
    guard type == .float32, let base = bytes.baseAddress, Int(bitPattern: base) % 4 == 0 else { return nil }
    // It is only read.
    return Tensor(UnsafeMutableRawPointer(mutating: base).assumingMemoryBound(to: Float.self), Shape(shape))
  }
}
