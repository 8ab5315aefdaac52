import Base
import Diffusion
import Foundation
import Imaging
import Inspection
import Models
import Shell

/// Where a word of the prompt acts in the picture.
enum AttentionCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "attention", group: "Inspection",
      summary: "where a word of the prompt acts: a heat map over the last picture",
      discussion: """
        The map is DAAM's (Tang et al. 2022, arXiv:2210.04885): the cross-attention probabilities of the word's tokens, \
        averaged over tokens, heads, layers and steps, each layer's brought to the latents' size by bicubic interpolation.

        After `capture attention` a run has the maps of all words. Else the first word asked for has the run's steps computed \
        again, for the prompt's half alone, from the latents that were kept; other words are then there at once.
        """,
      arguments: [
        ArgumentDeclaration(
          "WORD", .text, isRepeated: true, summary: "one word of the prompt, or several in a row")
      ],
      options: [
        OptionDeclaration("steps", .text, summary: "which steps, such as 1,5,-1; all unless given"),
        OptionDeclaration("out", .file, summary: "the PNG to write; attention-WORD.png unless given"),
      ], givesTable: true, evidence: .result(without: ["path"]),
      examples: [
        ("attention fox", "over all steps"),
        ("attention blue background steps=1,2,3 out=early.png", "a phrase, early on"),
      ])
  ) { invocation, session in
    let run = try session.lastRun()
    let words = invocation.texts("WORD").joined(separator: " ")
    try session.useBackendOfLastRun()
    let positions = try positions(of: words, in: run, session)
    let steps = try chosen(invocation.integers("steps"), of: run)
    let path = session.place(for: invocation.text("out") ?? "attention-\(fileName(words)).png")
    try OutputPath.checkPicture(path)
    let maps = try maps(of: run, steps, session)
    let map = maps.map(of: positions)
    let picture = try session.lastPicture(of: run)
    let overlay = overlay(map, height: maps.height, width: maps.width, on: picture)
    let facts: [String: JSONValue] = [
      "attention": .string(words), "attention_steps": .array(steps.map(JSONValue.integer)),
    ]
    try PNG.write(overlay, text: session.record(of: run).text(facts), to: path)

    let statistics = Statistics(of: map)
    var data = DataTable(["y", "x", "value"])
    for (index, value) in map.enumerated() {
      data.append([.integer(index / maps.width), .integer(index % maps.width), .number(Double(value))])
    }
    let lines = [
      "\(path.escapingInvisibles)  \(words.escapingInvisibles): \(Number.counted(positions.count, "token")), \(Number.counted(steps.count, "step")), "
        + "least \(Number.significant(statistics.minimum, 3)), mean \(Number.significant(statistics.mean, 3)), "
        + "most \(Number.significant(statistics.maximum, 3))",
      shading(map, height: maps.height, width: maps.width),
    ]
    return .ofLastRun(
      lines.joined(separator: "\n"),
      result: [
        "path": .string(path), "word": .string(words), "tokens": .array(positions.map(JSONValue.integer)),
        "steps": .array(steps.map(JSONValue.integer)), "min": .number(statistics.minimum),
        "mean": .number(statistics.mean),
        "max": .number(statistics.maximum),
        "height": .integer(maps.height), "width": .integer(maps.width),
        "map": .array(map.map { .number(Double($0)) }),
      ], tables: [data])
  }

  /// The places of a word's tokens in the prompt. Throws a `Diagnostic` that names the prompt's words.
  private static func positions(of words: String, in run: Generation, _ session: Session) throws -> [Int] {
    let tokenizer = try session.model().tokenizer(of: .textEncoder)
    let prompt = tokenizer.encodePadded(run.request.prompt).ids
    // Without the begin and the end that every text gets.
    let wanted = Array(tokenizer.encode(words).dropFirst().dropLast())
    let starts =
      wanted.isEmpty || wanted.count > prompt.count
      ? [] : (0...(prompt.count - wanted.count)).filter { Array(prompt[$0..<($0 + wanted.count)]) == wanted }
    guard !starts.isEmpty else {
      let whole = tokenizer.encode(run.request.prompt)
      if !wanted.isEmpty, whole.count > prompt.count,
        whole.indices.contains(where: { whole[$0...].starts(with: wanted) })
      {
        throw Diagnostic(
          .value, at: "attention",
          "expected a word of the prompt's first \(prompt.count) tokens, found \(words) after them",
          hint: "what is past the last token is cut off and acts nowhere: shorten the prompt")
      }
      let known = run.request.prompt.split { !$0.isLetter && !$0.isNumber }.map(String.init)
      throw Diagnostic(
        .value, at: "attention", "expected a word of the prompt, found \(words)",
        hint: NearestNames.hint(
          for: words, among: known,
          fallback: known.isEmpty
            ? "the last run had no prompt" : "the last run's prompt is: \(run.request.prompt)"))
    }
    return starts.flatMap { Array($0..<($0 + wanted.count)) }
  }

  private static func chosen(_ steps: [Int]?, of run: Generation) throws -> [Int] {
    guard run.step > 0 else {
      throw Diagnostic(
        .usage, at: "attention", "expected a run of at least one step, found none",
        hint: "generate a picture first")
    }
    return try CaptureRule.steps(steps, of: run.step)?.sorted() ?? Array(1...run.step)
  }

  /// The run's maps, from memory if they were computed before.
  private static func maps(of run: Generation, _ steps: [Int], _ session: Session) throws -> AttentionMaps {
    if let kept = session.attention, kept.steps == steps { return kept.maps }
    var progress = session.progress
    defer { progress.finish() }
    let start = ContinuousClock.now
    let maps = try session.model().attentionMaps(of: run, steps: steps) { done in
      let elapsed = ContinuousClock.now - start
      progress.update(
        done: done, total: steps.count, elapsed: elapsed, secondsPerStep: elapsed.seconds / Double(done),
        label: "attention")
    }
    session.attention = (steps, maps)
    return maps
  }

  /// The map in colour over the picture in grey, from its least to its greatest value.
  private static func overlay(_ map: [Float], height: Int, width: Int, on picture: Image) -> Image {
    let large = Bicubic.resized(map, from: (height, width), to: (picture.height, picture.width))
    let (low, high) = (map.min() ?? 0, map.max() ?? 1)
    let range = high > low ? high - low : 1
    var pixels = picture.pixels
    for index in large.indices {
      let share = max(0, min(1, (large[index] - low) / range))
      let color = HeatScale.color(at: share)
      let (r, g, b) = (Float(pixels[3 * index]), Float(pixels[3 * index + 1]), Float(pixels[3 * index + 2]))
      // Luma of BT.601; the more there is to see, the more colour.
      let grey = 0.299 * r + 0.587 * g + 0.114 * b
      let weight = 0.35 + 0.4 * share
      for c in 0..<3 { pixels[3 * index + c] = UInt8(grey * (1 - weight) + Float(color[c]) * weight) }
    }
    return Image(width: picture.width, height: picture.height, pixels: pixels)
  }

  /// The map in shades of characters, two columns a place so that it comes out square.
  private static func shading(_ map: [Float], height: Int, width: Int) -> String {
    let shades = [" ", "░", "▒", "▓", "█"]
    let columns = min(width, 32)
    let rows = max(1, height * columns / width)
    let small = Bicubic.resized(map, from: (height, width), to: (rows, columns))
    let (low, high) = (small.min() ?? 0, small.max() ?? 1)
    let range = high > low ? high - low : 1
    return (0..<rows).map { y in
      (0..<columns).map { x in
        let share = (small[y * columns + x] - low) / range
        let shade = shades[min(shades.count - 1, Int(share * Float(shades.count)))]
        return shade + shade
      }.joined()
    }.joined(separator: "\n")
  }

  private static func fileName(_ words: String) -> String {
    String(words.map { $0.isLetter || $0.isNumber ? $0 : "-" }.prefix(40))
  }
}
