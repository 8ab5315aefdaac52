import Base
import Foundation
import Kernels
import Shell

/// A session run to be compared: quietly, from the start values, and with its files in a folder of its own.
struct Rehearsal {
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

  /// Where a command finds the file that the user calls `path`: in a rehearsal first among what that has written.
  func source(for path: String) -> String {
    guard let rehearsal else { return path }
    let parts = path.split(separator: "/")
    // A file of a folder that the session wrote lies in that folder.
    for count in stride(from: parts.count, through: 1, by: -1) {
      let folder = rehearsal.place(for: parts[..<count].joined(separator: "/"))
      let place = ([folder] + parts[count...].map(String.init)).joined(separator: "/")
      if FileManager.default.fileExists(atPath: place) { return place }
    }
    return path
  }

  /// Runs `body` as a rehearsal and then has the session as it was before.
  func rehearse<Result>(
    _ recorded: (library: BackendChoice.Library?, precision: Precision?),
    forcing forced: (BackendChoice.Library?, Precision?), _ body: () throws -> Result
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
      settings, lastRunState, captureRules, capturesAttention, reusesRuns, sources, recordedCompute
    )
    let (recording, interrupted) = (self.recording, beforeInterruption)
    rehearsal = Rehearsal(forcedLibrary: forced.0, forcedPrecision: forced.1, folder: folder)
    defer {
      rehearsal = nil
      (settings, lastRunState, captureRules, capturesAttention) = (before.0, before.1, before.2, before.3)
      (reusesRuns, sources, recordedCompute) = (before.4, before.5, before.6)
      (self.recording, beforeInterruption) = (recording, interrupted)
    }
    (settings, lastRunState, captureRules, capturesAttention) = (Settings(), LastRunState(), [], false)
    (reusesRuns, recordedCompute, self.recording) = (false, recorded, nil)
    return try body()
  }
}
