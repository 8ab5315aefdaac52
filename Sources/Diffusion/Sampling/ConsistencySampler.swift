/// Multistep sampling of a latent consistency model: Luo et al. 2023 (arXiv:2310.04378), as diffusers' `LCMScheduler`
/// has it.
///
/// Each step takes the model's clean latents and adds fresh noise of the next level to them. It is for models, or
/// adapters, that were distilled for it: others give blurs.
public struct ConsistencySampler: Sampler, Equatable {
  public let schedule: Schedule

  public init(_ schedule: Schedule) { self.schedule = schedule }

  public var initialNoiseSigma: Float { deviation(step: 0) }

  public var drawsNoise: Bool { true }

  /// c_out D + c_skip x + sigma_next noise, x being latents of unit variance: at timestep 0 all x, soon all D.
  public func step(
    _ latents: [Float], denoised: [Float], previous: [Float]? = nil, noise: [Float], step: Int
  ) -> [Float] {
    precondition(noise.count == latents.count, "noise of the latents' count")
    let next = schedule.sigmas[step + 1]
    let time = Float(schedule.config.timestepScaling) * schedule.timesteps[step]
    let variance = time * time + Self.dataVariance
    let (skip, out) = (Self.dataVariance / variance, time / variance.squareRoot())
    let shown = modelInput(latents, step: step)
    return latents.indices.map { i in out * denoised[i] + skip * shown[i] + next * noise[i] }
  }

  /// The square of `LCMScheduler`'s sigma_data.
  private static let dataVariance: Float = 0.25
}
