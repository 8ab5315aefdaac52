import Base
import Foundation

/// Bytes that stay where they are for as long as this object lives: a mapped file, or part of the program itself.
public final class MappedBytes: @unchecked Sendable {
  public let buffer: UnsafeRawBufferPointer
  /// Whether they are a file's pages.
  public let isMapping: Bool

  /// Bytes that outlive every use, such as a constant of the program.
  public init(constant buffer: UnsafeRawBufferPointer) {
    self.buffer = buffer
    isMapping = false
  }

  /// Maps a file for reading. Throws a `Diagnostic` when it cannot be opened.
  public init(file path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    func failure() -> Diagnostic {
      Diagnostic(
        .model, at: path, "cannot be read: \(String(cString: strerror(errno)))",
        hint: "check the path and its permissions")
    }
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    let size = Int(status.st_size)
    guard size > 0 else {
      buffer = UnsafeRawBufferPointer(start: nil, count: 0)
      isMapping = false
      return
    }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw failure()
    }
    buffer = UnsafeRawBufferPointer(start: address, count: size)
    isMapping = true
  }

  deinit {
    if isMapping, let address = buffer.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: address), buffer.count)
    }
  }

  /// The bytes as `Data` without a copy; valid while this object lives.
  public var data: Data {
    guard let address = buffer.baseAddress else { return Data() }
    return Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: address), count: buffer.count,
      deallocator: .custom { [self] _, _ in
        _ = self
      })
  }
}

/// A folder of model files in the diffusers layout, on disk or inside the program.
public protocol ModelFiles: Sendable {
  /// How the folder is called in messages.
  var name: String { get }
  /// The names of the files in a subfolder, such as `unet`; empty when there is no such folder.
  func list(_ folder: String) -> [String]
  func bytes(_ path: String) throws -> MappedBytes
}

extension ModelFiles {
  public func place(_ path: String) -> String { "\(name)/\(path)" }

  public func has(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    return list(parts.dropLast().joined(separator: "/")).contains(String(parts.last ?? ""))
  }

  public func json(_ path: String) throws -> JSONValue {
    try JSONValue(parsing: bytes(path).data, at: place(path))
  }
}

/// A model folder on disk.
public struct ModelFolder: ModelFiles {
  public let name: String

  /// Throws a `Diagnostic` when there is no such folder.
  public init(path: String) throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue
    else {
      throw Diagnostic(
        .model, at: path,
        "expected a model folder in the diffusers layout, found "
          + (FileManager.default.fileExists(atPath: path) ? "a file" : "nothing"),
        hint: "give --model a folder that holds model_index.json, unet/, vae/, text_encoder/ and tokenizer/")
    }
    name = path
  }

  public func list(_ folder: String) -> [String] {
    let path = folder.isEmpty ? name : place(folder)
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  public func bytes(_ path: String) throws -> MappedBytes { try MappedBytes(file: place(path)) }
}
