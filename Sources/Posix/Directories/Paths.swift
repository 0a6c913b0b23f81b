/// `directory` and `path` with one slash between them.
package func joined(_ directory: String, _ path: String) -> String {
    if path.isEmpty { return directory }
    return directory.hasSuffix("/") ? directory + path : directory + "/" + path
}

/// The names of a path one after the other, `.` left out. As the kernel does it, by bytes: a slash
/// with an accent behind it is a slash.
package func pathNames(_ path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }.filter { $0 != "." }
}

/// The last of these names; nil where there is none.
package func lastName(_ path: String) -> String? { pathNames(path).last }

/// The path of the directory that the last name is in; empty where that is the working directory.
package func parentPath(_ path: String) -> String {
    (path.utf8.first == UInt8(ascii: "/") ? "/" : "")
        + pathNames(path).dropLast().joined(separator: "/")
}
