import Base

extension RecalledSettings {
  /// Fooocus' own scheme: JSON under the keyword `parameters`. Its other scheme is an infotext.
  static func fooocus(_ texts: PictureTexts) -> RecalledSettings? {
    guard let fields = texts.json("parameters")?.fields else { return nil }
    let isFooocus =
      texts["fooocus_scheme"] == "fooocus" || fields["version"]?.string?.hasPrefix("Fooocus") == true
      || fields["metadata_scheme"] == "fooocus"
    guard isFooocus else { return nil }
    var settings = RecalledSettings(of: "Fooocus")
    settings.take(prompt: fields["prompt"]?.string, negative: fields["negative_prompt"]?.string)
    settings.take(.cfg, fields["guidance_scale"])
    settings.take(.steps, fields["steps"])
    settings.take(.seed, fields["seed"])
    settings.take(size: fields["resolution"]?.string)
    if let sampler = fields["sampler"]?.string {
      settings.take(
        sampler: sampler, spacing: SigmaSpacing(named: fields["scheduler"]?.string), from: .comfyUI)
      settings.noteStepNoise()
    }
    settings.noteSyntax(.fooocus)
    settings.noteFooocusEffects(fields)
    return settings
  }

  private mutating func noteFooocusEffects(_ fields: [String: JSONValue]) {
    let lists = (fields["loras"]?.items ?? []).compactMap(\.items).filter { $0.count < 2 || !$0[1].isNothing }
    let combined = fields.keys.sorted().filter { $0.hasPrefix("lora_combined") }.compactMap {
      key -> String? in
      // `name : weight`
      let parts = fields[key]?.string?.components(separatedBy: " : ") ?? []
      guard let name = parts.first, name != "None" else { return nil }
      return parts.count > 1 && JSONValue.string(parts[1]).isNothing ? nil : name
    }
    var seen: Set<String> = []
    noteLoRAs((lists.compactMap { $0.first?.string } + combined).filter { seen.insert($0).inserted })
    if let styles = fields["styles"], !styles.isNothing {
      let names = styles.items?.compactMap(\.string).joined(separator: ", ") ?? styles.string ?? ""
      if !names.isEmpty { note("not taken over: its styles \(names.prefix(120))") }
    }
    var others = [
      ("refiner_model", "the refiner"), ("sharpness", "sharpness"), ("inpaint_method", "inpainting"),
    ]
    .filter { fields[$0.0]?.isNothing == false }.map(\.1)
    if let scaling = fields["adm_guidance"]?.string, !scaling.hasPrefix("(1.0, 1.0") {
      others.append("ADM guidance")
    }
    if let skip = fields["clip_skip"]?.number, skip != 2 { others.append("clip skip") }
    noteLeftOut(others)
  }

  /// JSON under the keyword `parameters` of a program that is not known here, which is no prompt.
  static func unknownJSON(_ texts: PictureTexts) -> RecalledSettings? {
    guard let fields = texts.json("parameters")?.fields else { return nil }
    var settings = RecalledSettings(of: "a program that is not known here")
    let keys = Array(fields.keys.sorted().prefix(8))
    settings.note("its parameters are JSON with the keys \(NearestNames.list(keys, "and"))")
    return settings
  }
}
