/// Memory for weights that are kept and dropped together, one after another on large pages.
///
/// With a mapping of its own, a weight of a few megabytes has large pages for a part of it only; encoding then takes 1 %
/// longer.
public final class WeightStorage: @unchecked Sendable {
  /// Address space that is asked for at once; what is not touched takes no memory.
  private static let slabBytes = 256 << 20
  private var slab: PageMemory?
  private var used = 0

  public init() {}

  /// A part of a slab, which it keeps in memory.
  struct Place: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let bytes: Int
    let owner: PageMemory
  }

  /// Memory aligned to a cache line. Only one thread may be asking.
  func take(_ bytes: Int) -> Place {
    let rounded = roundedToLine(bytes)
    if let slab, used + rounded <= slab.bytes {
      defer { used += rounded }
      return Place(base: slab.base + used, bytes: bytes, owner: slab)
    }
    let fresh = PageMemory(bytes: max(Self.slabBytes, rounded))
    (slab, used) = (fresh, rounded)
    return Place(base: fresh.base, bytes: bytes, owner: fresh)
  }
}
