import Diffusion
import Testing

@Suite struct SymmetricBetaDistributionTests {
  private static func column(_ name: String) throws -> [Double] {
    let document = try SamplingGolden("beta").document
    return try document[dynamicMember: name].list.map { try $0.number }
  }

  private static func worstRelative(_ found: [Double], _ expected: [Double]) -> Double {
    zip(found, expected).map { abs($0 - $1) / max($1, .leastNormalMagnitude) }.reduce(0, max)
  }

  @Test("quantiles of shape 0.6 are scipy's, from probability 0 over 1e-170 to 1")
  func quantiles() throws {
    let distribution = SymmetricBetaDistribution(shape: 0.6)
    let found = try Self.column("probabilities").map { distribution.quantile($0) }
    // Double precision, a few roundings each side. Measured: 1.4e-15 relative.
    #expect(found.count == 209)
    #expect(try Self.worstRelative(found, Self.column("quantiles")) <= 1e-14)
  }

  @Test("cumulative probabilities of shape 0.6 are scipy's")
  func cumulative() throws {
    let distribution = SymmetricBetaDistribution(shape: 0.6)
    let found = try Self.column("probabilities").map { distribution.cumulative($0) }
    // Double precision, a few roundings each side. Measured: 9.6e-16 relative.
    #expect(try Self.worstRelative(found, Self.column("cumulative")) <= 1e-14)
  }

  @Test("other shapes have their known laws: 1 is uniform, 1/2 is the arcsine's, 2 is 3x^2 - 2x^3")
  func knownLaws() {
    for x in stride(from: 0.05, to: 1, by: 0.05) {
      #expect(abs(SymmetricBetaDistribution(shape: 1).cumulative(x) - x) < 1e-15)
      #expect(abs(SymmetricBetaDistribution(shape: 2).cumulative(x) - x * x * (3 - 2 * x)) < 1e-15)
      let half = SymmetricBetaDistribution(shape: 0.5)
      #expect(abs(half.quantile(half.cumulative(x)) - x) < 1e-14)
    }
    // I_1/4(1/2, 1/2) = 2/pi asin(1/2) = 1/3.
    #expect(abs(SymmetricBetaDistribution(shape: 0.5).cumulative(0.25) - 1 / 3.0) < 1e-15)
  }

  @Test("a probability whose quantile is too small for a double has quantile 0")
  func underflow() {
    #expect(SymmetricBetaDistribution(shape: 0.6).quantile(1e-300) == 0)
  }
}
