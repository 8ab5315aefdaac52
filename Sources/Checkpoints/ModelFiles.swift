import Base
import Foundation
import Synchronization

/// A folder of model files in the diffusers layout, on disk or inside the program.
public protocol ModelFiles: Sendable {
  /// How the folder is called in messages.
  var name: String { get }
  /// The variant of weights to take where there are several, such as `fp16`; nil for the plain ones.
  var variant: String? { get }
  /// The names of the files in a subfolder, such as `unet`; empty when there is no such folder.
  func list(_ folder: String) -> [String]
  func bytes(_ path: String) throws -> MappedBytes
  /// The same folder with nothing opened yet.
  func reopened() throws -> Self
  /// The files opened so far that are no longer what they were, with what happened to each.
  /// - Parameter inPlace: report only files whose contents were written to, not those replaced by another file of the same
  ///   name: their old contents stay mapped unchanged.
  func changes(inPlace: Bool) -> [Diagnostic]
}

extension ModelFiles {
  public var variant: String? { nil }
  /// None, for what cannot change.
  public func changes(inPlace: Bool) -> [Diagnostic] { [] }
  public func reopened() throws -> Self { self }

  public func place(_ path: String) -> String { "\(name)/\(path)" }

  public func has(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    return list(parts.dropLast().joined(separator: "/")).contains(String(parts.last ?? ""))
  }

  /// A JSON file's value. Throws a `Diagnostic` when it is none, or a server's error reply in its place.
  public func json(_ path: String) throws -> JSONValue {
    try JSONValue(parsingFile: bytes(path).data, at: place(path))
  }
}

/// A model folder on disk.
public struct ModelFolder: ModelFiles {
  public let name: String
  /// What was opened, shared by copies.
  private let opened = Opened()

  private final class Opened: Sendable {
    let stamps = Mutex<[String: FileStamp]>([:])
  }

  public let variant: String?

  /// - Parameter path: a folder, its `model_index.json`, or a model's folder in Hugging Face's cache.
  ///
  /// Throws a `Diagnostic` when there is no such folder.
  public init(path: String, variant: String? = nil) throws {
    name = try ModelLocation.folder(of: path)
    self.variant = variant
  }

  public func list(_ folder: String) -> [String] {
    let path = folder.isEmpty ? name : place(folder)
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  public func bytes(_ path: String) throws -> MappedBytes {
    let bytes = try MappedBytes(file: place(path))
    if let stamp = bytes.stamp {
      // The first one counts: what was read then is part of the model.
      opened.stamps.withLock { $0[path] = $0[path] ?? stamp }
    }
    return bytes
  }

  public func reopened() throws -> ModelFolder { try ModelFolder(path: name, variant: variant) }

  public func changes(inPlace: Bool) -> [Diagnostic] {
    opened.stamps.withLock { $0 }.sorted { $0.key < $1.key }.compactMap { path, stamp in
      let now = FileStamp(path: place(path))
      if now == stamp || (inPlace && now?.isSameFile(as: stamp) != true) { return nil }
      return .changed(place(path))
    }
  }
}
