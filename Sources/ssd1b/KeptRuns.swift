import Base
import Diffusion
import Foundation

/// Interrupted runs in the user's state folder. Each is written when it is interrupted, so that it survives the process.
///
/// A session locks the files of its own runs, so that `resume` in another session does not take them.
final class KeptRuns {
  /// `$XDG_STATE_HOME/ssd1b/runs`; nil where there is no home.
  let folder: String?
  private var locks: [String: FileLock] = [:]
  private var dropped: Set<String> = []

  /// How many runs of ended sessions are kept, newest first.
  private static let mostLeft = 8
  private static let suffix = ".run.safetensors"

  init(folder: String?) { self.folder = folder }

  /// Writes a run and returns its path: `path`, where this session keeps it already, or a new one.
  func keep(_ run: Generation, facts: [String: String], at path: String?) throws -> String? {
    guard let folder else { return nil }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let path = path ?? newPath(in: folder)
    locks[path] = try run.write(to: path, facts: facts, mode: 0o600, isDurable: false)
    removeOldest()
    return path
  }

  /// Takes over the newest run of an ended session, preferring runs of the model with this hash; nil when there is none.
  func takeNewestLeft(ofModel identity: String) -> String? {
    let left = left()
    let fitting = left.filter { (try? Generation.Kept(path: $0))?.facts["model"] == identity }
    for path in fitting + left {
      guard let lock = FileLock(ofFile: path) else { continue }
      locks[path] = lock
      return path
    }
    return nil
  }

  /// Takes over the run in a file of the store: false when another session has it, nil when the file is not in the store.
  func take(_ path: String) -> Bool? {
    guard let folder, let store = realpath(folder, nil), let parent = realpath(PathName(path).folder, nil)
    else {
      return nil
    }
    defer {
      free(store)
      free(parent)
    }
    guard strcmp(store, parent) == 0 else { return nil }
    if locks[path] != nil { return true }
    locks[path] = FileLock(ofFile: path)
    return locks[path] != nil
  }

  /// Releases a run, so that other sessions may resume it.
  func giveBack(_ path: String) { locks[path] = nil }

  /// Releases a run that the user has dropped. Its file stays, since Ctrl-C is easily pressed twice.
  func drop(_ path: String) {
    dropped.insert(path)
    locks[path] = nil
  }

  /// Removes a run that is finished.
  func remove(_ path: String) {
    unlink(path)
    locks[path] = nil
  }

  /// Runs of ended sessions, newest first.
  private func left() -> [String] {
    guard let folder else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    // The names begin with the time.
    return names.filter { $0.hasSuffix(Self.suffix) }.sorted(by: >).map { "\(folder)/\($0)" }
      .filter { locks[$0] == nil && !dropped.contains($0) && !FileLock.isHeld($0) }
  }

  private func removeOldest() {
    for path in left().dropFirst(Self.mostLeft) {
      guard let lock = FileLock(ofFile: path) else { continue }
      unlink(path)
      withExtendedLifetime(lock) {}
    }
  }

  private func newPath(in folder: String) -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    let stamp = String(
      format: "%04d%02d%02d-%02d%02d%02d.%03d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
      parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1_000_000)
    let name = "\(folder)/\(stamp)-\(getpid())"
    return (1...).lazy.map { $0 == 1 ? name + Self.suffix : "\(name)-\($0)\(Self.suffix)" }
      .first { !FileManager.default.fileExists(atPath: $0) } ?? name + Self.suffix
  }
}
