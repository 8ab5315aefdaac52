import Base
import Diffusion
import Foundation
import Imaging
import Inspection
import Kernels
import Shell

/// Sessions and pictures run again and compared.
extension Session {
  /// What computes: a library and a precision, either of them left open.
  typealias Computing = (library: BackendChoice.Library?, precision: Precision?)

  /// What came of a verification, and the error that ended it early, if one did.
  typealias Verified = (verification: Verification, error: Diagnostic?)

  /// Runs a recorded session again and compares. Throws for another model, and for a file that was cut off.
  func verify(session file: SessionFile, isForced: Bool, forcing forced: Computing) throws -> Verified {
    let note = try noteOnModel(of: file, isForced: isForced)
    try file.checkWhole()
    var basis = [note].compactMap { $0 }
    if file.conditions["model"] == nil {
      basis.append("note: the session does not say which model it was recorded on")
    }
    let recorded = recordedComputing(file.conditions["backend"], file.conditions["precision"], &basis)
    var items: [Verification.Item] = []
    var error: Diagnostic?
    var isSame = false
    try rehearse(recorded, forcing: forced) {
      isSame = try note == nil && isRecordedMachine(file.conditions, forced)
      basis += try noteOnComputing(file.conditions)
      var last = "IDENTICAL"
      do {
        for (index, entry) in file.entries.enumerated() {
          let (invocation, output) = try rehearse(entry.statement)
          let tolerance =
            note != nil || isSame
            ? Tolerance.none
            : Tolerance(precision(file.conditions["precision"]), lastCompute?.precision ?? compute.precision)
          var item = compare(entry, invocation, output, tolerance, ofLastRun: last)
          if invocation.declaration.evidence == .own, !item.values.isEmpty { last = item.verdict }
          if item.verdict == "DIFFERS" {
            item.notes = differencePictures(of: entry, output, for: file.source)
          }
          items.append(item)
          if output.endsSession, index < file.entries.count - 1 {
            throw LocatedDiagnostic(
              Diagnostic(
                .usage, "the session ends here, \(file.entries.count - 1 - index) commands before its end",
                hint: "remove this line: what follows is not compared"), at: entry.statement.location)
          }
        }
      } catch let fault {
        error = Self.placed(fault)
      }
    }
    return (Verification(file: file.source, basis: basis, items: items, isSameMachine: isSame), error)
  }

