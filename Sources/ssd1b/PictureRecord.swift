import Base
import Diffusion
import Imaging
import Kernels

/// What a picture says of how it was made: A1111's `parameters` for other programs, and JSON with this program's names.
struct PictureRecord {
  let request: GenerationRequest
  let model: String
  let backend: any Backend
  let latents: SHA256

  var texts: [PNG.Text] { [("parameters", infotext.text), ("ssd1b", json.text())] }

  private var infotext: Infotext {
    Infotext(
      prompt: request.prompt, negativePrompt: request.negative,
      pairs: [
        ("Steps", "\(request.steps)"), ("Sampler", "Euler"), ("CFG scale", SettingCommands.text(.number(request.guidanceScale))),
        ("Seed", "\(request.seed)"), ("Size", "\(request.width)x\(request.height)"), ("Model", model), ("RNG", "CPU"),
        ("Version", "ssd1b \(SSD1B.version)"),
      ])
  }

  private var json: JSONValue {
    [
      "v": 1, "version": .string(SSD1B.version), "model": .string(model), "prompt": .string(request.prompt),
      "negative": request.negative.map(JSONValue.string) ?? .null, "cfg": .number(request.guidanceScale),
      "steps": .integer(request.steps), "seed": .string("\(request.seed)"),
      "size": .string("\(request.width)x\(request.height)"), "scheduler": "EulerDiscreteScheduler",
      "backend": .string(backend.name), "precision": .string(backend.precision.rawValue),
      "latents": .string(latents.description),
    ]
  }
}
