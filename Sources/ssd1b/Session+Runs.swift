import Base
import Diffusion
import Foundation
import Imaging
import Kernels
import Shell

/// A picture that a command made, and what it took.
struct MadePicture {
  let path: String
  let run: Generation
  let image: Image
  let secondsPerStep: Double
  let seconds: Double
  let captured: Int
  /// Nothing had changed since it was made before, so that it was not made again.
  let isReused: Bool

  /// The line that tells a person.
  var line: String { "\(path)  seed \(run.request.seed)  \(facts)" }

  /// What it took, and its latents' hash.
  var facts: String {
    let hash = "latents \(SHA256(of: run.latents).short)"
    if isReused { return "nothing changed: as before  \(hash)" }
    let texts = run.encodedTexts == 0 ? "  texts as before" : ""
    return "\(Self.decimal(secondsPerStep, 3)) s/step  \(Self.decimal(seconds, 1)) s\(texts)  \(hash)"
  }

  var json: JSONValue {
    [
      "path": .string(path), "seed": .seed(run.request.seed),
      "seconds_per_step": .number(secondsPerStep), "seconds": .number(seconds),
      "latents": .string(SHA256(of: run.latents).description), "captured": .integer(captured),
      "texts_encoded": .integer(isReused ? 0 : run.encodedTexts), "reused": .bool(isReused),
    ]
  }

  /// What a recorded session keeps of it: the latents of every step and the pixels.
  func evidence(prefix: String = "") -> [Evidence] {
    run.states.map { Evidence("\(prefix)latents[\($0.step)]", values: $0.latents) }
      + [image.evidence("\(prefix)pixels")]
  }

  /// What a recorded session says of it beside.
  var information: [String] {
    ["picture \(path.escapingInvisibles)"] + (isReused ? [] : ["time \(Self.decimal(seconds, 2)) s"])
  }

  static func decimal(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}

extension Image {
  /// The pixels as a recorded session keeps them; the probe is of 8-bit values.
  func evidence(_ name: String) -> Evidence {
    var evidence = Evidence(name, values: pixels.map { Float($0) }, probes: 24)
    evidence.hash = pixels.withUnsafeBytes { SHA256(of: $0) }.description
    evidence.size = "\(width)x\(height)"
    return evidence
  }
}

/// What a session keeps of its last run.
struct LastRunState {
  /// Finished or interrupted.
  var run: Generation?
  /// Its picture, once there is one.
  var picture: Image?
  /// Its attention maps, over the steps that they were asked for.
  var attention: (steps: [Int], maps: AttentionMaps)?
  var captures: [Captured] = []
  /// What it computed with.
  var backend: (any Backend)?
  var compute: BackendChoice?
  /// Where its picture is, or was to be.
  var path: String?
  /// Whether it was finished and its picture written.
  var isWritten = false
  /// Where the interrupted run is kept in the user's state folder.
  var keptPath: String?
  /// Which reading of the model's files computed it, and their hash then.
  var modelVersion = 0
  var identity: SHA256?
}

extension Session {
  var last: Generation? {
    get { lastRunState.run }
    set {
      lastRunState.run = newValue
      // They were another run's, or of fewer steps.
      (lastRunState.picture, lastRunState.attention) = (nil, nil)
    }
  }

  var picture: Image? {
    get { lastRunState.picture }
    set { lastRunState.picture = newValue }
  }

  var attention: (steps: [Int], maps: AttentionMaps)? {
    get { lastRunState.attention }
    set { lastRunState.attention = newValue }
  }

  var lastCaptures: [Captured] {
    get { lastRunState.captures }
    set { lastRunState.captures = newValue }
  }

  var lastBackend: (any Backend)? { lastRunState.backend }
  var lastCompute: BackendChoice? { lastRunState.compute }
  var lastIsWritten: Bool { lastRunState.isWritten }
  var lastPath: String? { lastRunState.path }

  /// The picture of a run that is the last one, decoded if it was not.
  func lastPicture(of run: Generation) throws -> Image {
    if let picture { return picture }
    try useBackendOfLastRun()
    let pixels = try model().decode(run.latents, height: run.latentHeight, width: run.latentWidth)
    let image = Image(width: run.request.width, height: run.request.height, decoded: pixels)
    picture = image
    return image
  }

  /// The last run. Throws when there was none.
  func lastRun() throws -> Generation {
    guard let last else {
      throw Diagnostic(.usage, at: "last run", "there is none yet", hint: "generate a picture first")
    }
    return last
  }

  /// The settings that hold for one command: the session's, and over them those that it was given.
  func settings(for invocation: Invocation) throws -> Settings {
    var settings = settings
    for option in invocation.options {
      guard let setting = Setting(rawValue: option.key) else { continue }
      try set(setting, to: option.value, in: &settings)
    }
    return settings
  }

  /// Makes a request's picture and writes it, or throws with what was done kept as the last run.
  ///
  /// When the last run was of the same request with the same backend, finished, and nothing is to be captured, its picture
  /// is taken instead; `path` nil then means the file that it is in.
  func make(_ request: GenerationRequest, to path: String?, freePath: () -> String) throws -> MadePicture {
    try refreshModel()
    if reusesRuns, let last, let picture, lastIsWritten, last.request == request, lastCompute == compute,
      lastRunState.modelVersion == modelVersion,
      captureRules.isEmpty, !capturesAttention
    {
      // Another command may have written over the file since.
      let kept = lastPath.flatMap { (try? PNG.read(path: $0).image) == picture ? $0 : nil }
      let place = path ?? kept ?? freePath()
      if path != nil || kept == nil { try PNG.write(picture, text: record(of: last).texts, to: place) }
      lastRunState.path = place
      return MadePicture(
        path: place, run: last, image: picture, secondsPerStep: 0, seconds: 0, captured: 0, isReused: true)
    }
    return try withoutActuallyEscaping(freePath) { freePath in
      try run(request, to: path ?? freePath(), orElse: path == nil ? freePath : nil) {
        try Generation(request, on: $0, observers: $1)
      }
    }
  }

