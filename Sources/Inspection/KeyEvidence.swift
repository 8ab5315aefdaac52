import Base
import Checkpoints
import Foundation

/// What tensor names and shapes tell of a checkpoint that is none of the built-in networks.
///
/// The names are those that diffusers, transformers, OpenCLIP, the original latent-diffusion code and the trainers of LoRAs write.
struct KeyEvidence {
  private let shapes: [String: [Int]]
  private let names: NameSearch

  init(_ checkpoint: Checkpoint) {
    shapes = checkpoint.tensors.mapValues(\.entry.shape)
    names = NameSearch(shapes.keys)
  }

  var identity: CheckpointIdentity {
    lora ?? singleFile ?? controlNet ?? adapter ?? unet ?? transformer ?? textEncoder ?? imageEncoder
      ?? autoencoder ?? embedding
      ?? unknown
  }

  private func has(_ key: String) -> Bool { shapes[key] != nil }
  private func hasPrefix(_ prefix: String) -> Bool { names.count(of: "\n" + prefix, upTo: 1) > 0 }
  private func any(_ part: String) -> Bool { names.count(of: part, upTo: 1) > 0 }
  private func count(_ part: String) -> Int { names.count(of: part) }

  private var lora: CheckpointIdentity? {
    let forms = [
      (".lora_down.", "kohya's keys"), (".lora_A.", "PEFT's keys"), (".lora.down.", "diffusers' older keys"),
      // Of LoHa, whose first factors are [out, rank]; LoKr's factors do not tell a rank.
      (".hada_w1_b", "LyCORIS LoHa keys"), (".lokr_w1", "LyCORIS LoKr keys"),
    ]
    guard let (part, form) = forms.first(where: { any($0.0) }) else { return nil }
    let ranks =
      part == ".lokr_w1"
      ? [] : Set(shapes.filter { $0.key.contains(part) }.compactMap(\.value.first)).sorted()
    var targets: [String] = []
    if hasPrefix("lora_unet_") || hasPrefix("unet.") || any("down_blocks") { targets.append("unet") }
    if hasPrefix("lora_te1_") || hasPrefix("lora_te_") || hasPrefix("text_encoder.") {
      targets.append("text_encoder")
    }
    if hasPrefix("lora_te2_") || hasPrefix("text_encoder_2.") { targets.append("text_encoder_2") }
    let rank =
      ranks.isEmpty
      ? "some rank" : ranks.count == 1 ? "rank \(ranks[0])" : "ranks \(ranks[0]) to \(ranks[ranks.count - 1])"
    let on =
      targets.isEmpty
      ? "layers of a network that its keys do not name" : "layers of \(targets.joined(separator: ", "))"
    return CheckpointIdentity(
      title: "a LoRA",
      explanation: "\(form), low-rank changes of \(rank) to \(count(part)) \(on); no network by itself")
  }

  private var singleFile: CheckpointIdentity? {
    guard hasPrefix("model.diffusion_model.") else { return nil }
    let family =
      hasPrefix("conditioner.embedders.")
      ? "of the SDXL family"
      : hasPrefix("cond_stage_model.model.")
        ? "of Stable Diffusion 2"
        : hasPrefix("cond_stage_model.") ? "of Stable Diffusion 1" : "without text encoders"
    let parts = ["model.diffusion_model.", "conditioner.", "cond_stage_model.", "first_stage_model."].filter(
      hasPrefix)
    return CheckpointIdentity(
      title: "a single-file checkpoint \(family)",
      explanation:
        "the original code's keys under \(parts.joined(separator: ", ")); convert it to the diffusers layout to run it"
    )
  }

  private var controlNet: CheckpointIdentity? {
    guard any("controlnet_cond_embedding.") || hasPrefix("control_model.") || hasPrefix("input_hint_block.")
    else { return nil }
    return CheckpointIdentity(
      title: "a ControlNet", explanation: "it has an embedding of a control picture; no UNet by itself")
  }

