import Base
import Checkpoints
import Inspection
import Testing

@Suite("StoredElements")
struct StoredElementsTests {
  private static let names = (DataType.allCases.map(\.rawValue) + ["subnormal", "constant", "empty"]).sorted()

  @Test("Figures of all values are numpy's, whatever the element type", arguments: names)
  func statistics(name: String) throws {
    let expected = try #require(try InspectionGolden.read().values[name])
    let tensor = try #require(try InspectionGolden.checkpoint("values").tensors[name])
    let found = try StoredElements(tensor).statistics
    #expect(found.count == expected.count && found.zeros == expected.zeros)
    #expect(found.nans == expected.nan && found.infinities == expected.inf)
    // The least and the greatest are values themselves; sums are in another order than numpy's pairwise
    // one. Measured: at most 4.5e-16.
    #expect(found.minimum == expected.min ?? 0 && found.maximum == expected.max ?? 0)
    for (ours, theirs) in [
      (found.mean, expected.mean), (found.standardDeviation, expected.std), (found.norm, expected.norm),
    ] {
      #expect(abs(ours - (theirs ?? 0)) <= 1e-14 * max(1, abs(theirs ?? 0)), "\(ours) for \(theirs ?? 0)")
    }
  }

  @Test("A histogram's edges and counts are numpy's", arguments: names)
  func histogram(name: String) throws {
    let expected = try #require(try InspectionGolden.read().values[name])
    guard let counts = expected.histogram, let edges = expected.edges else { return }
    let elements = StoredElements(try #require(try InspectionGolden.checkpoint("values").tensors[name]))
    let histogram = try Histogram(of: elements, elements.statistics, bins: counts.count)
    #expect(histogram.counts == counts)
    for (ours, theirs) in zip(histogram.edges, edges) {
      #expect(abs(ours - theirs) <= 1e-12 * max(1, abs(theirs)), "\(ours) for \(theirs)")
    }
    #expect(histogram.counts.reduce(0, +) == expected.count - expected.nan - expected.inf)
  }

  @Test("The first values are the file's")
  func head() throws {
    let tensor = try #require(try InspectionGolden.checkpoint("values").tensors["subnormal"])
    #expect(try StoredElements(tensor).head(9) == [5.960464477539063e-08, -1.1920928955078125e-07, 0])
    #expect(try StoredElements(tensor).head(1) == [5.960464477539063e-08])
  }
}

@Suite("WeightComparison")
struct WeightComparisonTests {
  @Test("How far each tensor moved is numpy's figure")
  func moved() throws {
    let expected = try InspectionGolden.read().networks.moved
    let comparison = try WeightComparison(
      expected.keys.sorted() + ["blocks.4.first.weight", "no.such.weight"],
      old: try InspectionGolden.checkpoint("old"), new: try InspectionGolden.checkpoint("new"),
      on: .init(threads: 2))
    #expect(comparison.tensors.count == expected.count)
    for (key, figures) in expected {
      let sums = try #require(comparison.tensors[key])
      #expect(abs(try #require(sums.relativeL2) - figures.relativeL2) < 1e-12, "\(key)")
      #expect(abs(try #require(sums.cosine) - figures.cosine) < 1e-12, "\(key)")
    }
    // Two tensors as one: distances add by their squares.
    let keys = ["blocks.0.first.weight", "blocks.0.second.weight"]
    let together = try #require(comparison.sums(of: keys))
    let parts = keys.compactMap { comparison.tensors[$0] }
    #expect(abs(together.differenceSquares - parts[0].differenceSquares - parts[1].differenceSquares) < 1e-9)
    #expect(comparison.sums(of: ["no.such.weight"]) == nil)
  }

  @Test("What did not move has no distance, and nothing but zeros no cosine")
  func degenerate() {
    var sums = WeightComparison.Sums()
    #expect(sums.relativeL2 == 0 && sums.cosine == nil)
    sums.differenceSquares = 4
    sums.newSquares = 4
    #expect(sums.relativeL2 == nil && sums.cosine == nil)
  }
}
