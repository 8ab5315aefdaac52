import Graph
import Imaging

/// Two UNets side by side, block by block in the order of computation, each as high as its parameters are many.
///
/// What the new one lacks is red in the old one's column and empty in the new one's; what it adds is the other way round.
public struct DiffPicture: Sendable {
  private let drawing: Drawing

  private static let paper = Drawing.Color(0xFFFFFF)
  private static let ink = Drawing.Color(0x222222)
  private static let faint = Drawing.Color(0x999999)
  private static let outline = Drawing.Color(0xCFCFCF)
  private static let removed = Drawing.Color(0xD1495B)
  private static let added = Drawing.Color(0x3E8E41)
  private static let changed = Drawing.Color(0xE0A030)

  /// Draws the blocks of a diff about `columnHeight` pixels high.
  public init(_ diff: GraphDiff, from oldName: String, to newName: String, columnHeight: Int = 1400) {
    let blocks = diff.blocks
    let total = max(1, blocks.reduce(0) { $0 + max($1.old.parameters, $1.new.parameters) })
    // Blocks of a few parameters are lines that can still be seen.
    let heights = blocks.map { max(2, max($0.old.parameters, $0.new.parameters) * columnHeight / total) }
    let (top, left, columnWidth, gap) = (96, 190, 260, 60)
    let right = left + columnWidth + gap
    let bodyHeight = heights.reduce(0, +) + blocks.count
    var drawing = Drawing(
      width: right + columnWidth + 250, height: top + bodyHeight + 60, background: Self.paper)

    for (name, cost, count, x) in [
      (oldName, diff.old, diff.blockCounts(kind: "transformer_block").old, left),
      (newName, diff.new, diff.blockCounts(kind: "transformer_block").new, right),
    ] {
      drawing.label(name, x: x, y: 34, color: Self.ink, scale: 2)
      drawing.label("\(Number.grouped(cost.parameters)) parameters", x: x, y: 54, color: Self.ink)
      drawing.label(
        "\(Number.counted(count, "transformer block")), \(Number.multiplyAdds(cost.multiplyAdds))", x: x,
        y: 70,
        color: Self.ink)
    }

    var y = top
    var stage: (name: String, top: Int, saved: Int)?
    func close(_ drawing: inout Drawing, at bottom: Int) {
      guard let stage, bottom - stage.top >= 9 else { return }
      let middle = (stage.top + bottom) / 2
      drawing.rectangle(
        x: left - 14, y: stage.top, width: 2, height: bottom - stage.top - 1, fill: Self.faint)
      drawing.label(stage.name, x: left - 22, y: middle + 3, color: Self.ink, anchor: .end)
      guard stage.saved != 0 else { return }
      let text = "\(stage.saved > 0 ? "-" : "+")\(Number.grouped(abs(stage.saved))) parameters"
      drawing.label(
        text, x: right + columnWidth + 14, y: middle + 3, color: stage.saved > 0 ? Self.removed : Self.added)
    }
    for (block, height) in zip(blocks, heights) {
      let name = Self.stage(of: block.path)
      if stage?.name != name {
        close(&drawing, at: y)
        stage = (name, y, 0)
      }
      stage?.saved += block.parametersSaved
      let color = Self.color(of: block)
      for (x, isThere) in [(left, block.status != .added), (right, block.status != .removed)] {
        if isThere {
          drawing.rectangle(x: x, y: y, width: columnWidth, height: height, fill: color)
        } else {
          drawing.rectangle(x: x, y: y, width: columnWidth, height: height, stroke: Self.outline)
        }
        if isThere, height >= 11 {
          // The stage stands at the left.
          let label =
            block.path.hasPrefix(name + ".") ? String(block.path.dropFirst(name.count + 1)) : block.path
          drawing.label(
            label.shortened(to: columnWidth / Drawing.advance() - 2), x: x + 6, y: y + height / 2 + 3,
            color: Self.paper)
        }
      }
      y += height + 1
    }
    close(&drawing, at: y)

    let legend: [(String, Drawing.Color)] = [
      ("resnet", Self.kinds["resnet"] ?? Self.faint),
      ("transformer block", Self.kinds["transformer_block"] ?? Self.faint),
      ("other", Self.other),
    ]
    let marks: [(GraphDiff.Status, Drawing.Color)] = [
      (.removed, Self.removed), (.added, Self.added), (.changed, Self.changed),
    ]
    let present = Set(blocks.map(\.status))
    var x = left
    let used = marks.filter { present.contains($0.0) }.map { ($0.0.rawValue, $0.1) }
    for (text, color) in legend + used {
      drawing.rectangle(x: x, y: y + 24, width: 10, height: 10, fill: color)
      drawing.label(text, x: x + 15, y: y + 33, color: Self.ink)
      x += 15 + (text.count + 3) * Drawing.advance()
    }
    self.drawing = drawing
  }

  private static let kinds: [String: Drawing.Color] = [
    "resnet": Drawing.Color(0x2E6F95), "transformer_block": Drawing.Color(0x5B8E7D),
  ]
  private static let other = Drawing.Color(0x7A7A8C)

  private static func color(of block: GraphDiff.Row) -> Drawing.Color {
    switch block.status {
    case .removed: removed
    case .added: added
    case .changed: changed
    case .same: kinds[block.kind] ?? other
    }
  }

  /// `down_blocks.1` of `down_blocks.1.resnets.0`, `mid_block` of `mid_block.resnets.0`.
  private static func stage(of path: String) -> String {
    let parts = path.split(separator: ".")
    guard parts.count > 1, Int(parts[1]) != nil else { return String(parts[0]) }
    return "\(parts[0]).\(parts[1])"
  }

  /// Throws a `Diagnostic` for a file's name that ends in neither .png nor .svg.
  public static func checkEnding(of path: String) throws { _ = try Drawing.Format(ofFile: path) }

  /// Writes it as PNG or SVG, by the ending of the file's name.
  public func write(to path: String) throws { try drawing.write(to: path) }

  public var svg: String { get throws { try drawing.svg() } }
  public var image: Image { drawing.raster }
}

extension String {
  /// The end of it, which tells paths apart, with an ellipsis before.
  fileprivate func shortened(to count: Int) -> String {
    self.count <= count ? self : ".." + suffix(max(0, count - 2))
  }
}
