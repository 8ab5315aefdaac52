import Base
import Graph
import Inspection
import Models
import Shell

/// What the model is made of, from headers and configs alone.
enum InspectionCommands {
  static let layers = Command<Session>(
    CommandDeclaration(
      "layers", aliases: ["l"], group: "Inspection", summary: "the tree of layers: shapes, parameters, bytes, cost",
      discussion: """
        PATH is a component (text_encoder, text_encoder_2, unet, vae), a path in it, or a built-in architecture \
        (\(Architecture.names.joined(separator: ", "))), which needs no checkpoint. Cost is multiply-adds of one forward at batch 1.
        """,
      arguments: [ArgumentDeclaration("PATH", .named("path"), isOptional: true, isRepeated: true, summary: "what to list")],
      options: [
        OptionDeclaration("depth", .integer(0...100), summary: "levels to unfold"),
        OptionDeclaration("filter", .text, summary: "only layers whose path fits, such as attn2"),
        OptionDeclaration("sort", .choice(LayerTree.SortKey.allCases.map(\.rawValue)), summary: "largest first"),
        OptionDeclaration("top", .integer(1...100_000), summary: "only so many rows"),
      ],
      examples: [
        ("layers", "the whole model"), ("layers unet.mid_block", "one block"),
        ("layers unet filter=attn2 sort=params top=5", "the largest cross-attention layers"),
        ("layers ssd1b", "SSD-1B itself"),
      ])
  ) { invocation, session in
    var words = invocation.texts("PATH")
    let model = try inspected(&words, session)
    var options = LayerTree.Options()
    options.path = words.first
    options.depth = try invocation.integer("depth")
    options.filter = invocation.texts("filter").last.map { PathPattern($0) }
    options.sort = invocation.texts("sort").last.flatMap { LayerTree.SortKey(rawValue: $0) }
    options.top = try invocation.integer("top")
    let listing = try LayerTree(components: model.components(), weights: model.weights).listing(options)
    return CommandOutput("\(model.caption)\n" + listing.table.text(maximumWidth: session.width), result: listing.json)
  }

  static let params = Command<Session>(
    CommandDeclaration(
      "params", group: "Inspection", summary: "parameters counted by component, block, kind or dtype",
      arguments: [ArgumentDeclaration("ARCHITECTURE", .choice(Architecture.names), isOptional: true, summary: "a built-in one")],
      options: [
        OptionDeclaration("by", .choice(ParameterCount.Grouping.allCases.map(\.rawValue)), summary: "component unless given")
      ], examples: [("params", "by component"), ("params ssd1b by=kind", "of SSD-1B, by kind of layer")])
  ) { invocation, session in
    var words = invocation.texts("ARCHITECTURE")
    let model = try inspected(&words, session)
    let grouping = invocation.texts("by").last.flatMap { ParameterCount.Grouping(rawValue: $0) } ?? .component
    let count = try ParameterCount(components: model.components(), by: grouping, weights: model.weights)
    return CommandOutput(count.table.text(maximumWidth: session.width), result: count.json)
  }

  static let diff = Command<Session>(
    CommandDeclaration(
      "diff", group: "Inspection", summary: "what was pruned: the UNet against another, block by block",
      discussion: """
        Rows are marked - removed, + added, ~ changed, = the same. With one name, the loaded model is held against \
        it; where their widths differ, against its topology at the loaded model's widths.
        """,
      arguments: [
        ArgumentDeclaration("FROM", .choice(Architecture.names), summary: "the larger one"),
        ArgumentDeclaration("TO", .choice(Architecture.names), isOptional: true, summary: "the loaded model unless given"),
      ],
      options: [
        OptionDeclaration("level", .choice(GraphDiff.Level.allCases.map(\.rawValue)), summary: "block unless given"),
        OptionDeclaration("only", .text, summary: "statuses to show, such as removed,changed"),
      ],
      examples: [("diff sdxl", "what the loaded model lacks"), ("diff sdxl ssd1b only=removed", "what SSD-1B lost")])
  ) { invocation, session in
    let old = try InspectedModel(named: invocation.required("FROM"), in: session)
    let new = try invocation.text("TO").map { try InspectedModel(named: $0, in: session) } ?? InspectedModel(loadedIn: session)
    let newGraph = try new.graph(.unet)
    let sameWidths = old.architecture.unet.config.blockOutChannels == new.architecture.unet.config.blockOutChannels
    var notes = ["\(new.name) against \(old.name) at \(new.width)x\(new.height), batch 1"]
    let teacher: UNet
    if sameWidths {
      teacher = old.architecture.unet
    } else {
      teacher = UNet(config: try old.architecture.unet.config.resized(like: new.architecture.unet.config))
      let (wide, narrow) = (old.architecture.unet.config.blockOutChannels, new.architecture.unet.config.blockOutChannels)
      notes.append("widths differ (\(wide) against \(narrow)): \(old.name)'s blocks are counted at \(new.name)'s widths")
    }
    let scale = new.architecture.vae.scaleFactor
    let oldGraph = try teacher.graph(
      batch: 1, height: new.height / scale, width: new.width / scale, tokens: new.architecture.tokenCount)
    let level = invocation.texts("level").last.flatMap { GraphDiff.Level(rawValue: $0) } ?? .block
    let table = DiffTable(
      GraphDiff(from: oldGraph, to: newGraph), from: old.name, to: new.name, level: level, only: try statuses(invocation))
    return CommandOutput(
      notes.joined(separator: "\n") + "\n" + table.table.text(maximumWidth: session.width), result: table.json)
  }

  private static func statuses(_ invocation: Invocation) throws -> Set<GraphDiff.Status> {
    guard let names = try invocation.names("only") else { return Set(GraphDiff.Status.allCases) }
    return Set(
      try names.map { name in
        guard let status = GraphDiff.Status(rawValue: name) else {
          let known = GraphDiff.Status.allCases.map(\.rawValue)
          throw Diagnostic(
            .value, at: "only", "expected \(known.joined(separator: ", ")), found \(name)",
            hint: NearestNames.hint(for: name, among: known, fallback: "separate several by commas"))
        }
        return status
      })
  }

  /// Takes a leading built-in name off `words`; without one, the loaded model is meant.
  private static func inspected(_ words: inout [String], _ session: Session) throws -> InspectedModel {
    guard let name = words.first, Architecture.names.contains(name) else { return InspectedModel(loadedIn: session) }
    words.removeFirst()
    return try InspectedModel(named: name, in: session)
  }
}
