import Base
import Graph
import Inspection
import Kernels
import Models
import Shell

/// Two UNets held against each other.
enum DiffCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "diff", group: "Inspection", summary: "what was pruned: one UNet against another, block by block",
      discussion: """
        FROM and TO are built-in architectures (\(Architecture.names.joined(separator: ", "))), or paths of checkpoints. Rows are \
        marked - removed, + added, ~ changed, = the same. Where the widths differ, FROM's blocks are counted at TO's widths. \
        Bytes of an architecture alone are counted at 16 bits; time saved is told after a run at the same size, from layers of \
        the same kind and shape.

        `values` compares two checkpoints' weights: how far each kept part moved, as ‖new - old‖ / ‖old‖ and as a cosine, and \
        for each stack that became shorter, which of the old layers every kept layer is nearest to.

        out=FILE draws both side by side, as PNG or SVG, each block as high as its parameters are many.
        """,
      arguments: [
        ArgumentDeclaration("FROM", .named("model"), summary: "the larger one"),
        ArgumentDeclaration(
          "TO", .named("model"), isOptional: true, summary: "the loaded model unless given"),
        ArgumentDeclaration(
          "WHAT", .choice(["values"]), isOptional: true, summary: "compare the weights too"),
      ],
      options: [
        OptionDeclaration(
          "level", .choice(GraphDiff.Level.allCases.map(\.rawValue)), summary: "block unless given"),
        OptionDeclaration("only", .text, summary: "statuses to show, such as removed,changed"),
        OptionDeclaration("out", .file, summary: "a .png or .svg to draw"),
      ], givesTable: true, evidence: .result(without: ["seconds", "seconds_saved"]),
      examples: [
        ("diff sdxl", "what the loaded model lacks"), ("diff sdxl ssd1b only=removed", "what SSD-1B lost"),
        ("diff sdxl ssd1b level=tensor as=csv", "every tensor"), ("diff sdxl ssd1b out=pruned.svg", "drawn"),
        ("diff ./sdxl-base ./SSD-1B values", "which of the teacher's layers were kept"),
      ])
  ) { invocation, session in
    var names = ["FROM", "TO", "WHAT"].compactMap { invocation.text($0) }
    let comparesValues = names.count > 1 && names.last == "values"
    if comparesValues { names.removeLast() }
    let new = try names.count > 1 ? session.view(ofModel: names[1]) : session.loadedView
    let old = try session.view(ofModel: names[0])
    let newWord = names.count > 1 ? names[1] : session.pipeline?.files.name ?? new.subject.name
    let (oldName, newName) = distinct((old.subject.name, names[0]), (new.subject.name, newWord))
    if let path = invocation.text("out").map(session.place(for:)) {
      try DiffPicture.checkEnding(of: path)
      try OutputPath.checkPicture(path)
    }
    let comparison = try Comparison(old: old, oldName, new: new, newName, session: session)
    let only: [GraphDiff.Status] =
      try InspectionCommands.choices("only", of: invocation) ?? GraphDiff.Status.allCases
    let weights = try comparesValues ? comparison.weights(on: session.pool) : nil
    let table = DiffTable(
      comparison.diff, from: oldName, to: newName,
      level: invocation.text("level").flatMap { GraphDiff.Level(rawValue: $0) } ?? .block, only: Set(only),
      values: weights?.values, provenance: weights?.provenance ?? [])
    var lines = comparison.notes
    if let path = invocation.text("out").map(session.place(for:)) {
      try DiffPicture(comparison.diff, from: comparison.oldTitle, to: newName).write(to: path)
      lines.append("drawn to \(path.escapingInvisibles)")
    }
    if table.rows.isEmpty {
      let statuses = NearestNames.list(only.map(\.rawValue), "or")
      lines += ["no \(table.level.rawValue) is \(statuses)"] + table.table.footer
    } else {
      lines.append(table.table.text(maximumWidth: session.width))
    }
    if let provenance = weights?.provenance, !provenance.isEmpty {
      lines.append("\nnearest layers of \(oldName), by the cosine of all weights of a layer")
      lines += provenance.flatMap { [$0.stack, $0.table.text(maximumWidth: session.width)] }
    }
    var output = CommandOutput(
      lines.joined(separator: "\n"), result: table.json,
      tables: [table.data] + (weights == nil ? [] : [StackProvenance.data(table.provenance)]))
    if case .object(var fields) = table.json {
      // The names of the two sides are those of the place.
      (fields["old"], fields["new"]) = (nil, nil)
      output.evidenceResult = .object(fields)
    }
    return output
  }
}

