import Base

/// A sampler of a ComfyUI graph with what its inputs lead to. The custom samplers have theirs in nodes of their own: a
/// guider, the noise, the sigmas and the solver.
struct ComfySampler {
  let node: ComfyGraph.Node
  let graph: ComfyGraph

  private var guider: ComfyGraph.Node? { graph.origin(of: node["guider"]) }

  var positive: JSONValue? {
    node["positive"] ?? guider?["positive"] ?? guider?["conditioning"] ?? guider?["cond1"] ?? node["pipe"]
  }

  /// Whether it is one that guides away from a text; a guider of its own need not.
  var hasNegative: Bool { negative != nil || node["guider"] == nil }

  var negative: JSONValue? { node["negative"] ?? guider?["negative"] ?? node["pipe"] }

  var seed: JSONValue? {
    graph.number(node["seed"] ?? node["noise_seed"] ?? node["noise"], named: ["seed", "noise_seed"])
  }

  var steps: JSONValue? { graph.number(node["steps"] ?? node["sigmas"], named: ["steps", "steps_total"]) }

  var guidance: JSONValue? {
    if guider?.kind == "BasicGuider" { return 1 }
    return graph.number(node["cfg"] ?? node["guider"], named: ["cfg", "cfg_conds"])
  }

  /// The part of the noise that is taken away; nil where none is given.
  var denoise: Double? {
    if let value = node["denoise"] { return graph.number(value, named: ["denoise"])?.number }
    guard let sigmas = node["sigmas"] else { return nil }
    let value: JSONValue? = graph.follow([sigmas]) { node in
      node["denoise"].map { .found($0) } ?? .goOn(node.links { $0 != "model" })
    }
    return graph.number(value, named: ["denoise"])?.number
  }

  /// The solver's name, or the kind of the node that is one.
  var solver: String? {
    if let name = graph.name(node["sampler_name"] ?? node["sampler"], named: ["sampler_name"]) { return name }
    guard let solver = graph.origin(of: node["sampler"]) else { return nil }
    let isPlain = ["eta", "s_noise"].allSatisfy { solver[$0]?.number == 1 }
    return solver.kind == "SamplerEulerAncestral" && isPlain ? "euler_ancestral" : solver.kind
  }

  /// How the sigmas are spaced, or the kind of the node that spaces them.
  var spacing: String? {
    if let name = node["scheduler"] { return graph.name(name, named: ["scheduler"]) }
    guard let sigmas = node["sigmas"] else { return nil }
    return graph.follow([sigmas]) { node in
      if let name = node["scheduler"], let found = graph.name(name, named: ["scheduler"]) {
        return .found(found)
      }
      if node.kind == "KarrasScheduler" { return .found("karras") }
      if node["steps"] != nil || node.kind.hasSuffix("Scheduler") { return .found(node.kind) }
      return .goOn(node.links { $0 != "model" })
    }
  }

  /// Itself in a few words: `KSampler 12 (seed 12, 10 steps, denoise 0.5)`.
  var summary: String {
    var facts: [String] = []
    if let seed = seed?.digits { facts.append("seed \(seed)") }
    if let steps = steps?.digits { facts.append("\(steps) steps") }
    if let start = node["start_at_step"]?.number, start > 0 {
      facts.append("from step \(Int(clamping: start))")
    }
    if let denoise, denoise < 1 { facts.append("denoise \(denoise)") }
    let list = facts.isEmpty ? "" : " (\(facts.joined(separator: ", ")))"
    return "\(node.kind) \(node.id)\(list)"
  }
}

extension Int {
  /// The whole number below a floating-point number of a file, whatever that is.
  init(clamping number: Double) {
    self = Int(exactly: number.rounded(.down)) ?? (number < 0 ? .min : .max)
  }
}
