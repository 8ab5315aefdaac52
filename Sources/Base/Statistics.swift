/// Figures of a tensor's values, summed in double precision.
///
/// NaN and infinities are counted and left out of everything else. Figures of parts are merged to those of the whole
/// (Chan, Golub & LeVeque 1983), so that parts can be taken up in any place; merged in one order they are the same bits.
public struct Statistics: Hashable, Sendable {
  public private(set) var count = 0
  public private(set) var zeros = 0
  public private(set) var nans = 0
  public private(set) var infinities = 0
  /// Of the finite values; 0 without any.
  public private(set) var minimum = 0.0
  public private(set) var maximum = 0.0
  public private(set) var mean = 0.0
  private var finite = 0
  /// Σ(x - mean)².
  private var deviations = 0.0
  /// Σx².
  private var squares = 0.0

  /// Of the population: √(Σ(x - mean)² / n).
  public var standardDeviation: Double { finite == 0 ? 0 : (deviations / Double(finite)).squareRoot() }
  /// √Σx².
  public var norm: Double { squares.squareRoot() }

  /// How many are neither NaN nor infinite: those that the figures are of.
  public var finiteCount: Int { finite }

  /// Of no values.
  public init() {}

  /// Of a part that fits a processor's cache: it is gone over twice.
  public init(of values: UnsafeBufferPointer<Double>) {
    count = values.count
    var (sum, square) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    var (low, high) = (SIMD8<Double>(repeating: .infinity), SIMD8<Double>(repeating: -.infinity))
    var (zero, present) = (SIMD8<Int64>.zero, SIMD8<Int64>.zero)
    for index in stride(from: 0, to: values.count, by: 8) {
      let (x, isFinite) = Self.lanes(values, index)
      let known = x.replacing(with: 0, where: .!isFinite)
      sum += known
      square += known * known
      low = pointwiseMin(low, x.replacing(with: .infinity, where: .!isFinite))
      high = pointwiseMax(high, x.replacing(with: -.infinity, where: .!isFinite))
      zero &+= SIMD8<Int64>.zero.replacing(with: 1, where: x .== 0)
      present &+= SIMD8<Int64>.zero.replacing(with: 1, where: isFinite)
    }
    zeros = Int(zero.wrappedSum())
    finite = Int(present.wrappedSum())
    if finite < count { nans = values.count { $0.isNaN } }
    infinities = count - finite - nans
    guard finite > 0 else { return }
    (minimum, maximum, squares) = (low.min(), high.max(), square.sum())
    mean = sum.sum() / Double(finite)
    var deviation = SIMD8<Double>.zero
    for index in stride(from: 0, to: values.count, by: 8) {
      let (x, isFinite) = Self.lanes(values, index)
      let distance = (x - mean).replacing(with: 0, where: .!isFinite)
      deviation += distance * distance
    }
    deviations = deviation.sum()
  }

  /// Adds the values of another part.
  public mutating func merge(_ other: Statistics) {
    count += other.count
    zeros += other.zeros
    nans += other.nans
    infinities += other.infinities
    guard other.finite > 0 else { return }
    guard finite > 0 else {
      (minimum, maximum, mean, finite) = (other.minimum, other.maximum, other.mean, other.finite)
      (deviations, squares) = (other.deviations, other.squares)
      return
    }
    minimum = min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    let all = Double(finite + other.finite)
    let distance = other.mean - mean
    deviations += other.deviations + distance * distance * Double(finite) * Double(other.finite) / all
    mean += distance * Double(other.finite) / all
    finite += other.finite
    squares += other.squares
  }

  /// How many values a part has where tensors are taken up in parts.
  public static let partCount = 4096

  /// Of single-precision values, a part at a time.
  public init(of values: UnsafeBufferPointer<Float>) {
    self = withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.partCount) { part in
      var whole = Statistics()
      for start in stride(from: 0, to: values.count, by: Self.partCount) {
        let count = min(Self.partCount, values.count - start)
        for index in 0..<count { part[index] = Double(values[start + index]) }
        whole.merge(Statistics(of: UnsafeBufferPointer(rebasing: part[..<count])))
      }
      return whole
    }
  }

  public init(of values: [Float]) { self = values.withUnsafeBufferPointer { Statistics(of: $0) } }

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
}

extension Statistics {
  /// The figures' names and values, in the order in which they are shown.
  public var figures: [(name: String, value: JSONValue)] {
    // Of no finite value there are no figures.
    func figure(_ value: Double) -> JSONValue { finite == 0 ? .null : .number(value) }
    return [
      ("min", figure(minimum)), ("max", figure(maximum)), ("mean", figure(mean)),
      ("std", figure(standardDeviation)),
      ("norm", figure(norm)), ("zeros", .integer(zeros)), ("nan", .integer(nans)),
      ("inf", .integer(infinities)),
    ]
  }
}
