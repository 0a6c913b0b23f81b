import CLinux

/// Makes the allocator map every large block by itself, so that its memory goes back when it is
/// freed: mallopt(3).
///
/// Left alone, glibc raises this threshold to 32 MiB as large blocks come and go, and the weights
/// of block after block leave holes in the heap: 5 MB for each block of SmolLM2-135M.
package func mapLargeAllocations() { _ = stade_set_mmap_threshold(256 << 10) }

/// Gives what was freed back to the system: malloc_trim(3). Small blocks, as a tokenizer's, stay
/// with the allocator otherwise and count as the process's memory to its end.
package func releaseFreedMemory() { _ = malloc_trim(0) }
