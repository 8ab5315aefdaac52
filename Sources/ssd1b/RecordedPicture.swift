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
    guard let request = GenerationRequest(fields: fields) else {
      throw fault("settings that are not whole", "the picture's text is damaged, or another version's")
    }
    self.request = request
    var conditions: [String: String] = [:]
    for (condition, key) in [
      ("model", "model_sha256"), ("backend", "backend"), ("precision", "precision"), ("machine", "machine"),
    ] { conditions[condition] = string(key) }
    self.conditions = conditions
    latents = string("latents")
  }
}
