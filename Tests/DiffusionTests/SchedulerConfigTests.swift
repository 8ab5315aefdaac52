import Base
import Diffusion
import Testing

@Suite struct SchedulerConfigTests {
  private static let place = "model/scheduler/scheduler_config.json"

  /// The fields as published SDXL-family models write them.
  private static let published: [String: JSONValue] = [
    "_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.18.1", "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
    "interpolation_type": "linear",
    "num_train_timesteps": 1000, "prediction_type": "epsilon", "sample_max_value": 1.0,
    "set_alpha_to_one": false,
    "skip_prk_steps": true, "steps_offset": 1, "timestep_spacing": "leading", "trained_betas": nil,
    "use_karras_sigmas": false,
  ].mapValues { $0 ?? .null }

  private static func read(_ changes: [String: JSONValue]) throws -> SchedulerConfig {
    try SchedulerConfig(.object(published.merging(changes) { _, changed in changed }), at: place)
  }

  private static func fault(_ changes: [String: JSONValue]) throws -> Diagnostic {
    try #require(throws: Diagnostic.self) { try read(changes) }
  }

  @Test("reads a published file, with the fields that Euler ignores")
  func readsPublished() throws {
    var expected = SchedulerConfig()
    expected.betaStart = 0.00085
    expected.betaEnd = 0.012
    expected.betaSchedule = .scaledLinear
    expected.stepsOffset = 1
    expected.timestepSpacing = .leading
    #expect(try Self.read([:]) == expected)
  }

  @Test("absent fields have diffusers' defaults")
  func defaults() throws {
    let config = try SchedulerConfig(["_class_name": "EulerDiscreteScheduler"], at: Self.place)
    #expect(config == SchedulerConfig())
    #expect(config.trainTimesteps == 1000 && config.betaStart == 0.0001 && config.betaEnd == 0.02)
    #expect(config.betaSchedule == .linear && config.timestepSpacing == .linspace && config.stepsOffset == 0)
  }

  @Test("reads every field")
  func readsEveryField() throws {
    let config = try SchedulerConfig(
      [
        "_class_name": "EulerDiscreteScheduler", "num_train_timesteps": 3, "beta_start": 0.1, "beta_end": 0.3,
        "beta_schedule": "squaredcos_cap_v2", "trained_betas": [0.1, 0.2, 0.3],
        "prediction_type": "v_prediction",
        "interpolation_type": "log_linear", "use_karras_sigmas": .null, "use_exponential_sigmas": false,
        "use_beta_sigmas": true, "sigma_min": 0.5, "sigma_max": 2, "timestep_spacing": "trailing",
        "timestep_type": "continuous", "steps_offset": 2, "rescale_betas_zero_snr": true,
        "final_sigmas_type": "sigma_min",
      ], at: Self.place)
    var expected = SchedulerConfig()
    expected.trainTimesteps = 3
    expected.betaStart = 0.1
    expected.betaEnd = 0.3
    expected.betaSchedule = .squaredCosineCapV2
    expected.trainedBetas = [0.1, 0.2, 0.3]
    expected.predictionType = .vPrediction
    expected.interpolationType = .logLinear
    expected.sigmaSpacing = .beta
    expected.sigmaMin = 0.5
    expected.sigmaMax = 2
    expected.timestepSpacing = .trailing
    expected.timestepType = .continuous
    expected.stepsOffset = 2
    expected.rescalesBetasToZeroSNR = true
    expected.finalSigma = .sigmaMin
    #expect(config == expected)
  }

