import ArgumentParser
import Base
import KernelCases
import Kernels

/// Kernels one by one, on the cases that the tests check.
struct KernelBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "Kernels one by one: the model's own shapes, or with --small those the tests check.")

  @OptionGroup var compute: ComputeOptions

  @Flag(help: "Time the tests' cases, which are small and odd.")
  var small = false

  @Option(help: "Only cases whose names contain this.")
  var filter = ""

  @Option(help: "Timed calls of each, after one that is not.")
  var count = 5

  func validate() throws {
    guard count >= 1 else { throw ValidationError("--count: expected 1 or more, found \(count)") }
  }

  func run() throws {
    let choice = try compute.choice()
    let pool = compute.pool
    var rows: [JSONValue] = []
    try reported {
      let backend = try choice.backend(on: pool)
      let peak = try MatmulPeak(choice.precision, on: pool)
      try peak.measure()
      if !compute.json {
        print(
          "\(backend.description), \(pool.threads) threads, matmul peak \(decimal(peak.operations / 1e9, 1)) GFLOP/s"
        )
        print(padded("case", 76) + aligned("ms", 10) + aligned("GFLOP/s", 10) + aligned("of peak", 9))
      }
      for kernel in (small ? KernelCase.all : KernelCase.large)
      where filter.isEmpty || kernel.name.contains(filter) {
        let times = try kernel.time(on: backend, count: count).map(\.seconds).sorted()
        let median = times[times.count / 2]
        let operations = 2 * Double(kernel.multiplyAdds) / median
        rows.append([
          "case": .string(kernel.name), "seconds": .number(median),
          "multiplyAdds": .integer(kernel.multiplyAdds),
          "shareOfPeak": .number(operations / peak.operations),
        ])
        guard !compute.json else { continue }
        let hasWork = kernel.multiplyAdds > 0
        print(
          padded(kernel.name, 76) + aligned(decimal(median * 1e3, 3), 10)
            + aligned(hasWork ? decimal(operations / 1e9, 1) : "", 10)
            + aligned(hasWork ? decimal(operations / peak.operations, 3) : "", 9))
      }
    }
    if compute.json {
      print(
        JSONValue.object([
          "backend": .string(choice.library.rawValue), "precision": .string(choice.precision.rawValue),
          "threads": .integer(pool.threads), "kernels": .array(rows),
        ]).text())
    }
  }
}
