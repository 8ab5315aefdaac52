import Graph
import Kernels

/// The order in which a graph's nodes are computed for some outputs, what is fused, and where each result lies in memory.
///
/// A plan is a value made from a graph alone; it holds no weights and touches no memory.
public struct Plan: Sendable {
  /// One kernel call: a node, and what is done to its result before it is stored.
  public struct Step: Sendable {
    public let node: Node
    /// What the node reads; of a doubling folded into its convolution, what that reads.
    public var inputs: [Value]
    /// Whether the node is a convolution with the doubling before it folded in.
    public var isDoubled = false
    public var activation: Activation?
    /// Whether the node is a linear layer with the gated GELU after it folded in.
    public var isGated = false
    public var perChannel: Value?
    public var residual: Value?
    /// What the call stores: the node's own value, or that of the last node fused into it.
    public var output: Value
    /// The nodes fused into the call after its own, in order.
    fileprivate(set) var folded: [Node] = []
    /// The doubling folded into the convolution.
    fileprivate(set) var doubling: Node?
    /// What computes values that the call fuses away, for an observer: run before it, or not at all.
    public fileprivate(set) var taps: [Step] = []

    init(_ node: Node) {
      self.node = node
      inputs = node.inputs
      output = node.output
    }

    /// All values it reads.
    public var reads: [Value] { inputs + [perChannel, residual].compactMap { $0 } }
  }

  public let steps: [Step]
  /// Values given from outside.
  public let given: [Value]
  /// Values still there after the last step.
  public let kept: [Value]
  /// The element type of activations.
  public let precision: Precision
  /// Where each computed value begins in the arena, in bytes, by value id. Reshapes share their source's place.
  public let offsets: [Int: Int]
  /// Bytes that the arena must hold.
  public let arenaBytes: Int
  /// The values that are float32 whatever the precision: numbers that are no activations, and results.
  private let float32: Set<Int>
  /// The nodes of values that an observer sees, by value id.
  public let observed: [Int: Node]

  /// - Parameters:
  ///   - outputs: what to compute; still there at the end.
  ///   - given: values taken from outside, beside the graph's inputs.
  ///   - observed: values that an observer shall see. Those that are fused away are computed beside the calls that fuse
  ///     them, so that the calls and their results stay the same to the bit.
  ///   - precision: the backend's.
  ///   - roundsOutputs: whether outputs are activations that other plans read, rather than results.
  public init(
    _ graph: Graph, outputs: [Value], given extra: [Value] = [], observed: Set<Value> = [],
    precision: Precision = .float32, roundsOutputs: Bool = false
  ) {
    let given = extra + graph.inputs.values.filter { !extra.contains($0) }
    let nodes = graph.nodes(reaching: outputs, from: Set(given))
    let pinned = Set(outputs).union(given)
    let steps = Self.advanceShortcuts(Self.fuse(nodes, pinned: pinned), pinned: pinned)
      .map { $0.tapped(for: observed) }
    let aliases = Self.aliases(steps.flatMap { $0.taps + [$0] }.map(\.node))
    let results = roundsOutputs ? [] : Self.results(steps, outputs)
    let float32 = precision == .float32 ? [] : Self.numbers(nodes).union(results)
    let layout = ArenaLayout(
      steps: steps, aliases: aliases, given: Set(given.map(\.id)), kept: outputs
    ) { $0.shape.count * (float32.contains($0.id) ? Precision.float32 : precision).width }
    self.steps = steps
    self.given = given
    self.precision = precision
    self.float32 = float32
    let computed = Set(given.map(\.id) + nodes.map(\.id))
    self.observed = Dictionary(
      observed.filter { computed.contains($0.id) }.map { ($0.id, graph.nodes[$0.id]) }
    ) { first, _ in first }
    kept = outputs
    offsets = layout.offsets
    arenaBytes = layout.bytes
  }

  /// The element type in which a value is given or stored.
  public func precision(of value: Value) -> Precision { float32.contains(value.id) ? .float32 : precision }

  /// Inputs that are no activations: token ids, positions, what sinusoids are made of.
  private static func numbers(_ nodes: [Node]) -> Set<Int> {
    Set(
      nodes.compactMap { node in
        switch node.op {
        case .tokenEmbedding, .sinusoid: node.inputs[0].id
        case .takeToken: node.inputs[1].id
        default: nil
        }
      })
  }

