import Base
import Checkpoints
import Foundation
import Imaging
import Testing

/// The program off a terminal: results on stdout, errors on stderr, exit codes.
@Suite struct BatchTests {
  @Test("The README's first example makes a picture that shows it")
  func firstPicture() throws {
    try Program.withFolder { folder in
      let script = "prompt a fox on a blue background\nseed 7\ngenerate out=fox.png\n"
      let result = try Program.run(script: script, in: folder)
      #expect(result.code == 0, "\(result.errors)")
      #expect(result.errors.isEmpty)
      let (image, text) = try PNG.read(path: folder + "/fox.png")
      #expect(image.width == 128 && image.height == 128)
      // A blue corner, an orange middle: the means of 16x16 windows.
      func mean(_ x: Int, _ y: Int) -> [Int] {
        (0..<3).map { channel in
          let sum = (0..<256).reduce(0) { sum, i in
            sum + Int(image.pixels[((y + i / 16) * 128 + x + i % 16) * 3 + channel])
          }
          return sum / 256
        }
      }
      let (corner, middle) = (mean(0, 0), mean(56, 48))
      #expect(corner[2] > corner[0] + 60, "corner \(corner)")
      #expect(middle[0] > middle[2] + 60, "middle \(middle)")
      let parameters = try #require(text.first { $0.keyword == "parameters" }?.text)
      #expect(
        parameters.hasPrefix(
          "a fox on a blue background\nSteps: 20, Sampler: Euler, CFG scale: 4, Seed: 7, Size: 128x128"))
      #expect(parameters.contains("RNG: CPU"))
      let own = try JSONValue(
        parsing: Data(try #require(text.first { $0.keyword == "ssd1b" }?.text).utf8), at: "ssd1b")
      guard case .object(let fields) = own else { throw Diagnostic(.file, "no object") }
      #expect(fields["prompt"] == "a fox on a blue background" && fields["steps"] == 20)
    }
  }

  @Test("Another process and another number of threads give the same bits")
  func sameBits() throws {
    let script = "prompt a panda\ngenerate steps=3 out=/dev/null/no\n"
    let refused = try Program.run(script: script)
    #expect(refused.code == 1)
    try Program.withFolder { folder in
      func latents(_ threads: Int) throws -> String {
        let result = try Program.run(
          ["--threads", "\(threads)"], script: "prompt a panda\ngenerate steps=3 out=a.png\nlatents\n",
          in: folder)
        #expect(result.code == 0, "\(result.errors)")
        return result.output.split(separator: "\n").suffix(4).joined(separator: "\n")
      }
      let (one, two) = (try latents(1), try latents(2))
      #expect(one == two)
    }
  }

  @Test(
    "Bad values are refused with what was expected, found and what to do",
    arguments: [
      ("size 1001x1000", "found 1001x1000", "the nearest is 1000x1000"), ("steps 0", "found 0", "20 to 50"),
      ("seed -1", "found -1", "seed random draws one"), ("seed -2", "found -2", "for example"),
      ("cfg nine", "found nine", "for example"),
      ("generate out=/nonexistent/x.png", "/nonexistent/x.png", "make the folder first"),
      ("genrate", "unknown command", "did you mean generate?"),
      ("generate a cat on a mat", "unexpected word \"a\"", "to set the text: prompt a cat on a mat"),
      ("steps=5", "unknown command \"steps=5\"", "did you mean: steps 5"),
      ("sampler", "unknown command", "did you mean scheduler?"),
      ("sampler=lcm", "unknown command", "did you mean: scheduler lcm"),
      ("generate sampler=lcm", "unknown option", "did you mean scheduler=?"),
      ("steps 1001", "a whole number from 1 to 1000", "20 to 50"),
      ("cfg 1e308", "found 1e308", "likes about 9"),
      ("latents", "there is none yet", "generate a picture"),
      ("layers nope", "nope", "there are"),
    ])
  func badValues(line: String, found: String, hint: String) throws {
    let result = try Program.run(script: "seed 3\n\(line)\nseed 4\n")
    #expect(result.code == 1)
    #expect(result.output == "seed 3\n", "the batch stops at the error, and what came before it stays")
    #expect(result.errors.hasPrefix("-:2: error: ") && result.errors.contains(found), "\(result.errors)")
    #expect(result.errors.contains("hint: ") && result.errors.contains(hint), "\(result.errors)")
  }

  @Test("A line that is no UTF-8 is refused where it stands")
  func invalidText() throws {
    let result = try Program.run(
      script: Data("seed 3\nprompt ".utf8) + Data([0xff, 0xfe]) + Data("\nseed 4\n".utf8))
    #expect(result.code == 1 && result.output == "seed 3\n")
    #expect(result.errors.hasPrefix("-:2: error: expected UTF-8"))
  }

  @Test("With --keep-going the rest runs and the exit code still tells of the error")
  func keepGoing() throws {
    let result = try Program.run(["--keep-going", "-c", "foo", "-c", "seed 5"])
    #expect(result.code == 1 && result.output == "seed 5\n")
  }

  @Test("backend and precision are settings: shown, checked when set, taken back, and overridden for one run")
  func computing() throws {
    try Program.withFolder { folder in
      let script = """
        backend openblas
        precision
        generate steps=1 out=a.png
        set precision f32
        unset backend
        backend reference
        """
      let result = try Program.run(script: script, in: folder)
      #expect(result.code == 0, "\(result.errors)")
      let lines = result.output.split(separator: "\n").map(String.init)
      #expect(lines.first == "backend openblas" && lines[1] == "precision f32")
      #expect(lines.last == "backend reference")
      let (_, text) = try PNG.read(path: folder + "/a.png")
      let own = try JSONValue(
        parsing: Data(try #require(text.first { $0.keyword == "ssd1b" }?.text).utf8), at: "ssd1b")
      guard case .object(let fields) = own else { throw Diagnostic(.file, "no object") }
      #expect(fields["backend"] == "openblas" && fields["precision"] == "f32")
    }
  }

  @Test(
    "A backend or precision that cannot be had is refused, and what was set stays",
    arguments: [
      (
        "precision bf16", "expected f32 with the openblas backend, found bf16",
        "onednn backend, or precision f32"
      ),
      (
        "backend openblass", "expected onednn or openblas or reference, found openblass",
        "did you mean openblas?"
      ),
      ("precision f16", "expected f32 or bf16, found f16", "hint: "),
    ])
  func refusedComputing(line: String, found: String, hint: String) throws {
    let result = try Program.run(["--keep-going"], script: "backend openblas\n\(line)\nbackend\nprecision\n")
    #expect(result.code == 1)
    #expect(result.output == "backend openblas\nbackend openblas\nprecision f32\n")
    #expect(result.errors.contains(found) && result.errors.contains(hint), "\(result.errors)")
  }

  @Test(
    "With the processor's AVX-512 hidden, the program falls back and makes the same picture but for the last digits"
  )
  func hiddenInstructions() throws {
    func run(_ simd: String?) throws -> String {
      var output = ""
      try Program.withFolder { folder in
        let result = try Program.run(
          script: "model\nbackend openblas\ngenerate steps=2 size=64x64\nlatents\n", in: folder,
          environment: simd.map { ["SSD1B_SIMD": $0] } ?? [:])
        #expect(result.code == 0, "\(result.errors)")
        output = result.output
      }
      return output
    }
    let hidden = try run("avx2")
    #expect(hidden.contains("backend    openblas"), "\(hidden)")
    // The rows of `latents` without their hashes: five digits of mean, deviation, least and greatest.
    func figures(_ output: String) -> [String] {
      output.split(separator: "\n").suffix(2).map {
        $0.split(separator: " ").dropLast().joined(separator: " ")
      }
    }
    #expect(figures(hidden) == figures(try run(nil)))
  }

  @Test("Wrong process arguments exit with 2")
  func usage() throws { #expect(try Program.run(["--bogus"]).code == 2) }

  @Test("What was pruned is told without a checkpoint, in full size")
  func diff() throws {
    let result = try Program.run(["-c", "diff sdxl ssd1b"])
    #expect(result.code == 0)
    for part in ["736 removed, 0 added, 0 changed", "1,236,129,280 saved", "70 in sdxl, 34 in ssd1b"] {
      #expect(result.output.contains(part), "no '\(part)'")
    }
    let own = try Program.run(["-c", "diff sdxl only=removed"])
    #expect(own.output.contains("736 removed") && own.output.contains("mid_block.attentions.0"))
    #expect(try Program.run(["-c", "layers ssd1b"]).output.contains("1,331,334,404"))
  }

  @Test("dump writes files that hold the latents' hash")
  func dump() throws {
    try Program.withFolder { folder in
      let result = try Program.run(
        script: "generate steps=2 out=a.png\ndump latents states steps=0,-1\n", in: folder)
      #expect(result.code == 0, "\(result.errors)")
      let path = folder + "/states/latents.2.safetensors"
      let file = try SafetensorsFile(MappedBytes(file: path), at: path)
      let entry = try #require(file.entries["latents.2"])
      #expect(entry.shape == [1, 4, 16, 16])
      let hash = SHA256(of: file.bytes(of: entry)).short
      #expect(result.output.split(separator: "\n").last?.hasSuffix("sha256 \(hash)") == true)
      #expect(result.output.contains("latents \(hash)"))
    }
  }
}
