import Base
import Checkpoints
import Diffusion
import Foundation
import Kernels
import Testing

/// The request of a golden, as the programs that make them write it.
struct GoldenRequest: Decodable {
  let prompt: String
  let negative: String?
  let cfg: Double
  let steps: Int
  let seed: UInt64
  let width: Int
  let height: Int

  var request: GenerationRequest {
    GenerationRequest(
      prompt: prompt, negative: negative, guidanceScale: cfg, steps: steps, seed: seed, width: width,
      height: height)
  }
}

extension SafetensorsFile {
  /// The values of an F32 tensor.
  func floats(of entry: Entry) -> [Float] {
    let bytes = bytes(of: entry)
    return (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
  }
}

/// What diffusers computed for one request, as Scripts/goldens/make_goldens.py writes it.
struct GoldenRun: CustomTestStringConvertible {
  let name: String
  let folder: String
  let model: String
  let request: GenerationRequest
  let cfg: Double
  private let file: SafetensorsFile

  var testDescription: String { name }

  init(name: String, folder: String, model: String) throws {
    self.name = name
    self.folder = folder
    self.model = model
    let text = try Data(contentsOf: URL(fileURLWithPath: folder + "/golden.json"))
    request = try JSONDecoder().decode(GoldenRequest.self, from: text).request
    cfg = request.guidanceScale
    let path = folder + "/golden.safetensors"
    file = try SafetensorsFile(MappedBytes(file: path), at: path)
  }

  var names: [String] { file.entries.keys.sorted() }
  func has(_ name: String) -> Bool { file.entries[name] != nil }

  /// A golden's values as torch has them, [N, C, H, W], and its shape.
  func tensor(_ name: String) throws -> (shape: [Int], values: [Float]) {
    let entry = try #require(file.entries[name], "no golden \(name)")
    return (entry.shape, file.floats(of: entry))
  }

  /// The same with channels last.
  func channelsLast(_ name: String) throws -> [Float] {
    let (shape, values) = try tensor(name)
    guard shape.count == 4 else { return values }
    let (n, c, area) = (shape[0], shape[1], shape[2] * shape[3])
    var result = [Float](repeating: 0, count: values.count)
    for picture in 0..<n {
      for channel in 0..<c {
        for position in 0..<area {
          result[(picture * area + position) * c + channel] =
            values[(picture * c + channel) * area + position]
        }
      }
    }
    return result
  }

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// The committed cases, and any folder named in SSD1B_GOLDENS (`folder` with model/ and golden.*, split by colons).
  static let all: [GoldenRun] = {
    let goldens = repository + "/Tests/Goldens/pipeline"
    let model = repository + "/Sources/CEmbeddedModel/model"
    var runs = ["fox", "negative", "odd", "nocfg", "empty"].compactMap {
      try? GoldenRun(name: $0, folder: "\(goldens)/\($0)", model: model)
    }
    for folder in (ProcessInfo.processInfo.environment["SSD1B_GOLDENS"] ?? "").split(separator: ":") {
      let path = String(folder)
      if let run = try? GoldenRun(name: path, folder: path, model: path + "/model") { runs.append(run) }
    }
    return runs
  }()
}

/// ‖a - b‖ / ‖b‖, in double precision.
func relativeL2(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count, "comparing \(a.count) with \(b.count) values")
  var difference = 0.0
  var norm = 0.0
  for (x, y) in zip(a, b) {
    difference += (Double(x) - Double(y)) * (Double(x) - Double(y))
    norm += Double(y) * Double(y)
  }
  return norm == 0 ? difference.squareRoot() : (difference / norm).squareRoot()
}
