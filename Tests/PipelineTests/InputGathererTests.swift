import Pruning
import Tensors
import Testing

@testable import Pipeline
@testable import Transformer

/// What is gathered of inputs, tap by tap.
struct InputGathererTests {
    private let windows = TokenWindows(tokens: [Int32](repeating: 0, count: 600), length: 300)

    /// Inputs of each tile, the same for any order.
    private func input(_ tile: Tile, features: Int, offset: Float) -> Matrix {
        let matrix = Matrix(rows: tile.rows.count, columns: features)
        for row in 0..<matrix.rows {
            for column in 0..<features {
                let place = (tile.sequence * 300 + tile.rows.lowerBound + row) * features + column
                matrix.view[row, column] = Float(place * 7 % 23) + offset
            }
        }
        return matrix
    }

    private let taps = [Tap(.attention), Tap(.output), Tap(.feedForward), Tap(.down)]

    private var tiles: [Tile] {
        (0..<4).map { index in
            let start = index % 2 * 256
            return Tile(sequence: index / 2, rows: start..<min(300, start + 256), index: index)
        }
    }

    private func gather(_ needs: [Tap: InputNeeds], _ tiles: [Tile]) -> [Tap: Statistics] {
        let gatherer = InputGatherer(needs, windows)
        for tile in tiles {
            for (number, tap) in taps.enumerated() {
                let matrix = input(tile, features: 8 + number, offset: Float(number))
                gatherer.add(tap, matrix.view, tile)
            }
        }
        return gatherer.finish()
    }

    private func choice(_ method: String) throws -> Method.Choice {
        try #require(Method.named(method)).choose(
            for: Method.Layer(inputIsNormalised: true, carriesBias: true), compensation: nil)
    }

    @Test func eachTap_getsWhatItNeeds() throws {
        var needs = [
            Tap(.attention): InputNeeds(features: 8), Tap(.output): InputNeeds(features: 9),
            Tap(.down): InputNeeds(features: 11),
        ]
        needs[Tap(.output)]?.add(try choice("wanda"))
        needs[Tap(.down)]?.add(try choice("wanda"))
        needs[Tap(.down)]?.add(try choice("best"))
        let found = gather(needs, tiles)
        // What nobody needs is not there.
        #expect(Set(found.keys) == Set(needs.keys))
        let (sums, sketched, solved) = (
            found[Tap(.attention)], found[Tap(.output)], found[Tap(.down)]
        )
        #expect(sums?.tokens == 600 && sums?.mean.count == 8)
        #expect(sums?.sketch == nil && sums?.sample == nil && sums?.covariance == nil)
        #expect(sketched?.sketch != nil && sketched?.sample == nil && sketched?.covariance == nil)
        #expect(solved?.sketch != nil && solved?.covariance != nil)
        #expect(solved?.sample?.rows.rows == 600 && solved?.sample?.rows.columns == 11)
        for (number, tap) in taps.enumerated() {
            guard let statistics = found[tap] else { continue }
            var all = Moments(features: 8 + number)
            for tile in tiles {
                let matrix = input(tile, features: 8 + number, offset: Float(number))
                all.add(matrix.view)
            }
            for (mean, sum) in zip(statistics.mean, all.sum) {
                #expect(abs(mean - sum / 600) < 1e-5)
            }
        }
    }

    @Test func orderOfTiles_changesNoBit() throws {
        var needs = InputNeeds(features: 8)
        needs.add(try choice("best"))
        let first = try #require(gather([Tap(.attention): needs], tiles)[Tap(.attention)])
        for order in [[3, 2, 1, 0], [1, 3, 0, 2]] {
            let other = try #require(
                gather([Tap(.attention): needs], order.map { tiles[$0] })[Tap(.attention)])
            #expect(other.mean == first.mean && other.variance == first.variance)
            #expect(other.norm2 == first.norm2)
            let (one, two) = (try #require(first.sample).rows, try #require(other.sample).rows)
            for row in 0..<one.rows {
                for column in 0..<8 { #expect(one.view[row, column] == two.view[row, column]) }
            }
        }
    }

    /// The memory plan counts by the same values what is allocated by them.
    @Test func bytes_followWhatIsGathered() throws {
        let amount = InputNeeds.Amount(windows)
        #expect(amount.sampleRows == 600 && amount.tileRows == 256 && amount.groups > 0)
        var needs = InputNeeds(features: 8)
        #expect(needs.bytes(amount, threads: 2) == 0)
        needs.add(try choice("wanda"))
        let sketch = InputSketch.bytes(groups: amount.groups, features: 8)
        #expect(needs.bytes(amount, threads: 2) == sketch)
        needs.add(try choice("sparsegpt"))
        let products = CovarianceSum.bytes(features: 8, rows: 256, threads: 2)
        #expect(needs.bytes(amount, threads: 2) == sketch + products)
        needs.add(try choice("best"))
        #expect(needs.bytes(amount, threads: 2) == sketch + products + 4 * 600 * 8)
        #expect(InputNeeds.Amount(nil).groups == 0 && InputNeeds.Amount(nil).sampleRows == 0)
    }
}
