import Base
import Foundation
import Imaging
import RandomNumbers
import Testing

/// Settings out of pictures of other programs, in the forms in which these write them.
@Suite struct RecallTests {
  private static let image = Image(width: 2, height: 2, pixels: [UInt8](repeating: 9, count: 12))

  /// As A1111 1.10 writes it, with a quoted value.
  private static let infotext = """
    a fox, (masterpiece:1.2)
    on two lines
    Negative prompt: blurry, ugly
    Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 3210987654, Size: 96x128, Model hash: \
    31e35c80fc, Model: "a, b", RNG: CPU, Version: v1.10.1
    """

  /// As ComfyUI writes the graph of its default workflow, with a text by way of another node.
  private static let graph = """
    {"3": {"inputs": {"seed": 156680208700286, "steps": 12, "cfg": 7.5, "sampler_name": "euler_ancestral", \
    "scheduler": "normal", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], \
    "latent_image": ["5", 0]}, "class_type": "KSampler", "_meta": {"title": "KSampler"}}, \
    "4": {"inputs": {"ckpt_name": "SSD-1B.safetensors"}, "class_type": "CheckpointLoaderSimple"}, \
    "5": {"inputs": {"width": 128, "height": 64, "batch_size": 1}, "class_type": "EmptyLatentImage"}, \
    "6": {"inputs": {"text": ["9", 0], "clip": ["4", 1]}, "class_type": "CLIPTextEncode"}, \
    "7": {"inputs": {"text": "", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"}, \
    "9": {"inputs": {"string": "a ghost 👻"}, "class_type": "PrimitiveString"}}
    """

  private static let invoke = """
    {"app_version": "4.2.0", "generation_mode": "sdxl_txt2img", "positive_prompt": "a rocket", "negative_prompt": "", \
    "width": 128, "height": 128, "seed": 77, "rand_device": "cuda", "cfg_scale": 3.0, "steps": 9, "scheduler": "euler_k", \
    "loras": []}
    """

  private func recall(_ texts: [PNG.Text], _ more: String = "", in folder: String) throws -> Program.Result {
    try PNG.write(Self.image, text: texts, to: folder + "/p.png")
    return try Program.run(script: "negative old\nrecall p.png\(more)\nset\n", in: folder)
  }

  /// The values that `set` shows.
  private func settings(_ output: String) -> [String: String] {
    var found: [String: String] = [:]
    for line in output.split(separator: "\n") where line.hasPrefix("* ") || line.hasPrefix("  ") {
      let words = line.dropFirst(2).split(separator: " ", maxSplits: 1)
      if words.count == 2 { found[String(words[0])] = words[1].trimmingCharacters(in: .whitespaces) }
    }
    return found
  }

