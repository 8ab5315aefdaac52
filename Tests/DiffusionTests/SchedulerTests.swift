import Diffusion
import Testing

@Suite struct SchedulerTests {
  private static let golden = Result { try SamplingGolden("samplers") }

  /// The largest difference, relative to the largest of the expected values.
  private static func difference(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / max(scale, .leastNormalMagnitude)
  }

  @Test(
    "whole runs are diffusers': timesteps, sigmas, model input and latents of each step", arguments: 0..<80)
  func matchesDiffusers(number: Int) throws {
    let golden = try Self.golden.get()
    let cases = try golden.document.cases.list
    #expect(cases.count == 80)
    let run = cases[number]
    let scheduler = try #require(Scheduler(rawValue: try run.scheduler.text))
    let config = try SchedulerConfig(run.config.json, at: "case \(number)")
    let sampler = try scheduler.sampler(config, steps: Int(run.steps.number))
    let (timesteps, sigmas) = (try golden.values(run.timesteps), try golden.values(run.sigmas))
    #expect(sampler.schedule.timesteps == timesteps)
    #expect(Self.difference(sampler.schedule.sigmas, sigmas) <= tolerance)
    var generator = TorchGenerator(seed: try #require(UInt64(try run.seed.text)))
    let count = 80
    var latents = generator.normal(count: count).map { $0 * sampler.initialNoiseSigma }
    // diffusers' multistep solver and its LCM keep latents of unit variance.
    func scale(_ sigma: Float) -> Float {
      scheduler == .eulerAncestral ? 1 : (sigma * sigma + 1).squareRoot()
    }
    let initial = try golden.values(run.initial).map { $0 * scale(sigmas[0]) }
    #expect(Self.difference(latents, initial) <= tolerance)
    var previous: [Float]?
    for (step, expected) in try run.each.list.enumerated() {
      let input = sampler.modelInput(latents, step: step)
      #expect(try Self.difference(input, golden.values(expected.input)) <= tolerance, "step \(step)")
      let output = try golden.values(expected.output)
      let denoised = sampler.denoised(latents, modelOutput: output, step: step)
      latents = sampler.step(
        latents, denoised: denoised, previous: previous,
        noise: sampler.drawsNoise ? generator.normal(count: count) : [], step: step)
      previous = denoised
      let wanted = try golden.values(expected.latents).map { $0 * scale(sigmas[step + 1]) }
      #expect(Self.difference(latents, wanted) <= tolerance, "step \(step)")
    }
  }

  /// The same formulas in float32, in another order where diffusers walks latents of unit variance: measured 1.2e-6.
  private let tolerance: Float = 5e-6
}
