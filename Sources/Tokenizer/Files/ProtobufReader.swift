/// Reads the fields of one message of Protocol Buffers, one after the other, within its bytes.
///
/// Source: the wire format in the Protocol Buffers documentation, "Encoding". Groups, which no
/// tokenizer has, are refused.
struct ProtobufReader {
    enum Value {
        case integer(UInt64)
        case float(Float)
        case double(Double)
        case bytes(Range<Int>)
    }

    struct Failure: Error {
        let offset: Int
        let reason: String
    }

    private let bytes: [UInt8]
    private(set) var offset: Int
    private let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next field's number and value; nil at the end.
    mutating func next() throws(Failure) -> (field: UInt64, value: Value)? {
        guard offset < end else { return nil }
        let start = offset
        let tag = try varint()
        guard tag >> 3 > 0 else { throw Failure(offset: start, reason: "a field has the number 0") }
        switch tag & 7 {
        case 0: return (tag >> 3, .integer(try varint()))
        case 1: return (tag >> 3, .double(Double(bitPattern: try fixed(8))))
        case 2:
            let length = try varint()
            guard length <= UInt64(end - offset) else {
                throw Failure(offset: start, reason: "a field is longer than what holds it")
            }
            let range = offset..<(offset + Int(length))
            offset = range.upperBound
            return (tag >> 3, .bytes(range))
        case 5: return (tag >> 3, .float(Float(bitPattern: UInt32(try fixed(4)))))
        default:
            throw Failure(offset: start, reason: "a field has the unknown wire type \(tag & 7)")
        }
    }

    private mutating func varint() throws(Failure) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < end else { throw Failure(offset: start, reason: "a number is cut off") }
            let byte = UInt64(bytes[offset])
            offset += 1
            value |= shift == 63 && byte > 1 ? 0 : (byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Failure(offset: start, reason: "a number has more than ten bytes")
    }

    private mutating func fixed(_ count: Int) throws(Failure) -> UInt64 {
        guard end - offset >= count else {
            throw Failure(offset: offset, reason: "a number is cut off")
        }
        defer { offset += count }
        return (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
}
