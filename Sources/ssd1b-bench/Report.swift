import Base
import Foundation
import Kernels

/// What was measured, as text and as JSON.
struct Report {
  struct Loading {
    let name: String
    let opening: Double
    let firstEncoding: Double
  }

  /// Something that costs multiply-adds and was run a few times.
  struct Work {
    let name: String
    let multiplyAdds: Int
    let seconds: [Double]
    let peak: Double
    let preparing: Double?
    let activationBytes: Int
    let weightBytes: Int
    let kinds: [Kind]

    var median: Double { seconds.sorted()[seconds.count / 2] }
    var operations: Double { 2 * Double(multiplyAdds) / median }
    var share: Double { operations / peak }
  }

  private let choice: BackendChoice
  private let threads: Int
  private var loadings: [Loading] = []
  private var works: [Work] = []

  init(choice: BackendChoice, threads: Int) {
    self.choice = choice
    self.threads = threads
  }

  mutating func add(_ loading: Loading) { loadings.append(loading) }
  mutating func add(_ work: Work) { works.append(work) }

  /// The most memory that this process ever held, file pages included.
  private var peakBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }

  var text: String {
    var lines = ["\(choice.library.rawValue) \(choice.precision.rawValue), \(threads) threads"]
    for loading in loadings {
      lines.append(
        "\(loading.name): opened in \(decimal(loading.opening, 2)) s, prompt and negative first encoded in "
          + "\(decimal(loading.firstEncoding, 2)) s")
    }
    for work in works {
      lines.append("")
      lines.append(
        "\(work.name): \(decimal(work.median, 3)) s (\(work.seconds.map { decimal($0, 2) }.joined(separator: " "))), "
          + "\(decimal(work.operations / 1e9, 1)) GFLOP/s, \(decimal(work.share, 3)) of the matmul peak of "
          + "\(decimal(work.peak / 1e9, 1))")
      let prepared = work.preparing.map { ", laid out in \(decimal($0, 2)) s" } ?? ""
      lines.append(
        "weights \(megabytes(work.weightBytes)) MB beside the checkpoint\(prepared); activations "
          + "\(megabytes(work.activationBytes)) MB")
      lines.append(
        "  " + padded("kind", 22)
          + ["calls", "seconds", "share", "GFLOP/s", "of peak"].map { aligned($0, 9) }.joined())
      for kind in work.kinds {
        let operations = 2 * Double(kind.multiplyAdds) / kind.seconds
        let hasWork = kind.multiplyAdds > 0
        let cells = [
          "\(kind.calls)", decimal(kind.seconds, 3), decimal(kind.seconds / work.median, 3),
          hasWork ? decimal(operations / 1e9, 1) : "", hasWork ? decimal(operations / work.peak, 3) : "",
        ]
        lines.append("  " + padded(kind.name, 22) + cells.map { aligned($0, 9) }.joined())
      }
    }
    lines.append("")
    for (a, b) in ratios {
      lines.append("\(a.name) / \(b.name): \(decimal(a.median / b.median, 3))")
    }
    lines.append("peak memory of the process \(megabytes(peakBytes)) MB")
    return lines.joined(separator: "\n")
  }

  /// Each further architecture's step against the first's, at the same size.
  private var ratios: [(Work, Work)] {
    works.enumerated().flatMap { index, first in
      works[(index + 1)...].filter {
        $0.name != first.name
          && $0.name.split(separator: " ").dropFirst() == first.name.split(separator: " ").dropFirst()
      }.map { ($0, first) }
    }
  }

  private func megabytes(_ bytes: Int) -> Int { bytes / 1_000_000 }

  var json: JSONValue {
    [
      "backend": .string(choice.library.rawValue), "precision": .string(choice.precision.rawValue),
      "threads": .integer(threads), "peakMemoryBytes": .integer(peakBytes),
      "loading": .array(
        loadings.map { loading in
          [
            "name": .string(loading.name), "openSeconds": .number(loading.opening),
            "firstEncodeSeconds": .number(loading.firstEncoding),
          ]
        }),
      "work": .array(works.map(json)),
    ]
  }

  private func json(_ work: Work) -> JSONValue {
    [
      "name": .string(work.name), "multiplyAdds": .integer(work.multiplyAdds),
      "seconds": .array(work.seconds.map(JSONValue.number)), "medianSeconds": .number(work.median),
      "flopsPerSecond": .number(work.operations), "peakFlopsPerSecond": .number(work.peak),
      "shareOfPeak": .number(work.share), "prepareSeconds": work.preparing.map(JSONValue.number) ?? .null,
      "weightBytes": .integer(work.weightBytes), "activationBytes": .integer(work.activationBytes),
      "kinds": .array(
        work.kinds.map { kind in
          [
            "kind": .string(kind.name), "calls": .integer(kind.calls), "seconds": .number(kind.seconds),
            "multiplyAdds": .integer(kind.multiplyAdds),
          ]
        }),
    ]
  }
}
