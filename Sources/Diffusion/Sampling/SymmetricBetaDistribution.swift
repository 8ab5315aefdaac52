import Foundation

/// The beta distribution on [0, 1] with both shapes equal: density proportional to (x (1 - x))^(shape - 1).
public struct SymmetricBetaDistribution: Sendable {
  public let shape: Double
  /// B(shape, shape), the density's normaliser.
  private let normaliser: Double

  /// A distribution of a shape above 0 and at most 10.
  public init(shape: Double) {
    precondition(shape > 0 && shape <= 10, "the series is checked for shapes above 0 and up to 10")
    self.shape = shape
    normaliser = tgamma(shape) * tgamma(shape) / tgamma(2 * shape)
  }

  /// The probability of a value of at most `x`: the regularised incomplete beta function I_x(shape, shape).
  ///
  /// Up to one half by the power series x^a / B Σ (1-a)_n x^n / (n! (a+n)), where each term soon is at most
  /// about half the one before (DLMF 8.17.7 and 15.2.1); above, by symmetry.
  public func cumulative(_ x: Double) -> Double {
    if x <= 0 { return 0 }
    if x >= 1 { return 1 }
    if x > 0.5 { return 1 - cumulative(1 - x) }
    var coefficient = 1.0
    var sum = 1 / shape
    for n in 1...200 {
      coefficient *= (Double(n) - shape) / Double(n) * x
      let term = coefficient / (shape + Double(n))
      sum += term
      if abs(term) <= abs(sum) * 0x1p-54 { break }
    }
    return pow(x, shape) / normaliser * sum
  }

  /// The value that `probability` of all values do not exceed: the inverse of `cumulative`.
  ///
  /// Newton's method on log probability against log value, which is nearly a straight line below one half.
  public func quantile(_ probability: Double) -> Double {
    if probability <= 0 { return 0 }
    if probability >= 1 { return 1 }
    if probability > 0.5 { return 1 - quantile(1 - probability) }
    // Exact where the series is its first term alone.
    var x = min(pow(probability * shape * normaliser, 1 / shape), 0.5)
    if x < .leastNormalMagnitude { return x }
    for _ in 0..<50 {
      let reached = cumulative(x)
      let slope = pow(x * (1 - x), shape - 1) / normaliser * x / reached
      let next = min(x * exp(log(probability / reached) / slope), 0.5)
      let isSettled = abs(next - x) <= x * 0x1p-51
      x = next
      if isSettled { break }
    }
    return x
  }
}
