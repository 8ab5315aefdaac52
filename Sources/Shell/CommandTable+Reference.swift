import Base
import Foundation

extension CommandTable {
  /// All commands in full, as a Markdown document.
  public func reference(title: String, introduction: String) -> String {
    var lines = ["# \(title)", "", introduction]
    for (group, declarations) in grouped {
      lines += ["", "## \(group)"]
      for declaration in declarations { lines += section(of: declaration) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func section(of declaration: CommandDeclaration) -> [String] {
    var lines = ["", "### \(declaration.name)", "", "`\(declaration.usage)`", ""]
    let aliases = declaration.aliases.map { "`\($0)`" }.joined(separator: ", ")
    lines.append(Self.sentence(declaration.summary) + (aliases.isEmpty ? "" : " Short: \(aliases)."))
    for paragraph in declaration.discussion.components(separatedBy: "\n\n") where !paragraph.isEmpty {
      lines += ["", paragraph]
    }
    let words =
      declaration.arguments.map { ($0.label, $0.summary) }
      + declaration.options.map { ($0.label, $0.summary) }
    if !words.isEmpty || declaration.takesSettings { lines.append("") }
    lines += words.map { "- `\($0.0)`: \($0.1)" }
    if declaration.takesSettings {
      lines.append("- any setting: \(settings.map { "`\($0.label)`" }.joined(separator: ", "))")
    }
    if !declaration.examples.isEmpty { lines.append("") }
    lines += declaration.examples.map { "- `\($0.line)`  \($0.note)" }
    return lines
  }

  /// All commands in short, as a page for man(1).
  ///
  /// - Parameters:
  ///   - synopsis: the program's call, with `options` as its own help lists them.
  ///   - files: paths and what they are.
  public func manPage(
    name: String, summary: String, synopsis: String, description: String, options: String,
    files: [(path: String, summary: String)], exitCodes: [(code: String, summary: String)]
  ) -> String {
    var lines = [
      ".TH \(name.uppercased()) 1", ".SH NAME", "\(name) \\- \(Self.man(summary))", ".SH SYNOPSIS",
      ".B \(Self.man(synopsis))", ".SH DESCRIPTION",
    ]
    lines += description.components(separatedBy: "\n\n").flatMap { [Self.man($0), ".PP"] }
    lines +=
      [".SH OPTIONS", ".nf"]
      + options.split(separator: "\n", omittingEmptySubsequences: false).map {
        Self.man(String($0))
      } + [".fi"]
    for (group, declarations) in grouped {
      lines.append(".SH \(Self.man("COMMANDS: \(group)".uppercased()))")
      for declaration in declarations {
        let aliases =
          declaration.aliases.isEmpty ? "" : " Short: \(declaration.aliases.joined(separator: ", "))."
        lines += [
          ".TP", ".B \(Self.man(declaration.usage))", Self.man(Self.sentence(declaration.summary) + aliases),
        ]
      }
    }
    lines.append(".SH FILES")
    for file in files { lines += [".TP", ".I \(Self.man(file.path))", Self.man(file.summary)] }
    lines.append(".SH EXIT STATUS")
    for code in exitCodes { lines += [".TP", ".B \(code.code)", Self.man(code.summary)] }
    return lines.joined(separator: "\n") + "\n"
  }

  private var grouped: [(group: String, declarations: [CommandDeclaration])] {
    var groups: [(group: String, declarations: [CommandDeclaration])] = []
    for declaration in declarations {
      if let index = groups.firstIndex(where: { $0.group == declaration.group }) {
        groups[index].declarations.append(declaration)
      } else {
        groups.append((declaration.group, [declaration]))
      }
    }
    return groups
  }

  private static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst() + "."
  }

  /// A line in roff: backslashes and hyphens stand for themselves, and no line begins with a request.
  private static func man(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }
}
