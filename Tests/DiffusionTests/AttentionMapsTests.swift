import Base
import Checkpoints
import Diffusion
import Foundation
import Kernels
import Testing

@Suite(.serialized) struct AttentionMapsTests {
  private func model(_ path: String, _ compute: BackendChoice, threads: Int = 2) throws -> DiffusionModel {
    try DiffusionModel(ModelFolder(path: path), backend: compute.backend(on: ThreadPool(threads: threads)))
  }

  /// Measured: 5.1e-7; the run's later steps start from latents that differ by 1e-6 already.
  @Test(
    "Every token's map equals what DAAM's formula gives on diffusers' attentions",
    arguments: CaptureGolden.all)
  func parity(golden: CaptureGolden) throws {
    let model = try model(golden.model, ParityTests.float32[0])
    var run = try Generation(golden.request, on: model)
    while try run.next(on: model) != nil {}
    let latents = run.latents
    var progress: [Int] = []
    let maps = try model.attentionMaps(of: run, steps: [1, 2, 3]) { progress.append($0) }
    #expect(progress == [1, 2, 3] && run.latents == latents)
    #expect(
      maps.tokens == 77 && maps.height == golden.request.height / 8 && maps.width == golden.request.width / 8)
    let errors = (0..<77).map { relativeL2(maps.values[$0], golden.attention[$0]) }
    print("attention maps of \(golden.name): at most \(errors.max() ?? 0)")
    #expect(errors.allSatisfy { $0 < 1e-5 }, "\(errors)")
    // Probabilities over all tokens add up to 1 wherever interpolation did not go below 0. Measured: 4.8e-7.
    let sums = (0..<(maps.height * maps.width)).map { place in maps.values.reduce(0) { $0 + $1[place] } }
    #expect(sums.allSatisfy { abs($0 - 1) < 1e-5 }, "\(sums.map { abs($0 - 1) }.max() ?? 0)")
    // A word of two tokens is their mean.
    #expect(
      zip(maps.map(of: [2, 3]), zip(maps.values[2], maps.values[3])).allSatisfy {
        abs($0 - ($1.0 + $1.1) / 2) < 1e-7
      })
  }

  /// Measured: 4.9e-7 from the golden.
  @Test(
    "Maps gathered while a run goes on are the same, and change no bit of it", arguments: CaptureGolden.all)
  func live(golden: CaptureGolden) throws {
    let model = try model(golden.model, ParityTests.float32[0])
    func latents(_ observers: [any RunObserver]) throws -> [Float] {
      var run = try Generation(golden.request, on: model, observers: observers)
      while try run.next(on: model, observers: observers) != nil {}
      return run.latents
    }
    let plain = try latents([])
    let recorder = try AttentionRecorder(
      of: model, width: golden.request.width, height: golden.request.height)
    // Beside another observer, of the same values.
    let path = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
    let captures = CaptureRecorder(
      [Capture(component: .unet, path: path, keepsValues: false)], on: model.backend.pool)
    #expect(try latents([recorder, captures]) == plain)
    #expect(recorder.steps == [1, 2, 3] && captures.captured.count == 6)
    let errors = (0..<77).map { relativeL2(recorder.maps.values[$0], golden.attention[$0]) }
    print("live attention maps of \(golden.name): at most \(errors.max() ?? 0)")
    #expect(errors.allSatisfy { $0 < 1e-5 }, "\(errors)")
  }

  private static let subjects = [
    "honey pot", "lemon", "wolf", "tangerine", "frog", "police car", "turtle", "penguin", "parrot", "monkey",
    "tractor",
    "slice of pizza", "aubergine", "dolphin", "cactus", "top hat", "chicken", "lady beetle", "gorilla",
    "taxi", "glowing star",
    "pretzel", "birthday cake", "crescent moon", "helicopter", "speedboat", "soft ice cream", "fox", "grapes",
    "rabbit",
    "ghost", "palm tree", "guitar", "volcano", "lion", "evergreen tree", "water wave", "carrot", "panda",
    "rocket",
  ]
  private static let colors = ["red", "blue", "green", "black", "white", "yellow", "purple", "orange"]

  /// The subject's pixels are those that differ from the background, the median of the border's colours, by more than 60 of
  /// 255 in Euclidean distance. The map is taken at the latents' size, each place weighed by the share of its 64 pixels
  /// that are the subject's, or are not, and over every third step. Measured: 37 of 40.
  @Test("The subject's word acts more on the subject than beside it, in at least 80 % of 40 prompts")
  func subjects() throws {
    let model = try model(GoldenRun.repository + "/Sources/CEmbeddedModel/model", BackendChoice(), threads: 1)
    let tokenizer = try model.tokenizer(of: .textEncoder)
    var right = 0
    for (index, subject) in Self.subjects.enumerated() {
      let prompt = "a small \(subject) on a \(Self.colors[index % Self.colors.count]) background"
      let request = GenerationRequest(
        prompt: prompt, guidanceScale: 4, steps: 20, seed: UInt64(index), width: 128, height: 128)
      var run = try Generation(request, on: model)
      while try run.next(on: model) != nil {}
      let picture = try model.decode(run.latents, height: 16, width: 16).map {
        min(255, max(0, ($0 + 1) * 127.5))
      }
      let ids = tokenizer.encode(prompt)
      let word = Array(tokenizer.encode(subject).dropFirst().dropLast())
      let start = try #require(
        (0...(ids.count - word.count)).first { Array(ids[$0..<($0 + word.count)]) == word })
      let map = try model.attentionMaps(of: run, steps: [2, 5, 8, 11, 14, 17, 20]).map(
        of: Array(start..<(start + word.count)))
      let shares = Self.subjectShares(picture)
      let inside = zip(map, shares).reduce(0) { $0 + $1.0 * $1.1 } / max(1e-6, shares.reduce(0, +))
      let outside = zip(map, shares).reduce(0) { $0 + $1.0 * (1 - $1.1) } / shares.reduce(0) { $0 + 1 - $1 }
      if inside > outside { right += 1 }
    }
    print(
      "attention: the subject's word is higher on the subject in \(right) of \(Self.subjects.count) prompts")
    #expect(right >= 32, "\(right) of 40")
  }

  /// The share of the subject's pixels in each 8x8 square of a [128, 128, 3] picture in 0...255.
  private static func subjectShares(_ picture: [Float]) -> [Float] {
    func pixel(_ y: Int, _ x: Int) -> ArraySlice<Float> {
      picture[((y * 128 + x) * 3)..<((y * 128 + x) * 3 + 3)]
    }
    var border: [[Float]] = [[], [], []]
    for y in 0..<128 {
      for x in 0..<128 where min(y, x, 127 - y, 127 - x) < 4 {
        for (c, value) in pixel(y, x).enumerated() { border[c].append(value) }
      }
    }
    let background = border.map { $0.sorted()[$0.count / 2] }
    return (0..<256).map { place in
      let (top, left) = (place / 16 * 8, place % 16 * 8)
      var count = 0
      for y in top..<(top + 8) {
        for x in left..<(left + 8) {
          let distance = zip(pixel(y, x), background).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
          if distance > 60 * 60 { count += 1 }
        }
      }
      return Float(count) / 64
    }
  }
}

