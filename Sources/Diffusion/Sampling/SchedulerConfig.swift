import Base

/// What a `scheduler_config.json` says: the training noise, how steps are spaced over it, and the class of scheduler that
/// the model's authors chose.
///
/// Fields are those of diffusers 0.42's schedulers; the defaults are those of `EulerDiscreteScheduler` until a file names
/// another class.
public struct SchedulerConfig: Equatable, Sendable {
  /// How the training betas rise from `betaStart` to `betaEnd`.
  public enum BetaSchedule: String, CaseIterable, Sendable {
    case linear
    /// Linear in the square root of beta, as latent diffusion models are trained.
    case scaledLinear = "scaled_linear"
    /// Betas of a squared-cosine alpha-bar (Nichol and Dhariwal 2021), capped at 0.999; `betaStart` and
    /// `betaEnd` have no say.
    case squaredCosineCapV2 = "squaredcos_cap_v2"
  }

  /// What the model's output means.
  public enum PredictionType: String, CaseIterable, Sendable {
    /// The noise.
    case epsilon
    /// The velocity (Salimans and Ho 2022).
    case vPrediction = "v_prediction"
    /// The clean sample itself.
    case sample
  }

  /// How sigmas between training timesteps are found.
  public enum InterpolationType: String, CaseIterable, Sendable {
    case linear
    /// Evenly in log sigma over the whole range, whatever the timesteps are.
    case logLinear = "log_linear"
  }

  /// Which training timesteps the steps fall on (Lin et al. 2023, table 2).
  public enum TimestepSpacing: String, CaseIterable, Sendable { case linspace, leading, trailing }

  /// Whether a v-prediction model is given its timestep or a quarter of log sigma.
  public enum TimestepType: String, CaseIterable, Sendable { case discrete, continuous }

  /// Where the last step ends.
  public enum FinalSigma: String, CaseIterable, Sendable {
    case zero
    /// The sigma of training timestep 0.
    case sigmaMin = "sigma_min"
  }

  /// How sigmas are spread; diffusers' three `use_…_sigmas` flags, of which at most one may be set.
  public enum SigmaSpacing: String, CaseIterable, Sendable {
    /// Those of the chosen timesteps.
    case trained
    /// Karras et al. 2022, equation 5, with rho 7.
    case karras
    /// Evenly in log sigma.
    case exponential
    /// Quantiles of a beta distribution of shape 0.6 (Lee et al. 2024).
    case beta
  }

  /// Training timesteps, 2 to 100,000.
  public var trainTimesteps = 1000
  /// Beta of the first training timestep, above 0 and below 1.
  public var betaStart = 0.0001
  /// Beta of the last training timestep, above 0 and below 1.
  public var betaEnd = 0.02
  public var betaSchedule = BetaSchedule.linear
  /// One beta a training timestep, in place of a schedule.
  public var trainedBetas: [Double]?
  public var predictionType = PredictionType.epsilon
  public var interpolationType = InterpolationType.linear
  public var sigmaSpacing = SigmaSpacing.trained
  /// The last sigma of a Karras, exponential or beta spacing; the chosen timesteps' own when nil.
  public var sigmaMin: Double?
  /// The first sigma of a Karras, exponential or beta spacing; the chosen timesteps' own when nil.
  public var sigmaMax: Double?
  public var timestepSpacing = TimestepSpacing.linspace
  public var timestepType = TimestepType.discrete
  /// Added to the timesteps of a leading spacing.
  public var stepsOffset = 0
  /// Whether betas are rescaled so that the last training timestep holds no signal (Lin et al. 2023,
  /// algorithm 1).
  public var rescalesBetasToZeroSNR = false
  public var finalSigma = FinalSigma.zero
  /// How many timesteps a latent consistency model was distilled at.
  public var originalInferenceSteps = 50
  /// What an LCM scheduler multiplies timesteps by in its boundary conditions.
  public var timestepScaling = 10.0
  /// The class that the file names.
  public var schedulerClass = SchedulerClass.euler
  /// Options of that class that its sampler here does not have, such as `algorithm_type sde-dpmsolver++`.
  public var unsupportedOptions: [String] = []

  /// diffusers' defaults.
  public init() {}

  /// What is wrong with the values, one line a fault, each naming the file's field; empty when they can be
  /// used.
  public var faults: [String] {
    var faults: [String] = []
    func check(_ holds: Bool, _ field: String, _ wanted: String, _ found: Any) {
      if !holds { faults.append("\(field) must be \(wanted), not \(found)") }
    }
    // Compared in float32, in which they are used: a double next to 1 would round to it.
    func isBeta(_ value: Double) -> Bool { Float(value) > 0 && Float(value) < 1 }
    func isSigma(_ value: Double) -> Bool { Float(value) > 0 && Float(value) < .infinity }

    let countHolds = (2...100_000).contains(trainTimesteps)
    check(countHolds, "num_train_timesteps", "an integer from 2 to 100000", trainTimesteps)
    check(isBeta(betaStart), "beta_start", "a number above 0 and below 1", betaStart)
    check(isBeta(betaEnd), "beta_end", "a number above 0 and below 1", betaEnd)
    if let betas = trainedBetas {
      check(
        !countHolds || betas.count == trainTimesteps, "trained_betas",
        "a list of \(trainTimesteps), one beta for each training timestep", "of \(betas.count)")
      if let bad = betas.firstIndex(where: { !isBeta($0) }) {
        check(false, "trained_betas[\(bad)]", "a number above 0 and below 1", betas[bad])
      }
    }
    if countHolds {
      let wanted = "a training timestep, 0 to \(trainTimesteps - 1)"
      check((0..<trainTimesteps).contains(stepsOffset), "steps_offset", wanted, stepsOffset)
    }
    check(
      originalInferenceSteps > 0, "original_inference_steps", "a positive integer", originalInferenceSteps)
    check(timestepScaling > 0, "timestep_scaling", "a number above 0", timestepScaling)
    if let sigmaMin { check(isSigma(sigmaMin), "sigma_min", "a number above 0", sigmaMin) }
    if let sigmaMax { check(isSigma(sigmaMax), "sigma_max", "a number above 0", sigmaMax) }
    if let sigmaMin, let sigmaMax {
      check(sigmaMin < sigmaMax, "sigma_min", "less than sigma_max (\(sigmaMax))", sigmaMin)
    }
    return faults
  }
}
