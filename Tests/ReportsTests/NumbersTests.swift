import Testing

@testable import Reports

/// How numbers are written in reports, and on the axes of their charts.
struct NumbersTests {
    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func number_thatIsNone_isWords(_ value: Double) {
        #expect(short(value) == "not finite" && fixed(value, 2) == "not finite")
        #expect(data(value, "x") == "x" && data(value) == "not finite")
    }

    @Test(arguments: [
        (20.8171, "20.82"), (0, "0"), (0.000012, "1.2e-5"), (-3.14159, "-3.142"),
        (12345.6, "12346"),
        (.infinity, "not finite"), (0.999_999_4, "1.0000"), (2.5e12, "2.5e12"),
    ])
    func short_keepsDigitsThatCount(_ value: Double, _ text: String) {
        #expect(short(value) == text)
    }

    @Test(arguments: [
        (42.0478, 0.8742, "42.05 ± 0.87"), (318.868, 30.2516, "318.9 ± 30.3"),
        (20.8171, 0.00021, "20.82 ± 0.00021"), (20.8171, 0, "20.82 ± 0.00"),
        (20.8171, nil, "20.82"), (12345.6, 78.9, "12346 ± 79"),
    ])
    func error_hasTheDecimalsOfItsNumber(_ value: Double, _ error: Double?, _ text: String) {
        #expect(Measured(value: value, error: error).text == text)
    }

    @Test(arguments: [
        (999, "999"), (1_576_960, "1,576,960"), (12_345_678, "12.3 million"),
        (106_168_320, "106 million"), (6_607_077_376, "6.61 billion"),
    ])
    func counted_isInWordsWhereItIsLong(_ value: Int, _ text: String) {
        #expect(counted(value) == text)
    }

    @Test(arguments: [
        (0.12345, "0.123"), (999.4, "999"), (35_480.3, "35,480"), (.infinity, "not finite"),
    ])
    func rounded_isInGroupsFromAThousandOn(_ value: Double, _ text: String) {
        #expect(rounded(value) == text)
    }

    @Test(arguments: [("0.0200", "0.02"), ("10.0", "10"), ("100", "100"), ("1.0e-5", "1.0e-5")])
    func trimmed_hasNoZerosAtTheEnd(_ text: String, _ expected: String) {
        #expect(trimmed(text) == expected)
    }

    @Test(arguments: [
        (0.01, 0.5), (0.02, 0.02), (1e-9, 2.0), (0.1, 1.0), (3e-4, 4e-4), (1e-300, 1e300),
        (0.5, 0.7),
    ])
    func logarithmicTicks_spanTheRange(_ low: Double, _ high: Double) {
        let ticks = Chart.logarithmicTicks(low, high)
        #expect((2...8).contains(ticks.count), "\(ticks)")
        #expect((ticks.first ?? .infinity) <= low * 1.000001)
        #expect((ticks.last ?? 0) >= high * 0.999999)
        #expect(ticks == ticks.sorted())
    }

    @Test(arguments: [(0.0, 1.0), (0.0, 0.0), (-3.0, 7.5), (1e-9, 2e-9), (20.0, 1e6), (5.0, 5.0)])
    func ticks_spanTheRange(_ low: Double, _ high: Double) {
        let ticks = Chart.ticks(low, high, count: 4)
        #expect((2...8).contains(ticks.count))
        #expect((ticks.first ?? .infinity) <= low + 1e-12 && (ticks.last ?? 0) >= high - 1e-12)
    }
}
