import Base
import Graph
import Kernels
import Models
import Runtime

/// What a run is conditioned on, for each half of the batch: [negative, prompt] with guidance, else [prompt].
public struct Conditioning: Equatable, Sendable {
  public var embeddings: [PromptEmbedding]
  /// Original height and width, crop top and left, target height and width, in pixels.
  public var timeIDs: [Float]
}

/// The UNet at one batch and size, with what depends on the prompt alone kept between steps.
final class Denoiser {
  let batch: Int
  let height: Int
  let width: Int
  /// The paths of modules and layers that an observer may see.
  let observed: Set<String>
  let graph: Graph
  private let channels: Int
  private let output: Value
  private let executor: StagedExecutor
  private let sample: OwnedTensor
  private let timesteps: OwnedTensor
  private var prepared: Conditioning?

  /// - Parameters:
  ///   - height, width: of the latents.
  ///   - observed: paths of modules and layers that an observer may see.
  init(model: DiffusionModel, batch: Int, height: Int, width: Int, observed: Set<String>) throws {
    (self.batch, self.height, self.width, self.observed) = (batch, height, width, observed)
    let unet = model.architecture.unet
    graph = try unet.graph(
      batch: batch, height: height, width: width, tokens: model.architecture.tokenCount)
    guard let output = graph.outputs["noise_pred"] else { preconditionFailure("a UNet without output") }
    self.output = output
    channels = unet.config.inChannels
    executor = StagedExecutor(
      graph: graph, outputs: [output], varying: ["sample", "timestep"], weights: try model.weights(of: .unet),
      backend: model.backend, memory: model.memory, observed: graph.values(at: observed))
    sample = try OwnedTensor([batch, height, width, channels], model.backend.precision)
    timesteps = try OwnedTensor([batch, 1])
  }

  var profile: [StepTime] { executor.profile }
  func resetProfile() { executor.resetProfile() }
  /// The mean of all steps since the profile was reset; nil before the first.
  var stepTime: Duration? {
    let steps = executor.stepProfile
    guard let runs = steps.first?.runs, runs > 0 else { return nil }
    return steps.reduce(.zero) { $0 + $1.duration } / runs
  }
  var activationBytes: Int { executor.activationBytes }

  /// The predicted noise of each half, [batch][C, H, W], for latents [C, H, W] already scaled for the model.
  func predict(
    _ latents: [Float], timestep: Float, conditioning: Conditioning, observer: Executor.Observer? = nil
  ) throws -> [[Float]] {
    if prepared != conditioning { try prepare(conditioning) }
    let picture = Channels.last(latents, channels: channels)
    for half in 0..<batch { sample.tensor.slice(half, 1).assign(picture) }
    for half in 0..<batch { timesteps.tensor.elements[half] = timestep }
    let inputs = ["sample": sample.tensor, "timestep": timesteps.tensor]
    try executor.run(inputs, observer: observer)
    let result = executor.tensor(of: output)
    guard result.isFinite else { throw Diagnostic.notFinite(.unet, try executor.firstNonFinite(inputs)) }
    return (0..<batch).map { half in
      Channels.first(result.slice(half, 1).values, channels: output.channels)
    }
  }

  private func prepare(_ conditioning: Conditioning) throws {
    precondition(conditioning.embeddings.count == batch, "conditioning for another batch")
    prepared = nil
    try executor.prepare([
      "encoder_hidden_states": conditioning.embeddings.flatMap(\.hiddenStates),
      "text_embeds": conditioning.embeddings.flatMap(\.pooled),
      "time_ids": Array(repeating: conditioning.timeIDs, count: batch).flatMap { $0 },
    ])
    prepared = conditioning
  }
}

extension Graph {
  /// The values of modules and nodes with these paths.
  func values(at paths: Set<String>) -> Set<Value> {
    guard !paths.isEmpty else { return [] }
    return Set(valuesByPath.filter { paths.contains($0.key) }.values)
  }
}

/// The two orders of a picture's elements: torch's [C, H, W], which latents are kept in, and the kernels' [H, W, C].
enum Channels {
  static func last(_ values: [Float], channels: Int) -> [Float] { transposed(values, rows: channels) }
  static func first(_ values: [Float], channels: Int) -> [Float] {
    transposed(values, rows: values.count / max(1, channels))
  }

  private static func transposed(_ values: [Float], rows: Int) -> [Float] {
    let columns = values.count / max(1, rows)
    return [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
      for row in 0..<rows {
        for column in 0..<columns { buffer[column * rows + row] = values[row * columns + column] }
      }
      count = values.count
    }
  }
}
