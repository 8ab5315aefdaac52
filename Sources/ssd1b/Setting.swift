import Base
import Diffusion
import Kernels
import Shell

/// What a user can set. A setting's name is its command, its `key=value` override and its key in JSON and pictures.
enum Setting: String, CaseIterable, Sendable {
  case prompt, negative, cfg, steps, seed, size, scheduler, backend, precision

  var summary: String {
    switch self {
    case .prompt: "text describing the picture"
    case .negative: "text describing what the picture should not show"
    case .cfg: "guidance scale: how closely it follows the prompt; 1 turns guidance off"
    case .steps: "denoising steps"
    case .seed: "seed of the initial noise, as torch's; 'random' draws one"
    case .size: "picture size: WxH in multiples of 8, or an aspect such as 16:9"
    case .scheduler: "the sampler"
    case .backend: "what computes: onednn, openblas, or reference, which is plain and slow"
    case .precision: "what it computes in: f32, or bf16, which is about twice as fast"
    }
  }

  var valueName: String {
    switch self {
    case .prompt, .negative: "TEXT"
    case .cfg, .steps: "N"
    case .seed: "N|random|+1"
    case .size: "WxH|A:B"
    case .scheduler: "NAME"
    case .backend: BackendChoice.Library.allCases.map(\.rawValue).joined(separator: "|")
    case .precision: Precision.allCases.map(\.rawValue).joined(separator: "|")
    }
  }

  /// The values that it can have, where these have names.
  var choices: [String] {
    switch self {
    case .scheduler: Scheduler.allCases.map(\.rawValue)
    case .backend: BackendChoice.Library.allCases.map(\.rawValue)
    case .precision: Precision.allCases.map(\.rawValue)
    case .prompt, .negative, .cfg, .steps, .seed, .size: []
    }
  }

  var valueSummary: String {
    choices.isEmpty ? "the new value" : "\(NearestNames.list(choices, "or"))"
  }

  /// What completion knows of its values; the setting checks them itself.
  var kind: ValueKind { choices.isEmpty ? .text : .named(rawValue) }

  var option: OptionDeclaration { OptionDeclaration(rawValue, kind, summary: summary) }
}

/// The values a user has set; what is nil holds the model's start value.
struct Settings: Equatable {
  var prompt: String?
  var negative: String?
  var cfg: Double?
  var steps: Int?
  var seed: UInt64?
  var size: Size?
  var scheduler: Scheduler?
  var backend: BackendChoice.Library?
  var precision: Precision?

  struct Size: Equatable, CustomStringConvertible {
    var width: Int
    var height: Int
    var description: String { "\(width)x\(height)" }
  }

  /// Sets one from its text. Throws a `Diagnostic` of kind `.value`.
  mutating func set(_ setting: Setting, to text: String, start: StartValues) throws {
    guard !text.utf8.contains(0) else {
      throw Self.fault(
        setting, "a text without NUL characters", "one", hint: "no file holds it: leave it out")
    }
    switch setting {
    case .prompt: prompt = text
    case .negative: negative = text
    case .cfg: cfg = try Self.number(text, setting, relativeTo: cfg ?? start.guidanceScale)
    case .steps:
      steps = try Self.integer(
        text, setting, from: 1, to: start.maximumSteps, relativeTo: steps ?? start.steps)
    case .seed: seed = try Self.seed(text, relativeTo: seed ?? 0)
    case .size: size = try Self.size(text, start: start)
    case .scheduler: scheduler = try Self.choice(text, setting)
    case .backend: backend = try Self.choice(text, setting)
    case .precision: precision = try Self.choice(text, setting)
    }
  }

  mutating func unset(_ setting: Setting) {
    switch setting {
    case .prompt: prompt = nil
    case .negative: negative = nil
    case .cfg: cfg = nil
    case .steps: steps = nil
    case .seed: seed = nil
    case .size: size = nil
    case .scheduler: scheduler = nil
    case .backend: backend = nil
    case .precision: precision = nil
    }
  }

  func isSet(_ setting: Setting) -> Bool {
    switch setting {
    case .prompt: prompt != nil
    case .negative: negative != nil
    case .cfg: cfg != nil
    case .steps: steps != nil
    case .seed: seed != nil
    case .size: size != nil
    case .scheduler: scheduler != nil
    case .backend: backend != nil
    case .precision: precision != nil
    }
  }

  /// The value that holds, the model's or the machine's where the user set none.
  func value(of setting: Setting, start: StartValues, compute: BackendChoice) -> JSONValue {
    let request = request(start: start)
    return switch setting {
    case .prompt: .string(request.prompt)
    case .negative: request.negative.map(JSONValue.string) ?? .null
    case .cfg: .number(request.guidanceScale)
    case .steps: .integer(request.steps)
    case .seed: .seed(request.seed)
    case .size: .string("\(request.width)x\(request.height)")
    case .scheduler: .string((scheduler ?? start.scheduler).rawValue)
    case .backend: .string(compute.library.rawValue)
    case .precision: .string(compute.precision.rawValue)
    }
  }

