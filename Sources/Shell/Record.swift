import Base

/// What a command gave, as the one line of JSON that `--json` prints for it.
public enum Record {
  /// The version of the record's form.
  public static let version = 1

  /// `{"v":1,"seq":3,"command":"generate","ok":true,"result":{…}}`; `seq` counts the session's commands from
  /// 1. Where there are notes, they are listed under `notes`.
  public static func success(
    seq: Int, command: String, result: JSONValue, notes: [String] = []
  ) -> JSONValue {
    var fields: [String: JSONValue] = [
      "v": .integer(version), "seq": .integer(seq), "command": .string(command), "ok": true, "result": result,
    ]
    add(notes, to: &fields)
    return .object(fields)
  }

  private static func add(_ notes: [String], to fields: inout [String: JSONValue]) {
    if !notes.isEmpty { fields["notes"] = .array(notes.map(JSONValue.string)) }
  }

  /// The same with `"ok":false` and `"error":{"code","message","file","line","hint"}`; what there is not is
  /// null. A command that has something to show nevertheless has a `result` too.
  ///
  /// `command` is nil where the line could not be read as a command.
  public static func failure(
    seq: Int, command: String?, diagnostic: Diagnostic, location: Location?, result: JSONValue? = nil,
    notes: [String] = []
  ) -> JSONValue {
    var fields: [String: JSONValue] = [
      "v": .integer(version), "seq": .integer(seq), "command": command.map(JSONValue.string) ?? .null,
      "ok": false,
      "error": .object([
        "code": .string(diagnostic.kind.rawValue),
        "message": .string(diagnostic.description),
        "file": location.map { .string($0.source) } ?? .null,
        "line": location.map { .integer($0.line) } ?? .null,
        "hint": diagnostic.hint.map(JSONValue.string) ?? .null,
      ]),
    ]
    if let result { fields["result"] = result }
    add(notes, to: &fields)
    return .object(fields)
  }
}
