import Base
import Graph
import Kernels
import Models
import Runtime

extension DiffusionModel {
  /// Throws a `Diagnostic` of kind `.memory` unless the process may take what a request will take beyond what it has.
  public func ensureMemory(for request: GenerationRequest) throws {
    let batch = request.usesGuidance ? 2 : 1
    let scale = architecture.vae.scaleFactor
    let pixels = request.width * request.height

    let latents = architecture.unet.config.inChannels * (pixels / (scale * scale))
    // Each state's latents, denoised latents and prediction; the picture in floats, in bytes and as a PNG.
    let results = (request.steps + 2) * 3 * 4 * latents + pixels * 3 * (4 + 4 + 4 + 1 + 1)
    let isNew = texts(of: request).contains { !isEncoded($0) }
    // After a run of the same size everything else is allocated, and no graph needs to be built to count it.
    if !isNew, hasDenoiser(batch: batch, height: request.height / scale, width: request.width / scale),
      isLaidOut(.vae, for: "decoded")
    {
      return try Memory.ensure(results, for: "\(request.width)x\(request.height)")
    }
    let encoders = try isNew ? Self.encoders.reduce(0) { try $0 + missingBytes(of: $1) } : 0

    let unet = try plan(of: .unet, request, batch: batch, backend.precision)
    let decoder = try plan(of: .vae, request, batch: 1, backend.precision)
    let given = unet.given.reduce(0) { $0 + $1.shape.count * backend.precision.width }
    // Values that depend only on the prompt are kept beside the arena.
    let arena = max(0, max(unet.arenaBytes, decoder.arenaBytes) - memory.bytes)
    let steps =
      try missingBytes(of: .unet) + missingBytes(of: .vae, for: "decoded") + arena + given
      + max(workspace(of: unet), workspace(of: decoder))
    try Memory.ensure(
      backend.startBytes + max(encoders, steps + results), for: "\(request.width)x\(request.height)")
  }

  /// Bytes of the weights that an output of a component needs and that are not packed yet.
  private func missingBytes(of component: Architecture.Component, for output: String? = nil) throws -> Int {
    isLaidOut(component, for: output) ? 0 : try packedBytes(of: component, for: output, on: backend)
  }

  /// Bytes that the packed weights of a component take in memory, or those an output of it needs.
  func packedBytes(
    of component: Architecture.Component, for output: String? = nil, on backend: any Backend
  ) throws -> Int {
    let (graph, nodes) = try parameterNodes(of: component, for: output)
    return Weights.packedBytes(graph: graph, nodes: nodes, binding: binding(of: component), backend: backend)
  }

  /// A component's graph, and the nodes an output of it is computed from.
  func parameterNodes(
    of component: Architecture.Component, for output: String? = nil
  ) throws -> (graph: Graph, nodes: [Node]) {
    // Any size will do: parameters do not depend on it.
    let graph = try architecture.graph(component, width: 64, height: 64, batch: 1)
    return (graph, output.flatMap { graph.outputs[$0] }.map { graph.nodes(reaching: [$0]) } ?? graph.nodes)
  }

  /// Bytes of workspace of the call of a plan that takes most.
  private func workspace(of plan: Plan) -> Int {
    plan.steps.reduce(16 << 20) { most, step in
      guard case .attention = step.node.op else { return most }
      let keys = step.inputs[1].shape
      return max(
        most,
        backend.attentionBytes(batch: keys.batch, keys: keys.tokens, features: keys.channels) + 16 << 20)
    }
  }
}
