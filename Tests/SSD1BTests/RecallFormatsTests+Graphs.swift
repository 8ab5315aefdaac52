import Base
import Imaging

extension RecallFormatsTests {
  /// ComfyUI's graphs.
  static let graphs = [
    Case(
      graph: "a seed of 64 bits", ["seed": "18446744073709551615"], [:],
      ["seed": "18446744073709551615"]),
    Case(
      graph: "a seed as a text", ["seed": #""12345678901234567890""#], [:], ["seed": "12345678901234567890"]),
    Case(
      graph: "LoRAs, of which some are off", ["model": #"["8", 0]"#],
      [
        "8":
          #"LoraLoader: "lora_name": "fur.safetensors", "strength_model": 1, "strength_clip": 0, "model": ["9", 0]"#,
        "9":
          #"LoraLoader: "lora_name": "off.safetensors", "strength_model": 0, "strength_clip": 0, "model": ["10", 0]"#,
        "10": #"""
        Power Lora Loader (rgthree): "lora_1": {"on": true, "lora": "blue", "strength": 0.5}, \#
        "lora_2": {"on": false, "lora": "red", "strength": 1}, "model": ["11", 0]
        """#,
        "11":
          #"CR LoRA Stack: "switch_1": "Off", "lora_name_1": "x", "switch_2": "On", "lora_name_2": "y", "m": ["12", 0]"#,
        "12": #"FreeU_V2: "b1": 1.3, "model": ["13", 0]"#, "13": #"CheckpointLoaderSimple: "ckpt_name": "x""#,
      ], ["seed": 7], notes: ["LoRA fur.safetensors, blue and y", "FreeU_V2"]),
    Case(
      graph: "what has no effect", ["model": #"["8", 0]"#, "clip": #"["9", 0]"#],
      [
        "8": #"ModelSamplingDiscrete: "sampling": "eps", "zsnr": false, "model": ["10", 0]"#,
        "9": #"CLIPSetLastLayer: "stop_at_clip_layer": -2"#,
        "10": #"RescaleCFG: "multiplier": 0, "model": ["11", 0]"#,
        "11": #"CheckpointLoaderSimple: "ckpt_name": "x""#,
      ], ["seed": 7]),
    Case(
      graph: "a picture to begin with", ["denoise": "0.5", "latent_image": #"["8", 0]"#],
      ["8": #"VAEEncode: "pixels": ["9", 0]"#, "9": #"LoadImage: "image": "x.png""#], ["seed": 7],
      notes: ["size was not found", "(LoadImage)", "(denoise 0.5)"]),
    Case(
      graph: "ids of a group, and texts in a circle",
      ["positive": #"["12:3", 0]"#, "negative": #"["12:4", 0]"#],
      [
        "12:3": #"CLIPTextEncode: "text": ["12:5", 0]"#, "12:5": #"PrimitiveString: "value": "a ghost""#,
        "12:4": #"CLIPTextEncode: "text": ["12:6", 0]"#,
        "12:6": #"StringConcatenate: "string_a": ["12:6", 0], "string_b": ["12:6", 0]"#,
      ], ["prompt": "a ghost"], notes: ["negative prompt was not found"]),
    Case(
      graph: "a node that writes a style into both texts",
      ["positive": #"["8", 0]"#, "negative": #"["9", 0]"#],
      [
        "8": #"CLIPTextEncode: "text": ["10", 0]"#, "9": #"CLIPTextEncode: "text": ["10", 1]"#,
        "10": #"SDXLPromptStyler: "text_positive": "a fox", "text_negative": "blurry", "style": "comic""#,
      ], ["prompt": "a fox", "negative": "blurry"], notes: ["the style comic"]),
    Case(
      graph: "texts that are joined in the order of their numbers", ["positive": #"["8", 0]"#],
      [
        "8": #"CLIPTextEncode: "text": ["9", 0]"#,
        "9": #"JoinStrings: "string10": "c", "string2": ["10", 0], "string1": "a", "delimiter": " ""#,
        "10": #"PrimitiveString: "value": "b""#,
      ], ["prompt": "a b c"]),
    Case(
      graph: "zeros in place of the negative prompt", ["negative": #"["8", 0]"#],
      ["8": #"ConditioningZeroOut: "conditioning": ["6", 0]"#], ["prompt": "a fox", "negative": .null]),
    Case(
      graph: "a node that applies a ControlNet to both sides",
      ["positive": #"["8", 0]"#, "negative": #"["8", 1]"#],
      ["8": #"ControlNetApplyAdvanced: "strength": 0.5, "positive": ["6", 0], "negative": ["7", 0]"#],
      ["prompt": "a fox", "negative": "ugly"], notes: ["ControlNetApplyAdvanced"]),
    Case(
      graph: "sizes that the prompt was encoded with", ["positive": #"["8", 0]"#],
      [
        "8": #"""
        CLIPTextEncodeSDXL: "width": 4096, "height": 4096, "crop_w": 0, "crop_h": 0, "target_width": 512, \#
        "target_height": 256, "text_g": "a fox", "text_l": "a fox"
        """#
      ], ["prompt": "a fox", "size": "512x256"], notes: ["the sizes that its prompt was encoded with"]),
    Case(
      graph: "no guidance", [:],
      [
        "3":
          #"SamplerCustomAdvanced: "noise": ["8", 0], "guider": ["9", 0], "sampler": ["10", 0], "sigmas": ["11", 0], "latent_image": ["5", 0]"#,
        "8": #"RandomNoise: "noise_seed": 4"#, "9": #"BasicGuider: "conditioning": ["6", 0]"#,
        "10": #"SamplerEulerAncestral: "eta": 1, "s_noise": 1"#,
        "11": #"SplitSigmas: "step": 3, "sigmas": ["12", 0]"#,
        "12": #"KarrasScheduler: "steps": 9, "rho": 7"#,
      ], ["prompt": "a fox", "negative": .null, "cfg": 1, "seed": 4, "steps": 9],
      notes: ["euler_ancestral with Karras' sigmas is not supported here", "(SplitSigmas)"]),
    Case(
      graph: "no sampler begins with noise: the one that the saved picture leads back to",
      ["latent_image": #"["20", 0]"#],
      [
        "20": #"LoadLatent: "latent": "x""#,
        "21":
          #"""
        KSampler: "seed": 8, "steps": 30, "cfg": 5, "sampler_name": "euler", "positive": ["6", 0], \#
        "negative": ["7", 0], "latent_image": ["20", 0]
        """#,
        "22": #"KSampler: "seed": 9, "steps": 30, "denoise": 0.5, "latent_image": ["21", 0]"#,
        "23": #"VAEDecode: "samples": ["22", 0]"#, "24": #"SaveImage: "images": ["23", 0]"#,
      ], ["seed": 8, "cfg": 5, "scheduler": "euler"],
      notes: [
        "(LoadLatent)", "size was not found", "a second pass, KSampler 22", "another sampler, KSampler 3",
      ]),
    Case(
      "a prompt that is no graph",
      [("prompt", "a fox"), ("parameters", "a wolf\nSteps: 8, Seed: 9, RNG: CPU")],
      ["prompt": "a wolf", "seed": 9]),
    Case(
      "the editor's graph, with a bypassed node",
      [
        (
          "workflow",
          #"""
          {"nodes": [{"id": 3, "type": "KSampler", "widgets_values": [5, "fixed", 14, 8, "euler", "karras", 1], \#
          "inputs": [{"name": "positive", "type": "CONDITIONING", "link": 1}, {"name": "negative", "type": \#
          "CONDITIONING", "link": 2}, {"name": "latent_image", "type": "LATENT", "link": 3}]}, \#
          {"id": 4, "type": "ControlNetApply", "mode": 4, "inputs": [{"name": "conditioning", "type": "CONDITIONING", \#
          "link": 4}]}, {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a fox"]}, \#
          {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["ugly"]}, \#
          {"id": 8, "type": "EmptyLatentImage", "widgets_values": [768, 512, 1]}], \#
          "links": [[1, 4, 0, 3, 1, "CONDITIONING"], [2, 7, 0, 3, 2, "CONDITIONING"], [3, 8, 0, 3, 3, "LATENT"], \#
          [4, 6, 0, 4, 0, "CONDITIONING"]]}
          """#
        )
      ],
      [
        "prompt": "a fox", "negative": "ugly", "seed": 5, "steps": 14, "cfg": 8, "size": "768x512",
        "scheduler": "euler_karras",
      ]),
  ]
}
