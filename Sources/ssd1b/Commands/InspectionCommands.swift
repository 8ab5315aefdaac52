import Base
import Inspection
import Models
import Shell

/// What a model is made of, from headers and configs alone.
enum InspectionCommands {
  private static let subjects =
    "a built-in architecture (\(Architecture.names.joined(separator: ", "))), or the path of a safetensors file or a model's folder"

  static let layers = Command<Session>(
    CommandDeclaration(
      "layers", aliases: ["l"], group: "Inspection",
      summary: "the tree of layers: shapes, parameters, bytes, cost, time",
      discussion: """
        PATH is a component (text_encoder, text_encoder_2, unet, vae) or a path in it. Before it may stand what to look at \
        instead of the loaded model: \(subjects). Tensors that no network is known for are listed by their names, all of them.

        Multiply-adds are those of one forward at batch 1 and the present size; times are sums over the last run.
        """,
      arguments: [
        ArgumentDeclaration(
          "PATH", .named("path"), isOptional: true, isRepeated: true, summary: "what to list")
      ],
      options: [
        OptionDeclaration("depth", .integer(0...100), summary: "levels to unfold"),
        OptionDeclaration(
          "filter", .text, summary: "layers whose path contains this, fits this glob or /regex/"),
        OptionDeclaration(
          "sort", .choice(LayerTree.SortKey.allCases.map(\.rawValue)), summary: "largest first"),
        OptionDeclaration("top", .integer(1...1_000_000), summary: "only so many rows"),
        OptionDeclaration(
          "columns", .text,
          summary: "which to show: \(LayerListing.Column.allCases.map(\.rawValue).joined(separator: ","))"),
      ], givesTable: true, evidence: .result(without: ["seconds"]),
      examples: [
        ("layers", "the whole model"), ("layers unet.mid_block", "one block"),
        ("layers unet filter=attn2 sort=params top=5", "the largest cross-attention layers"),
        ("layers ssd1b unet depth=1 columns=params,share", "SSD-1B itself, without a checkpoint"),
        ("layers unet as=csv", "every row, for another program"),
      ])
  ) { invocation, session in
    var words = invocation.texts("PATH")
    let view = try session.takeView(&words)
    if words.count > 1 {
      throw Diagnostic(
        .usage, at: "layers", "expected one path, found \(words.joined(separator: " and "))",
        hint:
          "a checkpoint's path has a slash or ends in .safetensors and comes first: layers ./lora.safetensors unet"
      )
    }
    var options = LayerTree.Options()
    options.path = words.first
    options.depth = try invocation.integer("depth")
    options.filter = try invocation.text("filter").map { try PathPattern($0) }
    options.sort = invocation.text("sort").flatMap { LayerTree.SortKey(rawValue: $0) }
    options.top = try invocation.integer("top")
    let tree = LayerTree(
      try view.components(), weights: view.subject.weights, time: view.isLoaded ? session.measuredTimes : nil)
    let isForPrograms = session.isJSON || invocation.outputForm != .text
    // Programs get every row; so do people of tensors that no network is known for, as far as a terminal can show them.
    if options.depth == nil,
      isForPrograms || (tree.isOfTensors && (session.width == nil || tree.rowCount <= 2000))
    {
      options.depth = .max
    }
    let listing: LayerListing
    do {
      listing = try tree.listing(options)
    } catch var fault as Diagnostic {
      if let word = options.path, fault.place == word, let hint = Session.hint(forUnknownPath: word) {
        fault.hint = hint
      }
      throw fault
    }
    let columns: [LayerListing.Column]? = try choices("columns", of: invocation)
    var output = CommandOutput(
      view.caption + "\n"
        + listing.table(columns: columns ?? listing.defaultColumns).text(maximumWidth: session.width),
      result: listing.json, tables: [listing.data])
    // Which rows there are, and in which order, is then the moment's too.
    output.isMomentary = options.sort == .time
    output.isOfLastRun = output.isMomentary
    if session.keepsEvidence {
      // The same whatever the output's form and the terminal's width are.
      options.depth = try invocation.integer("depth") ?? .max
      output.evidenceResult = try tree.listing(options).json
    }
    return output
  }

  static let params = Command<Session>(
    CommandDeclaration(
      "params", group: "Inspection", summary: "parameters counted by component, block, kind or dtype",
      discussion: "MODEL is \(subjects).",
      arguments: [
        ArgumentDeclaration(
          "MODEL", .named("model"), isOptional: true, summary: "the loaded one unless given")
      ],
      options: [
        OptionDeclaration(
          "by", .choice(ParameterCount.Grouping.allCases.map(\.rawValue)), summary: "component unless given")
      ], givesTable: true,
      examples: [
        ("params", "by component"), ("params by=dtype", "how the checkpoint stores them"),
        ("params ssd1b by=kind", "of SSD-1B, by kind of layer"),
      ])
  ) { invocation, session in
    let view = try invocation.text("MODEL").map { try session.view(ofModel: $0) } ?? session.loadedView
    let grouping = invocation.text("by").flatMap { ParameterCount.Grouping(rawValue: $0) } ?? .component
    let count = try ParameterCount(view.components(), by: grouping, weights: view.subject.weights)
    let notes = view.subject.notes.map { $0 + "\n" }.joined()
    return CommandOutput(
      notes + count.table.text(maximumWidth: session.width), result: count.json, tables: [count.data])
  }

  /// Names from a list that an option gives, parted by commas.
  static func choices<T: RawRepresentable & CaseIterable>(_ option: String, of invocation: Invocation) throws
    -> [T]?
  where T.RawValue == String {
    try invocation.names(option)?.map { name in
      if let value = T(rawValue: name) { return value }
      let known = T.allCases.map(\.rawValue)
      throw Diagnostic(
        .value, at: option, "expected \(NearestNames.list(known, "or")), found \(name)",
        hint: NearestNames.hint(for: name, among: known, fallback: "several are parted by commas"))
    }
  }
}
