import Base
import Graph

/// The fastest matrix product that the libraries here manage: what every share of the peak refers to.
public final class MatmulPeak {
  /// Floating-point operations a second; a multiply-add is two.
  public private(set) var operations = 0.0
  private static let calls = 5
  private let backends: [any Backend]
  private let weights: [any PreparedWeight]
  private let (rows, depth, columns) = (4096, 2048, 2048)
  private let x: UnsafeMutableRawPointer
  private let out: UnsafeMutableRawPointer
  private let memory: PageMemory

  /// Of each library that computes in `precision`. Throws a `Diagnostic` when the pool is cancelled or memory is out.
  public init(_ precision: Precision, on pool: ThreadPool) throws {
    let libraries: [BackendChoice.Library] = [.onednn, .openblas]
    backends = libraries.compactMap { library in
      try? BackendChoice(library: library, precision: precision).backend(on: pool)
    }
    memory = try PageMemory(bytes: 4 * (rows * depth + rows * columns + columns * depth))
    x = memory.base
    out = x + 4 * rows * depth
    let weight = out + 4 * rows * columns
    // Halves of ones: any values do, but zeros might be faster than others.
    x.initializeMemory(as: UInt32.self, repeating: 0x3f00_3f00, count: rows * depth)
    weight.initializeMemory(as: UInt32.self, repeating: 0x3f00_3f00, count: columns * depth)
    let bytes = UnsafeRawBufferPointer(start: weight, count: columns * depth * precision.width)
    let stored = StoredTensor(
      type: precision == .float32 ? .float32 : .bfloat16, shape: [columns, depth], bytes: bytes, owner: memory
    )
    let operation = Op.linear(out: columns, bias: false)
    weights = try backends.map { try $0.prepare(stored, for: operation, WeightUse()) }
  }

  /// Multiplies a few times and keeps the best of all calls so far; a machine's speed moves, so call it now and then.
  /// - Parameter progress: called after each call, with their number and how many there are.
  public func measure(progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws {
    var done = 0
    for (backend, weight) in zip(backends, weights) {
      let a = Tensor(x, backend.precision, [1, rows, depth])
      let c = Tensor(out, backend.precision, [1, rows, columns])
      for _ in 0..<Self.calls {
        let start = ContinuousClock.now
        try backend.linear(a, weight, Epilogue(), into: c)
        let seconds = (ContinuousClock.now - start).seconds
        done += 1
        progress(done, Self.calls * backends.count)
        operations = max(operations, 2 * Double(rows * depth * columns) / seconds)
      }
    }
  }
}
