import Base
import Foundation
import Graph
import Kernels

/// Walks a plan's steps on a backend. There is no other forward pass than this.
public final class Executor {
  public let plan: Plan
  private let weights: Weights
  private let backend: any Backend
  private let memory: ActivationMemory
  private var given: [Int: Tensor] = [:]
  /// How long each of the plan's steps took in all runs since the last reset.
  private var durations: [Duration]
  /// How long they took in the run that goes on.
  private var pending: [Duration]
  /// Runs since the last reset that came to their end.
  public private(set) var runs = 0

  /// - Parameter memory: where results lie until another run uses it.
  public init(plan: Plan, weights: Weights, backend: any Backend, memory: ActivationMemory) {
    self.plan = plan
    self.weights = weights
    self.backend = backend
    precondition(plan.precision == backend.precision, "a plan for another precision than the backend's")
    self.memory = memory
    durations = Array(repeating: .zero, count: plan.steps.count)
    pending = durations
  }

  /// Called with each observed value as soon as it is computed; the tensor is valid during the call only.
  public typealias Observer = (_ node: Node, _ output: Tensor) throws -> Void

  /// Computes the plan from `inputs`, by value.
  ///
  /// The results, `plan.kept`, are read by `tensor(of:)` until the next run on the same memory. Throws a `Diagnostic` of kind
  /// `.interrupted` when the backend's pool is cancelled, and whatever `observer` throws.
  public func run(_ inputs: [Value: Tensor], observer: Observer? = nil) throws {
    try memory.reserve(plan.arenaBytes)
    given.removeAll(keepingCapacity: true)
    for (value, tensor) in inputs {
      precondition(
        value.shape == tensor.shape && plan.precision(of: value) == tensor.precision,
        "an input of \(tensor.precision) \(tensor.shape) for \(plan.precision(of: value)) \(value.shape)")
      given[value.id] = tensor
    }
    if let observer {
      for value in inputs.keys.sorted(by: { $0.id < $1.id }) { try report(value, to: observer) }
    }
    for (index, step) in plan.steps.enumerated() {
      if let observer, !step.taps.isEmpty { try tap(step, observer) }
      let output = tensor(of: step.output)
      let start = ContinuousClock.now
      try compute(step, into: output)
      pending[index] = ContinuousClock.now - start
      // Not every step has tasks of the pool, which would throw by themselves.
      try backend.pool.checkCancelled()
      if let observer { try report(step.output, to: observer) }
    }
    // A run that was cut short counts for nothing.
    for index in durations.indices { durations[index] += pending[index] }
    runs += 1
  }

  /// Computes what the step is about to fuse away, and shows it.
  private func tap(_ step: Plan.Step, _ observer: Observer) throws {
    for tap in step.taps {
      try compute(tap, into: tensor(of: tap.output))
      try report(tap.output, to: observer)
    }
  }

  private func report(_ value: Value, to observer: Observer) throws {
    if let node = plan.observed[value.id] { try observer(node, tensor(of: value)) }
  }

  /// The plan's steps, and how long each took in all runs since the last reset.
  public var profile: [StepTime] {
    zip(plan.steps, durations).map { StepTime(step: $0, duration: $1, runs: runs) }
  }

  /// Begins to measure anew.
  public func resetProfile() {
    durations = Array(repeating: .zero, count: plan.steps.count)
    runs = 0
  }

  /// A given or computed value's elements.
  public func tensor(of value: Value) -> Tensor {
    if let tensor = given[value.id] { return tensor }
    guard let offset = plan.offsets[value.id] else {
      preconditionFailure("value \(value.id) is not in the plan")
    }
    return Tensor(memory.base + offset, plan.precision(of: value), value.shape)
  }

