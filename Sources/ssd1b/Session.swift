import Base
import Checkpoints
import Diffusion
import Foundation
import Imaging
import Inspection
import Kernels
import Shell
import Terminal

/// What one shell keeps between commands: the model, the settings, the last run.
final class Session {
  /// What inspection looks at unless told otherwise.
  let subject: Subject
  /// The pipeline that generates; nil where only a checkpoint was opened.
  let pipeline: DiffusionModel?
  var settings = Settings()
  /// The last run, finished or interrupted.
  var last: Generation? {
    didSet {
      attention = nil
      picture = nil
    }
  }
  /// The last run's picture, once there is one.
  var picture: Image?
  /// The last run's attention maps, over the steps that they were asked for.
  var attention: (steps: [Int], maps: AttentionMaps)?
  /// What runs shall keep of the layers' outputs.
  var captureRules: [CaptureRule] = []
  /// Whether runs gather their attention maps as they go.
  var capturesAttention = false
  /// What the last run kept.
  var lastCaptures: [Captured] = []
  /// What the last run computed with.
  var lastBackend: (any Backend)?
  var lastCompute: BackendChoice?
  /// Whether it was finished and its picture written.
  var lastIsWritten = false
  /// What was the last run before the one that was just interrupted; nil once something else was entered.
  var beforeInterruption: LastRunState?
  /// Where the last run's picture is, or was to be.
  var lastPath: String?
  /// Whether a run of which nothing changed is taken for the last one.
  var reusesRuns = true
  /// What is being recorded.
  var recording: Recording?
  /// Whether a recording ended because it could not be written.
  var hasLostRecording = false
  /// What a session that is run again was recorded with; it holds where neither settings nor process arguments say.
  var recordedCompute: (library: BackendChoice.Library?, precision: Precision?)?
  /// What a verification runs in place of the user.
  var rehearsal: Rehearsal?
  /// What the terminal can show, once it was asked.
  var support: PictureSupport?
  /// Whether pictures and previews are shown on a terminal.
  var picturesAreOn = true
  var preview: LatentPreview?
  /// Gives keys to the prompt that were typed before it.
  var typeAhead: (String) -> Void = { _ in }
  /// The loaded model's SHA-256, once it was asked for.
  var identity: SHA256?
  let table: CommandTable<Session>
  /// The threads that compute.
  let pool: ThreadPool
  let isInteractive: Bool
  /// Lines entered before, for `history`; empty off a terminal.
  var entries: () -> [String] = { [] }
  /// Scripts being read, outermost first.
  var sources = SourceChain()
  /// Commands running inside each other.
  var depth = 0
  let keepsGoing: Bool
  private let color: ColorChoice
  /// Whether recorded sessions run on any model.
  let forcesReplays: Bool
  /// Prints one JSON object a command instead of text.
  let isJSON: Bool
  /// What tells another program how runs go on; nil unless asked for.
  var events: RunEvents?
  /// Commands so far, as records count them.
  private var commandCount = 0 {
    didSet { events?.seq = commandCount + 1 }
  }
  let progress: ProgressLine
  /// Columns to print in; nil where nothing is cut.
  var width: Int? {
    isInteractive ? TerminalInfo.columns(1, environment: ProcessInfo.processInfo.environment) : nil
  }

  /// What the process arguments ask to compute with, where the settings do not.
  let library: BackendChoice.Library?
  let precision: Precision?
  /// What the model computes with now.
  private(set) var compute: BackendChoice

  init(
    _ opened: Opened, pool: ThreadPool, compute: BackendChoice, library: BackendChoice.Library?,
    precision: Precision?,
    isInteractive: Bool, keepsGoing: Bool, isJSON: Bool, forcesReplays: Bool,
    color: ColorChoice
  ) {
    switch opened {
    case .pipeline(let model):
      pipeline = model
      subject = Subject(name: model.modelName, model.architecture, checkpoints: model.checkpoints)
    case .subject(let other):
      pipeline = nil
      subject = other
    }
    self.compute = compute
    self.pool = pool
    self.library = library
    self.precision = precision
    self.isInteractive = isInteractive
    self.keepsGoing = keepsGoing
    self.isJSON = isJSON
    self.forcesReplays = forcesReplays
    self.color = color
    table = CommandTable(Commands.all, settings: Setting.allCases.map(\.option))
    let environment = ProcessInfo.processInfo.environment
    progress = ProgressLine(
      isEnabled: isInteractive && TerminalInfo.isTerminal(2) && environment["TERM"] != "dumb",
      isASCII: !TerminalInfo.isUTF8(environment: environment))
  }

