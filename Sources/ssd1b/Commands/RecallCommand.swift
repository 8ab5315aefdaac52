import Base
import Imaging
import Shell

/// Takes over the settings of a picture.
enum RecallCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "recall", group: "Settings", summary: "takes the settings out of a picture",
      discussion: """
        Out of pictures of this program, A1111 and its like, ComfyUI, and InvokeAI. It shows what changed, and says what could \
        not be taken over. What computes is never taken over.
        """,
      arguments: [ArgumentDeclaration("FILE", .file, summary: "the PNG")],
      options: [
        OptionDeclaration(
          "except", .named("settings"), summary: "settings to leave as they are, such as seed,size")
      ],
      examples: [
        ("recall fox.png", "the settings that made it"), ("recall fox.png except=seed", "all but the seed"),
      ])
  ) { invocation, session in
    let path = try invocation.required("FILE")
    let excepted = try Set(
      (invocation.names("except") ?? []).map { name in
        guard let setting = Setting(rawValue: name) else {
          throw Diagnostic(
            .usage, at: "except", "expected settings' names, found \(name)",
            hint: NearestNames.hint(
              for: name, among: Setting.allCases.map(\.rawValue), fallback: "set lists them"))
        }
        return setting
      })
    let recalled = try RecalledSettings(PNG.readText(path: session.source(for: path)), at: path)
    var settings = session.settings
    var notes = recalled.notes
    for (setting, text) in recalled.values where !excepted.contains(setting) {
      guard let text else {
        settings.unset(setting)
        continue
      }
      do {
        var taken = settings
        try session.set(setting, to: text, in: &taken)
        // A value that holds already is not set: it stays the model's own.
        if try session.value(of: setting, in: taken) != session.value(of: setting, in: settings) {
          settings = taken
        }
      } catch let fault as Diagnostic {
        notes.append("\(setting.rawValue) stays: \(fault.message)")
      }
    }
    var lines = ["\(path.escapingInvisibles): settings that \(recalled.source) wrote"]
    var changed: [String: JSONValue] = [:]
    for (setting, _) in recalled.values where !excepted.contains(setting) {
      let before = try session.value(of: setting)
      let after = try session.value(of: setting, in: settings)
      guard before != after else { continue }
      changed[setting.rawValue] = after
      lines.append("  \(setting.rawValue)  \(shown(before)) → \(shown(after))")
    }
    if changed.isEmpty { lines.append("  nothing changed") }
    session.settings = settings
    return CommandOutput(
      (lines + notes.map { "note: \($0)" }).joined(separator: "\n"),
      result: [
        "source": .string(recalled.source), "changed": .object(changed),
        "notes": .array(notes.map(JSONValue.string)),
      ])
  }

  /// A value on one line, texts quoted where a script would have to.
  private static func shown(_ value: JSONValue) -> String {
    guard case .string(let text) = value else { return SettingCommands.text(value) }
    let line = Quoting.rawText(text)
    return line.count <= 200 ? line : line.prefix(199) + "…"
  }
}
