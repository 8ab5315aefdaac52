/// Euler's method with fresh noise after each step: `sample_euler_ancestral` of crowsonkb/k-diffusion with eta = 1, as
/// diffusers' `EulerAncestralDiscreteScheduler` has it.
public struct EulerAncestralSampler: Sampler, Equatable {
  public let schedule: Schedule

  public init(_ schedule: Schedule) { self.schedule = schedule }

  public var drawsNoise: Bool { true }

  /// Down to sigma_down by Euler, then up to sigma_next by noise: sigma_up^2 + sigma_down^2 = sigma_next^2.
  public func step(
    _ latents: [Float], denoised: [Float], previous: [Float]? = nil, noise: [Float], step: Int
  ) -> [Float] {
    precondition(noise.count == latents.count, "noise of the latents' count")
    let (sigma, next) = (schedule.sigmas[step], schedule.sigmas[step + 1])
    let up = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).squareRoot()
    let down = (next * next - up * up).squareRoot()
    return latents.indices.map { i in
      latents[i] + (latents[i] - denoised[i]) / sigma * (down - sigma) + noise[i] * up
    }
  }
}
