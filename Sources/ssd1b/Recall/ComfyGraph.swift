import Base

/// A ComfyUI graph: nodes by their ids, whose inputs are values or links to other nodes.
///
/// A graph comes from a file, so it may be of any size, go round in circles and link to nodes that are not there. Every
/// walk therefore visits a node once, and no more nodes than `mostVisits`.
struct ComfyGraph {
  struct Node {
    let id: String
    /// ComfyUI's `class_type`, such as `KSampler`.
    let kind: String
    let inputs: [String: JSONValue]

    subscript(_ input: String) -> JSONValue? { inputs[input] }

    /// Whether it makes its output of its inputs by calculation, by chance or by a language model, so that none of the inputs is
    /// the output.
    var isCalculation: Bool {
      let kind = kind.lowercased()
      // What holds a seed for the noise.
      if kind.contains("noise") { return false }
      return [
        "math", "expression", "calc", "evaluate", "random", "replace", "regex", "llm", "gpt", "ollama",
        "chat", "florence",
        "caption", "interrogat", "vision",
      ].contains(where: kind.contains)
    }

    /// What it is linked to, in the order of the inputs' names.
    var links: [JSONValue] { links(where: { _ in true }) }

    /// The same of the inputs whose names pass.
    func links(where isWanted: (String) -> Bool) -> [JSONValue] {
      inputs.keys.sorted().filter(isWanted).compactMap { inputs[$0] }.filter {
        ComfyGraph.target(of: $0) != nil
      }
    }
  }

  let nodes: [String: Node]

  /// Nodes that one walk looks at; real graphs have some hundred at most.
  static let mostVisits = 2000

  init(_ nodes: [Node]) { self.nodes = Dictionary(nodes.map { ($0.id, $0) }) { $1 } }

  /// Reads what stands under `prompt` in a picture; nil where that is no graph of nodes.
  init?(_ document: JSONValue) {
    guard let fields = document.fields else { return nil }
    self.init(
      fields.compactMap { id, value in
        guard let node = value.fields, let kind = node["class_type"]?.string else { return nil }
        return Node(id: id, kind: kind, inputs: node["inputs"]?.fields ?? [:])
      })
    if nodes.isEmpty { return nil }
  }

  /// The nodes of some kinds, in the order of their ids.
  func nodes(where isWanted: (Node) -> Bool) -> [Node] {
    nodes.values.filter(isWanted).sorted { Self.isBefore($0.id, $1.id) }
  }

  /// 3 before 12 and 12 before `12:3`, which is a node in a group.
  private static func isBefore(_ a: String, _ b: String) -> Bool {
    func numbers(_ id: String) -> [Int] { id.split(separator: ":").map { Int($0) ?? .max } }
    let (left, right) = (numbers(a), numbers(b))
    return left == right ? a < b : left.lexicographicallyPrecedes(right)
  }

  /// The id that a link `["3", 0]` names; nil for a value.
  static func target(of input: JSONValue) -> String? {
    guard case .array(let link) = input, link.count == 2, case .integer = link[1] else { return nil }
    switch link[0] {
    case .string(let id): return id
    case .integer(let id): return "\(id)"
    default: return nil
    }
  }

  /// The node that an input comes from; nil for a value, and for a link to nowhere.
  func origin(of input: JSONValue?) -> Node? { input.flatMap(Self.target).flatMap { nodes[$0] } }

  /// What a walk does at a node.
  enum Step<Result> {
    case found(Result)
    /// Goes on at these links, the first of them first.
    case goOn([JSONValue])
  }

  /// Walks upstream from links until `look` has found something.
  func follow<Result>(_ links: [JSONValue], _ look: (Node) -> Step<Result>) -> Result? {
    var (waiting, seen): ([JSONValue], Set<String>) = (links.reversed(), [])
    while let next = waiting.popLast(), seen.count < Self.mostVisits {
      guard let node = origin(of: next), seen.insert(node.id).inserted else { continue }
      switch look(node) {
      case .found(let result): return result
      case .goOn(let links): waiting += links.reversed()
      }
    }
    return nil
  }

  /// The nodes upstream of links, these included, nearest first.
  func upstream(of links: [JSONValue], where isWanted: (String) -> Bool = { _ in true }) -> [Node] {
    var found: [Node] = []
    _ = follow(links) { node -> Step<Never> in
      found.append(node)
      return .goOn(node.links(where: isWanted))
    }
    return found
  }
}
