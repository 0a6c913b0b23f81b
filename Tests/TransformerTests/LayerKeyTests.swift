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
}
