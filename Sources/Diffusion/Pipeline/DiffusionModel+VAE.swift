import Base
import Graph
import Models
import Runtime

extension DiffusionModel {
  /// The picture of latents [C, H, W]: [8H, 8W, 3] in about -1...1, channels last.
  public func decode(
    _ latents: [Float], height: Int, width: Int, observers: [any RunObserver] = []
  ) throws -> [Float] {
    let vae = architecture.vae
    let channels = vae.latentChannels
    precondition(latents.count == channels * height * width, "latents of another size")
    let scale = Float(vae.scalingFactor)
    let input = Channels.last(latents.map { $0 / scale }, channels: channels)
    return try runVAE(height: height, width: width, input: ("latents", input), output: "decoded", observers)
  }

  /// The latents' distribution for a picture [8H, 8W, 3] in -1...1: means and log-variances, [H, W, 2C].
  public func encodeMoments(image: [Float], height: Int, width: Int) throws -> [Float] {
    try runVAE(height: height, width: width, input: ("image", image), output: "moments")
  }

  private func runVAE(
    height: Int, width: Int, input: (name: String, values: [Float]), output: String,
    _ observers: [any RunObserver] = []
  ) throws -> [Float] {
    let graph = try architecture.vae.graph(batch: 1, height: height, width: width)
    guard let given = graph.inputs[input.name], let result = graph.outputs[output] else {
      preconditionFailure("an autoencoder without \(input.name) or \(output)")
    }
    let weights = try weights(of: .vae, for: output)
    func plan(observed: Set<Value>) -> Plan {
      Plan(graph, outputs: [result], observed: observed, precision: backend.precision)
    }
    let wanted = graph.values(at: observers.paths(of: .vae))
    let executor = Executor(plan: plan(observed: wanted), weights: weights, backend: backend, memory: memory)
    let tensor = try OwnedTensor(given.shape, input.values, backend.precision)
    try executor.run([given: tensor.tensor], observer: observers.observer(of: .vae, in: graph, batch: 1))
    lastRuns[.vae] = (executor.profile, executor.plan.arenaBytes)
    guard executor.tensor(of: result).isFinite else {
      let all = plan(observed: Set(graph.nodes.map(\.output)))
      let node = try Executor(plan: all, weights: weights, backend: backend, memory: memory).firstNonFinite([
        given: tensor.tensor
      ])
      throw Diagnostic.notFinite(.vae, node)
    }
    return executor.tensor(of: result).values
  }
}