  /// A verdict for each value that is recorded of a command.
  private func compare(
    _ entry: SessionFile.Entry, _ invocation: Invocation, _ output: CommandOutput, _ tolerance: Tolerance,
    ofLastRun last: String
  ) -> Verification.Item {
    let found = Dictionary(
      output.allEvidence(of: invocation.declaration).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    var item = Verification.Item(
      place: "\(entry.statement.location)", command: invocation.statementText(),
      latentTolerance: tolerance.latents)
    for recorded in entry.evidence {
      let isPixels = recorded.name.hasSuffix("pixels")
      let spread = isPixels ? nil : found[recorded.name]?.deviation.map { Float($0) }
      let allowed = isPixels ? tolerance.pixels : spread.map { $0 * tolerance.latents }
      var verdict =
        found[recorded.name].map { $0.verdict(against: recorded, tolerance: allowed ?? 0) } ?? .differs(nil)
      if case .differs = verdict, output.isOfLastRun, last != "IDENTICAL" {
        verdict = .skipped("follows from a run that is \(last)")
      }
      item.values.append(.init(name: recorded.name, verdict: verdict, tolerance: allowed, spread: spread))
    }
    return item
  }

  /// Runs a recorded session again and returns it with the evidence of today.
  func updated(session file: SessionFile, forcing forced: Computing) throws -> String {
    var notes: [String] = []
    let recorded = recordedComputing(file.conditions["backend"], file.conditions["precision"], &notes)
    var results: [(evidence: [Evidence], information: [String])] = []
    var conditions = ""
    try rehearse(recorded, forcing: forced) {
      conditions = try self.conditions(computing: compute(for: Settings()))
      for entry in file.entries {
        let (invocation, output) = try rehearse(entry.statement)
        // What it said of where its pictures were stays: here they were written elsewhere.
        let information = output.information.filter { $0.hasPrefix("time ") }
        results.append((output.allEvidence(of: invocation.declaration), information))
      }
    }
    let counts = SessionFile.counts(
      commands: file.entries.count, values: results.reduce(0) { $0 + $1.evidence.count })
    return file.updated(conditions: "\(conditions) \(counts)", with: results)
  }

  /// Runs a picture's settings again and compares its pixels. Throws for another model, and for a picture that `generate`
  /// did not make.
  func verify(picture path: String, isForced: Bool, forcing forced: Computing) throws -> Verified {
    let (recordedImage, texts) = try PNG.read(path: path)
    let record = try RecordedPicture(texts, at: path)
    let note = try record.conditions["model"].flatMap { try noteOnModel($0, at: path, isForced: isForced) }
    var basis = [note].compactMap { $0 }
    if record.conditions["model"] == nil {
      basis.append("note: the picture does not say which model made it")
    }
    let recorded = recordedComputing(record.conditions["backend"], record.conditions["precision"], &basis)
    var item = Verification.Item(
      place: path, command: "seed \(record.request.seed), \(record.request.steps) steps")
    var isSame = false
    try rehearse(recorded, forcing: forced) {
      isSame = try note == nil && isRecordedMachine(record.conditions, forced)
      basis += try noteOnComputing(record.conditions)
      try useBackend(for: Settings())
      let made = try run(record.request, to: place(for: "picture.png")) {
        try Generation(record.request, on: $0, observers: $1)
      }
      let tolerance =
        note != nil || isSame
        ? Tolerance.none : Tolerance(precision(record.conditions["precision"]), compute.precision)
      compare(recordedImage, record.latents, with: made, tolerance, &item)
    }
    return (Verification(file: path, basis: basis, items: [item], isSameMachine: isSame), nil)
  }

  /// Compares a picture and the hash of its latents with what its settings gave.
  private func compare(
    _ recorded: Image, _ latents: String?, with made: MadePicture, _ tolerance: Tolerance,
    _ item: inout Verification.Item
  ) {
    let latentsAgree = latents == SHA256(of: made.run.latents).description
    let isExact = tolerance.picture == 0
    if latents != nil {
      let verdict: Evidence.Verdict =
        latentsAgree
        ? .identical : isExact ? .differs(nil) : .skipped("a hash alone has no size")
      item.values.append(.init(name: "latents[\(made.run.step)]", verdict: verdict))
    }
    guard let difference = ImageDifference(recorded, made.image) else {
      item.values.append(.init(name: "pixels", verdict: .differs(nil)))
      item.notes.append(
        "the picture is \(recorded.width)x\(recorded.height), its settings say \(made.image.width)x\(made.image.height)"
      )
      return
    }
    // From the same latents come the same pixels, or someone has changed the picture since.
    let allowed = latentsAgree ? 0 : tolerance.picture
    let largest = Float(difference.largest)
    let verdict: Evidence.Verdict =
      largest == 0 ? .identical : largest <= allowed ? .within(largest) : .differs(largest)
    item.values.append(.init(name: "pixels", verdict: verdict, tolerance: allowed))
    guard let first = difference.first else { return }
    item.notes.append("\(difference.summary), the first at \(first.x),\(first.y)")
    if latentsAgree {
      item.notes.append("the latents are the same: the picture was changed after it was made")
    }
    guard item.verdict == "DIFFERS" else { return }
    let place = OutputPath.unused(PathName(item.place).withoutEnding + "-difference.png")
    item.notes.append(draw(recorded, made.image, difference, to: place))
  }

  /// Draws two pictures and their difference side by side, and says where.
  private func draw(_ recorded: Image, _ now: Image, _ difference: ImageDifference, to place: String)
    -> String
  {
    let sheet = difference.sheet(recorded, now, labels: ("recorded", "now"))
    do {
      try PNG.write(sheet, to: place)
      return "side by side, with the difference times \(difference.factor): \(place.escapingInvisibles)"
    } catch {
      return "no difference picture: \(error)"
    }
  }

  /// Draws the recorded pictures of a command beside those of now, where they are still what was recorded.
  private func differencePictures(of entry: SessionFile.Entry, _ output: CommandOutput, for file: String)
    -> [String]
  {
    func pictures(_ information: [String]) -> [String] {
      information.filter { $0.hasPrefix("picture ") }.map { String($0.dropFirst("picture ".count)) }
    }
    let recorded = entry.evidence.filter { $0.name.hasSuffix("pixels") }
    let (before, now) = (pictures(entry.information), pictures(output.information))
    return zip(before, now).enumerated().compactMap { index, paths in
      guard index < recorded.count, let image = try? PNG.read(path: paths.0).image,
        image.evidence("pixels").hash == recorded[index].hash, let made = try? PNG.read(path: paths.1).image,
        let difference = ImageDifference(image, made), difference.largest > 0
      else { return nil }
      let number = before.count > 1 ? "-\(index + 1)" : ""
      let place =
        "\(PathName(file).withoutEnding)-line\(entry.statement.location.line)\(number)-difference.png"
      return draw(image, made, difference, to: OutputPath.unused(place))
    }
  }

  /// Checks that a session was recorded on the loaded model. Throws a `Diagnostic` of kind `.otherModel` when it was not,
  /// or when forced returns a note that says so.
  func noteOnModel(of file: SessionFile, isForced: Bool) throws -> String? {
    do {
      return try file.conditions["model"].flatMap { try noteOnModel($0, at: nil, isForced: isForced) }
    } catch let fault as Diagnostic {
      throw LocatedDiagnostic(fault, at: file.conditionsLocation)
    }
  }

  private func noteOnModel(_ expected: String, at place: String?, isForced: Bool) throws -> String? {
    let found = "sha256:\(try modelIdentity())"
    let expected = expected.hasPrefix("sha256:") ? expected : "sha256:\(expected)"
    guard expected != found else { return nil }
    let message = "recorded on the model \(expected.prefix(19))…, this one is \(found.prefix(19))…"
    guard isForced else {
      throw Diagnostic(
        .otherModel, at: place, message,
        hint: "start with --model FOLDER, the model it was recorded on; --force runs it on this one")
    }
    return "forced: \(message)"
  }

  /// Whether what is recorded was computed by this program on this machine with what computes now, so that every bit must
  /// be the same.
  private func isRecordedMachine(_ conditions: [String: String], _ forced: Computing) throws -> Bool {
    let choice = try compute(for: Settings())
    guard forced.library == nil, forced.precision == nil,
      conditions["precision"] == choice.precision.rawValue,
      conditions["backend"] == choice.library.rawValue, let machine = conditions["machine"]
    else { return false }
    return try machine == self.machine(computing: choice)
  }

  /// That something else computes than what is recorded, if so.
  private func noteOnComputing(_ conditions: [String: String]) throws -> [String] {
    let choice = try compute(for: Settings())
    let recorded = [conditions["backend"], conditions["precision"]].compactMap { $0 }.joined(separator: " ")
    let present = "\(choice.library.rawValue) \(choice.precision.rawValue)"
    return recorded.isEmpty || recorded == present ? [] : ["recorded with \(recorded), run with \(present)"]
  }

  private func precision(_ name: String?) -> Precision {
    name.flatMap { Precision(rawValue: $0) } ?? .float32
  }

  /// What is recorded to have computed, where that can be had here; else a note and nothing.
  private func recordedComputing(_ library: String?, _ precision: String?, _ notes: inout [String])
    -> Computing
  {
    if let wanted = Self.computing(library, precision),
      (try? BackendChoice(library: wanted.library, precision: wanted.precision)) != nil
    {
      return wanted
    }
    let names = [library, precision].compactMap { $0 }.joined(separator: " ")
    notes.append("note: \(names) cannot be had here; verified with what can")
    return (nil, nil)
  }

  /// What some names mean; nil where one is no name of a library or precision.
  static func computing(_ library: String?, _ precision: String?) -> Computing? {
    let found = (
      library.flatMap { BackendChoice.Library(rawValue: $0) }, precision.flatMap { Precision(rawValue: $0) }
    )
    return (library == nil) == (found.0 == nil) && (precision == nil) == (found.1 == nil) ? found : nil
  }

  /// Runs one command of a session.
  private func rehearse(_ statement: Statement) throws -> (Invocation, CommandOutput) {
    do {
      let (command, invocation) = try table.parse(statement)
      return (invocation, try command.run(invocation, self))
    } catch let fault as Diagnostic {
      throw LocatedDiagnostic(fault, at: statement.location)
    }
  }

  /// An error of a session's command with its place in the session.
  static func placed(_ error: any Error) -> Diagnostic {
    switch error {
    case let error as LocatedDiagnostic:
      Diagnostic(
        error.diagnostic.kind, at: "\(error.location)", error.diagnostic.description,
        hint: error.diagnostic.hint)
    case let error as ScriptFailure: placed(error.worst)
    case let error as CommandFailure: error.diagnostic
    case let error as Diagnostic: error
    default: Diagnostic(.file, "\(error)")
    }
  }
}
