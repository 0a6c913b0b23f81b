import Pruning
import Testing

/// What each method comes to for a layer.
struct MethodTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let method: String
        var wanted: Compensation?
        var normalised = true
        var bias = true
        let metric: String
        let compensation: Compensation
        var reason: String?

        var testDescription: String {
            "\(method) \(wanted?.rawValue ?? "auto") normalised \(normalised) bias \(bias)"
        }
    }

    private static let none = "no bias can be carried here: "

    static let rows: [Row] = [
        Row(method: "auto", metric: "stade-shrunk", compensation: .affineShrunk),
        Row(
            method: "auto", bias: false, metric: "wanda", compensation: .scaleShrunk,
            reason: none + "stade-shrunk with affine-shrunk became wanda with scale-shrunk"),
        Row(
            method: "auto", wanted: Compensation.none, bias: false, metric: "wanda",
            compensation: .none, reason: none + "stade-shrunk with none became wanda with none"),
        Row(method: "auto", wanted: .mean, metric: "stade-shrunk", compensation: .mean),
        Row(
            method: "auto", wanted: .mean, bias: false, metric: "wanda", compensation: .none,
            reason: none + "stade-shrunk with mean became wanda with none"),
        Row(method: "stade", metric: "stade", compensation: .mean),
        Row(
            method: "stade", bias: false, metric: "wanda", compensation: .none,
            reason: none + "stade with mean became wanda with none"),
        Row(method: "stade", wanted: .affine, metric: "stade", compensation: .affine),
        Row(
            method: "stade", wanted: .affine, bias: false, metric: "wanda", compensation: .scale,
            reason: none + "stade with affine became wanda with scale"),
        Row(method: "stade", wanted: Compensation.none, metric: "stade", compensation: .none),
        Row(
            method: "stade", wanted: Compensation.none, bias: false, metric: "stade",
            compensation: .none),
        Row(
            method: "stade", wanted: .scale, bias: false, metric: "stade", compensation: .scale),
        Row(method: "stade-w", metric: "wanda", compensation: .none),
        Row(method: "stade-w", normalised: false, metric: "stade", compensation: .mean),
        Row(method: "stade-w", bias: false, metric: "wanda", compensation: .none),
        Row(
            method: "stade-w", normalised: false, bias: false, metric: "wanda",
            compensation: .none, reason: none + "stade with mean became wanda with none"),
        Row(method: "stade-w", wanted: .affine, metric: "wanda", compensation: .affine),
        Row(
            method: "stade-w", wanted: .affine, bias: false, metric: "wanda",
            compensation: .scale, reason: none + "affine became scale"),
        Row(method: "stade-star", bias: false, metric: "stade-star", compensation: .none),
        Row(
            method: "stade-star", wanted: .mean, bias: false, metric: "stade-star",
            compensation: .none, reason: none + "mean became none"),
        Row(method: "sparsegpt", bias: false, metric: "sparsegpt", compensation: .none),
        Row(method: "stade-obs", metric: "stade-obs", compensation: .mean),
        Row(
            method: "stade-obs", bias: false, metric: "sparsegpt", compensation: .none,
            reason: none + "stade-obs with mean became sparsegpt with none"),
        Row(method: "best", metric: "best", compensation: .affineShrunk),
        Row(
            method: "best", bias: false, metric: "best", compensation: .scaleShrunk,
            reason: none + "affine-shrunk became scale-shrunk"),
        Row(method: "wanda", metric: "wanda", compensation: .none),
        Row(method: "wanda", wanted: .scale, bias: false, metric: "wanda", compensation: .scale),
        Row(method: "wanda", wanted: .mean, metric: "wanda", compensation: .mean),
        Row(
            method: "wanda", wanted: .mean, bias: false, metric: "wanda", compensation: .none,
            reason: none + "mean became none"),
        Row(method: "magnitude", bias: false, metric: "magnitude", compensation: .none),
        Row(method: "magnitude", wanted: .affine, metric: "magnitude", compensation: .affine),
        Row(method: "random", metric: "random", compensation: .none),
    ]

    @Test(arguments: rows)
    func choose_followsTheTable(_ row: Row) throws {
        let method = try #require(Method.named(row.method))
        let choice = method.choose(
            for: Method.Layer(inputIsNormalised: row.normalised, carriesBias: row.bias),
            compensation: row.wanted)
        #expect(choice.metric.name == row.metric)
        #expect(choice.compensation == row.compensation)
        #expect(choice.reason == row.reason)
        // Nothing that needs a bias ever comes out where there is none.
        #expect(row.bias || !choice.compensation.needsBias)
    }

    @Test func needsStatistics_isWhatTheTableSays() throws {
        for method in Method.all {
            let needs = !["magnitude", "random"].contains(method.name)
            #expect(method.needsStatistics(compensation: nil) == needs, "\(method.name)")
            #expect(method.needsStatistics(compensation: Compensation.none) == needs)
            #expect(method.needsStatistics(compensation: .scale))
            #expect(method.needsStatistics(compensation: .mean))
        }
    }

    /// What a method says of itself is what its metrics need, whatever the layer.
    @Test func properties_areThoseOfTheMetrics() {
        for method in Method.all {
            for (normalised, bias) in [(true, true), (true, false), (false, true), (false, false)] {
                let layer = Method.Layer(inputIsNormalised: normalised, carriesBias: bias)
                let choice = method.choose(for: layer, compensation: nil)
                #expect((choice.metric.solver != nil) == method.isSolved, "\(method.name)")
                #expect(choice.metric.needsStatistics == (method.input != .weights))
                #expect(method.input != .weights || choice.compensation == .none)
                let whole = method.forChannels(size: 2).choose(for: layer, compensation: nil)
                let eliminates = whole.metric.solver == .elimination(size: 2)
                #expect(eliminates == (method.channels == .eliminated), "\(method.name)")
                #expect(!method.removesChannels || eliminates == (whole.metric.solver != nil))
            }
        }
        #expect(Method.all.filter(\.isDrawn).map(\.name) == ["random"])
    }

    @Test func names_areUnique() {
        #expect(Set(Method.all.map(\.name)).count == Method.all.count)
        #expect(Method.named("STADE") == nil && Method.named("") == nil)
    }
}
