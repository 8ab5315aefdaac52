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
        ArgumentDeclaration("TO", .named("model"), isOptional: true, summary: "the loaded model unless given"),
        ArgumentDeclaration("WHAT", .choice(["values"]), isOptional: true, summary: "compare the weights too"),
      ],
      options: [
        OptionDeclaration("level", .choice(GraphDiff.Level.allCases.map(\.rawValue)), summary: "block unless given"),
        OptionDeclaration("only", .text, summary: "statuses to show, such as removed,changed"),
        OptionDeclaration("out", .file, summary: "a .png or .svg to draw"),
      ], givesTable: true,
      examples: [
        ("diff sdxl", "what the loaded model lacks"), ("diff sdxl ssd1b only=removed", "what SSD-1B lost"),
        ("diff sdxl ssd1b level=tensor as=csv", "every tensor"), ("diff sdxl ssd1b out=pruned.svg", "drawn"),
        ("diff ./sdxl-base ./SSD-1B values", "which of the teacher's layers were kept"),
      ])
  ) { invocation, session in
    var names = ["FROM", "TO", "WHAT"].compactMap { invocation.text($0) }
    let comparesValues = names.count > 1 && names.last == "values"
    if comparesValues { names.removeLast() }
    let new = try names.count > 1 ? session.view(of: names[1]) : session.loadedView
    let old = try session.view(of: names[0])
    if let path = invocation.text("out") {
      try DiffPicture.checkEnding(of: path)
      try GenerateCommand.checkWritable(path)
    }
    let comparison = try Comparison(old: old, new: new, session: session)
    let only: [GraphDiff.Status] = try InspectionCommands.choices("only", of: invocation) ?? GraphDiff.Status.allCases
    let weights = try comparesValues ? comparison.weights(on: session.pool) : nil
    let table = DiffTable(
      comparison.diff, from: old.subject.name, to: new.subject.name,
      level: invocation.text("level").flatMap { GraphDiff.Level(rawValue: $0) } ?? .block, only: Set(only),
      values: weights?.values, provenance: weights?.provenance ?? [])
    var lines = comparison.notes
    if let path = invocation.text("out") {
      try DiffPicture(comparison.diff, from: old.subject.name, to: new.subject.name).write(to: path)
      lines.append("drawn to \(path)")
    }
    lines.append(table.table.text(maximumWidth: session.width))
    if let provenance = weights?.provenance, !provenance.isEmpty {
      lines.append("\nnearest layers of \(old.subject.name), by the cosine of all weights of a layer")
      lines += provenance.map { $0.table.text(maximumWidth: session.width) }
    }
    return CommandOutput(lines.joined(separator: "\n"), result: table.json, tables: [table.data])
  }
}

/// The graphs of two UNets at one size, and what tells them apart.
private struct Comparison {
  let diff: GraphDiff
  private(set) var notes: [String]
  private let graphs: (old: Graph, new: Graph)
  private let parts: (old: Subject.Part, new: Subject.Part)

  init(old: Session.View, new: Session.View, session: Session) throws {
    let (oldUNet, oldPart) = try old.subject.unet()
    let (newUNet, newPart) = try new.subject.unet()
    notes = ["\(new.subject.name) against \(old.subject.name) at \(new.width)x\(new.height), batch 1"]
    let widths = (old: oldUNet.config.blockOutChannels, new: newUNet.config.blockOutChannels)
    var teacher = oldUNet
    if widths.old != widths.new {
      teacher = UNet(config: try oldUNet.config.resized(like: newUNet.config))
      notes.append(
        "widths differ (\(widths.old) against \(widths.new)): "
          + "\(old.subject.name)'s blocks are counted at \(new.subject.name)'s widths")
    }
    func graph(_ unet: UNet) throws -> Graph {
      let scale = new.subject.scaleFactor
      return try unet.graph(
        batch: 1, height: new.height / scale, width: new.width / scale, tokens: new.subject.tokens)
    }
    graphs = (try graph(teacher), try graph(newUNet))
    parts = (oldPart, newPart)
    func bytes(_ part: Subject.Part) -> GraphDiff.ByteCount {
      // Published weights have 16 bits.
      { key, shape in part.checkpoint?.tensor(for: key)?.entry.range.count ?? 2 * shape.count }
    }
    let bare = [(old, oldPart), (new, newPart)].filter { $0.1.checkpoint == nil }.map { $0.0.subject.name }
    if !bare.isEmpty { notes.append("bytes of \(NearestNames.list(bare, "and")) are counted at 16 bits a parameter") }
    notes += old.subject.notes + (new.isLoaded ? [] : new.subject.notes)
    diff = GraphDiff(
      from: graphs.old, to: graphs.new, oldBytes: bytes(oldPart), newBytes: bytes(newPart),
      time: new.isLoaded ? session.timesOfAlikeLayers : nil)
  }

  /// How far the kept weights moved. Throws a `Diagnostic` where a side has no weights or the widths differ.
  func weights(on pool: ThreadPool) throws -> (values: WeightComparison, provenance: [StackProvenance]) {
    guard let old = parts.old.checkpoint, let new = parts.new.checkpoint else {
      throw Diagnostic(
        .value, at: "values", "expected two checkpoints to compare, found an architecture without weights",
        hint: "give the paths of both: diff ./sdxl-base ./SSD-1B values")
    }
    let kept = diff.tensors.flatMap(\.keptKeys)
    let values = WeightComparison(kept, old: old, new: new, on: pool)
    let provenance = StackProvenance.shortened(from: graphs.old, to: graphs.new).map {
      StackProvenance($0, of: graphs.old, old: old, new: new, on: pool)
    }
    if pool.isCancelled { throw Diagnostic(.interrupted, "interrupted") }
    return (values, provenance)
  }
}
