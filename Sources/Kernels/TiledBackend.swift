import CKernels
import Graph
import Synchronization

/// A library's matrix products cut into tiles, one thread of the pool a tile, and C loops for the rest.
///
/// A convolution is a product too: each tile gathers the patches that its outputs see, so that no more than a tile's are
/// ever in memory (an implicit im2col).
public final class TiledBackend<Library: MatrixLibrary>: VectorBackend {
  public let library: Library
  public let pool: ThreadPool
  /// Four 2x2 convolutions at a quarter of the places each, where a 3x3 one would be.
  public let doubledShare = 4.0 / 9
  public var name: String { library.name }
  public var precision: Precision { library.precision }
  public var description: String {
    "\(library.description), \(precision.rawValue), \(String(cString: ck_simd_name(ck_simd_level())))"
  }

  public init(_ library: Library, pool: ThreadPool) {
    self.library = library
    self.pool = pool
  }

  public func prepare(_ weight: StoredTensor, for op: Op, _ use: WeightUse) throws -> PreparedWeight {
    let prepared = TiledWeight(weight, op, use, self)
    if use.followsDoubling { _ = try prepared.phases(self) } else { _ = try prepared.parts(self) }
    return prepared
  }

  public func packedBytes(_ shape: [Int], _ type: StorageType, for op: Op, _ use: WeightUse) -> Int {
    guard let columns = shape.first, columns > 0 else { return 0 }
    let depth = shape.dropFirst().reduce(1, *)
    if use.followsDoubling {
      // Four 2x2 convolutions in place of a 3x3 one, folded in float32 first.
      let folded = 4 * columns * depth / 9 * 4 * 4
      let packed =
        4 * library.packedBytes(columns: columns, depth: depth / 9 * 4, .float32, isTransposed: false)
      return packed == 0 ? folded : packed
    }
    return library.packedBytes(
      columns: columns, depth: depth, type, isTransposed: shape.count == 4 && shape[2] * shape[3] > 1)
  }

  public var startBytes: Int { library.startBytes(threads: pool.threads) }

  public func attentionBytes(batch: Int, keys: Int, features: Int) -> Int {
    library.packsOperands ? 2 * batch * (keys + 63) / 64 * 64 * features * precision.width * 5 / 4 : 0
  }

  func weight(_ weight: PreparedWeight) -> TiledWeight<Library> {
    guard let weight = weight as? TiledWeight<Library> else {
      preconditionFailure("a weight that another backend prepared")
    }
    return weight
  }
}

public typealias OpenBLASBackend = TiledBackend<OpenBLASLibrary>
public typealias OneDNNBackend = TiledBackend<OneDNNLibrary>

extension TiledBackend where Library == OpenBLASLibrary {
  public convenience init(pool: ThreadPool) throws { self.init(try OpenBLASLibrary(), pool: pool) }
}

extension TiledBackend where Library == OneDNNLibrary {
  public convenience init(_ precision: Precision, pool: ThreadPool) throws {
    self.init(try OneDNNLibrary(precision, threads: pool.threads), pool: pool)
  }
}

/// A weight as its library reads it, for the uses it has had so far.
final class TiledWeight<Library: MatrixLibrary>: PreparedWeight {
  /// Some columns of the output.
  struct Part: Sendable {
    let weight: Library.Weight
    let columns: Range<Int>
    let depth: Int
    /// Products are summed over this many elements of the depth at a time.
    let depthStep: Int
  }

  private struct Made: Sendable {
    var parts: [Part]?
    var phases: [Part]?
  }

  private let stored: StoredTensor
  private let kernel: Int
  private let use: WeightUse
  private let library: Library
  private let made = Mutex(Made())

  init(_ stored: StoredTensor, _ op: Op, _ use: WeightUse, _ backend: TiledBackend<Library>) {
    self.stored = stored
    self.use = use
    library = backend.library
    if case .conv2d(let convolution) = op { kernel = convolution.kernel } else { kernel = 1 }
  }

  /// The whole output's columns: in one part, or in the two halves of a gated one.
  func parts(_ backend: TiledBackend<Library>) throws -> [Part] {
    try made.withLock { made in
      if let parts = made.parts { return parts }
      let columns = stored.shape[0]
      let ranges =
        use.isGated && columns % 2 == 0 ? [0..<columns / 2, columns / 2..<columns] : [0..<columns]
      let parts = try ranges.map { range in
        let rows =
          kernel > 1
          ? WeightRows(filters: stored) : ranges.count == 1 ? WeightRows(stored) : WeightRows(stored, range)
        return try part(rows, range, gathers: kernel > 1, backend)
      }
      made.parts = parts
      return parts
    }
  }

  /// For a 3x3 convolution after a doubling: the 2x2 convolutions that give the outputs of even and odd rows and columns.
  func phases(_ backend: TiledBackend<Library>) throws -> [Part] {
    try made.withLock { made in
      if let phases = made.phases { return phases }
      precondition(kernel == 3, "only a 3x3 convolution folds")
      let (filters, channels) = (stored.shape[0], stored.shape[1])
      let rows = WeightRows(filters: stored)
      let filterCount = 9 * channels
      let folded = try PageMemory(bytes: 16 * filters * channels * 4)
      try backend.pool.run(filters) { filter, thread in
        let widened = roundedToLine(filterCount * 4)
        let memory = try backend.pool.scratch(widened + rows.scratchBytes(columns: 1), thread: thread)
        let source = rows.read(filter..<filter + 1, scratch: memory + widened)
        ck_convert(rows.stored.type.native, source, CK_F32, memory, filterCount)
        ck_fold_upsampling(
          memory.assumingMemoryBound(to: Float.self),
          folded.base.assumingMemoryBound(to: Float.self) + filter * 4 * channels, filters * 4 * channels, 1,
          channels)
      }
      let all = StoredTensor([4 * filters, 4 * channels], folded)
      let phases = try (0..<4).map { phase in
        try part(
          WeightRows(all, phase * filters..<(phase + 1) * filters), 0..<filters, gathers: true, backend)
      }
      made.phases = phases
      return phases
    }
  }

  private func part(
    _ rows: WeightRows, _ columns: Range<Int>, gathers: Bool, _ backend: TiledBackend<Library>
  ) throws -> Part {
    let step = MatrixTiling.depthStep(rows.depth, gathers: gathers)
    let weight = try library.layOut(rows, depthStep: step, in: use.storage, on: backend.pool)
    return Part(weight: weight, columns: columns, depth: rows.depth, depthStep: step)
  }

  private var all: [Part] { made.withLock { ($0.parts ?? []) + ($0.phases ?? []) } }

  var extraBytes: Int { all.reduce(0) { $0 + library.extraBytes(of: $1.weight) } }
  // What is laid out for one use may be laid out for another from the checkpoint, whose pages then come back.
  var readsCheckpoint: Bool { all.contains { library.readsCheckpoint($0.weight) } }
}
