import Base
import Diffusion
import Foundation
import Inspection

/// What the user asked runs to keep of the layers that a pattern fits.
struct CaptureRule: Equatable {
  let pattern: PathPattern
  let keepsValues: Bool
  /// As typed: counted from 1, negative ones from the last; nil for all.
  let steps: [Int]?
  let halves: Set<Capture.Half>
  /// The command that armed it, as a script has it.
  let statement: String

  /// Whether it means a layer or module: a plain name is a whole path, with or without its component.
  func fits(_ target: CaptureTarget) throws -> Bool {
    try pattern.isPlain
      ? pattern.text == target.name || pattern.text == target.path
      : pattern.matchesWhole(target.name) || pattern.matchesWhole(target.path)
  }

  /// The steps of a run of `count` that it means. Throws a `Diagnostic` for one that the run does not have.
  func steps(of count: Int) throws -> Set<Int>? { try Self.steps(steps, of: count) }

  /// Steps as typed, as those of a run of `count`. Throws a `Diagnostic` for one that the run does not have.
  static func steps(_ typed: [Int]?, of count: Int) throws -> Set<Int>? {
    try typed.map { steps in
      Set(
        try steps.map { step in
          let index = step < 0 ? count + 1 + step : step
          guard (1...count).contains(index) else {
            throw Diagnostic(
              .value, at: "steps", "expected steps from 1 to \(count), or -1 for the last, found \(step)",
              hint: "negative ones count from the last; capture clear takes all captures back")
          }
          return index
        })
    }
  }
}

/// The captures of a run, and what they take.
struct CapturePlan {
  let captures: [Capture]
  /// How many tensors will be kept or measured.
  let tensors: Int
  /// Bytes of the kept values.
  let bytes: Int

  /// What some rules mean for a run. Throws a `Diagnostic` when a rule fits nothing, or more than memory holds.
  /// `freed` is what the captures take that it will replace.
  init(_ rules: [CaptureRule], of request: GenerationRequest, on model: DiffusionModel, freed: Int = 0) throws
  {
    let targets = rules.isEmpty ? [] : try model.captureTargets(width: request.width, height: request.height)
    let present: Set<Capture.Half> = request.usesGuidance ? [.negative, .prompt] : [.prompt]
    // With zero embeddings for no negative prompt, the text encoders run for the prompt alone.
    let encoded: Set<Capture.Half> =
      request.negative == nil && model.zeroesAbsentNegative ? [.prompt] : present
    var captures: [Capture] = []
    var (tensors, bytes) = (0, 0)
    let chosen = try rules.map { rule in
      guard try targets.contains(where: rule.fits) else { throw Self.nothingFits(rule, among: targets) }
      return (rule: rule, steps: try rule.steps(of: request.steps) ?? Set(1...request.steps))
    }
    for target in targets {
      let fitting = try chosen.filter { try $0.rule.fits(target) }
      captures += fitting.map { rule, steps in
        Capture(
          component: target.component, path: target.path, keepsValues: rule.keepsValues, steps: steps,
          halves: rule.halves)
      }
      let halves: Set<Capture.Half>
      switch target.component {
      case .unet: halves = present
      case .textEncoder, .textEncoder2: halves = encoded
      // One picture is decoded, whatever halves were asked for.
      case .vae:
        tensors += fitting.isEmpty ? 0 : 1
        bytes += fitting.contains { $0.rule.keepsValues } ? 4 * target.shape.count : 0
        continue
      }
      for half in halves {
        let meant = fitting.filter { $0.rule.halves.contains(half) }
        tensors += Self.times(meant.map(\.steps), target)
        bytes += 4 * target.shape.count * Self.times(meant.filter(\.rule.keepsValues).map(\.steps), target)
      }
    }
    self.captures = captures
    self.tensors = tensors
    self.bytes = bytes
    let free = max(0, Memory.available - Memory.headroom) + freed
    if bytes > free {
      throw Diagnostic(
        .value, at: "capture",
        "expected at most the \(Number.bytes(free)) of memory that are free, found \(Number.bytes(bytes))",
        hint: "capture fewer layers or steps, or stats in place of full")
    }
  }

  /// How often a layer is kept whose steps some rules mean: what several mean is kept once.
  private static func times(_ steps: [Set<Int>], _ target: CaptureTarget) -> Int {
    guard let first = steps.first else { return 0 }
    return target.component == .unet ? steps.dropFirst().reduce(first) { $0.union($1) }.count : 1
  }

  /// `12 layers, 120 tensors: 45.0 MiB`.
  var summary: String {
    let what =
      "\(Number.counted(Set(captures.map { "\($0.component).\($0.path)" }).count, "layer")), \(Number.counted(tensors, "tensor"))"
    return bytes == 0 ? "\(what): statistics alone" : "\(what): \(Number.bytes(bytes))"
  }

  private static func nothingFits(_ rule: CaptureRule, among targets: [CaptureTarget]) -> Diagnostic {
    let near = NearestNames.suggest(rule.pattern.text, among: targets.lazy.flatMap { [$0.name, $0.path] })
    return Diagnostic(
      .value, at: rule.pattern.text,
      "expected a layer or module that a generation computes, found none that it fits",
      hint: near.isEmpty
        ? "layers lists them; * fits any text, as in unet.*.attn2.to_q, and /…/ is a regular expression"
        : "did you mean \(NearestNames.list(near, "or"))?")
  }
}
