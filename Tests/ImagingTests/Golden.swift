import Base
import Foundation

/// The committed fixtures of this target; Scripts/goldens/make_png_goldens.py and make_infotext_goldens.py
/// write them.
enum Golden {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Goldens")

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  static func json(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Data(bytes(name)), at: name)
  }
}

/// A folder for one test, gone with it.
final class Scratch {
  let path = NSTemporaryDirectory() + "/imaging-" + UUID().uuidString

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  var contents: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
}
