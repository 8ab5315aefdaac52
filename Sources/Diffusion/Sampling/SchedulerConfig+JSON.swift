import Base

extension SchedulerConfig {
  /// The one class of scheduler that can be run.
  public static let className = "EulerDiscreteScheduler"

  /// Fields that published SDXL-family files carry from other schedulers, and that diffusers' Euler ignores
  /// too.
  public static let ignoredFields: Set<String> = [
    "clip_sample", "sample_max_value", "set_alpha_to_one", "skip_prk_steps",
  ]

  /// Reads a `scheduler_config.json`; absent fields have diffusers' defaults, and `place` names the file.
  ///
  /// Throws one `Diagnostic` of kind `.model` that lists every fault of the file: unknown fields, wrong
  /// types, values that cannot be used. Another scheduler's file is refused by its class alone, since its
  /// other fields are its own.
  public init(_ json: JSONValue, at place: String) throws {
    guard case .object(let fields) = json else {
      throw Diagnostic(
        .model, at: place, "expected an object of scheduler fields, found \(json.kindName)",
        hint: "give the model's scheduler/scheduler_config.json")
    }
    if case .string(let name)? = fields["_class_name"], name != Self.className {
      throw Diagnostic(
        .model, at: place, "_class_name: expected \(Self.className), found \(name)",
        hint: "only \(Self.className) can be run now; give a file of that class, with the same betas")
    }
    var reader = FieldReader(fields)
    self.init()
    reader.require("_class_name", expected: "\"\(Self.className)\"")
    reader.read("num_train_timesteps", "an integer", into: &trainTimesteps, FieldReader.integer)
    reader.read("beta_start", "a number", into: &betaStart, FieldReader.number)
    reader.read("beta_end", "a number", into: &betaEnd, FieldReader.number)
    reader.readCase("beta_schedule", into: &betaSchedule)
    reader.read(
      "trained_betas", "null or a list of numbers", into: &trainedBetas,
      FieldReader.optional(FieldReader.numbers))
    reader.readCase("prediction_type", into: &predictionType)
    reader.readCase("interpolation_type", into: &interpolationType)
    reader.read("sigma_min", "null or a number", into: &sigmaMin, FieldReader.optional(FieldReader.number))
    reader.read("sigma_max", "null or a number", into: &sigmaMax, FieldReader.optional(FieldReader.number))
    reader.readCase("timestep_spacing", into: &timestepSpacing)
    reader.readCase("timestep_type", into: &timestepType)
    reader.read("steps_offset", "an integer", into: &stepsOffset, FieldReader.integer)
    reader.read("rescale_betas_zero_snr", "true or false", into: &rescalesBetasToZeroSNR, FieldReader.flag)
    reader.readCase("final_sigmas_type", into: &finalSigma)
    reader.readSigmaSpacing(into: &sigmaSpacing)
    reader.refuseUnknown(ignoring: Self.ignoredFields)

    let all = reader.faults + faults
    guard all.isEmpty else {
      let count = all.count == 1 ? "" : "\(all.count) faults: "
      throw Diagnostic(
        .model, at: place, count + all.joined(separator: "; "),
        hint:
          "correct them or fetch the file again; the fields known are diffusers 0.36's for this class"
      )
    }
    // Betas can be fine one by one and yet leave no noise or no signal: found here, where the file is named.
    _ = try NoiseSchedule(self, at: place)
  }
}

/// Takes fields out of an object one by one, and keeps what was wrong with each.
private struct FieldReader {
  private(set) var faults: [String] = []
  private let fields: [String: JSONValue]
  private var known: Set<String> = []

  init(_ fields: [String: JSONValue]) { self.fields = fields }

  /// A field that must hold a string; which string was the caller's to check.
  mutating func require(_ name: String, expected: String) {
    if case .string? = fields[name] { return }
    fault(name, expected)
  }

  mutating func read<Value>(
    _ name: String, _ expected: String, into target: inout Value, _ convert: (JSONValue) -> Value?
  ) {
    known.insert(name)
    guard let field = fields[name] else { return }
    if let value = convert(field) { target = value } else { fault(name, expected) }
  }

  mutating func readCase<Value: RawRepresentable & CaseIterable>(_ name: String, into target: inout Value)
  where Value.RawValue == String {
    let names = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    read(name, "one of \(names)", into: &target) { field in
      if case .string(let text) = field { Value(rawValue: text) } else { nil }
    }
  }

  /// The three flags that stand for one choice. diffusers declares them optional, so null means false.
  mutating func readSigmaSpacing(into spacing: inout SchedulerConfig.SigmaSpacing) {
    let choices: [(name: String, spacing: SchedulerConfig.SigmaSpacing)] = [
      ("use_karras_sigmas", .karras), ("use_exponential_sigmas", .exponential), ("use_beta_sigmas", .beta),
    ]
    var chosen: [String] = []
    for choice in choices {
      var isSet: Bool? = false
      read(choice.name, "true, false or null", into: &isSet, Self.optional(Self.flag))
      guard isSet == true else { continue }
      chosen.append(choice.name)
      spacing = choice.spacing
    }
    if chosen.count > 1 {
      faults.append(
        "\(chosen.joined(separator: ", ")): expected at most one of them true, found \(chosen.count)")
    }
  }

  mutating func refuseUnknown(ignoring ignored: Set<String>) {
    for name in fields.keys.sorted()
    where !known.contains(name) && !ignored.contains(name) && !name.hasPrefix("_") {
      fault(name, "no such field")
    }
  }

  private mutating func fault(_ name: String, _ expected: String) {
    faults.append("\(name): expected \(expected), found \(fields[name]?.kindName ?? "nothing")")
  }

  static func integer(_ field: JSONValue) -> Int? {
    if case .integer(let value) = field { value } else { nil }
  }

  static func number(_ field: JSONValue) -> Double? {
    switch field {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  static func numbers(_ field: JSONValue) -> [Double]? {
    guard case .array(let elements) = field else { return nil }
    let values = elements.compactMap(number)
    return values.count == elements.count ? values : nil
  }

  static func flag(_ field: JSONValue) -> Bool? {
    if case .bool(let value) = field { value } else { nil }
  }

  /// Null is read as a value of its own, so that it can be told from a field that could not be read.
  static func optional<Value>(_ convert: @escaping (JSONValue) -> Value?) -> (JSONValue) -> Value?? {
    { field in
      if case .null = field { return .some(nil) }
      guard let value = convert(field) else { return nil }
      return value
    }
  }
}
