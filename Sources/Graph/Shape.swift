/// The extents of a tensor, outermost first, channels last.
///
/// Letters used throughout: N batch, H height, W width, C channels, T tokens, D features of a token.
/// A feature map is [N, H, W, C]; the same memory seen as tokens is [N, H*W, C]; a vector a picture is [N, D].
public struct Shape: Hashable, Sendable, CustomStringConvertible, ExpressibleByArrayLiteral {
  public let extents: [Int]

  public init(_ extents: [Int]) { self.extents = extents }
  public init(arrayLiteral elements: Int...) { extents = elements }

  public var rank: Int { extents.count }
  /// How many elements.
  public var count: Int { extents.reduce(1, *) }
  /// N.
  public var batch: Int { extents[0] }
  /// The innermost extent: C of a feature map, D of tokens.
  public var channels: Int { extents[extents.count - 1] }
  /// How many vectors of `channels` elements: N*H*W, or N*T.
  public var rows: Int { channels == 0 ? 0 : count / channels }
  /// H of a feature map.
  public var height: Int { extents[1] }
  /// W of a feature map.
  public var width: Int { extents[2] }
  /// T of a token sequence.
  public var tokens: Int { extents[1] }

  public subscript(index: Int) -> Int { extents[index] }

  /// `2x64x64x320`.
  public var description: String { extents.map(String.init).joined(separator: "x") }
}
