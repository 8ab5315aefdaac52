import Base
import Foundation
import Imaging
import Testing

/// `recall` of texts that no picture in Tests/Goldens/recall has.
@Suite struct RecallFormatsTests {
  /// Texts, and what they give: values, and parts of all their notes.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let texts: [PNG.Text]
    let settings: [String: JSONValue]
    let notes: [String]

    var testDescription: String { name }

    init(_ name: String, _ texts: [PNG.Text], _ settings: [String: JSONValue], notes: [String] = []) {
      (self.name, self.texts, self.settings, self.notes) = (name, texts, settings, notes)
    }

    /// A graph around the KSampler 3, whose inputs are added or replaced by others, as other nodes are.
    init(
      graph name: String, _ inputs: [String: String], _ nodes: [String: String],
      _ settings: [String: JSONValue], notes: [String] = []
    ) {
      let usual = [
        "seed": "7", "steps": "12", "cfg": "6", "sampler_name": #""euler""#, "scheduler": #""normal""#,
        "denoise": "1", "positive": #"["6", 0]"#, "negative": #"["7", 0]"#, "latent_image": #"["5", 0]"#,
      ]
      let sampler = usual.merging(inputs) { $1 }.map { "\"\($0)\": \($1)" }.joined(separator: ", ")
      let all = [
        "3": "KSampler: \(sampler)", "5": #"EmptyLatentImage: "width": 512, "height": 256"#,
        "6": #"CLIPTextEncode: "text": "a fox""#, "7": #"CLIPTextEncode: "text": "ugly""#,
      ].merging(nodes) { $1 }
      self.init(name, [("prompt", Self.graph(all))], settings, notes: notes)
    }

