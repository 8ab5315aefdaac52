import Foundation
import Testing

/// The built program, run as a user runs it.
enum Program {
  /// Beside the test bundle, where `swift build` puts both.
  static let path: String = {
    let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    let candidates = [runner] + CommandLine.arguments
    for argument in candidates {
      let path = (argument as NSString).deletingLastPathComponent + "/ssd1b"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    return repository + "/.build/release/ssd1b"
  }()

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let model = repository + "/Sources/CEmbeddedModel/model"

  struct Result {
    let output: String
    let errors: String
    let code: Int32
  }

  /// Runs it with `script` on standard input, in `folder`.
  static func run(
    _ arguments: [String] = [], script: Data = Data(), in folder: String = "/tmp", environment: [String: String] = [:]
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"].merging(environment) { $1 }
    let (input, output, errors) = (Pipe(), Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: script)
    try input.fileHandleForWriting.close()
    // Neither stream fills a pipe's buffer in these tests before the other is read.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let errorText = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let code = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    return Result(output: text, errors: errorText, code: code)
  }

  static func run(
    _ arguments: [String] = [], script: String, in folder: String = "/tmp", environment: [String: String] = [:]
  ) throws -> Result {
    try run(arguments, script: Data(script.utf8), in: folder, environment: environment)
  }

  /// A folder of its own for a test, taken away afterwards.
  static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "/ssd1b-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  /// A copy of the embedded model's folder that a test may damage.
  static func withModel(_ body: (String) throws -> Void) throws {
    try withFolder { folder in
      try FileManager.default.copyItem(atPath: model, toPath: folder + "/model")
      try body(folder + "/model")
    }
  }
}