/// Two names, with as much of the paths before them as tells them apart.
private func distinct(_ a: (name: String, path: String), _ b: (name: String, path: String)) -> (
  String, String
) {
  guard a.name == b.name else { return (a.name, b.name) }
  let (first, second) = (a.path.split(separator: "/"), b.path.split(separator: "/"))
  for count in 1...max(1, first.count, second.count) {
    let names = (first.suffix(count).joined(separator: "/"), second.suffix(count).joined(separator: "/"))
    if names.0 != names.1 { return names }
  }
  return (a.name, b.name)
}

/// The graphs of two UNets at one size, and what tells them apart.
private struct Comparison {
  let diff: GraphDiff
  /// The old one's name, with whose widths its blocks are counted at.
  let oldTitle: String
  private let areOfOneWidth: Bool
  private(set) var notes: [String]
  private let graphs: (old: Graph, new: Graph)
  private let parts: (old: Subject.Part, new: Subject.Part)

  init(old: Session.View, _ oldName: String, new: Session.View, _ newName: String, session: Session) throws {
    let (oldUNet, oldPart) = try old.subject.unet()
    let (newUNet, newPart) = try new.subject.unet()
    notes = ["\(newName) against \(oldName) at \(new.width)x\(new.height), batch 1"]
    let widths = (old: oldUNet.config.blockOutChannels, new: newUNet.config.blockOutChannels)
    var teacher = oldUNet
    // Blocks of models with other numbers of resolutions do not correspond: those are compared as they are.
    areOfOneWidth = widths.old == widths.new || widths.old.count != widths.new.count
    oldTitle = areOfOneWidth ? oldName : "\(oldName) at \(newName)'s widths"
    if !areOfOneWidth {
      teacher = UNet(config: try oldUNet.config.resized(like: newUNet.config))
      notes.append(
        "widths differ (\(widths.old) against \(widths.new)): "
          + "\(oldName)'s blocks are counted at \(newName)'s widths")
    }
    func graph(_ unet: UNet) throws -> Graph {
      let scale = new.subject.scaleFactor
      return try unet.graph(
        batch: 1, height: new.height / scale, width: new.width / scale, tokens: new.subject.tokens)
    }
    graphs = (try graph(teacher), try graph(newUNet))
    parts = (oldPart, newPart)
    func bytes(_ part: Subject.Part, isItself: Bool) -> GraphDiff.ByteCount {
      // Published weights have 16 bits; a checkpoint's own bytes say nothing at another's widths.
      { key, shape in
        (isItself ? part.checkpoint?.tensor(for: key)?.entry.range.count : nil) ?? 2 * shape.count
      }
    }
    let isOldItself = areOfOneWidth && oldPart.checkpoint != nil
    let bare = [(oldName, isOldItself), (newName, newPart.checkpoint != nil)].filter { !$0.1 }.map(\.0)
    if !bare.isEmpty {
      notes.append("bytes of \(NearestNames.list(bare, "and")) are counted at 16 bits a parameter")
    }
    for (name, view) in [(oldName, old), (newName, new)] where !view.isLoaded {
      notes += view.subject.parts.compactMap { part in
        part.identity.map { "\(name) is \($0.title): \($0.explanation)" }
      }
    }
    diff = GraphDiff(
      from: graphs.old, to: graphs.new, oldBytes: bytes(oldPart, isItself: areOfOneWidth),
      newBytes: bytes(newPart, isItself: true),
      time: new.isLoaded ? session.timesOfAlikeLayers : nil)
  }

  /// How far the kept weights moved. Throws a `Diagnostic` where a side has no weights or the widths differ.
  func weights(on pool: ThreadPool) throws -> (values: WeightComparison, provenance: [StackProvenance]) {
    guard let old = parts.old.checkpoint, let new = parts.new.checkpoint else {
      throw Diagnostic(
        .value, at: "values", "expected two checkpoints to compare, found an architecture without weights",
        hint: "give the paths of both: diff ./sdxl-base ./SSD-1B values")
    }
    guard areOfOneWidth else {
      throw Diagnostic(
        .value, at: "values", "expected two UNets of the same widths, found others",
        hint: "only tensors of one shape can be compared")
    }
    let kept = diff.tensors.flatMap(\.keptKeys)
    let values = try WeightComparison(kept, old: old, new: new, on: pool)
    let provenance = try StackProvenance.shortened(from: graphs.old, to: graphs.new).map {
      try StackProvenance($0, of: graphs.old, old: old, new: new, on: pool)
    }
    return (values, provenance)
  }
}
