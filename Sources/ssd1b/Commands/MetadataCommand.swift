import Base
import Foundation
import Inspection
import Shell

/// What the writers of safetensors files say of them.
enum MetadataCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "metadata", group: "Inspection", summary: "what a safetensors file says of itself: its __metadata__",
      discussion: """
        Trainers leave there what a LoRA was trained on and how, other programs a title, a licence, hashes. Values that are \
        JSON are shown indented, very long ones cut; as=json has all of it as it is.
        """,
      arguments: [
        ArgumentDeclaration(
          "FILE", .file, isOptional: true,
          summary: "a safetensors file or a model's folder; default: the loaded model")
      ], givesTable: true, evidence: .result(),
      examples: [
        ("metadata ./lora.safetensors", "how a LoRA was trained"),
        ("metadata", "of the loaded model's files"),
      ])
  ) { invocation, session in
    try session.refreshModel()
    let subject =
      try invocation.text("FILE").map { try Subject(path: session.source(for: $0)) } ?? session.subject
    var lines: [String] = []
    var table = DataTable(["file", "key", "value"])
    var result: [String: JSONValue] = [:]
    for file in subject.parts.compactMap(\.checkpoint).flatMap(\.files) {
      lines.append(file.place.escapingInvisibles)
      if file.metadata.isEmpty { lines.append("  no metadata") }
      for (key, value) in file.metadata.sorted(by: { $0.key < $1.key }) {
        table.append([.string(file.place), .string(key), .string(value)])
        lines += shown(key, value).map { "  " + $0 }
      }
      result[file.place] = .object(file.metadata.mapValues(JSONValue.string))
    }
    if lines.isEmpty { lines.append("no safetensors file is open") }
    return CommandOutput(lines.joined(separator: "\n"), result: .object(result), tables: [table])
  }

  /// Lines and characters of a value that are shown.
  private static let (maximumLines, maximumCharacters) = (40, 400)

  private static func shown(_ key: String, _ value: String) -> [String] {
    let key = key.escapingInvisibles
    if let json = try? JSONValue(parsing: Data(value.utf8), at: key), json.isNested {
      var lines = json.text(pretty: true).split(separator: "\n").map { cut(String($0)) }
      if lines.count > maximumLines {
        lines = lines.prefix(maximumLines) + ["… and \(lines.count - maximumLines) lines more"]
      }
      return ["\(key):"] + lines.map { "  " + $0 }
    }
    let lines = value.split(separator: "\n", omittingEmptySubsequences: false).map { cut(String($0)) }
    guard lines.count > 1 else { return ["\(key): \(lines.first ?? "")"] }
    return ["\(key):"] + lines.prefix(maximumLines).map { "  " + $0 }
  }

  private static func cut(_ line: String) -> String {
    let scalars = line.unicodeScalars
    guard scalars.count > maximumCharacters else { return line.escapingInvisibles }
    let start = String(String.UnicodeScalarView(scalars.prefix(maximumCharacters)))
    return "\(start.escapingInvisibles)… (\(Number.grouped(scalars.count)) characters)"
  }
}

extension JSONValue {
  /// Whether it is an object or a list with something in it.
  fileprivate var isNested: Bool {
    switch self {
    case .object(let fields): !fields.isEmpty
    case .array(let items): !items.isEmpty
    default: false
    }
  }
}
