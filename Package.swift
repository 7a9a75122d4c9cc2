// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0
//
// The house, floor by floor (docs/architecture.md): a target depends only on floors below it, or on a sibling named here.
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

/// Programs that must start in a millisecond: nothing dynamic at all.
let fullyStatic: [LinkerSetting] = [.unsafeFlags(["-static-executable"])]

/// Programs with a command line: ArgumentParser brings FoundationEssentials, whose static parts must be named.
let commandLine: [LinkerSetting] =
  fullyStatic + [
    .linkedLibrary("_FoundationCollections"), .linkedLibrary("_FoundationCShims"), .linkedLibrary("swiftSynchronization"),
  ]

/// pause and init: Embedded Swift, no runtime, some hundred kilobytes.
let embedded: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-parse-as-library"]),
]
let embeddedLink: [LinkerSetting] = [
  .unsafeFlags(["-enable-experimental-feature", "Embedded", "-static-executable", "-Xlinker", "--gc-sections", "-Xlinker", "-s"])
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// A lab is an executable under Labs/NN-name, beside its lesson.
func lab(_ name: String, data: [String] = []) -> Target {
  .executableTarget(
    name: "lab-\(name)", dependencies: ["LabKit"], path: "Labs/\(name)", exclude: ["lesson.en.md", "lesson.zh.md"] + data,
    swiftSettings: strict, linkerSettings: fullyStatic)
}

let package = Package(
  name: "podlab",
  dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")],
  targets: [
    // 1 C
    .target(name: "CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"])]),
    .systemLibrary(name: "CYaml", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CNcurses", providers: [.apt(["libncurses-dev"])]),
    .systemLibrary(name: "CArchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSeccomp", providers: [.apt(["libseccomp-dev"])]),
    .systemLibrary(name: "CSsl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CNghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),

    // 2 language
    .target(name: "Manifest", dependencies: ["CYaml"], swiftSettings: strict),
    .target(
      name: "Recipes", path: "Recipes",
      resources: ["busybox", "debian", "nginx", "tomcat", "rsyslog", "registry"].map { .embedInCode("\($0).yaml") }, swiftSettings: strict),
    .target(name: "Kernel", dependencies: ["CLinux"], swiftSettings: strict),

    // 3 concepts
    .target(name: "PodEngine", dependencies: ["Manifest"], swiftSettings: strict),
    .target(name: "Images", dependencies: ["Kernel", "Manifest"], swiftSettings: strict),
    .target(name: "Runtime", dependencies: ["Kernel", "Images"], swiftSettings: strict),

    .target(name: "Seccomp", dependencies: ["Manifest", "Kernel", "CSeccomp"], swiftSettings: strict),

    // 4 tools
    .target(name: "Control", dependencies: ["Manifest", "Kernel", "PodEngine", "Images", "Runtime"], swiftSettings: strict),
    .target(name: "Supervisor", dependencies: ["Control", "PodEngine", "Runtime", "Images", "Manifest", "Kernel", "CNghttp2"], swiftSettings: strict),
    .target(name: "LabKit", dependencies: ["Control", "Manifest", "Kernel", "Runtime"], swiftSettings: strict),
    .target(name: "Grading", dependencies: ["LabKit", "Control", "Manifest", "Kernel", "Runtime"], swiftSettings: strict),
    .target(name: "Tutorial", dependencies: ["LabKit", "Grading", "CNcurses", "Kernel", "Manifest"], swiftSettings: strict),

    // 5 programs
    .executableTarget(
      name: "podctl", dependencies: ["Control", "Manifest", "Runtime", "Kernel", "Images", argumentParser], swiftSettings: strict,
      linkerSettings: commandLine),
    .executableTarget(
      name: "podlab-seccomp", dependencies: ["Seccomp", "Runtime", "Kernel"], swiftSettings: strict, linkerSettings: fullyStatic),
    .executableTarget(name: "podd", dependencies: ["Supervisor"], swiftSettings: strict, linkerSettings: fullyStatic),
    .executableTarget(
      name: "lab", dependencies: ["LabKit", "Grading", "Tutorial", "Control", "Images", "Kernel", "Manifest", argumentParser], swiftSettings: strict,
      linkerSettings: commandLine),
    .executableTarget(
      name: "podlab-image", dependencies: ["Control", "Images", "Recipes", "Kernel", "Manifest", "CArchive", "CCrypto", "CCurl"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-stdlib"])]),
    .executableTarget(name: "podlab-outside", dependencies: ["Kernel"], swiftSettings: strict, linkerSettings: fullyStatic),
    .executableTarget(name: "podlab-token", dependencies: ["Kernel", "Manifest", "CCrypto"], swiftSettings: strict, linkerSettings: fullyStatic),
    .executableTarget(name: "pause", dependencies: ["CLinux"], swiftSettings: embedded, linkerSettings: embeddedLink),
    .executableTarget(name: "podlab-forward", dependencies: ["CLinux"], swiftSettings: embedded, linkerSettings: embeddedLink),
    .executableTarget(name: "podlab-tls", dependencies: ["CSsl"], swiftSettings: embedded,
      linkerSettings: embeddedLink + [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .executableTarget(name: "init", dependencies: ["CLinux"], swiftSettings: embedded, linkerSettings: embeddedLink),
    lab("00-process-group"), lab("01-infra-container"), lab("02-shared-volume"), lab("03-sidecar"), lab("04-war-init"), lab("05-probes"), lab("06-lifecycle"), lab("07-projected-volume"), lab("08-pod-fields"), lab("09-image-pull-policy"), lab("10-resources"), lab("11-debug", data: ["faults"]),

    // tests: public API only (no @testable), so that one release build serves the programs and the tests
    .testTarget(name: "ManifestTests", dependencies: ["Manifest"], swiftSettings: strict),
    .testTarget(name: "KernelTests", dependencies: ["Kernel"], swiftSettings: strict),
    .testTarget(name: "PodEngineTests", dependencies: ["PodEngine", "Manifest"], swiftSettings: strict),
    .testTarget(name: "RuntimeTests", dependencies: ["Runtime", "Images", "Seccomp", "Kernel"], swiftSettings: strict),
    .testTarget(name: "ControlTests", dependencies: ["Control", "Supervisor", "Manifest", "Kernel"], swiftSettings: strict),
    .testTarget(name: "LabKitTests", dependencies: ["LabKit", "Grading", "Tutorial"], swiftSettings: strict),
  ]
)