  func request(start: StartValues) -> GenerationRequest {
    GenerationRequest(
      prompt: prompt ?? "", negative: negative, guidanceScale: cfg ?? start.guidanceScale,
      steps: steps ?? start.steps,
      seed: seed ?? 0, width: size?.width ?? start.width, height: size?.height ?? start.height,
      scheduler: scheduler)
  }

  private static func choice<T: RawRepresentable & CaseIterable>(_ text: String, _ setting: Setting) throws
    -> T
  where T.RawValue == String {
    if let value = T(rawValue: text) { return value }
    let names = T.allCases.map(\.rawValue)
    throw fault(
      setting, names.joined(separator: " or "), text,
      hint: NearestNames.hint(for: text, among: names, fallback: nil)
        ?? "for example: \(setting.rawValue) \(names[0])")
  }

  private static func fault(_ setting: Setting, _ expected: String, _ text: String, hint: String)
    -> Diagnostic
  {
    Diagnostic(
      .value, at: setting.rawValue, "expected \(expected), found \(text.isEmpty ? "nothing" : text)",
      hint: hint)
  }

  /// Far beyond any use, and far from where float32 ends.
  private static let maximumGuidance = 1000.0

  /// A number, or `+D`, `-D` from the present one. A negative result is refused, so `-1` can only mean one less.
  private static func number(_ text: String, _ setting: Setting, relativeTo present: Double) throws -> Double
  {
    let wanted = "a number from 0 to \(Int(maximumGuidance))"
    guard let number = Double(text), !number.isNaN else {
      throw fault(setting, wanted, text, hint: "for example: \(setting.rawValue) 9")
    }
    let value = text.hasPrefix("+") ? present + number : number
    guard (0...maximumGuidance).contains(value) else {
      throw fault(setting, wanted, text, hint: "1 turns guidance off; SSD-1B likes about 9")
    }
    return value
  }

  private static func integer(
    _ text: String, _ setting: Setting, from least: Int, to most: Int, relativeTo present: Int
  ) throws -> Int {
    let expected = "a whole number from \(least) to \(most)"
    guard let number = Int(text) else {
      throw fault(setting, expected, text, hint: "for example: \(setting.rawValue) 20")
    }
    let (value, overflow) = text.hasPrefix("+") ? present.addingReportingOverflow(number) : (number, false)
    guard !overflow, (least...most).contains(value) else {
      throw fault(setting, expected, text, hint: "20 to 50 are usual")
    }
    return value
  }

  private static func seed(_ text: String, relativeTo present: UInt64) throws -> UInt64 {
    // What fits torch's generator: only the low 32 bits decide the noise.
    if text == "random" { return UInt64(UInt32.random(in: 0...UInt32.max)) }
    guard let number = UInt64(text.hasPrefix("+") ? String(text.dropFirst()) : text) else {
      throw fault(
        .seed, "a whole number from 0 to \(UInt64.max), or random, or +1", text,
        hint: text == "-1" ? "seed random draws one" : "for example: seed 7")
    }
    return text.hasPrefix("+") ? present &+ number : number
  }

  private static func size(_ text: String, start: StartValues) throws -> Size {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "x" || $0 == "X" || $0 == ":" }.map {
      Int($0)
    }
    guard parts.count == 2, let first = parts[0], let second = parts[1], first > 0, second > 0,
      max(first, second) < 100_000
    else {
      throw fault(.size, "WxH or an aspect A:B", text, hint: "for example: size 1024x1024, or size 16:9")
    }
    guard !text.contains(":") else { return nearest(aspect: Double(first) / Double(second), start: start) }
    let size = Size(width: first, height: second)
    var request = Settings().request(start: start)
    (request.width, request.height) = (first, second)
    try request.validate(scaleFactor: 8)
    return size
  }

  /// SSD-1B's nine sizes, scaled to the model's own edge.
  static func sizes(start: StartValues) -> [Size] {
    let edges = [
      (1024, 1024), (1152, 896), (896, 1152), (1216, 832), (832, 1216), (1344, 768), (768, 1344), (1536, 640),
      (640, 1536),
    ]
    let scale = Double(start.width * start.height).squareRoot() / 1024
    return edges.map { width, height in
      func scaled(_ edge: Int) -> Int { max(16, Int((Double(edge) * scale / 8).rounded()) * 8) }
      return Size(width: scaled(width), height: scaled(height))
    }
  }

  private static func nearest(aspect: Double, start: StartValues) -> Size {
    func distance(_ size: Size) -> Double { abs(logRatio(Double(size.width) / Double(size.height), aspect)) }
    return sizes(start: start).min { distance($0) < distance($1) }
      ?? Size(width: start.width, height: start.height)
  }

  private static func logRatio(_ a: Double, _ b: Double) -> Double { a > b ? a / b - 1 : b / a - 1 }
}

extension JSONValue {
  /// A seed: a number, or from 2^63 on, which an integer here does not hold, its digits as text.
  static func seed(_ seed: UInt64) -> JSONValue {
    Int(exactly: seed).map(JSONValue.integer) ?? .string("\(seed)")
  }
}
