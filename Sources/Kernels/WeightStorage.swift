/// Memory for weights that are kept and dropped together, one after another on large pages.
///
/// With a mapping of its own, a weight of a few megabytes has large pages for a part of it only; encoding then takes 1 %
/// longer.
public final class WeightStorage: @unchecked Sendable {
  /// Address space that is asked for at once; what is not touched takes no memory.
  private let slabBytes: Int
  private var slab: PageMemory?
  private var used = 0

  /// - Parameter expected: bytes that will be taken in all, as far as is known.
  public init(expected: Int = 0) { slabBytes = min(expected, 256 << 20) }

  /// A part of a slab, which it keeps in memory.
  struct Place: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let bytes: Int
    let owner: PageMemory
  }

  /// Memory aligned to a cache line. Only one thread may be asking.
  func take(_ bytes: Int) throws -> Place {
    let rounded = roundedToLine(bytes)
    if let slab, used + rounded <= slab.bytes {
      defer { used += rounded }
      return Place(base: slab.base + used, bytes: bytes, owner: slab)
    }
    let fresh = try PageMemory(bytes: max(slabBytes, rounded))
    (slab, used) = (fresh, rounded)
    return Place(base: fresh.base, bytes: bytes, owner: fresh)
  }
}
