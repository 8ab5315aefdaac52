import Base
import Diffusion
import Shell

/// What becomes of a run that ends early.
extension Session {
  /// Forgets the run that was just interrupted, and has the one before it as the last again.
  func dropInterruptedRun() {
    guard let before = beforeInterruption, let run = last else { return }
    let path = lastRunState.keptPath.flatMap { $0 == before.keptPath ? nil : $0 }
    if let path { keptRuns.drop(path) }
    let then = path.map { "; resume \(Quoting.word($0)) still has it" } ?? ""
    say("the run interrupted at \(run.step)/\(run.request.steps) is dropped\(then)")
    lastRunState = before
    beforeInterruption = nil
  }

  /// What a run ended early with, once what was done is kept: in the session, and in a file that outlives it.
  func keptFault(
    _ fault: Diagnostic, _ run: Generation, at message: String, _ before: LastRunState, hint: String
  ) -> Diagnostic {
    guard rehearsal == nil else {
      return fault.kind == .interrupted ? Diagnostic(.interrupted, message) : fault
    }
    if fault.kind == .interrupted { beforeInterruption = before }
    do {
      if run.step > 0 {
        lastRunState.keptPath = try keptRuns.keep(run, facts: facts(ofRun: run), at: lastRunState.keptPath)
      }
    } catch {
      SSD1B.report(
        "warning: the run is kept in memory only: \("\(error)".escapingInvisibles)", inColor: colors(on: 2))
    }
    let batchHint = lastRunState.keptPath.map {
      "the run is kept: resume \(Quoting.word($0)) goes on with it"
    }
    if fault.kind == .interrupted {
      return Diagnostic(.interrupted, message, hint: isInteractive ? hint : batchHint)
    }
    var fault = fault
    let then = isInteractive && run.step > 0 ? "the run is kept: resume goes on with it" : batchHint
    fault.hint = [fault.hint, then].compactMap { $0 }.joined(separator: "; ")
    return fault
  }

  /// Keeps the run that goes on, for the end of the process in the middle of it.
  func keepUnfinishedRun() {
    guard let run = last, !lastIsWritten, run.step > 0, rehearsal == nil else { return }
    lastRunState.keptPath =
      (try? keptRuns.keep(run, facts: facts(ofRun: run), at: lastRunState.keptPath)) ?? lastRunState.keptPath
  }

  /// Says where a run that this session leaves unfinished is, for the next one.
  func sayWhatIsKept() {
    guard let run = last, !lastIsWritten, lastRunState.keptPath != nil else { return }
    say(
      "the run interrupted at \(run.step)/\(run.request.steps) is kept: resume goes on with it in the next session"
    )
  }
}
