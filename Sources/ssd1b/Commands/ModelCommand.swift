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
      evidence: .result(without: ["name", "backend", "precision", "threads"]),
      examples: [("model", "what is loaded")])
  ) { _, session in
    guard let model = session.pipeline else {
      let identities = session.subject.parts.map { part in
        (part.name, part.identity?.title ?? "", part.identity?.explanation ?? "")
      }
      return CommandOutput(
        session.subject.notes.joined(separator: "\n"),
        result: .array(
          identities.map { ["name": .string($0), "title": .string($1), "explanation": .string($2)] }))
    }
    try session.useBackend(for: session.settings)
    var lines = ["model      \(model.files.name)"]
    var components: [String: JSONValue] = [:]
    for component in Architecture.Component.allCases {
      guard let checkpoint = model.checkpoints[component] else { continue }
      let graph = try model.architecture.graph(
        component, width: session.start.width, height: session.start.height, batch: 1)
      let bytes = checkpoint.tensors.values.reduce(0) { $0 + $1.bytes.count }
      let types = Set(checkpoint.tensors.values.map(\.entry.dtype.rawValue)).sorted().joined(separator: ", ")
      let name = component.rawValue.padding(toLength: 15, withPad: " ", startingAt: 0)
      lines.append(
        "\(name) \(Number.grouped(graph.parameterCount)) parameters in "
          + "\(checkpoint.tensors.count) tensors, \(types), \(Number.bytes(bytes))")
      components[component.rawValue] = [
        "parameters": .integer(graph.parameterCount), "tensors": .integer(checkpoint.tensors.count),
        "bytes": .integer(bytes), "dtypes": .string(types),
      ]
    }
    let start = model.startValues
    lines.append(
      "starts at  cfg \(SettingCommands.text(.number(start.guidanceScale))), \(start.steps) steps, \(start.width)x\(start.height)"
    )
    lines.append("sizes      \(Settings.sizes(start: start).map(\.description).joined(separator: " "))")
    let backend = model.backend
    lines.append("backend    \(backend.description), \(backend.pool.threads) threads")
    return CommandOutput(
      lines.joined(separator: "\n"),
      result: [
        "name": .string(model.files.name), "components": .object(components),
        "backend": .string(backend.name),
        "precision": .string(backend.precision.rawValue), "threads": .integer(backend.pool.threads),
      ])
  }
}

extension DiffusionModel {
  /// The last part of the model's folder, as pictures name it.
  var modelName: String { PathName(files.name).last }
}
