/// Figures of a tensor's values, each summed in double precision.
///
/// NaN and infinities are counted and left out of everything else.
public struct Statistics: Hashable, Sendable {
  public private(set) var count = 0
  public private(set) var minimum = 0.0
  public private(set) var maximum = 0.0
  public private(set) var mean = 0.0
  /// Of the population: √(Σ(x - mean)² / n).
  public private(set) var standardDeviation = 0.0
  /// √Σx².
  public private(set) var norm = 0.0
  public private(set) var zeros = 0
  public private(set) var nans = 0
  public private(set) var infinities = 0

  /// Values a chunk at a time, in order; called once for each pass over them.
  public typealias Chunks = (_ body: (UnsafeBufferPointer<Double>) -> Void) -> Void

  /// Goes over the values twice: for the mean, then for the deviations from it.
  public init(chunks: Chunks) {
    var (sum, squares, low, high) = (0.0, 0.0, Double.infinity, -Double.infinity)
    chunks { chunk in
      count += chunk.count
      let part = Part(chunk)
      sum += part.sum
      squares += part.squares
      low = min(low, part.low)
      high = max(high, part.high)
      zeros += part.zeros
      nans += part.nans
      infinities += part.infinities
    }
    let finite = count - nans - infinities
    guard finite > 0 else { return }
    (minimum, maximum, norm) = (low, high, squares.squareRoot())
    let mean = sum / Double(finite)
    self.mean = mean
    var deviations = 0.0
    chunks { chunk in
      deviations += Self.sum(chunk) { ($0 - mean) * ($0 - mean) }
    }
    standardDeviation = (deviations / Double(finite)).squareRoot()
  }

  public init(of values: UnsafeBufferPointer<Float>) {
    let size = 4096
    self = withUnsafeTemporaryAllocation(of: Double.self, capacity: size) { chunk in
      guard let base = chunk.baseAddress else { preconditionFailure("no room for a chunk") }
      return Statistics { body in
        for start in stride(from: 0, to: values.count, by: size) {
          let count = min(size, values.count - start)
          for index in 0..<count { base[index] = Double(values[start + index]) }
          body(UnsafeBufferPointer(start: base, count: count))
        }
      }
    }
  }

  public init(of values: [Float]) { self = values.withUnsafeBufferPointer { Statistics(of: $0) } }

  /// The sum of a function of the finite values, in eight running sums that do not depend on the machine.
  private static func sum(_ values: UnsafeBufferPointer<Double>, _ f: (SIMD8<Double>) -> SIMD8<Double>) -> Double {
    var sums = SIMD8<Double>.zero
    var index = 0
    while index < values.count {
      let (x, isFinite) = lanes(values, index)
      sums += f(x).replacing(with: 0, where: .!isFinite)
      index += 8
    }
    return sums.sum()
  }

  /// Eight values from `index` on, NaN beyond the end, and which of them are finite.
  private static func lanes(
    _ values: UnsafeBufferPointer<Double>, _ index: Int
  ) -> (SIMD8<Double>, SIMDMask<SIMD8<Int64>>) {
    var x = SIMD8<Double>(repeating: .nan)
    if index + 8 <= values.count, let base = values.baseAddress {
      x = UnsafeRawPointer(base + index).loadUnaligned(as: SIMD8<Double>.self)
    } else {
      for lane in 0..<(values.count - index) { x[lane] = values[index + lane] }
    }
    return (x, (x - x) .== 0)
  }

  /// What one pass over a chunk gives.
  private struct Part {
    var (sum, squares, low, high) = (0.0, 0.0, Double.infinity, -Double.infinity)
    var (zeros, nans, infinities) = (0, 0, 0)

    init(_ values: UnsafeBufferPointer<Double>) {
      var sums = SIMD8<Double>.zero
      var squareSums = SIMD8<Double>.zero
      var lows = SIMD8<Double>(repeating: .infinity)
      var highs = SIMD8<Double>(repeating: -.infinity)
      var zeroCounts = SIMD8<Int64>.zero
      var finiteCounts = SIMD8<Int64>.zero
      var index = 0
      while index < values.count {
        let (x, isFinite) = Statistics.lanes(values, index)
        let finite = x.replacing(with: 0, where: .!isFinite)
        sums += finite
        squareSums += finite * finite
        lows = pointwiseMin(lows, x.replacing(with: .infinity, where: .!isFinite))
        highs = pointwiseMax(highs, x.replacing(with: -.infinity, where: .!isFinite))
        zeroCounts &+= SIMD8<Int64>.zero.replacing(with: 1, where: x .== 0)
        finiteCounts &+= SIMD8<Int64>.zero.replacing(with: 1, where: isFinite)
        index += 8
      }
      (sum, squares, low, high) = (sums.sum(), squareSums.sum(), lows.min(), highs.max())
      zeros = Int(zeroCounts.wrappedSum())
      let others = values.count - Int(finiteCounts.wrappedSum())
      if others > 0 { nans = values.count { $0.isNaN } }
      infinities = others - nans
    }
  }
}

extension Statistics {
  /// The figures' names and values, in the order in which they are shown.
  public var json: [(name: String, value: JSONValue)] {
    [
      ("min", .number(minimum)), ("max", .number(maximum)), ("mean", .number(mean)), ("std", .number(standardDeviation)),
      ("norm", .number(norm)), ("zeros", .integer(zeros)), ("nan", .integer(nans)), ("inf", .integer(infinities)),
    ]
  }
}
