import Graph
import Kernels
import Models
import Runtime
import Testing

@Suite("Plan")
struct PlanTests {
  private static func graph(_ component: Architecture.Component, _ size: Int) throws -> Graph {
    try Architecture(named: "ssd1b").graph(
      component, width: size, height: size, batch: component == .unet ? 2 : 1)
  }

  private static func plan(
    _ component: Architecture.Component, _ output: String, _ size: Int, _ precision: Precision,
    isObserved: Bool = false
  ) throws -> Plan {
    let graph = try graph(component, size)
    return Plan(
      graph, outputs: [try #require(graph.outputs[output])],
      observed: isObserved ? Set(graph.nodes.map(\.output)) : [],
      precision: precision)
  }

  private static let cases: [(Architecture.Component, String)] = [
    (.unet, "noise_pred"), (.vae, "decoded"), (.vae, "moments"), (.textEncoder, "hidden_states"),
    (.textEncoder2, "pooled"),
  ]

  @Test(
    "no two values that are needed at once share memory", arguments: cases, [Precision.float32, .bfloat16])
  func memory(_ component: (Architecture.Component, String), _ precision: Precision) throws {
    for isObserved in [false, true] {
      let plan = try Self.plan(component.0, component.1, 256, precision, isObserved: isObserved)
      func place(_ value: Value) -> Range<Int>? {
        plan.offsets[value.id].map { $0..<$0 + value.shape.count * plan.precision(of: value).width }
      }
      // What is in memory: where each value lies that nothing has overwritten yet.
      var content: [Value: Range<Int>] = [:]
      for step in plan.steps.flatMap({ $0.taps + [$0] }) {
        for read in step.reads where place(read) != nil {
          #expect(content[read] != nil, "\(step.node.path) reads what is gone")
        }
        guard let written = place(step.output) else { continue }
        #expect(written.upperBound <= plan.arenaBytes)
        if case .reshape = step.node.op {
          content[step.output] = written
          continue
        }
        for read in step.reads {
          guard let range = place(read), range.overlaps(written) else { continue }
          #expect(step.replaceable == read && range == written, "\(step.node.path) overwrites what it reads")
        }
        content = content.filter { !$0.value.overlaps(written) }
        content[step.output] = written
      }
      for value in plan.kept {
        #expect(content[value] != nil, "\(value) is gone at the end")
      }
    }
  }

  @Test("gates, doublings, norms' activations and residuals are part of the calls before or after them")
  func fusion() throws {
    let steps = try Self.plan(.unet, "noise_pred", 512, .bfloat16).steps
    #expect(steps.count { $0.isGated } == 34)
    #expect(steps.count { $0.isDoubled } == 2)
    let kinds = Set(steps.map(\.node.op.kind))
    #expect(kinds.isDisjoint(with: ["geglu", "upsample", "add_per_channel"]))
    // What is left is the activation of the shared embedding, which many read, and the sum that makes it.
    #expect(steps.count { $0.node.op.kind == "silu" } == 1)
    #expect(steps.count { $0.node.op.kind == "add" } <= 1)
  }

  @Test(
    "an observer sees every value, those that are fused away beside the calls, which stay the same",
    arguments: cases)
  func observers(_ component: (Architecture.Component, String)) throws {
    let graph = try Self.graph(component.0, 256)
    let observed = try Self.plan(component.0, component.1, 256, .bfloat16, isObserved: true)
    let plain = try Self.plan(component.0, component.1, 256, .bfloat16)
    func call(_ step: Plan.Step) -> String {
      "\(step.node.id) \(step.reads.map(\.id)) \(step.kind) \(step.activation?.rawValue ?? "") \(step.output.id)"
    }
    #expect(observed.steps.map(call) == plain.steps.map(call))
    #expect(plain.steps.allSatisfy(\.taps.isEmpty) && plain.observed.isEmpty)
    let computed = graph.nodes(reaching: plain.kept).filter { if case .input = $0.op { false } else { true } }
    let seen = observed.steps.flatMap { $0.taps.map(\.output.id) + [$0.output.id] }
    #expect(Set(seen) == Set(computed.map(\.id)) && seen.count == computed.count)
    #expect(Set(observed.observed.keys).isSuperset(of: seen))
    // Each tap computes one node alone; only a convolution may do its doubling itself.
    #expect(
      observed.steps.flatMap(\.taps).allSatisfy {
        !$0.isGated && $0.activation == nil && $0.residual == nil && $0.perChannel == nil
          && $0.output == $0.node.output
      })
  }

