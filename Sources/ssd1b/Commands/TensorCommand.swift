import Base
import Checkpoints
import Inspection
import Shell

/// One tensor of a checkpoint: what its header says, and what its values are.
enum TensorCommand {
  private enum Question: String, CaseIterable { case stats, hist }

  static let command = Command<Session>(
    CommandDeclaration(
      "tensor", group: "Inspection",
      summary: "one tensor: dtype, shape, place in the file, statistics of all its values",
      discussion: """
        NAME is a checkpoint's key, with or without its component before it. `stats` reads all values: min, max, mean, std \
        (of the population) and norm of the finite ones, and counts of zeros, NaN and infinities. `hist` counts them in equal bins.
        """,
      arguments: [
        ArgumentDeclaration("NAME", .named("tensor"), summary: "its key, such as unet.conv_in.weight"),
        ArgumentDeclaration(
          "WHAT", .choice(Question.allCases.map(\.rawValue)), isOptional: true, summary: "what to compute"),
      ],
      options: [
        OptionDeclaration("head", .integer(1...100_000), summary: "its first values, row-major"),
        OptionDeclaration("bins", .integer(1...1000), summary: "how many, for hist; 20 unless given"),
        OptionDeclaration(
          "in", .file, summary: "a safetensors file or model's folder; the loaded model unless given"),
      ], givesTable: true, evidence: .result(without: ["file"]),
      examples: [
        ("tensor unet.conv_in.weight stats", "its figures"),
        ("tensor unet.conv_out.bias head=4", "its values"),
        ("tensor vae.decoder.conv_in.weight hist bins=10", "how its values are spread"),
      ])
  ) { invocation, session in
    try session.refreshModel()
    let subject =
      try invocation.text("in").map { try Subject(path: session.source(for: $0)) } ?? session.subject
    let (part, tensor) = try find(invocation.required("NAME"), in: subject)
    let entry = tensor.entry
    let elements = StoredElements(tensor)
    var lines = [
      "\(part).\(tensor.name)", "dtype   \(entry.type.name)",
      "shape   \(entry.shape.isEmpty ? "scalar" : entry.shape.map(String.init).joined(separator: "x"))",
      "values  \(Number.grouped(elements.count)), \(Number.grouped(entry.range.count)) bytes",
      "file    \(tensor.file.place), bytes \(entry.range.lowerBound) to \(entry.range.upperBound)",
    ].map(\.escapingInvisibles)
    var result: [String: JSONValue] = [
      "component": .string(part), "name": .string(tensor.name), "dtype": .string(entry.type.name),
      "shape": .array(entry.shape.map(JSONValue.integer)), "count": .integer(elements.count),
      "bytes": .integer(entry.range.count), "file": .string(tensor.file.place),
      "offset": .integer(entry.range.lowerBound),
    ]
    let question = invocation.text("WHAT").flatMap { Question(rawValue: $0) }
    let bins = try invocation.integer("bins")
    if bins != nil, question != .hist {
      throw Diagnostic(
        .usage, at: "tensor", "expected hist with bins=, found none",
        hint: "tensor \(tensor.name) hist bins=\(bins ?? 20)")
    }
    var facts = DataTable(["fact", "value"])
    for key in ["dtype", "shape", "count", "bytes", "file", "offset"] {
      facts.append([.string(key), result[key] ?? .null])
    }
    var tables = [facts]
    if let question {
      let statistics = try elements.statistics
      var figures = DataTable(["figure", "value"])
      for (name, value) in statistics.figures {
        lines.append(
          "\(name)\(String(repeating: " ", count: max(1, 8 - name.count)))\(SettingCommands.text(value))")
        figures.append([.string(name), value])
        result[name] = value
      }
      tables.append(figures)
      if question == .hist, statistics.finiteCount == 0 {
        lines.append("no finite value to count")
      } else if question == .hist {
        let histogram = try Histogram(of: elements, statistics, bins: bins ?? 20)
        let room = max(10, min(60, (session.width ?? 80) - 30))
        lines.append(histogram.table(barWidth: room).text(maximumWidth: session.width))
        result["histogram"] = histogram.data.json
        tables.append(histogram.data)
      }
    }
    if let count = try invocation.integer("head") {
      let values = try elements.head(count)
      lines.append("head    " + values.map { Number.significant($0, 6) }.joined(separator: " "))
      result["head"] = .array(values.map(JSONValue.number))
      var head = DataTable(["index", "value"])
      for (index, value) in values.enumerated() { head.append([.integer(index), .number(value)]) }
      tables.append(head)
    }
    // Without a question, the facts; with one, what it asks for.
    if tables.count > 1 { tables.removeFirst() }
    return CommandOutput(lines.joined(separator: "\n"), result: .object(result), tables: tables)
  }

  /// Finds a tensor by its key in any part. Throws a `Diagnostic` that names near ones, or the parts that all have it.
  private static func find(_ name: String, in subject: Subject) throws -> (
    part: String, tensor: Checkpoint.Tensor
  ) {
    let parts = subject.parts.compactMap { part in part.checkpoint.map { (part.name, $0) } }
    guard !parts.isEmpty else {
      throw Diagnostic(
        .value, at: subject.name, "expected a checkpoint, found an architecture alone",
        hint: "give one with in=FILE")
    }
    let found = parts.compactMap { part, checkpoint -> (String, Checkpoint.Tensor)? in
      if let tensor = checkpoint.tensor(for: name) { return (part, tensor) }
      guard name.hasPrefix(part + ".") else { return nil }
      return checkpoint.tensor(for: String(name.dropFirst(part.count + 1))).map { (part, $0) }
    }
    if found.count == 1 { return found[0] }
    guard found.isEmpty else {
      throw Diagnostic(
        .value, at: name, "expected one tensor, found it in \(NearestNames.list(found.map(\.0), "and"))",
        hint: "put the component before it: tensor \(found[0].0).\(name)")
    }
    // A layer's path, the key without its last part, is what listings show.
    let names = parts.flatMap { part, checkpoint in checkpoint.tensors.keys.map { (part, $0) } }
    let below = names.filter { part, key in
      key.hasPrefix(name + ".") || "\(part).\(key)".hasPrefix(name + ".")
    }
    let near =
      below.isEmpty
      ? NearestNames.suggest(name, among: names.lazy.flatMap { [$0.1, "\($0.0).\($0.1)"] })
      : below.map { "\($0.0).\($0.1)" }.sorted()
    throw Diagnostic(
      .value, at: name, "expected a tensor's name, found no such tensor in \(subject.name)",
      hint: near.isEmpty
        ? "layers lists a model's layers, and layers FILE those of a file"
        : "there is \(NearestNames.list(Array(near.prefix(4)), "and"))"
    )
  }
}
