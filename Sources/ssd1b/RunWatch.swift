import Base
import Diffusion
import Foundation
import Imaging
import Terminal

/// What shows how a run goes on: the progress line, above it what the model takes the picture for, and events.
final class RunWatch {
  private let session: Session
  private let request: GenerationRequest
  private var progress: ProgressLine
  private var pictures: LivePicture?
  private var preview: LatentPreview?
  private var computed = 0
  private var label: String { "seed \(request.seed)" }

  init(_ session: Session, request: GenerationRequest) {
    self.session = session
    self.request = request
    progress = session.progress
    if session.showsPictures, session.progress.isEnabled {
      pictures = LivePicture(depth: PictureSupport(environment: ProcessInfo.processInfo.environment).depth)
    }
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
    let secondsPerStep = stepsTime.seconds / Double(computed)
    if let events = session.events { session.emit(events.step(run, state, secondsPerStep: secondsPerStep)) }
    show(state, of: run)
    progress.update(
      done: run.step, total: request.steps, elapsed: elapsed, secondsPerStep: secondsPerStep, label: label)
  }

  /// Shows the predicted clean picture above the progress line.
  private func show(_ state: Generation.State, of run: Generation) {
    guard let denoised = state.denoised, pictures?.isDue(isLast: run.isFinished) == true else { return }
    // A preview that cannot be fitted is no reason to stop a run.
    if preview == nil { preview = try? session.latentPreview() }
    guard let preview else {
      pictures = nil
      return
    }
    let picture = preview.picture(of: denoised)
    progress.finish()
    pictures?.show(Image(width: run.latentWidth, height: run.latentHeight, decoded: picture))
  }

  func finish(with image: Image, of run: Generation) {
    finish()
    if session.showsPictures { session.refitPreview(to: run, image) }
  }

  func finish() {
    progress.finish()
    pictures?.finish()
  }
}
