import CProcess
import Foundation
import Synchronization

/// Bytes that stay where they are for as long as this object lives: a mapped file, or part of the program itself.
///
/// A file may be truncated while it is mapped. Its pages then read as zeros, the run stops, and `InterruptFlag.takeReason`
/// says which file it was; nothing computed from it is used.
public final class MappedBytes: @unchecked Sendable {
  public let buffer: UnsafeRawBufferPointer
  /// Whether they are a file's pages.
  public let isMapping: Bool
  /// What the file was when it was opened; nil for part of the program.
  public let stamp: FileStamp?
  private let watch: Int32

  /// Files up to this many bytes are read rather than mapped.
  private static let smallBytes = 1 << 20

  /// Bytes that outlive every use, such as a constant of the program.
  public init(constant buffer: UnsafeRawBufferPointer) {
    self.buffer = buffer
    (isMapping, stamp, watch) = (false, nil, -1)
  }

  /// Opens a file for reading. Throws a `Diagnostic` of kind `.model` when it is no regular file or cannot be opened.
  public init(file path: String) throws {
    let file = try RegularFile(path, kind: .model)
    stamp = file.stamp
    let size = file.stamp.size
    if size <= Self.smallBytes {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, size), alignment: 64)
      let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<size]))
      buffer = UnsafeRawBufferPointer(start: memory.baseAddress, count: count)
      (isMapping, watch) = (false, -1)
      return
    }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.descriptor, 0), address != MAP_FAILED
    else {
      throw file.failure(errno)
    }
    buffer = UnsafeRawBufferPointer(start: address, count: size)
    isMapping = true
    watch = cprocess_watch_mapping(address, size)
    if watch >= 0 { Self.watched.withLock { [watch] in $0[watch] = path } }
  }

  deinit {
    guard let address = buffer.baseAddress, stamp != nil else { return }
    if isMapping {
      if watch >= 0 { Self.watched.withLock { [watch] in $0[watch] = nil } }
      cprocess_unwatch_mapping(watch)
      munmap(UnsafeMutableRawPointer(mutating: address), buffer.count)
    } else {
      UnsafeMutableRawPointer(mutating: address).deallocate()
    }
  }

  /// The paths of the watched mappings, by slot.
  private static let watched = Mutex<[Int32: String]>([:])

  /// The error for a file whose mapping lost pages since the last call; nil when there is none.
  public static func takeLoss() -> Diagnostic? {
    let slot = cprocess_take_lost_mapping()
    guard slot >= 0 else { return nil }
    return .changed(watched.withLock { $0[slot] } ?? "a model's file")
  }

  /// Whether some of the bytes can no longer be read, because the file was truncated.
  public var isLost: Bool { cprocess_mapping_is_lost(watch) }

  /// The bytes as `Data` without a copy; valid while this object lives.
  public var data: Data {
    guard let address = buffer.baseAddress, buffer.count > 0 else { return Data() }
    return Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: address), count: buffer.count,
      deallocator: .custom { [self] _, _ in
        _ = self
      })
  }
}

extension Diagnostic {
  /// A model's file is no longer what it was when it was opened.
  public static func changed(_ path: String) -> Diagnostic {
    let isThere = FileStamp(path: path) != nil
    return Diagnostic(
      .model, at: path,
      isThere ? "the file changed while it was open" : "the file was removed while it was open",
      hint: isThere
        ? "the settings and the last run are kept; the model is read again at the next run"
        : "put it back: the settings and the last run are kept")
  }
}

/// A file's device, inode, size and modification time, by which a change is noticed without reading the file.
public struct FileStamp: Hashable, Sendable {
  public let size: Int
  private let device: UInt64
  private let inode: UInt64
  private let seconds: Int
  private let nanoseconds: Int

  init(_ status: stat) {
    size = Int(status.st_size)
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
  }

  /// Of the file at a path as it is now; nil where there is none.
  public init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// Whether it is the same file, whatever was written to it since.
  public func isSameFile(as other: FileStamp) -> Bool { (device, inode) == (other.device, other.inode) }
}

/// A regular file open for reading. Folders, pipes and devices are refused at once, without waiting for a writer.
public final class RegularFile {
  public let path: String
  public let descriptor: Int32
  public let stamp: FileStamp
  private let kind: Diagnostic.Kind

  /// Throws a `Diagnostic` of `kind` that says what is there instead, or why it cannot be opened.
  public init(_ path: String, kind: Diagnostic.Kind = .file) throws {
    self.path = path
    self.kind = kind
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw Self.failure(path, kind, errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      defer { close(descriptor) }
      throw Self.failure(path, kind, errno)
    }
    if let name = Self.otherKind(status.st_mode) {
      close(descriptor)
      throw Diagnostic(
        kind, at: path, "cannot be read: it is \(name), not a file", hint: "give a file's path")
    }
    self.descriptor = descriptor
    stamp = FileStamp(status)
  }

  deinit { close(descriptor) }

  /// `a folder`, `a pipe`, `a socket` or `a device`; nil for a regular file.
  static func otherKind(_ mode: mode_t) -> String? {
    switch mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// The whole file. Throws a `Diagnostic` when it has more than `limit` bytes, cannot be read, or memory is short.
  public func contents(limit: Int = .max) throws -> Data {
    guard stamp.size <= limit else {
      throw Diagnostic(
        kind, at: path,
        "cannot be read: it has \(stamp.size) bytes, more than the \(limit) that such a file may have",
        hint: "check that it is the right file")
    }
    try Memory.ensure(stamp.size, for: path)
    var data = Data(count: stamp.size)
    let count = try data.withUnsafeMutableBytes { try read(into: $0) }
    return data.prefix(count)
  }

  /// Fills a buffer from the file's beginning and returns how many bytes there were.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var count = 0
    while count < buffer.count, let start = buffer.baseAddress {
      let more = pread(descriptor, start + count, min(buffer.count - count, 1 << 24), off_t(count))
      if more < 0, errno != EINTR { throw failure(errno) }
      try InterruptFlag.check()
      if more == 0 { break }
      count += max(0, more)
    }
    return count
  }

  func failure(_ code: Int32) -> Diagnostic { Self.failure(path, kind, code) }

  private static func failure(_ path: String, _ kind: Diagnostic.Kind, _ code: Int32) -> Diagnostic {
    if code == ENOMEM { return Memory.shortage(at: path, needed: FileStamp(path: path)?.size ?? 0) }
    if code == ENOENT, let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
      return Diagnostic(
        kind, at: path, "it is a link to \(target), which is not there",
        hint: "fetch the file again, or copy the folder with what its links lead to")
    }
    return Diagnostic(
      kind, at: path, "cannot be read: \(String(cString: strerror(code)))",
      hint: "check the path and that you may read it")
  }
}
