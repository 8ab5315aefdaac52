import Base
import Diffusion

extension Session {
  /// What a run's files say of how it was made: the settings by their names, the model and what computed.
  func metadata(of run: Generation) -> [String: String] {
    let request = run.request
    var fields = [
      "prompt": request.prompt, "cfg": "\(request.guidanceScale)", "steps": "\(request.steps)",
      "seed": "\(request.seed)", "size": "\(request.width)x\(request.height)", "model": subject.name,
      "version": "ssd1b \(SSD1B.version)",
    ]
    fields["negative"] = request.negative
    if let backend = lastBackend {
      fields["backend"] = backend.name
      fields["precision"] = backend.precision.rawValue
    }
    return fields
  }
}
