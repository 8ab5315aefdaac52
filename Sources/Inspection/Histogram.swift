import Base

/// How many of a tensor's finite values fall into each of some equal bins from the least to the greatest.
public struct Histogram: Sendable, Hashable {
  /// One more than bins; bin i holds edges[i] <= x < edges[i + 1], the last its upper edge too, as numpy has it.
  public let edges: [Double]
  public let counts: [Int]

  public init(of elements: StoredElements, _ statistics: Statistics, bins: Int) throws {
    precondition(bins > 0, "a histogram of no bins")
    var (low, high) = (statistics.minimum, statistics.maximum)
    if low == high {
      // Half a unit to either side, or what the number's size leaves of it.
      (low, high) = (min(low - 0.5, low.nextDown), max(high + 0.5, high.nextUp))
    }
    // The whole range may be beyond the greatest number, and a part of it below the least.
    let isWide = !(high - low).isFinite
    let step = (high - low) / Double(bins)
    let edges = (0...bins).map { edge in
      let share = Double(edge) / Double(bins)
      return edge == bins ? high : isWide ? low * (1 - share) + high * share : low + Double(edge) * step
    }
    var counts = [Int](repeating: 0, count: bins)
    try elements.forEachChunk { chunk in
      for value in chunk where value.isFinite {
        let share = isWide ? (value / 2 - low / 2) / (high / 2 - low / 2) : (value - low) / (high - low)
        var bin = share.isFinite ? max(0, min(bins - 1, Int(share * Double(bins)))) : 0
        // The product is rounded: the edges decide.
        if bin > 0, value < edges[bin] {
          bin -= 1
        } else if bin < bins - 1, value >= edges[bin + 1] {
          bin += 1
        }
        counts[bin] += 1
      }
    }
    self.edges = edges
    self.counts = counts
  }

  /// A line a bin: where it begins, a bar in proportion to the fullest bin, its count.
  public func table(barWidth: Int) -> Table {
    let most = max(1, counts.max() ?? 1)
    // Eighths of a character, so that small bins are seen.
    let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return Table(
      columns: [.init("from", .right), .init(""), .init("count", .right)],
      rows: counts.indices.map { bin in
        var parts = (counts[bin] * barWidth * 8 + most / 2) / most
        if counts[bin] > 0 { parts = max(1, parts) }
        let bar = String(repeating: "█", count: parts / 8) + eighths[parts % 8]
        return [Number.significant(edges[bin], 4), bar, Number.grouped(counts[bin])]
      }, footer: ["to \(Number.significant(edges[edges.count - 1], 4))"])
  }

  public var data: DataTable {
    var data = DataTable(["from", "to", "count"])
    for bin in counts.indices {
      data.append([.number(edges[bin]), .number(edges[bin + 1]), .integer(counts[bin])])
    }
    return data
  }
}
