import Diffusion

/// How another program spaces the sigmas of a sampler's steps.
enum SigmaSpacing: Equatable {
  /// As the model was trained.
  case usual
  case karras
  case other(String)

  /// By the other program's name for it; nil and an empty name are the usual one.
  init(named name: String?) {
    switch name?.lowercased() {
    case nil, "", "normal", "uniform", "discrete", "default", "automatic", "native": self = .usual
    case "karras": self = .karras
    default: self = .other(name ?? "")
    }
  }
}

/// What another program calls the samplers that this one has.
struct SamplerNames {
  private let solvers: [String: Scheduler]

  private init(_ solvers: [String: Scheduler]) { self.solvers = solvers }

  /// The solver of a name, in whatever case it is written.
  subscript(_ name: String) -> Scheduler? { solvers[name.lowercased()] }

  /// ComfyUI's, which are this program's too, and SwarmUI's and Fooocus', which run on it.
  static let comfyUI = SamplerNames([
    "euler": .euler, "euler_ancestral": .eulerAncestral, "dpmpp_2m": .dpmpp2M, "lcm": .lcm,
  ])

  /// Those of infotexts: A1111's labels, stable-diffusion.cpp's methods, and ComfyUI's names, which its nodes that write
  /// infotexts keep.
  static let infotext = SamplerNames(
    [
      "euler": .euler, "euler a": .eulerAncestral, "dpm++ 2m": .dpmpp2M, "lcm": .lcm,
      "euler_a": .eulerAncestral,
      "dpm++2m": .dpmpp2M, "euler ancestral": .eulerAncestral,
    ].merging(comfyUI.solvers) { first, _ in first })

  /// InvokeAI's from version 3 on.
  static let invokeAI = SamplerNames([
    "euler": .euler, "euler_a": .eulerAncestral, "dpmpp_2m": .dpmpp2M, "lcm": .lcm,
  ])

  static let invokeAI2 = SamplerNames([
    "k_euler": .euler, "k_euler_a": .eulerAncestral, "k_dpmpp_2": .dpmpp2M,
  ])

  static let novelAI = SamplerNames([
    "k_euler": .euler, "k_euler_ancestral": .eulerAncestral, "k_dpmpp_2m": .dpmpp2M,
  ])

  /// Easy Diffusion's.
  static let easyDiffusion = SamplerNames([
    "euler": .euler, "euler_a": .eulerAncestral, "dpmpp_2m": .dpmpp2M, "lcm": .lcm,
  ])
}
