import Base

/// A sampler: a solver, by ComfyUI's name for it, and with `_karras` how its sigmas are spread.
public enum Scheduler: String, CaseIterable, Sendable {
  case euler
  case eulerKarras = "euler_karras"
  case eulerAncestral = "euler_ancestral"
  case dpmpp2M = "dpmpp_2m"
  case dpmpp2MKarras = "dpmpp_2m_karras"
  case lcm

  /// What A1111 and its like call its solver.
  public var samplerName: String {
    switch self {
    case .euler, .eulerKarras: "Euler"
    case .eulerAncestral: "Euler a"
    case .dpmpp2M, .dpmpp2MKarras: "DPM++ 2M"
    case .lcm: "LCM"
    }
  }

  /// What A1111 and its like call its spread of sigmas; nil where it is the trained one.
  public var scheduleType: String? {
    switch self {
    case .eulerKarras, .dpmpp2MKarras: "Karras"
    case .euler, .eulerAncestral, .dpmpp2M, .lcm: nil
    }
  }

  /// The sampler of a run of `steps` steps, over the noise that the model was trained with. Throws what `Schedule` throws.
  public func sampler(_ config: SchedulerConfig, steps: Int) throws -> any Sampler {
    var config = config
    switch self {
    case .euler:
      if config.sigmaSpacing == .karras { config.sigmaSpacing = .trained }
      return EulerSampler(try Schedule(config, steps: steps))
    case .eulerKarras:
      config.sigmaSpacing = .karras
      return EulerSampler(try Schedule(config, steps: steps))
    case .eulerAncestral, .lcm:
      // What diffusers' two classes have no fields for.
      (config.sigmaSpacing, config.interpolationType) = (.trained, .linear)
      (config.timestepType, config.finalSigma) = (.discrete, .zero)
      return self == .lcm
        ? ConsistencySampler(try Schedule(config, steps: steps, layout: .consistency))
        : EulerAncestralSampler(try Schedule(config, steps: steps))
    case .dpmpp2M, .dpmpp2MKarras:
      if self == .dpmpp2MKarras {
        config.sigmaSpacing = .karras
      } else if config.sigmaSpacing == .karras || config.schedulerClass != .dpmSolverMultistep {
        // Exponential and beta spacings are the model's own, where its config is of this class.
        config.sigmaSpacing = .trained
      }
      (config.sigmaMin, config.sigmaMax) = (nil, nil)
      return DPMSolverSampler(try Schedule(config, steps: steps, layout: .multistep))
    }
  }
}
