import Base

extension SchedulerConfig {
  /// Fields of diffusers' schedulers that no sampler here reads.
  ///
  /// Files carry those of other classes too, since diffusers keeps them when it makes one scheduler from another's config.
  private static let otherFields: Set<String> = [
    "base_image_seq_len", "base_shift", "clip_sample", "clip_sample_range", "corrector_order",
    "disable_corrector",
    "dynamic_thresholding_ratio", "flow_shift", "invert_sigmas", "max_image_seq_len", "max_shift",
    "noise_sampler_seed", "predict_x0", "predictor_order", "rho", "sample_max_value", "set_alpha_to_one",
    "shift",
    "shift_terminal", "sigma_data", "sigma_schedule", "skip_prk_steps", "snr_shift_scale", "solver_p",
    "stochastic_sampling", "tau_func", "time_shift_type", "use_dynamic_shifting",
  ]

  /// Those that change what DPM-Solver and LCM compute, and are read where the file is of their class.
  private static let solverFields: Set<String> = [
    "algorithm_type", "euler_at_final", "lambda_min_clipped", "lower_order_final", "solver_order",
    "solver_type",
    "thresholding", "use_lu_lambdas", "variance_type",
  ]

  /// Reads a `scheduler_config.json`; absent fields have the defaults of the class that it names.
  ///
  /// Throws one `Diagnostic` of kind `.model` at `place` that lists every fault of the file: unknown fields, wrong types,
  /// values that cannot be used. Files for EDM and flow matching are read too: `obstacle` says that they cannot be run.
  /// - Parameter className: the class that the pipeline names, which counts before the file's own `_class_name`.
  public init(_ json: JSONValue, at place: String, className: String? = nil) throws {
    var fields = try FieldReader(json, at: place)
    self.init()
    schedulerClass = Self.schedulerClass(&fields, named: className)
    // Of those, the class alone is of interest: their other fields have other meanings.
    if schedulerClass.family != .noisePrediction {
      guard fields.faults.isEmpty else {
        throw Diagnostic(
          .model, at: place, faults: fields.faults, hint: "give the model's own scheduler_config.json")
      }
      return
    }
    trainTimesteps = fields.integer("num_train_timesteps", in: 2...100_000, default: trainTimesteps)
    betaStart = fields.number("beta_start", default: schedulerClass.betaStart)
    betaEnd = fields.number("beta_end", default: schedulerClass.betaEnd)
    betaSchedule = fields.case("beta_schedule", default: schedulerClass.betaSchedule)
    let faultsBefore = fields.faults.count
    trainedBetas = fields.optionalNumbers("trained_betas")
    if fields.faults.count > faultsBefore { trainedBetas = nil }
    predictionType = fields.case("prediction_type", default: predictionType)
    interpolationType = fields.case("interpolation_type", default: interpolationType)
    sigmaMin = fields.optionalNumber("sigma_min")
    sigmaMax = fields.optionalNumber("sigma_max")
    timestepSpacing = fields.case("timestep_spacing", default: schedulerClass.timestepSpacing)
    timestepType = fields.case("timestep_type", default: timestepType)
    stepsOffset = fields.integer("steps_offset", in: Int.min...Int.max, default: stepsOffset)
    rescalesBetasToZeroSNR = fields.boolean("rescale_betas_zero_snr", default: false)
    finalSigma = fields.case("final_sigmas_type", default: finalSigma)
    sigmaSpacing = Self.sigmaSpacing(&fields)
    originalInferenceSteps = fields.integer(
      "original_inference_steps", in: Int.min...Int.max, default: originalInferenceSteps)
    timestepScaling = fields.number("timestep_scaling", default: timestepScaling)
    unsupportedOptions = Self.unsupportedOptions(&fields, of: schedulerClass, endsAtZero: finalSigma == .zero)
    for fault in faults { fields.note(fault) }
    try fields.finish(ignoring: Self.otherFields.union(Self.solverFields))
    // Betas can be fine one by one and yet leave no noise or no signal: found here, where the file is named.
    _ = try NoiseSchedule(self, at: place)
  }

  private static func schedulerClass(_ fields: inout FieldReader, named className: String?) -> SchedulerClass
  {
    let own = fields.value("_class_name") == nil ? nil : fields.string("_class_name", oneOf: [])
    guard let name = className ?? own else {
      _ = fields.string("_class_name", oneOf: [])
      return .euler
    }
    let predictsFlow =
      fields.value("prediction_type") == "flow_prediction" || fields.value("use_flow_sigmas") == true
    if predictsFlow { return SchedulerClass(name: name, family: .flowMatching) }
    return SchedulerClass(named: name)
  }

  /// The three flags that stand for one choice.
  private static func sigmaSpacing(_ fields: inout FieldReader) -> SigmaSpacing {
    let choices: [(name: String, spacing: SigmaSpacing)] = [
      ("use_karras_sigmas", .karras), ("use_exponential_sigmas", .exponential), ("use_beta_sigmas", .beta),
    ]
    let chosen = choices.filter { fields.boolean($0.name, default: false) }
    if chosen.count > 1 {
      fields.note("\(chosen.map(\.name).joined(separator: " and ")) are both true; at most one may be")
    }
    return chosen.last?.spacing ?? .trained
  }

  /// What a file sets of the solver that its class names and that the sampler here does not do.
  private static func unsupportedOptions(
    _ fields: inout FieldReader, of schedulerClass: SchedulerClass, endsAtZero: Bool
  ) -> [String] {
    var options: [String] = []
    func check(_ key: String, _ supported: [JSONValue]) {
      guard let value = fields.value(key), !supported.contains(value) else { return }
      if value.saysNothing, supported.contains(where: \.saysNothing) { return }
      options.append("\(key) \(value.plainText)")
    }
    switch schedulerClass {
    case .dpmSolverMultistep:
      check("algorithm_type", ["dpmsolver++"])
      check("solver_order", [2])
      check("solver_type", ["midpoint"])
      for key in ["thresholding", "use_lu_lambdas", "variance_type"] { check(key, [false]) }
      if case .number(let clip)? = fields.value("lambda_min_clipped"), clip.isFinite {
        options.append("lambda_min_clipped \(clip)")
      }
      // A last step to sigma 0 is of first order in any case.
      if !endsAtZero {
        check("lower_order_final", [true])
        check("euler_at_final", [false])
      }
    case .lcm:
      for key in ["thresholding", "clip_sample"] { check(key, [false]) }
    default: break
    }
    return options
  }
}

extension FieldReader {
  /// One of an enumeration's cases, by its raw value.
  fileprivate mutating func `case`<Value: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Value
  ) -> Value where Value.RawValue == String {
    let names = Value.allCases.map(\.rawValue)
    return Value(rawValue: string(key, oneOf: names, default: fallback.rawValue)) ?? fallback
  }
}

extension JSONValue {
  /// A string as it is, anything else as JSON.
  fileprivate var plainText: String {
    if case .string(let text) = self { return text }
    return text()
  }
}
