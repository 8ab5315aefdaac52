// swift-tools-version: 6.1
import PackageDescription

// The floors of the house, lowest first; each target imports only those above it in this list.
let package = Package(
  name: "ssd1b",
  products: [
    .executable(name: "ssd1b", targets: ["ssd1b"]),
    .executable(name: "ssd1b-bench", targets: ["ssd1b-bench"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    // C: shims around system libraries, and the kernels neither library has.
    .target(name: "CCrypto", linkerSettings: [.linkedLibrary("crypto")]),
    .target(name: "CProcess"),
    .target(name: "CLibEdit", dependencies: ["CProcess"], linkerSettings: [.linkedLibrary("edit")]),
    .target(name: "CLibPNG", linkerSettings: [.linkedLibrary("png")]),
    .target(name: "COpenBLAS"),
    .target(name: "COneDNN"),
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
    .target(
      name: "CEmbeddedModel", exclude: ["README.md", "adapters", "contact-sheet.png", "model", "report.json"]),

    .target(name: "Base", dependencies: ["CCrypto", "CProcess"]),
    .target(name: "Graph", dependencies: ["Base"]),
    .target(name: "Checkpoints", dependencies: ["Base"]),
    .target(name: "Imaging", dependencies: ["Base", "CLibPNG"]),
    .target(name: "Kernels", dependencies: ["Base", "Graph", "CKernels", "COpenBLAS", "COneDNN"]),
    // What tests check and the benchmark times.
    .target(name: "KernelCases", dependencies: ["Graph", "Kernels"]),
    .target(name: "Models", dependencies: ["Base", "Graph"]),
    .target(name: "Runtime", dependencies: ["Base", "Graph", "Checkpoints", "Kernels"]),
    .target(name: "Diffusion", dependencies: ["Base", "Graph", "Checkpoints", "Models", "Runtime"]),
    .target(
      name: "Inspection", dependencies: ["Base", "Graph", "Checkpoints", "Kernels", "Models", "Imaging"]),
    .target(name: "Terminal", dependencies: ["Base", "CLibEdit", "Imaging"]),
    .target(name: "Shell", dependencies: ["Base"]),
    .target(name: "EmbeddedModel", dependencies: ["Base", "Checkpoints", "CEmbeddedModel"]),
    .executableTarget(
      name: "ssd1b",
      dependencies: [
        "Base", "Graph", "Checkpoints", "Kernels", "Models", "Runtime", "Diffusion", "Inspection",
        "Imaging", "Terminal", "Shell", "EmbeddedModel",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["COMMANDS.md", "ssd1b.1", "record.schema.json"]),
    .executableTarget(
      name: "ssd1b-bench",
      dependencies: [
        "Base", "CKernels", "Graph", "Checkpoints", "Kernels", "Models", "Runtime", "Diffusion",
        "EmbeddedModel",
        "KernelCases",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["README.md"]),

    .testTarget(name: "GraphTests", dependencies: ["Base", "Graph", "Models"]),
    .testTarget(name: "ModelsTests", dependencies: ["Base", "Graph", "Models"]),
    .testTarget(name: "CheckpointsTests", dependencies: ["Base", "Checkpoints"]),
    .testTarget(
      name: "KernelsTests",
      dependencies: ["Base", "Graph", "CKernels", "Kernels", "KernelCases", "Checkpoints"]),
    .testTarget(
      name: "RuntimeTests",
      dependencies: ["Base", "Checkpoints", "Graph", "HollowCheckpoint", "Kernels", "Models", "Runtime"]),
    .testTarget(
      name: "DiffusionTests",
      dependencies: ["Base", "Graph", "Checkpoints", "Kernels", "Models", "Runtime", "Diffusion", "Imaging"]),
    .testTarget(
      name: "InspectionTests",
      dependencies: [
        "Base", "Graph", "Checkpoints", "Kernels", "Models", "Imaging", "Inspection", "HollowCheckpoint",
      ]),
    .testTarget(name: "ImagingTests", dependencies: ["Base", "Imaging", "RandomNumbers"]),
    .testTarget(
      name: "TerminalTests", dependencies: ["Base", "CLibEdit", "Imaging", "PseudoTerminal", "Terminal"]),
    .testTarget(name: "ShellTests", dependencies: ["Base", "RandomNumbers", "Shell"]),
    .testTarget(
      name: "SSD1BTests",
      dependencies: [
        "Base", "Graph", "Checkpoints", "Models", "Imaging", "PseudoTerminal", "HollowCheckpoint",
        "RandomNumbers",
        "ssd1b",
      ]),
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "Base", "Checkpoints", "Diffusion", "Graph", "Imaging", "Inspection", "Models", "RandomNumbers",
        "Shell",
        "Terminal",
      ]),
    .target(name: "RandomNumbers", path: "Tests/RandomNumbers"),
    .target(name: "PseudoTerminal", path: "Tests/PseudoTerminal"),
    .target(name: "HollowCheckpoint", dependencies: ["Base"], path: "Tests/HollowCheckpoint"),
  ],
  swiftLanguageModes: [.v6]
)
