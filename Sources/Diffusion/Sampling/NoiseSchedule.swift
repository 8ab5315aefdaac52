import Base
import Foundation

/// The noise a model was trained with: sigma of each training timestep.
///
/// sigma = sqrt((1 - alphaBar) / alphaBar), alphaBar being the running product of 1 - beta. Computed in
/// float32 with double-precision sums, as torch does, so that it equals diffusers' tables.
public struct NoiseSchedule: Equatable, Sendable {
  /// Sigma of each training timestep, all above 0 and finite.
  public let sigmas: [Float]
  /// Natural logarithms of `sigmas`.
  public let logSigmas: [Float]

  /// Throws a `Diagnostic` of kind `.model` at `place` when the config cannot be used or gives a sigma of 0
  /// or none.
  public init(_ config: SchedulerConfig, at place: String = "scheduler") throws {
    let faults = config.faults
    guard faults.isEmpty else {
      throw Diagnostic(
        .model, at: place, faults.joined(separator: "; "),
        hint: "correct these fields of the scheduler's config")
    }
    var betas = Self.betas(config)
    if config.rescalesBetasToZeroSNR { betas = Self.rescaledToZeroSNR(betas) }
    var alphaBars = Self.runningProduct(betas.map { 1 - $0 })
    if config.rescalesBetasToZeroSNR {
      // Float16's smallest number, in place of the 0 whose sigma would be infinite.
      alphaBars[alphaBars.count - 1] = 0x1p-24
    }
    let sigmas = alphaBars.map { ((1 - $0) / $0).squareRoot() }
    if let bad = sigmas.firstIndex(where: { !($0 > 0 && $0 < .infinity) }) {
      throw Diagnostic(
        .model, at: place,
        "betas: expected a finite sigma above 0 at each timestep, found \(sigmas[bad]) at \(bad)",
        hint: "betas this small leave no noise, and this large no signal, in float32: check them")
    }
    self.sigmas = sigmas
    logSigmas = sigmas.map { log($0) }
  }

  /// Sigma at a timestep that may fall between two, linearly; outside the trained range that of its nearer
  /// end.
  func sigma(atTimestep timestep: Float) -> Double {
    let x = Double(timestep)
    guard x > 0 else { return Double(sigmas[0]) }
    let low = Int(x)
    guard low < sigmas.count - 1 else { return Double(sigmas[sigmas.count - 1]) }
    let base = Double(sigmas[low])
    return (Double(sigmas[low + 1]) - base) * (x - Double(low)) + base
  }

  /// The timestep, which may fall between two, that has this sigma; linear in log sigma, clamped to the
  /// trained range.
  func timestep(ofSigma sigma: Double) -> Double {
    let logSigma = log(max(sigma, 1e-10))
    let low = min(logSigmas.lastIndex { Double($0) <= logSigma } ?? 0, logSigmas.count - 2)
    let weight = (Double(logSigmas[low]) - logSigma) / Double(logSigmas[low] - logSigmas[low + 1])
    let clamped = min(max(weight, 0), 1)
    return (1 - clamped) * Double(low) + clamped * Double(low + 1)
  }

  private static func betas(_ config: SchedulerConfig) -> [Float] {
    if let betas = config.trainedBetas { return betas.map { Float($0) } }
    let count = config.trainTimesteps
    switch config.betaSchedule {
    case .linear:
      return evenlySpaced(from: Float(config.betaStart), to: Float(config.betaEnd), count: count)
    case .scaledLinear:
      let roots = evenlySpaced(
        from: Float(config.betaStart.squareRoot()), to: Float(config.betaEnd.squareRoot()), count: count)
      return roots.map { $0 * $0 }
    case .squaredCosineCapV2:
      func alphaBar(_ i: Int) -> Double {
        let cosine = cos((Double(i) / Double(count) + 0.008) / 1.008 * Double.pi / 2)
        return cosine * cosine
      }
      return (0..<count).map { Float(min(1 - alphaBar($0 + 1) / alphaBar($0), 0.999)) }
    }
  }

  /// Lin et al. 2023, algorithm 1: shifts and scales sqrt(alphaBar) so that it ends at 0 and starts where it
  /// did.
  private static func rescaledToZeroSNR(_ betas: [Float]) -> [Float] {
    let roots = runningProduct(betas.map { 1 - $0 }).map { $0.squareRoot() }
    let (first, last) = (roots[0], roots[roots.count - 1])
    let scale = first / (first - last)
    let alphaBars = roots.map { root in
      let rescaled = (root - last) * scale
      return rescaled * rescaled
    }
    return [1 - alphaBars[0]] + zip(alphaBars.dropFirst(), alphaBars).map { 1 - $0 / $1 }
  }

  /// The running product in double precision, each rounded to float32 (torch's `cumprod`).
  private static func runningProduct(_ values: [Float]) -> [Float] {
    var product = 1.0
    return values.map { value in
      product *= Double(value)
      return Float(product)
    }
  }

  /// `count` values, two or more, from one end to the other (torch's `linspace` in float32: each half from
  /// its own end, with fused multiply-add).
  static func evenlySpaced(from start: Float, to end: Float, count: Int) -> [Float] {
    let step = (end - start) / Float(count - 1)
    return (0..<count).map { i in
      i < count / 2
        ? start.addingProduct(step, Float(i)) : end.addingProduct(-step, Float(count - 1 - i))
    }
  }
}
