import Base
import Diffusion
import Foundation
import Imaging
import Shell
import Terminal

/// Makes pictures from the present settings.
enum GenerateCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "generate", aliases: ["g"], group: "Pictures", summary: "makes a picture from the settings",
      discussion: """
        Any setting can be given for this one run. With n=K, K pictures of consecutive seeds are made. \
        Without out=, pictures are named by number and seed, and none is overwritten.
        """,
      options: [
        OptionDeclaration("n", .integer(1...10_000), summary: "how many pictures, of consecutive seeds"),
        OptionDeclaration("out", .file, summary: "the PNG to write; with n=, a number is added"),
      ], takesSettings: true,
      examples: [
        ("generate", "with the settings as they are"),
        ("generate seed=8 steps=4", "other values for this run alone"),
        ("generate n=4", "four seeds"), ("generate out=fox.png", "names the file"),
      ])
  ) { invocation, session in
    let settings = try overridden(invocation, session)
    let request = settings.request(start: session.start)
    let count = try invocation.integer("n") ?? 1
    let out = invocation.texts("out").last
    if let out { try checkWritable(out) } else { try checkWritable("./ssd1b.png") }
    try session.useBackend(for: settings)
    var results: [JSONValue] = []
    for index in 0..<count {
      var one = request
      one.seed &+= UInt64(index)
      let path = out.map { count == 1 ? $0 : numbered($0, index + 1) } ?? freeName(seed: one.seed)
      results.append(try generate(one, to: path, session))
    }
    return CommandOutput("", result: .object(["images": .array(results)]))
  }

  static func overridden(_ invocation: Invocation, _ session: Session) throws -> Settings {
    var settings = session.settings
    for option in invocation.options {
      guard let setting = Setting(rawValue: option.key) else { continue }
      try settings.set(setting, to: option.value, start: session.start)
    }
    return settings
  }

  /// Runs one request to its end, or throws with what was done kept in the session.
  private static func generate(_ request: GenerationRequest, to path: String, _ session: Session) throws
    -> JSONValue
  {
    let clock = ContinuousClock()
    let start = clock.now
    let model = try session.model()
    let captures = try CapturePlan(
      session.captureRules, of: request, on: model,
      freed: session.lastCaptures.reduce(0) { $0 + 4 * ($1.values?.count ?? 0) })
    if !captures.captures.isEmpty { session.say("capturing \(captures.summary)") }
    let recorder = CaptureRecorder(captures.captures, on: session.pool)
    let attention =
      session.capturesAttention
      ? try AttentionRecorder(of: model, width: request.width, height: request.height) : nil
    let observers =
      (captures.captures.isEmpty ? [] : [recorder]) + [attention].compactMap { $0 as (any RunObserver)? }
    // What the last run captured makes room for this one's.
    if !captures.captures.isEmpty { session.lastCaptures = [] }
    var run = try Generation(request, on: model, observers: observers)
    session.last = run
    session.lastBackend = model.backend
    defer {
      session.lastCaptures = recorder.captured
      if let attention, !attention.steps.isEmpty { session.attention = (attention.steps, attention.maps) }
    }
    var progress = session.progress
    defer { progress.finish() }
    let label = "seed \(request.seed)"
    progress.update(done: 0, total: request.steps, elapsed: .zero, secondsPerStep: nil, label: label)
    let stepsStart = clock.now
    do {
      while try run.next(on: model, observers: observers) != nil {
        session.last = run
        let elapsed = clock.now - stepsStart
        progress.update(
          done: run.step, total: request.steps, elapsed: clock.now - start,
          secondsPerStep: elapsed.seconds / Double(run.step), label: label)
      }
    } catch let fault as Diagnostic where fault.kind == .interrupted {
      progress.finish()
      throw Diagnostic(
        .interrupted, "interrupted at \(run.step)/\(request.steps)",
        hint: "what was done is kept: latents, dump latents FOLDER")
    }
    let perStep = (clock.now - stepsStart).seconds / Double(request.steps)
    let pixels: [Float]
    do {
      pixels = try model.decode(
        run.latents, height: run.latentHeight, width: run.latentWidth, observers: observers)
    } catch let fault as Diagnostic where fault.kind == .interrupted {
      throw Diagnostic(
        .interrupted, "interrupted after all \(request.steps) steps, while the picture was decoded",
        hint: "the latents are kept: decode out=\(path) makes the picture")
    }
    let image = Image(width: request.width, height: request.height, decoded: pixels)
    session.picture = image
    let hash = SHA256(of: run.latents)
    let record = PictureRecord(
      request: request, model: model.modelName, backend: model.backend, latents: hash)
    try PNG.write(image, text: record.texts, to: path)
    progress.finish()
    let total = (clock.now - start).seconds
    session.say(
      "\(path)  seed \(request.seed)  \(decimal(perStep, 3)) s/step  \(decimal(total, 1)) s  latents \(hash.short)"
    )
    return [
      "path": .string(path), "seed": .integer(Int(truncatingIfNeeded: request.seed)),
      "seconds_per_step": .number(perStep),
      "seconds": .number(total), "latents": .string(hash.description),
      "captured": .integer(recorder.captured.count),
    ]
  }

  static func decimal(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

  /// Refuses a place that cannot be written before minutes are spent on a picture for it.
  static func checkWritable(_ path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(
      atPath: folder.isEmpty ? "." : folder, isDirectory: &isDirectory)
    guard exists, isDirectory.boolValue else {
      throw Diagnostic(
        .file, at: path, "expected a folder \(folder), found \(exists ? "a file" : "none")",
        hint: "make the folder first, or choose another with out=")
    }
    guard access(folder.isEmpty ? "." : folder, W_OK) == 0 else {
      throw Diagnostic(
        .file, at: path, "cannot be written: \(String(cString: strerror(errno)))",
        hint: "choose a folder that you may write to with out=")
    }
    let ending = (path as NSString).pathExtension.lowercased()
    guard !["jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif"].contains(ending) else {
      throw Diagnostic(
        .value, at: path, "expected a name that ends in .png, found .\(ending)",
        hint: "pictures are written as PNG")
    }
    guard !FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) || !isDirectory.boolValue
    else {
      throw Diagnostic(
        .file, at: path, "expected a file's name, found a folder", hint: "add a file name, such as fox.png")
    }
  }

  private static func numbered(_ path: String, _ number: Int) -> String {
    let base = path as NSString
    let stem = base.pathExtension.isEmpty ? path : base.deletingPathExtension
    return "\(stem)-\(number).\(base.pathExtension.isEmpty ? "png" : base.pathExtension)"
  }

  private static func freeName(seed: UInt64) -> String {
    let used = (try? FileManager.default.contentsOfDirectory(atPath: ".")) ?? []
    let numbers = used.compactMap { name -> Int? in
      name.hasPrefix("ssd1b-") ? Int(name.dropFirst(6).prefix { $0.isNumber }) : nil
    }
    return String(format: "ssd1b-%04d-seed\(seed).png", (numbers.max() ?? 0) + 1)
  }
}
