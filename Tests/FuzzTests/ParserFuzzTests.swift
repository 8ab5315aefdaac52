import Base
import Checkpoints
import Diffusion
import Foundation
import Graph
import Imaging
import Inspection
import Models
import Shell
import Terminal
import Testing

/// Nearly sound inputs for every parser: each is read, or refused by a `Diagnostic`, in a moment.
///
/// `SSD1B_FUZZ_SECONDS` says how long in all, `SSD1B_FUZZ_SEED` where to begin. A crash leaves the number of the seed that
/// caused it in the file that was printed.
@Suite(.serialized) struct ParserFuzzTests {
  /// A parser, and what it is fed with.
  struct Target: Sendable, CustomTestStringConvertible {
    let name: String
    let mutator: @Sendable () throws -> Mutator
    let parse: @Sendable (Data) throws -> Void
    var testDescription: String { name }
  }

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let model = repository + "/Sources/CEmbeddedModel/model"
  static let goldens = repository + "/Tests/Goldens"

  static func files(_ folder: String, _ ending: String, most: Int = 40, below: Int = 16_000) -> [Data] {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(ending) }.sorted().lazy.compactMap {
      FileManager.default.contents(atPath: "\(folder)/\($0)")
    }.filter { $0.count < below }.prefix(most).map { $0 }
  }

  /// Writes an input to a file for a parser that wants one.
  static func withFile(_ data: Data, _ ending: String, _ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "/ssd1b-fuzz-\(getpid())\(ending)"
    defer { unlink(path) }
    try data.write(to: URL(fileURLWithPath: path))
    try body(path)
  }

  static let targets: [Target] = [
    Target(name: "safetensors") {
      Mutator(
        samples: files(goldens, ".safetensors") + files(model, ".safetensors"),
        words: [
          "\"dtype\":\"F32\"", "\"shape\":[", "\"data_offsets\":[", "__metadata__", "F8_E4M3", "BF16", "{",
          "}", ",",
        ])
    } parse: { data in
      try withFile(data, ".safetensors") { path in
        let subject = try Subject(path: path)
        for component in try subject.components(width: 64, height: 64) { _ = LayerTree([component]).paths }
        for part in subject.parts {
          for tensor in part.checkpoint?.tensors.values.prefix(3) ?? [:].values.prefix(0) {
            _ = try StoredElements(tensor).head(8)
          }
        }
      }
    },
    Target(name: "JSON") {
      Mutator(
        samples: files(goldens, ".json") + files(model, ".json"),
        words: ["{", "}", "[", "]", ":", ",", "\"", "\\u", "true"])
    } parse: { data in
      _ = try JSONValue(parsing: data, at: "fuzz").text()
    },
    Target(name: "configs") {
      Mutator(
        samples: Architecture.Component.allCases.flatMap { component in
          ["sdxl", "ssd1b", "vega"].compactMap {
            Architecture.publishedConfig(component, of: $0).map { Data($0.utf8) }
          }
        },
        words: [
          "null", "true", "1", "[2,4]", "\"CrossAttnDownBlock2D\"", "\"down_block_types\":",
          "\"attention_head_dim\":",
        ])
    } parse: { data in
      let json = try JSONValue(parsing: data, at: "fuzz")
      for component in Architecture.Component.allCases {
        do {
          let architecture = try Architecture(
            name: "fuzz",
            configs: { name in
              guard name != component.rawValue else { return json }
              let text = Architecture.publishedConfig(.init(rawValue: name) ?? .unet, of: "ssd1b") ?? ""
              return try JSONValue(parsing: Data(text.utf8), at: name)
            }, place: { $0 })
          _ = try architecture.graph(component, width: 64, height: 64, batch: 1).tensors
        } catch is Diagnostic {}
      }
    },
    Target(name: "schedulers") {
      Mutator(
        samples: files(model + "/scheduler", ".json") + files(goldens + "/sampling", ".json"),
        words: [
          "\"beta_schedule\":", "\"prediction_type\":", "\"v_prediction\"", "\"timestep_spacing\":",
          "\"leading\"", "1000",
        ])
    } parse: { data in
      let config = try SchedulerConfig(JSONValue(parsing: data, at: "fuzz"), at: "fuzz")
      for scheduler in Scheduler.allCases { _ = try? scheduler.sampler(config, steps: 7) }
    },
    Target(name: "tokenizer files") {
      Mutator(
        samples: files(model + "/tokenizer", ".txt", below: 64_000)
          + files(model + "/tokenizer", ".json", below: 64_000),
        words: ["</w>", "\n", " ", "<|endoftext|>", "\"normalized\":"])
    } parse: { data in
      func file(_ name: String) -> Data {
        FileManager.default.contents(atPath: "\(model)/tokenizer/\(name)") ?? Data()
      }
      for name in ["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"] {
        func given(_ other: String) -> Data { name == other ? data : file(other) }
        do {
          let tokenizer = try CLIPTokenizer(
            vocabulary: given("vocab.json"), merges: given("merges.txt"),
            configuration: given("tokenizer_config.json"), specialTokensMap: given("special_tokens_map.json"),
            at: "fuzz")
          _ = tokenizer.encodePadded("a small fox on a blue background <|endoftext|>")
        } catch is Diagnostic {}
      }
    },
    Target(name: "texts") {
      Mutator(
        samples: [
          "a fox", "déjà vu 狐 🦊 &amp; &#x1F98A; Ã©", "l’été (masterpiece:1.2) <lora:x:1>", "\u{301}\u{301}e",
        ].map { Data($0.utf8) },
        words: ["&lt;", "Ã¢â‚¬", "\u{202E}", "\u{1F468}\u{200D}", "’", "\u{FFFD}"])
    } parse: { data in
      let text = String(decoding: data, as: UTF8.self)
      _ = try tokenizer.encodePadded(text)
      _ = DisplayWidth.truncated(DisplayWidth.sanitized(text), to: 20)
      _ = text.escapingInvisibles
    },
    Target(name: "infotext") {
      Mutator(
        samples: files(goldens, "infotext.json") + [
          Data(
            "a fox\nNegative prompt: red\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
              .utf8)
        ], words: ["Steps: ", "Negative prompt: ", ", ", "\"", "\n", "Size: 1x", "Seed: -1"])
    } parse: { data in
      let infotext = Infotext(parsing: String(decoding: data, as: UTF8.self))
      _ = infotext.text
    },
    Target(name: "PNG") {
      Mutator(
        samples: files(goldens + "/png", ".png"), words: ["IDAT", "tEXt", "iTXt", "zTXt", "IEND", "PLTE"])
    } parse: { data in
      _ = try PNG.decode(data, named: "fuzz")
    },
    Target(name: "sessions") {
      Mutator(
        samples: [
          Data(
            "#!ssd1b 1\n#: model sha256:00 precision=f32 commands=1 values=1\nprompt a fox\ngenerate steps=8\n#= latents[0] sha256:00 mean=0 std=1 probe=1,2\n#~ time 3 s\n"
              .utf8)
        ], words: ["#= ", "#: ", "#~ ", "sha256:", "probe=", "mean=", "\"\"\"", "\\\n", "values="])
    } parse: { data in
      try withFile(data, ".session") { path in
        let file = try SessionFile(file: path, grammar: grammar)
        try file.checkWhole()
      }
    },
    Target(name: "kept runs") {
      Mutator(
        samples: [try keptRun()], words: ["ssd1b_run", "\\\"step\\\":", "latents.1", "guidance", "\"F32\""])
    } parse: { data in
      try withFile(data, ".run.safetensors") { _ = try Generation.Kept(path: $0) }
    },
    Target(name: "patterns") {
      Mutator(
        samples: ["*.attn2.*", "/conv[12]$/", "unet.mid_block", "/(a|b)+/"].map { Data($0.utf8) },
        words: ["*", "?", "(", ")+", "[", "\\", "/"])
    } parse: { data in
      // Some expressions take for ever, which Ctrl-C ends; here they are short.
      let pattern = try PathPattern(String(String(decoding: data, as: UTF8.self).prefix(10)))
      _ = try pattern.matches("unet.down_blocks.1.attn2.to_q")
    },
    Target(name: "terminal answers") {
      Mutator(
        samples: ["\u{1B}_Gi=31;OK\u{1B}\\\u{1B}P>|WezTerm\u{1B}\\\u{1B}[6;20;10t\u{1B}[?62;4c"].map {
          Data($0.utf8)
        },
        words: ["\u{1B}", "\u{1B}[", "\u{1B}_", "\u{1B}\\", "[?"])
    } parse: { data in
      var support = PictureSupport(environment: [:])
      let rest = support.read([UInt8](data))
      _ = PictureSupport.unfinishedReply(in: rest)
      _ = PictureSupport.isComplete([UInt8](data))
    },
    Target(name: "history") {
      Mutator(
        samples: [Data("prompt a fox\\nmore\nseed 7\n\\\\ x\n".utf8)], words: ["\\n", "\\", "\n", "\0"])
    } parse: { data in
      try withFile(data, ".history") { _ = History(path: $0).entries }
    },
  ]

  static let grammar: StatementGrammar = {
    let declaration = CommandDeclaration(
      "prompt", group: "x", summary: "x", arguments: [ArgumentDeclaration("TEXT", .text, summary: "x")],
      takesRawText: true,
      evidence: .none, examples: [])
    return CommandTable<Void>([Command(declaration) { _, _ in CommandOutput() }]).grammar()
  }()

  static let tokenizer: CLIPTokenizer = {
    func file(_ name: String) -> Data {
      FileManager.default.contents(atPath: "\(model)/tokenizer/\(name)") ?? Data()
    }
    // swift-format-ignore: NeverUseForceTry
    return try! CLIPTokenizer(
      vocabulary: file("vocab.json"), merges: file("merges.txt"),
      configuration: file("tokenizer_config.json"),
      specialTokensMap: file("special_tokens_map.json"), at: "tokenizer")
  }()

  /// An interrupted run's file, without a model.
  static func keptRun() throws -> Data {
    let request: [String: JSONValue] = [
      "prompt": "a fox", "negative": .null, "cfg": 4, "steps": 3, "seed": "7", "size": "128x128",
      "scheduler": "euler",
    ]
    let document: JSONValue = [
      "v": 1, "request": .object(request), "step": 1, "guidance": [[1, 2, 3]], "facts": ["model": "00"],
    ]
    let path = NSTemporaryDirectory() + "/ssd1b-fuzz-kept-\(getpid()).safetensors"
    defer { unlink(path) }
    try SafetensorsWriter.write(
      [("latents.0", [1, 4, 2, 2], [Float](repeating: 0, count: 16))],
      metadata: ["ssd1b_run": document.text()], to: path)
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// Of this thread, which what runs beside it does not change.
  private static var cpuSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  @Test("Nearly sound input is read or refused, at once", arguments: targets)
  func parse(_ target: Target) throws {
    let environment = ProcessInfo.processInfo.environment
    let seconds = (environment["SSD1B_FUZZ_SECONDS"].flatMap(Double.init) ?? 13) / Double(Self.targets.count)
    let first =
      environment["SSD1B_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    let mutator = try target.mutator()
    try #require(!mutator.samples.isEmpty)
    // The seed in hand, for whoever finds the process gone.
    let path = NSTemporaryDirectory() + "/ssd1b-fuzz-\(target.name.filter(\.isLetter))-\(getpid()).seed"
    let place = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer {
      close(place)
      unlink(path)
    }
    print("fuzz: \(target.name) from seed \(first), the seed in hand is in \(path)")
    let clock = ContinuousClock()
    let start = clock.now
    var (seed, refused) = (first, 0)
    while clock.now - start < .seconds(seconds) {
      let text = "\(seed)\n"
      _ = text.withCString { pwrite(place, $0, strlen($0), 0) }
      let begin = Self.cpuSeconds
      do {
        try target.parse(mutator.input(seed))
      } catch is Diagnostic {
        refused += 1
      } catch is LocatedDiagnostic {
        refused += 1
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
      let took = Self.cpuSeconds - begin
      if took > 5 { Issue.record("seed \(seed) took \(took) s") }
      seed += 1
    }
    print("fuzz: \(target.name): \(seed - first) inputs, \(refused) refused")
  }
}
