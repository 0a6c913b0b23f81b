import Checkpoint
import Documents
import Manifests
import Posix
import Pruning
import Tensors
import Tokenizer
import Transformer

/// What a model is and what can be done to it, without a manifest.
package struct Inspection {
    /// For programs.
    package let node: Node

    /// Patterns that are tried; any N:M does whose M divides a layer's columns.
    private static let patterns = ["unstructured", "2:4", "4:8", "channels", "blocks", "experts"]

    /// - Throws: what a job would throw for this model.
    package init(_ path: String, _ paths: Roots) throws {
        let directory = try ModelPath.directory(path, paths)
        let checkpoint = try Checkpoint(
            directory: directory.path, followSymlinks: paths.followSymlinks, opened: directory)
        let model = try Model(checkpoint)
        let manifest = Self.manifest(checkpoint.directory, model)
        node = .object([
            "path": Node(checkpoint.directory),
            "family": Node(model.architecture.name),
            "warnings": Node(checkpoint.warnings.map { Node($0) }),
            "files": Node(checkpoint.shards.count),
            "parameters": Node(model.parameters),
            "bytes": Node(checkpoint.bytes),
            "dtypes": Self.types(checkpoint),
            "sizes": Self.sizes(model),
            "tokenizer": Self.tokenizer(model, paths),
            "layers": Self.layers(model),
            "patterns": Self.patterns(model, manifest),
            "plan": Self.plan(model, manifest),
        ])
    }

    /// A job as it is where its manifest says nothing.
    private static func manifest(_ directory: String, _ model: Model) -> Manifest {
        var manifest = Manifest(name: "inspect", model: directory, output: "output")
        var calibration = Manifest.Calibration(source: .text("text"))
        calibration.length = min(
            calibration.length, model.configuration.maxPositionEmbeddings)
        manifest.calibration = calibration
        return manifest
    }

    /// Tensors, elements and bytes of each type.
    private static func types(_ checkpoint: Checkpoint) -> Node {
        Node(
            ElementType.allCases.compactMap { type -> Node? in
                let tensors = checkpoint.tensors.filter { $0.type == type }
                if tensors.isEmpty { return nil }
                return .object([
                    "dtype": Node(type.rawValue), "tensors": Node(tensors.count),
                    "elements": Node(tensors.reduce(0) { $0 + $1.count }),
                    "bytes": Node(tensors.reduce(0) { $0 + $1.byteCount }),
                ])
            })
    }

    /// Named as in `config.json` of most families.
    private static func sizes(_ model: Model) -> Node {
        let configuration = model.configuration
        return .object([
            "num_hidden_layers": Node(configuration.numHiddenLayers),
            "hidden_size": Node(configuration.hiddenSize),
            "intermediate_size": Node(configuration.intermediateSize),
            "num_attention_heads": Node(configuration.numAttentionHeads),
            "num_key_value_heads": Node(configuration.numKeyValueHeads),
            "head_dim": Node(configuration.headDim),
            "vocab_size": Node(configuration.vocabSize),
            "longest_sequence": Node(configuration.maxPositionEmbeddings),
            "tie_word_embeddings": Node(configuration.tieWordEmbeddings),
        ])
    }

    private static func tokenizer(_ model: Model, _ paths: Roots) -> Node {
        do {
            let checkpoint = model.checkpoint
            let tokenizer = try ModelTokenizer.load(
                checkpoint.directory, opened: checkpoint.opened, family: model.architecture.name,
                checkpoint.config, paths, memory: nil)
            return .object(["vocabulary": Node(tokenizer.vocabularySize)])
        } catch {
            return .object(["error": Node((error as? any Failure)?.description ?? "\(error)")])
        }
    }

    /// One for all layers that differ in nothing but their block and expert.
    private static func layers(_ model: Model) -> Node {
        let biases = BiasPlan(
            model, wanted: Set(Role.allCases), allowsNative: true, allowsRelabel: true)
        var order: [String] = []
        var found: [String: (node: Node, count: Int)] = [:]
        for block in model.blocks {
            for key in model.layers(block: block) {
                let shape = model.shape(key, block: block)
                let name = model.layerName(key, block: block).split(separator: ".").map {
                    $0.utf8.allSatisfy { (0x30...0x39).contains($0) } ? "*" : String($0)
                }.joined(separator: ".")
                let policy = biases.policy(key)
                let id = "\(name) \(shape) \(policy.rawValue)"
                if found[id] == nil {
                    order.append(id)
                    let patterns = patterns.compactMap { Pattern($0) }.filter {
                        allows($0, columns: shape.columns)
                    }
                    found[id] = (
                        .object([
                            "name": Node(name), "rows": Node(shape.rows),
                            "columns": Node(shape.columns), "bias": Node(policy.rawValue),
                            "has_bias": Node(model.hasBias(key, block: block)),
                            "patterns": Node(patterns.map { Node($0.description) }),
                        ]), 0
                    )
                }
                found[id]?.count += 1
            }
        }
        return Node(
            order.compactMap { id in
                found[id].map { $0.node.setting("layers", to: Node($0.count)) }
            })
    }

    private static func allows(_ pattern: Pattern, columns: Int) -> Bool {
        switch pattern {
        case .unstructured: true
        case .groups(_, let group): columns % group == 0
        // Not a layer's own matter.
        case .channels, .blocks, .experts: false
        }
    }

    /// Those that the whole model allows, and why not the others.
    private static func patterns(_ model: Model, _ manifest: Manifest) -> Node {
        Node(
            patterns.compactMap { Pattern($0) }.filter {
                $0 != .experts || model.hasExperts
            }.map { pattern in
                var manifest = manifest
                manifest.prune.pattern = pattern
                let name = ("pattern", Node(pattern.description))
                do {
                    _ = try Planner.treatments(model, manifest)
                    return Node(object: [name, ("allowed", true)])
                } catch {
                    let reason = (error as? any Failure)?.description ?? "\(error)"
                    return Node(object: [name, ("allowed", false), ("reason", Node(reason))])
                }
            })
    }

    /// What a job takes on this machine whose manifest says nothing but paths.
    private static func plan(_ model: Model, _ manifest: Manifest) -> Node {
        do {
            let treatments = try Planner.treatments(model, manifest)
            let windows = manifest.calibration.map {
                TokenWindows(
                    tokens: [Int32](repeating: 0, count: $0.samples * $0.length),
                    length: $0.length)
            }
            let memory = try MemoryPlan(
                model: model, sweeps: [treatments.joined().map(\.layers)], calibration: windows,
                evaluation: nil, order: manifest.prune.order, reading: 0,
                allocation: manifest.prune.allocation,
                keepsStatistics: false, precision: .automatic, threads: availableProcessors,
                limit: physicalMemory, place: model.checkpoint.directory)
            let disk = treatments.joined().reduce(memory.scratchBytes) {
                $0.addingReportingOverflow($1.layout.bytes).partialValue
            }
            return .object([
                "samples": Node(windows?.count ?? 0), "length": Node(windows?.length ?? 0),
                "threads": Node(memory.threads), "memory_bytes": Node(memory.bytes),
                "disk_bytes": Node(disk), "scratch_bytes": Node(memory.scratchBytes),
            ])
        } catch {
            return .object(["error": Node((error as? any Failure)?.description ?? "\(error)")])
        }
    }
}
