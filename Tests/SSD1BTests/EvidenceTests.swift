import Base
import Foundation
import Imaging
import Testing

/// Sessions and pictures that prove themselves, over processes.
@Suite struct EvidenceTests {
  /// Thirty commands: prompts, overrides, a sweep, inspection.
  private static let session = """
    prompt a fox on a blue background
    negative blurry, # and "ugly"
    seed random
    generate steps=4 out=fox.png
    latents
    cfg 7
    seed +1
    generate n=2 steps=2 out=two.png
    size 128x96
    scheduler euler_ancestral
    generate steps=3 seed=random out=wide.png
    unset scheduler
    unset size
    generate steps=3 cfg=1 scheduler=dpmpp_2m out=plain.png
    sweep cfg=1,4 seed=1..2 steps=2 out=sheet
    layers unet depth=1
    layers ssd1b unet depth=2 as=csv
    params by=kind
    diff sdxl
    tensor unet.conv_in.weight
    tokens a cat and a dog
    capture unet.mid_block steps=1
    generate steps=2 out=captured.png
    capture
    capture clear
    dump latents states steps=0,-1
    decode step=1 out=one.png
    attention fox out=where.png
    set
    reset
    """

  /// A session file of those commands, in `folder`.
  private func record(in folder: String, _ arguments: [String] = []) throws -> String {
    let result = try Program.run(
      arguments, script: "record s.session\n" + Self.session + "\nrecord stop\n", in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("s.session: 30 commands recorded"))
    return folder + "/s.session"
  }

