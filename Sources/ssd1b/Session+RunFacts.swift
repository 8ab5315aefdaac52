import Base
import Diffusion
import Kernels

extension Session {
  /// What a run's files say of how it was made. Throws when there was no run.
  func record(of run: Generation) throws -> PictureRecord {
    let model = try model()
    return PictureRecord(
      request: run.request, scheduler: run.request.scheduler ?? model.startValues.scheduler,
      model: model.modelName, backend: lastBackend ?? model.backend,
      identity: try lastRunState.identity ?? modelIdentity(),
      machine: try machine(computing: lastCompute ?? compute), latents: SHA256(of: run.latents))
  }
}

extension Session {
  /// What a kept run says of how it was computed.
  func facts(ofRun run: Generation) throws -> [String: String] {
    let identity = try lastRunState.identity ?? modelIdentity()
    var facts = ["model": "\(identity)", "version": SSD1B.version]
    facts["path"] = lastPath
    if let lastCompute {
      facts["backend"] = lastCompute.library.rawValue
      facts["precision"] = lastCompute.precision.rawValue
    }
    return facts
  }

  /// Makes the model compute with what a kept run was computed with. Throws a `Diagnostic` when that, or the model, is not
  /// the one.
  func useBackend(ofRun facts: [String: String], from path: String) throws {
    let found = "\(try modelIdentity())"
    if let expected = facts["model"], expected != found, !forcesReplays {
      throw Diagnostic(
        .otherModel, at: path,
        "computed on the model sha256:\(expected.prefix(12))…, this one is sha256:\(found.prefix(12))…",
        hint: "start with --model FOLDER, the model it was computed on; --force goes on with this one")
    }
    guard let computing = Self.computing(facts["backend"], facts["precision"]) else {
      throw Diagnostic(
        .file, at: path,
        "expected what computed it, found \(facts["backend"] ?? "") \(facts["precision"] ?? "")",
        hint: "the file is damaged, or another version's")
    }
    try useBackend(BackendChoice(library: computing.library, precision: computing.precision))
  }
}
