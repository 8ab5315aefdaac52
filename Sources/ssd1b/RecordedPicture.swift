import Base
import Diffusion
import Foundation
import Imaging

/// The settings that a picture of this program carries, whole.
struct RecordedPicture {
  let request: GenerationRequest
  /// What a session's `#:` line says: model, backend, precision, machine; pictures of the first versions lack some.
  let conditions: [String: String]
  let latents: String?

  /// Takes them out of a picture's texts. Throws a `Diagnostic` of kind `.file` when they are not there.
  init(_ texts: [PNG.Text], at path: String) throws {
    func fault(_ found: String, _ hint: String) -> Diagnostic {
      Diagnostic(.file, at: path, "expected a picture that generate made, found \(found)", hint: hint)
    }
    guard let text = texts.last(where: { $0.keyword == "ssd1b" })?.text else {
      throw fault(
        "no settings of this program in it", "recall takes over what other programs wrote into a picture")
    }
    guard case .object(let fields) = try JSONValue(parsing: Data(text.utf8), at: path, kind: .file) else {
      throw fault("other settings", "the picture's text is damaged")
    }
    if let part = ["step", "attention", "sheet", "sweep"].first(where: { fields[$0] != nil }) {
      throw fault("one made from a run (\(part))", "verify the run's own picture, or record the session")
    }
    func string(_ key: String) -> String? { if case .string(let text)? = fields[key] { text } else { nil } }
    let size = string("size")?.split(separator: "x").compactMap { Int($0) } ?? []
    let guidance: Double? =
      switch fields["cfg"] {
      case .integer(let value): Double(value)
      case .number(let value): value
      default: nil
      }
    guard let prompt = string("prompt"), let cfg = guidance, case .integer(let steps)? = fields["steps"],
      let seed = string("seed").flatMap({ UInt64($0) }), size.count == 2,
      size.allSatisfy({ (1...8192).contains($0) }),
      (1...10_000).contains(steps)
    else { throw fault("settings that are not whole", "the picture's text is damaged") }
    // Pictures of the first versions name diffusers' class.
    let name = string("scheduler") ?? ""
    guard
      let scheduler = name == SchedulerConfig.className
        ? .some(nil) : Scheduler(rawValue: name).map(Optional.some)
    else { throw fault("a scheduler \(name)", "it was made by another version of this program") }
    request = GenerationRequest(
      prompt: prompt, negative: string("negative"), guidanceScale: cfg, steps: steps, seed: seed,
      width: size[0],
      height: size[1], scheduler: scheduler)
    var conditions: [String: String] = [:]
    for (condition, key) in [
      ("model", "model_sha256"), ("backend", "backend"), ("precision", "precision"), ("machine", "machine"),
    ] { conditions[condition] = string(key) }
    self.conditions = conditions
    latents = string("latents")
  }
}
