import Documents
import Posix

/// The files beside a `tokenizer.json`, which may add tokens to it.
///
/// Source: `PreTrainedTokenizerBase._from_pretrained` and `TokenizersBackend.__init__` of
/// transformers 5.23. An id in these files only orders what is added: see `AddedTokens`.
struct TokenizerSettings: Sendable {
    let tokenizerClass: TokenizerClass
    /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`; null where
    /// absent.
    let config: Field
    let specialTokens: Field
    let added: Field
    /// Where there is no `tokenizer.json`: tokens of the model that are looked for in a text first,
    /// unless other files list some; and special tokens that the model names.
    var ofModel: [AddedTokens.Entry] = []
    var namedByModel: [(key: String, content: String)] = []

    private static let standardKeys = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    private var defaults: [(key: String, content: String)] {
        namedByModel + tokenizerClass.defaults
    }

    /// The tokens that are added to the model's, in the order and in the groups in which they are.
    ///
    /// - Parameter stored: `added_tokens` of `tokenizer.json`.
    func groups(_ stored: [AddedTokens.Entry]) throws(DocumentError) -> [[AddedTokens.Entry]] {
        if try config["split_special_tokens"].bool(default: false) {
            throw config["split_special_tokens"].error("true is not supported; remove it")
        }
        let special = try SpecialTokens(self)
        let listed = try listed(stored, special)
        let file = tokenizerClass.takesFile ? stored : []
        let known = Set(file.map(\.token))
        var added = listed.filter { !known.contains($0.token) }
        var contents = Set((file + added).map(\.token.content))
        for entry in special.all where contents.insert(entry.token.content).inserted {
            added.append(entry)
        }
        var groups = [file, added]
        if tokenizerClass.addsSpecialAgain {
            groups.append(
                special.all.map {
                    (
                        AddedToken(special: String(decoding: $0.token.content, as: UTF8.self)),
                        $0.place
                    )
                })
        }
        return groups
    }

    /// What the other files list, by id.
    private func listed(
        _ stored: [AddedTokens.Entry], _ special: SpecialTokens
    ) throws(DocumentError) -> [AddedTokens.Entry] {
        var result: [Int: AddedTokens.Entry] = [:]
        if config["added_tokens_decoder"].node != nil {
            for (key, place) in try config["added_tokens_decoder"].children() {
                guard let id = Int(key) else { throw place.error("the key is no token id") }
                result[id] = (try AddedToken(settings: place), place)
            }
        } else {
            for (key, place) in try added.isNull ? [] : added.children() {
                let token = AddedToken(key, isSpecial: special.ofAddedTokens.contains(key))
                let id = try Int(place.token())
                result[id] = (token, place)
            }
            for entry in stored {
                let id = try Int(entry.place["id"].token())
                result[id] = entry
            }
        }
        return result.sorted { $0.key < $1.key }.map(\.value)
    }
}

extension TokenizerSettings {
    /// What is put before and after a text where no `tokenizer.json` says it.
    func around() throws(DocumentError) -> (before: [UInt8]?, after: [UInt8]?) {
        let named = try SpecialTokens(self).named
        return (
            try config["add_bos_token"].bool(default: false) ? named["bos_token"] : nil,
            try config["add_eos_token"].bool(default: false) ? named["eos_token"] : nil
        )
    }

    /// The text of a named special token; nil: it has none.
    func named(_ key: String) throws(DocumentError) -> [UInt8]? {
        try SpecialTokens(self).named[key]
    }

    /// The special tokens of all files, named and further ones.
    private struct SpecialTokens {
        private(set) var all: [AddedTokens.Entry] = []
        /// Those that are special in `added_tokens.json`, too.
        private(set) var ofAddedTokens: Set<String> = []
        /// Texts of those with a name of the standard.
        private(set) var named: [String: [UInt8]] = [:]

        init(_ settings: TokenizerSettings) throws(DocumentError) {
            let config = settings.config
            // Later ones win; with a file's own way to write a token.
            var named: [(key: String, place: Field, isMap: Bool)] = []
            for (key, place) in try config.isNull ? [] : config.children() {
                named.append((key, place, false))
            }
            var further = try Self.further(config)
            var aside: Field?
            if config["added_tokens_decoder"].node == nil, !settings.specialTokens.isNull {
                let map = settings.specialTokens
                let members = try map.children()
                let keys = Set(members.map(\.key))
                named.removeAll { keys.contains($0.key) }
                named += members.map { ($0.key, $0.field, true) }
                if map["extra_special_tokens"].node?.array != nil {
                    further = (further ?? []) + (try map["extra_special_tokens"].elements())
                } else if map["extra_special_tokens"].node?.members != nil {
                    further = nil
                    try add(objectOf: map["extra_special_tokens"])
                }
                if !map["additional_special_tokens"].isNull {
                    aside = map["additional_special_tokens"]
                }
            }
            try addNamed(named, settings)
            for key in ["extra_special_tokens", "additional_special_tokens"]
            where config[key].node?.members != nil { try add(objectOf: config[key]) }
            let isFurther = further != nil
            for place in further ?? [] {
                let token = try Self.token(place, isMap: false)
                all.append((token, place))
                ofAddedTokens.insert(String(decoding: token.content, as: UTF8.self))
            }
            if !isFurther, !settings.ofModel.isEmpty {
                all += settings.ofModel
            } else if !isFurther, let aside {
                for place in try aside.elements() {
                    all.append((try Self.token(place, isMap: false), place))
                }
            }
        }

        /// The list of `tokenizer_config.json`; nil where it has none.
        private static func further(_ config: Field) throws(DocumentError) -> [Field]? {
            let extra = config["extra_special_tokens"]
            if let array = extra.node?.array, !array.isEmpty { return try extra.elements() }
            if extra.node?.members?.isEmpty == false { return nil }
            let additional = config["additional_special_tokens"]
            if additional.node != nil {
                if additional.isNull || additional.node?.members != nil { return [] }
                return try additional.elements()
            }
            return extra.node == nil || extra.node?.members != nil ? nil : []
        }

        private mutating func addNamed(
            _ named: [(key: String, place: Field, isMap: Bool)], _ settings: TokenizerSettings
        ) throws(DocumentError) {
            for key in TokenizerSettings.standardKeys {
                if let found = named.last(where: { $0.key == key }) {
                    if found.place.isNull { continue }
                    let token = try TokenizerSettings.SpecialTokens.token(
                        found.place, isMap: found.isMap)
                    all.append((token, found.place))
                    self.named[key] = token.content
                    ofAddedTokens.insert(String(decoding: token.content, as: UTF8.self))
                } else if let value = settings.defaults.first(where: { $0.key == key }) {
                    all.append((AddedToken(special: value.content), settings.config))
                    self.named[key] = Array(value.content.utf8)
                }
            }
            // Objects first, as they are found later there than strings.
            let others = named.filter {
                $0.key.hasSuffix("_token") && !TokenizerSettings.standardKeys.contains($0.key)
            }
            for other in others where other.isMap || other.place.node?.string == nil {
                guard other.place.node?.string != nil || other.place.node?.members != nil else {
                    continue
                }
                all.append(
                    (
                        try TokenizerSettings.SpecialTokens.token(
                            other.place, isMap: other.isMap), other.place
                    ))
            }
            for other in others where !other.isMap {
                guard let text = other.place.node?.string else { continue }
                all.append((AddedToken(special: text), other.place))
            }
        }

        /// Named tokens of the model's own.
        private mutating func add(objectOf field: Field) throws(DocumentError) {
            for (_, place) in try field.children() {
                all.append((try Self.token(place, isMap: false), place))
            }
        }

        /// A string, or an object that says that it is a token; those of `special_tokens_map.json`
        /// need not say it.
        private static func token(_ place: Field, isMap: Bool) throws(DocumentError) -> AddedToken {
            if let text = place.node?.string { return AddedToken(special: text) }
            guard place.node?.members != nil,
                isMap || place["__type"].node?.string == "AddedToken"
            else { throw place.expected("a token's text, or an object of __type AddedToken,") }
            return try AddedToken(settings: place, isSpecial: isMap)
        }
    }
}
