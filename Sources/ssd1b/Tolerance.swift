import Diffusion
import Kernels

/// How far values of a replay may be from the recorded ones and still count as the same picture.
///
/// Between runs of one precision, backend and machine nothing may differ at all; these are for replays where one of them
/// is another.
struct Tolerance {
  /// Of latents, as a share of their standard deviation.
  let latents: Float
  /// Of pixels, in 8-bit steps.
  let pixels: Float

  init(_ recorded: Precision, _ present: Precision) {
    (latents, pixels) = recorded == .float32 && present == .float32 ? (0.002, 4) : (0.25, 64)
  }
}
