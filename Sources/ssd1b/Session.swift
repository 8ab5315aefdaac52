import Base
import Checkpoints
import Diffusion
import Foundation
import Kernels
import Shell
import Terminal

/// What one shell keeps between commands: the model, the settings, the last run.
final class Session {
  let model: DiffusionModel
  var settings = Settings()
  /// The last run, finished or interrupted.
  var last: Generation?
  let table: CommandTable<Session>
  let isInteractive: Bool
  /// Lines entered before, for `history`; empty off a terminal.
  var entries: () -> [String] = { [] }
  /// Scripts being read, outermost first.
  var sources = SourceChain()
  /// How a nested script reports; set by the one who runs the outer.
  var report: (ScriptRunner<Session>.Failure) -> Void = { _ in }
  let keepsGoing: Bool
  let progress: ProgressLine
  /// Columns to print in; nil where nothing is cut.
  var width: Int? { isInteractive ? TerminalInfo.columns(1, environment: ProcessInfo.processInfo.environment) : nil }

  /// What the process arguments ask to compute with, where the settings do not.
  private let library: BackendChoice.Library?
  private let precision: Precision?
  /// What the model computes with now.
  private var compute: BackendChoice

  init(
    model: DiffusionModel, compute: BackendChoice, library: BackendChoice.Library?, precision: Precision?,
    isInteractive: Bool, keepsGoing: Bool
  ) {
    self.model = model
    self.compute = compute
    self.library = library
    self.precision = precision
    self.isInteractive = isInteractive
    self.keepsGoing = keepsGoing
    table = CommandTable(Commands.all, settings: Setting.allCases.map(\.option))
    let environment = ProcessInfo.processInfo.environment
    progress = ProgressLine(
      isEnabled: isInteractive && TerminalInfo.isTerminal(2) && environment["TERM"] != "dumb",
      isASCII: !TerminalInfo.isUTF8(environment: environment))
  }

  var start: StartValues { model.startValues }

  /// What `settings` compute with. Throws a `Diagnostic` when they ask for what cannot be had.
  func compute(for settings: Settings) throws -> BackendChoice {
    try BackendChoice(library: settings.backend ?? library, precision: settings.precision ?? precision)
  }

  /// Sets one setting, or throws and leaves all as they were.
  func set(_ setting: Setting, to text: String, in settings: inout Settings) throws {
    var changed = settings
    try changed.set(setting, to: text, start: start)
    _ = try compute(for: changed)
    settings = changed
  }

  /// Makes the model compute with what `settings` ask for.
  func useBackend(for settings: Settings) throws {
    let wanted = try compute(for: settings)
    guard wanted != compute else { return }
    model.use(try wanted.backend(on: model.backend.pool))
    compute = wanted
  }

  /// The value of a setting that holds.
  func value(of setting: Setting) throws -> JSONValue {
    settings.value(of: setting, start: start, compute: try compute(for: settings))
  }

  /// Prints a result at once, before the command is done.
  func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  func print(_ output: CommandOutput) {
    guard !output.text.isEmpty else { return }
    FileHandle.standardOutput.write(Data((output.text.hasSuffix("\n") ? output.text : output.text + "\n").utf8))
  }

  /// The last run. Throws when there was none.
  func lastRun() throws -> Generation {
    guard let last else {
      throw Diagnostic(.usage, at: "last run", "there is none yet", hint: "generate a picture first")
    }
    return last
  }
}

/// All commands, in the order of `help`.
enum Commands {
  static var all: [Command<Session>] {
    SettingCommands.all + [
      GenerateCommand.command, LatentsCommand.command, DumpCommand.command, InspectionCommands.layers,
      InspectionCommands.params, InspectionCommands.diff, ModelCommand.command,
      TokensCommand.command, ScriptCommands.source, ScriptCommands.history, HelpCommands.help, HelpCommands.apropos,
      HelpCommands.quit,
    ]
  }
}
