import Diffusion
import Testing

@Suite struct EulerSamplerTests {
  private static let golden = Result { try SamplingGolden("steps") }

  /// The distance of two vectors relative to the length of the second.
  private static func relativeL2(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let distance = zip(found, expected).map { Double($0 - $1) * Double($0 - $1) }.reduce(0, +)
    return (distance / expected.map { Double($0) * Double($0) }.reduce(0, +)).squareRoot()
  }

  /// Steps by way of the protocol alone, as a run does.
  private static func advance(
    _ sampler: some Sampler, _ latents: [Float], _ modelOutput: [Float], _ step: Int
  ) -> (latents: [Float], denoised: [Float]) {
    let denoised = sampler.denoised(latents, modelOutput: modelOutput, step: step)
    return (
      sampler.step(latents, denoised: denoised, previous: nil, noise: [], step: step), denoised
    )
  }

  @Test(
    "whole runs are diffusers': model input, latents and denoised latents of each step", arguments: 0..<16)
  func matchesDiffusers(number: Int) throws {
    let golden = try Self.golden.get()
    let cases = try golden.document.cases.list
    #expect(cases.count == 16)
    let run = cases[number]
    let config = try SchedulerConfig(run.config.json, at: "case \(number)")
    let sampler = EulerSampler(try Schedule(config, steps: Int(run.steps.number)))
    var latents = try golden.values(run.latents)
    let each = try run.each.list
    #expect(each.count == sampler.schedule.steps)
    // The same float32 operations in the same order; what differs is an ulp of some sigmas. Measured over all
    // vectors: 1.4e-7, and 96 % of values equal to the bit.
    let tolerance = 1e-6
    for (step, expected) in each.enumerated() {
      let input = sampler.modelInput(latents, step: step)
      #expect(try Self.relativeL2(input, golden.values(expected.input)) <= tolerance, "step \(step)")
      let result = Self.advance(sampler, latents, try golden.values(expected.output), step)
      #expect(
        try Self.relativeL2(result.latents, golden.values(expected.latents)) <= tolerance, "step \(step)")
      #expect(
        try Self.relativeL2(result.denoised, golden.values(expected.denoised)) <= tolerance, "step \(step)")
      latents = result.latents
    }
  }

  @Test(
    "a model that knows the clean latents is followed to them, whatever it predicts",
    arguments: SchedulerConfig.PredictionType.allCases)
  func reachesTheCleanLatents(prediction: SchedulerConfig.PredictionType) throws {
    var config = SchedulerConfig()
    config.predictionType = prediction
    let sampler = EulerSampler(try Schedule(config, steps: 5))
    let clean: [Float] = [-1.5, 0.25, 1, 3]
    let noise: [Float] = [0.5, -2, 1.25, 0]
    let start = sampler.schedule.initialNoiseSigma
    var latents = zip(clean, noise).map { $0 + start * $1 }
    for step in 0..<5 {
      let sigma = sampler.schedule.sigmas[step]
      let scale = (sigma * sigma + 1).squareRoot()
      let output: [Float] =
        switch prediction {
        case .epsilon: zip(latents, clean).map { ($0 - $1) / sigma }
        case .sample: clean
        // v = alpha noise - sigma' clean, with alpha = 1 / scale and sigma' = sigma / scale.
        case .vPrediction: zip(latents, clean).map { (($0 - $1) / sigma - sigma * $1) / scale }
        }
      let result = Self.advance(sampler, latents, output, step)
      // Rounding, mostly of the output times sigma, which goes down to 0.01 and up to 157. Measured: 2.4e-7.
      #expect(zip(result.denoised, clean).allSatisfy { abs($0 - $1) <= 1e-5 }, "step \(step)")
      latents = result.latents
    }
    #expect(zip(latents, clean).allSatisfy { abs($0 - $1) <= 1e-5 })
  }
}