  @Test(
    "a fault names the file, the field, what was expected and what was found",
    arguments: [
      ("beta_strat", 0.1, "beta_strat is an unknown field, with the number 0.1"),
      ("beta_start", "0.1", "beta_start must be a number, not the string \"0.1\""),
      ("beta_start", 0, "beta_start must be a number above 0 and below 1, not 0.0"),
      ("beta_end", 0.9999999999, "beta_end must be a number above 0 and below 1, not 0.9999999999"),
      (
        "beta_schedule", "sigmoid",
        "beta_schedule must be one of linear, scaled_linear, squaredcos_cap_v2, not the string \"sigmoid\""
      ),
      (
        "num_train_timesteps", 1000.5,
        "num_train_timesteps must be an integer from 2 to 100000, not the number 1000.5"
      ),
      (
        "num_train_timesteps", true,
        "num_train_timesteps must be an integer from 2 to 100000, not the boolean true"
      ),
      (
        "num_train_timesteps", 1, "num_train_timesteps must be an integer from 2 to 100000, not the integer 1"
      ),
      (
        "num_train_timesteps", 1_000_000_000_000,
        "num_train_timesteps must be an integer from 2 to 100000, not the integer 1000000000000"
      ),
      ("trained_betas", [0.1, "x"], "trained_betas must be null or a list of numbers, not a list of 2"),
      (
        "trained_betas", [0.1],
        "trained_betas must be a list of 1000, one beta for each training timestep, not of 1"
      ),
      ("steps_offset", -1, "steps_offset must be a training timestep, 0 to 999, not -1"),
      ("steps_offset", 1000, "steps_offset must be a training timestep, 0 to 999, not 1000"),
      ("sigma_min", 0, "sigma_min must be a number above 0, not 0.0"),
      ("sigma_max", 1e300, "sigma_max must be a number above 0, not 1e+300"),
      ("sigma_max", "big", "sigma_max must be a number, not the string \"big\""),
      ("use_karras_sigmas", 1, "use_karras_sigmas must be true or false, not the integer 1"),
      (
        "final_sigmas_type", "one",
        "final_sigmas_type must be one of zero, sigma_min, not the string \"one\""
      ),
      ("_class_name", 3, "_class_name must be a string, not the integer 3"),
    ] as [(String, JSONValue, String)])
  func faults(field: String, value: JSONValue, message: String) throws {
    let fault = try Self.fault([field: value])
    #expect(fault.kind == .model)
    #expect(fault.description == "\(Self.place): \(message)")
    #expect(fault.hint != nil)
  }

  @Test("all faults of a file are reported together")
  func allFaults() throws {
    let fault = try Self.fault([
      "beta_strat": 1, "beta_end": "x", "steps_offset": -1, "use_beta_sigmas": true,
      "use_karras_sigmas": true,
      "timestep_spacing": "even", "sigma_min": 3, "sigma_max": 2, "zzz": .null,
    ])
    #expect(fault.message.hasPrefix("6 faults:"))
    for words in [
      "beta_strat is", "beta_end must", "steps_offset must", "timestep_spacing must",
      "use_karras_sigmas and use_beta_sigmas are both true; at most one may be",
      "sigma_min must be less than sigma_max (2.0), not 3.0",
    ] {
      #expect(fault.message.contains(words), "\(fault.message)")
    }
  }

