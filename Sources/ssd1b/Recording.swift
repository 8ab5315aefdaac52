import Base
import Foundation
import Kernels
import Shell

/// A session file in the making: written whole after each command, so that a crash loses nothing.
struct Recording {
  let path: String
  private(set) var commands = 0
  private var values = 0
  /// Whether the session's last run is one of the recording, so that what looks at it can be recorded.
  var holdsLastRun = false
  private let conditions: String
  private var lines: [String]
  /// The file as it was last written, which no other session may record to.
  private var lock: FileLock?
  private var stamp: FileStamp?

  /// Begins one with the conditions, and with the commands that lead to the present settings.
  ///
  /// Throws a `Diagnostic` of kind `.file` when it cannot be written, or when a file is there and it does not replace one.
  init(path: String, conditions: String, opening: [String], replacing: Bool) throws {
    self.path = path
    self.conditions = conditions
    lines = opening
    commands = opening.count
    guard !FileLock.isHeld(path) else {
      throw Diagnostic(
        .file, at: path, "another session is recording to it",
        hint: "choose another name, or stop the other recording")
    }
    do {
      try write(replacing: replacing)
    } catch is AtomicFile.AlreadyThere {
      throw Diagnostic(
        .file, at: path, "expected a name that no file has, found one",
        hint: "record \(Quoting.word(path)) replace writes over it")
    }
  }

  /// Adds a command with its evidence. False, and nothing is added, for one that looks at a run of before the recording.
  mutating func add(_ output: CommandOutput, of invocation: Invocation) throws -> Bool {
    let rule = invocation.declaration.evidence
    if rule == .unrecorded { return true }
    if output.isOfLastRun, !holdsLastRun { return false }
    let evidence = output.allEvidence(of: invocation.declaration)
    if rule == .own, !evidence.isEmpty { holdsLastRun = true }
    add(
      [output.statement ?? invocation.statementText()] + evidence.map(\.line)
        + output.information.map { "#~ \($0)" })
    values += evidence.count
    try write(replacing: true)
    return true
  }

  /// Adds a command that another one stands for.
  mutating func add(statement: String) throws {
    add([statement])
    try write(replacing: true)
  }

  private mutating func add(_ new: [String]) {
    commands += 1
    lines += new
  }

  /// Throws a `Diagnostic` of kind `.file` when it cannot be written, or is no longer the file that was written before.
  private mutating func write(replacing: Bool) throws {
    if let stamp, stamp != FileStamp(path: path) {
      throw Diagnostic(
        .file, at: path, "another program has changed or replaced it since the last command was recorded",
        hint: "it is left as it is; record FILE begins a new one")
    }
    let opening = [
      SessionFile.firstLine, "\(conditions) \(SessionFile.counts(commands: commands, values: values))",
    ]
    let text = (opening + lines).joined(separator: "\n") + "\n"
    lock = try AtomicFile.write(Data(text.utf8), to: path, replacing: replacing)
    // A device or pipe has no contents that another program could change.
    stamp = lock == nil ? nil : FileStamp(path: path)
  }
}

extension CommandOutput {
  /// What a recorded session keeps of a command's output.
  func allEvidence(of declaration: CommandDeclaration) -> [Evidence] {
    switch declaration.evidence {
    case .own: evidence
    case .result(let without):
      isMomentary ? [] : [Evidence("result", json: (evidenceResult ?? result).without(without))]
    case .none, .unrecorded: []
    }
  }
}

extension Session {
  /// Whether what commands compute is to be kept as evidence.
  var keepsEvidence: Bool { recording != nil || rehearsal != nil }

  /// What must hold before a session can be replayed, `#: model sha256:…`, and what it was recorded with:
  /// `precision=f32 backend=onednn machine=…`.
  func conditions(computing choice: BackendChoice) throws -> String {
    "#: model sha256:\(try modelIdentity()) precision=\(choice.precision.rawValue) backend=\(choice.library.rawValue) "
      + "machine=\(try machine(computing: choice))"
  }

  /// Tells machines, libraries and builds apart whose results may differ in the last bits: digits of the SHA-256 of the
  /// processor's name, the backend's and the program's version.
  func machine(computing choice: BackendChoice) throws -> String {
    let backend = choice == compute ? try model().backend : try choice.backend(on: pool)
    let text = Array("\(Self.processor) \(backend.description) \(SSD1B.version)".utf8)
    return text.withUnsafeBytes { SHA256(of: $0) }.short
  }

  /// The processor's name, as Linux has it; read once.
  private static let processor: String = {
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return info.split(separator: "\n").first { $0.hasPrefix("model name") || $0.hasPrefix("CPU part") }.map(
      String.init)
      ?? ""
  }()

  /// Adds a command to the recording, if there is one; a file that cannot be written ends it, and the process's exit code
  /// will tell.
  func record(_ output: CommandOutput, of invocation: Invocation) {
    keepRecording {
      if try recording?.add(output, of: invocation) == false {
        note("\(invocation.command) is not recorded: it looks at a run that the recording does not have")
      }
    }
  }

  /// Adds commands that another one stands for to the recording, if there is one.
  func record(statements: [String]) {
    keepRecording { for statement in statements { try recording?.add(statement: statement) } }
  }

  private func keepRecording(_ body: () throws -> Void) {
    do {
      try body()
    } catch {
      let path = recording?.path ?? ""
      recording = nil
      hasLostRecording = true
      let fault = error as? Diagnostic ?? Diagnostic(.file, at: path, "\(error)")
      SSD1B.report(
        ErrorText.render(fault)
          + "\nhint: nothing is recorded any more: this command is not in \(Quoting.word(path))",
        inColor: colors(on: 2))
    }
  }
}
