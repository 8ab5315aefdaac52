import Base
import Graph
import Inspection
import Models
import Testing

@Suite("ParameterCount")
struct ParameterCountTests {
  @Test("parameters by component are the published counts")
  func components() throws {
    #expect(
      try ParameterCount(components: SSD1B.components(), by: .component).table.text == """
        component       tensors     parameters    share
        text_encoder        196    123,060,480    5.5 %
        text_encoder_2      517    694,659,840   31.1 %
        unet                944  1,331,334,404   59.6 %
        vae                 248     83,653,863    3.7 %
        total             1,905  2,232,708,587  100.0 %
        """)
  }

  @Test("each grouping counts every parameter once", arguments: ParameterCount.Grouping.allCases)
  func totals(grouping: ParameterCount.Grouping) throws {
    let count = try ParameterCount(components: SSD1B.components(), by: grouping) { component, key in
      StoredWeight(
        name: key, dtype: component == "vae" ? "F32" : "F16", shape: [key.count], bytes: key.count)
    }
    #expect(count.parameters == 2_232_708_587)
    #expect(count.rows.reduce(0) { $0 + $1.parameters } == count.parameters)
    #expect(count.rows.reduce(0) { $0 + $1.tensors } == 1905)
    #expect(Set(count.rows.map(\.name)).count == count.rows.count)
    switch grouping {
    case .component: #expect(count.rows.count == 4)
    case .block:
      #expect(count.rows.contains { $0.name == "unet.up_blocks.0" && $0.parameters == 789_498_880 })
    case .kind:
      #expect(count.rows.map(\.name) == ["linear", "conv2d", "embedding", "layer_norm", "group_norm"])
    case .dtype: #expect(count.rows.map(\.name) == ["F16", "F32"] && count.rows[1].parameters == 83_653_863)
    }
  }

  @Test("element types need a checkpoint, and a tensor that it lacks is counted as missing")
  func dtypes() throws {
    let components = try SSD1B.components()
    let fault = #expect(throws: Diagnostic.self) { try ParameterCount(components: components, by: .dtype) }
    #expect(fault?.place == "by")
    let count = try ParameterCount(components: components, by: .dtype) { _, key in
      key == "conv_in.bias" ? nil : StoredWeight(name: key, dtype: "F16", shape: [1], bytes: 2)
    }
    #expect(count.rows.map(\.name) == ["F16", "missing"])
    #expect(count.rows[1].parameters == 320)
  }

  @Test("JSON has the shares as fractions")
  func json() throws {
    let count = try ParameterCount(components: SSD1B.components().filter { $0.name == "vae" }, by: .component)
    let row: JSONValue = [
      "name": "vae", "tensors": 248, "parameters": 83_653_863, "share": 1.0, "bytes": .null,
    ]
    #expect(
      count.json == [
        "by": "component", "rows": [row],
        "total": ["name": "total", "tensors": 248, "parameters": 83_653_863, "share": 1.0, "bytes": .null],
      ])
  }
}
