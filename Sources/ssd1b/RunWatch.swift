import Base
import Diffusion
import Imaging
import Terminal

/// What shows how a run goes on: the progress line.
final class RunWatch {
  private let session: Session
  private let request: GenerationRequest
  private var progress: ProgressLine
  private var label: String { "seed \(request.seed)" }

  init(_ session: Session, request: GenerationRequest) {
    self.session = session
    self.request = request
    progress = session.progress
  }

  func begin(_ run: Generation) {
    progress.update(
      done: run.step, total: request.steps, elapsed: .zero, secondsPerStep: nil, label: label)
  }

  /// - Parameters:
  ///   - stepsTime: what the steps of this process took.
  ///   - elapsed: since the command began.
  func advance(_ run: Generation, to state: Generation.State, stepsTime: Duration, elapsed: Duration) {
    computed += 1
    progress.update(
      done: run.step, total: request.steps, elapsed: elapsed,
      secondsPerStep: stepsTime.seconds / Double(computed), label: label)
  }

  private var computed = 0

  func beginDecoding() {}

  func finish(with image: Image, path: String) { finish() }

  func finish() { progress.finish() }
}
