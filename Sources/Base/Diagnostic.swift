/// What a user or a file can cause: says where it happened, what was expected and found, and what to do.
///
/// Every error that reaches a person is one of these. A bug is a `precondition`, never a `Diagnostic`.
public struct Diagnostic: Error, Equatable, Sendable, CustomStringConvertible {
  /// What sort of fault it is; the shell turns it into an exit code and a JSON error code.
  public enum Kind: String, Sendable {
    /// Process arguments or a command's words.
    case usage
    /// A setting's value.
    case value
    /// A file that cannot be read or written, other than the model's.
    case file
    /// The model's folder: configs, checkpoints, tokenizers.
    case model
    /// A model that can be looked at, but that this program cannot generate with.
    case inspectionOnly = "inspection_only"
    /// There is not enough memory.
    case memory
    /// A computation gave a number that is not finite.
    case numeric
    /// The user stopped the run.
    case interrupted
    /// A session or picture that was verified came out differently.
    case difference
    /// A session or run of another model than the one that is loaded.
    case otherModel = "other_model"
  }

  public var kind: Kind
  /// Where: a file, a tensor, a setting, a layer. Printed before the message when there is one.
  public var place: String?
  /// What was expected and what was found, in one sentence without a final full stop.
  public var message: String
  /// What to do about it.
  public var hint: String?

  public init(_ kind: Kind, at place: String? = nil, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.place = place
    self.message = message
    self.hint = hint
  }

  /// `place: message`, without the hint.
  public var description: String { place.map { "\($0): \(message)" } ?? message }
}

extension Diagnostic {
  /// One fault as it is, several as a list with their number; of more than `most` the first so many.
  public init(_ kind: Kind, at place: String?, faults: [String], most: Int = .max, hint: String?) {
    var lines = faults.prefix(most).map { "\n  " + $0 }.joined()
    if faults.count > most { lines += "\n  and \(faults.count - most) more" }
    self.init(
      kind, at: place, faults.count == 1 ? faults[0] : "\(faults.count) faults:\(lines)", hint: hint)
  }

  /// Throws nothing for no fault, the fault itself for one, and for several one that lists them all under `place`.
  public static func throwAll(_ faults: [Diagnostic], at place: String) throws {
    guard let first = faults.first else { return }
    guard faults.count > 1 else { throw first }
    throw Diagnostic(
      first.kind, at: place,
      "\(faults.count) parts cannot be read:\n" + faults.map(\.description).joined(separator: "\n"),
      hint: first.hint)
  }
}
