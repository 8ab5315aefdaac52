import Base
import Foundation
import Graph
import Kernels
import Models
import Runtime

/// What a run will probably take.
public struct RunEstimate: Sendable {
  /// Laying out weights that are not laid out yet.
  public let loading: Duration
  /// Encoding the texts; zero where they were encoded before.
  public let encoding: Duration
  public let step: Duration
  public let steps: Int
  public let decoding: Duration
  /// Where the step's time is from.
  public let basis: Basis
  /// Memory at its most, the program's own included, by what takes it.
  public let memory: [(name: String, bytes: Int)]

  public enum Basis: String, Sendable {
    /// The last run, which was alike.
    case lastRun = "last_run"
    /// A step run for the estimate, which is short.
    case trial
    /// The machine's speed, call by call.
    case speed
  }

  public var total: Duration { loading + encoding + step * steps + decoding }
  public var peakBytes: Int { memory.reduce(0) { $0 + $1.bytes } }
}

extension DiffusionModel {
  /// Counts what a request will take on a backend from the machine's speed, or from the last run where that was alike.
  public func estimate(
    _ request: GenerationRequest, on backend: any Backend, speed: MachineSpeed
  ) throws -> RunEstimate {
    let isPresent = backend.name == self.backend.name && backend.precision == self.backend.precision
    try request.validate(scaleFactor: architecture.vae.scaleFactor)
    let batch = request.usesGuidance ? 2 : 1
    let texts = texts(of: request)
    // On another backend nothing is laid out, encoded or measured yet.
    let unknown = texts.filter { !(isPresent && isEncoded($0)) }.count
    let unet = try plan(of: .unet, request, batch: batch, backend.precision)
    let decoder = try plan(of: .vae, request, batch: 1, backend.precision)
    let encoders = try [Architecture.Component.textEncoder, .textEncoder2].map {
      try plan(of: $0, request, batch: 1, backend.precision)
    }
    let counted = speed.time(of: unet)
    let step = try isPresent ? stepTime(of: request, batch: batch, counted: counted) : (counted, .speed)

    // Encoders are let go of before the steps, so what is most is with them or with the UNet and a decode.
    let unetBytes = try layoutBytes(of: .unet, on: backend)
    let encoderBytes =
      unknown == 0
      ? 0 : try layoutBytes(of: .textEncoder, on: backend) + layoutBytes(of: .textEncoder2, on: backend)
    let decoderBytes = try layoutBytes(of: .vae, for: "decoded", on: backend)
    let kept = unet.given.reduce(0) { $0 + $1.shape.count * backend.precision.width }
    let activations = max(unet.arenaBytes, decoder.arenaBytes) + kept
    let isUNetReady = isPresent && isLaidOut(.unet)
    let own = max(32 << 20, Memory.resident - weightBytes - self.memory.bytes)
    let withEncoders = encoderBytes + (isUNetReady ? unetBytes : 0)
    let memory: [(String, Int)] =
      withEncoders > unetBytes + activations + decoderBytes
      ? [("text encoders", encoderBytes), ("UNet", isUNetReady ? unetBytes : 0), ("the program", own)]
      : [("UNet", unetBytes), ("activations", activations), ("decoder", decoderBytes), ("the program", own)]
    let missing =
      (isUNetReady ? 0 : unetBytes) + encoderBytes
      + (isPresent && isLaidOut(.vae, for: "decoded") ? 0 : decoderBytes)
    return RunEstimate(
      loading: .seconds(Double(missing) / speed.layout),
      encoding: encoders.reduce(.zero) { $0 + speed.time(of: $1) } * unknown,
      step: step.time, steps: request.steps, decoding: speed.time(of: decoder), basis: step.basis,
      memory: memory)
  }

  /// Steps that take less than this are tried out: in a small model, calls cost more than what they compute.
  private static let longestTrial = Duration.milliseconds(100)

