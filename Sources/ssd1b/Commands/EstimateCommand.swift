import Base
import Diffusion
import Inspection
import Shell

/// What a run will take, before it is run.
enum EstimateCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "estimate", group: "Inspection", summary: "the time and memory that a run will take",
      discussion: """
        Times are counted call by call from a short measurement of this machine; a step that takes less than a tenth of a \
        second is tried out, and after a run of the same size a step's time is that run's. Memory is its most at one time.
        """, takesSettings: true, evidence: .none,
      examples: [
        ("estimate", "with the settings as they are"), ("estimate size=1024x1024 steps=30", "of another run"),
      ])
  ) { invocation, session in
    let settings = try session.settings(for: invocation)
    let request = settings.request(start: session.start)
    let model = try session.model()
    let (backend, speed) = try session.speed(for: settings)
    let estimate = try model.estimate(request, on: backend, speed: speed)
    let basis =
      switch estimate.basis {
      case .lastRun: "as in the last run"
      case .trial: "tried out"
      case .speed: "from the machine's speed"
      }
    var lines = [
      "\(request.width)x\(request.height), \(Number.counted(request.steps, "step")), "
        + "\(backend.name) \(backend.precision.rawValue), \(Number.counted(session.pool.threads, "thread"))",
      "load    \(estimate.loading == .zero ? "nothing to lay out" : Number.time(estimate.loading))",
      "encode  \(estimate.encoding == .zero ? "kept from before" : Number.time(estimate.encoding))",
      "steps   \(request.steps) x \(Number.time(estimate.step)), \(basis)",
      "decode  \(Number.time(estimate.decoding))",
      "total   \(Number.time(estimate.total))",
      "memory  \(Number.bytes(estimate.peakBytes)): "
        + estimate.memory.map { "\($0.name) \(Number.bytes($0.bytes))" }.joined(separator: ", "),
    ]
    let captures = try CapturePlan(session.captureRules, of: request, on: model)
    if !captures.captures.isEmpty { lines.append("capture \(captures.summary)") }
    return CommandOutput(
      lines.joined(separator: "\n"),
      result: [
        "load_seconds": .number(estimate.loading.seconds),
        "encode_seconds": .number(estimate.encoding.seconds), "step_seconds": .number(estimate.step.seconds),
        "steps": .integer(estimate.steps), "decode_seconds": .number(estimate.decoding.seconds),
        "seconds": .number(estimate.total.seconds), "basis": .string(estimate.basis.rawValue),
        "bytes": .integer(estimate.peakBytes), "capture_bytes": .integer(captures.bytes),
        "memory": .object(
          Dictionary(
            estimate.memory.map { ($0.name.replacing(" ", with: "_").lowercased(), .integer($0.bytes)) }
          ) { first, _ in first }),
      ])
  }
}
