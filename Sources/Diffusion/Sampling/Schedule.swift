import Base
import Foundation

/// The timesteps and sigmas of a run: which noise level each step starts and ends at.
///
/// The same numbers as diffusers 0.36's `EulerDiscreteScheduler.set_timesteps`, in its order of operations
/// and precisions, but always as many steps as were asked for. diffusers runs one more in two cases: at some
/// counts of a trailing spacing (61 of 1000, for one) rounding adds a step at timestep -1, and so does a
/// log-linear interpolation with continuous timesteps.
public struct Schedule: Equatable, Sendable {
  public let config: SchedulerConfig
  /// What the model is told at each step.
  public let timesteps: [Float]
  /// Noise levels, one more than there are steps: step i goes from `sigmas[i]` to `sigmas[i + 1]`.
  public let sigmas: [Float]

  /// How many steps there are.
  public var steps: Int { timesteps.count }

  /// What standard normal noise is multiplied by to be the latents before step 0.
  ///
  /// The largest sigma; with a leading spacing, which stops short of pure noise, sqrt(sigma^2 + 1).
  public var initialNoiseSigma: Float {
    let largest = sigmas.reduce(0, max)
    return config.timestepSpacing == .leading ? (largest * largest + 1).squareRoot() : largest
  }

  /// Which of diffusers' schedulers lays the steps out.
  public enum Layout: Sendable {
    /// `EulerDiscreteScheduler`.
    case euler
    /// `DPMSolverMultistepScheduler`: timesteps are those of one step more, without its last, and whole; sigmas are
    /// spread over the whole trained range.
    case multistep
    /// `LCMScheduler`: evenly spaced among the `originalInferenceSteps` timesteps of distillation, from the last on.
    case consistency
  }

  /// A schedule of `steps` steps.
  ///
  /// Throws a `Diagnostic` of kind `.value` at `steps` when the spacing has no such number of different
  /// timesteps, and of kind `.model` when the config cannot be used.
  public init(_ config: SchedulerConfig, steps: Int, layout: Layout = .euler) throws {
    let noise = try NoiseSchedule(config)
    try Self.check(steps, config, layout)
    var timesteps = Self.spacedTimesteps(config, steps, layout)
    var sigmas: [Double]
    switch config.interpolationType {
    case .logLinear where layout == .euler: sigmas = Self.logLinearSigmas(noise, steps)
    case .linear, .logLinear: sigmas = timesteps.map { noise.sigma(atTimestep: $0) }
    }
    if config.sigmaSpacing != .trained {
      let whole = [Double(noise.sigmas[noise.sigmas.count - 1]), Double(noise.sigmas[0])]
      sigmas = try Self.spread(layout == .multistep ? whole : sigmas, config, steps)
      let exact = sigmas.map(noise.timestep(ofSigma:))
      switch layout {
      case .euler, .consistency: timesteps = exact.map { Float($0) }
      case .multistep:
        let isRounded = config.sigmaSpacing == .karras && config.betaSchedule != .squaredCosineCapV2
        timesteps = exact.map { Float($0.rounded(isRounded ? .toNearestOrEven : .towardZero)) }
      }
    }
    switch config.finalSigma {
    case .zero: sigmas.append(0)
    case .sigmaMin: sigmas.append(Double(noise.sigmas[0]))
    }
    // A log-linear interpolation has a sigma for each end of each step, so the final one is never reached.
    self.sigmas = sigmas.prefix(steps + 1).map { Float($0) }
    if config.timestepType == .continuous && config.predictionType == .vPrediction {
      timesteps = self.sigmas.prefix(steps).map { 0.25 * log($0) }
    }
    self.timesteps = timesteps
    self.config = config
  }

