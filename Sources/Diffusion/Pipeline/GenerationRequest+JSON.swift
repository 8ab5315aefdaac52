import Base

/// A request as files keep it: pictures, and runs that were kept. The names are the shell's settings'.
extension GenerationRequest {
  /// The seed is its digits as text, since it may have 64 bits; what is not asked for is null.
  public var fields: [String: JSONValue] {
    [
      "prompt": .string(prompt), "negative": negative.map(JSONValue.string) ?? .null,
      "cfg": .number(guidanceScale), "steps": .integer(steps), "seed": .string("\(seed)"),
      "size": .string("\(width)x\(height)"), "scheduler": scheduler.map { .string($0.rawValue) } ?? .null,
    ]
  }

  /// Reads them again, among others; nil where one is missing, or has a value that no run could have.
  public init?(fields: [String: JSONValue]) {
    func text(_ name: String) -> String? { if case .string(let text)? = fields[name] { text } else { nil } }
    let edges = text("size")?.split(separator: "x").compactMap { Int($0) } ?? []
    guard let prompt = text("prompt"), let cfg = fields["cfg"].flatMap(Double.init(json:)),
      case .integer(let steps)? = fields["steps"], (1...100_000).contains(steps),
      let seed = text("seed").flatMap({ UInt64($0) }), edges.count == 2,
      edges.allSatisfy({ (1...Self.maximumEdge).contains($0) })
    else { return nil }
    var scheduler: Scheduler?
    // Pictures of the first versions name diffusers' class, which was the model's own.
    if let name = text("scheduler"), name != SchedulerClass.euler.name {
      guard let known = Scheduler(rawValue: name) else { return nil }
      scheduler = known
    }
    self.init(
      prompt: prompt, negative: text("negative"), guidanceScale: cfg, steps: steps, seed: seed,
      width: edges[0],
      height: edges[1], scheduler: scheduler)
  }
}

extension Double {
  /// The value of a JSON number.
  init?(json: JSONValue) {
    switch json {
    case .integer(let value): self.init(value)
    case .number(let value): self = value
    default: return nil
    }
  }
}
