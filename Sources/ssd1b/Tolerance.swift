import Kernels

/// How far values of a replay may be from the recorded ones and still count as the same picture.
///
/// Between runs of one precision, library and machine nothing may differ at all; these are for replays where one of them is
/// another. Measured with the embedded model over 80 runs of 20 steps (20 prompts, three schedulers, CFG 4 and 9), probes of
/// 8 latents a step and 24 pixel channels: oneDNN against OpenBLAS in float32, whose sums are in another order, latents
/// 1.1e-5 of their spread and pixels 0; bfloat16 against float32, whose products have 8 bits, latents 0.060 (median 0.013)
/// and pixels 6; of 40 whole pictures the largest channel difference 35, their mean below 0.9.
///
/// What they tell apart: in a run of 20 steps another seed was off by 1.6 spreads, another subject by 0.78, one step less by
/// 0.42. What they do not: a CFG of 4.5 for 4 was off by 0.067, as much as bfloat16 itself.
struct Tolerance {
  /// Of latents, as a share of their standard deviation.
  let latents: Float
  /// Of the probed channels of pixels, in 8-bit steps.
  let pixels: Float
  /// Of all channels of a picture, in 8-bit steps.
  let picture: Float

  /// On another model than the recorded one nothing is the same picture but by the same bits.
  static let none = Tolerance(latents: 0, pixels: 0, picture: 0)

  private init(latents: Float, pixels: Float, picture: Float) {
    (self.latents, self.pixels, self.picture) = (latents, pixels, picture)
  }

  init(_ recorded: Precision, _ present: Precision) {
    (latents, pixels, picture) = recorded == .float32 && present == .float32 ? (1e-4, 1, 2) : (0.2, 24, 80)
  }
}
