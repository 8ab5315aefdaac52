import Base

extension ComfyGraph {
  /// Reads what stands under `workflow` in a picture: the graph as the editor has it; nil where that is none.
  ///
  /// There a node's values stand in the order of its widgets, without names, and links have a list of their own.
  init?(workflow document: JSONValue) {
    let listed = (document.fields?["nodes"]?.items ?? []).compactMap(EditorNode.init)
    let nodes = Dictionary(listed.map { ($0.id, $0) }) { $1 }
    guard !nodes.isEmpty else { return nil }
    let links = (document.fields?["links"]?.items ?? []).compactMap(EditorLink.init)
    let editor = Editor(nodes: nodes, links: Dictionary(links.map { ($0.id, $0) }) { $1 })
    self.init(
      nodes.values.filter(\.isActive).map { node in
        Node(id: node.id, kind: node.kind, inputs: editor.inputs(of: node))
      })
  }
}

/// A node of the editor.
private struct EditorNode {
  let id: String
  let kind: String
  /// The ids of the links that lead to its inputs, by the inputs' names.
  let links: [(input: String, type: String, link: String)]
  /// The inputs that are widgets too.
  let widgets: [String]
  let values: JSONValue
  private let mode: Int

  /// Whether it runs. Never (2) and bypass (4) are the modes that do not.
  var isActive: Bool { mode != 2 && mode != 4 }
  var isBypassed: Bool { mode == 4 }

  init?(_ json: JSONValue) {
    guard let fields = json.fields, let id = fields["id"]?.digits ?? fields["id"]?.string,
      let kind = fields["type"]?.string
    else { return nil }
    (self.id, self.kind) = (id, kind)
    mode = fields["mode"]?.number.map { Int(clamping: $0) } ?? 0
    values = fields["widgets_values"] ?? .null
    let inputs = (fields["inputs"]?.items ?? []).compactMap(\.fields)
    links = inputs.compactMap { input in
      guard let name = input["name"]?.string, let link = input["link"]?.digits else { return nil }
      return (name, input["type"]?.string ?? "", link)
    }
    widgets = inputs.compactMap { $0["widget"]?.fields?["name"]?.string }
  }
}

/// A link of the editor: `[id, from node, from output, to node, to input, type]`, or an object of these.
private struct EditorLink {
  let id: String
  let origin: String
  let output: Int
  let type: String

  init?(_ json: JSONValue) {
    let parts =
      json.items
      ?? ["id", "origin_id", "origin_slot", "target_id", "target_slot", "type"].map {
        json.fields?[$0] ?? .null
      }
    guard parts.count >= 5, let id = parts[0].digits, let origin = parts[1].digits ?? parts[1].string else {
      return nil
    }
    (self.id, self.origin) = (id, origin)
    output = parts[2].number.map { Int(clamping: $0) } ?? 0
    type = parts.count > 5 ? parts[5].string ?? "" : ""
  }
}

private struct Editor {
  let nodes: [String: EditorNode]
  let links: [String: EditorLink]

  /// The inputs by their names, as ComfyUI runs a node with them.
  func inputs(of node: EditorNode) -> [String: JSONValue] {
    var inputs: [String: JSONValue] = [:]
    switch node.values {
    case .object(let values): inputs = values
    case .array(let values):
      for (name, value) in zip(widgetNames(of: node, count: values.count), values) where name != Self.control
      {
        inputs[name] = value
      }
    default: break
    }
    for (name, _, link) in node.links {
      if let from = origin(of: link) { inputs[name] = .array([.string(from.origin), .integer(from.output)]) }
    }
    return inputs
  }

  /// Where a link comes from, past bypassed nodes, whose first input of the link's type goes through.
  private func origin(of link: String) -> EditorLink? {
    var (current, seen): (EditorLink?, Set<String>) = (links[link], [])
    while let found = current, seen.count < Self.mostBypasses, seen.insert(found.id).inserted {
      guard let node = nodes[found.origin], node.isBypassed else { return found }
      current = node.links.first { $0.type == found.type }.flatMap { links[$0.link] }
    }
    return nil
  }

  private static let mostBypasses = 100

  /// What the editor keeps behind a seed: what becomes of it after a run.
  private static let control = "control_after_generate"

  /// The widgets of ComfyUI's own nodes, in order; other nodes' are listed among their inputs, unless they are old.
  private func widgetNames(of node: EditorNode, count: Int) -> [String] {
    if let names = Self.widgets[node.kind] { return names }
    if node.widgets.isEmpty { return count == 1 ? ["value"] : [] }
    return node.widgets.flatMap { ["seed", "noise_seed"].contains($0) ? [$0, Self.control] : [$0] }
  }

  private static let widgets: [String: [String]] = [
    "KSampler": ["seed", control, "steps", "cfg", "sampler_name", "scheduler", "denoise"],
    "KSamplerAdvanced": [
      "add_noise", "noise_seed", control, "steps", "cfg", "sampler_name", "scheduler", "start_at_step",
      "end_at_step", "return_with_leftover_noise",
    ],
    "SamplerCustom": ["add_noise", "noise_seed", control, "cfg"],
    "RandomNoise": ["noise_seed", control], "CFGGuider": ["cfg"], "KSamplerSelect": ["sampler_name"],
    "BasicScheduler": ["scheduler", "steps", "denoise"], "SDTurboScheduler": ["steps", "denoise"],
    "KarrasScheduler": ["steps", "sigma_max", "sigma_min", "rho"],
    "EmptyLatentImage": ["width", "height", "batch_size"], "CLIPTextEncode": ["text"],
    "CLIPTextEncodeSDXL": [
      "width", "height", "crop_w", "crop_h", "target_width", "target_height", "text_g", "text_l",
    ],
    "LoraLoader": ["lora_name", "strength_model", "strength_clip"],
    "LoraLoaderModelOnly": ["lora_name", "strength_model"], "CLIPSetLastLayer": ["stop_at_clip_layer"],
    "ControlNetApply": ["strength"], "ControlNetApplyAdvanced": ["strength", "start_percent", "end_percent"],
    "PrimitiveNode": ["value", control], "PrimitiveInt": ["value", control],
  ]
}
