import Base

extension ComfyGraph {
  /// What upstream of a sampler acts on the picture beside its texts and its model, in the order of the walk.
  enum Effect: Equatable {
    case lora(String)
    /// A node that changes the model.
    case modelPatch(String)
    /// A node that joins conditionings, or limits or changes one.
    case conditioning(String)
    case controlNet(String)
    /// A style that a node wrote into its texts.
    case style(String)
    /// The text encoder's layer, counted from its end.
    case clipLayer(String)
  }

  /// What acts on a sampler by way of its model and its conditionings. Nodes of no strength are left out.
  func effects(on sampler: Node) -> [Effect] {
    let nodes = upstream(of: sampler.links(where: { !Self.latentInputs.contains($0) })) {
      !Self.latentInputs.contains($0)
    }
    return nodes.flatMap(ownEffects)
  }

  private static let latentInputs: Set = ["latent_image", "latent", "samples", "image", "images", "pixels"]

  private func ownEffects(of node: Node) -> [Effect] {
    let kind = node.kind
    let loras = loras(of: node).map(Effect.lora)
    if kind.lowercased().contains("lora") || !loras.isEmpty { return loras + tags(of: node) }
    if kind.contains("ControlNetApply") || kind.contains("ApplyControlNet") {
      return isOff(node) ? [] : [.controlNet(kind)]
    }
    if kind == "CLIPSetLastLayer" {
      let layer = number(node["stop_at_clip_layer"], named: [])?.digits ?? ""
      // The last but one, which SDXL's encoders give anyway.
      return ["", "-2"].contains(layer) ? [] : [.clipLayer(layer)]
    }
    let joins = ["Conditioning", "StyleModelApply", "unCLIPConditioning", "GLIGEN"].contains(
      where: kind.hasPrefix)
    if joins, kind != "ConditioningZeroOut", !isOff(node) { return [.conditioning(kind)] }
    if node["text_positive"] != nil, let style = node["style"]?.string, !style.isEmpty {
      return [.style(style)]
    }
    return isModelPatch(node) ? [.modelPatch(kind)] : []
  }

  /// The LoRAs that a node takes from tags in its text.
  private func tags(of node: Node) -> [Effect] {
    guard let text = node["text"]?.string, text.contains("<lora:") else { return [] }
    return [.lora(String(text.prefix(60)))]
  }

  /// Whether a node takes a model to give it back changed.
  private func isModelPatch(_ node: Node) -> Bool {
    guard let model = node["model"], Self.target(of: model) != nil, node["clip"] == nil, !isOff(node) else {
      return false
    }
    // What only looks at the model.
    if ["Scheduler", "Guider", "Reroute"].contains(where: node.kind.contains) { return false }
    if node["sampler_name"] != nil || node["sigmas"] != nil { return false }
    let isPlain = node["sampling"] == "eps" && node["zsnr"]?.isNothing != false
    return !(node.kind == "ModelSamplingDiscrete" && (isPlain || node["sampling"] == "lcm"))
  }

  /// Whether all its strengths are zero.
  private func isOff(_ node: Node) -> Bool {
    let strengths = ["strength", "scale", "multiplier", "weight"].compactMap { node[$0] }.compactMap(\.number)
    return !strengths.isEmpty && strengths.allSatisfy { $0 == 0 }
  }

  /// The LoRAs that a node loads: one, in numbered inputs, or as objects.
  private func loras(of node: Node) -> [String] {
    node.inputs.keys.sorted().compactMap { key in
      guard let value = node[key] else { return nil }
      if let entry = value.fields, let name = entry["lora"]?.string {
        let isOff = entry["on"] == false || entry["strength"]?.isNothing == true
        return isOff ? nil : name
      }
      let number = key.suffix(while: \.isNumber)
      guard key.hasPrefix("lora"),
        ["lora", "lora_", "lora_name", "lora_name_"].contains(key.dropLast(number.count)),
        let name = value.string, !value.isNothing
      else { return nil }
      let partners = node.inputs.filter { $0.key != key && $0.key.suffix(while: \.isNumber) == number }
      let strengths = partners.filter { ["strength", "weight", "wt"].contains(where: $0.key.contains) }.values
      let isSwitchedOff = partners.contains { $0.key.contains("switch") && $0.value.isNothing }
      let isOff = !strengths.isEmpty && strengths.allSatisfy(\.isNothing)
      return isOff || isSwitchedOff ? nil : name
    }
  }
}

extension String {
  /// The longest end all of whose characters pass.
  fileprivate func suffix(while isWanted: (Character) -> Bool) -> Substring {
    let start = lastIndex { !isWanted($0) }.map(index(after:)) ?? startIndex
    return self[start...]
  }
}
