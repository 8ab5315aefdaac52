import Graph

/// The order in which a graph's nodes are computed for some outputs, what is fused, and where each result lies in memory.
///
/// A plan is a value made from a graph alone; it holds no weights and touches no memory.
public struct Plan: Sendable {
  /// One kernel call: a node, and what is done to its result before it is stored.
  public struct Step: Sendable {
    public let node: Node
    public var activation: Activation?
    public var perChannel: Value?
    public var residual: Value?
    /// What the call stores: the node's own value, or that of the last node fused into it.
    public var output: Value

    /// All values it reads.
    public var reads: [Value] { node.inputs + [perChannel, residual].compactMap { $0 } }
  }

  public let steps: [Step]
  /// Values given from outside.
  public let given: [Value]
  /// Values still there after the last step.
  public let kept: [Value]
  /// Where each computed value begins in the arena, in floats, by value id. Reshapes share their source's place.
  public let offsets: [Int: Int]
  /// Floats that the arena must hold.
  public let arenaCount: Int

  /// - Parameters:
  ///   - outputs: what to compute; still there at the end.
  ///   - given: values taken from outside, beside the graph's inputs.
  ///   - observed: values that must be stored as they are, so nothing is fused past them.
  public init(_ graph: Graph, outputs: [Value], given extra: [Value] = [], observed: Set<Value> = []) {
    let given = extra + graph.inputs.values.filter { !extra.contains($0) }
    let nodes = graph.nodes(reaching: outputs, from: Set(given))
    let pinned = observed.union(outputs).union(given)
    let steps = Self.fuse(nodes, pinned: pinned)
    let aliases = Self.aliases(nodes)
    let layout = ArenaLayout(steps: steps, aliases: aliases, given: Set(given.map(\.id)), kept: outputs + Array(observed))
    self.steps = steps
    self.given = given
    kept = outputs
    offsets = layout.offsets
    arenaCount = layout.count
  }

  public var arenaBytes: Int { arenaCount * MemoryLayout<Float>.size }

  /// The value whose memory a reshape shows, by the reshape's id.
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

    var stepAt: [Int: Step] = [:]
    var folded = Set<Int>()
    for node in nodes where !folded.contains(node.id) {
      if case .input = node.op { continue }
      var step = Step(node: node, output: node.output)
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

extension Plan.Step {
  /// Takes `next`, the only reader of `output`, into this call if the kernels can do both at once.
  fileprivate mutating func fold(_ next: Node) -> Bool {
    let isProduct: Bool
    switch node.op {
    case .conv2d, .linear: isProduct = true
    case .groupNorm: isProduct = false
    default: return false
    }
    switch next.op {
    case .activation(let function) where activation == nil && residual == nil:
      activation = function
    case .addPerChannel where isProduct && next.inputs[0] == output && next.inputs[1] != output:
      guard perChannel == nil, activation == nil, residual == nil else { return false }
      perChannel = next.inputs[1]
    case .add where isProduct && residual == nil && next.inputs[0] != next.inputs[1]:
      residual = next.inputs[0] == output ? next.inputs[1] : next.inputs[0]
    case .reshape where isProduct:
      break
    default:
      return false
    }
    output = next.output
    return true
  }
}

/// Places for all computed values in one block of memory, so that values never alive together share space.
struct ArenaLayout {
  private(set) var offsets: [Int: Int] = [:]
  private(set) var count = 0

  private struct Block {
    let id: Int
    let count: Int
    let first: Int
    var last: Int
  }

  init(steps: [Plan.Step], aliases: [Int: Int], given: Set<Int>, kept: [Value]) {
    var blocks: [Int: Block] = [:]
    func storage(_ value: Value) -> Int { aliases[value.id] ?? value.id }
    for (index, step) in steps.enumerated() {
      for read in step.reads { blocks[storage(read)]?.last = index }
      if case .reshape = step.node.op { continue }
      // A multiple of 16 floats, so that every value begins on a cache line.
      let rounded = (step.output.shape.count + 15) / 16 * 16
      blocks[step.output.id] = Block(id: step.output.id, count: rounded, first: index, last: index)
    }
    for value in kept { blocks[storage(value)]?.last = steps.count }

    // Largest first, each at the lowest place free over its whole life.
    var placed: [(block: Block, offset: Int)] = []
    for block in blocks.values.sorted(by: { ($0.count, $1.id) > ($1.count, $0.id) }) {
      var offset = 0
      for (other, place) in placed where other.first <= block.last && block.first <= other.last {
        if place >= offset + block.count { break }
        offset = max(offset, place + other.count)
      }
      let position = placed.firstIndex { $0.offset > offset } ?? placed.count
      placed.insert((block, offset), at: position)
      offsets[block.id] = offset
      count = max(count, offset + block.count)
    }
    for (alias, source) in aliases where !given.contains(source) { offsets[alias] = offsets[source] }
  }
}
