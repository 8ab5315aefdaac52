import Base
import Diffusion

extension RecalledSettings {
  /// The graph that ComfyUI ran.
  static func comfyUI(_ texts: PictureTexts) -> RecalledSettings? {
    texts.json("prompt").flatMap { ComfyGraph($0) }.map { RecalledSettings(from: $0) }
  }

  /// The graph as ComfyUI's editor keeps it, which some pictures have alone.
  static func comfyUIWorkflow(_ texts: PictureTexts) -> RecalledSettings? {
    texts.json("workflow").flatMap { ComfyGraph(workflow: $0) }.map { RecalledSettings(from: $0) }
  }

  private init(from graph: ComfyGraph) {
    self.init(of: "ComfyUI")
    guard let passes = graph.passes() else {
      note("its graph has no sampler")
      return
    }
    let sampler = ComfySampler(node: passes.base, graph: graph)
    let encoder = takeTexts(of: sampler)
    for (setting, value) in [(Setting.cfg, sampler.guidance), (.steps, sampler.steps), (.seed, sampler.seed)]
    {
      if value == nil {
        note("its \(setting.rawValue) \(setting == .steps ? "were" : "was") not found in the graph")
      }
      take(setting, value)
    }
    takeSize(from: passes.source, in: graph)
    if let encoder { noteSizes(of: encoder, in: graph) }
    takeSampler(of: sampler)
    noteRange(of: sampler, passes)
    noteSyntax(.comfyUI)
    noteTags()
    noteEffects(on: sampler)
    notePasses(passes, in: graph)
  }

  /// Takes the texts, and gives the node that encoded the prompt.
  private mutating func takeTexts(of sampler: ComfySampler) -> ComfyGraph.Node? {
    let graph = sampler.graph
    let prompt = graph.conditioning(sampler.positive, .positive)
    let negative = graph.conditioning(sampler.negative, .negative)
    if prompt?.text == nil { note("its prompt was not found in the graph") }
    if negative == nil, sampler.hasNegative { note("its negative prompt was not found in the graph") }
    if let negative, prompt?.text == nil {
      set(.negative, negative.text)
    } else {
      take(prompt: prompt?.text, negative: negative?.text)
    }
    if let encoder = prompt?.encoder { noteOtherText(of: encoder, in: graph, .positive) }
    if let encoder = negative?.encoder { noteOtherText(of: encoder, in: graph, .negative) }
    return prompt?.encoder
  }

  /// Notes another text for SDXL's first encoder.
  private mutating func noteOtherText(
    of encoder: ComfyGraph.Node, in graph: ComfyGraph, _ side: ComfyGraph.Side
  ) {
    guard let first = graph.string(encoder["text_l"], side),
      let second = graph.string(encoder["text_g"], side),
      first != second, !first.isEmpty, !second.isEmpty
    else { return }
    let name = side == .positive ? "prompt" : "negative prompt"
    note("its \(name) for the first encoder differs and is not taken over: \(first.prefix(60))")
  }

  /// Notes sizes that CLIPTextEncodeSDXL told the model, where those are not the picture's own.
  private mutating func noteSizes(of encoder: ComfyGraph.Node, in graph: ComfyGraph) {
    guard encoder.kind.hasPrefix("CLIPTextEncodeSDXL"),
      let size = values.last(where: { $0.setting == .size })?.text
    else { return }
    let edges = size.split(separator: "x").compactMap { Double($0) }
    let inputs = ["width", "height", "target_width", "target_height", "crop_w", "crop_h"]
    let told = inputs.map { graph.number(encoder[$0], named: [$0])?.number }
    let differs = zip(told, edges + edges + [0, 0]).contains { $0 != nil && $0 != $1 }
    if differs { noteLeftOut(["the sizes that its prompt was encoded with (\(encoder.kind))"]) }
  }

  /// Notes tags of LoRAs, which some nodes take out of a text; here they stay in it.
  private mutating func noteTags() {
    let texts = values.filter { [.prompt, .negative].contains($0.setting) }.compactMap(\.text)
    if texts.contains(where: { $0.contains("<lora:") }) { note("<lora:…> in its prompt stays text here") }
  }

