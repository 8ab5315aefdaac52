import Base
import Checkpoints
import Foundation
import Testing

/// What numpy, torch, diffusers and Python's csv say, as Scripts/goldens/make_inspection_goldens.py and
/// make_foreign_goldens.py write it.
struct InspectionGolden: Decodable {
  struct Figures: Decodable {
    let count: Int
    let zeros: Int
    let nan: Int
    let inf: Int
    /// nil where no number is finite.
    let min: Double?
    let max: Double?
    let mean: Double?
    let std: Double?
    let norm: Double?
    let histogram: [Int]?
    let edges: [Double]?
  }

  struct Moved: Decodable {
    let relativeL2: Double
    let cosine: Double

    enum CodingKeys: String, CodingKey {
      case relativeL2 = "relative_l2"
      case cosine
    }
  }

  struct Networks: Decodable {
    let moved: [String: Moved]
    /// [new block][old block].
    let cosines: [[Double]]
  }

  let values: [String: Figures]
  let networks: Networks
  let csv: String

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/inspection")

  static func read() throws -> InspectionGolden {
    try JSONDecoder().decode(
      InspectionGolden.self, from: Data(contentsOf: folder.appending(path: "inspection.json")))
  }

  static func checkpoint(_ name: String) throws -> Checkpoint {
    try Checkpoint(ModelFolder(path: folder.path), file: "\(name).safetensors")
  }

  /// Names and shapes of checkpoints of other kinds.
  static func foreign() throws -> [String: [String: [Int]]] {
    try JSONDecoder().decode(
      [String: [String: [Int]]].self, from: Data(contentsOf: folder.appending(path: "foreign.json")))
  }
}
