/// Euler's method on the probability flow: Karras et al. 2022, algorithm 2, with s_churn = 0.
public struct EulerSampler: Sampler, Equatable {
  public let schedule: Schedule

  public init(_ schedule: Schedule) { self.schedule = schedule }

  /// d = (x - denoised) / sigma, then x + d (sigma_next - sigma).
  public func step(
    _ latents: [Float], denoised: [Float], previous: [Float]? = nil, noise: [Float] = [], step: Int
  ) -> [Float] {
    let (sigma, next) = (schedule.sigmas[step], schedule.sigmas[step + 1])
    return zip(latents, denoised).map { x, denoised in x + (x - denoised) / sigma * (next - sigma) }
  }
}
