import Base

extension CommandTable {
  /// The commands by group, in lines of at most 80 columns.
  public func help() -> String {
    var groups: [String] = []
    for declaration in declarations where !groups.contains(declaration.group) {
      groups.append(declaration.group)
    }
    var lines: [String] = []
    for group in groups {
      lines.append(group)
      lines += listing(declarations.filter { $0.group == group })
      lines.append("")
    }
    lines.append("help COMMAND tells more of one, apropos WORD searches them all.")
    return lines.joined(separator: "\n")
  }

  /// One command in full, in lines of at most 80 columns. Throws what `lookup` throws.
  public func help(_ name: String, allowAbbreviation: Bool = false) throws(Diagnostic) -> String {
    let declaration = try lookup(name, allowAbbreviation: allowAbbreviation).declaration
    var lines = TextLayout.wrap(declaration.usageParts, indent: 4)
    lines += TextLayout.entry("", declaration.summary, indent: 4)
    if !declaration.aliases.isEmpty {
      lines.append("    Short: \(declaration.aliases.joined(separator: ", "))")
    }
    for paragraph in paragraphs(declaration.discussion) {
      lines.append("")
      lines += TextLayout.wrap(paragraph, indent: 0)
    }
    lines += section("Arguments", declaration.arguments.map { ($0.label, $0.summary) })
    lines += section("Options", declaration.options.map { ($0.label, $0.summary) })
    if declaration.takesSettings {
      lines += section("Settings, for this command alone", settings.map { ($0.label, $0.summary) })
    }
    if !declaration.examples.isEmpty { lines += ["", "Examples"] }
    for example in declaration.examples {
      lines += exampleLines(example.line)
      lines += TextLayout.entry("", example.note, indent: 6)
    }
    return lines.joined(separator: "\n")
  }

  /// The commands in whose declaration `word` occurs, in any case; those named so come first.
  public func apropos(_ word: String) -> [CommandDeclaration] {
    let word = word.lowercased()
    func holds(_ texts: [String]) -> Bool { texts.contains { $0.lowercased().contains(word) } }
    let found = declarations.filter { declaration in
      holds([declaration.name, declaration.summary, declaration.discussion, declaration.group])
        || holds(declaration.aliases)
        || declaration.arguments.contains { holds([$0.name, $0.summary, $0.kind.placeholder]) }
        || declaration.options.contains { holds([$0.key, $0.summary, $0.kind.placeholder]) }
        || (declaration.takesSettings && settings.contains { holds([$0.key, $0.summary]) })
    }
    return found.filter { holds([$0.name]) } + found.filter { !holds([$0.name]) }
  }

  /// The same as text, a command a line, or a sentence when there is none.
  public func aproposText(_ word: String) -> String {
    let found = apropos(word)
    if found.isEmpty { return "No command mentions \(ErrorText.escaped(ErrorText.shown(word)))." }
    return listing(found).joined(separator: "\n")
  }

  private func listing(_ declarations: [CommandDeclaration]) -> [String] {
    // One column for all lists, so that help's groups line up.
    let names = self.declarations.map { title($0).count }
    let indent = min(names.max() ?? 0, 24) + 4
    return declarations.flatMap { TextLayout.entry("  " + title($0), $0.summary, indent: indent) }
  }

  private func title(_ declaration: CommandDeclaration) -> String {
    let aliases = declaration.aliases.joined(separator: ", ")
    return aliases.isEmpty ? declaration.name : "\(declaration.name) (\(aliases))"
  }

  private func section(_ title: String, _ entries: [(label: String, summary: String)]) -> [String] {
    if entries.isEmpty { return [] }
    let indent = min(entries.map(\.label.count).max() ?? 0, 24) + 4
    return ["", title] + entries.flatMap { TextLayout.entry("  " + $0.label, $0.summary, indent: indent) }
  }

  private func paragraphs(_ text: String) -> [[String]] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.split { $0.allSatisfy { $0 == " " } }.map { paragraph in
      paragraph.flatMap { $0.split(separator: " ").map(String.init) }
    }
  }

  /// An example, broken as the language itself breaks lines where it is too long.
  private func exampleLines(_ example: String) -> [String] {
    let words = example.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    let lines = TextLayout.wrap(words, first: "  ", indent: 4, width: TextLayout.width - 2)
    return lines.dropLast().map { $0 + " \\" } + lines.suffix(1)
  }
}
