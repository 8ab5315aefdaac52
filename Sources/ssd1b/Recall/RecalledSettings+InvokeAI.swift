import Base

extension RecalledSettings {
  /// InvokeAI from version 3 on.
  static func invokeAI(_ texts: PictureTexts) throws -> RecalledSettings? {
    guard texts["invokeai_metadata"] != nil else { return nil }
    let fields = try texts.fields("invokeai_metadata")
    var settings = RecalledSettings(of: "InvokeAI")
    // An empty negative prompt is none there.
    let negative = fields["negative_prompt"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    settings.take(prompt: fields["positive_prompt"]?.string, negative: negative)
    settings.take(.cfg, fields["cfg_scale"])
    settings.take(.steps, fields["steps"])
    settings.take(.seed, fields["seed"])
    settings.take(width: fields["width"], height: fields["height"])
    if let name = fields["scheduler"]?.string {
      let isKarras = name.hasSuffix("_k")
      settings.take(
        sampler: isKarras ? String(name.dropLast(2)) : name, spacing: isKarras ? .karras : .usual,
        from: .invokeAI)
    }
    if let device = fields["rand_device"]?.string, device != "cpu" {
      settings.note("its noise was not drawn on the CPU: the same seed gives another picture here")
    }
    settings.noteSyntax(.invokeAI)
    settings.noteInvokeEffects(fields)
    return settings
  }

  private mutating func noteInvokeEffects(_ fields: [String: JSONValue]) {
    for (key, text) in [
      ("positive_style_prompt", "positive_prompt"), ("negative_style_prompt", "negative_prompt"),
    ] {
      // A style prompt that is the prompt is what the second encoder gets here too.
      guard let style = fields[key]?.string, !style.isEmpty, style != fields[text]?.string else { continue }
      note("not taken over: the style prompt \(style.prefix(60)) (\(key))")
    }
    let loras = (fields["loras"]?.items ?? []).compactMap(\.fields).filter { $0["weight"]?.isNothing != true }
    noteLoRAs(
      loras.map { lora in
        // Its name has stood in several places.
        let model = (lora["model"] ?? lora["lora"])?.fields ?? [:]
        return (model["name"] ?? model["model_name"])?.string ?? "without a name"
      })
    if fields["generation_mode"]?.string?.contains("txt2img") != true,
      let strength = fields["strength"]?.number,
      strength < 1
    {
      note("it began with another picture (strength \(SettingCommands.text(.number(strength))))")
    }
    let others = [
      ("controlnets", "ControlNets"), ("ipAdapters", "IP-Adapters"), ("t2iAdapters", "T2I-Adapters"),
      ("refiner_model", "the refiner"), ("clip_skip", "clip skip"), ("seamless_x", "seamless tiling"),
      ("seamless_y", "seamless tiling"), ("cfg_rescale_multiplier", "CFG rescale"),
      ("hrf_enabled", "the high-resolution pass"), ("regions", "regions"),
      ("canvas_v2_metadata", "the canvas"),
    ]
    var names: [String] = []
    for (key, name) in others where fields[key]?.isNothing == false && !names.contains(name) {
      names.append(name)
    }
    noteLeftOut(names)
  }

  /// InvokeAI 2, which wrote its metadata twice: as JSON, and as the command of version 1.
  static func invokeAI2(_ texts: PictureTexts) throws -> RecalledSettings? {
    if texts["sd-metadata"] != nil {
      let fields = try texts.fields("sd-metadata")["image"]?.fields ?? [:]
      return RecalledSettings(fromInvoke2: fields)
    }
    return texts["Dream"].map { RecalledSettings(fromInvoke2: dreamFields($0)) }
  }

  private init(fromInvoke2 fields: [String: JSONValue]) {
    self.init(of: "InvokeAI 2")
    let prompts = fields["prompt"]?.items ?? fields["prompt"].map { [$0] } ?? []
    let texts = prompts.compactMap { $0.string ?? $0.fields?["prompt"]?.string }
    if let first = texts.first {
      let (prompt, negative) = Self.splittingBrackets(first)
      take(prompt: prompt, negative: negative)
    }
    if texts.count > 1 { note("it had \(texts.count) weighted prompts: only the first is taken") }
    take(.cfg, fields["cfg_scale"])
    take(.steps, fields["steps"])
    take(.seed, fields["seed"])
    take(width: fields["width"], height: fields["height"])
    if let sampler = fields["sampler"]?.string { take(sampler: sampler, spacing: .usual, from: .invokeAI2) }
    note("its noise was drawn on a GPU if it had one: the same seed then gives another picture here")
    noteSyntax(.invokeAI)
    let others = [
      ("variations", "variations"), ("threshold", "threshold"), ("perlin", "Perlin noise"),
      ("seamless", "seamless tiling"),
      ("hires_fix", "the high-resolution pass"), ("postprocessing", "postprocessing"),
      ("init_image_path", "another picture"),
    ]
    noteLeftOut(others.filter { fields[$0.0]?.isNothing == false }.map(\.1))
  }

  /// What stands in square brackets is the negative prompt there.
  private static func splittingBrackets(_ text: String) -> (prompt: String, negative: String?) {
    var (prompt, negatives) = ("", [String]())
    var rest = text[...]
    while let open = rest.firstIndex(of: "["), let close = rest[open...].firstIndex(of: "]") {
      prompt += rest[..<open]
      negatives.append(String(rest[rest.index(after: open)..<close]))
      rest = rest[rest.index(after: close)...]
    }
    let whole = (prompt + rest).split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    return (whole, negatives.isEmpty ? nil : negatives.joined(separator: ", "))
  }

  /// The fields of a command such as `"a fox [ugly]" -s 20 -S 5 -W 512 -H 512 -C 7.5 -A k_euler`.
  private static func dreamFields(_ command: String) -> [String: JSONValue] {
    guard let open = command.firstIndex(of: "\""), let close = command.lastIndex(of: "\""), open < close
    else {
      return [:]
    }
    var fields: [String: JSONValue] = ["prompt": .string(String(command[command.index(after: open)..<close]))]
    let words = command[command.index(after: close)...].split(separator: " ")
    let names = [
      "-s": "steps", "-S": "seed", "-W": "width", "-H": "height", "-C": "cfg_scale", "-A": "sampler",
    ]
    for (flag, value) in zip(words, words.dropFirst()) {
      if let name = names[String(flag)] { fields[name] = .string(String(value)) }
    }
    return fields
  }
}