  private var adapter: CheckpointIdentity? {
    if hasPrefix("ip_adapter.") || hasPrefix("image_proj.") {
      return CheckpointIdentity(
        title: "an IP-Adapter", explanation: "it has ip_adapter or image_proj tensors; no network by itself")
    }
    if any("motion_modules.") {
      return CheckpointIdentity(
        title: "a motion adapter", explanation: "it has motion_modules tensors; no network by itself")
    }
    return nil
  }

  private var unet: CheckpointIdentity? {
    guard has("time_embedding.linear_1.weight"), let first = shapes["conv_in.weight"], first.count == 4,
      hasPrefix("down_blocks.")
    else { return nil }
    let context = shapes.first { $0.key.hasSuffix(".attn2.to_k.weight") }?.value.last
    let widths = Set(
      shapes.filter { $0.key.hasPrefix("down_blocks.") && $0.key.hasSuffix(".resnets.0.conv1.weight") }
        .compactMap(\.value.first)
    ).sorted()
    let facts =
      "\(first[1]) input channels, widths \(widths.map(String.init).joined(separator: ", ")), "
      + (context.map { "text width \($0)" } ?? "no cross-attention")
    // Each has one of these.
    let blocks = count(".attn2.to_k.weight")
    let special = first[1] == 9 ? ", for inpainting" : ""
    switch context {
    case 768:
      return CheckpointIdentity(
        title: "a UNet of Stable Diffusion 1\(special)",
        explanation: "\(facts); this program computes the SDXL family alone")
    case 1024:
      return CheckpointIdentity(
        title: "a UNet of Stable Diffusion 2\(special)",
        explanation: "\(facts); this program computes the SDXL family alone")
    case 1280 where has("add_embedding.linear_1.weight"):
      return CheckpointIdentity(
        title: "SDXL's refiner UNet", explanation: "\(facts), \(blocks) transformer blocks")
    case 2048 where has("add_embedding.linear_1.weight"):
      return CheckpointIdentity(
        title: "a UNet of the SDXL family\(special)",
        explanation: "\(facts), \(blocks) transformer blocks, which is none of the built-in depths; "
          + "a config.json beside it would say what it computes")
    default:
      return CheckpointIdentity(
        title: "a diffusion UNet in diffusers' layout",
        explanation:
          "\(facts), \(blocks) transformer blocks; a config.json beside it would say what it computes")
    }
  }

  private var transformer: CheckpointIdentity? {
    let rules = [
      ("double_blocks.0.", "a Flux transformer"), ("single_transformer_blocks.0.", "a Flux transformer"),
      ("joint_blocks.0.", "a Stable Diffusion 3 transformer"),
      ("context_embedder.", "a Stable Diffusion 3 transformer"),
      ("caption_projection.", "a PixArt or Sana transformer"),
    ]
    return rules.first { any($0.0) }.map { part, title in
      CheckpointIdentity(
        title: title,
        explanation: "it has \(part)* tensors; this program computes UNets of the SDXL family alone")
    }
  }

  private var textEncoder: CheckpointIdentity? {
    if any("encoder.layers.0.self_attn.q_proj.weight"), !any("vision_model.") {
      let table = shapes.first { $0.key.hasSuffix("embeddings.token_embedding.weight") }?.value
      let size =
        table.map { $0.count == 2 ? "a vocabulary of \($0[0]), width \($0[1])" : "a table of shape \($0)" }
        ?? "no token table"
      return CheckpointIdentity(
        title: "a CLIP text encoder",
        explanation: "\(size), which is neither of SDXL's two as published; "
          + "a config.json beside it would say what it computes")
    }
    if any("transformer.resblocks.0."), any("token_embedding.weight") {
      return CheckpointIdentity(
        title: "a CLIP text encoder",
        explanation: "OpenCLIP's keys; convert it to transformers' layout to run it")
    }
    if any("encoder.block.0.layer.0.SelfAttention.") {
      return CheckpointIdentity(
        title: "a T5 text encoder", explanation: "SDXL's family has CLIP text encoders alone")
    }
    return nil
  }

