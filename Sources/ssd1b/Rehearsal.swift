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

  /// Where a file of the session is written: under its own path, below the folder.
  func place(for path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." && $0 != ".." }
    return ([folder] + parts.map(String.init)).joined(separator: "/")
  }
}

extension Session {
  /// Where a command writes the file that the user calls `path`.
  func place(for path: String) -> String {
    guard let rehearsal else { return path }
    let place = rehearsal.place(for: path)
    // The folders that it names were there when it was recorded.
    try? FileManager.default.createDirectory(
      atPath: PathName(place).folder, withIntermediateDirectories: true)
    return place
  }

  /// Where a command finds the file that the user calls `path`: in a rehearsal first among what that has written.
  func source(for path: String) -> String {
    guard let place = rehearsal?.place(for: path), FileManager.default.fileExists(atPath: place) else {
      return path
    }
    return place
  }

  /// Where a command writes a file that it was given no name for: `ssd1b-0007` and an ending, with the first number that no
  /// file here has.
  func freePlace(_ ending: String) -> String {
    let used = (try? FileManager.default.contentsOfDirectory(atPath: ".")) ?? []
    let numbers = used.compactMap { name -> Int? in
      let digits = name.hasPrefix("ssd1b-") ? name.dropFirst(6).prefix { $0.isNumber } : ""
      return digits.count <= 9 ? Int(digits) : nil
    }
    var number = (numbers.max() ?? 0) + 1
    while true {
      let digits = String(number)
      let name = "ssd1b-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ending
      let place = place(for: name)
      if !FileManager.default.fileExists(atPath: place) { return place }
      number += 1
    }
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
    let folder = try TemporaryFolder()
    let before = (
      settings, lastRunState, captureRules, capturesAttention, reusesRuns, sources, recordedCompute
    )
    let (recording, interrupted) = (self.recording, beforeInterruption)
    rehearsal = Rehearsal(forcedLibrary: forced.0, forcedPrecision: forced.1, folder: folder.path)
    defer {
      rehearsal = nil
      // What was measured is the rehearsal's.
      pipeline?.forgetMeasurements()
      (settings, lastRunState, captureRules, capturesAttention) = (before.0, before.1, before.2, before.3)
      (reusesRuns, sources, recordedCompute) = (before.4, before.5, before.6)
      (self.recording, beforeInterruption) = (recording, interrupted)
    }
    (settings, lastRunState, captureRules, capturesAttention) = (Settings(), LastRunState(), [], false)
    (reusesRuns, recordedCompute, self.recording) = (false, recorded, nil)
    return try body()
  }
}
