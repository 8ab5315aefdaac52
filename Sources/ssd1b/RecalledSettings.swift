import Base
import Diffusion
import Foundation
import Imaging

/// The settings that a picture carries, whichever program wrote them.
struct RecalledSettings {
  /// The program that wrote them.
  let source: String
  /// Values as text; nil takes a setting back.
  private(set) var values: [(setting: Setting, text: String?)] = []
  /// What could not be taken over, and what will make the picture another one.
  private(set) var notes: [String] = []

  /// Reads a picture's texts. Throws a `Diagnostic` of kind `.file` when they hold no settings.
  init(_ texts: [PNG.Text], at path: String) throws {
    func text(_ keyword: String) -> String? { texts.last { $0.keyword == keyword }?.text }
    func object(_ text: String) throws -> [String: JSONValue] {
      guard case .object(let fields) = try JSONValue(parsing: Data(text.utf8), at: path, kind: .file) else {
        return [:]
      }
      return fields
    }
    if let own = text("ssd1b") {
      source = "ssd1b"
      readOwn(try object(own))
    } else if let graph = text("prompt"), let nodes = try? object(graph), !nodes.isEmpty {
      source = "ComfyUI"
      readComfy(nodes)
    } else if let metadata = text("invokeai_metadata") {
      source = "InvokeAI"
      readInvoke(try object(metadata))
    } else if let parameters = text("parameters") {
      source = "A1111 and its like"
      readInfotext(Infotext(parsing: parameters))
    } else {
      let found = texts.isEmpty ? "no text in it" : "texts " + NearestNames.list(texts.map(\.keyword), "and")
      throw Diagnostic(
        .file, at: path, "expected a picture that carries settings, found \(found)",
        hint:
          "pictures of this program, A1111, ComfyUI and InvokeAI carry them, unless they were sent through a messenger"
      )
    }
    if values.isEmpty {
      throw Diagnostic(
        .file, at: path, "expected settings, found none that this program has in what \(source) wrote",
        hint: notes.first ?? "the picture was made in another way")
    }
  }

  private mutating func take(_ setting: Setting, _ json: JSONValue?) {
    switch json {
    case .string(let text)?: values.append((setting, text))
    case .integer(let number)?: values.append((setting, "\(number)"))
    case .number(let number)?: values.append((setting, SettingCommands.text(.number(number))))
    default: break
    }
  }

  /// No negative prompt is a value too, of a picture that has a prompt.
  private mutating func takeNegative(_ text: String?) {
    if values.contains(where: { $0.setting == .prompt }) { values.append((.negative, text)) }
  }

  private mutating func readOwn(_ fields: [String: JSONValue]) {
    take(.prompt, fields["prompt"])
    takeNegative(fields["negative"].flatMap { if case .string(let text) = $0 { text } else { nil } })
    for setting in [Setting.cfg, .steps, .seed, .size] { take(setting, fields[setting.rawValue]) }
    if case .string(let name)? = fields["scheduler"], Scheduler(rawValue: name) != nil {
      take(.scheduler, .string(name))
    }
  }

  private mutating func readInfotext(_ infotext: Infotext) {
    values.append((.prompt, infotext.prompt))
    takeNegative(infotext.negativePrompt)
    for (key, setting) in [("CFG scale", Setting.cfg), ("Steps", .steps), ("Seed", .seed), ("Size", .size)] {
      if let value = infotext[key] { values.append((setting, value)) }
    }
    if let sampler = infotext["Sampler"] {
      let isKarras = infotext["Schedule type"] == "Karras" || sampler.hasSuffix(" Karras")
      takeScheduler(
        sampler.replacing(" Karras", with: ""), isKarras: isKarras,
        known: Self.solvers(by: \.samplerName))
    }
    if let type = infotext["Schedule type"], !["Karras", "Automatic", "Uniform"].contains(type) {
      notes.append("its schedule type \(type) spaces the steps in another way")
    }
    if infotext["Seed"] != nil, infotext["RNG"] != "CPU" {
      notes.append("its noise was drawn on a GPU: the same seed gives another picture here")
    }
    if infotext.prompt.contains("<lora:") { notes.append("<lora:…> in its prompt stays text here") }
    noteOthers(infotext.pairs.map(\.key), ["Hires upscale", "Denoising strength", "Lora hashes", "Refiner"])
  }

  private mutating func readInvoke(_ fields: [String: JSONValue]) {
    take(.prompt, fields["positive_prompt"])
    takeNegative(
      fields["negative_prompt"].flatMap {
        if case .string(let text) = $0, !text.isEmpty { text } else { nil }
      })
    take(.cfg, fields["cfg_scale"])
    take(.steps, fields["steps"])
    take(.seed, fields["seed"])
    if case .integer(let width)? = fields["width"], case .integer(let height)? = fields["height"] {
      values.append((.size, "\(width)x\(height)"))
    }
    if case .string(let name)? = fields["scheduler"] {
      takeScheduler(
        name.replacing("_k", with: ""), isKarras: name.hasSuffix("_k"),
        known: ["euler": "euler", "euler_a": "euler_ancestral", "dpmpp_2m": "dpmpp_2m", "lcm": "lcm"])
    }
    if let device = fields["rand_device"], device != "cpu" {
      notes.append("its noise was not drawn on the CPU: the same seed gives another picture here")
    }
    noteOthers(Array(fields.keys), ["loras", "controlnets", "refiner_model", "strength"])
  }

