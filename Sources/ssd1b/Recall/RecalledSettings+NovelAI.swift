import Base

extension RecalledSettings {
  /// NovelAI's JSON under the keyword `Comment`, of pictures whose `Software` is NovelAI.
  static func novelAI(_ texts: PictureTexts) throws -> RecalledSettings? {
    guard texts["Software"] == "NovelAI", texts["Comment"] != nil else { return nil }
    let fields = try texts.fields("Comment")
    var settings = RecalledSettings(of: "NovelAI")
    // Older pictures have the prompt under another keyword.
    settings.take(prompt: fields["prompt"]?.string ?? texts["Description"], negative: fields["uc"]?.string)
    settings.take(.cfg, fields["scale"])
    settings.take(.steps, fields["steps"])
    settings.take(.seed, fields["seed"])
    settings.take(width: fields["width"], height: fields["height"])
    if let sampler = fields["sampler"]?.string {
      let spacing = SigmaSpacing(named: fields["noise_schedule"]?.string)
      settings.take(sampler: sampler, spacing: spacing, from: .novelAI)
    }
    settings.noteSyntax(.novelAI)
    if let strength = fields["strength"]?.number, fields["request_type"] != "PromptGenerateRequest",
      strength < 1
    {
      settings.note("it began with another picture (strength \(SettingCommands.text(.number(strength))))")
    }
    let others = [
      ("cfg_rescale", "CFG rescale"), ("sm", "SMEA"), ("sm_dyn", "SMEA DYN"),
      ("dynamic_thresholding", "dynamic thresholding"), ("controlnet_model", "ControlNet"),
      ("reference_strength_multiple", "vibe transfer"),
    ]
    var names = others.filter { fields[$0.0]?.isNothing == false }.map(\.1)
    let characters = fields["v4_prompt"]?.fields?["caption"]?.fields?["char_captions"]
    if characters?.isNothing == false { names.append("its characters' prompts") }
    settings.noteLeftOut(names)
    return settings
  }
}
