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
      ("beta_strat", 0.1, "beta_strat: expected no such field, found the number 0.1"),
      ("beta_start", "0.1", "beta_start: expected a number, found the string \"0.1\""),
      ("beta_start", 0, "beta_start: expected a number above 0 and below 1, found 0.0"),
      ("beta_end", 0.9999999999, "beta_end: expected a number above 0 and below 1, found 0.9999999999"),
      ("beta_end", .null, "beta_end: expected a number, found null"),
      (
        "beta_schedule", "sigmoid",
        "beta_schedule: expected one of \"linear\", \"scaled_linear\", \"squaredcos_cap_v2\","
          + " found the string \"sigmoid\""
      ),
      ("num_train_timesteps", 1000.5, "num_train_timesteps: expected an integer, found the number 1000.5"),
      ("num_train_timesteps", true, "num_train_timesteps: expected an integer, found the boolean true"),
      ("num_train_timesteps", 1, "num_train_timesteps: expected 2 to 100000, found 1"),
      (
        "num_train_timesteps", 1_000_000_000_000,
        "num_train_timesteps: expected 2 to 100000, found 1000000000000"
      ),
      ("trained_betas", [0.1, "x"], "trained_betas: expected null or a list of numbers, found a list of 2"),
      (
        "trained_betas", [0.1],
        "trained_betas: expected one beta for each of the 1000 training timesteps, found 1"
      ),
      ("steps_offset", -1, "steps_offset: expected 0 to 999, a training timestep, found -1"),
      ("steps_offset", 1000, "steps_offset: expected 0 to 999, a training timestep, found 1000"),
      ("sigma_min", 0, "sigma_min: expected a number above 0, found 0.0"),
      ("sigma_max", 1e300, "sigma_max: expected a number above 0, found 1e+300"),
      ("sigma_max", "big", "sigma_max: expected null or a number, found the string \"big\""),
      ("use_karras_sigmas", 1, "use_karras_sigmas: expected true, false or null, found the integer 1"),
      ("rescale_betas_zero_snr", .null, "rescale_betas_zero_snr: expected true or false, found null"),
      (
        "final_sigmas_type", "one",
        "final_sigmas_type: expected one of \"zero\", \"sigma_min\", found the string \"one\""
      ),
      ("_class_name", 3, "_class_name: expected \"EulerDiscreteScheduler\", found the integer 3"),
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
    #expect(fault.message.hasPrefix("7 faults: "))
    for words in [
      "beta_strat: ", "beta_end: ", "steps_offset: ", "timestep_spacing: ", "zzz: ",
      "use_karras_sigmas, use_beta_sigmas: expected at most one of them true, found 2",
      "sigma_min: expected less than sigma_max, which is 2.0, found 3.0",
    ] {
      #expect(fault.message.contains(words), "\(fault.message)")
    }
  }

  @Test("a file without a class is at fault")
  func classIsRequired() throws {
    let fault = try #require(throws: Diagnostic.self) {
      try SchedulerConfig(["beta_start": 0.1], at: Self.place)
    }
    #expect(fault.message == "_class_name: expected \"EulerDiscreteScheduler\", found nothing")
  }

  @Test(
    "another scheduler's file is refused by its class alone",
    arguments: [
      "EulerAncestralDiscreteScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler", "LCMScheduler",
    ])
  func otherClasses(name: String) throws {
    let fault = try Self.fault(["_class_name": .string(name), "solver_order": 2, "thresholding": false])
    #expect(fault.message == "_class_name: expected EulerDiscreteScheduler, found \(name)")
    #expect(fault.hint?.contains("only EulerDiscreteScheduler can be run now") == true)
  }

  @Test("a document that is no object is refused", arguments: [.null, [1, 2], "x"] as [JSONValue])
  func notAnObject(json: JSONValue) throws {
    let fault = try #require(throws: Diagnostic.self) { try SchedulerConfig(json, at: Self.place) }
    #expect(fault.message == "expected an object of scheduler fields, found \(json.kindName)")
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
    #expect(fault.message.contains("beta_start: ") && fault.message.contains("steps_offset: "))
  }
}
