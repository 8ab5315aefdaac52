import Base
import Checkpoints
import Foundation
import HollowCheckpoint
import Inspection
import Testing

@Suite("Histogram")
struct HistogramTests {
  /// The elements of one F64 tensor.
  private func withElements(_ values: [Double], _ body: (StoredElements) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let header = Data(
        #"{"x":{"dtype":"F64","shape":[\#(values.count)],"data_offsets":[0,\#(8 * values.count)]}}"#.utf8)
      let data = values.withUnsafeBytes { Data($0) }
      let file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header + data
      try file.write(to: URL(fileURLWithPath: folder + "/x.safetensors"))
      let checkpoint = try Checkpoint(ModelFolder(path: folder), file: "x.safetensors")
      try body(StoredElements(try #require(checkpoint.tensors["x"])))
    }
  }

  @Test(
    "Numbers at the ends of what can be said are counted like any others",
    arguments: [
      [1e20, 1e20], [-1e308, 1e308], [0, .leastNonzeroMagnitude],
      [-.greatestFiniteMagnitude, .greatestFiniteMagnitude, 0], [3, 3, 3],
      [.nan, 7, .infinity],
    ] as [[Double]])
  func extremes(values: [Double]) throws {
    try withElements(values) { elements in
      let histogram = try Histogram(of: elements, elements.statistics, bins: 4)
      #expect(histogram.counts.reduce(0, +) == values.count { $0.isFinite })
      #expect(
        histogram.edges.count == 5
          && zip(histogram.edges, histogram.edges.dropFirst()).allSatisfy { $0 <= $1 })
      // Between 0 and the least number there are no edges to tell the bins apart by.
      if values == [-1e308, 1e308] { #expect(histogram.counts.first == 1 && histogram.counts.last == 1) }
    }
  }

  @Test("Of no finite value there are no figures")
  func nothing() throws {
    try withElements([.nan, .infinity]) { elements in
      let statistics = try elements.statistics
      #expect(statistics.finiteCount == 0 && statistics.nans == 1 && statistics.infinities == 1)
      #expect(statistics.figures.first { $0.name == "min" }?.value == .null)
    }
  }
}