  private static func check(_ steps: Int, _ config: SchedulerConfig, _ layout: Layout) throws {
    let trained = config.trainTimesteps
    let (most, reason, usual) =
      switch layout {
      case .euler: (trained, "the model's training timesteps", "20 to 50")
      case .multistep: (trained - 1, "one less than the model's training timesteps", "20 to 50")
      case .consistency:
        (min(config.originalInferenceSteps, trained), "the timesteps it was distilled at", "2 to 8")
      }
    guard steps >= 1, steps <= most else {
      throw Diagnostic(
        .value, at: "steps", "expected 1 to \(most), \(reason), found \(steps)",
        hint: "\(usual) steps are usual")
    }
    guard config.timestepSpacing == .leading, layout != .consistency else { return }
    let first =
      layout == .multistep
      ? steps * (trained / (steps + 1)) + config.stepsOffset
      : (steps - 1) * (trained / steps) + config.stepsOffset
    guard first < trained else {
      throw Diagnostic(
        .value, at: "steps",
        "expected a first timestep below \(trained), found \(first) for \(steps) steps of a leading spacing"
          + " with steps_offset \(config.stepsOffset)",
        hint: "use fewer steps: 20 to 50 are usual")
    }
  }

  /// Training timesteps from the noisiest to the cleanest (Lin et al. 2023, table 2).
  private static func spacedTimesteps(_ config: SchedulerConfig, _ steps: Int, _ layout: Layout) -> [Float] {
    let trained = config.trainTimesteps
    switch (config.timestepSpacing, layout) {
    case (_, .consistency):
      let distilled = min(config.originalInferenceSteps, trained)
      let stride = trained / distilled
      return (0..<steps).map { Float((distilled - $0 * distilled / steps) * stride - 1) }
    case (.linspace, .euler):
      return evenlySpaced(from: 0, to: Double(trained - 1), count: steps).reversed().map { Float($0) }
    case (.linspace, .multistep):
      return evenlySpaced(from: 0, to: Double(trained - 1), count: steps + 1).dropFirst().reversed()
        .map { Float($0.rounded(.toNearestOrEven)) }
    case (.leading, .euler):
      let stride = trained / steps
      return (0..<steps).reversed().map { Float($0 * stride + config.stepsOffset) }
    case (.leading, .multistep):
      let stride = trained / (steps + 1)
      return (1...steps).reversed().map { Float($0 * stride + config.stepsOffset) }
    case (.trailing, _):
      let start = Double(trained)
      // As `numpy.arange` finds it: the difference of its first two values, not the stride asked for.
      let stride = (start - start / Double(steps)) - start
      return (0..<steps).map { Float((start + Double($0) * stride).rounded(.toNearestOrEven)) - 1 }
    }
  }

  /// Sigmas evenly apart in their logarithm over the whole trained range, `steps` + 1 of them.
  private static func logLinearSigmas(_ noise: NoiseSchedule, _ steps: Int) -> [Double] {
    let logs = noise.logSigmas
    return NoiseSchedule.evenlySpaced(from: logs[logs.count - 1], to: logs[0], count: steps + 1)
      .map { Double(exp($0)) }
  }

  /// `steps` sigmas spread over the range of `sigmas`, or over the config's own.
  private static func spread(
    _ sigmas: [Double], _ config: SchedulerConfig, _ steps: Int
  ) throws -> [Double] {
    let sigmaMax = config.sigmaMax ?? sigmas[0]
    let sigmaMin = config.sigmaMin ?? sigmas[sigmas.count - 1]
    guard steps == 1 || sigmaMin < sigmaMax else {
      throw Diagnostic(
        .model, at: "scheduler", "expected sigma_min below sigma_max, found \(sigmaMin) and \(sigmaMax)",
        hint: "leave out the one of them that the config sets: the trained noise has its own")
    }
    switch config.sigmaSpacing {
    case .trained:
      return sigmas
    case .karras:
      let rho = 7.0
      let (first, last) = (pow(sigmaMax, 1 / rho), pow(sigmaMin, 1 / rho))
      return evenlySpaced(from: 0, to: 1, count: steps).map { pow(first + $0 * (last - first), rho) }
    case .exponential:
      return evenlySpaced(from: log(sigmaMax), to: log(sigmaMin), count: steps).map { exp($0) }
    case .beta:
      let distribution = SymmetricBetaDistribution(shape: 0.6)
      return evenlySpaced(from: 0, to: 1, count: steps)
        .map { sigmaMin + distribution.quantile(1 - $0) * (sigmaMax - sigmaMin) }
    }
  }

  /// `count` values from one end to the other; a single one is `start` (numpy's `linspace`).
  private static func evenlySpaced(from start: Double, to end: Double, count: Int) -> [Double] {
    guard count > 1 else { return [start] }
    let step = (end - start) / Double(count - 1)
    return (0..<count - 1).map { Double($0) * step + start } + [end]
  }
}
