import Base
import Graph
import Kernels
import Runtime

/// What a module computed: its output, channels last as it is in memory.
public struct Captured: Sendable {
  public let shape: Shape
  public let values: [Float]
}

extension DiffusionModel {
  /// The outputs of UNet modules and layers, by path, in the step that goes on from `run`.
  ///
  /// Nothing is fused past an observed value, and the run itself is not changed. Batch rows are [negative, prompt].
  /// Throws a `Diagnostic` for a path that the UNet does not have.
  public func capture(_ paths: Set<String>, in run: Generation) throws -> [String: Captured] {
    precondition(!run.isFinished, "a finished run has no next step")
    let denoiser = try Denoiser(
      model: self, batch: run.conditioning.embeddings.count, height: run.latentHeight, width: run.latentWidth,
      observing: paths)
    var captured: [String: Captured] = [:]
    var names: [Value: [String]] = [:]
    for path in paths {
      guard let value = denoiser.graph.values(at: [path]).first else {
        throw Diagnostic(.value, at: path, "the UNet has no such module", hint: "layers unet lists them")
      }
      names[value, default: []].append(path)
    }
    _ = try denoiser.predict(
      run.sampler.modelInput(run.latents, step: run.step), timestep: run.sampler.schedule.timesteps[run.step],
      conditioning: run.conditioning
    ) { step, output in
      for path in names[step.output] ?? [] { captured[path] = Captured(shape: output.shape, values: output.values) }
    }
    return captured
  }
}
