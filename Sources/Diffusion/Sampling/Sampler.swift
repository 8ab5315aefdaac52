/// A numerical solver that walks latents from noise to image along a schedule.
///
/// A value type whose history, if it keeps one, is part of its value: a copy of it and of the latents is all
/// it takes to go on from a step. It knows no model and no guidance, only what the model made of the latents.
public protocol Sampler: Sendable {
  /// The noise levels it walks along.
  var schedule: Schedule { get }

  /// What the model is shown at `step`: the latents scaled to unit variance, latents / sqrt(sigma^2 + 1).
  func modelInput(_ latents: [Float], step: Int) -> [Float]

  /// One step from `schedule.sigmas[step]` to the next.
  ///
  /// `modelOutput` has the latents' count and is the guided output, what it means being the config's
  /// `predictionType`. Returns the new latents and the clean latents that the output predicts.
  mutating func step(
    _ latents: [Float], modelOutput: [Float], step: Int
  ) -> (latents: [Float], denoised: [Float])
}

extension Sampler {
  public func modelInput(_ latents: [Float], step: Int) -> [Float] {
    let sigma = schedule.sigmas[step]
    let scale = (sigma * sigma + 1).squareRoot()
    return latents.map { $0 / scale }
  }
}
