import Base
import Graph
import Models
import Testing

@Suite("GraphDiff")
struct GraphDiffTests {
  private func unet(_ name: String, size: Int = 1024) throws -> Graph {
    try Architecture(named: name).graph(.unet, width: size, height: size, batch: 1)
  }

  @Test("SSD-1B is SDXL with 736 tensors removed, none added and none changed")
  func pruning() throws {
    let diff = GraphDiff(from: try unet("sdxl"), to: try unet("ssd1b"))
    #expect(diff.count(of: .removed, at: .tensor) == 736)
    #expect(diff.count(of: .same, at: .tensor) == 944)
    for level in GraphDiff.Level.allCases {
      #expect(diff.count(of: .added, at: level) == 0)
      #expect(diff.count(of: .changed, at: level) == 0)
      #expect(diff.rows(at: level).reduce(0) { $0 + $1.parametersSaved } == 1_236_129_280)
    }
    #expect(diff.parametersSaved == 1_236_129_280)
    // The published counts of the two models at 1024x1024.
    #expect(diff.multiplyAddsSaved == 3_380_618_199_040 - 2_103_880_908_800)
    #expect(diff.blocks.reduce(0) { $0 + $1.multiplyAddsSaved } == diff.multiplyAddsSaved)
    #expect(diff.blockCounts(kind: "transformer_block") == (70, 34))
    // A resnet and the attention of the middle block, and 36 transformer blocks.
    let removed = diff.blocks.filter { $0.status == .removed }
    #expect(removed.count { $0.kind == "transformer_block" } == 36)
    #expect(
      removed.filter { $0.kind != "transformer_block" }.map(\.path) == [
        "mid_block.attentions.0", "mid_block.resnets.1",
      ])
  }

  @Test("the other way round everything removed is added")
  func reversed() throws {
    let diff = GraphDiff(from: try unet("ssd1b"), to: try unet("sdxl"))
    #expect(diff.count(of: .added, at: .tensor) == 736)
    #expect(diff.count(of: .removed, at: .tensor) == 0)
    #expect(diff.parametersSaved == -1_236_129_280)
    // Added blocks stand where the new graph has them.
    let paths = diff.blocks.map(\.path)
    let last = try #require(paths.firstIndex(of: "down_blocks.2.attentions.0.transformer_blocks.3"))
    #expect(paths[last + 1] == "down_blocks.2.attentions.0.transformer_blocks.4")
    #expect(
      diff.blocks.map(\.path) == GraphDiff(from: try unet("sdxl"), to: try unet("ssd1b")).blocks.map(\.path))
  }

  @Test("a graph is the same as itself")
  func identical() throws {
    let graph = try unet("vega", size: 512)
    let diff = GraphDiff(from: graph, to: graph)
    for level in GraphDiff.Level.allCases {
      #expect(diff.rows(at: level).allSatisfy { $0.status == .same })
      #expect(!diff.rows(at: level).isEmpty)
    }
    #expect(diff.old == diff.new)
    #expect(diff.old.multiplyAdds == graph.multiplyAdds)
    #expect(diff.old.tensors == 564)
  }

  private func graph(width: Int, heads: Int, extra: Bool) throws -> Graph {
    let builder = GraphBuilder()
    let x = builder.input("x", [1, 4, 8])
    var h = try builder.root.module("layers.0") { g in
      let h = try g.linear("fc", x, out: width)
      return try g.attention(h, h, h, heads: heads)
    }
    if extra { h = try builder.root.module("layers.1") { try $0.linear("fc", h, out: 8) } }
    h = try builder.root.linear("out", h, out: 2)
    return builder.graph(outputs: ["y": h])
  }

  @Test("a width that differs changes its tensors, and an op that differs changes its layer")
  func changes() throws {
    let wider = GraphDiff(
      from: try graph(width: 8, heads: 2, extra: false), to: try graph(width: 16, heads: 2, extra: true))
    #expect(
      wider.tensors.map { $0.status.mark + $0.path } == [
        "~layers.0.fc.weight", "~layers.0.fc.bias", "+layers.1.fc.weight", "+layers.1.fc.bias", "=out.weight",
        "=out.bias",
      ])
    #expect(wider.tensors[0].oldShape == [8, 8])
    #expect(wider.tensors[0].newShape == [16, 8])
    #expect(wider.blocks.map { $0.status.mark + $0.path } == ["~layers.0", "+layers.1", "=out"])
    let heads = GraphDiff(
      from: try graph(width: 8, heads: 2, extra: true), to: try graph(width: 8, heads: 4, extra: false))
    #expect(
      heads.layers.map { $0.status.mark + $0.path } == [
        "=layers.0.fc", "~layers.0.attention", "-layers.1.fc", "=out",
      ])
    #expect(heads.blocks.map { $0.status.mark + $0.kind } == ["~layer", "-layer", "=linear"])
    // 8 x 8 weights and 8 biases; 4 tokens x 8 x 8 products.
    #expect(heads.blocks[1].parametersSaved == 72)
    #expect(heads.blocks[1].multiplyAddsSaved == 256)
  }
}
