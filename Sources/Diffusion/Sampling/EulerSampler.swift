/// Euler's method on the probability flow: Karras et al. 2022, algorithm 2, with s_churn = 0.
public struct EulerSampler: Sampler, Equatable {
  public let schedule: Schedule

  public init(_ schedule: Schedule) { self.schedule = schedule }

  /// d = (x - denoised) / sigma, then x + d (sigma_next - sigma); it keeps no history.
  public func step(
    _ latents: [Float], modelOutput: [Float], step: Int
  ) -> (latents: [Float], denoised: [Float]) {
    let (sigma, next) = (schedule.sigmas[step], schedule.sigmas[step + 1])
    let denoised = denoised(latents, modelOutput, sigma)
    let x = zip(latents, denoised).map { x, denoised in x + (x - denoised) / sigma * (next - sigma) }
    return (x, denoised)
  }

  /// The clean latents x0 that the model's output stands for at this noise level.
  private func denoised(_ latents: [Float], _ modelOutput: [Float], _ sigma: Float) -> [Float] {
    precondition(latents.count == modelOutput.count, "the model's output has the latents' count")
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
