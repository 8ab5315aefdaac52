import Base
import Graph
import Kernels

/// Runs a graph many times while some of its inputs stay: what depends on those alone is computed once.
///
/// Which nodes that are is found from the graph. For a UNet whose latents and timestep vary, it is every
/// cross-attention's keys and values and the embedding of sizes and pooled prompt.
public final class StagedExecutor {
  private let graph: Graph
  private let varying: Set<String>
  private let outputs: [Value]
  private let weights: Weights
  private let backend: any Backend
  private let memory: ActivationMemory
  private let invariants: [Value]
  private let main: Executor
  private let observed: Set<Value>
  /// What depends on the inputs that stay and was observed when it was computed.
  private var seen: [(node: Node, output: OwnedTensor)] = []
  private var preparation: Executor?
  private var kept: [Value: OwnedTensor] = [:]
  private var constants: [Value: OwnedTensor] = [:]

  /// - Parameter observed: values that an observer shall see.
  public init(
    graph: Graph, outputs: [Value], varying: Set<String>, weights: Weights, backend: any Backend,
    memory: ActivationMemory, observed: Set<Value> = []
  ) {
    self.graph = graph
    self.varying = varying
    self.outputs = outputs
    self.weights = weights
    self.backend = backend
    self.memory = memory
    self.observed = observed
    invariants = graph.invariants(whenVarying: varying)
    main = Executor(
      plan: Plan(
        graph, outputs: outputs, given: invariants, observed: observed, precision: backend.precision),
      weights: weights, backend: backend, memory: memory)
  }

  /// The steps of the runs since the last reset, and those of the preparation before them, with how long each took.
  public var profile: [StepTime] { (preparation?.profile ?? []) + main.profile }

  /// Those of the runs alone.
  public var stepProfile: [StepTime] { main.profile }

  /// Begins to measure anew.
  public func resetProfile() {
    main.resetProfile()
    preparation?.resetProfile()
  }

  /// Bytes of activations while it runs.
  public var activationBytes: Int { main.plan.arenaBytes + kept.values.reduce(0) { $0 + $1.bytes } }

  /// Takes the values of the inputs that stay, by name, and computes what depends on them alone.
  public func prepare(_ inputs: [String: [Float]]) throws {
    kept = [:]
    constants = [:]
    seen = []
    let computed = invariants.filter { value in !inputs.keys.contains { input($0) == value } }
    let plan = Plan(
      graph, outputs: computed, observed: observed, precision: backend.precision, roundsOutputs: true)
    for (name, values) in inputs {
      let value = input(name)
      constants[value] = try OwnedTensor(value.shape, values, plan.precision(of: value))
    }
    let first = Executor(plan: plan, weights: weights, backend: backend, memory: memory)
    try first.run(constants.mapValues(\.tensor), observer: observed.isEmpty ? nil : remember)
    preparation = first
    for value in computed {
      let copy = try OwnedTensor(value.shape, backend.precision)
      copy.tensor.base.copyMemory(from: first.tensor(of: value).base, byteCount: copy.tensor.bytes)
      kept[value] = copy
    }
    for value in invariants { kept[value] = kept[value] ?? constants[value] }
  }

  private func remember(_ node: Node, _ output: Tensor) throws {
    let copy = try OwnedTensor(output.shape, output.precision)
    copy.tensor.base.copyMemory(from: output.base, byteCount: output.bytes)
    seen.append((node, copy))
  }

  /// Computes the outputs from the inputs that vary, by name; they are read by `tensor(of:)` until the next run.
  public func run(_ inputs: [String: Tensor], observer: Executor.Observer? = nil) throws {
    var given = kept.mapValues(\.tensor)
    for (name, tensor) in inputs { given[input(name)] = tensor }
    if let observer { for (node, output) in seen { try observer(node, output.tensor) } }
    // What was given was seen when it was computed.
    let early = Set(seen.map(\.node.id))
    try main.run(
      given, observer: observer.map { observer in { if !early.contains($0.id) { try observer($0, $1) } } })
  }

  public func tensor(of value: Value) -> Tensor { main.tensor(of: value) }

  /// Looks at every node's result and names the first that is not finite; nil when all are.
  ///
  /// For the moment after a run gave a NaN: the same numbers again, looked at one by one.
  public func firstNonFinite(_ inputs: [String: Tensor]) throws -> Node? {
    var given = constants.mapValues(\.tensor)
    for (name, tensor) in inputs { given[input(name)] = tensor }
    let plan = Plan(
      graph, outputs: outputs, observed: Set(graph.nodes.map(\.output)), precision: backend.precision)
    return try Executor(plan: plan, weights: weights, backend: backend, memory: memory).firstNonFinite(given)
  }

  private func input(_ name: String) -> Value {
    guard let value = graph.inputs[name] else { preconditionFailure("the graph has no input \(name)") }
    return value
  }
}

extension Executor {
  private struct Found: Error { let node: Node }

  /// The first observed node whose result is not finite, running no further than it.
  public func firstNonFinite(_ inputs: [Value: Tensor]) throws -> Node? {
    do {
      try run(inputs) { node, output in
        if !output.isFinite { throw Found(node: node) }
      }
      return nil
    } catch let found as Found {
      return found.node
    }
  }
}