  @Test("a file without a class is at fault")
  func classIsRequired() throws {
    let fault = try #require(throws: Diagnostic.self) {
      try SchedulerConfig(["beta_start": 0.1], at: Self.place)
    }
    #expect(fault.message == "_class_name is missing; it must be a string")
  }

  @Test(
    "each class starts the sampler that it means, or Euler with a word on what it is",
    arguments: [
      ("EulerDiscreteScheduler", [:], .euler, nil),
      ("EulerDiscreteScheduler", ["use_karras_sigmas": true], .eulerKarras, nil),
      ("EulerAncestralDiscreteScheduler", [:], .eulerAncestral, nil),
      ("LCMScheduler", ["original_inference_steps": 100], .lcm, nil),
      ("DPMSolverMultistepScheduler", ["lambda_min_clipped": .number(-.infinity)], .dpmpp2M, nil),
      (
        "DPMSolverMultistepScheduler", ["use_karras_sigmas": true, "thresholding": .null], .dpmpp2MKarras, nil
      ),
      (
        "DPMSolverMultistepScheduler", ["algorithm_type": "sde-dpmsolver++", "solver_order": 3], .euler,
        "its scheduler is DPMSolverMultistepScheduler with algorithm_type sde-dpmsolver++, solver_order 3, which is not "
          + "supported: the model starts with euler"
      ),
      ("DPMSolverMultistepScheduler", ["lower_order_final": false], .dpmpp2M, nil),
      ("LCMScheduler", ["clip_sample": true], .euler, "its scheduler is LCMScheduler with clip_sample true"),
      (
        "DDIMScheduler", ["clip_sample": true, "set_alpha_to_one": true], .euler,
        "its scheduler is DDIMScheduler, which is"
      ),
      (
        "UniPCMultistepScheduler", ["solver_type": "bh1", "use_karras_sigmas": true], .eulerKarras,
        "the model starts with euler_karras"
      ),
      ("TCDScheduler", [:], .euler, "its scheduler is TCDScheduler"),
    ] as [(String, [String: JSONValue], Scheduler, String?)])
  func classes(name: String, fields: [String: JSONValue], scheduler: Scheduler, note: String?) throws {
    let config = try Self.read(fields.merging(["_class_name": .string(name)]) { $1 })
    #expect(config.scheduler == scheduler)
    #expect(config.obstacle == nil)
    if let note {
      #expect(config.substitution?.contains(note) == true)
    } else {
      #expect(config.substitution == nil)
    }
  }

  @Test("absent fields have the defaults of the class that the file names")
  func classDefaults() throws {
    let lcm = try SchedulerConfig(["_class_name": "LCMScheduler"], at: Self.place)
    #expect(lcm.betaStart == 0.00085 && lcm.betaEnd == 0.012 && lcm.betaSchedule == .scaledLinear)
    let heun = try SchedulerConfig(["_class_name": "HeunDiscreteScheduler"], at: Self.place)
    #expect(heun.betaStart == 0.00085 && heun.betaSchedule == .linear && heun.timestepSpacing == .linspace)
    let ddim = try SchedulerConfig(["_class_name": "DDIMScheduler"], at: Self.place)
    #expect(ddim.betaStart == 0.0001 && ddim.timestepSpacing == .leading)
  }

  @Test(
    "models of another kind are read, and it is said why they cannot be run",
    arguments: [
      ["_class_name": "EDMEulerScheduler", "sigma_data": 0.5, "sigma_min": 0.002],
      ["_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3],
      ["_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction"],
      ["_class_name": "DPMSolverMultistepScheduler", "use_flow_sigmas": true],
      ["_class_name": "VQDiffusionScheduler", "num_vec_classes": 3], ["_class_name": "DDIMInverseScheduler"],
    ] as [JSONValue])
  func otherFamilies(json: JSONValue) throws {
    #expect(try SchedulerConfig(json, at: Self.place).obstacle?.contains("scheduler") == true)
  }

  @Test("the class that the pipeline names counts before the file's own, which may be absent")
  func pipelineClass() throws {
    func scheduler(_ own: JSONValue?, _ named: String) throws -> Scheduler {
      var fields: [String: JSONValue] = ["beta_start": 0.00085]
      fields["_class_name"] = own
      return try SchedulerConfig(.object(fields), at: Self.place, className: named).scheduler
    }
    #expect(try scheduler("DPMSolverMultistepScheduler", "EulerDiscreteScheduler") == .euler)
    #expect(try scheduler("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler") == .eulerAncestral)
    #expect(try scheduler(nil, "LCMScheduler") == .lcm)
    #expect(try scheduler(nil, "FlaxEulerDiscreteScheduler") == .euler)
  }

  @Test("a document that is no object is refused", arguments: [.null, [1, 2], "x"] as [JSONValue])
  func notAnObject(json: JSONValue) throws {
    let fault = try #require(throws: Diagnostic.self) { try SchedulerConfig(json, at: Self.place) }
    #expect(fault.message == "must be a JSON object, not \(json.kindName)")
  }

  @Test("betas that leave no noise in float32 are refused where the file is named")
  func betasWithoutNoise() throws {
    let fault = try Self.fault(["beta_start": 1e-12, "beta_end": 1e-12])
    #expect(fault.place == Self.place)
    #expect(fault.message == "betas: expected a finite sigma above 0 at each timestep, found 0.0 at 0")
  }

  @Test("a config changed after reading is checked again before it is used")
  func changedConfig() throws {
    var config = SchedulerConfig()
    config.betaStart = 2
    config.stepsOffset = -3
    let fault = try #require(throws: Diagnostic.self) { try NoiseSchedule(config) }
    #expect(fault.kind == .model)
    #expect(fault.message.contains("beta_start must") && fault.message.contains("steps_offset must"))
  }
}