  /// What was opened at the start.
  enum Opened {
    case pipeline(DiffusionModel)
    /// Something to look at alone.
    case subject(Subject)
  }

  /// The loaded pipeline. Throws a `Diagnostic` that says what was opened instead.
  func model() throws -> DiffusionModel {
    if let pipeline { return pipeline }
    let found = subject.parts.map { $0.identity?.title ?? $0.name }.joined(separator: ", ")
    throw Diagnostic(
      .usage, at: subject.name, "expected a whole pipeline to compute with, found \(found)",
      hint:
        "layers, params, tensor and diff look at it; start with --model FOLDER, a pipeline in the diffusers layout, to generate"
    )
  }

  var start: StartValues { pipeline?.startValues ?? StartValues(defaultSize: subject.defaultSize) }

  /// What `settings` compute with. Throws a `Diagnostic` when they ask for what cannot be had.
  func compute(for settings: Settings) throws -> BackendChoice {
    func choice(_ library: BackendChoice.Library?, _ precision: Precision?) throws -> BackendChoice {
      try BackendChoice(
        library: rehearsal?.forcedLibrary ?? settings.backend ?? library,
        precision: rehearsal?.forcedPrecision ?? settings.precision ?? precision)
    }
    // What was recorded and what is set now need not go together: then the machine chooses, as it did then.
    if let recordedCompute,
      let choice = try? choice(library ?? recordedCompute.library, precision ?? recordedCompute.precision)
    {
      return choice
    }
    return try choice(library, precision)
  }

  /// Sets one setting, or throws and leaves all as they were.
  func set(_ setting: Setting, to text: String, in settings: inout Settings) throws {
    var changed = settings
    try changed.set(setting, to: text, start: start)
    _ = try compute(for: changed)
    settings = changed
  }

  /// The seed that a text means, as its digits: `random` draws one, `+1` counts from the present one.
  func seed(of text: String) throws -> String {
    var settings = settings
    try set(.seed, to: text, in: &settings)
    return "\(settings.seed ?? 0)"
  }

  /// Makes the model compute with what `settings` ask for.
  func useBackend(for settings: Settings) throws { try useBackend(compute(for: settings)) }

  /// Makes the model compute with `wanted`.
  func useBackend(_ wanted: BackendChoice) throws {
    guard wanted != compute else { return }
    let model = try model()
    model.use(try wanted.backend(on: pool))
    compute = wanted
  }

  /// The value of a setting that holds.
  func value(of setting: Setting) throws -> JSONValue { try value(of: setting, in: settings) }

  /// The value of a setting that `settings` give.
  func value(of setting: Setting, in settings: Settings) throws -> JSONValue {
    settings.value(of: setting, start: start, compute: try compute(for: settings))
  }

  /// Prints a result at once, before the command is done; a record has it later.
  func say(_ line: String) {
    if !isJSON { write(Self.safe(line)) }
  }

  /// Prints an event at once.
  func emit(_ event: JSONValue) { write(event.text()) }

  /// Prints what a command gave.
  func deliver(_ output: CommandOutput, of command: String) {
    commandCount += 1
    write(
      isJSON
        ? Record.success(seq: commandCount, command: command, result: output.result).text()
        : output.form == .text ? Self.safe(output.text) : output.rendered)
    if !isJSON { writeRaw(output.terminalText) }
  }

