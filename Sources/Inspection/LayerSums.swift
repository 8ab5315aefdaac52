/// What a part of a model takes in all.
public struct LayerSums: Hashable, Sendable {
  public var layerCount = 0
  public var parameters = 0
  /// Bytes in the checkpoint, by element type as the file names it; empty without a checkpoint.
  public var bytesByType: [String: Int] = [:]
  public var multiplyAdds = 0
  /// Time in the last run; nil where none was measured.
  public var time: Duration?

  public var bytes: Int { bytesByType.values.reduce(0, +) }
  /// The element types, those with most bytes first.
  public var types: [String] { bytesByType.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key) }

  static func += (a: inout LayerSums, b: LayerSums) {
    a.layerCount += b.layerCount
    a.parameters += b.parameters
    a.bytesByType.merge(b.bytesByType, uniquingKeysWith: +)
    a.multiplyAdds += b.multiplyAdds
    a.add(b.time)
  }

  mutating func add(_ other: Duration?) {
    if let other { time = (time ?? .zero) + other }
  }
}
