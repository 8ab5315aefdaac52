extension SchedulerConfig {
  /// Why no sampler here can run the model, in a clause about the scheduler; nil where one can.
  public var obstacle: String? {
    switch schedulerClass.family {
    case .noisePrediction: nil
    case .other: "its scheduler, \(schedulerClass.name), is not known to this program"
    case .edm: "its scheduler, \(schedulerClass.name), is for EDM models, which take and give scaled latents"
    case .flowMatching:
      "its scheduler, \(schedulerClass.name), is for flow matching, which predicts a velocity"
    }
  }

  /// The sampler to start with: the one that the class names, or Euler where this program does not have that.
  public var scheduler: Scheduler { ownScheduler ?? euler }

  /// The sampler that the class names; nil where this program does not have it, with the options that are set.
  private var ownScheduler: Scheduler? {
    guard unsupportedOptions.isEmpty else { return nil }
    return switch schedulerClass {
    case .euler: euler
    case .eulerAncestral: .eulerAncestral
    case .lcm: .lcm
    case .dpmSolverMultistep: sigmaSpacing == .karras ? .dpmpp2MKarras : .dpmpp2M
    default: nil
    }
  }

  private var euler: Scheduler { sigmaSpacing == .karras ? .eulerKarras : .euler }

  /// A note that the model starts with another sampler than its config names; nil where it starts with that one.
  public var substitution: String? {
    guard ownScheduler == nil else { return nil }
    let options = unsupportedOptions.isEmpty ? "" : " with \(unsupportedOptions.joined(separator: ", "))"
    return "its scheduler is \(schedulerClass.name)\(options), which is not supported: the model starts with "
      + scheduler.rawValue
  }
}