  private var imageEncoder: CheckpointIdentity? {
    guard any("vision_model.") else { return nil }
    let isWhole = any("text_model.")
    return CheckpointIdentity(
      title: isWhole ? "a whole CLIP model" : "a CLIP image encoder",
      explanation: isWhole
        ? "text and image encoder in one file" : "it has vision_model tensors; SDXL's family has none")
  }

  private var autoencoder: CheckpointIdentity? {
    guard has("decoder.conv_in.weight") || has("encoder.conv_in.weight") else {
      guard has("decoder.layers.0.weight") || has("encoder.layers.0.weight") else { return nil }
      return CheckpointIdentity(
        title: "a tiny autoencoder", explanation: "TAESD's keys; it has no diffusers AutoencoderKL layers")
    }
    let channels = shapes["decoder.conv_in.weight"].flatMap { $0.count == 4 ? $0[1] : nil }
    return CheckpointIdentity(
      title: "an autoencoder",
      explanation: (channels.map { "\($0) latent channels" } ?? "no decoder")
        + ", which is not SDXL's as published; a config.json beside it would say what it computes")
  }

  private var embedding: CheckpointIdentity? {
    let names = Set(shapes.keys)
    guard names.isSubset(of: ["emb_params", "clip_l", "clip_g", "string_to_param"]) || names.count == 1,
      !names.isEmpty,
      shapes.values.allSatisfy({ $0.count == 2 && $0[0] <= 128 && [768, 1024, 1280].contains($0[1]) })
    else { return nil }
    return CheckpointIdentity(
      title: "a textual inversion",
      explanation: "vectors that stand for a word in \(names.sorted().joined(separator: " and "))")
  }

  private var unknown: CheckpointIdentity {
    guard !shapes.isEmpty else {
      return CheckpointIdentity(title: "empty", explanation: "it holds no tensor")
    }
    var beginnings: [String: Int] = [:]
    for key in shapes.keys {
      let first = key.unicodeScalars.prefix(40).prefix { $0 != "." }
      beginnings[String(String.UnicodeScalarView(first)), default: 0] += 1
    }
    let most = beginnings.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(3).map {
      "\($0.key) (\($0.value))"
    }
    return CheckpointIdentity(
      title: "not known",
      explanation:
        "its \(shapes.count == 1 ? "one tensor begins" : "\(shapes.count) tensors begin") with \(most.joined(separator: ", "))\(beginnings.count > 3 ? " and others" : ""), "
        + "which no network, LoRA or adapter that this program knows does")
  }
}

/// Names searched as one text, a line each: thousands of names are searched for a part in no time.
private struct NameSearch {
  private let text: [UInt8]

  init(_ names: some Collection<String>) {
    var text: [UInt8] = []
    text.reserveCapacity(names.reduce(1) { $0 + $1.utf8.count + 1 })
    text.append(UInt8(ascii: "\n"))
    for name in names {
      text += name.utf8
      text.append(UInt8(ascii: "\n"))
    }
    self.text = text
  }

  /// How many names hold `part`, counted no further than `limit`; a part that begins with a line break begins a name.
  func count(of part: String, upTo limit: Int = .max) -> Int {
    let part = Array(part.utf8)
    return text.withUnsafeBytes { text in
      guard let base = text.baseAddress, let first = part.first else { return 0 }
      var (count, position) = (0, 0)
      func next(_ byte: UInt8) -> Int? {
        guard position < text.count, let found = memchr(base + position, Int32(byte), text.count - position)
        else { return nil }
        return UnsafeRawPointer(found) - base
      }
      while count < limit, let start = next(first), start + part.count <= text.count {
        guard memcmp(base + start, part, part.count) == 0 else {
          position = start + 1
          continue
        }
        count += 1
        // The rest of this name holds no other.
        position = start + part.count
        guard let end = next(UInt8(ascii: "\n")) else { break }
        position = end
      }
      return count
    }
  }
}
