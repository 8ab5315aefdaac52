import Base
import Diffusion

extension Session {
  /// What a run's files say of how it was made. Throws when there was no run.
  func record(of run: Generation) throws -> PictureRecord {
    let model = try model()
    return PictureRecord(
      request: run.request, model: model.modelName, backend: lastBackend ?? model.backend,
      latents: SHA256(of: run.latents))
  }
}
