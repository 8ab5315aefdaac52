import Base

extension RecalledSettings {
  /// Easy Diffusion: a keyword for each setting, in one of two spellings.
  static func easyDiffusion(_ texts: PictureTexts) -> RecalledSettings? {
    func text(_ name: String, _ title: String) -> String? { texts[name] ?? texts[title] }
    let steps = text("num_inference_steps", "Steps")
    let cfg = text("guidance_scale", "Guidance Scale")
    guard let prompt = text("prompt", "Prompt"), steps != nil || cfg != nil else { return nil }
    var settings = RecalledSettings(of: "Easy Diffusion")
    settings.take(prompt: prompt, negative: text("negative_prompt", "Negative Prompt"))
    settings.take(.cfg, cfg.map(JSONValue.string))
    settings.take(.steps, steps.map(JSONValue.string))
    settings.take(.seed, text("seed", "Seed").map(JSONValue.string))
    settings.take(
      width: text("width", "Width").map(JSONValue.string),
      height: text("height", "Height").map(JSONValue.string))
    if let sampler = text("sampler_name", "Sampler") {
      settings.take(sampler: sampler, spacing: .usual, from: .easyDiffusion)
    }
    settings.noteSyntax(.fooocus)
    if let lora = text("use_lora_model", "LoRA model"), !JSONValue.string(lora).isNothing {
      settings.noteLoRAs([lora])
    }
    let others = [
      (text("clip_skip", "Clip Skip"), "clip skip"), (text("tiling", "Seamless Tiling"), "seamless tiling"),
      (text("use_controlnet_model", "ControlNet model"), "ControlNet"),
      (text("use_hypernetwork_model", "Hypernetwork model"), "the hypernetwork"),
    ]
    settings.noteLeftOut(others.filter { $0.0.map { !JSONValue.string($0).isNothing } == true }.map(\.1))
    return settings
  }
}
