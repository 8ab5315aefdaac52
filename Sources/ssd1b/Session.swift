import Base
import Checkpoints
import Diffusion
import Foundation
import Inspection
import Kernels
import Shell
import Terminal

/// What one shell keeps between commands: the model, the settings, the last run.
final class Session {
  /// What inspection looks at unless told otherwise.
  private(set) var subject: Subject
  /// The pipeline that generates; nil where only a checkpoint was opened.
  private(set) var pipeline: DiffusionModel?
  /// Why a whole pipeline that was opened cannot generate.
  private(set) var obstacle: Diagnostic?
  /// How often the model was read again because its files had changed.
  private(set) var modelVersion = 0
  var settings = Settings()
  /// The last run and what is known of it.
  var lastRunState = LastRunState()
  /// What runs shall keep of the layers' outputs.
  var captureRules: [CaptureRule] = []
  /// Whether runs gather their attention maps as they go.
  var capturesAttention = false
  /// What was the last run before the one that was just interrupted; nil once something else was entered.
  var beforeInterruption: LastRunState?
  /// Whether a run of which nothing changed is taken for the last one.
  var reusesRuns = true
  /// What is being recorded.
  var recording: Recording?
  /// Whether a recording ended because it could not be written.
  var hasLostRecording = false
  /// What a session that is run again was recorded with; it holds where neither settings nor process arguments say.
  var recordedCompute: (library: BackendChoice.Library?, precision: Precision?)?
  /// Interrupted runs that outlive the session.
  let keptRuns = KeptRuns(folder: userPath("XDG_STATE_HOME", ".local/state", "runs"))
  /// What a verification runs in place of the user.
  var rehearsal: Rehearsal?
  /// What the terminal can show, once it was asked.
  var support: PictureSupport?
  /// Whether pictures and previews are shown on a terminal.
  var picturesAreOn = true
  var preview: LatentPreview?
  /// Gives keys to the prompt that were typed before it.
  var typeAhead: (String) -> Void = { _ in }
  /// Tells the prompt that the terminal has not answered yet, passing the part of an answer that has come.
  var awaitAnswers: ([UInt8]) -> Void = { _ in }
  /// Notes on the command that is running.
  var notes: [String] = []
  /// Whether the user was told that the model starts with another sampler than its config names.
  var hasToldSubstitution = false
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
  /// When to colour.
  let color: ColorChoice
  /// Whether recorded sessions run on any model.
  let forcesReplays: Bool
  /// Prints one JSON object a command instead of text.
  let isJSON: Bool
  /// What tells another program how runs go on; nil unless asked for.
  var events: RunEvents?
  /// Commands so far, as records count them.
  var commandCount = 0 {
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
    case .subject(let other, let reason):
      pipeline = nil
      subject = other
      obstacle = reason
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
    table = CommandTable(
      Commands.all, settings: Setting.allCases.map(\.option), synonyms: Commands.synonyms)
    let environment = ProcessInfo.processInfo.environment
    progress = ProgressLine(
      isEnabled: isInteractive && TerminalInfo.isTerminal(2) && environment["TERM"] != "dumb",
      isASCII: !TerminalInfo.isUTF8(environment: environment))
  }

  /// Takes a model that was read again in place of the one that is loaded.
  func open(_ model: DiffusionModel) {
    pipeline = model
    subject = Subject(name: model.modelName, model.architecture, checkpoints: model.checkpoints)
    (identity, preview) = (nil, nil)
    modelVersion += 1
  }

  /// What was opened at the start.
  enum Opened {
    case pipeline(DiffusionModel)
    /// Something to look at alone; `obstacle` says why a pipeline is no more than that.
    case subject(Subject, obstacle: Diagnostic?)
  }

  /// The loaded pipeline. Throws a `Diagnostic` that says what was opened instead, or that there is no memory to compute in.
  func model() throws -> DiffusionModel {
    if let pipeline {
      guard Memory.canTake(Memory.smallBytes) else {
        throw Memory.shortage(at: "ssd1b", needed: Memory.smallBytes)
      }
      return pipeline
    }
    if let obstacle { throw obstacle }
    let found = subject.parts.map { $0.identity?.title ?? $0.name }.joined(separator: ", ")
    throw Diagnostic(
      .usage, at: subject.name, "this is \(found), not a whole pipeline to compute with",
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

  private var matmulPeaks: [Precision: MatmulPeak] = [:]
  private var speeds: [BackendChoice: MachineSpeed] = [:]

  /// The machine's matmul peak in operations a second, measured now; the best that this session has seen.
  func matmulPeak(_ precision: Precision) throws -> Double {
    let peak = try matmulPeaks[precision] ?? MatmulPeak(precision, on: pool)
    matmulPeaks[precision] = peak
    try showingProgress(of: "measuring the matmul peak") { try peak.measure(progress: $0) }
    return peak.operations
  }

  /// Runs `body` with what shows on the progress line how far it has come.
  private func showingProgress<Result>(
    of label: String, _ body: ((_ done: Int, _ total: Int) -> Void) throws -> Result
  ) rethrows -> Result {
    var line = progress
    defer { line.finish() }
    let start = ContinuousClock.now
    line.update(done: 0, total: 1, elapsed: .zero, secondsPerStep: nil, label: label)
    return try body { done, total in
      line.update(
        done: done, total: total, elapsed: ContinuousClock.now - start, secondsPerStep: nil, label: label)
    }
  }

  /// How fast this machine is with what `settings` compute with, measured when first asked for. The model computes on
  /// with what it has.
  func speed(for settings: Settings) throws -> (backend: any Backend, speed: MachineSpeed) {
    try refreshModel()
    let choice = try compute(for: settings)
    let backend = choice == compute ? try model().backend : try choice.backend(on: pool)
    if let speed = speeds[choice] { return (backend, speed) }
    let speed = try showingProgress(of: "measuring this machine") {
      try MachineSpeed(of: backend, progress: $0)
    }
    speeds[choice] = speed
    return (backend, speed)
  }
}

/// All commands, in the order of `help`.
enum Commands {
  /// What other programs call commands and settings.
  static let synonyms = [
    "sampler": "scheduler", "sampler_name": "scheduler", "guidance": "cfg", "guidance_scale": "cfg",
    "scale": "cfg",
    "cfg_scale": "cfg", "negative_prompt": "negative", "neg": "negative", "num_inference_steps": "steps",
    "resolution": "size", "txt2img": "generate", "run": "generate", "show": "view", "open": "view",
  ]

  static var all: [Command<Session>] {
    SettingCommands.all + [
      RecallCommand.command,
      GenerateCommand.command, GenerateCommand.resume, SweepCommand.command,
      ViewCommand.command, ViewCommand.pictures, LatentsCommand.command, DecodeCommand.command,
      DumpCommand.command,
      InspectionCommands.layers, InspectionCommands.params, DiffCommand.command, TensorCommand.command,
      MetadataCommand.command,
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