  @Test(
    "A recorded session is the same in another process, with another number of threads, and writes nothing")
  func identical() throws {
    try Program.withFolder { folder in
      let path = try record(in: folder)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(!text.contains("random") && !text.contains("seed +1"), "seeds are resolved")
      let before = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
      for threads in ["1", "2"] {
        let result = try Program.run(["--threads", threads, "-c", "verify s.session"], in: folder)
        #expect(result.code == 0, "\(result.output) \(result.errors)")
        #expect(
          result.output.hasSuffix("IDENTICAL  s.session: 30 commands, 68 values\n"),
          "\(result.output.suffix(200))")
        #expect(!result.output.contains("DIFFERS") && !result.output.contains("SKIPPED"))
      }
      #expect(try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() == before)
    }
  }

  @Test("Another precision is within the tolerance or differs, from the first step on and by a size")
  func otherPrecision() throws {
    try Program.withFolder { folder in
      // A float32 library of other sums stands in where there is no bfloat16.
      _ = try record(in: folder, ["--precision", "f32", "--backend", "openblas"])
      let has16 = try Program.run(["-c", "precision bf16"]).code == 0
      let other = has16 ? "precision=bf16 backend=onednn" : "backend=reference"
      let result = try Program.run(["--json", "-c", "verify s.session \(other)"], in: folder)
      let record = try JSONValue(parsing: Data(result.output.utf8), at: "output")
      guard case .object(let fields) = record, case .object(let found)? = fields["result"],
        case .array(let values)? = found["values"], case .string(let verdict)? = found["verdict"]
      else {
        Issue.record("no result: \(result.output.prefix(300)) \(result.errors)")
        return
      }
      #expect(["WITHIN", "DIFFERS"].contains(verdict) && result.code == (verdict == "WITHIN" ? 0 : 3))
      guard case .string(let first)? = found["first_difference"] else {
        Issue.record("no first difference")
        return
      }
      #expect(first.hasSuffix("latents[1]"), "noise is the same, the first step is not: \(first)")
      let steps = values.compactMap { value -> Double? in
        guard case .object(let row) = value, case .string(let name)? = row["value"], name == "latents[1]",
          case .number(let size)? = row["difference"]
        else { return nil }
        return size
      }
      #expect(!steps.isEmpty && steps.allSatisfy { $0 > 0 && $0 < 10 })
    }
  }

  @Test("With one bit of the model flipped it exits 5 before running, and forced 3 from step 1 on")
  func flippedBit() throws {
    try Program.withModel { model in
      let folder = (model as NSString).deletingLastPathComponent
      let made = try Program.run(
        ["--model", "model"], script: "record s.session\nprompt a fox\ngenerate steps=3 out=a.png\n",
        in: folder)
      #expect(made.code == 0, "\(made.errors)")
      let path = try #require(
        try FileManager.default.contentsOfDirectory(atPath: model + "/unet").first {
          $0.hasSuffix(".safetensors")
        })
      let url = URL(fileURLWithPath: "\(model)/unet/\(path)")
      var data = try Data(contentsOf: url)
      // The sign of a weight in the middle of the file.
      data[data.count / 2 | 1] ^= 0x80
      try data.write(to: url)
      let refused = try Program.run(["--model", "model", "-c", "verify s.session"], in: folder)
      #expect(
        refused.code == 5 && refused.errors.contains("s.session:2: recorded on the model sha256:"))
      #expect(refused.output.isEmpty)
      let forced = try Program.run(["--model", "model", "--force", "-c", "verify s.session"], in: folder)
      #expect(forced.code == 3, "\(forced.output)")
      #expect(forced.output.contains("DIFFERS    from step 1 on") && forced.errors.contains("from step 1 on"))
      #expect(forced.output.contains("s-line5-difference.png"))
      let sheet = try PNG.read(path: folder + "/s-line5-difference.png").image
      #expect(sheet.width > 3 * 192)
      let picture = try Program.run(["--model", "model", "-c", "verify a.png"], in: folder)
      #expect(picture.code == 5, "\(picture.errors)")
    }
  }

  @Test("A picture is confirmed by its own settings; with one pixel altered it is not")
  func picture() throws {
    try Program.withFolder { folder in
      let script = """
        prompt a cat on a red background
        negative ""
        generate seed=18446744073709551615 steps=5 cfg=2.5 scheduler=euler_ancestral out=cat.png
        """
      #expect(try Program.run(script: script, in: folder).code == 0)
      let good = try Program.run(["-c", "verify cat.png"], in: folder)
      #expect(good.code == 0 && good.output.contains("IDENTICAL  cat.png"), "\(good.output) \(good.errors)")
      let (image, text) = try PNG.read(path: folder + "/cat.png")
      var pixels = image.pixels
      pixels[3 * (40 * 128 + 17) + 1] ^= 1
      let altered = Image(width: image.width, height: image.height, pixels: pixels)
      try PNG.write(altered, text: text, to: folder + "/altered.png")
      let bad = try Program.run(["-c", "verify altered.png"], in: folder)
      #expect(bad.code == 3)
      #expect(
        bad.output.contains("1 of 16,384 pixels differs, mean") && bad.output.contains("the first at 17,40"),
        "\(bad.output)")
      #expect(bad.output.contains("the picture was changed after it was made"))
      #expect(FileManager.default.fileExists(atPath: folder + "/altered-difference.png"))
      // Both at once: the good one does not hide the other.
      #expect(try Program.run(["-c", "verify cat.png altered.png"], in: folder).code == 3)
    }
  }

  @Test("verify update writes today's evidence and leaves every other line")
  func update() throws {
    try Program.withFolder { folder in
      let script = """
        #!ssd1b 1
        #: model sha256:\(String(repeating: "0", count: 64)) precision=f32 backend=openblas

        # a fox
          prompt   a fox
        generate \\
          steps=2 out=fox.png
        #= latents[0] sha256:\(String(repeating: "1", count: 64))
        # the end

        """
      let path = folder + "/s.session"
      try Data(script.utf8).write(to: URL(fileURLWithPath: path))
      #expect(try Program.run(["-c", "verify s.session"], in: folder).code == 5)
      let updated = try Program.run(["-c", "verify update force s.session"], in: folder)
      #expect(updated.code == 0, "\(updated.errors)")
      let text = try String(contentsOfFile: path, encoding: .utf8)
      func plain(_ text: String) -> [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
          !["#:", "#=", "#~"].contains { line.hasPrefix($0) }
        }
      }
      #expect(plain(text) == plain(script))
      #expect(text.contains("#= latents[2] sha256:") && !text.contains("1111"))
      #expect(
        !FileManager.default.fileExists(atPath: folder + "/fox.png"), "a verification writes no pictures")
      #expect(try Program.run(["-c", "verify s.session"], in: folder).code == 0)
    }
  }

  @Test("replay gives the pictures again, from the start values, and record goes on after a failed command")
  func replay() throws {
    try Program.withFolder { folder in
      let script = "steps 2\nrecord s.session\nprompt a fox\nsteps zero\ngenerate out=fox.png\nrecord stop\n"
      let made = try Program.run(["--keep-going"], script: script, in: folder)
      #expect(made.code == 1)
      let first = try PNG.read(path: folder + "/fox.png").image
      try FileManager.default.removeItem(atPath: folder + "/fox.png")
      let replayed = try Program.run(script: "cfg 1\nreplay s.session\nset\n", in: folder)
      #expect(replayed.code == 0, "\(replayed.errors)")
      #expect(try PNG.read(path: folder + "/fox.png").image == first)
      #expect(replayed.output.contains("* steps     2") && replayed.output.contains("  cfg       4"))
    }
  }

  @Test(
    "What a session does between its runs does not keep it from verifying",
    arguments: [
      "generate steps=1 out=1.png\nbackend openblas\ngenerate steps=1 out=2.png",
      "sweep seed=random,random,+1 steps=1",
      "generate n=2 steps=1\ncfg 5\ngenerate n=2 steps=1\nlayers\ndecode out=sub.png",
      "capture unet.mid_block full steps=1\ncapture list\ngenerate steps=1 out=c.png\ncapture\ndump captures d\ncapture clear",
      "precision f32\ngenerate steps=1 out=f.png\nunset precision\ngenerate steps=1 out=g.png\nview f.png out=copy.png",
      "generate steps=1\nrecall ssd1b-0002-seed0.png except=seed",
      "generate steps=2 out=d.png\ndump latents dl\ntensor latents.1 in=dl/latents.1.safetensors stats",
      "generate steps=1 out=t.png\nlayers unet sort=time top=3",
      "tensor unet.conv_in.weight\nmodel\nset\nnegative \"\"\ngenerate steps=1 without=negative out=n.png\nunset negative",
      "prompt \"\"\"\na fox\n#= or \\\"not\\\"\n\"\"\"\ngenerate steps=1 out=m.png",
      "repeat 2 generate seed=random steps=1\ntime cfg 2\nview diff ssd1b-0001-seed0.png ssd1b-0001-seed0.png",
      "generate steps=1 seed=18446744073709551615 out=\"a b\\n#= c.png\"\ngenerate n=2 steps=1 seed=+1",
    ])
  func sessions(script: String) throws {
    try Program.withFolder { folder in
      // What was there before the recording does not matter to it.
      let before = "generate steps=1 out=ssd1b-0001-seed0.png\ncfg 3\n"
      let made = try Program.run(
        ["--keep-going"], script: before + "record s.session\n\(script)\nlatents\nrecord stop\n", in: folder)
      #expect(FileManager.default.fileExists(atPath: folder + "/s.session"), "\(made.errors)")
      for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file != "s.session" {
        try FileManager.default.removeItem(atPath: "\(folder)/\(file)")
      }
      let result = try Program.run(["--model", Program.model, "-c", "verify s.session"], in: folder)
      let verdict = result.output.split(separator: "\n").last ?? ""
      #expect(result.code == 0 && verdict.hasPrefix("IDENTICAL"), "\(result.output)\(result.errors)")
    }
  }

  @Test("What looks at a run that the recording does not have is left out of it, and said so")
  func runsOfBefore() throws {
    try Program.withFolder { folder in
      let script =
        "generate steps=1 out=a.png\nrecord s.session\nlatents\nprofile\nlayers unet sort=time top=2\nseed 4\nrecord stop\n"
      let made = try Program.run(script: script, in: folder)
      #expect(made.output.contains("note: latents is not recorded"))
      let result = try Program.run(["-c", "verify s.session"], in: folder)
      #expect(result.code == 0 && result.output.contains("IDENTICAL  s.session: 1 command, 1 value"))
    }
  }

  @Test("A file that was cut off or edited does not verify")
  func edited() throws {
    try Program.withFolder { folder in
      let made = try Program.run(
        script: "record s.session\nprompt a fox\ngenerate steps=2 out=a.png\ngenerate steps=1 out=b.png\n",
        in: folder)
      #expect(made.code == 0)
      let text = try String(contentsOfFile: folder + "/s.session", encoding: .utf8)
      let lines = text.split(separator: "\n").map(String.init)
      func verify(_ lines: [String], _ separator: String = "\n") throws -> Program.Result {
        try Data((lines.joined(separator: separator) + separator).utf8).write(
          to: URL(fileURLWithPath: folder + "/e.session"))
        return try Program.run(["-c", "verify e.session"], in: folder)
      }
      #expect(try verify(lines).code == 0)
      #expect(try verify(lines, "\r\n").code == 0, "line ends are no difference")
      for (what, edited, code, message) in [
        ("a value taken out", lines.filter { !$0.contains("latents[1]") }, 1, "as the file says, found"),
        ("cut off", Array(lines.prefix(8)), 1, "as the file says, found"),
        (
          "another hash",
          lines.map { line in
            line.hasPrefix("#= latents[1] ")
              ? line.replacingOccurrences(
                of: "sha256:[0-9a-f]{4}", with: "sha256:0000", options: .regularExpression)
              : line
          }, 3, "from step 1 on"
        ),
        (
          "another mean", lines.map { $0.replacingOccurrences(of: " mean=", with: " mean=1") }, 3,
          "generate steps=2"
        ),
        (
          "another size", lines.map { $0.replacingOccurrences(of: " 128x128 ", with: " 64x64 ") }, 3, "pixels"
        ),
        (
          "another setting", lines.map { $0 == "generate steps=2 out=a.png" ? $0 + " cfg=4.01" : $0 }, 3,
          "from step 1 on"
        ),
        (
          "an early end", lines.flatMap { $0.hasPrefix("generate steps=1") ? ["quit", $0] : [$0] }, 1,
          "as the file says"
        ),
        (
          "an early end, counted",
          lines.flatMap { $0.hasPrefix("generate steps=1") ? ["quit", $0] : [$0] }.map {
            $0.replacingOccurrences(of: "commands=3", with: "commands=4")
          }, 1, "the session ends here"
        ),
      ] {
        let result = try verify(edited)
        #expect(
          result.code == code && result.errors.contains(message), "\(what): \(result.output)\(result.errors)")
      }
      // Each file is compared, whatever became of those before it.
      let both = try Program.run(["-c", "verify missing e.session s.session"], in: folder)
      #expect(both.code == 1 && both.output.contains("IDENTICAL  s.session"))
      // Nothing is written over unasked.
      let again = try Program.run(["-c", "record s.session"], in: folder)
      #expect(again.code == 1 && again.errors.contains("expected a name that no file has"))
      #expect(try String(contentsOfFile: folder + "/s.session", encoding: .utf8) == text)
      #expect(try Program.run(["-c", "record s.session replace"], in: folder).code == 0)
    }
  }

  @Test("A picture whose text was changed does not verify")
  func editedPicture() throws {
    try Program.withFolder { folder in
      #expect(try Program.run(script: "prompt a cat\ngenerate steps=2 out=cat.png\n", in: folder).code == 0)
      let (image, texts) = try PNG.read(path: folder + "/cat.png")
      for (from, to) in [("\"cfg\":4", "\"cfg\":4.1"), ("\"latents\":\"", "\"latents\":\"0")] {
        let edited = texts.map {
          ($0.keyword, $0.keyword == "ssd1b" ? $0.text.replacingOccurrences(of: from, with: to) : $0.text)
        }
        try PNG.write(image, text: edited, to: folder + "/edited.png")
        let result = try Program.run(["-c", "verify edited.png"], in: folder)
        #expect(result.code == 3, "\(to): \(result.output)")
      }
    }
  }

  @Test("Names of one letter are names")
  func shortNames() throws {
    try Program.withFolder { folder in
      let script = "record x\nsave y\ngenerate steps=1 out=z\ngenerate n=2 steps=1 out=w\n"
      let result = try Program.run(script: script, in: folder)
      #expect(result.code == 0, "\(result.errors)")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
          "w-1.png", "w-2.png", "x", "y", "z",
        ])
      for name in [".", "/", "é", ""] {
        let odd = try Program.run(["-c", "save \"\(name)\""], in: folder)
        #expect(odd.code == (name == "é" ? 0 : 1), "\(name): \(odd.errors)")
      }
    }
  }

  @Test(
    "A text's embedding has the same bits whatever it is encoded together with, and whenever",
    arguments: ["--backend=openblas", "--precision=f32", "--precision=bf16"])
  func embeddings(argument: String) throws {
    guard try Program.run([argument, "-c", "seed"]).code == 0 else { return }
    try Program.withFolder { folder in
      let run = "prompt a fox\nnegative blurry, ugly\ngenerate steps=1 cfg=5 out=a.png\n"
      // Together, one after the other, and the other way round.
      let openings = [
        "", "prompt blurry, ugly\ngenerate steps=1 out=b.png\n",
        "prompt a fox\nnegative a dog\ngenerate steps=1 cfg=3 out=b.png\nnegative x\nprompt blurry, ugly\ngenerate steps=1 out=b.png\n",
      ]
      let latents = try openings.map { opening in
        let output = try Program.run([argument], script: opening + run, in: folder).output
        return try #require(
          output.split(separator: "\n").last { $0.hasPrefix("a.png") }?.split(separator: " ").last)
      }
      #expect(Set(latents).count == 1, "\(latents)")
    }
  }

  @Test("save writes over what it wrote, and over nothing else; a pipe stays a pipe")
  func overwriting() throws {
    try Program.withFolder { folder in
      try Data("precious\n".utf8).write(to: URL(fileURLWithPath: folder + "/notes.txt"))
      let refused = try Program.run(["-c", "save notes.txt"], in: folder)
      #expect(refused.code == 1 && refused.errors.contains("save notes.txt replace"))
      #expect(try String(contentsOfFile: folder + "/notes.txt", encoding: .utf8) == "precious\n")
      let script = "cfg 3\nsave w\ncfg 2\nsave w\nsave notes.txt replace\n"
      #expect(try Program.run(script: script, in: folder).code == 0)
      #expect(try Program.run(["-c", "source w"], in: folder).output == "cfg 2\n")
      #expect(mkfifo(folder + "/pipe.png", 0o600) == 0)
      let piped = try Program.run(["-c", "generate steps=1 out=pipe.png"], in: folder)
      #expect(piped.code == 1, "nobody reads from it: \(piped.output)")
      var status = stat()
      #expect(stat(folder + "/pipe.png", &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    }
  }
}