    /// The JSON of nodes, each `kind: inputs`.
    static func graph(_ nodes: [String: String]) -> String {
      let list = nodes.map { id, node in
        let parts = node.split(separator: ": ", maxSplits: 1)
        return #""\#(id)": {"class_type": "\#(parts[0])", "inputs": {\#(parts.count > 1 ? parts[1] : "")}}"#
      }
      return "{\(list.joined(separator: ", "))}"
    }
  }

  static let infotexts = [
    Case(
      "stable-diffusion.cpp's JSON",
      [
        (
          "parameters",
          """
          a fox
          Steps: 8, CFG scale: 2.500000, Seed: 9, Size: 64x128, RNG: cpu, Sampler: dpm++2m karras, Version: \
          stable-diffusion.cpp, SDCPP: {"seed": 1, "prompt": {"positive": "Steps: 1, Seed: 2, Size: 8x8"}, \
          "loras": [{"name": "fur", "multiplier": 0.5}, {"name": "none", "multiplier": 0}]}
          """
        )
      ],
      [
        "prompt": "a fox", "steps": 8, "cfg": 2.5, "seed": 9, "size": "64x128",
        "scheduler": "dpmpp_2m_karras",
      ], notes: ["LoRA fur"]),
    Case(
      "a schedule in the name",
      [("parameters", "a fox\nSteps: 8, Sampler: euler discrete, Seed: 9, RNG: CPU")],
      ["scheduler": "euler", "seed": 9]),
    Case(
      "A1111's automatic schedule",
      [("parameters", "a fox\nSteps: 8, Sampler: DPM++ 2M, Schedule type: Automatic, Seed: 9, RNG: CPU")],
      ["scheduler": "dpmpp_2m_karras"]),
    Case(
      "values that change nothing",
      [
        (
          "parameters",
          """
          a fox
          Steps: 8, Sampler: Euler, Seed: 9, RNG: CPU, Variation seed: 5, Variation seed strength: 0, Denoising strength: 1, \
          Clip skip: 2, Refiner: None, Tiling: False, Token merging ratio: 0.0, ENSD: 31337, Face restoration: None
          """
        )
      ], ["seed": 9]),
    Case(
      "values that change the picture",
      [
        (
          "parameters",
          """
          a fox
          Steps: 8, Sampler: Euler a, Seed: 9, RNG: CPU, Variation seed: 5, Variation seed strength: 0.3, ENSD: 31337, \
          Denoising strength: 0.4, Refiner: x, ControlNet 0: "a, b"
          """
        )
      ], ["scheduler": "euler_ancestral"],
      notes: ["ENSD 31337", "began with another picture", "the refiner, the variation seed and ControlNet"]),
    Case(
      "no values of a relative kind",
      [("parameters", "a fox\nSteps: +1, CFG scale: +2, Seed: +3, Size: 16:9, RNG: CPU")],
      ["prompt": "a fox"],
      notes: ["cfg stays", "steps stays", "seed stays", "size stays"]),
    Case(
      "UTF-8 where Latin-1 belongs", [("parameters", "fÃ¼r\nSteps: 8, Sampler: Euler, Seed: 9, RNG: CPU")],
      ["prompt": "fÃ¼r"]),
  ]

  static let others = [
    Case(
      "Draw Things",
      [
        (
          "XML:com.adobe.xmp",
          """
          <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description><exif:UserComment><rdf:Alt><rdf:li \
          xml:lang="x-default">{&quot;c&quot;:&quot;a fox &amp; a cat&quot;,&quot;uc&quot;:&quot;ugly&quot;,&quot;\
          steps&quot;:8,&quot;sampler&quot;:&quot;DPM++ 2M Karras&quot;,&quot;scale&quot;:4.5,&quot;seed&quot;:7,&quot;\
          size&quot;:&quot;512x768&quot;,&quot;strength&quot;:1,&quot;seed_mode&quot;:&quot;Scale Alike&quot;,&quot;clip_skip\
          &quot;:1,&quot;lora&quot;:[{&quot;model&quot;:&quot;fur&quot;,&quot;weight&quot;:0.6}]}</rdf:li></rdf:Alt>\
          </exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>
          """
        )
      ],
      [
        "prompt": "a fox & a cat", "negative": "ugly", "steps": 8, "cfg": 4.5, "seed": 7, "size": "512x768",
        "scheduler": "dpmpp_2m_karras",
      ], notes: ["Scale Alike", "LoRA fur"]),
    Case(
      "Fooocus with what it adds",
      [
        ("fooocus_scheme", "fooocus"),
        (
          "parameters",
          """
          {"prompt": "a fox", "negative_prompt": "", "styles": "['Fooocus V2']", "steps": 30, "guidance_scale": 4, \
          "resolution": "(1024, 1024)", "sampler": "euler", "scheduler": "karras", "seed": "5", "refiner_model": "None", \
          "loras": [["fur", 0.5, "abc"], ["off", 0, "def"]], "lora_combined_1": "fur : 0.5", "clip_skip": 2}
          """
        ),
      ], ["prompt": "a fox", "seed": 5, "scheduler": "euler_karras"], notes: ["LoRA fur", "styles"]),
    Case(
      "SwarmUI with numbers as texts",
      [
        (
          "parameters",
          """
          {"sui_image_params": {"prompt": "a fox", "seed": "5", "steps": "20", "cfgscale": "7.5", "width": "640", \
          "height": "512", "sampler": "euler", "scheduler": "normal", "loras": "fur,off", "loraweights": "1,0"}}
          """
        )
      ], ["prompt": "a fox", "negative": .null, "seed": 5, "steps": 20, "cfg": 7.5, "size": "640x512"],
      notes: ["LoRA fur"]),
    Case(
      "NovelAI, with its prompt under another keyword",
      [
        ("Software", "NovelAI"), ("Description", "a {fox}"),
        (
          "Comment",
          #"{"steps": 28, "scale": 5, "seed": 5, "sampler": "k_dpmpp_2m", "noise_schedule": "karras"}"#
        ),
      ], ["prompt": "a {fox}", "scheduler": "dpmpp_2m_karras"], notes: ["{fox}"]),
    Case(
      "InvokeAI, with lists that are empty",
      [
        (
          "invokeai_metadata",
          """
          {"generation_mode": "sdxl_txt2img", "positive_prompt": "a fox", "positive_style_prompt": "", "seed": 5, \
          "loras": [], "controlnets": [], "clip_skip": 0, "refiner_model": null, "seamless_x": false, "strength": 0.5}
          """
        )
      ], ["prompt": "a fox", "seed": 5]),
    Case(
      "InvokeAI 1's command",
      [("Dream", #""a fox [ugly, blurry]" -s 20 -S 5 -W 512 -H 256 -C 7.5 -A k_euler_a"#)],
      ["prompt": "a fox", "negative": "ugly, blurry", "size": "512x256", "scheduler": "euler_ancestral"],
      notes: ["GPU"]),
    Case(
      "Easy Diffusion",
      [
        ("Prompt", "a fox"), ("Negative Prompt", "ugly"), ("Seed", "5"), ("Steps", "20"),
        ("Guidance Scale", "7.5"),
        ("Width", "512"), ("Height", "256"), ("Sampler", "euler_a"), ("Clip Skip", "False"),
      ],
      [
        "prompt": "a fox", "negative": "ugly", "seed": 5, "steps": 20, "size": "512x256",
        "scheduler": "euler_ancestral",
      ]),
  ]

  @Test("Texts of many programs", arguments: [infotexts, graphs, others])
  func formats(cases: [Case]) throws {
    let image = Image(width: 2, height: 2, pixels: [UInt8](repeating: 9, count: 12))
    try Program.withFolder { folder in
      for (index, item) in cases.enumerated() {
        try PNG.write(image, text: item.texts, to: "\(folder)/\(index).png")
      }
      let outcomes = try RecallCasesTests.recall(cases.indices.map { "\($0).png" }, in: folder)
      for (item, outcome) in zip(cases, outcomes) {
        #expect(outcome.recall["ok"] == true, "\(item.name): \(outcome.recall)")
        let items = if case .array(let items)? = outcome.recall["notes"] { items } else { [JSONValue]() }
        for (name, value) in item.settings {
          #expect(outcome.settings[name] == value, "\(item.name): \(name)")
        }
        let notes = items.compactMap { if case .string(let note) = $0 { note } else { nil } }
        #expect(notes.count == item.notes.count, "\(item.name): \(notes)")
        for part in item.notes {
          #expect(notes.contains { $0.contains(part) }, "\(item.name): \(part) in \(notes)")
        }
      }
    }
  }
}