  private mutating func takeSize(from source: ComfyGraph.LatentSource, in graph: ComfyGraph) {
    switch source {
    case .empty(let node):
      if let count = graph.number(node["batch_size"], named: ["batch_size"])?.number, count > 1 {
        note(
          "it is one of a batch of \(Int(clamping: count)), of which the first alone has the seed's noise here"
        )
      }
      guard let size = graph.size(of: node) else { break }
      take(size: size)
      return
    case .other(let node): note("it began with another picture (\(node.kind))")
    case .sampler, .missing: break
    }
    note("its size was not found in the graph")
  }

  private mutating func takeSampler(of sampler: ComfySampler) {
    guard let name = sampler.solver else {
      note("its sampler was not found in the graph")
      return
    }
    take(sampler: name, spacing: SigmaSpacing(named: sampler.spacing), from: .comfyUI)
    noteStepNoise()
  }

  /// Notes that ComfyUI draws the noise of the steps, where the sampler that was taken needs some, not as it is here.
  mutating func noteStepNoise() {
    let drawing = [Scheduler.eulerAncestral, .lcm].map(\.rawValue)
    if values.contains(where: { $0.setting == .scheduler && drawing.contains($0.text ?? "") }) {
      note("the noise that its sampler adds at each step was drawn in another way: the picture will differ")
    }
  }

  /// Notes where the sampler did not run through all its steps.
  private mutating func noteRange(of sampler: ComfySampler, _ passes: ComfyGraph.Passes) {
    let node = sampler.node
    if let strength = sampler.denoise, strength < 1 {
      let begins = passes.source.isEmpty ? "it left out the first steps" : "it began with another picture"
      note("\(begins) (denoise \(SettingCommands.text(.number(strength))))")
    }
    if let start = node["start_at_step"]?.number, start > 0 {
      note("it began at step \(Int(clamping: start))")
    }
    if let end = node["end_at_step"]?.number, let steps = sampler.steps?.number, end < steps,
      passes.later.isEmpty
    {
      note("it ended at step \(Int(clamping: end)) of \(Int(clamping: steps))")
    }
    if node["add_noise"] == "disable" || node["add_noise"] == false {
      note("it began without noise of its own")
    }
    if let sigmas = sampler.graph.origin(of: node["sigmas"]), sigmas.kind.hasPrefix("SplitSigmas") {
      note("it ran only a part of its steps (\(sigmas.kind))")
    }
  }

  private mutating func noteEffects(on sampler: ComfySampler) {
    var (loras, others): ([String], [String]) = ([], [])
    for effect in sampler.graph.effects(on: sampler.node) {
      switch effect {
      case .lora(let name): loras.append(name)
      case .modelPatch(let kind), .controlNet(let kind): others.append(kind)
      case .conditioning(let kind): note("its text went through \(kind): only the first text is taken")
      case .style(let name): others.append("the style \(name)")
      case .clipLayer(let layer): others.append("the text encoder's layer \(layer)")
      }
    }
    noteLoRAs(loras)
    var seen: Set<String> = []
    noteLeftOut(Array(others.filter { seen.insert($0).inserted }.prefix(8)))
  }

  private mutating func notePasses(_ passes: ComfyGraph.Passes, in graph: ComfyGraph) {
    func summary(_ node: ComfyGraph.Node) -> String {
      let isUnused = passes.unused.contains(node.id)
      return ComfySampler(node: node, graph: graph).summary
        + (isUnused ? ", of which no picture was kept" : "")
    }
    let name = passes.later.count == 1 ? "a second pass" : "a later pass"
    for node in passes.later.prefix(3) { note("not taken over: \(name), \(summary(node))") }
    for node in passes.others.prefix(3) { note("not taken over: another sampler, \(summary(node))") }
    let rest = max(0, passes.later.count - 3) + max(0, passes.others.count - 3)
    if rest > 0 { note("not taken over: \(rest) more samplers") }
  }
}
