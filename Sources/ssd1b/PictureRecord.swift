import Base
import Diffusion
import Imaging
import Kernels

/// What a picture says of how it was made: A1111's `parameters` for other programs, and JSON with this program's names.
struct PictureRecord {
  let request: GenerationRequest
  /// What ran, whether the request names it or not.
  let scheduler: Scheduler
  let model: String
  let backend: any Backend
  /// The model's own.
  let identity: SHA256
  /// What tells machines apart, as `Session.machine` has it.
  let machine: String
  let latents: SHA256

  /// What a picture of a finished run carries.
  var texts: [PNG.Text] { [("parameters", infotext.text), ("ssd1b", JSONValue.object(fields).text())] }

  /// What a picture made from a run carries, such as a heat map: its own facts beside the run's.
  func text(_ facts: [String: JSONValue]) -> [PNG.Text] {
    [("ssd1b", JSONValue.object(fields.merging(facts) { $1 }).text())]
  }

  /// The same for formats whose metadata are texts.
  var strings: [String: String] {
    fields.compactMapValues { value in
      switch value {
      case .string(let text): text
      case .null: nil
      default: SettingCommands.text(value)
      }
    }
  }

  private var infotext: Infotext {
    Infotext(
      prompt: request.prompt, negativePrompt: request.negative,
      pairs: [
        ("Steps", "\(request.steps)"), ("Sampler", scheduler.samplerName),
        ("CFG scale", SettingCommands.text(.number(request.guidanceScale))),
        ("Seed", "\(request.seed)"), ("Size", "\(request.width)x\(request.height)"), ("Model", model),
        ("RNG", "CPU"),
        ("Version", "ssd1b \(SSD1B.version)"),
      ] + (scheduler.scheduleType.map { [("Schedule type", $0)] } ?? []))
  }

  private var fields: [String: JSONValue] {
    var fields = request.fields
    fields.merge([
      "v": 1, "version": .string(SSD1B.version), "model": .string(model),
      "model_sha256": .string(identity.description), "scheduler": .string(scheduler.rawValue),
      "machine": .string(machine), "backend": .string(backend.name),
      "precision": .string(backend.precision.rawValue), "latents": .string(latents.description),
    ]) { $1 }
    return fields
  }
}
