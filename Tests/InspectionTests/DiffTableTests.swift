import Base
import Graph
import Inspection
import Models
import Testing

@Suite("DiffTable")
struct DiffTableTests {
  private func diff(_ old: String = "sdxl", _ new: String = "ssd1b") throws -> GraphDiff {
    func unet(_ name: String) throws -> Graph {
      try Architecture(named: name).graph(.unet, width: 1024, height: 1024, batch: 1)
    }
    return GraphDiff(from: try unet(old), to: try unet(new))
  }

  @Test("what was removed from SDXL to make SSD-1B, and what that saves")
  func removed() throws {
    #expect(
      try DiffTable(diff(), from: "sdxl", to: "ssd1b", only: [.removed]).table.text == """
           block                                              kind                     parameters        saved  multiply-adds saved
        -  down_blocks.2.attentions.0.transformer_blocks.4…9  6 x transformer_block   208,535,040  208,535,040             201 GMAC
        -  down_blocks.2.attentions.1.transformer_blocks.4…9  6 x transformer_block   208,535,040  208,535,040             201 GMAC
        -  mid_block.attentions.0                             attention                 3,281,920    3,281,920            3.36 GMAC
        -  mid_block.attentions.0.transformer_blocks.0…9      10 x transformer_block  347,558,400  347,558,400             335 GMAC
        -  mid_block.resnets.1                                resnet                   31,138,560   31,138,560            30.2 GMAC
        -  up_blocks.0.attentions.0.transformer_blocks.4…9    6 x transformer_block   208,535,040  208,535,040             201 GMAC
        -  up_blocks.0.attentions.1.transformer_blocks.4…9    6 x transformer_block   208,535,040  208,535,040             201 GMAC
        -  up_blocks.1.attentions.1.transformer_blocks.1      transformer_block        10,005,120   10,005,120            52.3 GMAC
        -  up_blocks.1.attentions.2.transformer_blocks.1      transformer_block        10,005,120   10,005,120            52.3 GMAC
        tensors: 736 removed, 0 added, 0 changed, 944 the same
        parameters: 2,567,463,684 in sdxl, 1,331,334,404 in ssd1b: 1,236,129,280 saved (48.1 %)
        multiply-adds: 3.38 TMAC in sdxl, 2.10 TMAC in ssd1b: 1.28 TMAC saved (37.8 %)
        transformer blocks: 70 in sdxl, 34 in ssd1b: 36 saved (51.4 %)
        """)
  }

  @Test("rows at each level stand for all that differs or stays", arguments: GraphDiff.Level.allCases)
  func levels(level: GraphDiff.Level) throws {
    let diff = try diff()
    let table = DiffTable(diff, from: "sdxl", to: "ssd1b", level: level)
    #expect(table.rows.reduce(0) { $0 + $1.count } == diff.rows(at: level).count)
    #expect(table.rows.reduce(0) { $0 + $1.parametersSaved } == 1_236_129_280)
    #expect(table.table.footer == DiffTable(diff, from: "sdxl", to: "ssd1b", only: []).table.footer)
    for status in GraphDiff.Status.allCases {
      let only = DiffTable(diff, from: "sdxl", to: "ssd1b", level: level, only: [status])
      #expect(only.rows.allSatisfy { $0.status == status })
      #expect(only.rows.reduce(0) { $0 + $1.count } == diff.count(of: status, at: level))
    }
  }

  @Test("blocks that stay are folded too, so that the whole story is a page")
  func folding() throws {
    let rows = try DiffTable(diff(), from: "sdxl", to: "ssd1b").rows
    #expect(rows.count == 51)
    #expect(
      rows.contains { $0.path == "up_blocks.0.attentions.2.transformer_blocks.0…9" && $0.status == .same })
    #expect(!rows.contains { $0.status == .changed || $0.status == .added })
  }

  @Test("towards the larger model it says how much more there is")
  func added() throws {
    let table = try DiffTable(diff("ssd1b", "sdxl"), from: "ssd1b", to: "sdxl", only: [.added]).table
    #expect(table.rows.count == 9)
    #expect(table.rows.allSatisfy { $0[0] == "+" })
    #expect(table.rows[0][4] == "-208,535,040")
    #expect(
      table.footer == [
        "tensors: 0 removed, 736 added, 0 changed, 944 the same",
        "parameters: 1,331,334,404 in ssd1b, 2,567,463,684 in sdxl: 1,236,129,280 more (92.8 %)",
        "multiply-adds: 2.10 TMAC in ssd1b, 3.38 TMAC in sdxl: 1.28 TMAC more (60.7 %)",
        "transformer blocks: 34 in ssd1b, 70 in sdxl: 36 more (105.9 %)",
      ])
  }

  @Test("tensors are listed with both shapes")
  func tensors() throws {
    let table = try DiffTable(diff(), from: "sdxl", to: "ssd1b", level: .tensor, only: [.removed]).table
    #expect(table.rows.count == 736)
    #expect(table.columns.map(\.title) == ["", "tensor", "sdxl", "ssd1b", "parameters"])
    #expect(
      table.rows[0] == [
        "-", "down_blocks.2.attentions.0.transformer_blocks.4.norm1.weight", "1280", "", "1,280",
      ])
  }

  @Test("JSON has the totals and the removed rows in plain numbers")
  func json() throws {
    guard case .object(let fields) = try DiffTable(diff(), from: "sdxl", to: "ssd1b", only: [.removed]).json,
      case .array(let rows)? = fields["rows"], case .object(let total)? = fields["total"]
    else {
      Issue.record("no object with rows and total")
      return
    }
    // Every block by itself, where people are shown nine runs of them.
    #expect(rows.count == 38)
    #expect(total["parameters_saved"] == 1_236_129_280)
    #expect(total["multiply_adds_saved"] == .integer(3_380_618_199_040 - 2_103_880_908_800))
    #expect(fields["tensors"] == ["removed": 736, "added": 0, "changed": 0, "same": 944])
    #expect(fields["transformer_blocks"] == ["old": 70, "new": 34])
  }
}
