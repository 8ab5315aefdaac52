import Base
import Diffusion
import Inspection
import Shell

/// What runs shall keep of the layers' outputs, and what the last one kept.
enum CaptureCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "capture", group: "Inspection", summary: "what the next runs keep of any layer's output",
      discussion: """
        PATTERN is a layer's or module's path, a glob with * and ?, or a /regular expression/, over all that a generation \
        computes: text encoders, UNet, the decoder. `stats` keeps figures, `full` all values, for `dump captures`. Steps count \
        from 1. What it takes is said here and again before each run; capturing changes no bit of a result.

        Without arguments: the figures that the last run captured. `capture list`: what is armed. `capture clear`: nothing is. \
        `capture attention` gathers the attention maps of all words while a run goes on, so that `attention` has them at once.
        """,
      arguments: [
        ArgumentDeclaration(
          "PATTERN", .named("layer"), isOptional: true, words: ["attention", "list", "clear"],
          summary: "which layers; attention, list, or clear"),
        ArgumentDeclaration(
          "WHAT", .choice(["stats", "full"]), isOptional: true, summary: "stats unless given"),
      ],
      options: [
        OptionDeclaration("steps", .text, summary: "which steps, such as 1,5,-1; all unless given"),
        OptionDeclaration(
          "half", .choice(Capture.Half.allCases.map(\.rawValue) + ["both"]),
          summary: "of the guidance pair; both unless given"),
      ], givesTable: true,
      examples: [
        ("capture unet.mid_block full", "all values, every step"),
        ("capture *.attn2.to_out.0 steps=1,-1 half=prompt", "figures of the cross-attentions"),
        ("capture /resnets\\.[01]\\.conv2$/", "by a regular expression"),
        ("capture attention", "where every word acts"), ("capture clear", "keeps nothing any more"),
      ])
  ) { invocation, session in
    var output = try run(invocation, session)
    // Without a pattern it tells of the last run, else of what is armed.
    output.isOfLastRun = invocation.text("PATTERN") == nil
    return output
  }

  private static func run(_ invocation: Invocation, _ session: Session) throws -> CommandOutput {
    let model = try session.model()
    switch invocation.text("PATTERN") {
    case nil:
      return results(session)
    case "list":
      return try list(session, model)
    case "clear":
      session.captureRules = []
      session.capturesAttention = false
      return CommandOutput("nothing is captured any more", result: .array([]))
    case "attention":
      let others =
        ["steps", "half"].filter { invocation.text($0) != nil }
        + (invocation.text("WHAT") == nil ? [] : ["stats or full"])
      guard others.isEmpty else {
        throw Diagnostic(
          .usage, at: "capture attention", "expected nothing else, found \(NearestNames.list(others, "and"))",
          hint:
            "all steps are gathered, of the prompt's half; attention WORD steps= chooses some after a run without it"
        )
      }
      session.capturesAttention = true
      return CommandOutput("armed the attention maps of all words", result: ["pattern": "attention"])
    case let text?:
      let half = invocation.text("half").flatMap { Capture.Half(rawValue: $0) }
      let rule = CaptureRule(
        pattern: try PathPattern(text), keepsValues: invocation.text("WHAT") == "full",
        steps: try invocation.integers("steps"), halves: half.map { [$0] } ?? Set(Capture.Half.allCases),
        statement: invocation.statementText())
      let plan = try CapturePlan([rule], of: session.settings.request(start: session.start), on: model)
      session.captureRules.append(rule)
      return CommandOutput("armed \(plan.summary)", result: json(rule, plan))
    }
  }

  private static func json(_ rule: CaptureRule, _ plan: CapturePlan) -> JSONValue {
    [
      "pattern": .string(rule.pattern.text), "keeps": rule.keepsValues ? "full" : "stats",
      "steps": rule.steps.map { .array($0.map(JSONValue.integer)) } ?? .null,
      "halves": .array(rule.halves.map(\.rawValue).sorted().map(JSONValue.string)),
      "layers": .integer(Set(plan.captures.map { "\($0.component).\($0.path)" }).count),
      "tensors": .integer(plan.tensors),
      "bytes": .integer(plan.bytes),
    ]
  }

  private static func list(_ session: Session, _ model: DiffusionModel) throws -> CommandOutput {
    let request = session.settings.request(start: session.start)
    var data = DataTable(["pattern", "keeps", "steps", "halves", "layers", "tensors", "bytes"])
    var rows: [[String]] = []
    for rule in session.captureRules {
      let plan = try CapturePlan([rule], of: request, on: model)
      guard case .object(let fields) = json(rule, plan) else { continue }
      data.append(data.fields.map { fields[$0] ?? .null })
      rows.append([
        rule.pattern.text, rule.keepsValues ? "full" : "stats",
        rule.steps.map { $0.map(String.init).joined(separator: ",") } ?? "all",
        rule.halves.count == 2 ? "both" : rule.halves.map(\.rawValue).joined(), plan.summary,
      ])
    }
    if session.capturesAttention {
      data.append(["attention", "maps", .null, ["prompt"], .null, .null, .null])
      rows.append(["attention", "maps", "all", "prompt", "a map a token"])
    }
    guard !rows.isEmpty else {
      return CommandOutput("nothing is captured", result: .array([]), tables: [data])
    }
    let table = Table(
      columns: [.init("pattern"), .init("keeps"), .init("steps"), .init("half"), .init("takes")], rows: rows,
      footer: session.captureRules.isEmpty
        ? []
        : ["\(try CapturePlan(session.captureRules, of: request, on: model).summary) at the present settings"]
    )
    return CommandOutput(table.text(maximumWidth: session.width), result: data.json, tables: [data])
  }

  private static func results(_ session: Session) -> CommandOutput {
    var data = DataTable([
      "layer", "step", "half", "shape", "min", "max", "mean", "std", "norm", "zeros", "nan", "inf",
    ])
    var rows: [[String]] = []
    for captured in session.lastCaptures {
      let statistics = captured.statistics
      data.append(
        [
          .string("\(captured.component.rawValue).\(captured.path)"),
          captured.step.map(JSONValue.integer) ?? .null,
          captured.half.map { .string($0.rawValue) } ?? .null, .array(captured.shape.map(JSONValue.integer)),
        ] + statistics.figures.map(\.value))
      rows.append(
        [
          "\(captured.component.rawValue).\(captured.path)", captured.step.map(String.init) ?? "",
          captured.half?.rawValue ?? "", captured.shape.map(String.init).joined(separator: "x"),
        ]
          + [
            statistics.minimum, statistics.maximum, statistics.mean, statistics.standardDeviation,
            statistics.norm,
          ].map {
            Number.significant($0, 4)
          } + [
            statistics.nans + statistics.infinities == 0
              ? "" : Number.grouped(statistics.nans + statistics.infinities)
          ])
    }
    guard !rows.isEmpty else {
      return CommandOutput(
        session.captureRules.isEmpty
          ? "nothing is captured: capture PATTERN arms it"
          : "the last run captured nothing: generate a picture",
        result: .array([]), tables: [data])
    }
    let table = Table(
      columns: [.init("layer", role: .path), .init("step", .right), .init("half"), .init("shape")]
        + ["min", "max", "mean", "std", "norm", "not finite"].map { .init($0, .right) }, rows: rows)
    return CommandOutput(table.text(maximumWidth: session.width), result: data.json, tables: [data])
  }
}
