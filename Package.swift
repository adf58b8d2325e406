// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// `WARP_STRICT=1` turns every warning into an error; the Makefile and CI set it, users never need it.
let strict = Context.environment["WARP_STRICT"] != nil

let settings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// The libraries mark each unsafe use and say who guarantees its precondition.
let librarySettings: [SwiftSetting] = settings + [.strictMemorySafety()]

let package = Package(
  name: "warpkv",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "WarpFormat", targets: ["WarpFormat"]),
    .library(name: "WarpKV", targets: ["WarpKV"]),
    .executable(name: "warp-inspect", targets: ["warp-inspect"]),
    .executable(name: "warp-replay", targets: ["warp-replay"]),
  ],
  traits: [
    .trait(
      name: "Zstd",
      description: "Compress values with zstd (needs libzstd: apt-get install libzstd-dev pkg-config)"),
    .default(enabledTraits: []),
  ],
  dependencies: [
    // For the executables only; the two libraries depend on no package.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .brew(["zstd"]), .yum(["libzstd-devel"])]),
    .target(name: "CWarp"),
    .target(
      name: "WarpFormat",
      dependencies: ["CWarp", .target(name: "CZstd", condition: .when(traits: ["Zstd"]))],
      swiftSettings: librarySettings),
    .target(name: "WarpKV", dependencies: ["WarpFormat"], swiftSettings: librarySettings),
    // Traces of requests, and how a cache of any size would have served them; for the tools.
    .target(
      name: "WarpTrace", dependencies: ["WarpKV", .target(name: "CZstd", condition: .when(traits: ["Zstd"]))],
      swiftSettings: settings),
    .target(name: "CTerminal"),
    .executableTarget(
      name: "warp-inspect",
      dependencies: [
        "CTerminal", "WarpFormat", "WarpTrace", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .target(
      name: "ReplaySupport", dependencies: ["WarpTrace"],
      path: "Examples/Replay/Support", swiftSettings: settings),
    .executableTarget(
      name: "warp-replay",
      dependencies: [
        "WarpKV", "WarpFormat", "WarpTrace", "ReplaySupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Examples/Replay", exclude: ["Support", "Traces"], swiftSettings: settings),
    .executableTarget(
      name: "example-memo", dependencies: ["WarpKV"], path: "Examples/Memo", swiftSettings: settings),
    .executableTarget(
      name: "example-pool", dependencies: ["WarpKV"], path: "Examples/Pool", swiftSettings: settings),
    .executableTarget(
      name: "example-service", dependencies: ["WarpKV"], path: "Examples/Service", swiftSettings: settings),
    .target(name: "CTorture", path: "Tests/CTorture"),
    .executableTarget(
      name: "warp-torture",
      dependencies: [
        "CTorture", "WarpKV", "WarpTestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/warp-torture", swiftSettings: settings),
    .executableTarget(name: "warp-model", path: "Tests/warp-model", swiftSettings: settings),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .executableTarget(
      name: "warp-allocations", dependencies: ["CAllocations", "WarpKV", "WarpTestSupport"],
      path: "Tests/warp-allocations", swiftSettings: settings),
    .executableTarget(
      name: "make-fixtures", dependencies: ["WarpFormat", "WarpKV", "WarpTestSupport"], path: "Tests/make-fixtures",
      swiftSettings: settings),
    .target(
      name: "WarpTestSupport", dependencies: ["WarpFormat", "WarpKV"],
      path: "Tests/WarpTestSupport", swiftSettings: settings),
    .testTarget(
      name: "WarpFormatTests", dependencies: ["WarpFormat", "WarpTestSupport"],
      exclude: ["make_hash_vectors.py"], swiftSettings: settings),
    .testTarget(
      name: "WarpKVTests", dependencies: ["WarpKV", "WarpTestSupport"], swiftSettings: settings),
    .testTarget(
      name: "WarpInspectTests", dependencies: ["WarpTestSupport", "WarpTrace", "warp-inspect"],
      exclude: ["Snapshots"],
      swiftSettings: settings),
    .testTarget(
      name: "WarpReplayTests", dependencies: ["ReplaySupport", "WarpTrace", "WarpTestSupport"],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzz targets need Clang's libFuzzer at link time, so only Scripts/fuzz, which knows where it is, asks for them.
if Context.environment["WARP_FUZZ"] != nil {
  package.targets += [
    .target(name: "CFuzz", path: "Tests/CFuzz"),
    .executableTarget(
      name: "warp-fuzz", dependencies: ["CFuzz", "WarpKV", "WarpTestSupport"], path: "Tests/warp-fuzz",
      exclude: ["Corpus"], swiftSettings: settings),
  ]
}
