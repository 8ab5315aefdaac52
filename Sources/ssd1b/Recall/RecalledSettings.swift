import Base
import Diffusion

/// The settings that a picture carries, whichever program wrote them.
struct RecalledSettings {
  /// The program that wrote them.
  let source: String
  /// Values as text, to be set one by one; nil takes a setting back.
  private(set) var values: [(setting: Setting, text: String?)] = []
  /// What could not be taken over, and what will make the picture another one.
  private(set) var notes: [String] = []

  /// Of a program, nothing read yet.
  init(of source: String) { self.source = source }

  /// Reads a picture's texts. Throws a `Diagnostic` of kind `.file` when they hold no settings.
  init(_ texts: PictureTexts) throws {
    // What ran comes before what describes it: a graph before an infotext that a node of it wrote, and that before the
    // workflow, which may have been edited since.
    let readers = [
      Self.own, Self.comfyUI, Self.invokeAI, Self.invokeAI2, Self.swarmUI, Self.fooocus, Self.infotext,
      Self.unknownJSON, Self.novelAI, Self.comfyUIWorkflow, Self.easyDiffusion, Self.drawThings,
    ]
    var first: RecalledSettings?
    for read in readers {
      guard let found = try read(texts) else { continue }
      if !found.values.isEmpty {
        self = found
        return
      }
      first = first ?? found
    }
    guard let first else { throw texts.fault }
    throw Diagnostic(
      .file, at: texts.path,
      "expected settings, found none that this program has in what \(first.source) wrote",
      hint: first.notes.first ?? "the picture was made in another way")
  }

  /// What this program wrote.
  private static func own(_ texts: PictureTexts) throws -> RecalledSettings? {
    guard texts["ssd1b"] != nil else { return nil }
    let fields = try texts.fields("ssd1b")
    var settings = RecalledSettings(of: "ssd1b")
    settings.take(prompt: fields["prompt"]?.string, negative: fields["negative"]?.string)
    for setting in [Setting.cfg, .steps, .seed] { settings.take(setting, fields[setting.rawValue]) }
    settings.take(size: fields["size"]?.string)
    if let name = fields["scheduler"]?.string {
      if Scheduler(rawValue: name) != nil {
        settings.set(.scheduler, name)
      } else {
        settings.note("this version has no scheduler \(name)")
      }
    }
    return settings
  }
}

extension RecalledSettings {
  /// Adds a note, once. It may hold what a file says, which may be of any length.
  mutating func note(_ text: String) {
    // By scalars: one character may be made of any number of them.
    let line = String(text.unicodeScalars.prefix(Self.mostNoteLength)).escapingInvisibles
    if notes.count < Self.mostNotes, !notes.contains(line) { notes.append(line) }
  }

  private static let (mostNotes, mostNoteLength) = (40, 300)

  /// Notes things that were left out, by their names.
  mutating func noteLeftOut(_ names: [String]) {
    if !names.isEmpty { note("not taken over: \(NearestNames.list(names, "and"))") }
  }

  mutating func set(_ setting: Setting, _ text: String?) { values.append((setting, text)) }

  /// Takes the texts; that there is no negative prompt is a value too, of a picture that has a prompt.
  mutating func take(prompt: String?, negative: String?) {
    guard let prompt else { return }
    set(.prompt, prompt)
    set(.negative, negative)
  }

  /// Takes `cfg`, `steps` or the seed, which may be a number or its digits as text.
  mutating func take(_ setting: Setting, _ value: JSONValue?) {
    guard let value, value != .null, value != "" else { return }
    guard let digits = value.digits else {
      note("\(setting.rawValue) stays: \(value.kindName) is no number")
      return
    }
    switch setting {
    case .seed where digits.hasPrefix("-"):
      note("its seed \(digits.prefix(40)) stands for a random one: seed stays")
    case .seed where UInt64(digits) == nil:
      note("its seed \(digits.prefix(40)) is no whole number of 64 bits: seed stays")
    default: set(setting, digits)
    }
  }

  /// Takes a size such as `1024x1024`, `1024 x 1024`, `1024×1024` or `(1024, 1024)`.
  mutating func take(size text: String?) {
    guard let text, !text.isEmpty else { return }
    let edges = text.split { "xX×,() ".contains($0) }
    if edges.count == 2, edges.allSatisfy({ Int($0) != nil && !$0.hasPrefix("+") }) {
      set(.size, "\(edges[0])x\(edges[1])")
    } else {
      note("size stays: \(text.prefix(60)) is no size")
    }
  }

  mutating func take(width: JSONValue?, height: JSONValue?) {
    guard let width = width?.digits, let height = height?.digits else { return }
    take(size: "\(width)x\(height)")
  }

  /// Takes a sampler by the other program's names for it and for how its sigmas are spaced.
  mutating func take(sampler name: String, spacing: SigmaSpacing, from known: SamplerNames) {
    let solver = known[name]
    let karras = solver.flatMap { Scheduler(rawValue: $0.rawValue + "_karras") }
    guard let scheduler = spacing == .karras ? karras : solver else {
      let sigmas = spacing == .karras ? " with Karras' sigmas" : ""
      note("its sampler \(name)\(sigmas) is not supported here: scheduler stays")
      return
    }
    set(.scheduler, scheduler.rawValue)
    if case .other(let name) = spacing { note("its schedule type \(name) spaces the steps in another way") }
  }
}