  /// The sampler of a ComfyUI graph and what leads to it.
  private mutating func readComfy(_ nodes: [String: JSONValue]) {
    func node(_ id: String) -> (kind: String, inputs: [String: JSONValue])? {
      guard case .object(let fields)? = nodes[id], case .string(let kind)? = fields["class_type"],
        case .object(let inputs)? = fields["inputs"]
      else { return nil }
      return (kind, inputs)
    }
    /// The node that an input comes from.
    func origin(_ input: JSONValue?) -> (kind: String, inputs: [String: JSONValue])? {
      guard case .array(let link)? = input, case .string(let id)? = link.first else { return nil }
      return node(id)
    }
    /// The text that a conditioning was made of, through nodes that pass it on; each is looked into once, as a broken
    /// graph may go round in circles.
    func text(_ input: JSONValue?) -> String? {
      var (waiting, seen): ([JSONValue], Set<String>) = ([input].compactMap { $0 }, [])
      while let next = waiting.popLast() {
        guard case .array(let link) = next, case .string(let id)? = link.first, seen.insert(id).inserted,
          let from = node(id)
        else { continue }
        // Zeros in the text's place: no text at all.
        if from.kind == "ConditioningZeroOut" { return nil }
        let texts = ["text", "text_g", "string", "value"].compactMap { from.inputs[$0] }
        for case .string(let text) in texts { return text }
        let others = ["conditioning", "conditioning_1", "positive"].compactMap { from.inputs[$0] }
        // The last of these is looked into first.
        waiting += (texts + others).reversed()
      }
      return nil
    }
    let samplers = nodes.keys.sorted().compactMap(node).filter { $0.kind.hasPrefix("KSampler") }
    guard let sampler = samplers.first else {
      notes.append("the graph has no KSampler node")
      return
    }
    if samplers.count > 1 { notes.append("the graph has \(samplers.count) samplers; taken is the first") }
    if let prompt = text(sampler.inputs["positive"]) {
      values.append((.prompt, prompt))
    } else {
      notes.append("its prompt was not found in the graph")
    }
    takeNegative(text(sampler.inputs["negative"]))
    take(.cfg, sampler.inputs["cfg"])
    take(.steps, sampler.inputs["steps"])
    take(.seed, sampler.inputs["seed"] ?? sampler.inputs["noise_seed"])
    if case .number(let strength)? = sampler.inputs["denoise"], strength < 1 {
      notes.append("it began with another picture (denoise \(strength))")
    }
    if let latent = origin(sampler.inputs["latent_image"]),
      case .integer(let width)? = latent.inputs["width"],
      case .integer(let height)? = latent.inputs["height"]
    {
      values.append((.size, "\(width)x\(height)"))
    }
    if case .string(let name)? = sampler.inputs["sampler_name"] {
      let isKarras = sampler.inputs["scheduler"] == "karras"
      takeScheduler(
        name, isKarras: isKarras,
        known: Self.solvers(by: \.rawValue))
      if case .string(let spacing)? = sampler.inputs["scheduler"], !["normal", "karras"].contains(spacing) {
        notes.append("its scheduler \(spacing) spaces the steps in another way")
      }
    }
    noteOthers(
      nodes.keys.compactMap { node($0)?.kind },
      [
        "LoraLoader", "ControlNetApply", "ControlNetApplyAdvanced", "ConditioningCombine",
        "ConditioningConcat",
      ])
  }

  /// The schedulers without a spread of sigmas of their own, by what another program calls them.
  private static func solvers(by name: (Scheduler) -> String) -> [String: String] {
    let solvers = Scheduler.allCases.filter { $0.scheduleType == nil }
    return Dictionary(uniqueKeysWithValues: solvers.map { (name($0), $0.rawValue) })
  }

  private mutating func takeScheduler(_ name: String, isKarras: Bool, known: [String: String]) {
    guard let base = known[name], let scheduler = Scheduler(rawValue: isKarras ? base + "_karras" : base)
    else {
      notes.append("its sampler \(name)\(isKarras ? " with Karras' sigmas" : "") is none of this program's")
      return
    }
    values.append((.scheduler, scheduler.rawValue))
  }

  private mutating func noteOthers(_ found: [String], _ known: [String]) {
    let others = known.filter(found.contains)
    if !others.isEmpty { notes.append("not taken over: \(NearestNames.list(others, "and"))") }
  }
}
