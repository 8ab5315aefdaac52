import Base
import Graph
import Models
import Testing

@Suite("Graph and GraphBuilder")
struct GraphTests {
  @Test("shapes, parameters and multiply-adds of each op are as defined")
  func rules() throws {
    let builder = GraphBuilder()
    let g = builder.root
    let map = builder.input("map", [2, 9, 7, 6])
    let conv = try g.conv2d("conv", map, out: 4, kernel: 3, stride: 2)
    #expect(conv.shape == [2, 5, 4, 4])
    let padded = try g.conv2d("padded", map, out: 4, kernel: 3, stride: 2, padBefore: 0, padAfter: 1)
    #expect(padded.shape == [2, 4, 3, 4])
    #expect(try g.tokens(map).shape == [2, 63, 6])
    #expect(try g.featureMap(g.tokens(map), like: map).shape == map.shape)
    #expect(try g.upsample(conv, height: 9, width: 8).shape == [2, 9, 8, 4])
    #expect(try g.concatenate(map, map).shape == [2, 9, 7, 12])
    let tokens = builder.input("tokens", [2, 5, 8])
    let context = builder.input("context", [2, 3, 8])
    #expect(try g.attention(tokens, context, context, heads: 4).shape == [2, 5, 8])
    #expect(try g.gatedGELU(tokens).shape == [2, 5, 4])
    #expect(try g.linear("linear", tokens, out: 3, bias: false).shape == [2, 5, 3])
    let numbers = builder.input("numbers", [2, 6])
    #expect(try g.sinusoid(numbers, Sinusoid(features: 10, cosineFirst: true, shift: 0)).shape == [2, 60])
    #expect(try g.addPerChannel(map, numbers).shape == map.shape)
    let ids = builder.input("ids", [2, 5])
    #expect(try g.tokenEmbedding("table", ids, count: 11, features: 8).shape == [2, 5, 8])
    #expect(try g.positionEmbedding("positions", tokens, count: 5).shape == [2, 5, 8])
    #expect(try g.takeToken(tokens, at: builder.input("ends", [2])).shape == [2, 8])

    let graph = builder.graph(outputs: ["y": conv])
    func node(_ path: String) throws -> Node { try #require(graph.nodes.first { $0.path == path }) }
    #expect(
      try node("conv").parameters == [
        Parameter(name: "weight", shape: [4, 6, 3, 3]), Parameter(name: "bias", shape: [4]),
      ])
    #expect(try node("conv").multiplyAdds == 2 * 5 * 4 * 4 * 6 * 9)
    #expect(try node("linear").parameters == [Parameter(name: "weight", shape: [3, 8])])
    #expect(try node("linear").multiplyAdds == 2 * 5 * 3 * 8)
    // Scores and weighted sums: 5 queries by 3 keys by 8 features, twice, for 2 pictures.
    #expect(try node("attention").multiplyAdds == 2 * 2 * 5 * 3 * 8)
    #expect(try node("table").parameterCount == 88)
    #expect(graph.multiplyAdds(reaching: [conv]) == (try node("conv").multiplyAdds))
  }

  @Test("inputs that do not fit an op are a diagnostic that names its path")
  func misfits() throws {
    let builder = GraphBuilder()
    let g = builder.root.scope("outer")
    let map = builder.input("map", [1, 4, 4, 6])
    let tokens = builder.input("tokens", [1, 4, 6])
    let cases: [(String, () throws -> Value)] = [
      ("outer.norm", { try g.groupNorm("norm", map, groups: 4, epsilon: 1e-5) }),
      ("outer.attention", { try g.attention(tokens, tokens, tokens, heads: 4) }),
      ("outer.add", { try g.add(map, tokens) }),
      ("outer.add_per_channel", { try g.addPerChannel(map, tokens) }),
      ("outer.concatenate", { try g.concatenate(map, tokens) }),
      ("outer.upsample", { try g.upsample(map, height: 3, width: 4) }),
      ("outer.conv", { try g.conv2d("conv", tokens, out: 2, kernel: 3) }),
      ("outer.positions", { try g.positionEmbedding("positions", tokens, count: 3) }),
      ("outer.take_token", { try g.takeToken(tokens, at: tokens) }),
      ("outer.large", { try g.linear("large", tokens, out: 1 << 33) }),
    ]
    for (path, build) in cases {
      let fault = #expect(throws: Diagnostic.self, "\(path)") { try build() }
      #expect(fault?.place == path)
      #expect(fault?.kind == .model)
      #expect(fault?.hint != nil)
    }
  }

