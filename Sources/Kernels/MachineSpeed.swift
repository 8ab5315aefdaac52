import Base
import Graph

/// How fast a backend is on this machine, from a measurement of about a tenth of a second.
///
/// Products are timed at several widths, since narrow ones use less of the machine; what moves numbers by the bytes it moves.
public struct MachineSpeed: Sendable {
  /// Multiply-adds a second of matrix products, by width: the square root of depth times columns.
  public let products: [(width: Double, rate: Double)]
  /// Multiply-adds a second of attention, at heads of 64 features.
  public let attention: Double
  /// Bytes a second that norms and sums read and write.
  public let bytes: Double
  /// Bytes a second of weights that are laid out, in memory that nothing has touched before.
  public let layout: Double
  /// The backend's share of a doubled convolution's multiply-adds.
  public let doubledShare: Double
  /// Seconds that a call takes for next to nothing: of a product, of attention, of anything else.
  public let calls: (product: Double, attention: Double, other: Double)

  private static let measurements = 7

  /// Throws a `Diagnostic` when the backend's pool is cancelled or memory is out, since then nothing was measured.
  /// - Parameter progress: called after each measurement, with their number and how many there are.
  public init(of backend: any Backend, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws {
    var done = 0
    func step() {
      done += 1
      progress(done, Self.measurements)
    }
    products = try [32, 96, 320, 1280].map { width in
      defer { step() }
      return (
        Double(width),
        try Self.product(of: backend, width: width, rows: max(256, min(4096, 1_000_000 / width))).rate
      )
    }
    attention = try Self.attention(of: backend, tokens: 512, heads: 8, size: 64).rate
    step()
    layout = try Self.layoutRate(of: backend)
    step()
    doubledShare = backend.doubledShare
    let (bytes, other) = try Self.moves(of: backend)
    self.bytes = bytes
    step()
    calls = (
      try Self.product(of: backend, width: 32, rows: 16).seconds,
      try Self.attention(of: backend, tokens: 16, heads: 4, size: 16).seconds, other
    )
  }

  /// Multiply-adds a second of a product of some depth and columns, between the measured widths.
  public func productRate(depth: Int, columns: Int) -> Double {
    let width = (Double(depth) * Double(columns)).squareRoot()
    guard let first = products.first, let last = products.last, width > first.width else {
      return products.first?.rate ?? 1
    }
    guard width < last.width else { return last.rate }
    for (low, high) in zip(products, products.dropFirst()) where width <= high.width {
      let share = (width - low.width) / (high.width - low.width)
      return low.rate + share * (high.rate - low.rate)
    }
    return last.rate
  }

  /// The best of a few calls, in seconds; of fewer where they are slow.
  private static func best(_ calls: Int, _ body: () throws -> Void) throws -> Double {
    let first = ContinuousClock.now
    var best = Double.infinity
    for _ in 0..<calls where best == .infinity || (ContinuousClock.now - first).seconds < 0.05 {
      let start = ContinuousClock.now
      try body()
      best = min(best, (ContinuousClock.now - start).seconds)
    }
    return best
  }

  /// A tensor of halves: zeros might be faster than other numbers.
  private static func tensor(_ shape: Shape, _ precision: Precision) -> (Tensor, UnsafeMutableRawPointer) {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(64, shape.count * precision.width), alignment: 64)
    let tensor = Tensor(memory, precision, shape)
    tensor.assign([Float](repeating: 0.5, count: shape.count))
    return (tensor, memory)
  }

  private static func product(of backend: any Backend, width: Int, rows: Int) throws -> (
    rate: Double, seconds: Double
  ) {
    let (x, xMemory) = tensor([1, rows, width], backend.precision)
    let (out, outMemory) = tensor([1, rows, width], backend.precision)
    let (weight, weightMemory) = tensor([width, width], .float32)
    defer { for memory in [xMemory, outMemory, weightMemory] { memory.deallocate() } }
    let stored = StoredTensor(
      type: .float32, shape: [width, width],
      bytes: UnsafeRawBufferPointer(start: weight.base, count: weight.bytes),
      owner: nil)
    let prepared = try backend.prepare(stored, for: .linear(out: width, bias: false), WeightUse())
    let seconds = try best(4) { try backend.linear(x, prepared, Epilogue(), into: out) }
    return (Double(rows * width * width) / seconds, seconds)
  }

  private static func layoutRate(of backend: any Backend) throws -> Double {
    let (rows, columns) = (1280, 5120)
    let count = rows * columns
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 2 * count, alignment: 64)
    memory.initializeMemory(as: UInt16.self, repeating: 0x3800, count: count)
    defer { memory.deallocate() }
    let stored = StoredTensor(
      type: .float16, shape: [rows, columns], bytes: UnsafeRawBufferPointer(start: memory, count: 2 * count),
      owner: nil)
    let start = ContinuousClock.now
    let prepared = try backend.prepare(stored, for: .linear(out: rows, bias: false), WeightUse())
    let laidOut = ContinuousClock.now
    guard prepared.extraBytes > 0 else { return .infinity }
    // What takes longest where the system has to find memory first.
    let fresh = try PageMemory(bytes: 64 << 20)
    for page in stride(from: 0, to: fresh.bytes, by: 4096) {
      fresh.base.storeBytes(of: 1, toByteOffset: page, as: UInt8.self)
    }
    let touched = ContinuousClock.now
    return 1
      / ((laidOut - start).seconds / Double(prepared.extraBytes) + (touched - laidOut).seconds
        / Double(fresh.bytes))
  }

  private static func attention(
    of backend: any Backend, tokens: Int, heads: Int, size: Int
  ) throws -> (rate: Double, seconds: Double) {
    let (x, xMemory) = tensor([1, tokens, heads * size], backend.precision)
    let (out, outMemory) = tensor([1, tokens, heads * size], backend.precision)
    defer { for memory in [xMemory, outMemory] { memory.deallocate() } }
    let seconds = try best(4) {
      try backend.attention(q: x, k: x, v: x, heads: heads, isCausal: false, into: out)
    }
    return (Double(2 * tokens * tokens * heads * size) / seconds, seconds)
  }

  private static func moves(of backend: any Backend) throws -> (bytes: Double, call: Double) {
    let (large, largeMemory) = tensor([1, 64, 64, 512], backend.precision)
    let (small, smallMemory) = tensor([1, 4, 4, 32], backend.precision)
    let (gamma, gammaMemory) = tensor([512], .float32)
    defer { for memory in [largeMemory, smallMemory, gammaMemory] { memory.deallocate() } }
    func norm(_ x: Tensor) throws -> Double {
      let vector = Tensor(gamma.base, .float32, [x.shape.channels])
      return try best(6) {
        try backend.groupNorm(
          x, gamma: vector, beta: vector, groups: 32, epsilon: 1e-5, activation: .silu, into: x)
      }
    }
    let call = try norm(small)
    return (Double(2 * large.bytes) / max(1e-9, try norm(large) - call), call)
  }
}
