import Base
import Diffusion
import Foundation
import Imaging
import Terminal

/// Pictures on the terminal.
extension Session {
  /// Whether pictures are shown without being asked for: on a terminal that has colour.
  var showsPictures: Bool {
    isInteractive && !isJSON && rehearsal == nil && picturesAreOn && TerminalInfo.isTerminal(1)
      && colors(on: 1)
  }

  /// What the terminal can show; it is asked once, when a picture is first to be shown.
  func pictureSupport() -> PictureSupport {
    if let support { return support }
    let environment = ProcessInfo.processInfo.environment
    // Off a terminal it is the same whatever the environment says.
    var found = PictureSupport(depth: .trueColor, isInsideTmux: false)
    if TerminalInfo.isTerminal(1) { found = PictureSupport(environment: environment) }
    if isInteractive, TerminalInfo.isTerminal(0), TerminalInfo.isTerminal(1), environment["TERM"] != "dumb" {
      let answer = TerminalQuery.ask(
        PictureSupport.query(environment: environment), until: PictureSupport.isComplete)
      var typed = found.read(answer)
      if !PictureSupport.isComplete(answer) {
        let begun = PictureSupport.unfinishedReply(in: typed).map { Array(typed[$0...]) } ?? []
        typed.removeLast(begun.count)
        awaitAnswers(begun)
      }
      if !typed.isEmpty { typeAhead(String(decoding: typed, as: UTF8.self)) }
    }
    support = found
    return found
  }

  /// The text that shows a picture here, or `columns` wide; `kind` nil is the best that the terminal has.
  func terminalText(_ image: Image, by kind: PictureProtocol? = nil, columns: Int? = nil) throws -> String {
    let support = pictureSupport()
    let room = TerminalPicture.Cells(
      columns: columns ?? (width ?? 80), rows: columns == nil ? max(8, TerminalInfo.rows(1) * 2 / 3) : 1000)
    return try TerminalPicture.text(image, by: kind ?? support.best, in: room, on: support)
  }

  /// Shows a picture that a command made, where pictures are shown.
  func show(_ image: Image) throws {
    guard showsPictures else { return }
    writeRaw(try terminalText(image))
  }

  /// The map from latents to colours: fitted to the last picture, or before there is one to drawn pictures.
  func latentPreview() throws -> LatentPreview {
    if let preview { return preview }
    let made = try model().latentPreview()
    preview = made
    return made
  }

  /// Fits the preview to a run's own picture, for the runs that follow.
  func refitPreview(to run: Generation, _ image: Image) {
    preview = LatentPreview(
      latents: run.latents, height: run.latentHeight, width: run.latentWidth,
      picture: image.pixels.map { Float($0) / 127.5 - 1 })
  }
}
