import Checkpoint
import Glibc
import TestSupport
import Testing

/// Archives whose directory lies: each is refused, and within a second.
struct ZipTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        /// Must be in the message.
        let words: String

        init(_ name: String, _ bytes: [UInt8], _ words: String) {
            testDescription = name
            self.bytes = bytes
            self.words = words
        }
    }

    private static let zip = StoredZip(
        pickle: PickleText.of(PickleText.tensor()), storages: [("0", pattern(8, seed: 1))])

    /// Where in the file of `zip` the records are that begin with these two bytes.
    private static func records(_ bytes: [UInt8], _ a: UInt8, _ b: UInt8) -> [Int] {
        bytes.indices.filter { bytes[$0...].starts(with: [0x50, 0x4B, a, b]) }
    }

    /// One field of an entry in the directory of `zip`.
    private static func entry(
        _ number: Int, _ field: Int, _ value: some FixedWidthInteger, isLarge: Bool = false
    ) -> [UInt8] {
        var zip = zip
        zip.isLarge = isLarge
        return patched(zip.bytes, 1, 2, number, field, value)
    }

    private static func patched(
        _ bytes: [UInt8], _ a: UInt8, _ b: UInt8, _ number: Int, _ field: Int,
        _ value: some FixedWidthInteger
    ) -> [UInt8] {
        var bytes = bytes
        let place = records(bytes, a, b)[number] + field
        bytes.replaceSubrange(
            place..<(place + value.bitWidth / 8), with: TestSupport.bytes(value))
        return bytes
    }

    /// One field of the record at the end.
    private static func end(_ field: Int, _ value: some FixedWidthInteger) -> [UInt8] {
        patched(zip.bytes, 5, 6, 0, field, value)
    }

    /// Sizes of 64 bits in the extra field of the last entry, behind its name `m/data/0`.
    private static func large(_ field: Int, _ value: UInt64) -> [UInt8] {
        entry(2, 46 + 8 + 4 + 8 * field, value, isLarge: true)
    }

    /// Both sizes of an entry.
    private static func sized(_ number: Int, _ size: UInt32) -> [UInt8] {
        patched(entry(number, 20, size), 1, 2, number, 24, size)
    }

    private static func second(_ number: Int) -> UInt32 {
        UInt32(records(zip.bytes, 3, 4)[number])
    }

    private static let cases: [Case] = [
        Case("data beyond the file", sized(2, 1 << 30), "cut short"),
        Case("data within the directory", sized(2, 60), "cut short"),
        Case("size of -1", sized(2, 0xFFFF_FFFF), "cut short"),
        Case("size of -2", sized(2, 0xFFFF_FFFE), "cut short"),
        Case("large size of -1", large(0, .max), "compressed"),
        Case("large size that overflows", patchedLarge(1 << 63), "cut short"),
        Case("large place that overflows", large(2, UInt64(Int.max)), "cut short"),
        Case("large place of -1", large(2, .max), "cut short"),
        Case("bomb: a size that unpacks", entry(2, 24, 0x7FFF_FFFF as UInt32), "compressed"),
        Case("bomb: deflated", entry(2, 10, 8 as UInt16), "compressed"),
        Case("unknown way to pack", entry(0, 10, 99 as UInt16), "compressed"),
        Case("encrypted", entry(0, 8, 1 as UInt16), "encrypted"),
        Case("entries overlap", entry(2, 42, second(0)), "cut short"),
        Case(
            "an entry reaches into the next", sized(0, UInt32(zip.entries[0].bytes.count + 9)),
            "overlap"),
        Case("an entry takes the next whole", sized(1, 40), "overlap"),
        Case("place within a header", entry(2, 42, second(2) + 1), "cut short"),
        Case("place in the directory", entry(2, 42, UInt32(zip.bytes.count - 22)), "cut short"),
        Case("long name", entry(2, 28, 0xFFFF as UInt16), "cut short"),
        Case("name cut short", entry(2, 28, 7 as UInt16), "cut short"),
        Case("long extra field", entry(2, 30, 0xFFFF as UInt16), "cut short"),
        Case("long comment", entry(2, 32, 0xFFFF as UInt16), "cut short"),
        Case("fewer entries", twice(2), "cut short"),
        Case("more entries", twice(4), "cut short"),
        Case("65535 entries", twice(0xFFFF), "cut short"),
        Case("several parts", end(4, 1 as UInt16), "several parts"),
        Case("part of the entries", end(8, 1 as UInt16), "several parts"),
        Case("long directory", end(12, 0xFFFF_FFFE as UInt32), "cut short"),
        Case("short directory", end(12, 50 as UInt32), "cut short"),
        Case("far directory", end(16, 0xFFFF_FFF0 as UInt32), "cut short"),
        Case("directory at the start", end(16, 0 as UInt32), "cut short"),
        Case("long comment at the end", end(20, 9 as UInt16), "cut short"),
        Case(
            "other name at the data", patched(zip.bytes, 3, 4, 2, 30, 0x58 as UInt8), "cut short"),
        Case(
            "long name at the data", patched(zip.bytes, 3, 4, 2, 26, 0xFFFF as UInt16),
            "cut short"),
        Case(
            "long extra field at the data", patched(zip.bytes, 3, 4, 2, 28, 0xFFFF as UInt16),
            "cut short"),
        Case("many entries", many, "entries in the archive; at most"),
    ]

    private static func twice(_ count: UInt16) -> [UInt8] {
        patched(end(8, count), 5, 6, 0, 10, count)
    }

    private static func patchedLarge(_ size: UInt64) -> [UInt8] {
        patched(large(0, size), 1, 2, 2, 46 + 8 + 4 + 8, size)
    }

    /// Of a record in 64 bits; there are none of them.
    private static var many: [UInt8] {
        var zip = zip
        zip.isLarge = true
        let count: UInt64 = 1 << 40
        return patched(patched(zip.bytes, 6, 6, 0, 24, count), 6, 6, 0, 32, count)
    }

    @Test(arguments: cases)
    func archive_isRefused(_ wrong: Case) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try scratch.write("pytorch_model.bin", wrong.bytes)
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        let begin = time.tv_sec
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        #expect(time.tv_sec - begin <= 1)
        #expect(error.exitCode == .data)
        let text = error.description
        #expect(text.contains(wrong.words), "\(wrong.words) is not in: \(text)")
        #expect(!text.contains("\n") && text.utf8.count < 1000)
    }

    /// What the cases change is taken as it stands.
    @Test(arguments: [false, true])
    func archive_isTaken(_ isLarge: Bool) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        var zip = Self.zip
        zip.isLarge = isLarge
        try scratch.write("pytorch_model.bin", zip.bytes)
        #expect(try Checkpoint(directory: scratch.path).tensorNames == ["w"])
    }
}
