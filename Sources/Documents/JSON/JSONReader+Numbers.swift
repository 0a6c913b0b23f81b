import Posix

extension JSONReader {
    mutating func number() throws(DocumentError) -> Node.Value {
        let start = offset
        let isNegative = byte == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        var integer = 0
        var overflow = false
        let digits = offset
        while let digit = self.digit {
            if offset > digits, bytes[digits] == UInt8(ascii: "0") {
                throw source.error(
                    "found a number with a leading zero; expected one without", offset: start)
            }
            let (tenfold, first) = integer.multipliedReportingOverflow(by: 10)
            // Downwards, because there is one more negative integer than there are positive ones.
            let (sum, second) = tenfold.subtractingReportingOverflow(digit)
            integer = sum
            overflow = overflow || first || second
            offset += 1
        }
        if offset == digits { throw unexpected("a digit") }
        var isInteger = true
        if byte == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try skipDigits()
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isInteger = false
            offset += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { offset += 1 }
            try skipDigits()
        }
        if isInteger, !overflow, isNegative || integer != .min {
            return .integer(isNegative ? integer : -integer)
        }
        let spelling = text(start..<offset)
        let found = readsAsSerde ? SerdeNumber.value(spelling) : Double(spelling)
        guard let number = found, number.isFinite else {
            throw source.error(
                "found \(escaped(spelling, limit: 32)), which is beyond what a number "
                    + "can hold (1.8e308)", offset: start)
        }
        return .number(number)
    }

    private var digit: Int? {
        let digit = byte &- UInt8(ascii: "0")
        return digit <= 9 ? Int(digit) : nil
    }

    private mutating func skipDigits() throws(DocumentError) {
        let start = offset
        while digit != nil { offset += 1 }
        if offset == start { throw unexpected("a digit") }
    }
}