  /// Outputs that a product stores and nothing reads: they need no rounding.
  private static func results(_ steps: [Step], _ outputs: [Value]) -> Set<Int> {
    let read = Set(steps.flatMap { $0.reads.map(\.id) })
    return Set(
      steps.compactMap { step in
        guard step.isProduct, step.residual == nil, !step.isGated, outputs.contains(step.output) else {
          return nil
        }
        return read.contains(step.output.id) ? nil : step.output.id
      })
  }

  /// The value whose memory a reshape shows, by the reshape's id; one that is fused into a call is that call's own result.
  private static func aliases(_ nodes: [Node]) -> [Int: Int] {
    var sources: [Int: Int] = [:]
    for node in nodes {
      if case .reshape = node.op { sources[node.id] = sources[node.inputs[0].id] ?? node.inputs[0].id }
    }
    return sources
  }

  /// Folds activations, per-channel additions and residuals into the call before them.
  ///
  /// A node is folded when nothing else reads what it would overwrite, so no value that anyone asked for is lost. The
  /// call moves to the place of the last node folded into it, where all that it reads has been computed.
  private static func fuse(_ nodes: [Node], pinned: Set<Value>) -> [Step] {
    var readers: [Int: [Node]] = [:]
    for node in nodes { for input in Set(node.inputs) { readers[input.id, default: []].append(node) } }

    // Doublings that nobody sees but a convolution that can do them itself.
    var doublings: [Int: Node] = [:]
    for node in nodes where node.isDoubling && !pinned.contains(node.output) {
      let isFolded = readers[node.id, default: []].allSatisfy { $0.folds(doubling: { $0.id == node.id }) }
      if isFolded { doublings[node.id] = node }
    }

    var stepAt: [Int: Step] = [:]
    var folded = Set(doublings.keys)
    for node in nodes where !folded.contains(node.id) {
      if case .input = node.op { continue }
      var step = Step(node)
      if let doubling = node.inputs.first.flatMap({ doublings[$0.id] }) {
        step.inputs[0] = doubling.inputs[0]
        step.isDoubled = true
        step.doubling = doubling
      }
      while !pinned.contains(step.output), let next = readers[step.output.id], next.count == 1,
        !folded.contains(next[0].id), step.fold(next[0])
      {
        folded.insert(next[0].id)
      }
      stepAt[step.output.id] = step
    }
    return nodes.compactMap { stepAt[$0.id] }
  }
}

extension Plan {
  /// Computes a layer that makes less of a value before a norm of that value, when it would be the value's last reader.
  ///
  /// So the norm can take the place of what it normalises: in a resnet that narrows its input, input, normalised input
  /// and shortcut would else be in memory at once.
  private static func advanceShortcuts(_ steps: [Step], pinned: Set<Value>) -> [Step] {
    var result = steps
    var lastReader: [Int: Int] = [:]
    for (index, step) in steps.enumerated() { for value in step.reads { lastReader[value.id] = index } }
    for (index, step) in steps.enumerated() {
      guard case .groupNorm = step.node.op, let last = lastReader[step.inputs[0].id], last > index else {
        continue
      }
      let shortcut = steps[last]
      guard shortcut.isProduct, shortcut.reads == step.inputs, !pinned.contains(step.inputs[0]),
        shortcut.output.shape.count < step.inputs[0].shape.count,
        let from = result.firstIndex(where: { $0.output == shortcut.output }),
        let to = result.firstIndex(where: { $0.output == step.output })
      else { continue }
      result.insert(result.remove(at: from), at: to)
    }
    return result
  }
}

extension Plan.Step {
  /// The input whose place the output may take, if nobody reads it any more: kernels that work element by element.
  public var replaceable: Value? {
    switch node.op {
    case .groupNorm, .layerNorm, .activation: inputs[0]
    default: nil
    }
  }

  /// What the call is, with what is fused into it, such as `linear+geglu`: what profiles sum over.
  public var kind: String {
    switch node.op {
    case .conv2d(let convolution):
      let extent = "\(convolution.kernel)x\(convolution.kernel)"
      return isDoubled
        ? "upsample+conv \(extent)"
        : "conv \(extent)\(convolution.stride > 1 ? " stride \(convolution.stride)" : "")"
    case .linear: return isGated ? "linear+geglu" : "linear"
    case .attention:
      return node.inputs[0].shape == node.inputs[1].shape ? "self-attention" : "cross-attention"
    case .groupNorm: return "group_norm" + (activation.map { "+\($0.rawValue)" } ?? "")
    default: return node.op.kind
    }
  }

  /// Whether it is a matrix product.
  public var isProduct: Bool { node.isProduct }

