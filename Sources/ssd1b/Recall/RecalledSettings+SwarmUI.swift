import Base

extension RecalledSettings {
  /// SwarmUI's JSON under the keyword `parameters`. Its numbers may be texts, and its lists texts with commas.
  static func swarmUI(_ texts: PictureTexts) -> RecalledSettings? {
    guard let fields = texts.json("parameters")?.fields?["sui_image_params"]?.fields else { return nil }
    var settings = RecalledSettings(of: "SwarmUI")
    settings.take(prompt: fields["prompt"]?.string, negative: fields["negativeprompt"]?.string)
    settings.take(.cfg, fields["cfgscale"])
    settings.take(.steps, fields["steps"])
    settings.take(.seed, fields["seed"])
    settings.take(width: fields["width"], height: fields["height"])
    if let sampler = fields["sampler"]?.string {
      settings.take(
        sampler: sampler, spacing: SigmaSpacing(named: fields["scheduler"]?.string), from: .comfyUI)
      settings.noteStepNoise()
    }
    settings.noteSyntax(.swarmUI)
    settings.noteSwarmEffects(fields)
    return settings
  }

  private mutating func noteSwarmEffects(_ fields: [String: JSONValue]) {
    func list(_ key: String) -> [JSONValue] {
      fields[key]?.items ?? fields[key]?.string?.split(separator: ",").map { .string(String($0)) } ?? []
    }
    let weights = list("loraweights")
    let names = list("loras").compactMap(\.string).enumerated().filter { index, _ in
      index >= weights.count || !weights[index].isNothing
    }
    noteLoRAs(names.map(\.element))
    if let creativity = fields["initimagecreativity"]?.number, fields["initimage"] != nil, creativity < 1 {
      note("it began with another picture (creativity \(SettingCommands.text(.number(creativity))))")
    }
    let others = [
      ("variationseedstrength", "the variation seed"), ("refinermodel", "the refiner"),
      ("refinercontrolpercentage", "the refiner"), ("controlnetmodel", "ControlNet"),
      ("seamlesstileable", "seamless tiling"), ("freeublock1", "FreeU"), ("freeuapplyto", "FreeU"),
      ("mimicscale", "dynamic thresholding"),
      ("zeronegative", "the zeroed negative prompt"),
      ("mask", "the mask"), ("regionalobjectcleanupfactor", "regions"),
    ]
    var found: [String] = []
    for (key, name) in others where fields[key]?.isNothing == false && !found.contains(name) {
      found.append(name)
    }
    if let layer = fields["clipstopatlayer"]?.number, layer != -2 {
      found.append("the text encoder's layer \(Int(clamping: layer))")
    }
    noteLeftOut(found)
  }
}
