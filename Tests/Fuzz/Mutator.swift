import Pipeline

/// Makes a file that is not quite valid of one that is. Everything comes from the generator.
struct Mutator {
    var random: SplitMix64
    /// Longer files are of no use here.
    private static let maximumSize = 4 << 20

    init(seed: UInt64, number: Int) {
        random = SplitMix64(seed: seed &+ UInt64(number) &* 0x9e37_79b9_7f4a_7c15)
        _ = random.next()
    }

    mutating func below(_ bound: Int) -> Int { bound < 1 ? 0 : random.below(UInt64(bound)) }

    mutating func any<T>(_ list: [T]) -> T { list[below(list.count)] }

    /// One to four changes, seldom more.
    mutating func mutate(_ seeds: [[UInt8]], as form: Target.Form) -> [UInt8] {
        var bytes = any(seeds)
        let count = below(12) == 0 ? 5 + below(40) : 1 + below(4)
        for _ in 0..<count {
            switch form {
            case .text: bytes = below(6) == 0 ? binary(bytes, seeds) : text(bytes, seeds)
            case .binary: bytes = binary(bytes, seeds)
            case .pickle: bytes = below(5) == 0 ? binary(bytes, seeds) : pickle(bytes, seeds)
            case .protobuf: bytes = below(6) == 0 ? binary(bytes, seeds) : protobuf(bytes, seeds)
            case .safetensors: bytes = below(4) == 0 ? binary(bytes, seeds) : header(bytes, seeds)
            }
            if bytes.count > Self.maximumSize { bytes = Array(bytes[..<Self.maximumSize]) }
        }
        return bytes
    }

    /// A place, a length at most `limit`.
    mutating func range(_ count: Int, limit: Int) -> Range<Int> {
        let start = below(count + 1)
        // Short ones are more interesting.
        let length = below(1 + below(min(limit, count - start) + 1))
        return start..<(start + length)
    }

    mutating func binary(_ bytes: [UInt8], _ seeds: [[UInt8]]) -> [UInt8] {
        var bytes = bytes
        guard !bytes.isEmpty else { return any(seeds) }
        // Most of what decides is at the beginning.
        let place = below(2) == 0 ? below(min(bytes.count, 64)) : below(bytes.count)
        switch below(9) {
        case 0: bytes[place] ^= 1 << UInt8(below(8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: below(256))
        case 2: bytes.removeSubrange(range(bytes.count, limit: 4096))
        case 3: bytes.removeLast(below(bytes.count + 1))
        case 4:
            let part = Array(bytes[range(bytes.count, limit: 4096)])
            for _ in 0...below(8) { bytes.insert(contentsOf: part, at: place) }
        case 5:
            let other = any(seeds)
            bytes = Array(bytes[..<place]) + other[range(other.count, limit: other.count)]
        case 6:
            // An integer of one to eight bytes.
            let value = any([0, 1, 0x7f, 0x80, 0xff, 1 << 31, 1 << 32, .max, .min, -1])
            for i in 0..<min(1 << below(4), bytes.count - place) {
                bytes[place + i] = UInt8(truncatingIfNeeded: value >> (8 * i))
            }
        case 7: bytes += any(seeds).prefix(below(4096))
        default:
            let hole = range(bytes.count, limit: 4096)
            for i in hole { bytes[i] = 0 }
        }
        return bytes
    }

    /// The JSON at the beginning of a safetensors file; mostly with the length that fits it.
    private mutating func header(_ bytes: [UInt8], _ seeds: [[UInt8]]) -> [UInt8] {
        func length(_ bytes: [UInt8]) -> Int? {
            guard bytes.count >= 8 else { return nil }
            let value = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
            return Int(exactly: value).flatMap { $0 <= bytes.count - 8 ? $0 : nil }
        }
        guard let count = length(bytes) else { return any(seeds) }
        let others = seeds.compactMap { seed in length(seed).map { Array(seed[8..<(8 + $0)]) } }
        let json = text(Array(bytes[8..<(8 + count)]), others)
        let stated = below(8) == 0 ? below(2 * json.count + 1) : json.count
        return (0..<8).map { UInt8(truncatingIfNeeded: stated >> (8 * $0)) } + json
            + bytes[(8 + count)...]
    }
}
