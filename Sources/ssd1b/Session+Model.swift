import Base
import Diffusion

/// The loaded model and its files, which may change while it is open.
extension Session {
  /// Makes the model compute with what the last run was computed with, so that what is made of it belongs to it.
  ///
  /// Throws a `Diagnostic` of kind `.otherModel` when the model's files have changed since.
  func useBackendOfLastRun() throws {
    try refreshModel()
    if last != nil, lastRunState.modelVersion != modelVersion {
      // Files may be written again as they were.
      guard try lastRunState.identity == modelIdentity() else {
        throw Diagnostic(
          .otherModel, at: "last run", "it was computed before the model's files changed",
          hint: "dump and latents still have it; generate makes a new one")
      }
      lastRunState.modelVersion = modelVersion
    }
    if let lastCompute { try useBackend(lastCompute) }
  }

  /// The SHA-256 that tells the loaded model from others, computed when first asked for.
  func modelIdentity() throws -> SHA256 {
    try refreshModel()
    if let identity { return identity }
    let found = try model().identity()
    identity = found
    return found
  }

  /// What the opened model's files, or what it is, give reason to say.
  var openingNotes: [String] { pipeline?.notes ?? subject.notes + [obstacle?.message].compactMap { $0 } }

  /// Notes, once, that the model's own sampler is another than its config names, where a run uses that.
  func noteSubstitution(for settings: Settings) {
    guard settings.scheduler == nil, !hasToldSubstitution, let text = pipeline?.schedulerConfig.substitution
    else {
      return
    }
    hasToldSubstitution = true
    note(text)
  }

  /// Throws a `Diagnostic` when files of a model that something was just computed with were written to meanwhile.
  func checkModel(_ model: DiffusionModel) throws {
    if let change = model.changes(inPlace: true).first { throw change }
  }

  /// Reads the model again when its files have changed since they were opened, so that what is computed belongs to what is
  /// said of the model. Throws a `Diagnostic` that says what happened to them when they cannot be read.
  func refreshModel() throws {
    guard let model = pipeline, let change = model.changes().first else { return }
    do {
      open(try DiffusionModel(model.files.reopened(), backend: model.backend))
    } catch let fault as Diagnostic where fault.kind != .interrupted {
      throw Diagnostic(
        .model, at: change.place, "\(change.message), and cannot be read now: \(fault)", hint: change.hint)
    }
    note("\(change): the model was read again")
  }
}
