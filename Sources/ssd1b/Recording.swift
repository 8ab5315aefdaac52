import Base
import Foundation
import Kernels
import Shell

/// A session file in the making: written whole after each command, so that a crash loses nothing.
struct Recording {
  let path: String
  private(set) var commands = 0
  private var lines: [String]

  /// Begins one with the conditions, and with the commands that lead to the present settings.
  init(path: String, conditions: String, opening: [String]) throws {
    self.path = path
    lines = [SessionFile.firstLine, conditions] + opening
    try write()
  }

  mutating func add(_ output: CommandOutput, of invocation: Invocation) throws {
    guard invocation.declaration.evidence != .unrecorded else { return }
    commands += 1
    lines.append(output.statement ?? invocation.statementText())
    lines += output.allEvidence(of: invocation.declaration).map(\.line)
    lines += output.information.map { "#~ \($0)" }
    try write()
  }

  private func write() throws {
    try AtomicFile.write(Data((lines.joined(separator: "\n") + "\n").utf8), to: path)
  }
}

extension CommandOutput {
  /// What a recorded session keeps of a command's output.
  func allEvidence(of declaration: CommandDeclaration) -> [Evidence] {
    switch declaration.evidence {
    case .own: evidence
    case .result(let without, _): [Evidence("result", json: result.without(without))]
    case .none, .unrecorded: []
    }
  }
}

extension Session {
  /// Whether what commands compute is to be kept as evidence.
  var keepsEvidence: Bool { recording != nil || rehearsal != nil }

  /// What must hold before a session can be replayed: `#: model sha256:… precision=f32 backend=onednn`.
  func conditions(computing choice: BackendChoice) throws -> String {
    "#: model sha256:\(try modelIdentity()) precision=\(choice.precision.rawValue) backend=\(choice.library.rawValue)"
  }

  /// Adds a command to the recording, if there is one; a file that cannot be written ends it.
  func record(_ output: CommandOutput, of invocation: Invocation) {
    do {
      try recording?.add(output, of: invocation)
    } catch {
      let path = recording?.path ?? ""
      recording = nil
      SSD1B.report("error: \(error)\nhint: \(path) ends before this command: nothing is recorded any more")
    }
  }
}