  /// Takes `next`, the only reader of `output`, into this call if the kernels can do both at once.
  fileprivate mutating func fold(_ next: Node) -> Bool {
    let isNorm = if case .groupNorm = node.op { true } else { false }
    guard isProduct || isNorm else { return false }
    switch next.op {
    case .reshape where isProduct:
      break
    case _ where isGated:
      return false
    case .gatedGELU:
      guard case .linear = node.op, activation == nil, residual == nil, perChannel == nil else {
        return false
      }
      isGated = true
    case .activation(let function) where activation == nil && residual == nil:
      activation = function
    case .addPerChannel where isProduct && next.inputs[0] == output && next.inputs[1] != output:
      guard perChannel == nil, activation == nil, residual == nil else { return false }
      perChannel = next.inputs[1]
    case .add where isProduct && residual == nil && next.inputs[0] != next.inputs[1]:
      residual = next.inputs[0] == output ? next.inputs[1] : next.inputs[0]
    default:
      return false
    }
    output = next.output
    folded.append(next)
    return true
  }

  /// The same call with what computes the observed values that it fuses away.
  fileprivate func tapped(for observed: Set<Value>) -> Plan.Step {
    var result = self
    // The last node's value is what the call stores.
    let hidden = ([node] + folded).dropLast()
    if let doubling, observed.contains(doubling.output) { result.taps.append(Plan.Step(doubling)) }
    guard let last = hidden.lastIndex(where: { observed.contains($0.output) }) else { return result }
    var first = Plan.Step(node)
    (first.inputs, first.isDoubled) = (inputs, isDoubled)
    result.taps.append(first)
    result.taps += hidden[...last].dropFirst().map { Plan.Step($0) }
    return result
  }
}

/// Places for all computed values in one block of memory, so that values never alive together share space.
///
/// What works element by element takes the place of its input when it is the last to read it.
struct ArenaLayout {
  /// In bytes, by value id.
  private(set) var offsets: [Int: Int] = [:]
  private(set) var bytes = 0

  private struct Block {
    let id: Int
    let bytes: Int
    let first: Int
    var last: Int
  }

  init(steps: [Plan.Step], aliases: [Int: Int], given: Set<Int>, kept: [Value], bytes size: (Value) -> Int) {
    var lastReader: [Int: Int] = [:]
    func source(_ value: Value) -> Int { aliases[value.id] ?? value.id }
    for (index, step) in steps.enumerated() { for read in step.reads { lastReader[source(read)] = index } }
    let keptSources = Set(kept.map(source))

    var blocks: [Int: Block] = [:]
    // The block in which a value lies that took another's place, by value id.
    var places: [Int: Int] = [:]
    func storage(_ value: Value) -> Int { places[source(value)] ?? source(value) }
    for (index, step) in steps.enumerated() {
      for read in step.reads { blocks[storage(read)]?.last = index }
      // In memory while the call is made and no longer.
      for tap in step.taps {
        if case .reshape = tap.node.op { continue }
        blocks[tap.output.id] = Block(
          id: tap.output.id, bytes: Self.rounded(size(tap.output)), first: index, last: index)
      }
      if case .reshape = step.node.op { continue }
      if let old = step.replaceable, lastReader[source(old)] == index, !keptSources.contains(source(old)),
        size(old) == size(step.output), let block = blocks[storage(old)]
      {
        places[step.output.id] = block.id
        blocks[block.id]?.last = index
        continue
      }
      blocks[step.output.id] = Block(
        id: step.output.id, bytes: Self.rounded(size(step.output)), first: index, last: index)
    }
    for value in kept { blocks[storage(value)]?.last = steps.count }

    // Largest first, each at the lowest place free over its whole life.
    var placed: [(block: Block, offset: Int)] = []
    for block in blocks.values.sorted(by: { ($0.bytes, $1.id) > ($1.bytes, $0.id) }) {
      var offset = 0
      for (other, place) in placed where other.first <= block.last && block.first <= other.last {
        if place >= offset + block.bytes { break }
        offset = max(offset, place + other.bytes)
      }
      let position = placed.firstIndex { $0.offset > offset } ?? placed.count
      placed.insert((block, offset), at: position)
      offsets[block.id] = offset
      bytes = max(bytes, offset + block.bytes)
    }
    for (value, block) in places { offsets[value] = offsets[block] }
    for (alias, source) in aliases where !given.contains(source) { offsets[alias] = offsets[source] }
  }

  /// So that every value begins on a cache line.
  private static func rounded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
}
