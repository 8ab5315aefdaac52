import Base
import Foundation
import Kernels
import Shell

/// A session run to be compared: quietly, from the start values, and with its files in a folder of its own.
struct Rehearsal {
  /// What computes where the session's own commands do not say, as it was recorded.
  var library: BackendChoice.Library?
  var precision: Precision?
  /// What computes whatever the session's own commands say.
  var forcedLibrary: BackendChoice.Library?
  var forcedPrecision: Precision?
  /// Where files are written.
  let folder: String

  /// Where a file of the session is written: under its name in the folder.
  func place(for path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." && $0 != ".." }
    return folder + "/" + parts.joined(separator: "-")
  }
}

extension Session {
  /// Where a command writes the file that the user calls `path`.
  func place(for path: String) -> String { rehearsal?.place(for: path) ?? path }

  /// Runs `body` as a rehearsal and then has the session as it was before.
  func rehearse<Result>(
    library: BackendChoice.Library?, precision: Precision?, forcedLibrary: BackendChoice.Library? = nil,
    forcedPrecision: Precision? = nil, _ body: () throws -> Result
  ) throws -> Result {
    guard rehearsal == nil else {
      throw Diagnostic(
        .usage, at: "verify", "expected a session of other commands, found one that verifies",
        hint: "verify the other session by itself")
    }
    let folder = NSTemporaryDirectory() + "ssd1b-\(UUID().uuidString)"
    try OutputPath.makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let before = (
      settings, last, picture, attention, captureRules, capturesAttention, lastCaptures, lastBackend
    )
    let places = (lastCompute, lastPath, reusesRuns, sources)
    rehearsal = Rehearsal(
      library: self.library ?? library, precision: self.precision ?? precision, forcedLibrary: forcedLibrary,
      forcedPrecision: forcedPrecision, folder: folder)
    defer {
      rehearsal = nil
      settings = before.0
      // In this order: a new last run forgets its picture and its maps.
      last = before.1
      (picture, attention, captureRules, capturesAttention) = (before.2, before.3, before.4, before.5)
      (lastCaptures, lastBackend) = (before.6, before.7)
      (lastCompute, lastPath, reusesRuns, sources) = places
    }
    (settings, last, captureRules, capturesAttention, lastCaptures) = (Settings(), nil, [], false, [])
    (lastPath, reusesRuns) = (nil, false)
    return try body()
  }
}
