import Foundation

/// DPM-Solver++(2M): Lu et al. 2022 (arXiv:2211.01095), algorithm 2, as diffusers' `DPMSolverMultistepScheduler` has it.
///
/// diffusers walks variance-preserving latents, these divided by sqrt(sigma^2 + 1); both reach the same picture.
public struct DPMSolverSampler: Sampler, Equatable {
  public let schedule: Schedule

  public init(_ schedule: Schedule) { self.schedule = schedule }

  public var initialNoiseSigma: Float { deviation(step: 0) }

  /// With r = sigma_next / sigma: r x + (1 - r) D, where D goes half a step on along the last two denoised latents.
  ///
  /// The first step has no last two, and the last one of a short run, or to sigma 0, does without: there D is `denoised`.
  public func step(
    _ latents: [Float], denoised: [Float], previous: [Float]?, noise: [Float] = [], step: Int
  ) -> [Float] {
    let (sigma, next) = (schedule.sigmas[step], schedule.sigmas[step + 1])
    let ratio = next / sigma
    let isLowOrder = step == schedule.steps - 1 && (schedule.steps < 15 || next == 0)
    guard let previous, step > 0, !isLowOrder else {
      return zip(latents, denoised).map { x, d in ratio * x + (1 - ratio) * d }
    }
    // Steps in lambda = -log sigma.
    let (h, before) = (log(sigma / next), log(schedule.sigmas[step - 1] / sigma))
    let weight = 0.5 * h / before
    return latents.indices.map { i in
      let d = denoised[i] + weight * (denoised[i] - previous[i])
      return ratio * latents[i] + (1 - ratio) * d
    }
  }
}