  /// A text of lines without control characters, wherever its names came from.
  private static func safe(_ text: String) -> String {
    // Plain ASCII in lines, as most text is, has none.
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) || $0 == UInt8(ascii: "\n") }) { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).escapingInvisibles }
      .joined(separator: "\n")
  }

  /// Prints that a command failed.
  func report(_ failure: ScriptRunner<Session>.Failure) {
    commandCount += 1
    if isJSON {
      write(
        Record.failure(
          seq: commandCount, command: failure.command, diagnostic: failure.error.diagnostic,
          location: failure.error.location, result: failure.output?.result
        ).text())
    } else if let output = failure.output {
      write(output.form == .text ? Self.safe(output.text) : output.rendered)
    }
    guard !failure.isReported else { return }
    // At the prompt a line's number says nothing.
    let isTyped = isInteractive && failure.error.location.source == "-"
    SSD1B.report(
      isTyped ? ErrorText.render(failure.error.diagnostic) : ErrorText.render(failure.error),
      inColor: colors(on: 2))
  }

  /// Whether to colour what goes to a descriptor.
  func colors(on descriptor: Int32) -> Bool {
    color.isEnabled(
      environment: ProcessInfo.processInfo.environment, isTerminal: TerminalInfo.isTerminal(descriptor))
  }

  /// What runs this session's statements.
  func runner(keepsGoing: Bool? = nil, allowsAbbreviation: Bool = false) -> ScriptRunner<Session> {
    ScriptRunner(
      table, keepsGoing: keepsGoing ?? self.keepsGoing, allowsAbbreviation: allowsAbbreviation,
      shouldStop: { [pool] in pool.isCancelled },
      output: { [self] _, invocation, output in
        record(output, of: invocation)
        deliver(output, of: invocation.command)
      },
      failure: { [self] failure in report(failure) })
  }

  private func write(_ text: String) {
    guard !text.isEmpty else { return }
    writeRaw(text.utf8.last == UInt8(ascii: "\n") ? text : text + "\n")
  }

  /// Prints a text as it is, with its own terminal sequences.
  func writeRaw(_ text: String) {
    guard rehearsal == nil, !text.isEmpty else { return }
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      // Where results cannot go there is nothing to go on for.
      SSD1B.report("error: standard output cannot be written: \(String(cString: strerror(errno)))")
      exit(1)
    }
  }

  private var matmulPeaks: [Precision: MatmulPeak] = [:]
  private var speeds: [BackendChoice: MachineSpeed] = [:]

  /// The machine's matmul peak in operations a second, measured now; the best that this session has seen.
  func matmulPeak(_ precision: Precision) throws -> Double {
    let peak = matmulPeaks[precision] ?? MatmulPeak(precision, on: pool)
    matmulPeaks[precision] = peak
    peak.measure()
    if pool.isCancelled { throw Diagnostic(.interrupted, "interrupted") }
    return peak.operations
  }

  /// How fast this machine is with what `settings` compute with, measured when first asked for. The model computes on
  /// with what it has.
  func speed(for settings: Settings) throws -> (backend: any Backend, speed: MachineSpeed) {
    let choice = try compute(for: settings)
    let backend = choice == compute ? try model().backend : try choice.backend(on: pool)
    if let speed = speeds[choice] { return (backend, speed) }
    let speed = try MachineSpeed(of: backend)
    speeds[choice] = speed
    return (backend, speed)
  }

  /// The picture of a run that is the last one, decoded if it was not.
  func lastPicture(of run: Generation) throws -> Image {
    if let picture { return picture }
    try useBackendOfLastRun()
    let pixels = try model().decode(run.latents, height: run.latentHeight, width: run.latentWidth)
    let image = Image(width: run.request.width, height: run.request.height, decoded: pixels)
    picture = image
    return image
  }

  /// Makes the model compute with what the last run was computed with, so that what is made of it belongs to it.
  func useBackendOfLastRun() throws { if let lastCompute { try useBackend(lastCompute) } }

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
      RecallCommand.command,
      GenerateCommand.command, GenerateCommand.resume, SweepCommand.command,
      ViewCommand.command, ViewCommand.pictures, LatentsCommand.command, DecodeCommand.command,
      DumpCommand.command,
      InspectionCommands.layers, InspectionCommands.params, DiffCommand.command, TensorCommand.command,
      CaptureCommand.command, AttentionCommand.command, EstimateCommand.command, ProfileCommand.command,
      ModelCommand.command, TokensCommand.command,
      ScriptCommands.source, ScriptCommands.save, ScriptCommands.repeat, ScriptCommands.time,
      ScriptCommands.echo,
      ScriptCommands.history,
      EvidenceCommands.record, EvidenceCommands.replay, EvidenceCommands.verify,
      HelpCommands.help, HelpCommands.apropos, HelpCommands.quit,
    ]
  }
}
