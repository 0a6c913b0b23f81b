import Glibc
import Tensors
import Testing

/// Scores and logits that are capped.
struct SoftcapTests {
    @Test(arguments: [(Float(1), Float(1)), (0.25, 50), (1, 30), (7, 0.01)])
    func softcap_agreesWithDouble(_ scale: Float, _ cap: Float) {
        let x = Array(
            stride(from: -12 * cap / scale, through: 12 * cap / scale, by: cap / scale / 617))
        let matrix = Matrix([x])
        softcap(matrix.view, scale: scale, at: cap)
        for (found, x) in zip(matrix.view.all, x) {
            let exact = Double(cap) * tanh(Double(scale / cap) * Double(x))
            #expect(abs(Double(found) - exact) <= 5 * Double(Float(exact).ulp), "\(x)")
        }
    }

    @Test func softcap_atExtremes() {
        let matrix = Matrix([[0, -0.0, 1e30, -1e30, .infinity, -.infinity, 1e-30, -1e-30, 3e38]])
        softcap(matrix.view, at: 2)
        #expect(matrix.view.all == [0, 0, 2, -2, 2, -2, 1e-30, -1e-30, 2])
        let undefined = Matrix([[.nan, 1]])
        softcap(undefined.view, at: 2)
        #expect(undefined.view.all[0].isNaN)
    }
}
