/// A scheduler class of diffusers, by the `_class_name` of a `scheduler_config.json`.
public struct SchedulerClass: Hashable, Sendable {
  /// What kind of model the class samples.
  public enum Family: Sendable {
    /// Models of a noised sample at one of the training timesteps, as all of Stable Diffusion's are.
    case noisePrediction
    /// Models preconditioned by Karras et al. 2022 (EDM), such as Playground 2.5.
    case edm
    /// What this program does not know, or what does not make pictures from noise, such as inversion.
    case other
    /// Models of the velocity between noise and sample, such as Stable Diffusion 3 and Flux.
    case flowMatching
  }

  public let name: String
  public let family: Family
  /// The defaults of fields that a file leaves out.
  let betaStart: Double
  let betaEnd: Double
  let betaSchedule: SchedulerConfig.BetaSchedule
  let timestepSpacing: SchedulerConfig.TimestepSpacing

  init(
    name: String, family: Family = .noisePrediction, betas: (Double, Double) = (0.0001, 0.02),
    _ betaSchedule: SchedulerConfig.BetaSchedule = .linear,
    _ timestepSpacing: SchedulerConfig.TimestepSpacing = .linspace
  ) {
    self.name = name
    self.family = family
    (betaStart, betaEnd) = betas
    self.betaSchedule = betaSchedule
    self.timestepSpacing = timestepSpacing
  }

  public static let euler = SchedulerClass(name: "EulerDiscreteScheduler")
  public static let eulerAncestral = SchedulerClass(name: "EulerAncestralDiscreteScheduler")
  public static let dpmSolverMultistep = SchedulerClass(name: "DPMSolverMultistepScheduler")
  public static let lcm = SchedulerClass(name: "LCMScheduler", betas: stable, .scaledLinear, .leading)

  /// Stable Diffusion's betas, which some classes have for their defaults.
  private static let stable = (0.00085, 0.012)

  /// Every class that makes pictures with a UNet of Stable Diffusion's kind.
  private static let known: [SchedulerClass] =
    [euler, eulerAncestral, dpmSolverMultistep, lcm]
    + ["DDIMScheduler", "DDIMParallelScheduler", "DDPMScheduler", "DDPMParallelScheduler", "PNDMScheduler"]
    .map {
      SchedulerClass(name: $0, .linear, .leading)
    }
    + [
      "HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler",
      "DPMSolverSDEScheduler",
    ]
    .map { SchedulerClass(name: $0, betas: stable) }
    + [
      "LMSDiscreteScheduler", "DPMSolverSinglestepScheduler", "DEISMultistepScheduler",
      "UniPCMultistepScheduler",
      "SASolverScheduler",
    ].map { SchedulerClass(name: $0) }
    + [SchedulerClass(name: "TCDScheduler", betas: stable, .scaledLinear, .leading)]
    + [SchedulerClass(name: "CosineDPMSolverMultistepScheduler", family: .edm)]

  /// The class of a name; one that is not known here is of the family `other`.
  public init(named name: String) {
    // Of the same fields, for another library.
    let plain = name.hasPrefix("Flax") ? String(name.dropFirst("Flax".count)) : name
    if let known = Self.known.first(where: { $0.name == plain }) {
      self = known
    } else if name.hasPrefix("FlowMatch") {
      self.init(name: name, family: .flowMatching)
    } else if name.hasPrefix("EDM") {
      self.init(name: name, family: .edm)
    } else {
      self.init(name: name, family: .other)
    }
  }
}
