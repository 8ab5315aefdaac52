import Base

/// A command as it was called, checked against its declaration.
public struct Invocation: Sendable {
  /// A `key=value` word.
  public struct Option: Sendable, Equatable {
    public let key: String
    public let value: String

    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  public let declaration: CommandDeclaration
  /// The words by place; those before the raw text, where there is one.
  public let arguments: [String]
  /// In the order in which they were given; no key twice.
  public let options: [Option]
  /// The raw text: nil when none was given, empty when an empty one (`""`) was.
  public let rawText: String?
  public let location: Location

  /// The statement that `time` and `repeat` take; nil for a command without one.
  public var statement: Statement? {
    guard case .statement = declaration.tail else { return nil }
    return rawText.map { Statement($0, at: location) }
  }

  /// The command as a script has it: its full name, quoted where it must be, with the given options in place of their own
  /// values; one that was not given is added, except a setting.
  public func statementText(replacing options: [String: String] = [:]) -> String {
    var words = [command] + arguments.map(Quoting.word)
    words += self.options.map { Quoting.option($0.key, options[$0.key] ?? $0.value) }
    let added = declaration.options.map(\.key).filter { key in !self.options.contains { $0.key == key } }
    words += added.compactMap { key in options[key].map { Quoting.option(key, $0) } }
    if let rawText {
      if case .statement = declaration.tail {
        words.append(rawText)
      } else {
        words.append(Quoting.rawText(rawText))
      }
    }
    return words.joined(separator: " ")
  }

  /// The command's full name.
  public var command: String { declaration.name }

  /// The value of an argument or option by its declared name, of a repeated argument the first; nil when not
  /// given.
  public func text(_ name: String) -> String? { texts(name).first }

  /// All values of an argument or option by its declared name.
  public func texts(_ name: String) -> [String] {
    if let index = declaration.arguments.firstIndex(where: { $0.name == name }) {
      if declaration.takesRawText, index == declaration.arguments.count - 1 {
        return rawText.map { [$0] } ?? []
      }
      if declaration.arguments[index].isRepeated { return Array(arguments.dropFirst(index)) }
      return index < arguments.count ? [arguments[index]] : []
    }
    precondition(
      declaration.takesSettings || declaration.options.contains { $0.key == name },
      "\(command) declares no \(name)")
    return options.filter { $0.key == name }.map(\.value)
  }

  /// How the user asked to see what the command gives.
  public var outputForm: OutputForm {
    options.first { $0.key == OptionDeclaration.form.key }.flatMap { OutputForm(rawValue: $0.value) } ?? .text
  }

  /// The value of an argument or option that the command cannot do without.
  ///
  /// Throws a `Diagnostic` that names it when it was not given.
  public func required(_ name: String) throws(Diagnostic) -> String {
    if let text = text(name) { return text }
    throw Diagnostic(
      .usage, at: command, "expected \(label(name)), found nothing", hint: "usage: \(declaration.usage)")
  }

  /// The value as an integer. Throws a `Diagnostic` that names the argument or option when it is none.
  public func integer(_ name: String) throws(Diagnostic) -> Int? {
    guard let text = text(name) else { return nil }
    guard let value = Int(text) else { throw unexpected(text, name, "an integer") }
    return value
  }

  /// The value as a finite number. Throws a `Diagnostic` that names the argument or option when it is none.
  public func number(_ name: String) throws(Diagnostic) -> Double? {
    guard let text = text(name) else { return nil }
    guard let value = ValueKind.double(text) else { throw unexpected(text, name, "a number") }
    return value
  }

  /// The value as integers parted by commas. Throws a `Diagnostic` that names the argument or option when it
  /// is something else.
  public func integers(_ name: String) throws(Diagnostic) -> [Int]? {
    guard let text = text(name) else { return nil }
    var values: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let value = Int(part) else { throw unexpected(text, name, "integers parted by commas") }
      values.append(value)
    }
    return values
  }

  /// The value as names parted by commas. Throws a `Diagnostic` that names the argument or option when one is
  /// empty.
  public func names(_ name: String) throws(Diagnostic) -> [String]? {
    guard let text = text(name) else { return nil }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if parts.contains("") { throw unexpected(text, name, "names parted by commas") }
    return parts
  }

  private func unexpected(_ text: String, _ name: String, _ expectation: String) -> Diagnostic {
    Diagnostic(.usage, at: command, "\(label(name)) expects \(expectation), found \(ErrorText.shown(text))")
  }

  private func label(_ name: String) -> String {
    declaration.arguments.first { $0.name == name }?.label ?? "\(name)="
  }
}
