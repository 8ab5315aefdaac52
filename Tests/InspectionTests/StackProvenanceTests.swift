import Base
import Checkpoints
import Graph
import Inspection
import Models
import Testing

@Suite("StackProvenance")
struct StackProvenanceTests {
  /// A stack of blocks of two linear layers, as the golden's networks are.
  private func graph(blocks: Int) throws -> Graph {
    let builder = GraphBuilder()
    var h = builder.input("x", [1, 16])
    for block in 0..<blocks {
      h = try builder.root.module("blocks.\(block)") { g in
        try g.linear("second", g.linear("first", h, out: 24, bias: false), out: 16, bias: false)
      }
    }
    return builder.graph(outputs: ["y": h])
  }

  @Test("The cosines between layers are numpy's, and tell which old layers the new ones are nearest to")
  func cosines() throws {
    let expected = try InspectionGolden.read().networks.cosines
    let (old, new) = (try graph(blocks: 5), try graph(blocks: 3))
    let stacks = StackProvenance.shortened(from: old, to: new)
    #expect(stacks.count == 1)
    let stack = try #require(stacks.first)
    #expect(stack.stack == "blocks" && stack.old == [0, 1, 2, 3, 4] && stack.new == [0, 1, 2])
    let provenance = try StackProvenance(
      stack, of: old, old: try InspectionGolden.checkpoint("old"),
      new: try InspectionGolden.checkpoint("new"),
      on: .init(threads: 2))
    for (ours, theirs) in zip(provenance.cosines, expected) {
      for (a, b) in zip(ours, theirs) { #expect(abs(try #require(a) - b) < 1e-12) }
    }
    // The script made the new blocks from these.
    #expect(provenance.nearest == [0, 4, 1])
    #expect(provenance.table.rows.map { $0[1] } == ["0", "4", "1"])
  }

  @Test("SSD-1B's shortened stacks are those that its config says")
  func shortened() throws {
    func graph(_ name: String) throws -> Graph {
      try Architecture(named: name).graph(.unet, width: 512, height: 512, batch: 1)
    }
    let stacks = try StackProvenance.shortened(from: graph("sdxl"), to: graph("ssd1b"))
    #expect(
      stacks.map { "\($0.stack) \($0.old.count) \($0.new.count)" } == [
        "down_blocks.2.attentions.0.transformer_blocks 10 4",
        "down_blocks.2.attentions.1.transformer_blocks 10 4",
        "mid_block.resnets 2 1", "up_blocks.0.attentions.0.transformer_blocks 10 4",
        "up_blocks.0.attentions.1.transformer_blocks 10 4", "up_blocks.1.attentions.1.transformer_blocks 2 1",
        "up_blocks.1.attentions.2.transformer_blocks 2 1",
      ])
  }
}