  @Test("only what a value needs is counted, and nothing before what is given")
  func reaching() throws {
    let builder = GraphBuilder()
    let g = builder.root
    let x = builder.input("x", [1, 4])
    let a = try g.linear("a", x, out: 4)
    let b = try g.linear("b", a, out: 4)
    let c = try g.linear("c", a, out: 4)
    let graph = builder.graph(outputs: ["b": b, "c": c])
    #expect(graph.nodes(reaching: [b]).map(\.path) == ["x", "a", "b"])
    #expect(graph.nodes(reaching: [b, c], from: [a]).map(\.path) == ["b", "c"])
    #expect(graph.multiplyAdds(reaching: [c]) == 32)
    #expect(graph.multiplyAdds == 48)
  }

  @Test("what depends on no varying input but is read with one is found once")
  func invariants() throws {
    let builder = GraphBuilder()
    let g = builder.root
    let latents = builder.input("latents", [1, 4, 8])
    let text = builder.input("text", [1, 3, 6])
    let k = try g.linear("k", text, out: 8)
    let v = try g.linear("v", g.activation(.gelu, text), out: 8)
    let y = try g.add(g.attention(latents, k, v, heads: 2), g.attention(latents, k, v, heads: 1))
    let graph = builder.graph(outputs: ["y": y])
    #expect(graph.invariants(whenVarying: ["latents"]) == [k, v])
    #expect(graph.invariants(whenVarying: ["latents", "text"]) == [])
  }

  @Test("a layer belongs to its innermost numbered module")
  func blocks() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [1, 4])
    let y = try builder.root.module("encoder") { g in
      let h = try g.linear("conv_in", x, out: 4)
      let i = try g.module("layers.0") { l in try l.module("attn") { try $0.linear("to_out.0", h, out: 4) } }
      return try g.module("head") { try $0.linear("fc", i, out: 4) }
    }
    let paths = BlockPath(builder.graph(outputs: ["y": y]))
    #expect(paths.block(of: "encoder.conv_in") == "encoder.conv_in")
    #expect(paths.block(of: "encoder.layers.0.attn.to_out.0") == "encoder.layers.0")
    #expect(paths.block(of: "encoder.head.fc") == "encoder.head")
    #expect(BlockPath.kind(of: "encoder.layers.0") == "layer")
    #expect(BlockPath.kind(of: "encoder.head") == "head")
  }

  @Test("a token that is all that is wanted of a text is taken before the layers that treat tokens alike")
  func takingTokensEarly() throws {
    let graph = try Architecture(named: "ssd1b").textEncoder2.graph(batch: 2, tokens: 77)
    let early = graph.takingTokensEarly(for: ["hidden_states", "pooled"])
    #expect(Set(early.outputs.keys) == ["hidden_states", "pooled"])
    #expect(
      early.outputs.mapValues(\.shape)
        == graph.outputs.filter { $0.key != "last_hidden_state" }.mapValues(\.shape))
    // 76 tokens of 77 less in the last layer's output projection and two MLP layers, for two texts.
    let saved = graph.multiplyAdds(reaching: Array(graph.outputs.values)) - early.multiplyAdds
    #expect(saved == 2 * 76 * (1280 * 1280 + 2 * 1280 * 5120))
    #expect(early.tensors.map(\.key) == graph.tensors.map(\.key))
    for (index, node) in early.nodes.enumerated() {
      #expect(node.id == index && node.output.id == index)
      for input in node.inputs { #expect(input.id < index && early.nodes[input.id].output == input) }
    }
    // Nothing is moved past what is asked for itself.
    let all = graph.takingTokensEarly(for: ["hidden_states", "pooled", "last_hidden_state"])
    #expect(all.multiplyAdds == graph.multiplyAdds)
  }
}
