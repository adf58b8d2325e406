// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// `WARP_STRICT=1` turns every warning into an error, as in the main package.
let strict = Context.environment["WARP_STRICT"] != nil

let settings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
  name: "warpkv-benchmarks",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "compare", targets: ["compare"]),
    .executable(name: "instructions", targets: ["instructions"]),
  ],
  dependencies: [
    .package(name: "warpkv", path: "..", traits: ["Zstd"]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    // What a get and a put cost at least: the specification's steps in C.
    .target(name: "CLimit"),
    // Other stores. Their libraries are looked for when the program runs, so it builds without them.
    .target(name: "CPeers", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .executableTarget(
      name: "compare",
      dependencies: [
        "CLimit", "CPeers", .product(name: "WarpKV", package: "warpkv"),
        .product(name: "WarpFormat", package: "warpkv"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "instructions", dependencies: ["CLimit", .product(name: "WarpKV", package: "warpkv")],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
