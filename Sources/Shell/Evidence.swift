import Base

/// What of a command's result a recorded session keeps, to be compared when it is verified.
public enum EvidenceRule: Sendable, Equatable {
  /// The hash of the result as canonical JSON, without the members of these names, wherever they are: what time, place or
  /// machine decide.
  case result(without: Set<String> = [])
  /// What the command itself gives as `CommandOutput.evidence`.
  case own
  /// Nothing: the command is recorded, but its result is of the moment.
  case none
  /// The command is not recorded either: it runs others, which are, or is about the session itself.
  case unrecorded
}

/// A value of a recorded session: the line `#= latents[8] sha256:… mean=… std=… probe=…` under its command.
public struct Evidence: Sendable, Equatable {
  /// What it is of: `latents[8]`, `pixels`, `result`.
  public var name: String
  /// 64 hexadecimal digits.
  public var hash: String
  /// A picture's size, `128x128`.
  public var size: String?
  /// Mean and standard deviation of all values.
  public var mean: Double?
  public var deviation: Double?
  /// Some of the values, always the same ones, so that a mismatch has a size; none where values have none.
  public var probe: [Float]

  public init(
    _ name: String, hash: String, size: String? = nil, mean: Double? = nil, deviation: Double? = nil,
    probe: [Float] = []
  ) {
    self.name = name
    self.hash = hash
    self.size = size
    self.mean = mean
    self.deviation = deviation
    self.probe = probe
  }

  /// Of many values: `count` of them, evenly apart, are the probe.
  public init(_ name: String, values: [Float], probes count: Int = 8) {
    let statistics = Statistics(of: values)
    self.init(
      name, hash: SHA256(of: values).description, mean: statistics.mean,
      deviation: statistics.standardDeviation, probe: Self.probe(values, count))
  }

  /// Of a JSON value in its canonical text.
  public init(_ name: String, json: JSONValue) {
    let text = Array(json.text().utf8)
    self.init(name, hash: text.withUnsafeBytes { SHA256(of: $0) }.description)
  }

  /// `count` of the values at the middles of as many equal stretches.
  public static func probe(_ values: [Float], _ count: Int) -> [Float] {
    guard !values.isEmpty else { return [] }
    return (0..<count).map { values[(2 * $0 + 1) * values.count / (2 * count)] }
  }

  /// The line, from its `#=` on.
  public var line: String {
    var words = ["#=", name, "sha256:\(hash)"]
    if let size { words.append(size) }
    if let mean { words.append("mean=\(mean)") }
    if let deviation { words.append("std=\(deviation)") }
    if !probe.isEmpty { words.append("probe=" + probe.map { "\($0)" }.joined(separator: ",")) }
    return words.joined(separator: " ")
  }

  /// Reads a line. Throws a `Diagnostic` of kind `.usage` that says what is wrong with it.
  public init(parsing line: String) throws(Diagnostic) {
    let words = line.split(separator: " ").map(String.init)
    func fault(_ expected: String, _ found: String) -> Diagnostic {
      Diagnostic(
        .usage, "evidence: expected \(expected), found \(ErrorText.shown(found))",
        hint: "verify update FILE writes the evidence anew")
    }
    guard words.count >= 3, words[0] == "#=" else { throw fault("#= NAME sha256:…", line) }
    let digits = words[2].dropFirst("sha256:".count)
    guard words[2].hasPrefix("sha256:"), digits.count == 64, digits.allSatisfy(\.isHexDigit) else {
      throw fault("sha256: and 64 hexadecimal digits", words[2])
    }
    self.init(words[1], hash: digits.lowercased())
    for word in words.dropFirst(3) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      switch (parts[0], parts.count) {
      case ("mean", 2):
        guard let number = Double(parts[1]) else { throw fault("mean= and a number", word) }
        mean = number
      case ("std", 2):
        guard let number = Double(parts[1]) else { throw fault("std= and a number", word) }
        deviation = number
      case ("probe", 2):
        let values = parts[1].split(separator: ",").map { Float($0) }
        guard !values.contains(nil) else { throw fault("probe= and numbers parted by commas", word) }
        probe = values.compactMap { $0 }
      case (let size, 1) where size.contains("x"):
        self.size = size
      default: throw fault("mean=, std=, probe= or a size", word)
      }
    }
  }
}

extension Evidence {
  /// How far means and spreads may be apart, as a share of what single values may be: errors of single values cancel out.
  ///
  /// In the runs that `ssd1b`'s tolerances were measured by, a tenth of what this allows: 0.005 of the spread of latents and
  /// 0.7 of 255 of pixels in bfloat16, 6e-7 and 1e-4 in float32.
  static let meanShare: Float = 0.25

  /// How a value compares with the recorded one.
  public enum Verdict: Sendable, Equatable {
    /// The same bits.
    case identical
    /// Other bits, but no further apart than the tolerance: the largest difference among the probes.
    case within(Float)
    /// Further apart; nil where the values have no size.
    case differs(Float?)
    /// It was not compared, and why.
    case skipped(String)

    /// `IDENTICAL`, `WITHIN`, `DIFFERS` or `SKIPPED`.
    public var name: String {
      switch self {
      case .identical: "IDENTICAL"
      case .within: "WITHIN"
      case .differs: "DIFFERS"
      case .skipped: "SKIPPED"
      }
    }
  }

  /// Compares with what was recorded; `tolerance` is in the values' own unit.
  ///
  /// The same hash beside other figures means that the recorded line was changed by hand.
  public func verdict(against recorded: Evidence, tolerance: Float) -> Verdict {
    if hash == recorded.hash {
      let isWhole =
        (recorded.size ?? size) == size && (recorded.mean ?? mean) == mean
        && (recorded.deviation ?? deviation) == deviation
        && (recorded.probe.isEmpty || recorded.probe == probe)
      return isWhole ? .identical : .differs(nil)
    }
    guard size == recorded.size, !probe.isEmpty, probe.count == recorded.probe.count else {
      return .differs(nil)
    }
    let distances = zip(probe, recorded.probe).map { abs($0 - $1) }
    guard distances.allSatisfy(\.isFinite), let distance = distances.max() else { return .differs(nil) }
    // What the probes miss shows in the mean and the spread of all values.
    let shifts = zip([mean, deviation], [recorded.mean, recorded.deviation]).compactMap {
      now, then -> Float? in
      now.flatMap { now in then.map { Float(abs(now - $0)) } }
    }
    // Without a tolerance other bits are other values, whatever the probes say.
    let isNear =
      tolerance > 0 && distance <= tolerance && shifts.allSatisfy { $0 <= tolerance * Self.meanShare }
    return isNear ? .within(distance) : .differs(shifts.reduce(distance, max))
  }
}

extension JSONValue {
  /// The value without the members of these names, wherever they are.
  public func without(_ names: Set<String>) -> JSONValue {
    if names.isEmpty { return self }
    switch self {
    case .array(let elements): return .array(elements.map { $0.without(names) })
    case .object(let fields):
      return .object(fields.filter { !names.contains($0.key) }.mapValues { $0.without(names) })
    case .null, .bool, .integer, .number, .string: return self
    }
  }
}
