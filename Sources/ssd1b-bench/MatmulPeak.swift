import Graph
import Kernels

/// The fastest matrix product that the libraries here manage: what every share of the peak refers to.
struct MatmulPeak {
  /// Floating-point operations a second; a multiply-add is two.
  private(set) var operations = 0.0
  private let backends: [any Backend]
  private let rows = 4096
  private let depth = 2048
  private let columns = 2048
  private let x: UnsafeMutableRawPointer
  private let out: UnsafeMutableRawPointer
  private let weights: [any PreparedWeight]
  private let weight: UnsafeMutableRawPointer

  /// Of each library that computes in `precision`.
  init(_ precision: Precision, on pool: ThreadPool) throws {
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

  /// Multiplies a few times and keeps the best of all calls so far; a machine's speed moves, so call it now and then.
  mutating func measure() {
    for (backend, weight) in zip(backends, weights) {
      let a = Tensor(x, backend.precision, [1, rows, depth])
      let c = Tensor(out, backend.precision, [1, rows, columns])
      for _ in 0..<5 {
        let (_, seconds) = measured { backend.linear(a, weight, Epilogue(), into: c) }
        operations = max(operations, 2 * Double(rows * depth * columns) / seconds)
      }
    }
  }

  func free() {
    for memory in [x, out, weight] { memory.deallocate() }
  }
}
