// swift-tools-version: 6.1
import PackageDescription

/// Every target is compiled alike: Swift 6, warnings are errors, and AVX2 with FMA (x86-64-v3).
/// Without them the kernels of `Tensors` run several times slower. The programs check the processor
/// at start.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .unsafeFlags(["-warnings-as-errors", "-Xcc", "-march=x86-64-v3"]),
]

/// Of tests and tools whose own loops are short: building them is most of what they cost.
let unoptimized = settings + [.unsafeFlags(["-Onone"])]

/// Tests that loop over many numbers or characters themselves.
let optimizedTests: Set = ["Tensors", "Tokenizer", "Pruning"]

/// The modules in the order in which they may import each other; see CONTRIBUTING.md.
let modules: [(name: String, imports: [Target.Dependency])] = [
    ("Posix", ["CLinux"]),
    ("Expressions", ["COniguruma"]),
    ("Tensors", ["COneDNN", "CLAPACK", "CLinux"]),
    ("Documents", ["CYAML", "Posix"]),
    ("Reports", ["Documents", "Posix"]),
    ("Checkpoint", ["Tensors", "Documents", "Posix"]),
    ("Tokenizer", ["Documents", "Expressions", "Posix", "CUtf8proc", "CZlib"]),
    ("Transformer", ["Tensors", "Checkpoint", "Documents", "Posix"]),
    ("Pruning", ["Tensors"]),
    ("Manifests", ["Documents", "Expressions", "Pruning", "Posix"]),
    (
        "Pipeline",
        [
            "Tensors", "Documents", "Expressions", "Checkpoint", "Tokenizer", "Transformer",
            "Pruning", "Manifests", "Reports", "Posix",
        ]
    ),
    ("Spool", ["Documents", "Manifests", "Reports", "Posix"]),
    (
        "Daemon",
        [
            "Spool", "Pipeline", "Tokenizer", "Manifests", "Reports", "Documents", "Posix",
            "CSystemd",
        ]
    ),
]

/// Of which modules the tests are built: all, or those in `STADE_TESTS=Pruning,Pipeline`.
let tested = modules.map(\.name).filter { name in
    guard let chosen = Context.environment["STADE_TESTS"] else { return true }
    return chosen.split(separator: ",").contains { $0 == name }
}

/// Files that the tests read from the source tree.
let testFiles = [
    "Tokenizer": ["Fixtures"], "Transformer": ["Fixtures"], "Pipeline": ["Fixtures", "Families"],
    "Manifests": ["Broken"], "Checkpoint": ["Fixtures"],
]

let package = Package(
    name: "stade",
    products: [
        .executable(name: "staded", targets: ["staded"]),
        .executable(name: "stadectl", targets: ["stadectl"]),
    ],
    targets: [
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1"),
        .systemLibrary(name: "COneDNN"),
        .systemLibrary(name: "CLAPACK"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "COniguruma", pkgConfig: "oniguruma"),
        .systemLibrary(name: "CUtf8proc"),
        .systemLibrary(name: "CLinux"),
    ]
        + modules.map { module in
            .target(name: module.name, dependencies: module.imports, swiftSettings: settings)
        }
        + modules.filter { tested.contains($0.name) }.map { module in
            .testTarget(
                name: "\(module.name)Tests",
                dependencies: [.byName(name: module.name), "TestSupport"] + module.imports,
                exclude: testFiles[module.name] ?? [],
                swiftSettings: optimizedTests.contains(module.name) ? settings : unoptimized)
        }
        + [
            // For tests alone; never installed.
            .target(
                name: "TestSupport", dependencies: ["Posix", "CZlib"], path: "Tests/TestSupport",
                swiftSettings: settings),
            .executableTarget(
                name: "staded", dependencies: ["Daemon", "Pipeline", "Spool"],
                swiftSettings: settings),
            .executableTarget(
                name: "stadectl", dependencies: ["Daemon", "Pipeline", "Spool"],
                swiftSettings: settings),
            // For 'make bench' alone; never installed.
            .executableTarget(
                name: "stade-bench",
                dependencies: [
                    "Tensors", "Checkpoint", "Transformer", "Pruning", "Pipeline", "Daemon",
                    "Documents", "Reports", "Posix",
                ],
                path: "Benchmarks/Sources", swiftSettings: settings),
            // For 'make fuzz' alone; never installed.
            .executableTarget(
                name: "stade-fuzz",
                dependencies: ["Documents", "Pipeline", "TestSupport", "Posix"],
                path: "Tests/Fuzz", swiftSettings: unoptimized),
        ]
)
