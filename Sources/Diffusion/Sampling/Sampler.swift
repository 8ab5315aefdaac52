/// A numerical solver that walks latents from noise to image along a schedule.
///
/// A value that keeps nothing between steps: what a multistep solver needs of the step before is handed to it, so
/// latents and the last denoised latents are all it takes to go on from a step. It knows no model and no guidance,
/// only what the model made of the latents, which are x0 + sigma noise throughout.
public protocol Sampler: Sendable {
  /// The noise levels it walks along.
  var schedule: Schedule { get }

  /// What standard normal noise is multiplied by to be the latents before step 0.
  var initialNoiseSigma: Float { get }

  /// Whether each step adds noise of its own, one draw of the latents' count.
  var drawsNoise: Bool { get }

  /// What the model is shown at `step`: the latents scaled to unit variance, latents / sqrt(sigma^2 + 1).
  func modelInput(_ latents: [Float], step: Int) -> [Float]

  /// One step from `schedule.sigmas[step]` to the next, where `denoised` is what the model takes the clean latents for.
  ///
  /// - Parameters:
  ///   - previous: the denoised latents of the step before; nil at step 0.
  ///   - noise: standard normal, of the latents' count; empty unless `drawsNoise`.
  func step(_ latents: [Float], denoised: [Float], previous: [Float]?, noise: [Float], step: Int) -> [Float]
}

extension Sampler {
  public var initialNoiseSigma: Float { schedule.initialNoiseSigma }
  public var drawsNoise: Bool { false }

  /// The standard deviation of the latents before `step`, those of x0 being 1: sqrt(sigma^2 + 1).
  func deviation(step: Int) -> Float {
    let sigma = schedule.sigmas[step]
    return (sigma * sigma + 1).squareRoot()
  }

  public func modelInput(_ latents: [Float], step: Int) -> [Float] {
    let scale = deviation(step: step)
    return latents.map { $0 / scale }
  }

  /// The clean latents x0 that the model's guided output stands for at `step`, by the config's `predictionType`.
  public func denoised(_ latents: [Float], modelOutput: [Float], step: Int) -> [Float] {
    precondition(latents.count == modelOutput.count, "the model's output has the latents' count")
    let sigma = schedule.sigmas[step]
    switch schedule.config.predictionType {
    case .epsilon:
      return zip(latents, modelOutput).map { x, epsilon in x - sigma * epsilon }
    case .vPrediction:
      let variance = sigma * sigma + 1
      let outputScale = -sigma / variance.squareRoot()
      return zip(latents, modelOutput).map { x, v in v * outputScale + x / variance }
    case .sample:
      return modelOutput
    }
  }
}
