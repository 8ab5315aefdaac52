import Base
import Foundation
import Imaging
import Testing

/// `recall` of one small picture for each way in which other programs write settings: Tests/Goldens/recall, whose
/// `expected.json` says what stands in the pictures, as their texts have it.
@Suite struct RecallCasesTests {
  /// What a picture must give.
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    /// A part of the error, of a picture that cannot be recalled.
    let error: String?
    let source: String
    /// The values afterwards; null where there is none.
    let settings: [String: JSONValue]
    /// Settings that the picture does not give.
    let stays: [String]
    /// A part of each note, and no others.
    let notes: [String]
    /// A long prompt: a text over and over, cut to a length.
    let repeats: (text: String, bytes: Int)?

    var testDescription: String { file }

    init(_ json: JSONValue) throws {
      guard case .object(let fields) = json else { throw Fault.notAnObject }
      func text(_ value: JSONValue?) -> String? { if case .string(let text)? = value { text } else { nil } }
      func texts(_ key: String) -> [String] {
        if case .array(let items)? = fields[key] { items.compactMap(text) } else { [] }
      }
      file = text(fields["file"]) ?? ""
      error = text(fields["error"])
      source = text(fields["source"]) ?? ""
      if case .object(let settings)? = fields["settings"] { self.settings = settings } else { settings = [:] }
      stays = texts("stays")
      notes = texts("notes")
      if case .object(let long)? = fields["repeats"], case .integer(let bytes)? = long["bytes"] {
        repeats = (text(long["text"]) ?? "", bytes)
      } else {
        repeats = nil
      }
    }
  }

  enum Fault: Error { case notAnObject }

  /// What a recall printed, and the settings after it.
  struct Outcome: Sendable {
    let recall: [String: JSONValue]
    let settings: [String: JSONValue]
  }

  static let folder = Program.repository + "/Tests/Goldens/recall"

  static let cases: [Case] = {
    let data = FileManager.default.contents(atPath: folder + "/expected.json") ?? Data()
    guard case .array(let items)? = try? JSONValue(parsing: data, at: "expected.json") else { return [] }
    return items.compactMap { try? Case($0) }
  }()

  /// Recalls files in one process, each from the same settings.
  static func recall(_ files: [String], in folder: String) throws -> [Outcome] {
    let script = files.map { "reset\nnegative old\nrecall \($0)\nset\n" }.joined()
    let result = try Program.run(["--json", "--keep-going"], script: script, in: folder)
    let lines = try result.output.split(separator: "\n").map { line -> [String: JSONValue] in
      guard case .object(let fields) = try JSONValue(parsing: Data(line.utf8), at: "output") else {
        throw Fault.notAnObject
      }
      return fields
    }
    try #require(lines.count == 4 * files.count, "\(result.errors.suffix(300))")
    return files.indices.map { index in
      guard case .object(let settings)? = lines[4 * index + 3]["result"] else {
        return Outcome(recall: lines[4 * index + 2], settings: [:])
      }
      return Outcome(recall: lines[4 * index + 2], settings: settings)
    }
  }

  private static let outcomes = Result { try recall(cases.map(\.file), in: folder) }
  private static let start = Result { try recall(["66_diffusers_nothing.png"], in: folder)[0].settings }

  @Test("Every picture is in the table")
  func complete() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder).filter {
      $0 != "expected.json"
    }
    #expect(names.sorted() == Self.cases.map(\.file).sorted())
    #expect(names.count > 70)
  }

  @Test("Each picture gives its settings, and a note for each thing that is not taken over", arguments: cases)
  func settings(of picture: Case) throws {
    let index = try #require(Self.cases.firstIndex { $0.file == picture.file })
    let outcome = try Self.outcomes.get()[index]
    let start = try Self.start.get()
    if let error = picture.error {
      guard case .object(let fault)? = outcome.recall["error"], case .string(let message)? = fault["message"]
      else {
        Issue.record("no error: \(outcome.recall)")
        return
      }
      let hint = if case .string(let text)? = fault["hint"] { text } else { "" }
      #expect("\(message) \(hint)".contains(error))
      #expect(outcome.settings == start, "a picture that is refused changes nothing")
      return
    }
    guard case .object(let result)? = outcome.recall["result"] else {
      Issue.record("not recalled: \(outcome.recall)")
      return
    }
    #expect(result["source"] == .string(picture.source))
    for (name, value) in picture.settings { #expect(outcome.settings[name] == value, "\(name)") }
    for name in picture.stays { #expect(outcome.settings[name] == start[name], "\(name) stays") }
    if let (text, bytes) = picture.repeats, case .string(let prompt)? = outcome.settings["prompt"] {
      let whole = String(repeating: text, count: bytes / text.utf8.count + 1)
      #expect(prompt.utf8.count == bytes && whole.hasPrefix(prompt))
    }
    var notes: [String] = []
    if case .array(let items)? = outcome.recall["notes"] {
      notes = items.compactMap { if case .string(let note) = $0 { note } else { nil } }
    }
    #expect(notes.count == picture.notes.count, "\(notes)")
    for part in picture.notes { #expect(notes.contains { $0.contains(part) }, "\(part) in \(notes)") }
  }
}
