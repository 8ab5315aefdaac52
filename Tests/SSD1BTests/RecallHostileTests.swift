import Base
import Foundation
import Imaging
import Testing

/// `recall` of what no program writes: graphs and texts that were made to harm, and files that are no PNG.
@Suite struct RecallHostileTests {
  /// Graphs of a size or shape that no program writes.
  private static var hostileTexts: [(name: String, text: PNG.Text)] {
    func graph(_ nodes: [String]) -> String { "{\(nodes.joined(separator: ", "))}" }
    func node(_ id: Int, _ kind: String, _ inputs: String) -> String {
      #""\#(id)": {"class_type": "\#(kind)", "inputs": {\#(inputs)}}"#
    }
    let sampler = #""seed": 1, "steps": 2, "cfg": 3, "sampler_name": "euler", "scheduler": "normal""#
    let ring = (0..<20_000).map { id in
      node(
        id, "KSampler",
        #"\#(sampler), "latent_image": ["\#((id + 1) % 20_000)", 0], "positive": ["\#(id)", 0], "negative": ["\#(id)", 0]"#
      )
    }
    let growing = (0..<200).map { id in
      node(
        id, "StringConcatenate",
        id == 0
          ? #""string_a": "\#(String(repeating: "x", count: 10_000))", "string_b": "y""#
          : #""string_a": ["\#(id - 1)", 0], "string_b": ["\#(id - 1)", 0]"#)
    }
    let chain = (0..<60_000).map { node($0, "Reroute", #""a": ["\#($0 + 1)", 0]"#) }
    let start = { (positive: Int) in
      node(99_999, "KSampler", #"\#(sampler), "positive": ["\#(positive)", 0], "model": ["\#(positive)", 0]"#)
    }
    return [
      ("samplers in a ring", ("prompt", graph(ring))),
      ("texts that grow twofold", ("prompt", graph(growing + [start(199)]))),
      ("a chain without an end", ("prompt", graph(chain + [start(0)]))),
      ("brackets", ("parameters", String(repeating: "([{<", count: 400_000))),
      (
        "tags", ("parameters", String(repeating: "<lora:", count: 300_000) + "\nSteps: 1, Seed: 2, Size: 8x8")
      ),
      ("lines", ("parameters", String(repeating: "Template:\n", count: 200_000))),
      (
        "settings and templates",
        ("parameters", String(repeating: "Steps: 1, Seed: 2, Size: 8x8\n", count: 40_000))
      ),
      (
        "digits",
        (
          "prompt",
          #"{"1": {"class_type": "KSampler", "inputs": {"seed": \#(String(repeating: "9", count: 500_000))}}}"#
        )
      ),
      ("a deep list", ("prompt", String(repeating: "[", count: 300_000))),
      ("one mark after another", ("parameters", "a" + String(repeating: "\u{301}", count: 300_000))),
      (
        "entities",
        (
          "XML:com.adobe.xmp",
          "<exif:UserComment>" + String(repeating: "&", count: 500_000) + "</exif:UserComment>"
        )
      ),
    ]
  }

  @Test("Texts made to harm are recalled or refused in moments, and no note is long")
  func hostile() throws {
    let image = Image(width: 2, height: 2, pixels: [UInt8](repeating: 9, count: 12))
    try Program.withFolder { folder in
      let texts = Self.hostileTexts
      for (index, item) in texts.enumerated() {
        try PNG.write(image, text: [item.text], to: "\(folder)/\(index).png")
      }
      let start = ContinuousClock.now
      let script = texts.indices.map { "recall \($0).png\n" }.joined() + "echo all read\n"
      let result = try Program.run(["--keep-going"], script: script, in: folder)
      #expect(
        [0, 1].contains(result.code) && result.output.hasSuffix("all read\n"), "\(result.errors.suffix(500))")
      for line in result.output.split(separator: "\n") where line.hasPrefix("note: ") {
        #expect(line.unicodeScalars.count < 2000)
      }
      // All of them took 7.5 s on one core of an EPYC; a walk without its limits takes minutes.
      #expect(ContinuousClock.now - start < .seconds(60))
    }
  }

  @Test("What is no PNG is named by its content, whatever its name")
  func notPNG() throws {
    try Program.withFolder { folder in
      let contents = [
        ("lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"),
        ("html", "<!DOCTYPE html><html></html>", "a web page"),
        ("json", "{\"error\": \"no such file\"}", "no such file"),
        ("text", "hello\n", "a text file"), ("empty", "", "an empty file"),
      ]
      for (name, text, _) in contents {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).png"))
      }
      let script = contents.map { "recall \($0.0).png\n" }.joined()
      let result = try Program.run(["--keep-going"], script: script, in: folder)
      for (name, _, kind) in contents {
        let line = result.errors.split(separator: "\n").first { $0.contains("\(name).png") } ?? ""
        #expect(line.contains("this is \(name == "json" ? "a JSON error reply: " : "")\(kind)"), "\(line)")
        #expect(line.contains("recall reads PNGs"))
      }
    }
  }
}
