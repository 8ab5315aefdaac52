import Base
import Checkpoints
import Graph
import Kernels

/// How far the tensors of one checkpoint lie from those of another, key by key.
public struct WeightComparison: Sendable {
  /// Sums over corresponding elements of tensors a (old) and b (new), in double precision.
  public struct Sums: Hashable, Sendable {
    /// Σab.
    public var product = 0.0
    /// Σa².
    public var oldSquares = 0.0
    /// Σb².
    public var newSquares = 0.0
    /// Σ(b - a)².
    public var differenceSquares = 0.0

    public init() {}

    /// ‖b - a‖ / ‖a‖; nil when the old values are all zero and the new ones are not.
    public var relativeL2: Double? {
      if differenceSquares == 0 { return 0 }
      return oldSquares == 0 ? nil : (differenceSquares / oldSquares).squareRoot()
    }
    /// Σab / (‖a‖ ‖b‖); nil when either is all zero.
    public var cosine: Double? {
      let norms = oldSquares.squareRoot() * newSquares.squareRoot()
      return norms == 0 ? nil : product / norms
    }

    public static func += (a: inout Sums, b: Sums) {
      a.product += b.product
      a.oldSquares += b.oldSquares
      a.newSquares += b.newSquares
      a.differenceSquares += b.differenceSquares
    }
  }

  /// By the graphs' keys.
  public let tensors: [String: Sums]

  /// Compares the tensors of some keys on all threads of `pool`. Left out are keys that
  /// either checkpoint lacks, and tensors whose values cannot be read.
  public init(_ keys: [String], old: Checkpoint, new: Checkpoint, on pool: ThreadPool) throws {
    let pairs = keys.compactMap { key -> TensorPair? in
      guard let a = old.tensor(for: key), let b = new.tensor(for: key), a.entry.shape == b.entry.shape else {
        return nil
      }
      let pair = TensorPair(key: key, old: StoredElements(a), new: StoredElements(b))
      return pair.old.areReadable && pair.new.areReadable ? pair : nil
    }
    let sums = try pool.map(pairs.count) { (key: pairs[$0].key, sums: try pairs[$0].sums()) }
    tensors = Dictionary(sums.map { ($0.key, $0.sums) }) { first, _ in first }
  }

  /// The sums of several tensors taken as one; nil when none was compared.
  public func sums(of keys: [String]) -> Sums? {
    let found = keys.compactMap { tensors[$0] }
    return found.isEmpty ? nil : found.reduce(into: Sums()) { $0 += $1 }
  }
}

private struct TensorPair: Sendable {
  let key: String
  let old: StoredElements
  let new: StoredElements

  func sums() throws -> WeightComparison.Sums {
    var sums = WeightComparison.Sums()
    try StoredElements.forEachChunk(of: [old, new]) { chunks in
      let (a, b) = (chunks[0], chunks[1])
      sums.product += a.product(with: b)
      sums.oldSquares += a.product(with: a)
      sums.newSquares += b.product(with: b)
      sums.differenceSquares += a.squaredDistance(to: b)
    }
    return sums
  }
}

extension UnsafeBufferPointer<Double> {
  private func lanes(_ index: Int) -> SIMD8<Double> {
    var x = SIMD8<Double>.zero
    if index + 8 <= count, let base = baseAddress {
      x = UnsafeRawPointer(base + index).loadUnaligned(as: SIMD8<Double>.self)
    } else {
      for lane in 0..<(count - index) { x[lane] = self[index + lane] }
    }
    return x
  }

  /// Σxy, in eight running sums.
  func product(with other: UnsafeBufferPointer<Double>) -> Double {
    var sums = SIMD8<Double>.zero
    for index in stride(from: 0, to: count, by: 8) { sums += lanes(index) * other.lanes(index) }
    return sums.sum()
  }

  /// Σ(x - y)².
  func squaredDistance(to other: UnsafeBufferPointer<Double>) -> Double {
    var sums = SIMD8<Double>.zero
    for index in stride(from: 0, to: count, by: 8) {
      let difference = lanes(index) - other.lanes(index)
      sums += difference * difference
    }
    return sums.sum()
  }
}
