import Diffusion
import Shell

extension Session {
  /// The commands that arm what is captured.
  var captureScript: [String] {
    captureRules.map(\.statement) + (capturesAttention ? ["capture attention"] : [])
  }
}

extension Settings {
  /// The commands that set what is set, as a script has them.
  func script() -> [String] {
    Setting.allCases.filter(isSet).map { setting in
      switch setting {
      case .prompt: "prompt \(Quoting.rawText(prompt ?? ""))"
      case .negative: "negative \(Quoting.rawText(negative ?? ""))"
      case .cfg: "cfg \(SettingCommands.text(.number(cfg ?? 0)))"
      case .steps: "steps \(steps ?? 0)"
      case .seed: "seed \(seed ?? 0)"
      case .size: "size \(size.map(\.description) ?? "")"
      case .scheduler: "scheduler \(scheduler?.rawValue ?? "")"
      case .backend: "backend \(backend?.rawValue ?? "")"
      case .precision: "precision \(precision?.rawValue ?? "")"
      }
    }
  }
}
