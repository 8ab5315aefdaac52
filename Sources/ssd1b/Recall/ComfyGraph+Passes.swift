import Base

extension ComfyGraph {
  /// The samplers that a picture went through.
  struct Passes {
    /// The one that began with noise.
    let base: Node
    /// What its latents came from.
    let source: LatentSource
    /// Those that went on from its latents.
    let later: [Node]
    /// Those that did not.
    let others: [Node]
    /// The ids of those that led to no picture that was kept.
    let unused: Set<String>
  }

  /// What a sampler's latents came from.
  enum LatentSource {
    case empty(Node)
    case sampler(Node)
    /// A picture, or latents of a file.
    case other(Node)
    case missing

    var isEmpty: Bool { if case .empty = self { true } else { false } }
  }

  /// More samplers than this no real graph has.
  private static let mostSamplers = 50

  /// Finds the sampler that began the picture; nil where the graph has none.
  ///
  /// That is the one whose latents come from an Empty… node. Where there is no such one, or there are several, it is
  /// the one to which the way back from what saved the picture leads.
  func passes() -> Passes? {
    let samplers = Array(nodes(where: isSampler).prefix(Self.mostSamplers))
    guard let first = samplers.first else { return nil }
    let sources = Dictionary(uniqueKeysWithValues: samplers.map { ($0.id, source(of: $0)) })
    func beginning(of sampler: Node) -> Node {
      var (current, seen): (Node, Set<String>) = (sampler, [sampler.id])
      while case .sampler(let before)? = sources[current.id], seen.insert(before.id).inserted {
        current = before
      }
      return current
    }
    let starts = samplers.filter { sources[$0.id]?.isEmpty == true }
    var base = starts.first ?? beginning(of: first)
    if starts.count != 1 {
      let saved = outputs.lazy.compactMap { self.sampler(before: $0.links) }.map(beginning)
      if let found = saved.first(where: { found in starts.isEmpty || starts.contains { $0.id == found.id } })
      {
        base = found
      }
    }
    let rest = samplers.filter { $0.id != base.id }
    let used = Set(upstream(of: outputs.flatMap(\.links)).map(\.id))
    let later = rest.filter { beginning(of: $0).id == base.id }
    return Passes(
      base: base, source: sources[base.id] ?? .missing, later: later,
      others: rest.filter { sampler in !later.contains { $0.id == sampler.id } },
      unused: used.isEmpty ? [] : Set(rest.map(\.id)).subtracting(used))
  }

  /// Nodes that keep a picture, those that save it before those that show it.
  private var outputs: [Node] {
    func isOutput(_ word: String) -> (Node) -> Bool {
      { $0.kind.contains(word) && ($0.kind.lowercased().contains("image") || $0["images"] != nil) }
    }
    return nodes(where: isOutput("Save")) + nodes(where: isOutput("Preview"))
  }

  /// A sampler, by its kind or by what it takes.
  private func isSampler(_ node: Node) -> Bool {
    if ["KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"].contains(node.kind) {
      return true
    }
    let hasSeed = node["seed"] != nil || node["noise_seed"] != nil
    return hasSeed && node["steps"] != nil && node["sampler_name"] != nil
  }

  /// Whether an input may lead to latents or a picture.
  private static func leadsToPictures(_ input: String) -> Bool { !otherInputs.contains(input) }

  private static let otherInputs: Set = [
    "model", "clip", "vae", "positive", "negative", "conditioning", "control_net", "upscale_model", "mask",
    "width", "height", "batch_size", "amount", "seed", "noise_seed", "noise", "steps", "cfg", "denoise",
    "sampler", "sampler_name", "scheduler", "sigmas", "guider", "text", "filename_prefix",
  ]

  /// The nearest sampler upstream of links to latents or pictures.
  private func sampler(before links: [JSONValue]) -> Node? {
    follow(links) { isSampler($0) ? .found($0) : .goOn($0.links(where: Self.leadsToPictures)) }
  }

  private func source(of sampler: Node) -> LatentSource {
    let links = ["latent_image", "latent", "samples", "image", "images", "pixels"].compactMap { sampler[$0] }
    let found: LatentSource? = follow(links) { node in
      if isSampler(node) { return .found(.sampler(node)) }
      let kind = node.kind.lowercased()
      if kind.contains("empty") || node["empty_latent_width"] != nil { return .found(.empty(node)) }
      let upstream = node.links(where: Self.leadsToPictures)
      guard upstream.isEmpty else { return .goOn(upstream) }
      return .found(size(of: node) == nil ? .other(node) : .empty(node))
    }
    return found ?? .missing
  }
}
