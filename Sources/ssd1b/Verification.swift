import Base
import Diffusion
import Foundation
import Imaging
import Inspection
import Kernels
import Shell

/// What came of running a recorded session or picture again: a verdict for each value.
struct Verification {
  /// A command of the session, or the picture.
  struct Item {
    let place: String
    let command: String
    var values: [(name: String, verdict: Evidence.Verdict, tolerance: Float?)] = []
    /// The tolerance of latents, as a share of their standard deviation.
    var latentTolerance: Float = 0
    /// What a person is told besides, such as where a difference picture is.
    var notes: [String] = []

    /// Of all its values: the worst.
    var verdict: String {
      let names = values.map(\.verdict.name)
      return ["DIFFERS", "WITHIN", "IDENTICAL"].first(where: names.contains) ?? "SKIPPED"
    }

    /// The first step whose latents were not the same, and the largest distance of any: `latents[3]`, 0.01.
    var firstDivergence: String? {
      values.first {
        if case .identical = $0.verdict { false } else if case .skipped = $0.verdict { false } else { true }
      }?
      .name
    }
  }

  let file: String
  /// What computed, and what had when it was recorded, where that is another.
  let basis: [String]
  let items: [Item]

  var verdict: String {
    let verdicts = items.map(\.verdict)
    return ["DIFFERS", "WITHIN", "IDENTICAL"].first(where: verdicts.contains) ?? "SKIPPED"
  }

  /// What the command gives. Throws a `CommandFailure` with the same when something differs.
  func output(maximumWidth: Int?) throws -> CommandOutput {
    var data = DataTable(["place", "command", "value", "verdict", "difference", "tolerance"])
    for item in items {
      for value in item.values {
        data.append([
          .string(item.place), .string(item.command), .string(value.name), .string(value.verdict.name),
          value.verdict.distance.map { .number(Double($0)) } ?? .null,
          value.tolerance.map { .number(Double($0)) } ?? .null,
        ])
      }
    }
    let table = Table(
      columns: [.init("place"), .init("command"), .init("verdict"), .init("")],
      rows: items.map { item in
        [item.place, Self.short(item.command), item.verdict, item.explanation]
      })
    let counts = items.flatMap(\.values).count
    let notes = items.flatMap(\.notes)
    let lines =
      basis + [table.text(maximumWidth: maximumWidth)] + notes + [
        "\(verdict)  \(file): \(Number.counted(items.count, "command")), \(Number.counted(counts, "value"))"
      ]
    var output = CommandOutput(
      lines.joined(separator: "\n"),
      result: [
        "verdict": .string(verdict), "file": .string(file), "values": data.json,
        "first_difference": firstDifference.map { .string("\($0.place) \($0.value)") } ?? .null,
        "notes": .array((basis + notes).map(JSONValue.string)),
      ], tables: [data])
    output.evidence = []
    guard verdict == "DIFFERS", let worst = items.first(where: { $0.verdict == "DIFFERS" }) else {
      return output
    }
    throw CommandFailure(
      Diagnostic(
        .difference, at: worst.place,
        "\(Self.short(worst.command)): \(worst.explanation.isEmpty ? "differs" : worst.explanation)",
        hint:
          "another machine, library or precision gives other digits, a changed model or program other values; "
          + "verify update \(file) takes the new ones for right"),
      output: output)
  }

  private var firstDifference: (place: String, value: String)? {
    items.lazy.compactMap { item in item.firstDivergence.map { (item.place, $0) } }.first
  }

  private static func short(_ command: String) -> String {
    command.count <= 48 ? command : command.prefix(47) + "…"
  }
}

extension Verification.Item {
  /// What is to be said of the verdict: from which step on, and how far.
  var explanation: String {
    guard let first = firstDivergence else {
      let reasons = values.compactMap { if case .skipped(let reason) = $0.verdict { reason } else { nil } }
      return reasons.first ?? ""
    }
    let latents = values.filter { $0.name.hasSuffix("]") && $0.name.contains("latents[") }
    // Each step's tolerance is a share of that step's spread.
    let shares = latents.compactMap { value in
      value.verdict.distance.flatMap { distance in value.tolerance.map { distance / $0 * latentTolerance } }
    }
    var parts: [String] = []
    if let step = Self.step(of: first) { parts.append("from step \(step) on") } else { parts.append(first) }
    if let worst = shares.max(), worst > 0, worst.isFinite {
      parts.append(
        "latents off by up to \(Number.significant(Double(worst), 2)) of their spread (tolerance \(latentTolerance))"
      )
    }
    let pixels = values.filter { $0.name.hasSuffix("pixels") }.compactMap(\.verdict.distance)
    if let worst = pixels.max() {
      parts.append("pixels by up to \(Int(worst)) of 255")
    }
    return parts.joined(separator: ", ")
  }

