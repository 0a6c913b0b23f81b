import Pruning
import TestSupport
import Testing
import Transformer

@testable import Pipeline

/// Groups of experts by what is gathered of their inputs.
struct ExpertLimitTests {
    @Test(arguments: 0..<20)
    func groups_areWithinTheLimit(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let experts = 1 + Int(random.next() % 128)
        let bytes = (0..<experts).map { _ in Int(random.next() % 1000) }
        let limit = ExpertLimit(
            count: 1 + Int(random.next() % 16), inputBytes: 1000 + Int(random.next() % 4000))
        var first = 0
        while first < experts {
            let group = limit.group(from: first, of: experts) { bytes[$0] }
            #expect(group.lowerBound == first && !group.isEmpty && group.upperBound <= experts)
            #expect(group.count <= limit.count)
            #expect(group.reduce(0) { $0 + bytes[$1] } <= limit.inputBytes)
            // As many as may be.
            if group.upperBound < experts, group.count < limit.count {
                #expect(group.reduce(bytes[group.upperBound]) { $0 + bytes[$1] } > limit.inputBytes)
            }
            first = group.upperBound
        }
    }

    /// No number of tokens takes more than the plan has for one expert.
    @Test(arguments: [100, 300, 777, 5000], [Stage.feedForward, .down])
    func plan_countsTheMost(_ tokens: Int, _ stage: Stage) throws {
        let inputs = ExpertInputs(tokens: tokens, threads: 2)
        var needs = InputNeeds(features: 256)
        let method = try #require(Method.named("wanda"))
        needs.add(
            method.choose(
                for: Method.Layer(inputIsNormalised: true, carriesBias: false),
                compensation: .scale))
        for served in 0...tokens {
            #expect(inputs.bytes(needs, stage, served: served) <= inputs.mostBytes(needs, stage))
        }
    }
}