  private func compute(_ step: Plan.Step, into output: Tensor) throws {
    let node = step.node
    let x = step.inputs.first.map(tensor(of:)) ?? output
    // A fused call's output has the last node's shape; the kernel wants its own node's.
    let out = step.isGated ? output : output.reshaped(node.output.shape)
    switch node.op {
    case .input:
      preconditionFailure("inputs are no steps")
    case .conv2d(let convolution):
      let layer = weights.layer(of: node)
      if step.isDoubled {
        try backend.convolveDoubled(x, convolution, layer.matrix, epilogue(of: step, layer), into: out)
      } else {
        try backend.convolve(x, convolution, layer.matrix, epilogue(of: step, layer), into: out)
      }
    case .linear:
      let layer = weights.layer(of: node)
      try backend.linear(x, layer.matrix, epilogue(of: step, layer), into: out)
    case .tokenEmbedding(_, let features):
      guard let table = weights.layer(of: node).table else {
        preconditionFailure("no table for \(node.path)")
      }
      for (row, id) in x.buffer.enumerated() {
        let first = Int(id) * features
        table.convert(first..<(first + features), into: out.address(row * features), out.precision)
      }
    case .positionEmbedding:
      let table = weights.layer(of: node).vector("weight")
      let positions = table.slice(0, x.shape.tokens)
      for picture in 0..<x.shape.batch {
        out.slice(picture, 1).base.copyMemory(from: positions.base, byteCount: positions.bytes)
      }
    case .groupNorm(let groups, let epsilon):
      let layer = weights.layer(of: node)
      try backend.groupNorm(
        x, gamma: layer.vector("weight"), beta: layer.vector("bias"), groups: groups, epsilon: Float(epsilon),
        activation: step.activation, into: out)
    case .layerNorm(let epsilon):
      let layer = weights.layer(of: node)
      try backend.layerNorm(
        x, gamma: layer.vector("weight"), beta: layer.vector("bias"), epsilon: Float(epsilon), into: out)
    case .activation(let function):
      try backend.activate(x, function, into: out)
    case .gatedGELU:
      try backend.gatedGELU(x, into: out)
    case .attention(let heads, let isCausal):
      try backend.attention(
        q: x, k: tensor(of: node.inputs[1]), v: tensor(of: node.inputs[2]), heads: heads, isCausal: isCausal,
        into: out)
    case .add:
      try backend.add(x, tensor(of: node.inputs[1]), into: out)
    case .addPerChannel:
      try backend.addPerChannel(x, tensor(of: node.inputs[1]), into: out)
    case .concatenate:
      try backend.concatenate(x, tensor(of: node.inputs[1]), into: out)
    case .upsample:
      try backend.upsample(x, into: out)
    case .reshape:
      break
    case .sinusoid(let sinusoid):
      sinusoid.embed(x, into: out)
    case .takeToken:
      let positions = tensor(of: node.inputs[1])
      let width = x.shape.channels
      for (picture, position) in positions.buffer.enumerated() {
        let row = picture * x.shape.tokens + Int(position)
        out.address(picture * width).copyMemory(
          from: x.address(row * width), byteCount: width * x.precision.width)
      }
    }
  }

  private func epilogue(of step: Plan.Step, _ layer: Weights.Layer) -> Epilogue {
    Epilogue(
      bias: layer.vectors["bias"]?.tensor, perChannel: step.perChannel.map(tensor(of:)),
      activation: step.activation,
      isGated: step.isGated,
      residual: step.residual.map(tensor(of:)).map { $0.reshaped(step.node.output.shape) })
  }
}

extension Weights.Layer {
  fileprivate var matrix: any PreparedWeight {
    guard let weight else { preconditionFailure("a layer without its matrix") }
    return weight
  }

  fileprivate func vector(_ name: String) -> Tensor {
    guard let vector = vectors[name] else { preconditionFailure("a layer without its \(name)") }
    return vector.tensor
  }
}

extension Sinusoid {
  /// Each number of x [N, K] as `features` sines and cosines, in float32 as diffusers computes them.
  fileprivate func embed(_ x: Tensor, into out: Tensor) {
    let half = features / 2
    let (sines, cosines) = cosineFirst ? (half, 0) : (0, half)
    let scale = Float(-log(10000.0)) / (Float(half) - Float(shift))
    var row = [Float](repeating: 0, count: features)
    for (index, number) in x.buffer.enumerated() {
      for i in 0..<half {
        let angle = number * exp(Float(i) * scale)
        row[sines + i] = sin(angle)
        row[cosines + i] = cos(angle)
      }
      Tensor(out.address(index * features), out.precision, [features]).assign(row)
    }
  }
}

/// A kernel call of some runs.
public struct StepTime: Sendable {
  public let step: Plan.Step
  /// In all of them together.
  public let duration: Duration
  public let runs: Int
}