  /// Writes a run's picture and returns where it is.
  ///
  /// Under a name that the program chose nothing is overwritten: where another process has taken it meanwhile, `freePath`
  /// gives the next.
  private func write(
    _ image: Image, of run: Generation, to path: String, orElse freePath: (() -> String)?
  ) throws -> String {
    let texts = try record(of: run).texts
    guard let freePath else {
      try PNG.write(image, text: texts, to: path)
      return path
    }
    var place = path
    while true {
      do {
        try PNG.write(image, text: texts, to: place, replacing: false)
        return place
      } catch is AtomicFile.AlreadyThere {
        place = freePath()
      }
    }
  }

  /// Runs to its end what `begin` gives, and writes its picture.
  ///
  /// - Parameters:
  ///   - goesOn: whether that is the last run, whose captures so far belong to it too.
  ///   - keptPath: where this session keeps it already.
  func run(
    _ request: GenerationRequest, to path: String, orElse freePath: (() -> String)? = nil,
    goesOn: Bool = false, keptAt keptPath: String? = nil,
    from begin: (DiffusionModel, [any RunObserver]) throws -> Generation
  ) throws -> MadePicture {
    try refreshModel()
    if goesOn { try useBackendOfLastRun() }
    try model().ensureMemory(for: request)
    // What the picture will say of the model, which takes its time once and is no part of the run.
    let identity = try modelIdentity()
    let model = try model()
    let clock = ContinuousClock()
    let start = clock.now
    let captures = try CapturePlan(
      captureRules, of: request, on: model,
      freed: lastCaptures.reduce(0) { $0 + 4 * ($1.values?.count ?? 0) })
    if !captures.captures.isEmpty { say("capturing \(captures.summary)") }
    let recorder = CaptureRecorder(captures.captures, on: pool)
    let attention =
      capturesAttention
      ? try AttentionRecorder(of: model, width: request.width, height: request.height) : nil
    let observers =
      (captures.captures.isEmpty ? [] : [recorder]) + [attention].compactMap { $0 as (any RunObserver)? }
    // What the last run captured makes room for this one's.
    if !captures.captures.isEmpty, !goesOn { lastCaptures = [] }
    let watch = RunWatch(self, request: request)
    defer { watch.finish() }
    let before = lastRunState
    recording?.holdsLastRun = false
    var run = try begin(model, observers)
    last = run
    (lastRunState.backend, lastRunState.compute) = (model.backend, compute)
    (lastRunState.path, lastRunState.isWritten) = (path, false)
    (lastRunState.modelVersion, lastRunState.identity) = (modelVersion, identity)
    if !goesOn { lastRunState.keptPath = keptPath }
    defer {
      lastCaptures = (goesOn ? before.captures : []) + recorder.captured
      // Maps of some steps are no maps of the run: asked for, they are computed again.
      if let attention, attention.steps.count == last?.step {
        self.attention = (attention.steps, attention.maps)
      }
    }
    let firstStep = run.step
    // Of the steps alone, without what is shown between them.
    var stepsTime = Duration.zero
    watch.begin(run)
    do {
      while !run.isFinished {
        let before = clock.now
        guard let state = try run.next(on: model, observers: observers) else { break }
        // Discard a step that may have read the changed file.
        try checkModel(model)
        stepsTime += clock.now - before
        last = run
        watch.advance(run, to: state, stepsTime: stepsTime, elapsed: clock.now - start)
      }
    } catch let fault as Diagnostic {
      run = last ?? run
      throw keptFault(
        fault, run, at: "interrupted at \(run.step)/\(request.steps)", before,
        hint: "resume goes on; decode, dump, latents show what is there; save FILE keeps it for later")
    }
    let secondsPerStep = stepsTime.seconds / Double(max(1, run.step - firstStep))
    let pixels: [Float]
    do {
      pixels = try model.decode(
        run.latents, height: run.latentHeight, width: run.latentWidth, observers: observers)
      try checkModel(model)
    } catch let fault as Diagnostic {
      throw keptFault(
        fault, run, at: "interrupted after all \(request.steps) steps, while the picture was decoded", before,
        hint: "the latents are kept: resume decodes them")
    }
    let image = Image(width: request.width, height: request.height, decoded: pixels)
    picture = image
    let place: String
    do {
      place = try write(image, of: run, to: path, orElse: freePath)
    } catch let fault as Diagnostic {
      throw keptFault(
        fault, run, at: "interrupted after all \(request.steps) steps, while the picture was written", before,
        hint: "the latents are kept: resume writes the picture")
    }
    (lastRunState.path, lastRunState.isWritten) = (place, true)
    if rehearsal == nil {
      // Its own file is no longer needed; the file of an interrupted run that it replaces stays for a later `resume`.
      if let path = lastRunState.keptPath { keptRuns.remove(path) }
      if let path = before.keptPath, path != lastRunState.keptPath { keptRuns.drop(path) }
    }
    lastRunState.keptPath = nil
    watch.finish(with: image, of: run)
    return MadePicture(
      path: place, run: run, image: image, secondsPerStep: secondsPerStep,
      seconds: (clock.now - start).seconds, captured: recorder.captured.count, isReused: false)
  }
}
