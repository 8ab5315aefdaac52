import Base
import Diffusion
import Foundation
import Imaging

extension RecalledSettings {
  /// What A1111 and the many programs write that share its `parameters`.
  static func infotext(_ texts: PictureTexts) -> RecalledSettings? {
    guard let text = texts["parameters"], texts.json("parameters")?.fields == nil else { return nil }
    let variant = InfotextVariant(parsing: text)
    let infotext = variant.infotext
    var settings = RecalledSettings(of: variant.program.rawValue)
    guard infotext != Infotext(prompt: "") else {
      settings.note("its text under the keyword parameters is empty")
      return settings
    }
    // Blank lines at the ends are the layout's.
    settings.take(
      prompt: infotext.prompt.trimmingCharacters(in: .whitespacesAndNewlines),
      negative: infotext.negativePrompt?.trimmingCharacters(in: .whitespacesAndNewlines))
    for (key, setting) in [("CFG scale", Setting.cfg), ("Steps", .steps), ("Seed", .seed)] {
      settings.take(setting, infotext[key].map(JSONValue.string))
    }
    settings.take(size: infotext["Size"])
    settings.takeSampler(of: infotext)
    if infotext.pairs.isEmpty { settings.note("its text has no line of settings") }
    if let number = variant.decimalComma {
      settings.note("its CFG scale \(number) is read with a decimal comma")
    }
    settings.noteNoise(of: infotext, program: variant.program)
    switch variant.program {
    case .ssd1b: break
    case .fooocus: settings.noteSyntax(.fooocus)
    default: settings.noteSyntax(.a1111)
    }
    settings.noteEffects(of: infotext, program: variant.program)
    settings.noteDetails(variant.details)
    return settings
  }

  /// Spacings that stand after a solver in its name, the longer before those that end as they do.
  private static let spacings = [
    "karras", "exponential", "discrete", "sgm_uniform", "sgm uniform", "uniform", "normal", "simple",
    "smoothstep", "kl_optimal", "bong_tangent", "ays", "gits", "beta", "lcm",
  ]

  private mutating func takeSampler(of infotext: Infotext) {
    guard var solver = infotext["Sampler"] else { return }
    let type = infotext["Schedule type"]
    var spacing = SigmaSpacing(named: type)
    // The older way is to say it in the name: `DPM++ 2M Karras`, `euler_a karras`, `euler discrete`.
    let lowered = solver.lowercased()
    if SamplerNames.infotext[solver] == nil,
      let name = Self.spacings.first(where: { lowered.hasSuffix(" \($0)") || lowered.hasSuffix("_\($0)") })
    {
      spacing = SigmaSpacing(named: name)
      solver = String(solver.dropLast(name.count + 1))
    }
    // A1111's automatic choice for this solver.
    if type?.lowercased() == "automatic", SamplerNames.infotext[solver] == .dpmpp2M { spacing = .karras }
    take(sampler: solver, spacing: spacing, from: .infotext)
  }

  private mutating func noteNoise(of infotext: Infotext, program: InfotextVariant.Program) {
    guard values.contains(where: { $0.setting == .seed }) else { return }
    let usual =
      switch program {
      case .fooocus, .comfyUI, .ssd1b: "cpu"
      case .stableDiffusionCpp: "cuda"
      case .a1111, .forge, .sdNext, .unknown: "gpu"
      }
    let name = infotext["RNG"]
    let drawn =
      switch name?.lowercased() ?? usual {
      case "cpu": nil as String?
      case "gpu": "on a GPU"
      case "nv", "cuda": "by Philox, the generator of NVIDIA's GPUs"
      default: "by another generator (RNG: \(name ?? ""))"
      }
    if let drawn {
      note("its noise was drawn \(drawn): the same seed gives another picture here")
    }
    let drawsAtSteps = values.contains {
      $0.setting == .scheduler && [Scheduler.eulerAncestral, .lcm].map(\.rawValue).contains($0.text)
    }
    if drawsAtSteps, let shift = infotext["ENSD"], !JSONValue.string(shift).isNothing {
      note("the noise of its steps has another seed (ENSD \(shift))")
    }
  }