  private func stepTime(
    of request: GenerationRequest, batch: Int, counted: Duration
  ) throws -> (time: Duration, basis: RunEstimate.Basis) {
    if let measured = measuredStep(batch: batch, width: request.width, height: request.height) {
      return (measured, .lastRun)
    }
    guard counted < Self.longestTrial else { return (counted, .speed) }
    let scale = architecture.vae.scaleFactor
    let (height, width) = (request.height / scale, request.width / scale)
    // One of its own: the last run's times stay.
    let denoiser = try Denoiser(model: self, batch: batch, height: height, width: width, observed: [])
    let config = architecture.unet.config
    let tokens = architecture.tokenCount * (config.crossAttentionDim.first ?? 0)
    let nothing = PromptEmbedding(
      hiddenStates: Array(repeating: 0, count: tokens),
      pooled: Array(repeating: 0, count: config.pooledPromptDim))
    let conditioning = Conditioning(
      embeddings: Array(repeating: nothing, count: batch), timeIDs: Array(repeating: 0, count: 6))
    let latents = [Float](repeating: 0, count: config.inChannels * height * width)
    func run() throws { _ = try denoiser.predict(latents, timestep: 1, conditioning: conditioning) }
    // The first also lays out weights and touches memory.
    try run()
    denoiser.resetProfile()
    for _ in 0..<3 { try run() }
    return (denoiser.stepTime ?? counted, .trial)
  }

  func plan(
    of component: Architecture.Component, _ request: GenerationRequest, batch: Int, _ precision: Precision
  ) throws -> Plan {
    var graph = try architecture.graph(component, width: request.width, height: request.height, batch: batch)
    let names: [String]
    switch component {
    case .unet: names = ["noise_pred"]
    case .vae: names = ["decoded"]
    case .textEncoder, .textEncoder2:
      names = ["hidden_states", "pooled"]
      graph = graph.takingTokensEarly(for: names)
    }
    // What depends on the prompt alone is no part of a step.
    let given = component == .unet ? graph.invariants(whenVarying: ["sample", "timestep"]) : []
    return Plan(
      graph, outputs: names.compactMap { graph.outputs[$0] }, given: given, precision: precision)
  }

  /// Bytes that the weights of a component take: packed, or read where the checkpoint is.
  private func layoutBytes(
    of component: Architecture.Component, for output: String? = nil, on backend: any Backend
  ) throws -> Int {
    let (graph, nodes) = try parameterNodes(of: component, for: output)
    let binding = binding(of: component)
    let packed = Weights.packedBytes(graph: graph, nodes: nodes, binding: binding, backend: backend)
    guard !(backend is OneDNNBackend) else { return packed }
    // Backends that read the checkpoint's pages have those in memory as well.
    return nodes.flatMap { node in node.parameters.map(node.key(of:)) }.reduce(packed) { sum, key in
      sum + (binding.tensors[key]?.bytes.count ?? 0)
    }
  }
}

extension MachineSpeed {
  /// How long a plan's calls take in all.
  func time(of plan: Plan) -> Duration {
    .seconds(plan.steps.reduce(0) { $0 + seconds(of: $1, plan) })
  }

  private func seconds(of step: Plan.Step, _ plan: Plan) -> Double {
    if case .reshape = step.node.op { return 0 }
    let moved = step.reads.reduce(step.output.shape.count * plan.precision(of: step.output).width) {
      $0 + $1.shape.count * plan.precision(of: $1).width
    }
    let multiplyAdds = Double(step.node.multiplyAdds)
    let work: Double
    switch step.node.op {
    case .conv2d(let convolution):
      let depth = step.inputs[0].channels * convolution.kernel * convolution.kernel
      work =
        calls.product + multiplyAdds * (step.isDoubled ? doubledShare : 1)
        / productRate(depth: depth, columns: convolution.out)
    case .linear(let out, _):
      work = calls.product + multiplyAdds / productRate(depth: step.inputs[0].channels, columns: out)
    case .attention: work = calls.attention + multiplyAdds / attention
    default: return calls.other + Double(moved) / bytes
    }
    return max(work, Double(moved) / bytes)
  }
}