  @Test("A1111's infotext")
  func infotext() throws {
    try Program.withFolder { folder in
      let result = try recall([("parameters", Self.infotext)], in: folder)
      #expect(result.code == 0, "\(result.errors)")
      let found = settings(result.output)
      #expect(
        found["steps"] == "28" && found["cfg"] == "6.5" && found["seed"] == "3210987654"
          && found["size"] == "96x128")
      #expect(found["scheduler"] == "dpmpp_2m_karras" && found["negative"] == "blurry, ugly")
      #expect(result.output.contains("a fox, (masterpiece:1.2)"))
      let notes = result.output.split(separator: "\n").filter { $0.hasPrefix("note:") }
      #expect(notes == ["note: weights such as (masterpiece:1.2) stay text here"])
      let few = Self.infotext.replacingOccurrences(of: "DPM++ 2M", with: "LCM")
        .replacingOccurrences(of: "Karras", with: "Automatic")
      #expect(try settings(recall([("parameters", few)], in: folder).output)["scheduler"] == "lcm")
      // Without RNG: CPU the noise was a GPU's.
      let other = Self.infotext.replacingOccurrences(of: ", RNG: CPU", with: "").replacingOccurrences(
        of: "DPM++ 2M", with: "UniPC")
      let noted = try recall([("parameters", other)], in: folder).output
      #expect(
        noted.contains("noise was drawn on a GPU")
          && noted.contains("its sampler UniPC with Karras' sigmas is not supported here"))
    }
  }

  @Test("ComfyUI's graph, through its links")
  func comfy() throws {
    try Program.withFolder { folder in
      let result = try recall([("prompt", Self.graph), ("workflow", "{}")], " except=steps", in: folder)
      #expect(result.code == 0, "\(result.errors)")
      let found = settings(result.output)
      #expect(found["prompt"] == "a ghost 👻" && found["cfg"] == "7.5" && found["seed"] == "156680208700286")
      #expect(found["size"] == "128x64" && found["scheduler"] == "euler_ancestral" && found["steps"] == "20")
      // An encoded empty text, not none: ComfyUI encodes it.
      #expect(found["negative"] != "none" && found["negative"] != "old")
    }
  }

  @Test("InvokeAI's metadata")
  func invoke() throws {
    try Program.withFolder { folder in
      let result = try recall([("invokeai_metadata", Self.invoke)], in: folder)
      let found = settings(result.output)
      #expect(
        found["prompt"] == "a rocket" && found["steps"] == "9" && found["cfg"] == "3" && found["seed"] == "77"
      )
      #expect(found["scheduler"] == "euler_karras" && found["negative"] == "none")
      #expect(result.output.contains("note: its noise was not drawn on the CPU"))
    }
  }

  @Test(
    "What carries no settings, or broken ones, says so and changes nothing",
    arguments: [
      ([] as [(String, String)], "no text in it"), ([("Comment", "hello")], "texts Comment"),
      ([("ssd1b", "{\"v\":1,")], "this is no JSON document"),
      ([("invokeai_metadata", "[1]")], "found none that this program has"),
      (
        [
          (
            "prompt",
            "{\"1\": {\"class_type\": \"KSampler\", \"inputs\": {\"positive\": [\"1\", 0], \"text\": [\"1\", 0]}}}"
          )
        ], ""
      ),
    ])
  func broken(texts: [(String, String)], message: String) throws {
    try Program.withFolder { folder in
      let result = try recall(texts.map { ($0.0, $0.1) }, in: folder)
      if !message.isEmpty { #expect(result.code == 1 && result.errors.contains(message), "\(result.errors)") }
      #expect(try Program.run(["-c", "recall p.png"], in: folder).code <= 1, "no crash")
    }
  }

  @Test("A value that this program cannot have is told, and the others are taken")
  func impossible() throws {
    try Program.withFolder { folder in
      let text = Self.infotext.replacingOccurrences(of: "96x128", with: "97x128").replacingOccurrences(
        of: "Steps: 28", with: "Steps: 0")
      let result = try recall([("parameters", text)], in: folder)
      #expect(result.output.contains("note: size stays: expected multiples of 8"))
      #expect(result.output.contains("note: steps stays: expected a whole number"))
      #expect(settings(result.output)["seed"] == "3210987654")
    }
  }

  @Test("Pictures whose settings are nearly sound are recalled, or refused with what is wrong with them")
  func nearlySound() throws {
    var generator = SplitMix64(seed: 16)
    func random(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &generator) }
    let oddities = [
      "-1", "1e999", "9223372036854775808", "null", "[]", "{}", "\"", "\\", "[\"3\", 0]", "\n", ", ", ": ",
      "狐",
    ]
    let samples =
      [("parameters", Self.infotext), ("prompt", Self.graph), ("invokeai_metadata", Self.invoke)]
      + (RecallFormatsTests.infotexts + RecallFormatsTests.graphs + RecallFormatsTests.others).flatMap(
        \.texts)
    try Program.withFolder { folder in
      let count = rounds ?? 200
      for index in 0..<count {
        let (keyword, sample) = samples[index % samples.count]
        var text = Array(sample)
        for _ in 0...random(5) {
          let place = random(text.count)
          let end = min(text.count, place + random(24))
          switch random(3) {
          case 0: text.removeSubrange(place..<end)
          case 1: text.replaceSubrange(place..<end, with: oddities[random(oddities.count)])
          default: text.insert(contentsOf: text[place..<end], at: random(text.count))
          }
        }
        try PNG.write(Self.image, text: [(keyword, String(text))], to: "\(folder)/\(index).png")
      }
      let script = (0..<count).map { "recall \($0).png\nset\n" }.joined() + "echo all read\n"
      let result = try Program.run(["--keep-going"], script: script, in: folder)
      #expect(result.code == 0 || result.code == 1, "\(result.errors.suffix(500))")
      #expect(result.output.hasSuffix("all read\n"))
    }
  }
}