@Suite struct BicubicTests {
  private struct Case: Decodable {
    let from: [Int]
    let to: [Int]
    let values: [Float]
    let result: [Float]
  }

  private struct Document: Decodable { let bicubic: [Case] }

  @Test("Interpolation is torch's, larger and smaller")
  func parity() throws {
    let path = GoldenRun.repository + "/Tests/Goldens/inspection/inspection.json"
    let cases = try JSONDecoder().decode(Document.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
      .bicubic
    #expect(cases.count == 5)
    for one in cases {
      let ours = Bicubic.resized(one.values, from: (one.from[0], one.from[1]), to: (one.to[0], one.to[1]))
      #expect(relativeL2(ours, one.result) < 1e-6, "\(one.from) to \(one.to)")
    }
  }
}

@Suite(.serialized) struct LatentPreviewTests {
  /// Measured: 25.9, 24.7 and 24.5 dB.
  @Test("The preview fitted to a picture shows its colours where they are")
  func colors() throws {
    let golden = try #require(GoldenRun.all.first)
    let model = try DiffusionModel(
      ModelFolder(path: golden.model), backend: ParityTests.float32[0].backend(on: ThreadPool(threads: 2)))
    for prompt in [
      "a fox on a blue background", "a large watermelon in front of yellow", "a panda on a red background",
    ] {
      let request = GenerationRequest(
        prompt: prompt, guidanceScale: 4, steps: 20, seed: 7, width: 128, height: 128)
      var run = try Generation(request, on: model)
      while try run.next(on: model) != nil {}
      let decoded = try model.decode(run.latents, height: 16, width: 16).map { max(-1, min(1, $0)) }
      let preview = LatentPreview(latents: run.latents, height: 16, width: 16, picture: decoded)
      #expect(preview.matrix.count == 5)
      let quick = preview.picture(of: run.latents)
      var squares = 0.0
      for place in 0..<256 {
        for c in 0..<3 {
          var sum: Float = 0
          for y in 0..<8 {
            for x in 0..<8 { sum += decoded[((place / 16 * 8 + y) * 128 + place % 16 * 8 + x) * 3 + c] }
          }
          let difference = Double(sum / 64 - quick[place * 3 + c]) / 2
          squares += difference * difference
        }
      }
      let psnr = 10 * log10(768 / squares)
      print("preview of \(prompt): \(psnr) dB")
      #expect(psnr > 23, "\(prompt): \(psnr) dB")
    }
  }

  @Test("A linear autoencoder is found exactly")
  func exact() {
    // Pictures made of latents by a known matrix, 2x2 pixels a latent.
    let latents = (0..<24).map { Float(($0 * 7919) % 23) / 11 - 1 }
    let matrix: [[Float]] = [[0.3, -0.2, 0.1], [0.05, 0.4, -0.3], [0.1, 0.2, 0.3]]
    var picture = [Float](repeating: 0, count: 12 * 4 * 3)
    for y in 0..<6 {
      for x in 0..<8 {
        for c in 0..<3 {
          let place = y / 2 * 4 + x / 2
          picture[(y * 8 + x) * 3 + c] =
            latents[place] * matrix[0][c] + latents[12 + place] * matrix[1][c] + matrix[2][c]
        }
      }
    }
    let fitted = LatentPreview(latents: latents, height: 3, width: 4, picture: picture)
    for (ours, theirs) in zip(fitted.matrix.joined(), matrix.joined()) {
      #expect(abs(ours - Double(theirs)) < 1e-6)
    }
  }
}
