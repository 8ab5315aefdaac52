import Base
import Diffusion
import Foundation
import Models
import Shell

/// One command for each setting, and those that show, take back and reset them all.
enum SettingCommands {
  static var all: [Command<Session>] { Setting.allCases.map(command) + [set, unset, reset] }

  private static func command(for setting: Setting) -> Command<Session> {
    let isText = setting == .prompt || setting == .negative
    let aliases: [Setting: [String]] = [.prompt: ["p"], .negative: ["n"]]
    let declaration = CommandDeclaration(
      setting.rawValue, aliases: aliases[setting] ?? [], group: "Settings", summary: setting.summary,
      discussion: isText
        ? "The rest of the line is taken as it is, unless it begins with a quote."
        : "Without a value, shows it.",
      arguments: [
        ArgumentDeclaration(
          setting.valueName, isText ? .text : setting.kind, isOptional: true, summary: setting.valueSummary)
      ],
      takesRawText: isText, evidence: .result(without: ["backend", "precision"]),
      examples: examples(of: setting))
    return Command(declaration) { invocation, session in
      let text = isText ? invocation.rawText : invocation.text(setting.valueName)
      return try change(setting, to: text, in: session)
    }
  }

  /// Sets a setting where there is a value, and shows it; a seed that was drawn or counted is recorded as the number.
  private static func change(_ setting: Setting, to text: String?, in session: Session) throws
    -> CommandOutput
  {
    if let text { try session.set(setting, to: text, in: &session.settings) }
    var output = try show(setting, in: session)
    if setting == .seed, text != nil { output.statement = "seed \(session.settings.seed ?? 0)" }
    return output
  }

  private static func examples(of setting: Setting) -> [CommandDeclaration.Example] {
    switch setting {
    case .prompt: [("prompt a fox on a blue background", "sets it"), ("prompt", "shows it")]
    case .negative: [("negative blurry, ugly", "sets it"), ("negative \"\"", "an encoded empty text")]
    case .cfg: [("cfg 9", "what SSD-1B's authors recommend")]
    case .steps: [("steps 30", "more steps, finer pictures")]
    case .seed: [("seed 7", "0 is a real seed too"), ("seed random", "prints what it drew")]
    case .size: [("size 128x96", "width x height"), ("size 16:9", "the nearest of the model's nine sizes")]
    case .scheduler:
      [("scheduler dpmpp_2m", "DPM-Solver++(2M)"), ("unset scheduler", "the one of the model's own config")]
    case .backend: [("backend openblas", "float32 on any processor"), ("unset backend", "the fastest here")]
    case .precision:
      [("precision f32", "float32, for the last digits"), ("unset precision", "the fastest here")]
    }
  }

  private static func show(_ setting: Setting, in session: Session) throws -> CommandOutput {
    let value = try session.value(of: setting)
    if setting == .scheduler, !session.settings.isSet(.scheduler), let model = session.pipeline,
      let substitution = model.schedulerConfig.substitution
    {
      session.hasToldSubstitution = true
      session.note(substitution)
    }
    guard setting == .prompt || setting == .negative else {
      return CommandOutput(
        "\(setting.rawValue) \(Self.text(value))", result: .object([setting.rawValue: value]))
    }
    guard let model = session.pipeline else {
      return CommandOutput(
        "\(setting.rawValue) \(Self.text(value))", result: .object([setting.rawValue: value]))
    }
    guard case .string(let text) = value else {
      let meaning = model.zeroesAbsentNegative ? "zero embeddings" : "an encoded empty text"
      return CommandOutput("no negative prompt: \(meaning)", result: .object([setting.rawValue: .null]))
    }
    let counts = try [Architecture.Component.textEncoder, .textEncoder2].map {
      try model.tokenizer(of: $0).encodePadded(text).tokenCount
    }
    let limit = try model.tokenizer(of: .textEncoder).maximumLength
    var lines = ["\(setting.rawValue) \(Quoting.rawText(text))"]
    lines.append(
      "tokens \(counts[0]) and \(counts[1]) of \(limit)\(text.isEmpty ? ", an encoded empty text" : "")")
    if let most = counts.max(), most > limit {
      lines.append("warning: the last \(most - limit) tokens are cut off")
    }
    return CommandOutput(
      lines.joined(separator: "\n"),
      result: .object([setting.rawValue: value, "tokens": .array(counts.map(JSONValue.integer))]))
  }

  static func text(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .number(let number) where number == number.rounded() && abs(number) < 1e9: String(Int(number))
    case .number(let number) where number.isNaN: "nan"
    case .number(let number) where number.isInfinite: number > 0 ? "inf" : "-inf"
    case .null: "none"
    default: value.text()
    }
  }

  private static let nameArgument = ArgumentDeclaration(
    "NAME", .choice(Setting.allCases.map(\.rawValue)), isOptional: true, summary: "the setting")

  private static func setting(_ name: String) throws -> Setting {
    guard let setting = Setting(rawValue: name) else {
      throw Diagnostic(
        .usage, at: name, "expected a setting's name",
        hint: NearestNames.hint(
          for: name, among: Setting.allCases.map(\.rawValue), fallback: "set lists them"))
    }
    return setting
  }

  private static let set = Command<Session>(
    CommandDeclaration(
      "set", group: "Settings", summary: "shows all settings, or sets one",
      discussion: "Settings that differ from the model's start values are marked with a star.",
      arguments: [
        nameArgument, ArgumentDeclaration("VALUE", .text, isOptional: true, summary: "the new value"),
      ], takesRawText: true, evidence: .result(without: ["backend", "precision"]),
      examples: [("set", "all of them"), ("set cfg 7", "the same as: cfg 7")])
  ) { invocation, session in
    if let name = invocation.text("NAME") {
      let setting = try setting(name)
      return try change(setting, to: invocation.rawText, in: session)
    }
    var result: [String: JSONValue] = [:]
    let lines = try Setting.allCases.map { setting in
      let value = try session.value(of: setting)
      result[setting.rawValue] = value
      let mark = session.settings.isSet(setting) ? "*" : " "
      return "\(mark) \(setting.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0)) \(text(value))"
    }
    return CommandOutput(lines.joined(separator: "\n"), result: .object(result))
  }

  private static let unset = Command<Session>(
    CommandDeclaration(
      "unset", group: "Settings", summary: "gives a setting its start value back",
      arguments: [
        ArgumentDeclaration("NAME", .choice(Setting.allCases.map(\.rawValue)), summary: "the setting")
      ],
      evidence: .result(without: ["backend", "precision"]),
      examples: [("unset negative", "no negative prompt at all")])
  ) { invocation, session in
    let setting = try setting(invocation.required("NAME"))
    session.settings.unset(setting)
    return try show(setting, in: session)
  }

  private static let reset = Command<Session>(
    CommandDeclaration(
      "reset", group: "Settings", summary: "gives all settings their start values back",
      examples: [("reset", "as at the start")])
  ) { _, session in
    session.settings = Settings()
    return CommandOutput("all settings have their start values", result: .null)
  }
}
