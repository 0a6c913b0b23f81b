import Documents
import Glibc
import Posix
import Reports
import Testing

@testable import Pipeline

/// Losses whose exponential no number holds: the same words wherever people read them.
struct JobLossTests {
    /// Multiplies the head, so that the largest of its values is `largest`.
    private func place(head largest: Float) throws -> Workplace {
        let place = try Workplace()
        try place.store(
            place.tensors().map { tensor in
                guard tensor.name == "lm_head.weight" else { return tensor }
                var values = tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
                // Multiplied last: the ratio of both may be too large for a number.
                let most = values.map { abs($0) }.max() ?? 1
                for index in values.indices { values[index] = values[index] / most * largest }
                return (tensor.name, tensor.type, tensor.shape, bytes(values, .float32))
            })
        return place
    }

    /// Everything that a person reads has no trace of a number that is none.
    private func expectWords(_ place: Workplace, _ output: String, _ words: String) throws {
        for file in ["stade-report.json", "stade-report.html", "README.md"] {
            let text = String(decoding: try readFile(place["\(output)/\(file)"]), as: UTF8.self)
            #expect(text.contains(words), "\(file) lacks '\(words)'")
            let found = text.lowercased().matches(of: /\b(nan|inf)\b/)
            #expect(found.isEmpty, "\(file) has \(found.map { String($0.output.0) })")
        }
    }

    @Test func loss_isANumberBesideEachPerplexity() throws {
        let place = try Workplace()
        try place.run(
            "prune: {sparsity: [0.3, 0.6]}\n" + Workplace.calibration + Workplace.evaluation)
        for output in ["out-0.3", "out-0.6"] {
            let report = try place.report(output)
            let measured = try #require(report["perplexity"])
            for name in ["dense", "pruned"] {
                let value = try #require(measured[name]?.double)
                let loss = try #require(measured["\(name)_loss"]?.double)
                let error = try #require(measured["\(name)_loss_standard_error"]?.double)
                #expect(abs(exp(loss) / value - 1) < 1e-9)
                let wide = try #require(measured["\(name)_standard_error"]?.double)
                #expect(abs(error * value / wide - 1) < 1e-9)
                #expect(measured["\(name)_text"] == nil)
            }
        }
        let curve = try #require(place.report("out-0.3")["curve"]?.array)
        #expect(curve.count == 2)
        for point in curve {
            let loss = try #require(point["loss"]?.double)
            #expect(abs(exp(loss) / (point["perplexity"]?.double ?? 0) - 1) < 1e-9)
        }
    }

    @Test func loss_beyond709_isToldInWords() throws {
        let place = try place(head: 1e7)
        try place.run(
            "prune: {sparsity: [0.3, 0.6]}\n" + Workplace.calibration + Workplace.evaluation)
        for output in ["out-0.3", "out-0.6"] {
            let measured = try #require(place.report(output)["perplexity"])
            for name in ["dense", "pruned"] {
                #expect(measured[name]?.isNull == true)
                #expect(try #require(measured["\(name)_loss"]?.double) > 709.8)
                let words = try #require(measured["\(name)_text"]?.string)
                #expect(words.hasPrefix("over 1.8e308 (loss ") && words.hasSuffix(" nats)"))
                try expectWords(place, output, words)
            }
            #expect(measured["dense_standard_error"]?.isNull == true)
        }
        let curve = try #require(place.report("out-0.3")["curve"]?.array)
        for point in curve {
            #expect(try #require(point["loss"]?.double) > 709.8)
            #expect(point["perplexity_text"]?.string?.hasPrefix("over 1.8e308") == true)
        }
    }

    /// Finite weights whose logits overflow: not even the loss is a number.
    @Test func loss_thatIsNone_isToldInWords() throws {
        let place = try place(head: 3e38)
        try place.run("prune: {}\n" + Workplace.calibration + Workplace.evaluation)
        let measured = try #require(place.report()["perplexity"])
        for name in ["dense", "pruned"] {
            #expect(measured[name]?.isNull == true && measured["\(name)_loss"]?.isNull == true)
            #expect(measured["\(name)_text"]?.string == "not finite")
        }
        try expectWords(place, "out", "not finite")
    }

    @Test func resumedComparison_keepsItsWords() throws {
        var comparison = Comparison()
        for (loss, value) in [(800.0, Double.infinity), (.nan, .nan), (3, 20.08553692318767)] {
            comparison.perplexity = .init(
                dense: value, pruned: value, denseError: nil, prunedError: nil,
                denseLoss: Estimate(mean: loss, standardError: 1),
                prunedLoss: Estimate(mean: loss, standardError: nil), ratioError: nil)
            let node = try JSON.parse(JSON.encode(comparison.node), file: "")
            let again = try #require(Comparison(coded: node))
            #expect(text(again.node) == text(comparison.node))
        }
    }
}
