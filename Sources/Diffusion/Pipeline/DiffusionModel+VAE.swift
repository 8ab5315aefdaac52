import Base
import Graph
import Models
import Runtime

extension DiffusionModel {
  /// The picture of latents [C, H, W]: [8H, 8W, 3] in about -1...1, channels last.
  public func decode(_ latents: [Float], height: Int, width: Int) throws -> [Float] {
    let vae = architecture.vae
    let (channels, area) = (vae.latentChannels, height * width)
    precondition(latents.count == channels * area, "latents of another size")
    let input = OwnedTensor([1, height, width, channels])
    let scale = Float(vae.scalingFactor)
    for channel in 0..<channels {
      for position in 0..<area {
        input.tensor.elements[position * channels + channel] = latents[channel * area + position] / scale
      }
    }
    return try runVAE(height: height, width: width, input: ("latents", input), output: "decoded")
  }

  /// The latents' distribution for a picture [8H, 8W, 3] in -1...1: means and log-variances, [H, W, 2C].
  public func encodeMoments(image: [Float], height: Int, width: Int) throws -> [Float] {
    let factor = architecture.vae.scaleFactor
    let input = OwnedTensor([1, height * factor, width * factor, architecture.vae.inChannels], image)
    return try runVAE(height: height, width: width, input: ("image", input), output: "moments")
  }

  private func runVAE(
    height: Int, width: Int, input: (name: String, tensor: OwnedTensor), output: String
  ) throws -> [Float] {
    let graph = try architecture.vae.graph(batch: 1, height: height, width: width)
    guard let given = graph.inputs[input.name], let result = graph.outputs[output] else {
      preconditionFailure("an autoencoder without \(input.name) or \(output)")
    }
    let weights = try weights(of: .vae)
    let executor = Executor(plan: Plan(graph, outputs: [result]), weights: weights, backend: backend)
    try executor.run([given: input.tensor.tensor])
    guard executor.tensor(of: result).isFinite else {
      let all = Plan(graph, outputs: [result], observed: Set(graph.nodes.map(\.output)))
      let step = try Executor(plan: all, weights: weights, backend: backend).firstNonFinite([given: input.tensor.tensor])
      throw Diagnostic.notFinite(.vae, step)
    }
    return Array(executor.tensor(of: result).buffer)
  }
}
