import ArgumentParser
import Base
import Checkpoints
import Diffusion
import Foundation
import Kernels

/// Measures speed and memory of the pipeline at full size, with no checkpoint needed.
@main
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ssd1b-bench",
    abstract: "Measures the pipeline at full size on random weights, beside the machine's matmul peak.",
    subcommands: [ModelBench.self, KernelBench.self], defaultSubcommand: ModelBench.self)
}

/// What both benchmarks can be told of how to compute.
struct ComputeOptions: ParsableArguments {
  @Option(help: "onednn, openblas or reference; the fastest here unless given.")
  var backend: BackendChoice.Library?

  @Option(help: "f32 or bf16; the fastest here unless given.")
  var precision: Precision?

  @Option(help: "How many threads compute; all processors unless given.")
  var threads: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads: expected 1 or more, found \(threads)") }
  }

  func choice() throws -> BackendChoice {
    try reported { try BackendChoice(library: backend, precision: precision) }
  }
  var pool: ThreadPool { ThreadPool(threads: threads ?? ThreadPool.processors) }
}

extension BackendChoice.Library: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// Turns what the program's own parts throw into a message for the terminal.
func reported<T>(_ body: () throws -> T) throws -> T {
  do {
    return try body()
  } catch let fault as Diagnostic {
    throw ValidationError(fault.description + (fault.hint.map { "\nhint: \($0)" } ?? ""))
  }
}

/// How long `body` takes.
func measured<T>(_ body: () throws -> T) rethrows -> (result: T, seconds: Double) {
  let start = ContinuousClock.now
  let result = try body()
  return (result, (ContinuousClock.now - start).seconds)
}

func decimal(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

func aligned(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}
