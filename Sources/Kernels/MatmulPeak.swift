import Base
import Graph

/// The fastest matrix product that the libraries here manage: what every share of the peak refers to.
public final class MatmulPeak {
  /// Floating-point operations a second; a multiply-add is two.
  public private(set) var operations = 0.0
  private let backends: [any Backend]
  private let weights: [any PreparedWeight]
  private let (rows, depth, columns) = (4096, 2048, 2048)
  private let x: UnsafeMutableRawPointer
  private let out: UnsafeMutableRawPointer
  private let weight: UnsafeMutableRawPointer

  /// Of each library that computes in `precision`.
  public init(_ precision: Precision, on pool: ThreadPool) {
    let libraries: [BackendChoice.Library] = [.onednn, .openblas]
    backends = libraries.compactMap { library in
      try? BackendChoice(library: library, precision: precision).backend(on: pool)
    }
    x = .allocate(byteCount: rows * depth * 4, alignment: 64)
    out = .allocate(byteCount: rows * columns * 4, alignment: 64)
    weight = .allocate(byteCount: columns * depth * 4, alignment: 64)
    // Halves of ones: any values do, but zeros might be faster than others.
    x.initializeMemory(as: UInt32.self, repeating: 0x3f00_3f00, count: rows * depth)
    weight.initializeMemory(as: UInt32.self, repeating: 0x3f00_3f00, count: columns * depth)
    let bytes = UnsafeRawBufferPointer(start: weight, count: columns * depth * precision.width)
    let stored = StoredTensor(
      type: precision == .float32 ? .float32 : .bfloat16, shape: [columns, depth], bytes: bytes, owner: nil)
    let operation = Op.linear(out: columns, bias: false)
    weights = backends.map { $0.prepare(stored, for: operation, WeightUse()) }
  }

  deinit { for memory in [x, out, weight] { memory.deallocate() } }

  /// Multiplies a few times and keeps the best of all calls so far; a machine's speed moves, so call it now and then.
  public func measure() {
    for (backend, weight) in zip(backends, weights) {
      let a = Tensor(x, backend.precision, [1, rows, depth])
      let c = Tensor(out, backend.precision, [1, rows, columns])
      for _ in 0..<5 {
        let start = ContinuousClock.now
        backend.linear(a, weight, Epilogue(), into: c)
        let seconds = (ContinuousClock.now - start).seconds
        // A cancelled product takes no time and is none.
        if backend.pool.isCancelled { return }
        operations = max(operations, 2 * Double(rows * depth * columns) / seconds)
      }
    }
  }
}
