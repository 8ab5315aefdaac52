import Base
import Diffusion
import Foundation
import Imaging
import Inspection
import Kernels
import Shell

/// What came of running a recorded session or picture again: a verdict for each value.
struct Verification {
  /// One value, compared.
  struct Value {
    let name: String
    let verdict: Evidence.Verdict
    /// In the value's own unit.
    var tolerance: Float?
    /// The standard deviation that a difference of latents is measured by.
    var spread: Float?
  }

  /// A command of the session, or the picture.
  struct Item {
    let place: String
    let command: String
    var values: [Value] = []
    /// The tolerance of latents, as a share of their standard deviation.
    var latentTolerance: Float = 0
    /// What a person is told besides, such as where a difference picture is.
    var notes: [String] = []

    /// Of all its values: the worst.
    var verdict: String {
      let names = values.map(\.verdict.name)
      return ["DIFFERS", "WITHIN", "IDENTICAL"].first(where: names.contains) ?? "SKIPPED"
    }

    /// The name of the first value that was not the same, such as `latents[3]`.
    var firstDivergence: String? {
      values.first {
        if case .identical = $0.verdict { false } else if case .skipped = $0.verdict { false } else { true }
      }?
      .name
    }
  }

  let file: String
  /// What is to be known of how it was run.
  let basis: [String]
  let items: [Item]
  /// Whether the machine, the libraries and the program are those that recorded it, so that nothing may differ.
  let isSameMachine: Bool

  var verdict: String {
    let verdicts = items.map(\.verdict)
    return ["DIFFERS", "WITHIN", "IDENTICAL"].first(where: verdicts.contains) ?? "SKIPPED"
  }

  /// What the command gives, whatever the verdict.
  func output(maximumWidth: Int?) -> CommandOutput {
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
      rows: items.map { item in [item.place, Self.short(item.command), item.verdict, item.explanation] })
    let notes = items.flatMap(\.notes)
    let counts = items.flatMap(\.values).count
    let lines =
      basis + (items.isEmpty ? [] : [table.text(maximumWidth: maximumWidth)]) + notes + [
        "\(verdict)  \(file.escapingInvisibles): \(Number.counted(items.count, "command")), \(Number.counted(counts, "value"))"
      ]
    return CommandOutput(
      lines.joined(separator: "\n"),
      result: [
        "verdict": .string(verdict), "file": .string(file), "values": data.json,
        "first_difference": firstDifference.map { .string("\($0.place) \($0.value)") } ?? .null,
        "notes": .array((basis + notes).map(JSONValue.string)),
      ], tables: [data])
  }

  /// That something differs; nil when nothing does.
  var difference: Diagnostic? {
    guard verdict == "DIFFERS", let worst = items.first(where: { $0.verdict == "DIFFERS" }) else {
      return nil
    }
    return Diagnostic(
      .difference, at: worst.place,
      "\(Self.short(worst.command)): \(worst.explanation.isEmpty ? "differs" : worst.explanation)",
      hint: isSameMachine
        ? "this is the machine and the program that recorded it: the file was changed, or the program behaves otherwise"
        : "another machine, library or precision gives other digits, a changed model or program other values")
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
    let shares = latents.compactMap { value in
      value.verdict.distance.flatMap { distance in value.spread.map { distance / $0 } }
    }
    var parts: [String] = []
    if let step = Self.step(of: first) { parts.append("from step \(step) on") } else { parts.append(first) }
    if let worst = shares.max(), worst > 0, worst.isFinite {
      let allowed = latentTolerance > 0 ? " (tolerance \(latentTolerance))" : ""
      parts.append("latents off by up to \(Number.significant(Double(worst), 2)) of their spread\(allowed)")
    }
    let pixels = values.filter { $0.name.hasSuffix("pixels") }.compactMap(\.verdict.distance)
    if let worst = pixels.max(), worst > 0 {
      parts.append("pixels by up to \(Number.significant(Double(worst), 3)) of 255")
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