  private static func step(of name: String) -> String? {
    guard let open = name.range(of: "latents[") else { return nil }
    let image = name[..<open.lowerBound]
    let step = name[open.upperBound...].dropLast()
    return image.isEmpty ? String(step) : "\(step) of \(image.dropLast())"
  }
}

extension Evidence.Verdict {
  var distance: Float? {
    switch self {
    case .identical: 0
    case .within(let distance): distance
    case .differs(let distance): distance
    case .skipped: nil
    }
  }
}

extension Session {
  /// What a session or picture says it was computed with, and what it is verified with.
  private struct Compute {
    var library: BackendChoice.Library?
    var precision: Precision?
    var forcedLibrary: BackendChoice.Library?
    var forcedPrecision: Precision?
    var recorded: String {
      [library?.rawValue, precision?.rawValue].compactMap { $0 }.joined(separator: " ")
    }
  }

  /// Runs a recorded session again and compares. Throws what a script throws, and for another model.
  func verify(session file: SessionFile, isForced: Bool, with forced: (BackendChoice.Library?, Precision?))
    throws
    -> Verification
  {
    let note = try noteOnModel(of: file, isForced: isForced)
    var basis = [note].compactMap { $0 }
    let (library, precision) = recordedCompute(
      file.conditions["backend"], file.conditions["precision"], &basis)
    var items: [Verification.Item] = []
    try rehearse(
      library: library, precision: precision, forcedLibrary: forced.0, forcedPrecision: forced.1
    ) {
      let recordedPrecision = file.conditions["precision"].flatMap { Precision(rawValue: $0) } ?? .float32
      var runVerdict = "IDENTICAL"
      for entry in file.entries {
        let (invocation, output) = try rehearse(entry.statement)
        guard !output.endsSession else { break }
        let found = Dictionary(
          output.allEvidence(of: invocation.declaration).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        let tolerance =
          note == nil ? Tolerance(recordedPrecision, lastCompute?.precision ?? compute.precision) : .none
        var item = Verification.Item(
          place: "\(entry.statement.location)", command: invocation.statementText(),
          latentTolerance: tolerance.latents)
        for recorded in entry.evidence {
          let allowed: Float? =
            recorded.name.hasSuffix("pixels")
            ? tolerance.pixels : recorded.deviation.map { Float($0) * tolerance.latents }
          var verdict =
            found[recorded.name].map { $0.verdict(against: recorded, tolerance: allowed ?? 0) }
            ?? .differs(nil)
          if case .differs = verdict, case .result(_, ofRun: true) = invocation.declaration.evidence,
            runVerdict != "IDENTICAL"
          {
            verdict = .skipped("follows from a run that is \(runVerdict)")
          }
          item.values.append((recorded.name, verdict, allowed))
        }
        if invocation.declaration.evidence == .own, !item.values.isEmpty { runVerdict = item.verdict }
        if item.verdict == "DIFFERS" || item.verdict == "WITHIN" {
          item.notes = differencePictures(of: entry, output, for: file.source)
        }
        items.append(item)
      }
    }
    return Verification(file: file.source, basis: basis, items: items)
  }

  /// Runs a recorded session again and returns it with the evidence of today.
  func updated(session file: SessionFile, isForced: Bool, with forced: (BackendChoice.Library?, Precision?))
    throws
    -> String
  {
    var notes: [String] = []
    let (library, precision) = recordedCompute(
      file.conditions["backend"], file.conditions["precision"], &notes)
    var results: [(evidence: [Evidence], information: [String])] = []
    var conditions = ""
    try rehearse(
      library: library, precision: precision, forcedLibrary: forced.0, forcedPrecision: forced.1
    ) {
      conditions = try self.conditions(computing: compute(for: Settings()))
      for entry in file.entries {
        let (invocation, output) = try rehearse(entry.statement)
        // What it said of where its pictures were stays: here they were written elsewhere.
        let kept = entry.information.filter { $0.hasPrefix("picture ") }
        let information = output.information.filter { !$0.hasPrefix("picture ") }
        results.append((output.allEvidence(of: invocation.declaration), kept + information))
      }
    }
    return file.updated(conditions: conditions, with: results)
  }

  /// Runs a picture's settings again and compares its pixels.
  func verify(picture path: String, isForced: Bool, with forced: (BackendChoice.Library?, Precision?)) throws
    -> Verification
  {
    let (recordedImage, texts) = try PNG.read(path: path)
    let record = try RecordedPicture(texts, at: path)
    var basis: [String] = []
    let note = try record.identity.flatMap { try noteOnModel($0, at: path, isForced: isForced) }
    if let note { basis.append(note) }
    if record.identity == nil { basis.append("note: the picture does not say which model made it") }
    let (library, precision) = recordedCompute(record.backend, record.precision, &basis)
    var item = Verification.Item(
      place: path, command: "seed \(record.request.seed), \(record.request.steps) steps")
    try rehearse(
      library: library, precision: precision, forcedLibrary: forced.0, forcedPrecision: forced.1
    ) {
      try useBackend(for: Settings())
      let made = try run(record.request, to: place(for: "picture.png")) {
        try Generation(record.request, on: $0, observers: $1)
      }
      let recordedPrecision = record.precision.flatMap { Precision(rawValue: $0) } ?? .float32
      let tolerance = note == nil ? Tolerance(recordedPrecision, compute.precision) : .none
      let latentsAgree = record.latents == nil || record.latents == SHA256(of: made.run.latents).description
      item.values.append(
        ("latents[\(made.run.step)]", latentsAgree ? .identical : .skipped("other digits"), nil))
      guard let difference = ImageDifference(recordedImage, made.image) else {
        item.values.append(("pixels", .differs(nil), nil))
        item.notes.append(
          "the picture is \(recordedImage.width)x\(recordedImage.height), its settings say \(made.image.width)x\(made.image.height)"
        )
        return
      }
      // From the same latents come the same pixels, or someone has changed the picture since.
      let allowed = latentsAgree ? 0 : tolerance.picture
      let largest = Float(difference.largest)
      item.values.append(
        (
          "pixels", largest == 0 ? .identical : largest <= allowed ? .within(largest) : .differs(largest),
          allowed
        ))
      guard let first = difference.first else { return }
      item.notes.append(
        "\(difference.pixels) of \(recordedImage.width * recordedImage.height) pixels differ, the first at \(first.x),\(first.y); "
          + "mean \(Number.significant(difference.mean, 3)), PSNR \(Number.significant(difference.psnr, 3)) dB"
      )
      if latentsAgree, largest > 0 {
        item.notes.append("the latents are the same: the picture was changed after it was made")
      }
      let place = (path as NSString).deletingPathExtension + "-difference.png"
      try ContactSheet.comparison(recordedImage, made.image, difference).map {
        try PNG.write($0, to: place)
        item.notes.append("side by side, with the difference times \(difference.factor): \(place)")
      }
    }
    return Verification(file: path, basis: basis, items: [item])
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

  /// What is recorded to have computed, where that can be had here; else a note and nothing.
  private func recordedCompute(
    _ library: String?, _ precision: String?, _ notes: inout [String]
  ) -> (BackendChoice.Library?, Precision?) {
    let wanted = (
      library.flatMap { BackendChoice.Library(rawValue: $0) }, precision.flatMap { Precision(rawValue: $0) }
    )
    do {
      _ = try BackendChoice(library: wanted.0, precision: wanted.1)
      return wanted
    } catch {
      let names = [library, precision].compactMap { $0 }.joined(separator: " ")
      notes.append("note: \(names) cannot be had here; verified with what can")
      return (nil, nil)
    }
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

  /// Draws the recorded pictures of a command beside those of now, where they are still what was recorded.
  private func differencePictures(of entry: SessionFile.Entry, _ output: CommandOutput, for file: String)
    -> [String]
  {
    func pictures(_ information: [String]) -> [String] {
      information.filter { $0.hasPrefix("picture ") }.map { String($0.dropFirst("picture ".count)) }
    }
    let recorded = entry.evidence.filter { $0.name.hasSuffix("pixels") }
    var notes: [String] = []
    for (index, paths) in zip(pictures(entry.information), pictures(output.information)).enumerated() {
      guard index < recorded.count, let before = try? PNG.read(path: paths.0).image,
        before.evidence("pixels").hash == recorded[index].hash, let now = try? PNG.read(path: paths.1).image,
        let difference = ImageDifference(before, now), difference.largest > 0,
        let sheet = ContactSheet.comparison(before, now, difference)
      else { continue }
      let number = pictures(entry.information).count > 1 ? "-\(index + 1)" : ""
      let place =
        "\((file as NSString).deletingPathExtension)-line\(entry.statement.location.line)\(number)-difference.png"
      do {
        try PNG.write(sheet, to: place)
        notes.append("side by side, with the difference times \(difference.factor): \(place)")
      } catch {
        notes.append("no difference picture: \(error)")
      }
    }
    return notes
  }
}

extension ContactSheet {
  /// A recorded picture, that of now, and their difference, side by side.
  static func comparison(_ recorded: Image, _ now: Image, _ difference: ImageDifference) -> Image? {
    ContactSheet(
      [(recorded, "recorded"), (now, "now"), (difference.image, "difference x\(difference.factor)")],
      columns: 3,
      leastSide: 192
    ).image
  }
}