  @Test("one observed value adds only what computes it")
  func oneObserved() throws {
    let graph = try Self.graph(.unet, 256)
    let path = "up_blocks.0.resnets.0.conv1"
    let value = try #require(graph.nodes.first { $0.path == path }).output
    let plan = Plan(
      graph, outputs: [try #require(graph.outputs["noise_pred"])], observed: [value], precision: .bfloat16)
    let tapped = plan.steps.filter { !$0.taps.isEmpty }
    #expect(tapped.count == 1)
    #expect(tapped.first?.node.path == path && tapped.first?.taps.map(\.node.path) == [path])
  }

  @Test(
    "a reshape that is fused into the convolution before it has a place, observed or not",
    arguments: [false, true])
  func fusedReshape(isObserved: Bool) throws {
    // Without linear projections, tokens are made of what a convolution stores.
    var config = try Architecture(named: "ssd1b").unet.config
    config.usesLinearProjection = false
    let graph = try UNet(config: config).graph(batch: 1, height: 16, width: 16, tokens: 77)
    let plan = Plan(
      graph, outputs: [try #require(graph.outputs["noise_pred"])],
      observed: isObserved ? Set(graph.nodes.map(\.output)) : [])
    var ends: [Int: Int] = [:]
    for (index, step) in plan.steps.enumerated() { for read in step.reads { ends[read.id] = index } }
    var places: [Int: Range<Int>] = [:]
    for (index, step) in plan.steps.enumerated() {
      for one in step.taps + [step] {
        let offset = try #require(plan.offsets[one.output.id], "\(one.node.path) has no place")
        places[one.output.id] = offset..<(offset + 4 * one.output.shape.count)
      }
      guard step.node.op.kind != "reshape", let written = places[step.output.id] else { continue }
      for (id, place) in places where id != step.output.id && (ends[id] ?? -1) > index {
        #expect(!place.overlaps(written), "\(step.node.path) overwrites value \(id), which is still read")
      }
    }
  }

  @Test("an upsampling that is no doubling stays a step of its own")
  func oddUpsampling() throws {
    let architecture = try Architecture(named: "ssd1b")
    // 26 latents wide halve to 13 and 7, and 7 does not double to 13.
    let graph = try architecture.graph(.unet, width: 208, height: 208, batch: 1)
    let steps = Plan(graph, outputs: [try #require(graph.outputs["noise_pred"])]).steps
    #expect(steps.count { $0.isDoubled } == 1)
    #expect(steps.count { $0.node.op.kind == "upsample" } == 1)
  }

  @Test("results are float32 whatever the precision, and so are numbers that are no activations")
  func precisions() throws {
    let graph = try Self.graph(.unet, 256)
    let output = try #require(graph.outputs["noise_pred"])
    let plan = Plan(graph, outputs: [output], precision: .bfloat16)
    #expect(plan.precision(of: output) == .float32)
    for (name, expected) in [
      ("timestep", Precision.float32), ("time_ids", .float32), ("sample", .bfloat16),
      ("text_embeds", .bfloat16),
    ] {
      #expect(plan.precision(of: try #require(graph.inputs[name])) == expected, "\(name)")
    }
    #expect(
      Plan(graph, outputs: [output], precision: .bfloat16, roundsOutputs: true).precision(of: output)
        == .bfloat16)
  }

  /// A map of 1024x1024 with 256 channels, 512 MiB, and two with 128, where the widest resnet narrows it: 1 GiB.
  @Test("a 1024x1024 decode in bfloat16 needs a gibibyte of activations, a denoising step a fifth of that")
  func size() throws {
    #expect(try Self.plan(.vae, "decoded", 1024, .bfloat16).arenaBytes == 1 << 30)
    #expect(try Self.plan(.unet, "noise_pred", 1024, .bfloat16).arenaBytes < 210_000_000)
  }
}
