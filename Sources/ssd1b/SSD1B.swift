import ArgumentParser
import Base
import Checkpoints
import Diffusion
import EmbeddedModel
import Foundation
import Inspection
import Kernels
import Shell
import Terminal

/// The program: process arguments in, exit code out.
@main
struct SSD1B: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "ssd1b",
    abstract: "An interactive shell that keeps SSD-1B resident in memory on the CPU.",
    discussion: """
      Without -c and -f, commands are read from the terminal, or from standard input when that is none. \
      `help` lists them.
      """,
    version: version)

  @Option(
    help:
      "A pipeline folder in the diffusers layout, or any safetensors to look at; default: the small embedded model."
  )
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Which weights to take where a folder holds several, such as fp16; default: the plain ones.",
      valueName: "name"))
  var variant: String?

  @Option(
    name: .customShort("c"), help: ArgumentHelp("Run a command; can be repeated.", valueName: "command"))
  var commands: [String] = []

  @Option(name: .customShort("f"), help: ArgumentHelp("Run a script; can be repeated.", valueName: "file"))
  var files: [String] = []

  @Flag(help: "Go on after an error; the exit code still tells of it.")
  var keepGoing = false

  @Flag(help: "Print one JSON object a command instead of text.")
  var json = false

  @Flag(help: "Do not run the start file, $XDG_CONFIG_HOME/ssd1b/rc; a batch never does.")
  var noRc = false

  @Option(help: "When to colour: auto, always or never; auto is on a terminal, unless NO_COLOR is set.")
  var color = ColorChoice.auto

  @Flag(help: "Print one JSON object for each step of a run too; it implies --json.")
  var events = false

  @Flag(help: "Replay and verify sessions on another model than they were recorded on.")
  var force = false

  @Option(help: "How many threads compute; all processors unless given. Results do not depend on it.")
  var threads: Int?

  @Option(
    help: "What computes, unless set otherwise: onednn, openblas or reference; the fastest here unless given."
  )
  var backend: BackendChoice.Library?

  @Option(help: "What it computes in, unless set otherwise: f32 or bf16; the fastest here unless given.")
  var precision: Precision?

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      // What ArgumentParser calls a usage error is 2 here, as in most shells.
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      report(fullMessage(for: error))
      exit(withError: ExitCode(2))
    }
  }

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads: expected 1 to 1024, found \(threads)")
    }
  }

  func run() throws {
    Memory.saveAddressSpace()
    InterruptFlag.install()
    Self.removeLitter()
    let isBatch = !commands.isEmpty || !files.isEmpty || !TerminalInfo.isTerminal(0)
    do {
      let compute = try BackendChoice(library: backend, precision: precision)
      let pool = ThreadPool(threads: threads ?? ThreadPool.processors, cancelFlag: InterruptFlag.pointer)
      let session = Session(
        try open(compute, on: pool), pool: pool, compute: compute, library: backend, precision: precision,
        isInteractive: !isBatch, keepsGoing: keepGoing, isJSON: json || events, forcesReplays: force,
        color: color)
      if events { session.events = RunEvents() }
      let code =
        isBatch
        ? Batch(session: session).run(commands: commands, files: files)
        : try Prompt(session: session, runsStartFile: !noRc).run()
      throw ExitCode(code)
    } catch let fault as Diagnostic {
      let isColored = color.isEnabled(
        environment: ProcessInfo.processInfo.environment, isTerminal: TerminalInfo.isTerminal(2))
      Self.report(ErrorText.render(fault), inColor: isColored)
      throw ExitCode(Self.exitCode(for: fault))
    }
  }

  /// Removes what killed processes left half-written: here, and wherever they wrote.
  ///
  /// A folder may be on a disk that does not answer, which is no reason not to start.
  private static func removeLitter() {
    let isDone = DispatchSemaphore(value: 0)
    let list = Session.userPath("XDG_STATE_HOME", ".local/state", "folders")
    Thread.detachNewThread {
      TemporaryFolder.removeDead()
      AtomicFile.removeDeadParts(in: ".")
      if let list { AtomicFile.clean(listing: list) }
      isDone.signal()
    }
    _ = isDone.wait(timeout: .now() + 0.5)
  }

  private func open(_ compute: BackendChoice, on pool: ThreadPool) throws -> Session.Opened {
    guard let model else {
      return .pipeline(try DiffusionModel(EmbeddedModel(), backend: compute.backend(on: pool)))
    }
    let path = ModelLocation.resolved(model)
    // A file can be looked at, without anything that computes; so can a folder that is no pipeline's.
    guard ModelLocation.isFolder(path) != false else {
      return .subject(try Subject(path: path), obstacle: nil)
    }
    let folder = try ModelFolder(path: path, variant: variant)
    guard folder.has("model_index.json") || !folder.list("unet").isEmpty else {
      return .subject(try Subject(path: path, variant: variant), obstacle: nil)
    }
    do {
      return .pipeline(try DiffusionModel(folder, backend: compute.backend(on: pool)))
    } catch let obstacle as Diagnostic where obstacle.kind == .inspectionOnly {
      return .subject(try Subject(path: path, variant: variant), obstacle: obstacle)
    }
  }

  static func report(_ text: String, inColor: Bool = false) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if inColor {
      for (word, style) in [("error:", TextStyle.red), ("hint:", .dim)] {
        if let index = lines.firstIndex(where: { $0.contains(word) }),
          let range = lines[index].range(of: word)
        {
          lines[index].replaceSubrange(range, with: style.applied(to: word, isEnabled: true))
        }
      }
    }
    try? FileHandle.standardError.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
  }

  static func exitCode(for fault: Diagnostic) -> Int32 {
    switch fault.kind {
    case .interrupted: InterruptFlag.exitCode ?? 130
    case .difference: 3
    case .model: 4
    case .otherModel: 5
    case .usage, .value, .file, .inspectionOnly, .memory, .numeric: 1
    }
  }
}

extension BackendChoice.Library: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension ColorChoice: ExpressibleByArgument {}