  /// Keys of what changes a picture, by how they begin, and what they belong to.
  private static let effects: [(start: String, name: String)] = [
    ("Hires", "the second pass (Hires)"), ("Refiner", "the refiner"),
    ("Variation seed", "the variation seed"), ("Seed resize from", "the seed's resizing"),
    ("Lora hashes", "LoRAs (Lora hashes)"), ("TI hashes", "textual inversions (TI hashes)"),
    ("Hypernet", "the hypernetwork"), ("AddNet", "additional networks"), ("ControlNet", "ControlNet"),
    ("ADetailer", "ADetailer"), ("Face restoration", "face restoration"), ("Tiling", "tiling"),
    ("Mask", "the mask"), ("Inpaint", "inpainting"), ("Conditional mask weight", "the mask's weight"),
    ("Token merging", "token merging"), ("HyperTile", "HyperTile"), ("Hypertile", "HyperTile"),
    ("FreeU", "FreeU"), ("Kohya", "Kohya's deep shrink"), ("Skip layers", "skipped layers"),
    ("SAG", "self-attention guidance"), ("PAG", "perturbed attention guidance"),
    ("Sigma ", "the sampler's sigmas"), ("Schedule max sigma", "the schedule's sigmas"),
    ("Schedule min sigma", "the schedule's sigmas"), ("Schedule rho", "the schedule's sigmas"),
    ("NGMS", "guidance that ends early (NGMS)"), ("Skip Early CFG", "guidance that begins late"),
    ("CFG Rescale", "CFG rescale"), ("CFG rescale", "CFG rescale"),
    ("Dynamic thresholding", "dynamic thresholding"), ("Styles", "styles"), ("Sharpness", "sharpness"),
    ("ADM Guidance", "ADM guidance"),
  ]

  /// Keys that are taken, or noted elsewhere, or that say nothing of how the picture came about.
  private static let otherKeys: Set = [
    "App", "Backend", "CFG scale", "Civitai metadata", "Civitai resources", "Clip skip", "Created Date",
    "Denoising strength", "Downcast alphas_cumprod", "ENSD", "Emphasis", "Eta", "Guidance", "Hashes", "Model",
    "Model hash",
    "Module 1", "Module 2", "Module 3", "Operations", "Parser", "Performance", "Pipeline", "RNG", "Sampler",
    "Schedule type",
    "Scheduler", "Seed", "Size", "Steps", "Time", "User", "VAE", "VAE hash", "Version",
  ]

  private mutating func noteEffects(of infotext: Infotext, program: InfotextVariant.Program) {
    var found = infotext.pairs.filter { !JSONValue.string($0.value).isNothing && $0.value != "-1x-1" }
    // A strength of zero takes the variation back.
    if infotext["Variation seed strength"].map({ JSONValue.string($0).isNothing }) == true {
      found.removeAll { $0.key.hasPrefix("Variation seed") }
    }
    if values.contains(where: { $0.text?.contains("<lora:") == true }) {
      found.removeAll { $0.key == "Lora hashes" }
    }
    let keys = found.map(\.key)
    var names: [String] = []
    for (start, name) in Self.effects where keys.contains(where: { $0.hasPrefix(start) }) {
      if !names.contains(name) { names.append(name) }
    }
    // What no list knows may have changed the picture as well.
    let unknown = keys.filter { key in
      !Self.otherKeys.contains(key) && !Self.effects.contains { key.hasPrefix($0.start) }
    }
    names += unknown.prefix(6).filter { !names.contains($0) }
    if program == .stableDiffusionCpp {
      // There it counts for SDXL too, whose own is 2; zero and less stand for that.
      let skip = infotext["Clip skip"].flatMap { JSONValue.string($0).number } ?? 2
      if skip > 0, skip != 2 { names.append("clip skip") }
    } else if keys.contains("Eta") {
      names.append("eta")
    }
    let hasHires = keys.contains { $0.hasPrefix("Hires") }
    let strength = infotext["Denoising strength"].flatMap { JSONValue.string($0).number } ?? 1
    if !hasHires, strength < 1 {
      note("it began with another picture (denoising strength \(infotext["Denoising strength"] ?? ""))")
    }
    noteLeftOut(names)
  }

  /// What only stable-diffusion.cpp's JSON says.
  private mutating func noteDetails(_ details: [String: JSONValue]) {
    let loras = (details["loras"]?.items ?? []).compactMap(\.fields).filter {
      $0["multiplier"]?.isNothing != true
    }
    noteLoRAs(loras.compactMap { $0["name"]?.string })
    if let hires = details["hires"]?.fields, hires["enabled"]?.isNothing == false {
      noteLeftOut(["the second pass (hires)"])
    }
  }

  /// Notes LoRAs by their names.
  mutating func noteLoRAs(_ names: [String]) {
    guard !names.isEmpty else { return }
    let rest = names.count - 5
    let list = Array(names.prefix(5)) + (rest > 0 ? ["\(rest) more"] : [])
    note("not taken over: LoRA \(NearestNames.list(list, "and"))")
  }
}
