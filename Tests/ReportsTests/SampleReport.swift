import Documents
import Testing

@testable import Reports

/// What the tests of reports look at.
enum SampleReport {
    /// A report with everything in it: two blocks, three outputs, one layer without a bias.
    static let node: Node = {
        let roles = ["self_attn.q_proj", "mlp.down_proj"]
        let layers = (0..<4).map { index -> Node in
            var layer: Node = .object([
                "name": Node("model.layers.\(index / 2).\(roles[index % 2])"),
                "block": Node(index / 2), "rows": 64, "columns": 32, "method": "stade",
                "zeros": 1024, "sparsity": 0.5, "compensation": "affine",
                "bias_share": Node(0.1 + 0.05 * Double(index)),
                "bias": .object(["policy": "native", "added": Node(index != 3)]),
                "expected_error": Node(0.01 * Double(index + 1)),
                "measured_error": Node(0.008 * Double(index * index + 1)),
            ])
            if index == 3 { layer = layer.setting("reason", to: "no bias can be carried here") }
            return layer
        }
        let blocks = (0..<2).map { index -> Node in
            let tuning: Node = .object([
                "loss_before": Node(0.0625 * Double(index + 1)),
                "loss_after": Node(0.03125 * Double(index + 1)), "passes": Node(8 + index),
            ])
            return .object([
                "index": Node(index), "mse": Node(0.001 * Double(index + 1)),
                "cosine": Node(0.999 - 0.01 * Double(index)), "seconds": 1.25, "tuning": tuning,
            ])
        }
        let points = [
            (0.3, 2458, 21.5, 0.0061), (0.5, 4096, 23.25, 0.0125), (0.7, 5734, 61.0, 0.02),
        ]
        return .object([
            "version": 1,
            "job": .object(["id": "20260101-0001", "name": "<b>half & half</b>"]),
            "model": .object([
                "path": "/models/a\"b<script>", "family": "llama", "parameters": 12345,
            ]),
            "prune": .object([
                "method": "auto", "sparsity": 0.5, "sequential": true,
                "tune": .object(["passes": 10, "rate": 0.02, "held_out": 2]),
            ]),
            "calibration": .object(["source": "text.txt", "samples": 8]),
            "layers": Node(layers),
            "blocks": Node(blocks),
            "perplexity": .object([
                "dense": 20.8171875, "pruned": 23.25, "source": "wiki.txt", "tokens": 2047,
                "length": 2048, "dense_standard_error": 0.75, "pruned_standard_error": 0.875,
                "ratio_standard_error": 0.0125,
            ]),
            "fidelity": .object([
                "next_token_agreement": 0.8125, "agreement_standard_error": 0.003,
                "kl_divergence": 0.0625, "kl_standard_error": 0.001, "tokens": 2047,
            ]),
            "choices": .object([
                "source": "a&b.jsonl", "questions": 40,
                "dense": .object([
                    "acc": 0.625, "acc_standard_error": 0.0775, "acc_norm": 0.6,
                    "acc_norm_standard_error": 0.0784,
                ]),
                "pruned": .object([
                    "acc": 0.575, "acc_standard_error": 0.0791, "acc_norm": 0.55,
                    "acc_norm_standard_error": 0.0797,
                ]),
                "change": .object([
                    "acc": -0.05, "acc_standard_error": 0.035, "acc_norm": -0.051,
                    "acc_norm_standard_error": 0.036,
                ]),
            ]),
            "cost": .object([
                "weights": 8192, "zeros": 4096, "parameters_pruned": 12346, "bytes_dense": 40960,
                "bytes_pruned": 40964, "bytes_nonzero": 32768,
                "multiply_adds_per_token_dense": 9000, "multiply_adds_per_token_pruned": 4904,
            ]),
            "speed": .object([
                "dense_tokens_per_second": 1000.5, "pruned_tokens_per_second": 1200.25,
            ]),
            "resources": .object([
                "seconds": 12.5, "peak_memory_bytes": 104_857_600, "threads": 2,
                "precision": "float32",
            ]),
            "curve": Node(
                points.map {
                    .object([
                        "sparsity": Node($0.0), "output": Node("out-\($0.0)"),
                        "zeros": Node($0.1), "perplexity": Node($0.2),
                        "multiply_adds_per_token": Node(9000 - $0.1), "bytes": 40964,
                        "ratio_standard_error": Node($0.3),
                        "next_token_agreement": Node(1 - $0.3 * 8),
                        "agreement_standard_error": 0.004,
                        "kl_divergence": Node($0.3 * 3), "kl_standard_error": 0.0015,
                        "choices_change": .object([
                            "acc": Node(-$0.3 * 4), "acc_standard_error": 0.025, "acc_norm": -0.075,
                            "acc_norm_standard_error": 0.045,
                        ]),
                    ])
                }),
            "files_left_out": Node([.object(["path": "x.gguf", "reason": "other weights"])]),
        ])
    }()

    static func contents() throws -> ReportDocument {
        try #require(ReportDocument(node))
    }
}
