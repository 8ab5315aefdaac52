import ArgumentParser

/// Kernels one by one.
struct KernelBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "kernels", abstract: "Kernels one by one.")
  @OptionGroup var compute: ComputeOptions
  func run() throws {}
}
