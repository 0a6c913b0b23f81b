import Documents
import Testing

/// Scores of a `tokenizer.model` as tokenizers 0.23 has them, to which transformers hands them.
@Suite struct SerdeNumberTests {
    @Test(arguments: [
        (-7.2953619956970215, -7.295361995697021), (-9.790473937988281, -9.79047393798828),
        (-7.01451301574707, -7.01451301574707), (0, 0), (-1, -1), (1e-7, 1e-7),
    ])
    func value_isWhatTheLibraryReads(_ number: Double, _ read: Double) {
        #expect(SerdeNumber.value(number) == read)
    }
}
