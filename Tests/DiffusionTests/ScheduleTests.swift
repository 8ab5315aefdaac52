import Base
import Diffusion
import Testing

@Suite struct ScheduleTests {
  private static let golden = Result { try SamplingGolden("schedules") }

  private static func relative(_ found: Float, _ expected: Float) -> Float {
    found == expected ? 0 : abs(found - expected) / abs(expected)
  }

  @Test(
    "timesteps, sigmas and the noise's scale are diffusers', for each config at up to 7 step counts",
    arguments: 0..<55)
  func matchesDiffusers(number: Int) throws {
    let golden = try Self.golden.get()
    let cases = try golden.document.cases.list
    #expect(cases.count == 55)
    let row = cases[number]
    let config = try SchedulerConfig(row.config.json, at: "case \(number)")
    let hasOwnTimesteps = config.sigmaSpacing == .trained && config.timestepType == .discrete
    for run in try row.runs.list {
      let steps = try Int(run.steps.number)
      let schedule = try Schedule(config, steps: steps)
      let timesteps = try golden.values(run.timesteps).prefix(steps)
      // diffusers has a sigma more with a log-linear interpolation, which no step reaches.
      let sigmas = try golden.values(run.sigmas).prefix(steps + 1)
      try #require(schedule.steps == steps && schedule.sigmas.count == steps + 1)
      for (found, expected) in zip(schedule.timesteps, timesteps) {
        if hasOwnTimesteps {
          #expect(found == expected, "\(config) at \(steps)")
        } else {
          // Found from sigmas by way of float32 logarithms, in which numpy and torch differ from libm by an
          // ulp. Measured: 5.6e-7 relative to the larger of the timestep and 1.
          #expect(abs(found - expected) <= 1e-6 * max(1, abs(expected)), "\(config) at \(steps)")
        }
      }
      for (found, expected) in zip(schedule.sigmas, sigmas) {
        // Powers, roots and exponentials differ by an ulp or two of float32. Measured: 3.1e-7; 98 % equal to
        // the bit.
        #expect(Self.relative(found, expected) <= 1e-6, "\(config) at \(steps)")
      }
      // Measured: 1.2e-7.
      let initial = try golden.values(run.initial)[0]
      #expect(Self.relative(schedule.initialNoiseSigma, initial) <= 1e-6, "\(config) at \(steps)")
    }
  }

  @Test("sigmas at the timesteps of the trained noise are diffusers' to an ulp")
  func trainedSigmas() throws {
    let golden = try Self.golden.get()
    var (equal, total) = (0, 0)
    for row in try golden.document.cases.list {
      let config = try SchedulerConfig(row.config.json, at: "golden")
      guard config.sigmaSpacing == .trained && config.interpolationType == .linear else { continue }
      guard !config.rescalesBetasToZeroSNR else { continue }
      for run in try row.runs.list {
        let schedule = try Schedule(config, steps: Int(run.steps.number))
        for (found, expected) in zip(schedule.sigmas, try golden.values(run.sigmas)) {
          // Torch's square root is MKL's, which is not always the nearest number; ours is. An ulp is 1.2e-7
          // or less.
          #expect(Self.relative(found, expected) <= 0x1p-23, "\(config)")
          equal += found == expected ? 1 : 0
          total += 1
        }
      }
    }
    #expect(Double(equal) / Double(total) > 0.99)
  }

  @Test(
    "every count that a spacing takes gives falling sigmas and trained timesteps",
    arguments: SchedulerConfig.TimestepSpacing.allCases, SchedulerConfig.SigmaSpacing.allCases)
  func everyCount(
    timestepSpacing: SchedulerConfig.TimestepSpacing, sigmaSpacing: SchedulerConfig.SigmaSpacing
  ) throws {
    var config = SchedulerConfig()
    config.trainTimesteps = 130
    config.timestepSpacing = timestepSpacing
    config.sigmaSpacing = sigmaSpacing
    for steps in 1...130 {
      let schedule = try Schedule(config, steps: steps)
      #expect(schedule.timesteps.count == steps)
      #expect(schedule.timesteps.allSatisfy { (0...129).contains($0) }, "\(steps) steps")
      #expect(zip(schedule.sigmas, schedule.sigmas.dropFirst()).allSatisfy { $0 > $1 }, "\(steps) steps")
      #expect(schedule.sigmas.last == 0)
    }
  }

  @Test("61 trailing steps of 1000, where rounding gives diffusers a 62nd at timestep -1, are 61")
  func trailingRounding() throws {
    var config = SchedulerConfig()
    config.timestepSpacing = .trailing
    let schedule = try Schedule(config, steps: 61)
    #expect(schedule.steps == 61)
    #expect(schedule.timesteps.first == 999 && schedule.timesteps.last == 15)
  }

  @Test(
    "a count that the spacing cannot give is refused with the range it can",
    arguments: [
      (.leading, 0, "expected 1 to 1000, the model's training timesteps, found 0"),
      (.linspace, -1, "expected 1 to 1000, the model's training timesteps, found -1"),
      (.trailing, 1001, "expected 1 to 1000, the model's training timesteps, found 1001"),
      (.linspace, .max, "expected 1 to 1000, the model's training timesteps, found 9223372036854775807"),
      (
        .leading, 1000,
        "expected a first timestep below 1000, found 1000 for 1000 steps of a leading spacing"
          + " with steps_offset 1"
      ),
    ] as [(SchedulerConfig.TimestepSpacing, Int, String)])
  func refusedCounts(spacing: SchedulerConfig.TimestepSpacing, steps: Int, message: String) throws {
    var config = SchedulerConfig()
    config.timestepSpacing = spacing
    config.stepsOffset = 1
    let fault = try #require(throws: Diagnostic.self) { try Schedule(config, steps: steps) }
    #expect(fault.kind == .value && fault.place == "steps" && fault.message == message)
  }

  @Test("a sigma_min above the noise that the timesteps begin at is refused")
  func refusedSigmaRange() throws {
    var config = SchedulerConfig()
    config.sigmaSpacing = .karras
    config.sigmaMin = 500
    let fault = try #require(throws: Diagnostic.self) { try Schedule(config, steps: 20) }
    #expect(
      fault.kind == .model
        && fault.message.hasPrefix("expected sigma_min below sigma_max, found 500.0 and 157"))
  }

  @Test("a config that cannot be used is refused before the count is looked at")
  func refusedConfig() throws {
    var config = SchedulerConfig()
    config.trainTimesteps = 0
    let fault = try #require(throws: Diagnostic.self) { try Schedule(config, steps: 20) }
    #expect(
      fault.kind == .model
        && fault.message == "num_train_timesteps must be an integer from 2 to 100000, not 0")
  }
}
