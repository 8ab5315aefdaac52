import Base
import Foundation
import Graph
import HollowCheckpoint
import Models
import Testing

/// The built program, run as a user runs it.
enum Program {
  /// Beside the test bundle, where `swift build` puts both.
  static let path: String = {
    let runner =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
    let candidates = [runner] + CommandLine.arguments
    for argument in candidates {
      let path = (argument as NSString).deletingLastPathComponent + "/ssd1b"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    return repository + "/.build/release/ssd1b"
  }()

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let model = repository + "/Sources/CEmbeddedModel/model"

  struct Result {
    let output: String
    let errors: String
    let code: Int32
  }

  /// Runs it with `script` on standard input, in `folder`.
  static func run(
    _ arguments: [String] = [], script: Data = Data(), in folder: String = "/tmp",
    environment: [String: String] = [:]
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"].merging(environment) { $1 }
    let (input, output, errors) = (Pipe(), Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
    try process.run()
    // Each on its own thread, since any of the three pipes may be full while another is waited for.
    let errorReader = PipeReader(errors)
    let outputReader = PipeReader(output)
    try input.fileHandleForWriting.write(contentsOf: script)
    try input.fileHandleForWriting.close()
    let (text, errorText) = (outputReader.text, errorReader.text)
    process.waitUntilExit()
    let code =
      process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    return Result(output: text, errors: errorText, code: code)
  }

  static func run(
    _ arguments: [String] = [], script: String, in folder: String = "/tmp",
    environment: [String: String] = [:]
  ) throws -> Result {
    try run(arguments, script: Data(script.utf8), in: folder, environment: environment)
  }

  /// Runs it and tells how many seconds of a processor it took, which what runs beside does not change.
  static func runTimed(_ arguments: [String]) throws -> (result: Result, seconds: Double) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", "TIMEFORMAT='%U %S'; time \"$0\" \"$@\"", path] + arguments
    process.environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"]
    process.standardInput = FileHandle.nullDevice
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    var lines = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    process.waitUntilExit()
    if lines.last == "" { lines.removeLast() }
    let times = lines.popLast()?.split(separator: " ").compactMap { Double($0) } ?? []
    try #require(times.count == 2, "bash tells the times")
    return (
      Result(output: text, errors: lines.map { $0 + "\n" }.joined(), code: process.terminationStatus),
      times[0] + times[1]
    )
  }

  /// Runs a command and tells how long after its start the process had answered, and how much memory it had had at most.
  static func measure(_ command: String, model: String) throws -> (seconds: Double, peakBytes: Int) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["--model", model]
    let (input, output) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput) = (input, output)
    let start = ContinuousClock.now
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data("\(command)\nseed 4711\n".utf8))
    // What the second command prints says that the first is done.
    var text = Data()
    let end = Data("seed 4711\n".utf8)
    while text.suffix(end.count) != end {
      let more = output.fileHandleForReading.availableData
      try #require(!more.isEmpty, "\(String(decoding: text.suffix(300), as: UTF8.self))")
      text += more
    }
    let seconds = (ContinuousClock.now - start) / Duration.seconds(1)
    let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    let kilobytes = try #require(
      line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    return (seconds, kilobytes * 1024)
  }

  /// A folder of its own for a test, taken away afterwards.
  static func withFolder(_ body: (String) throws -> Void) throws { try withTemporaryFolder(body) }

  /// A copy of the embedded model's folder that a test may damage.
  static func withModel(_ body: (String) throws -> Void) throws {
    try withFolder { folder in
      try FileManager.default.copyItem(atPath: model, toPath: folder + "/model")
      try body(folder + "/model")
    }
  }

  /// A pipeline folder of a built-in architecture, its weights holes.
  static func withHollowModel(_ name: String, _ body: (String) throws -> Void) throws {
    try withFolder { folder in
      let manager = FileManager.default
      let architecture = try Architecture(named: name)
      for component in Architecture.Component.allCases {
        let place = "\(folder)/\(component.rawValue)"
        try manager.createDirectory(atPath: place, withIntermediateDirectories: true)
        let config = try #require(Architecture.publishedConfig(component, of: name))
        try config.write(toFile: "\(place)/config.json", atomically: true, encoding: .utf8)
        let graph = try architecture.graph(component, width: 512, height: 512, batch: 1)
        let isEncoder = component == .textEncoder || component == .textEncoder2
        let file = isEncoder ? "model.fp16.safetensors" : "diffusion_pytorch_model.fp16.safetensors"
        try HollowCheckpoint.write(graph.tensors.map { ($0.key, $0.shape.extents) }, to: "\(place)/\(file)")
      }
      for part in ["model_index.json", "scheduler", "tokenizer", "tokenizer_2"] {
        try manager.copyItem(atPath: "\(model)/\(part)", toPath: "\(folder)/\(part)")
      }
      try body(folder)
    }
  }
}

/// Reads a pipe to its end on a thread of its own.
private final class PipeReader: @unchecked Sendable {
  private let pipe: Pipe
  private var contents = Data()
  private let isDone = DispatchSemaphore(value: 0)

  init(_ pipe: Pipe) {
    self.pipe = pipe
    Thread.detachNewThread {
      self.contents = self.pipe.fileHandleForReading.readDataToEndOfFile()
      self.isDone.signal()
    }
  }

  /// All of it, once the other end is closed; asked for once.
  var text: String {
    isDone.wait()
    return String(decoding: contents, as: UTF8.self)
  }
}
