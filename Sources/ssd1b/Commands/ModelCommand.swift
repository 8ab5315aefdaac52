import Base
import Checkpoints
import Diffusion
import Foundation
import Inspection
import Models
import Shell
import Terminal

/// What is loaded.
enum ModelCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "model", group: "Inspection", summary: "a summary of the loaded model",
      discussion: """
        Its components, what it starts with, what computes, and notes on how its files were read. Of what can be looked at \
        alone, such as a refiner or a LoRA, it says what it is and why it cannot generate.
        """,
      evidence: .result(without: ["name", "backend", "precision", "threads"]),
      examples: [("model", "what is loaded")])
  ) { _, session in
    var lines = ["model      \(session.pipeline?.files.name ?? session.subject.name)".escapingInvisibles]
    var result: [String: JSONValue] = ["name": .string(session.pipeline?.files.name ?? session.subject.name)]
    if session.pipeline != nil { try session.useBackend(for: session.settings) }
    let width = session.start.width
    let height = session.start.height
    var components: [String: JSONValue] = [:]
    for part in session.subject.parts {
      guard let checkpoint = part.checkpoint else { continue }
      let graph = try part.network?.graph(
        width: width, height: height, scaleFactor: session.subject.scaleFactor, tokens: session.subject.tokens
      )
      let summary = ComponentSummary(checkpoint, parameters: graph?.parameterCount)
      lines.append(part.name.escapingInvisibles.padded(to: 15) + " " + summary.text)
      components[part.name] = summary.json(unused: session.pipeline?.unusedTensors(of: part.name) ?? [])
    }
    result["components"] = .object(components)
    if let model = session.pipeline {
      let start = model.startValues
      lines.append(
        "starts at  cfg \(SettingCommands.text(.number(start.guidanceScale))), \(start.steps) steps, "
          + "\(start.width)x\(start.height), \(start.scheduler.rawValue)")
      lines.append("sizes      \(Settings.sizes(start: start).map(\.description).joined(separator: " "))")
      let backend = model.backend
      lines.append("backend    \(backend.description), \(backend.pool.threads) threads")
      result.merge([
        "backend": .string(backend.name), "precision": .string(backend.precision.rawValue),
        "threads": .integer(backend.pool.threads),
      ]) { $1 }
    }
    var output = CommandOutput(lines.joined(separator: "\n"), result: .object(result))
    output.notes = session.openingNotes
    return output
  }
}

/// How a checkpoint holds a component.
private struct ComponentSummary {
  let parameters: Int
  let tensors: Int
  let bytes: Int
  let types: String

  /// - Parameter parameters: those of the component's network, where it is known.
  init(_ checkpoint: Checkpoint, parameters: Int?) {
    let tensors = checkpoint.tensors.values
    self.parameters = parameters ?? tensors.reduce(0) { $0 + StoredWeight($1).count }
    self.tensors = tensors.count
    bytes = tensors.reduce(0) { $0 + $1.bytes.count }
    types = Set(tensors.map(\.entry.type.name)).sorted().joined(separator: ", ")
  }

  var text: String {
    "\(Number.grouped(parameters)) parameters in \(tensors) tensors, \(types), \(Number.bytes(bytes))"
      .escapingInvisibles
  }

  /// - Parameter unused: names of tensors that are no weights of the network; they are listed where there are any.
  func json(unused: [String]) -> JSONValue {
    var fields: [String: JSONValue] = [
      "parameters": .integer(parameters), "tensors": .integer(tensors), "bytes": .integer(bytes),
      "dtypes": .string(types),
    ]
    if !unused.isEmpty { fields["unused"] = .array(unused.map(JSONValue.string)) }
    return .object(fields)
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    padding(toLength: max(count, width), withPad: " ", startingAt: 0)
  }
}

extension DiffusionModel {
  /// The last part of the model's folder, as pictures name it.
  var modelName: String { PathName(files.name).last }
}
