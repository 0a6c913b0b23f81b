/// What plain text means: YAML 1.2.2, section 10.3.2, without leading zeros and octal numbers.
enum CoreSchema {
    /// Why text that looks like a number is none here.
    enum Refusal: Error {
        case leadingZero
        case octal
        case tooLarge

        var words: String {
            switch self {
            case .leadingZero:
                "a number with a leading zero; expected one without, or text in quotes"
            case .octal: "an octal number; expected a decimal one, or text in quotes"
            case .tooLarge:
                "a number that is too large; expected an integer up to \(Int.max) or a number "
                    + "up to 1.8e308"
            }
        }
    }

    static func resolve(_ text: String) -> Result<Node.Value, Refusal> {
        switch text {
        case "", "~", "null", "Null", "NULL": return .success(.null)
        case "true", "True", "TRUE": return .success(.bool(true))
        case "false", "False", "FALSE": return .success(.bool(false))
        case ".nan", ".NaN", ".NAN": return .success(.number(.nan))
        default: break
        }
        var rest = Array(text.utf8)[...]
        let sign = rest.first
        let isSigned = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
        if isSigned { rest.removeFirst() }
        if !isSigned, rest.starts(with: "0x".utf8), rest.count > 2,
            rest.dropFirst(2).allSatisfy(isHexadecimal)
        {
            return Int(text.dropFirst(2), radix: 16).map { .success(.integer($0)) }
                ?? .failure(.tooLarge)
        }
        if !isSigned, rest.starts(with: "0o".utf8), rest.count > 2,
            rest.dropFirst(2).allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
        {
            return .failure(.octal)
        }
        if [".inf", ".Inf", ".INF"].contains(where: { rest.elementsEqual($0.utf8) }) {
            return .success(.number(sign == UInt8(ascii: "-") ? -.infinity : .infinity))
        }
        return number(text, rest) ?? .success(.string(text))
    }

    /// `[0-9]+` or `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` after the sign; nil for
    /// anything else.
    private static func number(
        _ text: String, _ unsigned: ArraySlice<UInt8>
    ) -> Result<Node.Value, Refusal>? {
        let whole = unsigned.prefix(while: isDigit)
        var rest = unsigned.dropFirst(whole.count)
        let isInteger = rest.isEmpty
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
        }
        if whole.isEmpty, fraction.isEmpty { return nil }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
                rest.removeFirst()
            }
            if rest.isEmpty { return nil }
            rest = rest.drop(while: isDigit)
        }
        guard rest.isEmpty else { return nil }
        if whole.count > 1, whole.first == UInt8(ascii: "0") { return .failure(.leadingZero) }
        if isInteger { return Int(text).map { .success(.integer($0)) } ?? .failure(.tooLarge) }
        // `Double` wants a digit on both sides of the point.
        var spelling = text.hasPrefix("-") ? "-" : ""
        spelling += whole.isEmpty ? "0" : String(decoding: whole, as: UTF8.self)
        spelling += "." + (fraction.isEmpty ? "0" : String(decoding: fraction, as: UTF8.self))
        if let exponent = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
            spelling += text[exponent...]
        }
        guard let number = Double(spelling), number.isFinite else { return .failure(.tooLarge) }
        return .success(.number(number))
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
