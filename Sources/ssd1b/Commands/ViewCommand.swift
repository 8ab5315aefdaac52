import Base
import Diffusion
import Foundation
import Imaging
import Inspection
import Shell
import Terminal

/// Pictures in the terminal.
enum ViewCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "view", aliases: ["v"], group: "Pictures", summary: "shows a picture in the terminal",
      discussion: """
        FILE is a PNG; `last`, and nothing, are the last run's picture; step=N is a state on its way, decoded. `diff A B` \
        shows two pictures of one size and their difference side by side, and how far they are apart.

        The best that the terminal answers to is used: kitty's protocol, iTerm2's, sixel, else half blocks in colour. Inside \
        tmux half blocks or sixel; as=kitty and as=iterm2 work there where `allow-passthrough` is on. Off a terminal it says \
        where the picture is, or with as= writes what would show it.
        """,
      arguments: [
        ArgumentDeclaration(
          "FILE", .file, isOptional: true, isRepeated: true, words: ["last", "diff"],
          summary: "a PNG, last, or diff A B")
      ],
      options: [
        OptionDeclaration("step", .integer, summary: "a state of the last run; -1 is the last"),
        OptionDeclaration(
          "as", .choice(PictureProtocol.allCases.map(\.rawValue)), summary: "in place of the best"),
        OptionDeclaration("width", .integer(1...1000), summary: "character columns; what fits unless given"),
        OptionDeclaration("out", .file, summary: "where diff and step= write the picture too"),
      ], evidence: .unrecorded,
      examples: [
        ("view", "the last picture"), ("view fox.png as=blocks width=40", "a file, in half blocks"),
        ("view step=2", "what the run looked like after two steps"),
        ("view diff fox.png other.png", "where two pictures differ"),
      ])
  ) { invocation, session in
    let words = invocation.texts("FILE")
    let out = invocation.text("out").map(session.place(for:))
    var lines: [String] = []
    let image: Image
    var path: String?
    var facts: [String: JSONValue] = [:]
    if let step = try invocation.integer("step") {
      guard words.isEmpty || words == ["last"] else {
        throw Diagnostic(
          .usage, at: "view", "expected step= of the last run, found it with a file",
          hint: "view step=\(step)")
      }
      let run = try session.lastRun()
      let state = try DumpCommand.chosenStates([step], of: run, option: "step")[0]
      try session.useBackendOfLastRun()
      let pixels = try session.model().decode(state.latents, height: run.latentHeight, width: run.latentWidth)
      image = Image(width: run.request.width, height: run.request.height, decoded: pixels)
      path = out ?? (session.isInteractive ? nil : session.place(for: "step-\(state.step).png"))
      if let path {
        try OutputPath.checkPicture(path)
        let made: [String: JSONValue] = ["step": .integer(state.step), "decoded": "latents"]
        try PNG.write(image, text: session.record(of: run).text(made), to: path)
      }
      facts["step"] = .integer(state.step)
    } else if words.first == "diff" {
      let comparison = try compare(words.dropFirst().map(session.source(for:)))
      image = comparison.image
      lines.append(comparison.text)
      facts = comparison.facts
      path = out ?? (session.isInteractive ? nil : session.place(for: OutputPath.unused("difference.png")))
      if let path { try PNG.write(image, to: path) }
    } else if let file = words.first, file != "last" {
      guard words.count == 1 else {
        throw Diagnostic(
          .usage, at: "view", "expected one file, found \(words.count)",
          hint: "two are compared by: view diff A B")
      }
      image = try PNG.read(path: session.source(for: file)).image
      path = out ?? file
      if let out { try PNG.write(image, to: out) }
    } else {
      image = try session.lastPicture(of: session.lastRun())
      path = session.lastIsWritten ? session.lastPath : nil
    }
    if let path { lines.append("\(path.escapingInvisibles)  \(image.width)x\(image.height)") }
    facts.merge([
      "path": path.map(JSONValue.string) ?? .null, "width": .integer(image.width),
      "height": .integer(image.height),
    ]) { $1 }
    var output = CommandOutput(lines.joined(separator: "\n"), result: .object(facts))
    let kind = invocation.text("as").flatMap { PictureProtocol(rawValue: $0) }
    if (session.isInteractive && TerminalInfo.isTerminal(1)) || kind != nil, !session.isJSON {
      output.terminalText = try session.terminalText(
        image, by: kind, columns: try invocation.integer("width"))
      // Off a terminal, what was asked for alone.
      if !session.isInteractive { output.text = "" }
    }
    return output
  }

  static let pictures = Command<Session>(
    CommandDeclaration(
      "pictures", group: "Pictures", summary: "whether pictures are shown without being asked for",
      discussion: """
        On a terminal, while a run goes on, what the model takes the picture for is shown above the progress line, as a linear \
        map of the latents, and in the end the picture itself.
        """,
      arguments: [
        ArgumentDeclaration("STATE", .choice(["on", "off"]), isOptional: true, summary: "on or off")
      ],
      evidence: .unrecorded, examples: [("pictures off", "text alone")])
  ) { invocation, session in
    if let state = invocation.text("STATE") { session.picturesAreOn = state == "on" }
    let best = session.isInteractive ? ", by \(session.pictureSupport().best.rawValue)" : ""
    return CommandOutput(
      session.picturesAreOn ? "pictures are on\(best)" : "pictures are off",
      result: ["pictures": .bool(session.picturesAreOn)])
  }

  private static func compare(_ names: [String]) throws -> (
    image: Image, text: String, facts: [String: JSONValue]
  ) {
    guard names.count == 2 else {
      throw Diagnostic(
        .usage, at: "view diff", "expected two pictures, found \(names.count)",
        hint: "for example: view diff a.png b.png")
    }
    let (a, b) = (try PNG.read(path: names[0]).image, try PNG.read(path: names[1]).image)
    guard let difference = ImageDifference(a, b) else {
      throw Diagnostic(
        .value, at: "view diff",
        "expected pictures of one size, found \(a.width)x\(a.height) and \(b.width)x\(b.height)",
        hint: "generate both at one size")
    }
    let labels = (PathName(names[0]).last, PathName(names[1]).last)
    let text = difference.largest == 0 ? "the same pixels" : difference.summary
    return (
      difference.sheet(a, b, labels: labels), text,
      [
        "pixels": .integer(difference.pixels), "mean": .number(difference.mean),
        "most": .integer(difference.largest),
        "psnr": difference.psnr.isFinite ? .number(difference.psnr) : .null,
      ]
    )
  }
}
