import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Takes all hidden states through a block with a mixture of experts, and prunes it for every
    /// lane: first what all tokens go through, then the experts, a few at a time, so that neither
    /// the experts of a block nor what is known of their inputs are ever whole in memory.
    func runMixture(
        _ index: Int, states: HiddenStates?, dense: [HiddenStates], pruned: [[HiddenStates]],
        observers: [SweepObserver]
    ) throws {
        let clock = ContinuousClock.now
        var run = try MixtureRun(self, index, states: states)
        for (number, observer) in observers.enumerated() {
            try observer.begin(index)
            let block = try model.loadBlock(index, input: precision.input, pool: pool)
            if number == 0 {
                try run.measure(block, states, dense: measuresDense ? dense : [], observer)
            }
            try prune(
                block.layers, lanes[number].layers[index].filter { $0.key.expert == nil },
                lanes[number], statistics: run.statistics, observer: observer)
            try block.pack(pool: pool)
            try run.move(block, states, pruned: pruned[number], lane: number, observer)
            run.norms = block.withoutLayers
            try observer.settle()
        }
        run.statistics = [:]
        let experts = model.configuration.mixture?.experts ?? 0
        let tensors = model.expertTensors(block: index)
        for first in stride(from: 0, to: experts, by: expertsAtOnce) {
            let group = first..<min(first + expertsAtOnce, experts)
            try runExperts(group, &run, observers, tensors)
        }
        let differences = try run.finish(states, dense: dense, pruned: pruned, observers)
        let seconds = (ContinuousClock.now - clock) / .seconds(1)
        for observer in observers {
            try observer.block(
                BlockResult(
                    index: index, difference: differences,
                    meanSquaredError: differences?.meanSquaredError, seconds: seconds,
                    denseSeconds: run.seconds[.denseEvaluation],
                    prunedSeconds: run.seconds[.prunedEvaluation]))
        }
    }

    /// Some experts: what they read, dense and pruned, what they make of all streams, and what is
    /// left of them.
    private func runExperts(
        _ experts: Range<Int>, _ run: inout MixtureRun, _ observers: [SweepObserver],
        _ tensors: [[String]]
    ) throws {
        let index = run.index
        if experts.upperBound < tensors.count {
            let checkpoint = model.checkpoint
            let end = min(tensors.count, experts.upperBound + experts.count)
            let next = tensors[experts.upperBound..<end]
            reading.async {
                for name in next.joined() { checkpoint.tensor(named: name)?.readAhead() }
            }
        }
        var measured = ExpertStatistics()
        for (number, observer) in observers.enumerated() {
            let group = try model.loadExperts(
                experts, block: index, input: precision.input, pool: pool)
            if number == 0 {
                measured = try measureExperts(group, &run, observer)
                try run.advance(run.dense, through: group, observer)
            }
            try prune(
                group.layers,
                lanes[number].layers[index].filter { $0.key.expert.map(experts.contains) ?? false },
                lanes[number], statistics: measured.statistics, pooled: measured.pooled,
                tokens: measured.tokens, observer: observer)
            try group.pack(pool: pool)
            try run.advance(run.pruned[number], through: group, observer)
            try observer.settle()
        }
    }
}

/// What is known of the inputs of some experts.
struct ExpertStatistics {
    var statistics: [Tap: Statistics] = [:]
    /// Of all tokens of the block, for the expert serves fewer than the input has features.
    var pooled: Set<Tap> = []
    /// How many tokens each expert serves.
    var tokens: [Int: Int] = [:]
}
