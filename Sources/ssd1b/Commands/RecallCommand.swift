import Base
import Imaging
import Shell

/// Takes over the settings of a picture.
enum RecallCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "recall", group: "Settings", summary: "takes the settings out of a picture",
      discussion: """
        Out of PNGs of this program, of A1111 and programs that write as it does (Forge, SD.Next, stable-diffusion.cpp), \
        ComfyUI, InvokeAI, SwarmUI, Fooocus, NovelAI, Draw Things and Easy Diffusion. It shows what changed, and notes what \
        was not taken over. The model, the backend and the precision are never taken over.
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
    let recalled = try RecalledSettings(texts(of: session.source(for: path), named: path))
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
    var output = CommandOutput(
      lines.joined(separator: "\n"),
      result: ["source": .string(recalled.source), "changed": .object(changed)])
    output.notes = notes
    return output
  }

  /// A picture's texts. Throws a `Diagnostic` that says what the file is where it is no PNG.
  private static func texts(of file: String, named path: String) throws -> PictureTexts {
    let data = try RegularFile(file).contents(limit: PNG.maximumFileBytes)
    guard PNG.isPNG(data) else {
      throw Diagnostic(
        .file, at: path,
        "this is \(ForeignContent.name(of: data) ?? "a file of another kind"); recall reads PNGs",
        hint: "recall the PNG that the program wrote: a converted picture has often lost its settings")
    }
    return PictureTexts(try PNG.texts(in: data, named: path), at: path)
  }

  /// A value on one line, texts quoted where a script would have to.
  private static func shown(_ value: JSONValue) -> String {
    guard case .string(let text) = value else { return SettingCommands.text(value) }
    // Quoting a text of many lines whole takes long, and its beginning is shown anyway.
    let beginning = String(text.unicodeScalars.prefix(400))
    let line = Quoting.rawText(beginning)
    return line.count <= 200 && beginning.utf8.count == text.utf8.count ? line : line.prefix(199) + "…"
  }
}
