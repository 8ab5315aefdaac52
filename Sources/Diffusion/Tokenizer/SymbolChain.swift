/// The symbols of a word while neighbours are merged: each knows its neighbours by position, so that a merge moves nothing.
struct SymbolChain {
  private var symbols: [Int32]
  /// A symbol that was merged away is its own neighbour.
  private var next: [Int]
  private var previous: [Int]

  init(_ symbols: [Int32]) {
    self.symbols = symbols
    next = symbols.indices.map { $0 + 1 }
    previous = symbols.indices.map { $0 - 1 }
  }

  /// The key of the pair whose left symbol stands at a position; nil where there is no such pair, or no longer.
  func pair(at left: Int) -> UInt64? {
    guard left >= 0, next[left] != left, next[left] < symbols.count else { return nil }
    return Self.key(symbols[left], symbols[next[left]])
  }

  /// Puts one symbol in the place of a pair. Returns the positions at which there are new pairs.
  mutating func merge(at left: Int, into product: Int32) -> [Int] {
    let right = next[left]
    symbols[left] = product
    next[left] = next[right]
    if next[right] < symbols.count { previous[next[right]] = left }
    next[right] = right
    return [previous[left], left]
  }

  /// The symbols that are left, in order.
  var merged: [Int32] {
    guard !symbols.isEmpty else { return [] }
    return sequence(first: 0) { next[$0] < symbols.count ? next[$0] : nil }.map { symbols[$0] }
  }

  /// Two symbols as one number.
  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }
}
