import Testing

@testable import Transformer

struct LayerKeyTests {
    @Test func order_isThatOfTheForwardPass() {
        let ordered = [
            LayerKey(.query), LayerKey(.key), LayerKey(.value), LayerKey(.output),
            LayerKey(.gate), LayerKey(.up), LayerKey(.down),
            LayerKey(.gate, expert: 0), LayerKey(.down, expert: 0),
            LayerKey(.gate, expert: 1), LayerKey(.up, expert: 1), LayerKey(.down, expert: 1),
            LayerKey(.gate, expert: 10),
        ]
        #expect(ordered.shuffled().sorted() == ordered)
    }

    @Test func taps_areSharedByWhatReadsTheSameInput() {
        #expect(LayerKey(.gate, expert: 2).tap == LayerKey(.up, expert: 2).tap)
        #expect(LayerKey(.gate, expert: 2).tap != LayerKey(.gate, expert: 3).tap)
        #expect(LayerKey(.gate, expert: 0).tap != LayerKey(.gate).tap)
        #expect(LayerKey(.query).tap == LayerKey(.queryKeyValue).tap)
        let taps = [Tap(.attention), Tap(.output), Tap(.feedForward), Tap(.down)]
        #expect(taps.reversed().sorted() == taps)
        #expect(Tap(.feedForward, expert: 9) < Tap(.down, expert: 0))
    }

    @Test func experts_areNamedByTheirNumbers() {
        var names = Architecture.Names.llama
        #expect(names.layer(LayerKey(.up)) == "mlp.up_proj")
        #expect(names.layer(LayerKey(.up, expert: 0)) == nil)
        names.experts = Architecture.Names.Experts(
            prefix: "mlp.experts", layers: [.gate: "gate_proj", .down: "down_proj"])
        #expect(names.layer(LayerKey(.gate, expert: 12)) == "mlp.experts.12.gate_proj")
        #expect(names.layer(LayerKey(.up, expert: 12)) == nil)
        #expect(names.layer(LayerKey(.gate)) == "mlp.gate_proj")
    }
}
