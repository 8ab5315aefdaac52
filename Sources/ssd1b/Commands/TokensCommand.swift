import Base
import Models
import Shell
import Terminal

/// How a text falls into tokens.
enum TokensCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "tokens", group: "Inspection", summary: "a text's token ids and what each stands for",
      discussion: "Both encoders' tokenizers are shown where they differ. Without a text, the prompt's.",
      arguments: [ArgumentDeclaration("TEXT", .text, isOptional: true, summary: "the text")],
      takesRawText: true,
      examples: [("tokens a fox on a blue background", "ids and pieces")])
  ) { invocation, session in
    let text = invocation.rawText ?? session.settings.prompt ?? ""
    let encoders: [Architecture.Component] = [.textEncoder, .textEncoder2]
    let model = try session.model()
    let ids = try encoders.map { try model.tokenizer(of: $0).encode(text) }
    var result: [String: JSONValue] = [:]
    var lines: [String] = []
    for (index, component) in encoders.enumerated() {
      result[component.rawValue] = .array(ids[index].map(JSONValue.integer))
      guard index == 0 || ids[index] != ids[0] else { continue }
      let tokenizer = try model.tokenizer(of: component)
      if index > 0 { lines.append("\(component.rawValue) differs:") }
      var table = TextTable(columns: [.init("id", .right), .init("token")])
      for id in ids[index] { table.append(["\(id)", tokenizer.token(of: id) ?? ""]) }
      lines.append(table.rendered(maximumWidth: session.width))
      lines.append("\(ids[index].count) tokens of \(tokenizer.maximumLength)")
    }
    return CommandOutput(lines.joined(separator: "\n"), result: .object(result))
  }
}
