import Base
import Diffusion
import Foundation
import Imaging
import Inspection
import Shell

/// Pictures over lists of settings, and a sheet of them all.
enum SweepCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "sweep", group: "Pictures", summary: "a picture for each combination of settings, and a sheet of them",
      discussion: """
        Any setting takes a list: values parted by commas, ranges of whole numbers as 1..4, and texts parted by |. The last \
        list runs fastest and is the sheet's columns. Pictures and sheet.png, labelled with what differs, go to a folder of \
        their own.
        """,
      options: [OptionDeclaration("out", .folder, summary: "the folder; ssd1b-NUMBER-sweep unless given")],
      takesSettings: true, evidence: .own,
      examples: [
        ("sweep cfg=3,6,9 seed=1..4 steps=4", "twelve pictures, a row for each cfg"),
        ("sweep prompt=\"a fox|a cat\" scheduler=euler,dpmpp_2m steps=4", "two texts, two schedulers"),
      ])
  ) { invocation, session in
    let axes = try invocation.options.compactMap { option in
      try Setting(rawValue: option.key).map { setting in
        let values = try values(of: setting, in: option.value)
        return Axis(setting: setting, values: setting == .seed ? try values.map(session.seed(of:)) : values)
      }
    }
    guard !axes.isEmpty else {
      throw Diagnostic(
        .usage, at: "sweep", "expected a setting with a list of values, found none",
        hint: "for example: sweep cfg=3,6,9")
    }
    guard axes.reduce(1.0, { $0 * Double($1.values.count) }) <= 10_000 else {
      throw Diagnostic(
        .value, at: "sweep", "expected at most 10000 pictures, found more", hint: "shorten the lists")
    }
    // All are checked before the first is made.
    let combinations = try combinations(of: axes).map { values in
      var settings = session.settings
      for (axis, value) in zip(axes, values) { try session.set(axis.setting, to: value, in: &settings) }
      try settings.request(start: session.start).validate(scaleFactor: 8)
      return (values: values, settings: settings)
    }
    let folder = invocation.text("out").map(session.place(for:)) ?? session.freePlace("-sweep")
    try OutputPath.makeFolder(folder)
    var output = CommandOutput()
    var results: [JSONValue] = []
    var tiles: [(image: Image, label: String)] = []
    let names = names(of: combinations.map(\.values), axes)
    let lists = axes.map(\.values.count).filter { $0 > 1 }
    let columns = lists.count > 1 ? lists.last : nil
    let side = ContactSheet.largestSide(of: combinations.count, columns: columns)
    func finish() throws {
      guard !tiles.isEmpty, let last = session.last else { return }
      let sheet = ContactSheet(tiles, columns: columns, leastSide: 128).image
      let path = "\(folder)/sheet.png"
      let facts: [String: JSONValue] = ["sweep": .string(invocation.statementText())]
      try PNG.write(sheet, text: session.record(of: last).text(facts), to: path)
      session.say("\(path)  \(Number.counted(tiles.count, "picture"))")
      try session.show(sheet)
      output.information.append("sheet \(path.escapingInvisibles)")
      output.result = ["folder": .string(folder), "sheet": .string(path), "images": .array(results)]
    }
    // The seeds that were drawn or counted, and the folder that was found free.
    var replaced = ["out": folder]
    for axis in axes where axis.setting == .seed { replaced["seed"] = axis.values.joined(separator: ",") }
    output.statement = invocation.statementText(replacing: replaced)
    do {
      for (index, combination) in combinations.enumerated() {
        try session.useBackend(for: combination.settings)
        let request = combination.settings.request(start: session.start)
        let made = try session.make(request, to: "\(folder)/\(names[index]).png") { "" }
        let label = label(combination.values, axes)
        // Seed and label are in the file's name.
        session.say("\(made.path)  \(made.facts)")
        guard case .object(var fields) = made.json else { continue }
        fields["label"] = .string(label)
        results.append(.object(fields))
        tiles.append((made.image.fitting(side: side), label))
        output.information += made.information
        if session.keepsEvidence { output.evidence += made.evidence(prefix: "image[\(index + 1)].") }
      }
    } catch {
      // What is there is shown, if it can be.
      try? finish()
      throw error
    }
    try finish()
    return output
  }

  private struct Axis {
    let setting: Setting
    let values: [String]
  }

  /// The values of a list: `3,6,9`, `1..4`, `a fox|a cat`. Throws a `Diagnostic` for an empty one.
  static func values(of setting: Setting, in list: String) throws -> [String] {
    let isText = setting == .prompt || setting == .negative
    let parts = list.split(
      separator: isText || list.contains("|") ? "|" : ",", omittingEmptySubsequences: false
    )
    .map { $0.trimmingCharacters(in: .whitespaces) }
    return try parts.flatMap { part -> [String] in
      let ends = part.components(separatedBy: "..")
      if !isText, ends.count == 2 {
        guard let low = Int(ends[0]), let high = Int(ends[1]), low <= high,
          max(low.magnitude, high.magnitude) < 1 << 62, high - low < 10_000
        else {
          throw Diagnostic(
            .value, at: setting.rawValue,
            "expected a range such as 1..4, of at most 10000 values, found \(part)",
            hint: "the lower end comes first, and both are whole numbers")
        }
        return (low...high).map(String.init)
      }
      guard !part.isEmpty || (isText && parts.count == 1) else {
        throw Diagnostic(
          .value, at: setting.rawValue, "expected values parted by commas, found \(list)",
          hint: "for example: cfg=3,6,9")
      }
      return [part]
    }
  }

  private static func combinations(of axes: [Axis]) -> [[String]] {
    axes.reduce([[]]) { done, axis in done.flatMap { start in axis.values.map { start + [$0] } } }
  }

  /// What tells a picture from the others: the values of the lists that have several.
  private static func label(_ values: [String], _ axes: [Axis]) -> String {
    let differing = zip(axes, values).filter { $0.0.values.count > 1 }
    return (differing.isEmpty ? Array(zip(axes, values)) : differing).map { axis, value in
      axis.setting == .prompt || axis.setting == .negative ? value : "\(axis.setting.rawValue) \(value)"
    }.joined(separator: ", ")
  }

  /// Files named by number and label.
  private static func names(of values: [[String]], _ axes: [Axis]) -> [String] {
    let digits = String(values.count).count
    return values.enumerated().map { index, values in
      let number = String(index + 1)
      let label = label(values, axes).map {
        $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-"
      }
      return String(repeating: "0", count: digits - number.count) + number + "-"
        + String(String(label).replacing("--", with: "-").prefix(60))
    }
  }
}
