import Base
import Graph
import Inspection
import Models
import Testing

@Suite("LayerTree")
struct LayerTreeTests {
  @Test("the whole model fits a screen")
  func wholeModel() throws {
    #expect(
      try SSD1B.tree().listing().table.text == """
        layer                  kind        output            parameters  multiply-adds
        text_encoder           111 layers  1x77x768         123,060,480      6.65 GMAC
          text_model           111 layers  1x77x768         123,060,480      6.65 GMAC
            embeddings         2 layers    1x77x768          38,004,480
            encoder            108 layers  1x77x768          85,054,464      6.65 GMAC
            final_layer_norm   layer_norm  1x77x768               1,536
        text_encoder_2         292 layers  1x1280           694,659,840      48.9 GMAC
          text_model           291 layers  1x77x1280        693,021,440      48.9 GMAC
            embeddings         2 layers    1x77x1280         63,340,800
            encoder            288 layers  1x77x1280        629,678,080      48.9 GMAC
            final_layer_norm   layer_norm  1x77x1280              2,560
          text_projection      linear      1x1280             1,638,400      1.64 MMAC
        unet                   642 layers  1x128x128x4    1,331,334,404      2.10 TMAC
          time_embedding       2 layers    1x1280             2,050,560      2.05 MMAC
          add_embedding        2 layers    1x1280             5,245,440      5.24 MMAC
          conv_in              conv2d      1x128x128x320         11,840       189 MMAC
          down_blocks.0        11 layers   1x64x64x320        5,432,000      64.2 GMAC
          down_blocks.1        78 layers   1x32x32x640       60,105,600       273 GMAC
          down_blocks.2        137 layers  1x32x32x1280     340,334,080       328 GMAC
          mid_block.resnets.0  5 layers    1x32x32x1280      31,138,560      30.2 GMAC
          up_blocks.0          298 layers  1x64x64x1280     789,498,880       811 GMAC
          up_blocks.1          88 layers   1x128x128x640     86,333,440       434 GMAC
          up_blocks.2          18 layers   1x128x128x320     11,171,840       163 GMAC
          conv_norm_out        group_norm  1x128x128x320            640
          conv_out             conv2d      1x128x128x4           11,524       189 MMAC
        vae                    126 layers  1x1024x1024x3     83,653,863      7.67 TMAC
          encoder              54 layers   1x128x128x8       34,163,592      2.44 TMAC
          quant_conv           conv2d      1x128x128x8               72      1.05 MMAC
          post_quant_conv      conv2d      1x128x128x4               20       262 kMAC
          decoder              70 layers   1x1024x1024x3     49,490,179      5.24 TMAC
        29 of 1,521 rows
        total: 2,232,708,587 parameters, 9.83 TMAC
        """)
  }

  @Test("alike transformer blocks in a row are one line, with their sum")
  func runs() throws {
    #expect(
      try SSD1B.tree().listing(.init(path: "unet.up_blocks.0.attentions.2", depth: 1)).table.text == """
        layer                          kind            output         parameters  multiply-adds
        unet.up_blocks.0.attentions.2  153 layers      1x32x32x1280  350,840,320       338 GMAC
          norm                         group_norm      1x32x32x1280        2,560
          proj_in                      linear          1x1024x1280     1,639,680      1.68 GMAC
          transformer_blocks.0…9       10 x 15 layers  1x1024x1280   347,558,400       335 GMAC
          proj_out                     linear          1x1024x1280     1,639,680      1.68 GMAC
        14 of 194 rows
        total: 350,840,320 parameters, 338 GMAC
        """)
  }

  @Test("the largest layers are listed under their whole paths")
  func sorted() throws {
    #expect(
      try SSD1B.tree().listing(.init(sort: .macs, top: 8)).table.text == """
        layer                                         kind       output           parameters  multiply-adds
        vae.decoder.up_blocks.1.upsamplers.0.conv     conv2d     1x512x512x512     2,359,808       618 GMAC
        vae.decoder.up_blocks.2.upsamplers.0.conv     conv2d     1x1024x1024x256     590,080       618 GMAC
        vae.decoder.up_blocks.2.resnets.0.conv1       conv2d     1x512x512x256     1,179,904       309 GMAC
        vae.decoder.up_blocks.3.resnets.0.conv1       conv2d     1x1024x1024x128     295,040       309 GMAC
        vae.encoder.mid_block.attentions.0.attention  attention  1x16384x512                       275 GMAC
        vae.decoder.mid_block.attentions.0.attention  attention  1x16384x512                       275 GMAC
        vae.encoder.down_blocks.0.resnets.0.conv1     conv2d     1x1024x1024x128     147,584       155 GMAC
        vae.encoder.down_blocks.0.resnets.0.conv2     conv2d     1x1024x1024x128     147,584       155 GMAC
        8 of 1,521 rows
        total: 2,232,708,587 parameters, 9.83 TMAC
        """)
    let unet = try SSD1B.tree().listing(.init(path: "unet", depth: 2, sort: .params, top: 2))
    #expect(unet.rows.map(\.path) == ["unet.up_blocks.0.attentions.2", "unet.down_blocks.2.attentions.0"])
    #expect(unet.rows.map(\.parameters) == [350_840_320, 142_305_280])
  }

  @Test("rows of one level sum to the row above, at every depth", arguments: 0...7)
  func sums(depth: Int) throws {
    let listing = try SSD1B.tree().listing(.init(path: "unet", depth: depth))
    let top = try #require(listing.rows.first)
    #expect(top.parameters == 1_331_334_404)
    #expect(top.multiplyAdds == 2_103_880_908_800)
    #expect(listing.parameters == top.parameters)
    for (index, row) in listing.rows.enumerated() {
      let below = listing.rows[(index + 1)...].prefix { $0.depth > row.depth }.filter {
        $0.depth == row.depth + 1
      }
      guard !below.isEmpty else { continue }
      #expect(below.reduce(0) { $0 + $1.parameters } == row.parameters, "\(row.path)")
      #expect(below.reduce(0) { $0 + $1.multiplyAdds } == row.multiplyAdds, "\(row.path)")
      #expect(below.reduce(0) { $0 + $1.layerCount } == row.layerCount, "\(row.path)")
    }
  }

  @Test(
    "a filter keeps what it fits, and parts sum only that",
    arguments: [
      // Queries, keys and values of the cross-attention in each of 34 blocks.
      ("*.attn2.to_?", 34 * 3), ("unet.mid_block*", 5), ("attn1", 34 * 5), ("*ff", 34 * 2),
      ("unet.conv_in", 1), ("*.conv_shortcut", 2 + 9),
    ])
  func filters(pattern: String, layers: Int) throws {
    let tree = try SSD1B.tree()
    let listing = try tree.listing(.init(path: "unet", filter: try PathPattern(pattern)))
    #expect(listing.rows[0].layerCount == layers)
    #expect(listing.parameters == listing.rows[0].parameters)
    #expect(listing.parameters < 1_331_334_404)
  }

  @Test("a path is found with and without its component, numbered containers and joined parts too")
  func paths() throws {
    let tree = try SSD1B.tree()
    func top(_ path: String) throws -> LayerTree.Row {
      try #require(try tree.listing(.init(path: path, depth: 0)).rows.first)
    }
    #expect(try top("down_blocks.1.attentions.0") == top("unet.down_blocks.1.attentions.0"))
    #expect(try top("unet.down_blocks").parameters == 5_432_000 + 60_105_600 + 340_334_080)
    #expect(try top("unet.mid_block").path == "unet.mid_block.resnets.0")
    #expect(try top("vae.decoder.conv_out").kind == "conv2d")
    #expect(try top("unet.up_blocks.0.upsamplers.0").kind == "conv2d")
  }

  @Test(
    "a path that is not there is refused with what is",
    arguments: [
      ("unet.down_blocks.9", "there are unet.down_blocks.0, unet.down_blocks.1, unet.down_blocks.2"),
      ("nope", "there are text_encoder, text_encoder_2, unet, vae"),
      ("unet.conv_in.weight", "there are unet.time_embedding"), ("", "there are text_encoder"),
      ("un", "there are text_"),
    ])
  func unknownPath(path: String, hint: String) throws {
    let tree = try SSD1B.tree()
    let fault = #expect(throws: Diagnostic.self) { try tree.listing(.init(path: path)) }
    #expect(fault?.kind == .value)
    #expect(fault?.hint?.hasPrefix(hint) == true, "\(fault?.hint ?? "")")
  }

  @Test("a filter that fits nothing is refused")
  func emptyFilter() throws {
    let tree = try SSD1B.tree()
    let fault = #expect(throws: Diagnostic.self) {
      try tree.listing(.init(filter: try PathPattern("lora")))
    }
    #expect(fault?.description == "filter: expected a part of a layer's path, found lora in none")
  }

  @Test("bytes are the checkpoint's, where there is one")
  func bytes() throws {
    let unet = try SSD1B.components().filter { $0.name == "unet" }
    let sizes = Dictionary(unet[0].graph.tensors.map { ($0.key, 2 * $0.shape.count) }) { first, _ in first }
    let tree = LayerTree(components: unet) { component, key in
      #expect(component == "unet")
      return sizes[key].map { StoredWeight(name: key, dtype: "F16", shape: [$0 / 2], bytes: $0) }
    }
    let listing = try tree.listing(.init(depth: 0))
    #expect(listing.bytes == 2 * 1_331_334_404)
    #expect(
      listing.table.rows == [["unet", "642 layers", "1x128x128x4", "1,331,334,404", "2.5 GiB", "2.10 TMAC"]])
    #expect(try tree.listing(.init(sort: .bytes, top: 1)).rows[0].bytes == 2 * (1280 * 2560 * 9 + 1280))
  }

  @Test("JSON has every row by itself, in plain numbers")
  func json() throws {
    let json = try SSD1B.tree().listing(.init(path: "down_blocks.0", depth: 1)).json
    guard case .object(let fields) = json, case .array(let rows)? = fields["rows"] else {
      Issue.record("\(json.kindName)")
      return
    }
    #expect(rows.count == 4)
    #expect(
      rows[1] == [
        "path": "unet.down_blocks.0.resnets.0", "key": "down_blocks.0.resnets.0", "depth": 1, "kind": .null,
        "layers": 5,
        "output": [1, 128, 128, 320], "parameters": 2_255_040, "share": .number(2_255_040.0 / 5_432_000),
        "bytes": .null, "dtype": .null, "multiply_adds": 30_199_398_400, "seconds": .null,
      ])
    #expect(fields["shown"] == 4)
  }
}
